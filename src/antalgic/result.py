"""What comes out of a study: labelled bands, a table of people, and the models behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from antalgic import standing, units
from antalgic.arms import Arm, Setting, attended, is_behind, planned, setting, simulated
from antalgic.dosing import Regimen
from antalgic.errors import InputError
from antalgic.model import comparators
from antalgic.model.mechanism import OUTPUTS, UNITS, against_movement, used
from antalgic.model.shelf import PKModel
from antalgic.population.people import People
from antalgic.simulation import QUANTILES, Simulation
from antalgic.simulation.beside import moves
from antalgic.simulation.chain import Chain
from antalgic.simulation.session import COLUMNS as SESSION
from antalgic.units import Kind

__all__ = ["UNIT", "Arm", "Result", "beyond", "readout_times", "run", "unit"]

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from antalgic.study import Study

#: Unit of every concentration.
UNIT = "ng/mL"
#: Readout steps (h) for a study without output_every: the first with at most _MOST_TIMES times.
_STEPS = (1 / 60, 1 / 30, 1 / 12, 1 / 6, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 12.0, 24.0)
_MOST_TIMES = 2100
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """A finished study.

    ``quantiles`` has dims (arm, output, time, quantile), ``mean`` (arm, output, time), over time in
    h and in the unit that stands beside each output as coordinate ``unit``; both are
    between-patient variability.  ``patients`` has one row per arm and person, the units of its
    columns in ``patients.attrs["units"]``.  What is exploratory is marked in the coordinate
    ``exploratory`` (arm, output); ``exploratory`` has the reasons by arm and output.
    """

    study: Study
    people: People
    arms: tuple[Arm, ...]
    quantiles: xr.DataArray
    mean: xr.DataArray
    patients: pd.DataFrame
    notes: tuple[str, ...] = field(default=())
    exploratory: Mapping[str, standing.Reasons] = field(default_factory=dict)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Analytes and what lies behind the blood, in the order of the study or the models."""
        return tuple(str(name) for name in self.quantiles.output.values)

    @property
    def analytes(self) -> tuple[str, ...]:
        """The outputs that are concentrations of ketamine and its metabolites."""
        return tuple(name for name in self.outputs if not is_behind(name))

    @property
    def blood(self) -> tuple[Arm, ...]:
        """The arms with ketamine, each once though several mechanisms may answer for it."""
        found: dict[str, Arm] = {}
        for arm in self.arms:
            if arm.simulation is not None:
                found.setdefault(arm.label, arm)
        return tuple(found.values())

    @property
    def bare(self) -> tuple[Arm, ...]:
        """The arms without ketamine, each once."""
        found: dict[str, Arm] = {}
        for arm in self.arms:
            if arm.simulation is None:
                found.setdefault(arm.label, arm)
        return tuple(found.values())

    def arm(self, name: str) -> Arm:
        """An arm by name; InputError names those there are."""
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise InputError(f"no arm '{name}', expected one of {', '.join(a.name for a in self.arms)}")

    def sel(self, **labels: Any) -> xr.DataArray:
        """Part of the quantiles by label: arm, output, time (h), quantile."""
        return self.quantiles.sel(**labels)

    def plot(self, path: str | Path | None = None) -> Any:
        """Figure of pain where it was followed, else of doses and blood; written to ``path``."""
        from antalgic.report import figures  # matplotlib is for people who look

        draw = figures.pain if "pain" in self.outputs else figures.study
        return draw(self, path)

    def quantile_table(self) -> pd.DataFrame:
        """Long table: arm, time_h, output, unit, q05, q25, q50, q75, q95, mean."""
        import pandas as pd

        tables = []
        for arm in self.quantiles.arm.values:
            for output in self.outputs:
                band = self.quantiles.sel(arm=arm, output=output)
                if np.isnan(band.values).all():
                    continue
                table = pd.DataFrame(
                    {
                        "arm": str(arm),
                        "time_h": band.time.values,
                        "output": output,
                        "unit": unit(output),
                    }
                )
                for level in QUANTILES:
                    table[f"q{round(100 * level):02d}"] = band.sel(quantile=level).values
                table["mean"] = self.mean.sel(arm=arm, output=output).values
                tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def trajectory_table(self) -> pd.DataFrame:
        """Long table of every person's readouts; empty where trajectories were not kept."""
        import pandas as pd

        tables = []
        times, ids = self.quantiles.time.values, self.people.ids
        for arm in self.arms:
            for names, kept in _parts(arm):
                for output, values in zip(names, _kept(kept), strict=False):
                    if output not in self.outputs:
                        continue
                    tables.append(
                        pd.DataFrame(
                            {
                                "arm": arm.name,
                                "ID": np.repeat(ids, len(times)),
                                "time_h": np.tile(times, len(ids)),
                                "output": output,
                                "unit": unit(output),
                                "value": values.T.ravel(),
                            }
                        )
                    )
        columns = ["arm", "ID", "time_h", "output", "unit", "value"]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)

    def to_parquet(self, folder: str | Path) -> None:
        """Write quantiles.parquet, patients.parquet and, where kept, trajectories.parquet.

        What is exploratory stands in the metadata of each, by arm and output with the reasons;
        pandas reads it back as ``attrs["exploratory"]``.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tables = {
            "quantiles": self.quantile_table(),
            "patients": self.patients,
            "trajectories": self.trajectory_table(),
        }
        for name, table in tables.items():
            if len(table):
                marked = table.copy(deep=False)
                marked.attrs = {**table.attrs, "exploratory": self.exploratory}
                marked.to_parquet(folder / f"{name}.parquet", index=False)


def run(
    study: Study,
    *,
    threads: int | None = None,
    trajectories: bool = False,
    sessions: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Simulate every arm of a study in the models it names, or in the stated defaults.

    ``sessions`` follows one session of each arm more closely, where there is pain to be followed:
    what a monitor shows, harm, and when people are fit to leave (see `Arm.session`).  Raises
    InputError (with the study's file, line and field where it is known).
    """
    people = study.people()
    times = readout_times(study.horizon, study.output_every)
    given = setting(study, people, times, trajectories, threads)
    arms: list[Arm] = []
    for arm in planned(given):
        if progress:
            progress(f"{arm.name}: {len(people)} people, {len(arm.regimen.doses)} doses")
        done = {a.label: a.simulation for a in arms if a.simulation is not None}
        arms.append(simulated(given, arm, done))
    return _collect(given, attended(given, arms) if sessions else arms)


