"""NMDA block: its library, its limits, its order, and what the user is told."""

import doctest
import math

import numba
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from antalgic import units, yamlfile
from antalgic.errors import InputError
from antalgic.model import receptor, values
from antalgic.model.receptor import LIBRARY, block, ic50, nmda_block, parameters
from antalgic.units import Kind

SUBUNITS = ("GluN2A", "GluN2B", "GluN2C", "GluN2D")
SINGLE = ("s-ketamine", "r-ketamine", "s-norketamine", "r-norketamine", "memantine")
DATA = yamlfile.library(LIBRARY).data
plasma = st.floats(0, 5000)
mixture = st.fixed_dictionaries({name: plasma for name in SINGLE})
setting = st.fixed_dictionaries(
    {
        "phi": st.floats(0.2, 5),
        "Mg": st.floats(0, 3000),
        "V_phasic": st.floats(-90, 0),
        "V_tonic": st.floats(-90, 0),
        "n": st.floats(0.7, 1.5),
    }
)


def uM(text):
    return units.parse(text, Kind.MOLAR_CONCENTRATION)


def value(*place):
    return values.read(LIBRARY, "1", *place).value


# --- the library ----------------------------------------------------------------------------------


def test_every_parameter_has_a_passport():
    cited = DATA["sources"]
    for name, known in parameters().items():
        assert known.source in cited or known.how == "assumed" or name in ("M_K", "M_N")
        assert known.how != "assumed" or known.note
    assert list(parameters()) == list(nmda_block.parameters)


def test_relative_potencies_are_those_of_the_affinities():
    ki = {name: uM(text) for name, text in DATA["checks"]["affinities"]["ki"].items()}
    S, R = ki["s-ketamine"], ki["r-ketamine"]
    assert value("relative", "c_S") == pytest.approx((1 + S / R) / 2, rel=1e-8)
    assert value("relative", "c_R") == pytest.approx((1 + R / S) / 2, rel=1e-8)
    for name, c in (("s-norketamine", "c_SN"), ("r-norketamine", "c_RN")):
        assert value("relative", c) == pytest.approx((1 + S / R) / 2 * ki[name] / S, rel=1e-8)


def test_magnesium_constants_are_those_of_their_sources():
    K = {s: parameters(phasic=s)["K_Mg_phasic"].value for s in SUBUNITS}
    jahr = 1000 * 3.57 * math.exp(-0.062 * 66)
    assert K["GluN2A"] == K["GluN2B"] == pytest.approx(jahr, rel=1e-6)
    measured = DATA["checks"]["with_magnesium"]["ketamine"]
    for subunit in ("GluN2C", "GluN2D"):
        with_Mg, without = uM(measured[subunit]), uM(DATA["subunits"][subunit]["IC50"]["value"])
        assert K[subunit] == pytest.approx(1000 / (with_Mg / without - 1), rel=1e-5)
    common = parameters()
    assert common["V_Mg2"].value == pytest.approx(math.log(2) / 0.062, rel=1e-6)
    assert common["V_T2"].value == pytest.approx(26.7 * math.log(2), rel=1e-6)


def test_measurements_in_magnesium_that_the_law_did_not_see():
    """Ketamine on 2A and 2B, and memantine on all four: within 10 % but for memantine on 2C."""
    measured = DATA["checks"]["with_magnesium"]
    ratio = {
        (ligand, s): float(ic50(ligand, s)) / uM(measured[ligand][s])
        for ligand in ("ketamine", "memantine")
        for s in SUBUNITS
    }
    seen = [("ketamine", "GluN2A"), ("ketamine", "GluN2B")]
    seen += [("memantine", s) for s in ("GluN2A", "GluN2B", "GluN2D")]
    assert all(abs(ratio[pair] - 1) < 0.1 for pair in seen)
    assert ratio["memantine", "GluN2C"] == pytest.approx(0.73, abs=0.01)


