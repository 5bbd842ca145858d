"""What comes out of a study: labelled bands, a table of people, and the models behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from antalgic.dosing import Regimen
from antalgic.errors import InputError
from antalgic.model import defaults, shelf
from antalgic.model.shelf import PKModel
from antalgic.population.people import People
from antalgic.simulation import QUANTILES, Simulation, simulate

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from antalgic.study import Study

UNIT = "ng/mL"
#: Readout steps (h) for a study without output_every: the first with at most _MOST_TIMES times.
_STEPS = (1 / 60, 1 / 30, 1 / 12, 1 / 6, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 12.0, 24.0)
_MOST_TIMES = 2100
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Arm:
    """One arm in one model: its regimen, the model and why it was chosen, and its simulation.

    ``model`` and ``simulation`` are None for an arm without a drug.
    """

    name: str
    regimen: Regimen
    model: PKModel | None
    why: str
    simulation: Simulation | None


@dataclass(frozen=True)
class Result:
    """A finished study.

    ``quantiles`` has dims (arm, output, time, quantile), ``mean`` (arm, output, time), in ng/mL
    over time in h; both are between-patient variability.  ``patients`` has one row per arm and
    person.
    """

    study: Study
    people: People
    arms: tuple[Arm, ...]
    quantiles: xr.DataArray
    mean: xr.DataArray
    patients: pd.DataFrame
    notes: tuple[str, ...] = field(default=())

    @property
    def outputs(self) -> tuple[str, ...]:
        """Analytes, in the order of the study or the models."""
        return tuple(str(name) for name in self.quantiles.output.values)

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
        """Figure of the regimens and bands; written to ``path`` where one is given."""
        from antalgic.report import figures  # matplotlib is for people who look

        return figures.study(self, path)

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
                    {"arm": str(arm), "time_h": band.time.values, "output": output, "unit": UNIT}
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
        for arm in self.arms:
            kept = arm.simulation
            if kept is None or kept.values is None:
                continue
            times, people = len(kept.times), len(kept.people)
            for column, analyte in enumerate(kept.analytes):
                tables.append(
                    pd.DataFrame(
                        {
                            "arm": arm.name,
                            "ID": np.repeat(kept.people.ids, times),
                            "time_h": np.tile(kept.times, people),
                            "output": analyte,
                            "unit": UNIT,
                            "value": kept.values[column].T.ravel(),
                        }
                    )
                )
        columns = ["arm", "ID", "time_h", "output", "unit", "value"]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)

    def to_parquet(self, folder: str | Path) -> None:
        """Write quantiles.parquet, patients.parquet and, where kept, trajectories.parquet."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.quantile_table().to_parquet(folder / "quantiles.parquet", index=False)
        self.patients.to_parquet(folder / "patients.parquet", index=False)
        trajectories = self.trajectory_table()
        if len(trajectories):
            trajectories.to_parquet(folder / "trajectories.parquet", index=False)