def unit(output: str) -> str:
    """Unit of an output by name: of a concentration, or of what lies behind the blood."""
    return OUTPUTS[output].unit if output in OUTPUTS else UNIT


def readout_times(horizon: float, every: float | None) -> NDArray[np.float64]:
    """Times (h) from 0 to the horizon at which readouts are taken."""
    if every is None:
        every = next((s for s in _STEPS if horizon / s <= _MOST_TIMES), _STEPS[-1])
    count = int(np.floor(horizon / every * (1 + 1e-12)))
    times = every * np.arange(count + 1)
    if horizon - times[-1] > 1e-9 * horizon:
        times = np.append(times, horizon)
    return times.astype(np.float64)


def _collect(given: Setting, arms: list[Arm]) -> Result:
    import pandas as pd
    import xarray as xr

    study, people, times = given.study, given.people, given.times
    outputs = _outputs(given, arms)
    shape = (len(arms), len(outputs), len(times))
    quantiles, mean = np.full((*shape, len(QUANTILES)), np.nan), np.full(shape, np.nan)
    tables = []
    for row, arm in enumerate(arms):
        absent = [i for i, name in enumerate(outputs) if _absent(arm, name)]
        quantiles[row, absent], mean[row, absent] = 0.0, 0.0
        for names, found in _parts(arm):
            for column, name in enumerate(names):
                if name in outputs:
                    quantiles[row, outputs.index(name)] = found.quantiles[column]
                    mean[row, outputs.index(name)] = found.mean[column]
        table = people.to_frame()
        table.insert(0, "ARM", arm.name)
        tables.append(pd.concat([table, *_endpoints(arm)], axis=1))
    labels = {
        "arm": [a.name for a in arms], "output": outputs, "time": times,
        "quantile": list(QUANTILES),
    }  # fmt: skip
    kind = {"kind": "between-patient variability"}
    bands = xr.DataArray(quantiles, coords=labels, dims=list(labels), name="quantiles", attrs=kind)
    means = xr.DataArray(
        mean, coords={k: v for k, v in labels.items() if k != "quantile"},
        dims=["arm", "output", "time"], name="mean", attrs=kind,
    )  # fmt: skip
    reasons = {arm.name: standing.exploratory(arm, given.condition) for arm in arms}
    beside = {
        "unit": ("output", [unit(name) for name in outputs]),
        "exploratory": (
            ("arm", "output"), [[name in reasons[arm.name] for name in outputs] for arm in arms]
        ),
    }  # fmt: skip
    bands, means = (array.assign_coords(beside) for array in (bands, means))
    for array in (bands, means):
        array["time"].attrs["unit"] = "h"
    patients = pd.concat(tables, ignore_index=True)
    patients.attrs["units"] = {str(c): _unit_of(str(c)) for c in patients if _unit_of(str(c))}
    marked = {arm: found for arm, found in reasons.items() if found}
    notes = _notes(given, arms, marked)
    return Result(study, people, tuple(arms), bands, means, patients, notes, marked)