@pytest.mark.xfail(
    reason="delta of memantine is not on file; ketamine's makes the block too strong"
)
def test_memantine_in_oocytes_at_minus_30_mv():
    """From the oocytes' own values at -70 mV: the law gives 0.23 to 0.56 of what was seen."""
    check = DATA["checks"]["memantine_oocytes"]
    for subunit in SUBUNITS:
        shift = float(ic50("memantine", subunit, V=-30) / ic50("memantine", subunit, V=-70, Mg=0))
        seen = uM(check["with"][subunit]) / uM(check["without"][subunit])
        assert shift == pytest.approx(seen, rel=0.3)


@pytest.mark.parametrize(
    ("ng_mL", "phasic", "tonic_2D", "tonic_2C"),
    [
        (50, 0.05, 0.06, 0.14),
        (100, 0.10, 0.12, 0.25),
        (200, 0.19, 0.21, 0.40),
        (281, 0.24, 0.27, 0.48),
    ],
)
def test_block_at_analgesic_concentrations(ng_mL, phasic, tonic_2D, tonic_2C):
    found = block({"s-ketamine": ng_mL})
    assert float(found.phasic) == pytest.approx(phasic, abs=0.006)
    assert float(found.tonic) == pytest.approx(tonic_2D, abs=0.006)
    assert float(block({"s-ketamine": ng_mL}, tonic="GluN2C").tonic) == pytest.approx(
        tonic_2C, abs=0.006
    )


# --- properties -----------------------------------------------------------------------------------


@given(mixture, setting)
def test_block_is_a_share(concentrations, settings):
    found = block(concentrations, **settings)
    for share in (found.phasic, found.tonic):
        assert 0 <= share < 1


@given(mixture, setting, st.sampled_from(SINGLE), st.floats(1.01, 10))
def test_more_of_any_blocker_never_blocks_less(concentrations, settings, name, times):
    more = {**concentrations, name: times * concentrations[name] + 1}
    before, after = block(concentrations, **settings), block(more, **settings)
    assert after.phasic > before.phasic
    assert after.tonic > before.tonic


@given(setting)
def test_no_drug_no_block(settings):
    assert block({}, **settings).phasic == 0
    assert block({"s-ketamine": 0.0, "memantine": 0.0}, **settings).tonic == 0


@given(st.sampled_from(("ketamine", "norketamine")), plasma, setting)
def test_racemate_is_half_s_and_half_r(name, C, settings):
    whole = block({name: C}, **settings)
    parts = block({f"s-{name}": C / 2, f"r-{name}": C / 2}, **settings)
    assert whole.phasic == parts.phasic
    assert whole.tonic == parts.tonic


@given(plasma.filter(lambda C: C > 1e-3))
def test_racemate_has_the_racemic_half_blocking_concentration(C):
    known = parameters()
    free = known["fu_K"].value * C / known["M_K"].value
    half = float(ic50("ketamine", "GluN2A", V=known["V_phasic"].value))
    assert float(block({"ketamine": C}).phasic) == pytest.approx(free / (free + half), rel=1e-8)


@given(
    st.sampled_from((*SINGLE, "ketamine")), st.sampled_from(SUBUNITS),
    st.floats(-90, 0), st.floats(0, 3000), st.floats(1, 3000),
)  # fmt: skip
def test_magnesium_competes(ligand, subunit, V, Mg, more):
    """IC50 is linear in magnesium and rises with it."""
    alone, one, two = (float(ic50(ligand, subunit, V=V, Mg=m)) for m in (0.0, Mg, Mg + more))
    assert two > one >= alone
    per = (two - alone) / (Mg + more)
    assert one - alone == pytest.approx(per * Mg, rel=1e-6, abs=1e-9)


@given(st.sampled_from(SUBUNITS), st.floats(-90, -1), st.floats(1, 50))
def test_depolarisation_relieves_block(subunit, V, by):
    """Without magnesium.  The share of pores free of drug and of magnesium rises in any case."""
    assert ic50("ketamine", subunit, V=V + by, Mg=0) > ic50("ketamine", subunit, V=V, Mg=0)

    def unblocked(volt, uM_drug=5.0):
        bare = float(ic50("ketamine", subunit, V=volt, Mg=0))
        crowded = float(ic50("ketamine", subunit, V=volt, Mg=1000))
        return 1 / (crowded / bare + uM_drug / bare)

    assert unblocked(V + by) > unblocked(V)


