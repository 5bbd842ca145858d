"""From concentrations in plasma to blocked NMDA receptors.  No state: block follows at once.

Ketamine enters the open pore, where magnesium also binds, and is trapped when the channel closes.
At a fixed voltage that scheme blocks exactly as competition for one site does, however often the
channel opens; the proof and the kinetic scheme are in tests/oracles/test_trapping_block.py.
No number stands here: values come from library/receptors/nmda.yaml.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from antalgic import yamlfile
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.model.step import Step, step
from antalgic.model.values import changed, quantity, read, together
from antalgic.sources import Value

Values = tuple[tuple[Any, ...], tuple[Any, ...]]
Subunit = Literal["GluN2A", "GluN2B", "GluN2C", "GluN2D"]

LIBRARY = "receptors/nmda.yaml"


@step(
    states={},
    inputs={"C": "ng/mL"},
    parameters={"S_share": "1"},
    outputs={"C_S": "ng/mL", "C_R": "ng/mL"},
)
def enantiomers(C: Any, S_share: Any) -> Values:
    """A racemic concentration as its S and R parts."""
    return (), (S_share * C, (1 - S_share) * C)


@step(
    states={},
    inputs={"C_S": "ng/mL", "C_R": "ng/mL", "C_SN": "ng/mL", "C_RN": "ng/mL", "C_M": "ng/mL"},
    parameters={
        "phi": "1", "n": "1", "Mg": "umol/L",
        "fu_K": "1", "fu_N": "1", "fu_M": "1", "M_K": "g/mol", "M_N": "g/mol", "M_M": "g/mol",
        "c_S": "1", "c_R": "1", "c_SN": "1", "c_RN": "1",
        "IC50_phasic": "umol/L", "IC50_M_phasic": "umol/L", "K_Mg_phasic": "umol/L",
        "IC50_tonic": "umol/L", "IC50_M_tonic": "umol/L", "K_Mg_tonic": "umol/L",
        "V_phasic": "mV", "V_tonic": "mV",
        "V_ref": "mV", "delta": "1", "V_T2": "mV", "V_Mg2": "mV",
    },
    outputs={"B_phasic": "1", "B_tonic": "1"},
)  # fmt: skip
def nmda_block(
    C_S: Any, C_R: Any, C_SN: Any, C_RN: Any, C_M: Any,
    phi: Any, n: Any, Mg: Any,
    fu_K: Any, fu_N: Any, fu_M: Any, M_K: Any, M_N: Any, M_M: Any,
    c_S: Any, c_R: Any, c_SN: Any, c_RN: Any,
    IC50_phasic: Any, IC50_M_phasic: Any, K_Mg_phasic: Any,
    IC50_tonic: Any, IC50_M_tonic: Any, K_Mg_tonic: Any,
    V_phasic: Any, V_tonic: Any, V_ref: Any, delta: Any, V_T2: Any, V_Mg2: Any,
) -> Values:  # fmt: skip
    """Share of the NMDA current blocked, phasic (volleys) and tonic: B = x^n / (1 + x^n).

    C in plasma, ng/mL: S- and R-ketamine, S- and R-norketamine, memantine.  x adds the free
    concentrations over IC50(V, Mg) = IC50 2^(delta (V - V_ref)/V_T2) (1 + Mg/K_Mg(V)), with
    K_Mg(V) = K_Mg 2^((V - V_ref)/V_Mg2); IC50 and K_Mg hold at V_ref, Jahr & Stevens 1990.
    c is the IC50 of a ligand over that of racemic ketamine, phi the potency in the body over that
    in the dish.  Powers of two, because `**` is one operator for floats, arrays and symbols.
    """
    p_K, p_N, p_M = phi * fu_K / M_K, phi * fu_N / M_N, phi * fu_M / M_M
    Mg_phasic = Mg / K_Mg_phasic * 2 ** ((V_ref - V_phasic) / V_Mg2)
    Mg_tonic = Mg / K_Mg_tonic * 2 ** ((V_ref - V_tonic) / V_Mg2)
    gain_phasic = 2 ** (delta * (V_ref - V_phasic) / V_T2) / (1 + Mg_phasic)
    gain_tonic = 2 ** (delta * (V_ref - V_tonic) / V_T2) / (1 + Mg_tonic)
    relative = p_K * (C_S / c_S + C_R / c_R) + p_N * (C_SN / c_SN + C_RN / c_RN)
    x_phasic = gain_phasic * (relative / IC50_phasic + p_M * C_M / IC50_M_phasic)
    x_tonic = gain_tonic * (relative / IC50_tonic + p_M * C_M / IC50_M_tonic)
    X_phasic, X_tonic = x_phasic**n, x_tonic**n
    return (), (X_phasic / (1 + X_phasic), X_tonic / (1 + X_tonic))


@step(
    states={"Ce": "ng/mL"},
    inputs={"C": "mg/L"},
    parameters={"ke0": "1/h"},
    outputs={"Ce": "ng/mL"},
)
def effect_site(Ce: Any, C: Any, ke0: Any) -> Values:
    """A site that follows the plasma concentration with rate constant ke0."""
    return (ke0 * (1000 * C - Ce),), (Ce,)


@step(
    states={},
    inputs={
        "C_S": "ng/mL", "C_R": "ng/mL", "C_SN": "ng/mL", "C_RN": "ng/mL",
        "x_phasic": "1", "x_tonic": "1",
    },
    parameters={
        "K_phasic": "ng/mL", "K_tonic": "ng/mL", "p_R": "1", "p_SN": "1", "p_RN": "1",
    },
    outputs={"B_phasic": "1", "B_tonic": "1"},
)  # fmt: skip
def channel_block(
    C_S: Any, C_R: Any, C_SN: Any, C_RN: Any, x_phasic: Any, x_tonic: Any,
    K_phasic: Any, K_tonic: Any, p_R: Any, p_SN: Any, p_RN: Any,
) -> Values:  # fmt: skip
    """`nmda_block` of one body, in total concentrations: half block K of S-ketamine, ng/mL.

    p is the potency of a ligand, ng for ng, over that of S-ketamine.  `half_block` takes K and p
    from `nmda_block`, which they replace in a model that is solved in time.  x is what other
    blockers add: their free levels over their half-blocking ones.
    """
    C = C_S + p_R * C_R + p_SN * C_SN + p_RN * C_RN
    phasic, tonic = C + K_phasic * x_phasic, C + K_tonic * x_tonic
    return (), (phasic / (K_phasic + phasic), tonic / (K_tonic + tonic))


def half_block(**changes: ArrayLike | str) -> dict[str, NDArray[np.float64]]:
    """Parameters of `channel_block` from those of `nmda_block`, which may be changed by name.

    Raises InputError for an n other than 1: `channel_block` is the law of one site.

    >>> print(half_block()["K_phasic"].round(0))
    882.0
    """
    given: dict[str, Any] = dict(changes)
    if np.any(changed(parameters(), given, nmda_block.parameters, _MAY_BE_ZERO)["n"] != 1):
        raise InputError("expected 1: the block of a channel is the law of one site", field="n")
    inside = {ligand: block({ligand: 1.0}, **given) for ligand in _OF_CHANNEL.values()}
    x = {
        ligand: (b.phasic / (1 - b.phasic), b.tonic / (1 - b.tonic)) for ligand, b in inside.items()
    }
    phasic, tonic = x["s-ketamine"]
    potencies = {name: x[ligand][0] / phasic for name, ligand in _OF_CHANNEL.items() if name}
    return {"K_phasic": 1 / phasic, "K_tonic": 1 / tonic, **potencies}


_OF_CHANNEL = {
    "": "s-ketamine", "p_R": "r-ketamine", "p_SN": "s-norketamine", "p_RN": "r-norketamine",
}  # fmt: skip

#: Names under which a concentration may be given, and the inputs of `nmda_block` it goes to.
LIGANDS: Mapping[str, tuple[str, ...]] = {
    "s-ketamine": ("C_S",),
    "r-ketamine": ("C_R",),
    "ketamine": ("C_S", "C_R"),
    "s-norketamine": ("C_SN",),
    "r-norketamine": ("C_RN",),
    "norketamine": ("C_SN", "C_RN"),
    "memantine": ("C_M",),
}


@dataclass(frozen=True)
class Block:
    """Shares of NMDA current blocked, 0 to 1, by person."""

    phasic: NDArray[np.float64]
    tonic: NDArray[np.float64]


@cache
def parameters(phasic: str | None = None, tonic: str | None = None) -> Mapping[str, Value]:
    """Library values of every parameter of `nmda_block`, in its order and units.

    phasic and tonic name the subunits (GluN2A to GluN2D); without them the library's choice.
    """
    sites = yamlfile.library(LIBRARY).data["sites"]
    subunits = {
        "phasic": phasic or sites["phasic"]["subunit"],
        "tonic": tonic or sites["tonic"]["subunit"],
    }
    for name, subunit in subunits.items():
        _known(subunit, get_args(Subunit), "subunit", name)
    return {name: _read(name, unit, subunits) for name, unit in nmda_block.parameters.items()}


def block(
    concentrations: Mapping[str, ArrayLike | str],
    *,
    phasic: str | None = None,
    tonic: str | None = None,
    **changes: ArrayLike | str,
) -> Block:
    """Block by concentrations in plasma (ng/mL, or text with a unit), one person or many.

    Names are those of `LIGANDS`; "ketamine" and "norketamine" are racemic.  Subunits are chosen as
    in `parameters`, and any parameter of `nmda_block` may be changed (Mg in umol/L, V in mV).

    >>> print(block({"s-ketamine": 100}).phasic.round(3))
    0.102
    >>> print(block({"s-ketamine": [50, 200]}, phi=4, Mg="2 mM").phasic.round(3))
    [0.108 0.327]
    """
    values = changed(parameters(phasic, tonic), changes, nmda_block.parameters, _MAY_BE_ZERO)
    given: dict[str, NDArray[np.float64]] = {}
    for name, concentration in concentrations.items():
        _known(name, LIGANDS, "NMDA blocker", None)
        given[name] = quantity(concentration, "ng/mL", name)
    shape = together({**given, **values})
    inputs: dict[str, Any] = dict.fromkeys(nmda_block.inputs, 0.0)
    for name, C in given.items():
        for target, part in zip(LIGANDS[name], _parts(name, C), strict=True):
            inputs[target] = inputs[target] + part
    _, outputs = nmda_block(*inputs.values(), *values.values())
    B_phasic, B_tonic = (np.broadcast_to(np.asarray(b, dtype=float), shape) for b in outputs)
    return Block(B_phasic, B_tonic)


def ic50(
    ligand: str, subunit: str, *, V: ArrayLike | str = "-66 mV", Mg: ArrayLike | str = "1 mM"
) -> NDArray[np.float64]:
    """Free concentration (umol/L) of a ligand that blocks half of one subunit's current.

    V is the voltage (mV), Mg the concentration of free magnesium (umol/L).

    >>> print(ic50("ketamine", "GluN2A", Mg=0).round(3), ic50("ketamine", "GluN2A", V=-40).round(3))
    0.33 2.45
    """
    # All free and at a molar mass of 1 g/mol, 1 ng/mL is 1 umol/L and x = 1/IC50.
    bare = dict.fromkeys(("phi", "n", "fu_K", "fu_N", "fu_M", "M_K", "M_N", "M_M"), 1.0)
    settings: dict[str, Any] = {**bare, "V_phasic": V, "Mg": Mg}
    B = block({ligand: 1.0}, phasic=subunit, **settings).phasic
    found: NDArray[np.float64] = 1 / B - 1
    return found


def _parts(name: str, C: NDArray[np.float64]) -> tuple[Any, ...]:
    """A concentration as it goes to the inputs of `LIGANDS`."""
    if len(LIGANDS[name]) == 1:
        return (C,)
    return enantiomers(C, share_of_s())[1]


def share_of_s() -> float:
    """Share of the S form in racemic ketamine or norketamine in plasma."""
    return read(LIBRARY, "1", "common", "S_share").value


def _known(word: str, words: Any, what: str, field: str | None) -> None:
    if word not in words:
        hint = did_you_mean(str(word), words) or f", expected one of {', '.join(words)}"
        raise InputError(f"unknown {what} {shown(word)}{hint}", field=field)


_MAY_BE_ZERO = ("phi", "Mg", "fu_K", "fu_N", "fu_M", "delta", "V_phasic", "V_tonic", "V_ref")
_LIGAND_OF = {"K": "ketamine", "N": "norketamine", "M": "memantine"}


def _read(name: str, unit: str, subunits: Mapping[str, str]) -> Value:
    """The library value behind a parameter of `nmda_block`."""
    data = yamlfile.library(LIBRARY).data
    stem, _, site = name.rpartition("_")
    if site in subunits and stem != "V":
        return read(LIBRARY, unit, "subunits", subunits[site], stem)
    if stem == "fu":
        return read(LIBRARY, unit, "ligands", _LIGAND_OF[site], "fu")
    if stem == "M":
        ligand = _LIGAND_OF[site]
        if data["ligands"][ligand]["molar_mass"] == "substances.yaml":
            return read("substances.yaml", unit, "substances", ligand, "molar_mass")
        return read(LIBRARY, unit, "ligands", ligand, "molar_mass")
    return read(LIBRARY, unit, "relative" if stem == "c" else "common", name)


#: Steps of this room by name, for whoever wires a model.
STEPS: dict[str, Step] = {s.name: s for s in (enantiomers, nmda_block, effect_site, channel_block)}
