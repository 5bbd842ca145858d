"""Wind-up: how the dorsal horn's answer to C-fibre volleys grows when they are repeated.

w is the cell's priming: nothing at rest, raised by every volley through NMDA receptors, gone within
seconds.  Volleys are events; between them w decays and the solution is exact.  No number stands
here: values come from library/mechanism/spinal.yaml.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from antalgic import yamlfile
from antalgic.errors import InputError, shown
from antalgic.model import receptor
from antalgic.model.step import Step, step
from antalgic.model.values import changed, quantity, read, together
from antalgic.sources import Value

Values = tuple[tuple[Any, ...], tuple[Any, ...]]
Floats = NDArray[np.float64]

LIBRARY = "mechanism/spinal.yaml"
RUNS = "mechanism/wind-up-runs.yaml"
_SECONDS = 3600.0
_MOST = 100_000
_MAY_BE_ZERO = ("G", "kappa", "g_w", "I_0")


@step(
    states={"w": "1"},
    inputs={"B_phasic": "1", "S": "1"},
    parameters={"r0": "spike", "G": "spike", "kappa": "1/spike", "tau_w": "h", "g_w": "1"},
    outputs={"r": "spike", "w_after": "1"},
)
def wind_up(
    w: Any, B_phasic: Any, S: Any, r0: Any, G: Any, kappa: Any, tau_w: Any, g_w: Any
) -> Values:
    """Decay of wind-up, the response r to a volley that comes now, and w after that volley.

    r = r0 + G (1 + g_w S) w/(1 + w);  a volley sets w to w + kappa (1 - B_phasic) r;  S is central
    sensitization.  Fitted to the wide-dynamic-range cell of ModelDB 267666.
    """
    r = r0 + G * (1 + g_w * S) * w / (1 + w)
    return (-w / tau_w,), (r, w + kappa * (1 - B_phasic) * r)


@step(
    states={},
    inputs={"r": "spike", "intensity": "1"},
    parameters={"r0": "spike", "I_0": "1", "odds": "1"},
    outputs={"I_n": "1", "NRS": "1"},
)
def evoked(r: Any, intensity: Any, r0: Any, I_0: Any, odds: Any) -> Values:
    """Evoked drive I_n = intensity r/r0, and its rating 0 to 10 in a healthy person.

    The rating's odds are in proportion to the drive: NRS/(10 - NRS) = odds (I_n + I_0).
    """
    drive = intensity * r / r0
    against = odds * (drive + I_0)
    return (), (drive, 10 * against / (1 + against))


@dataclass(frozen=True)
class TemporalSummation:
    """A train of equal stimuli.  Arrays are (people..., stimuli).

    times: s, from the first stimulus; responses: spikes per volley; w: wind-up just before each;
    rating: 0 to 10; block: share of the phasic NMDA current blocked, by person; notes: what is
    extrapolated.
    """

    times: Floats
    responses: Floats
    w: Floats
    rating: Floats
    block: Floats
    notes: tuple[str, ...] = ()

    @property
    def wur(self) -> Floats:
        """Wind-up ratio: last response over first."""
        return np.asarray(self.responses[..., -1] / self.responses[..., 0])

    @property
    def increment(self) -> Floats:
        """Spikes that the train added: last response minus first."""
        return np.asarray(self.responses[..., -1] - self.responses[..., 0])


@dataclass(frozen=True)
class Run:
    """A train in the simulated cell: factors on its conductances, period in s, spikes per shock."""

    NMDA: float
    NK1: float
    AMPA: float
    period: float
    spikes: Floats


def parameters() -> dict[str, Value]:
    """Library values of every parameter of `wind_up` and `evoked`."""
    places = {"wind_up": wind_up.parameters, "rating": evoked.parameters}
    return {
        name: read(LIBRARY, unit, place, name)
        for place, declared in places.items()
        for name, unit in declared.items()
        if name in yamlfile.library(LIBRARY).data[place]
    }


def runs(group: str = "fitted") -> tuple[Run, ...]:
    """Spike counts of the full cell: "fitted", "held_out" or "other_receptors"."""
    groups = ("fitted", "held_out", "other_receptors")
    if group not in groups:
        raise InputError(f"unknown group {shown(group)}, expected one of {', '.join(groups)}")
    return tuple(
        Run(
            entry["NMDA"], entry.get("NK1", 1.0), entry.get("AMPA", 1.0),
            _SECONDS * float(quantity(entry["period"], "h", "period")),
            np.asarray(entry["spikes"], dtype=float),
        )
        for entry in yamlfile.library(RUNS).data[group]
    )  # fmt: skip


def temporal_summation(
    intensity: ArrayLike = 1.0,
    rate_hz: ArrayLike = 1.0,
    n: int = 15,
    *,
    block: ArrayLike | receptor.Block | None = None,
    concentrations: Mapping[str, ArrayLike | str] | None = None,
    sensitization: ArrayLike = 0.0,
    **changes: ArrayLike | str,
) -> TemporalSummation:
    """Responses to n equal painful stimuli, for one person or many (arrays are per person).

    intensity: 1 is a stimulus rated 5 of 10; rate_hz: stimuli per second; block: share of phasic
    NMDA current blocked, or what `receptor.block` returns; concentrations: plasma, ng/mL, instead
    of block; sensitization: 0 in health.  Parameters of `wind_up` and `evoked` may be changed.
    The drug acts on the growth only: the first response and the rating's scale are untouched.

    >>> free, drug = temporal_summation(), temporal_summation(concentrations={"s-ketamine": 200})
    >>> print(free.wur.round(2), drug.wur.round(2), drug.block.round(2))
    2.16 2.02 0.18
    >>> print(temporal_summation(rate_hz=[0.1, 0.5, 2.0], n=3).responses.round(1))
    [[ 7.5  7.6  7.6]
     [ 7.5  9.1 10.1]
     [ 7.5  9.9 12. ]]
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= _MOST:
        raise InputError(f"{shown(n)} is refused, expected 1 to {_MOST} stimuli", field="n")
    values = changed(
        parameters(), changes, {**wind_up.parameters, **evoked.parameters}, _MAY_BE_ZERO
    )
    given = {
        "intensity": quantity(intensity, "1", "intensity"),
        "rate_hz": quantity(rate_hz, "1", "rate_hz"),
        "block": _blocked(block, concentrations),
        "sensitization": quantity(sensitization, "1", "sensitization"),
    }
    if (given["rate_hz"] == 0).any():
        raise InputError("0 is refused, expected stimuli per second above 0", field="rate_hz")
    shape = together({**given, **values})
    apart = 1 / given["rate_hz"]
    w, responses = _train(n, shape, apart, given["block"], given["sensitization"], values)
    _, (_, rating) = evoked(
        responses,
        given["intensity"][..., None],
        *(values[name][..., None] for name in evoked.parameters),
    )
    return TemporalSummation(
        np.arange(n) * apart[..., None],
        responses,
        w,
        np.asarray(rating),
        np.broadcast_to(given["block"], shape),
        _notes(given["rate_hz"]),
    )