def run(
    study: Study,
    *,
    threads: int | None = None,
    trajectories: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Simulate every arm of a study in the models it names, or in the stated defaults.

    Raises InputError (with the study's file, line and field where it is known).
    """
    people = study.people()
    times = readout_times(study.horizon, study.output_every)
    planned = [
        Arm(label, regimen, model, why, None)
        for name, regimen in study.regimens().items()
        for model, why, label in _models(study, name, regimen, people)
    ]
    _check_outputs(study, planned)
    arms = []
    for arm in planned:
        if progress:
            progress(f"{arm.name}: {len(people)} people, {len(arm.regimen.doses)} doses")
        arms.append(_simulated(study, arm, people, times, trajectories, threads))
    return _collect(study, people, arms, times)


def _simulated(
    study: Study,
    arm: Arm,
    people: People,
    times: NDArray[np.float64],
    trajectories: bool,
    threads: int | None,
) -> Arm:
    if arm.model is None:
        return arm
    try:
        simulation = simulate(
            arm.model, arm.regimen, people, times, analytes=_wanted(study, arm.model),
            seed=study.seed, typical=study.population.typical,
            residual_error=study.residual_error, trajectories=trajectories, threads=threads,
        )  # fmt: skip
    except InputError as error:
        place = (error.field,) if error.field else ("arms", arm.regimen.name)
        raise study.error(error.message, *place) from error
    return replace(arm, simulation=simulation)


def readout_times(horizon: float, every: float | None) -> NDArray[np.float64]:
    """Times (h) from 0 to the horizon at which readouts are taken."""
    if every is None:
        every = next((s for s in _STEPS if horizon / s <= _MOST_TIMES), _STEPS[-1])
    count = int(np.floor(horizon / every * (1 + 1e-12)))
    times = every * np.arange(count + 1)
    if horizon - times[-1] > 1e-9 * horizon:
        times = np.append(times, horizon)
    return times.astype(np.float64)


def _models(
    study: Study, name: str, regimen: Regimen, people: People
) -> list[tuple[PKModel | None, str, str]]:
    """Models of an arm with the reason for each and the label of the arm in the result."""
    if not regimen.doses:
        return [(None, "no drug is given", name)]
    pairs = sorted({(dose.drug, dose.route) for dose in regimen.doses})
    if study.compared:
        single = len(study.arms) == 1
        return [
            (_named(study, m, pairs), "named in the study", m if single else f"{name}, {m}")
            for m in study.compared
        ]
    chosen = {study.model_for(name, drug) for drug, _ in pairs} - {None}
    if len(chosen) > 1:
        raise study.error("names several models for one arm", "models", "pharmacokinetics")
    for model in chosen:
        return [(_named(study, str(model), pairs), "named in the study", name)]
    age: defaults.Age = "child" if float(np.median(people.age)) < 18 else "adult"
    sampling = study.models.sampling if study.models else "any"
    try:
        default = defaults.choose(
            pairs, age=age, sampling=sampling, perpetrators=[p.name for p in regimen.perpetrators]
        )
    except InputError as error:
        raise study.error(error.message, "arms", name) from error
    return [(shelf.load(default.model), f"default: {default.why}", name)]


def _named(study: Study, name: str, pairs: list[tuple[str, str]]) -> PKModel:
    try:
        model = shelf.load(name)
    except InputError as error:
        raise study.error(error.message, "models", "pharmacokinetics") from error
    for drug, route in pairs:
        if not model.covers(drug, route):
            raise study.error(
                f"model '{name}' has no {drug} by route {route}; "
                f"nearest are {defaults.nearest(pairs)}",
                "models", "pharmacokinetics",
            )  # fmt: skip
    return model


def _wanted(study: Study, model: PKModel) -> list[str]:
    """The outputs asked for that this model predicts; all of its analytes where none are named."""
    return [a for a in study.outputs or model.analytes if a in model.analytes]


def _check_outputs(study: Study, arms: list[Arm]) -> None:
    """Every output asked for must come from some model, and every model must give one of them."""
    models = [arm.model for arm in arms if arm.model is not None]
    if not models:
        raise study.error("no arm gives a dose above zero before the horizon", "arms")
    predicted = list(dict.fromkeys(a for model in models for a in model.analytes))
    for position, name in enumerate(study.outputs or ()):
        if name not in predicted:
            listed = ", ".join(predicted)
            raise study.error(
                f"no model of this study predicts '{name}', expected one of {listed}",
                "outputs", position,
            )  # fmt: skip
    for model in models:
        if not _wanted(study, model):
            listed = ", ".join(model.analytes)
            raise study.error(f"model '{model.name}' predicts only {listed}", "outputs")


def _collect(study: Study, people: People, arms: list[Arm], times: Any) -> Result:
    import pandas as pd
    import xarray as xr

    predicted = dict.fromkeys(a for arm in arms if arm.model for a in arm.model.analytes)
    outputs = [a for a in study.outputs or predicted if a in predicted]
    shape = (len(arms), len(outputs), len(times))
    quantiles, mean = np.full((*shape, len(QUANTILES)), np.nan), np.full(shape, np.nan)
    tables = []
    for row, arm in enumerate(arms):
        table = people.to_frame()
        table.insert(0, "ARM", arm.name)
        if arm.simulation is None:
            quantiles[row], mean[row] = 0.0, 0.0
        else:
            for column, analyte in enumerate(arm.simulation.analytes):
                quantiles[row, outputs.index(analyte)] = arm.simulation.quantiles[column]
                mean[row, outputs.index(analyte)] = arm.simulation.mean[column]
            table = pd.concat([table, _endpoints(arm.simulation)], axis=1)
        tables.append(table)
    labels = {
        "arm": [a.name for a in arms], "output": outputs, "time": times,
        "quantile": list(QUANTILES),
    }  # fmt: skip
    units = {"unit": UNIT, "kind": "between-patient variability"}
    bands = xr.DataArray(quantiles, coords=labels, dims=list(labels), name="quantiles", attrs=units)
    means = xr.DataArray(
        mean, coords={k: v for k, v in labels.items() if k != "quantile"},
        dims=["arm", "output", "time"], name="mean", attrs=units,
    )  # fmt: skip
    for array in (bands, means):
        array["time"].attrs["unit"] = "h"
    patients = pd.concat(tables, ignore_index=True)
    return Result(study, people, tuple(arms), bands, means, patients, _notes(study, people, arms))


def _endpoints(simulation: Simulation) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = dict(simulation.parameters)
    for i, analyte in enumerate(simulation.analytes):
        columns[f"{analyte}.cmax"] = simulation.cmax[:, i]
        columns[f"{analyte}.tmax"] = simulation.tmax[:, i]
        columns[f"{analyte}.auc"] = simulation.auc[:, i]
        columns[f"{analyte}.thalf"] = simulation.half_life[:, i]
    return pd.DataFrame(columns)


def _notes(study: Study, people: People, arms: list[Arm]) -> tuple[str, ...]:
    """What a reader must know: dropped doses, assumptions, people outside a model's range."""
    notes = dict.fromkeys(people.notes)
    for arm in arms:
        notes |= dict.fromkeys(f"{arm.name}: {note}" for note in arm.regimen.notes)
        if arm.model is None:
            continue
        studied = arm.model.file.population
        spans: Mapping[str, Any] = {
            "age": (studied.age, people.age, "years"),
            "weight": (studied.weight, people.weight, "kg"),
        }  # fmt: skip
        for what, (span, values, unit) in spans.items():
            outside = (
                0.0 if span is None else float(np.mean((values < span[0]) | (values > span[1])))
            )
            if outside > 0:
                share = f"{100 * outside:.0f} % of the people"
                share = "fewer than 1 % of the people" if outside < 0.01 else share
                held = f"{what} range of {arm.model.name} ({span[0]:g} to {span[1]:g} {unit})"
                notes[f"{arm.name}: {share} are outside the {held}: extrapolation"] = None
        for route in arm.regimen.routes:
            grade = arm.model.grade(route)
            if grade in "CD":
                notes[f"{arm.name}: route {route} in {arm.model.name} carries grade {grade}"] = None
    return tuple(notes)