def _absent(arm: Arm, output: str) -> bool:
    """Whether an output is zero since the arm does not give the drug it speaks of."""
    if not is_behind(output):
        return arm.model is None
    of_a_drug = output not in OUTPUTS or output == "withdrawal"
    return of_a_drug and arm.chain is not None and output not in arm.chain.outputs


def _outputs(given: Setting, arms: list[Arm]) -> list[str]:
    """Names of what the result holds: as asked for, or blood first."""
    blood = dict.fromkeys(a for arm in arms if arm.model for a in arm.model.analytes)
    behind = [o for o in given.chained if any(arm.chain and o in arm.chain.outputs for arm in arms)]
    there = [*blood, *behind]
    return [name for name in given.study.outputs or there if name in there]


def _parts(arm: Arm) -> list[tuple[tuple[str, ...], Simulation | Chain]]:
    """What was simulated of an arm, each with the names of its outputs."""
    found: list[tuple[tuple[str, ...], Simulation | Chain]] = []
    if arm.simulation is not None:
        found.append((arm.simulation.analytes, arm.simulation))
    if arm.chain is not None:
        found.append((arm.chain.outputs, arm.chain))
    return found


def _beside(arm: Arm) -> list[str]:
    """What a reader must know of the treatments beside ketamine."""
    notes = []
    for name, routes in arm.regimen.beside.items():
        drug = comparators.load(name)
        notes += _in_words(arm.regimen, name)
        notes.append(f"{name} carries grade {drug.grade}; see antalgic comparators {name}")
        if comparators.SITES[drug.sort] == "none on pain":
            notes.append(f"{name} has no effect on pain here")
        if drug.sort == "local-anaesthetic" and routes == ("iv",):
            notes.append(f"{name} by iv reaches the blood only; a block is route perineural")
    return notes


def _in_words(regimen: Regimen, drug: str) -> list[str]:
    """The doses of a treatment beside ketamine, such as "morphine oral: 168 doses, first 60 mg"."""
    notes = []
    for route in regimen.beside[drug]:
        own = [d for d in regimen.comparators if (d.drug, d.route) == (drug, route)]
        per = f"/{own[0].per}" if own[0].per else ""
        first = f"{units.format(own[0].amount, Kind.MASS)}{per}"
        over = f" over {units.format(own[0].duration, Kind.TIME)}" if own[0].duration else ""
        every = f" every {units.format(own[1].time - own[0].time, Kind.TIME)}" if own[1:] else ""
        count = "one dose," if len(own) == 1 else f"{len(own)} doses{every}, the first"
        notes.append(f"{drug} {route}: {count} {first}{over}")
    return notes


def _kept(found: Simulation | Chain) -> Sequence[NDArray[np.float64]]:
    """Everybody's readouts (times, people) by output, where they were kept."""
    return () if found.values is None else list(found.values)