def _train(
    n: int,
    shape: tuple[int, ...],
    apart: Floats,
    B_phasic: Floats,
    S: Floats,
    values: Mapping[str, Floats],
) -> tuple[Floats, Floats]:
    """Wind-up before, and response to, each of n volleys that are `apart` seconds from each other.

    The decay between volleys is the exact solution of the derivative that `wind_up` declares.
    """
    own = [values[name] for name in wind_up.parameters]
    decay = np.exp(-apart / (_SECONDS * values["tau_w"]))
    w, responses = np.zeros((*shape, n)), np.zeros((*shape, n))
    before: Any = np.zeros(shape)
    for k in range(n):
        _, (r, after) = wind_up(before, B_phasic, S, *own)
        w[..., k], responses[..., k] = before, r
        before = after * decay
    return w, responses


def _blocked(
    block: ArrayLike | receptor.Block | None, concentrations: Mapping[str, ArrayLike | str] | None
) -> Floats:
    if block is not None and concentrations is not None:
        raise InputError("block and concentrations are both given, give one of them")
    if concentrations is not None:
        return receptor.block(concentrations).phasic
    if isinstance(block, receptor.Block):
        return block.phasic
    values = quantity(0.0 if block is None else block, "1", "block")
    if (values > 1).any():
        raise InputError(f"{shown(float(values.max()))} is more than 1", field="block")
    return values


def _notes(rate_hz: Floats) -> tuple[str, ...]:
    tried = yamlfile.library(LIBRARY).data["range"]
    if ((rate_hz >= tried["from"]) & (rate_hz <= tried["to"])).all():
        return ()
    known = f"{tried['from']} to {tried['to']} stimuli per second"
    return (f"extrapolated: the law was compared with the full cell at {known}",)


#: Steps of this room by name, for whoever wires a model.
STEPS: dict[str, Step] = {s.name: s for s in (wind_up, evoked)}
