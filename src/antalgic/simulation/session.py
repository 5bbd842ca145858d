"""The hours of one session: when it is, what is watched in it, and what everyone goes through."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from antalgic.dosing.regimen import DoseEvent, Regimen
from antalgic.model.harm import READOUTS, TOLERANCES, limit, reading
from antalgic.simulation.individual import Array, Draw

#: Doses closer than this (h) belong to one session.
GAP = 4.0
#: A session is followed for this long (h) after its last dose.
AFTER = 6.0
#: Steps (h) between readouts, the first of them with at most _MOST readouts.
_STEPS = (1 / 60, 1 / 30, 1 / 12, 1 / 6, 0.25, 0.5, 1.0)
_MOST = 241
#: What a monitor and the staff would see, and pain.
WATCHED = ("pain", *READOUTS)
#: What the names of its endpoints begin with.
COLUMNS = ("session.", "had.")


@dataclass(frozen=True)
class Session:
    """A session from its first dose to the end of its last, h; ``times`` begin at 0 and go past."""

    begin: float
    end: float
    times: Array

    @property
    def inside(self) -> slice:
        """Places of the times from the first dose on."""
        return slice(int(np.searchsorted(self.times, self.begin)), None)


def heaviest(regimen: Regimen) -> Session | None:
    """The session with the most drug, the first of equals; None where no ketamine is given.

    Doses by weight are compared as for one person of 70 kg.
    """
    best: tuple[float, float, float] | None = None
    for doses in sessions(regimen):
        mass = sum(d.amount * (70.0 if d.per == "kg" else 1.0) for d in doses)
        if best is None or mass > best[0] * (1 + 1e-9):
            best = (mass, doses[0].time, max(d.end for d in doses))
    return None if best is None else spanning(best[1], best[2])


def spanning(begin: float, end: float) -> Session:
    """A session between these hours, with its readout times."""
    span = end - begin + AFTER
    step = next((s for s in _STEPS if span / s < _MOST), _STEPS[-1])
    inside = begin + step * np.arange(int(np.ceil(span / step)) + 1)
    return Session(begin, end, np.union1d([0.0], np.union1d(inside, [end])))


def sessions(regimen: Regimen) -> Iterator[list[DoseEvent]]:
    """The doses of each session of a regimen, in order: those no more than `GAP` apart."""
    group: list[DoseEvent] = []
    for dose in regimen.doses:
        if group and dose.time - max(d.end for d in group) > GAP:
            yield group
            group = []
        group.append(dose)
    if group:
        yield group


@dataclass(frozen=True)
class Watch:
    """Endpoints of everyone in a session: peaks, events (1 or 0), and when they are fit to leave.

    ``ready`` is the hour after the last dose from which a person stays fit to leave; infinite for
    whoever is not by the last readout.
    """

    session: Session

    def __call__(self, values: Mapping[str, Array], draw: Draw) -> dict[str, Array]:
        """Endpoints (people,) by name, from values (people, times) by output."""
        own = {name: v[:, self.session.inside] for name, v in values.items() if name in WATCHED}
        n = len(own["pain"])
        found = {f"session.{name}": own[name].max(axis=1) for name in _HIGHEST}
        found |= {f"session.{name}": own[name].min(axis=1) for name in _LOWEST}
        rise = {name: self._read(name, values[name], draw) for name in _PRESSURES}
        found |= {f"session.{name}-rise": r for name, r in rise.items()}
        held = {name: draw.uniform(f"tolerance.{t}", n) for name, t in TOLERANCES.items()}
        events = {name: own[name].max(axis=1) > held[name] for name in TOLERANCES}
        events |= {
            "dissociated": (found["session.dissociation"] > limit("dissociated"))
            & (values["dissociation"][:, 0] <= limit("dissociated")),
            "sedated": found["session.sedation"] <= limit("sedated"),
            "unresponsive": found["session.sedation"] <= limit("unresponsive"),
            "hypertension": (rise["systolic"] >= limit("systolic-rise"))
            | (rise["diastolic"] >= limit("diastolic-rise")),
        }
        found |= {f"had.{name}": hit.astype(np.float64) for name, hit in events.items()}
        found["session.ready"] = self._ready(own, values, held["nausea"])
        return found

    def _read(self, name: str, values: Array, draw: Draw) -> Array:
        """The largest rise over the first reading, as a cuff shows it: each reading has its error.

        The first is taken before the first dose; they are closer together in the first hours.
        """
        last = self.session.times[-1] - self.session.begin + 1e-9
        often, early, rarely = (reading(r) for r in ("every", "early", "later"))
        dense = np.arange(often, min(early, last) + 1e-9, often)
        hours = self.session.begin + np.append(dense, np.arange(early + rarely, last, rarely))
        at = np.searchsorted(self.session.times, hours - 1e-9)
        errors = [
            reading(name) * draw.normal(f"reading.{name}.{k}", len(values))
            for k in range(len(at) + 1)
        ]
        seen = [values[:, place] + e for place, e in zip(at, errors[1:], strict=True)]
        found: Array = np.max(seen, axis=0) - (values[:, 0] + errors[0])
        return found

    def _ready(self, own: Mapping[str, Array], values: Mapping[str, Array], held: Array) -> Array:
        first = {name: v[:, :1] for name, v in values.items()}
        pressure = first["arterial-pressure"]
        unfit = (
            (own["dissociation"] > first["dissociation"] + limit("leave-dissociation"))
            | (own["sedation"] <= limit("leave-sedation"))
            | (np.abs(own["arterial-pressure"] - pressure) > limit("leave-pressure") * pressure)
            | ((own["nausea"] > held[:, None]) & (first["nausea"] <= held[:, None]))
        )
        hours = self.session.times[self.session.inside] - self.session.end
        last = unfit.shape[1] - np.argmax(unfit[:, ::-1], axis=1)  # place after the last unfit time
        ready = np.append(hours, np.inf)[np.where(unfit.any(axis=1), last, 0)]
        found: Array = np.maximum(ready, 0.0)
        return found


_PRESSURES = ("systolic", "diastolic")
_HIGHEST = ("dissociation", *_PRESSURES, "arterial-pressure", "heart-rate", "cardiac-output")
_LOWEST = ("sedation", "ventilation")