#: Units of the columns of the table of patients, by name and by what follows the last point.
_COLUMNS = {"WT": "kg", "AGE": "years", "HT": "cm"}
_SESSION = {
    "ready": "h",
    "pauses": "1",
    "stopped": "1",
    "systolic-rise": "mmHg",
    "diastolic-rise": "mmHg",
}
_ENDPOINTS = {"cmax": UNIT, "tmax": "h", "auc": "ng*h/mL", "thalf": "h"}


def _unit_of(column: str) -> str:
    """Unit of a column of the table of patients; empty where it has none or it is the model's."""
    what, _, end = column.rpartition(".")
    if what in ("relief", "rescue", "had"):
        return "1"
    if what == "dose":
        return "mg"
    if what == "pain":
        return OUTPUTS["pain"].unit
    if what == "session":
        return _SESSION.get(end) or unit(end)
    if what == "mechanism":
        return UNITS.get(end, "1")
    return _COLUMNS.get(column, "") or (_ENDPOINTS.get(end, "") if what else "")


def _endpoints(arm: Arm) -> list[pd.DataFrame]:
    """Columns of the table of patients behind an arm's blood and behind its chain."""
    import pandas as pd

    found = [] if arm.simulation is None else [_exposures(arm.simulation)]
    if arm.chain is not None:
        taken = used(arm.chain.mechanism.name)
        values = {n: v for n, v in arm.chain.parameters.items() if n in taken}
        own = {f"mechanism.{name}": value for name, value in values.items()}
        found.append(pd.DataFrame({**own, **arm.chain.endpoints}))
    if arm.session is not None:
        own = {k: v for k, v in arm.session.chain.endpoints.items() if k.startswith(SESSION)}
        found.append(pd.DataFrame(own))
    return found


def _exposures(simulation: Simulation) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = dict(simulation.parameters)
    for i, analyte in enumerate(simulation.analytes):
        columns[f"{analyte}.cmax"] = simulation.cmax[:, i]
        columns[f"{analyte}.tmax"] = simulation.tmax[:, i]
        columns[f"{analyte}.auc"] = simulation.auc[:, i]
        columns[f"{analyte}.thalf"] = simulation.half_life[:, i]
    return pd.DataFrame(columns)


def _notes(
    given: Setting, arms: list[Arm], marked: Mapping[str, standing.Reasons]
) -> tuple[str, ...]:
    """What a reader must know: dropped doses, assumptions, people outside a model's range."""
    people = given.people
    notes = dict.fromkeys((*people.notes, *standing.spoken(marked)))
    condition = given.condition
    if condition and any(moves(condition, arm.regimen, given.chained) for arm in arms):
        notes |= dict.fromkeys(against_movement()[1:])
    for arm in {arm.label: arm for arm in arms}.values():
        notes |= dict.fromkeys(f"{arm.label}: {note}" for note in arm.regimen.notes)
        notes |= dict.fromkeys(f"{arm.label}: {note}" for note in _beside(arm))
        if given.condition is not None and arm.chain is None:
            notes[
                f"{arm.label}: pain is not followed, as what it is before a treatment without a "
                "beginning (steady_state) is not known"
            ] = None
        if arm.model is None:
            continue
        notes |= dict.fromkeys(f"{arm.label}: {says}" for says in beyond(arm.model, people))
        for route in arm.regimen.routes:
            grade = arm.model.grade(route)
            if grade in "CD":
                notes[f"{arm.label}: route {route} in {arm.model.name} carries grade {grade}"] = (
                    None
                )
    return tuple(notes)


def beyond(model: PKModel, people: People) -> list[str]:
    """What share of people is outside the ages and weights that a model was built on, in words."""
    studied = model.file.population
    spans: Mapping[str, Any] = {
        "age": (studied.age, people.age, "years"),
        "weight": (studied.weight, people.weight, "kg"),
    }  # fmt: skip
    found = []
    for what, (span, values, unit) in spans.items():
        outside = 0.0 if span is None else float(np.mean((values < span[0]) | (values > span[1])))
        if outside > 0:
            share = f"{100 * outside:.0f} % of the people"
            share = "fewer than 1 % of the people" if outside < 0.01 else share
            held = f"{what} range of {model.name} ({span[0]:g} to {span[1]:g} {unit})"
            found.append(f"{share} are outside the {held}: extrapolation")
    return found