def test_with_magnesium_depolarisation_first_strengthens_block():
    """Magnesium, with its two charges, leaves first: IC50 is least near -9 mV."""
    V = np.arange(-90.0, 31.0)
    least = V[np.argmin(ic50("ketamine", "GluN2A", V=V))]
    assert least == pytest.approx(-9, abs=1)


@given(mixture, st.floats(0.2, 4.9), st.floats(0.05, 2))
def test_potency_counts_as_concentration(concentrations, phi, times):
    scaled = {name: times * C for name, C in concentrations.items()}
    assert float(block(concentrations, phi=phi * times).phasic) == pytest.approx(
        float(block(scaled, phi=phi).phasic), rel=1e-9, abs=1e-12
    )


# --- one function for everything ------------------------------------------------------------------


def test_step_gives_the_same_compiled_and_in_symbols():
    numbers = [120.0, 30.0, 60.0, 10.0, 5.0, *(v.value for v in parameters().values())]
    plain = nmda_block(*numbers)[1]
    compiled = numba.njit(nmda_block.function)(*numbers)[1]
    names = sympy.symbols([*nmda_block.inputs, *nmda_block.parameters])
    traced = sympy.lambdify(names, nmda_block(*names)[1], "math")(*numbers)
    assert compiled == pytest.approx(plain, rel=1e-13)
    assert traced == pytest.approx(plain, rel=1e-13)


def test_people_at_once_are_people_one_by_one():
    C = np.array([0.0, 40.0, 300.0])
    phi = np.array([1.0, 3.0, 5.0])
    together = block({"s-ketamine": C, "norketamine": 2 * C}, phi=phi)
    for i in range(3):
        alone = block({"s-ketamine": C[i], "norketamine": 2 * C[i]}, phi=phi[i])
        assert together.phasic[i] == alone.phasic
        assert together.tonic[i] == alone.tonic


def test_examples_in_the_docstrings():
    assert doctest.testmod(receptor).failed == 0


# --- what the user is told ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: block({"s-ketmine": 1}),
            "unknown NMDA blocker 's-ketmine'; did you mean 's-ketamine'?",
        ),
        (
            lambda: block({"s-ketamine": -1}),
            "s-ketamine: -1.0 is refused, expected a finite number, 0 or more",
        ),
        (
            lambda: block({"s-ketamine": "3 mg"}),
            "s-ketamine: '3 mg' is an amount, expected a concentration such as '100 ng/mL'",
        ),
        (lambda: block({"s-ketamine": [1, None]}), "s-ketamine: nan is refused"),
        (lambda: block({"s-ketamine": object()}), "s-ketamine: <object object at"),
        (
            lambda: block({"s-ketamine": [1, 2], "memantine": [1, 2, 3]}),
            "the shapes do not fit together: s-ketamine (2,), memantine (3,)",
        ),
        (lambda: block({}, ph=2), "unknown parameter 'ph'; did you mean 'phi'?"),
        (lambda: block({}, n=0), "n: 0 is refused, expected more than 0"),
        (
            lambda: block({}, V_phasic="3 V"),
            "V_phasic: '3 V' is refused, expected a voltage such as '-51 mV'",
        ),
        (
            lambda: block({}, tonic="2D"),
            "tonic: unknown subunit '2D', expected one of GluN2A, GluN2B, GluN2C, GluN2D",
        ),
    ],
)
def test_bad_input_is_one_line(call, told):
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_texts_with_units_are_read():
    said = block({"s-ketamine": "0.1 mg/L"}, Mg="2 mM", V_phasic="-51 mV")
    assert said.phasic == block({"s-ketamine": 100}, Mg=2000, V_phasic=-51).phasic
