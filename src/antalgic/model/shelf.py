"""The PK shelf: published models as library files, checked and run under one interface."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from antalgic import sources, units, yamlfile
from antalgic.errors import InputError
from antalgic.model.compose import Circuit, Use, check
from antalgic.model.pk import STEPS
from antalgic.sources import Grade, How, Value, Variability
from antalgic.units import Kind

Drug = Literal["ketamine", "s-ketamine", "r-ketamine"]
Route = Literal["iv", "im", "oral", "film", "sublingual", "nasal", "rectal", "inhaled", "sc"]

_KINDS = {
    "L": Kind.VOLUME,
    "L/h": Kind.FLOW,
    "1/h": Kind.RATE_CONSTANT,
    "h": Kind.TIME,
    "1": Kind.EXTENT,
}


def _text(value: object) -> object:
    """Numbers without a unit may be written bare in library files."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _one(value: object) -> object:
    """One name where a list is read."""
    return [value] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
# Recalled values are filed in reference models only, which cannot be run.
Obtained = How | Literal["recalled"]
Hours = Annotated[float, BeforeValidator(lambda v: units.parse(v, Kind.TIME))]
Years = Annotated[float, BeforeValidator(lambda v: units.parse(v, Kind.AGE))]
Kilograms = Annotated[float, BeforeValidator(lambda v: units.parse(v, Kind.WEIGHT))]
Milligrams = Annotated[float, BeforeValidator(lambda v: units.parse(v, Kind.MASS))]
Sources = Annotated[dict[str, sources.Source], BeforeValidator(sources.read_sources)]
Spread = Annotated[sources.Variability, BeforeValidator(sources.read_variability)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ResidualSpread(_Strict):
    """Size of a residual error as printed."""

    kind: Literal["variance", "CV%", "SD"]
    value: float = Field(ge=0)

    @property
    def sd(self) -> float:
        """Standard deviation, relative or on the log scale."""
        if self.kind == "variance":
            return float(np.sqrt(self.value))
        return self.value / 100 if self.kind == "CV%" else self.value


class SharedSpread(_Strict):
    """A person's deviation taken from another parameter."""

    same_as: str


def _between(value: object) -> object:
    """Variability between people, its own or another parameter's."""
    if isinstance(value, dict) and "same_as" not in value:
        return sources.read_variability(value)
    return value


class Covariate(_Strict):
    """How a value depends on the person (or on the time since the first dose)."""

    on: Literal["weight", "age", "race", "sex", "time"]
    power: float | None = None
    reference: Kilograms | None = None
    per: Literal["kg"] | None = None
    slope: str | None = None
    above: Years | None = None
    below: Years | None = None
    value: str | None = None
    factor: str | None = None
    is_: tuple[str, ...] | None = Field(default=None, alias="is")
    step: Hours | None = None


class ParameterEntry(_Strict):
    """A parameter as the library writes it."""

    value: Text | None = None
    same_as: str | None = None
    covariates: tuple[Covariate, ...] = ()
    between: Annotated[Variability | SharedSpread | None, BeforeValidator(_between)] = None
    occasion: Spread | None = None
    uncertainty: str | None = None
    source: str | None = None
    locator: str | None = None
    how: Obtained | None = None
    grade: Grade | None = None
    note: str | None = None


class Devices(_Strict):
    """A nasal dose given by devices of `each` mg, the later ones at a fraction of the first."""

    each: Milligrams
    later: str


class Path(_Strict):
    """One way of a dose into the model: which input, what share, how long, after which lag."""

    into: str
    share: float = Field(default=1.0, gt=0, le=1)
    fraction: str | None = None
    rest_of: str | None = None
    times: str | None = None
    duration: str | None = None
    lag: str | None = None
    devices: Devices | None = None


class UseEntry(_Strict):
    """A step in the structure."""

    step: str
    name: str
    inputs: dict[str, Annotated[tuple[str, ...], BeforeValidator(_one)]]
    parameters: dict[str, str] = {}


class OutputEntry(_Strict):
    """An analyte as the sum of concentrations of steps."""

    from_: Annotated[tuple[str, ...], BeforeValidator(_one)] = Field(alias="from")
    substance: str = "ketamine"


class PopulationEntry(_Strict):
    """Who was studied; age and weight are the range the model may be used in."""

    text: str
    n: int | None = None
    age: tuple[Years, Years] | None = None
    weight: tuple[Kilograms, Kilograms] | None = None


class Additive(_Strict):
    """Additive residual error, SD in the unit written."""

    value: str


class ResidualEntry(_Strict):
    """Residual error of one analyte."""

    proportional: ResidualSpread | None = None
    additive: Additive | None = None
    log: ResidualSpread | None = None


class CovarianceEntry(_Strict):
    """Covariance or correlation of two deviations."""

    between: tuple[str, str]
    value: float | None = None
    correlation: float | None = Field(default=None, ge=-1, le=1)


class ModelFile(_Strict):
    """A whole file of library/pk."""

    model: str
    title: str
    status: Literal["runnable", "reference"]
    drugs: tuple[Drug, ...]
    sampling: Literal["arterial", "venous", "arterial and venous", "not stated"]
    ages: Literal["adult", "child", "all"]
    population: PopulationEntry
    doses: dict[str, str] = {}
    sources: Sources
    default_source: str
    grade: Grade = "B"
    how: Obtained = "transcribed"
    defects: tuple[str, ...] = ()
    missing: str | tuple[str, ...] | None = None
    structure: tuple[UseEntry, ...] = ()
    outputs: dict[str, OutputEntry] = {}
    routes: dict[Drug, dict[Route, tuple[Path, ...]]] = {}
    absorption_grades: dict[str, Grade] = {}
    parameters: dict[str, ParameterEntry] = {}
    covariances: tuple[CovarianceEntry, ...] = ()
    residual: dict[str, ResidualEntry] = {}
    tested_and_rejected: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """A parameter ready for use: its value with its passport, and how it varies."""

    name: str
    kind: Kind
    known: Value
    entry: ParameterEntry

    @property
    def value(self) -> float:
        """The typical value in canonical units."""
        return self.known.value

    @property
    def unit(self) -> str:
        """Unit of value."""
        return self.kind.unit


@dataclass(frozen=True)
class PKModel:
    """A model of the shelf.  ``circuit`` holds its equations, ``parameters`` its numbers."""

    name: str
    file: ModelFile
    circuit: Circuit
    parameters: Mapping[str, Parameter]
    omega: NDArray[np.float64] = field(repr=False)
    deviations: tuple[str, ...]

    @property
    def title(self) -> str:
        """One line: paper, drug, what it describes."""
        return self.file.title

    @property
    def analytes(self) -> tuple[str, ...]:
        """What the model predicts in blood."""
        return tuple(self.circuit.readouts)

    def paths(self, drug: str, route: str) -> tuple[Path, ...]:
        """The ways of a dose into the model; none where it has no such drug or route."""
        return next(
            (
                paths
                for given, routes in self.file.routes.items()
                for by, paths in routes.items()
                if (given, by) == (drug, route)
            ),
            (),
        )

    def covers(self, drug: str, route: str) -> bool:
        """Whether the drug can be given by the route in this model."""
        return bool(self.paths(drug, route))

    def grade(self, route: str) -> str:
        """Worst grade of the model's default and of the absorption of the route."""
        return max(self.file.grade, self.file.absorption_grades.get(route, "A"))


def names(*, runnable: bool = False) -> tuple[str, ...]:
    """Names of the models, sorted; with ``runnable`` only those that can be run."""
    found = sorted(p.name[:-5] for p in _folder().iterdir() if p.name.endswith(".yaml"))
    listed = [name for name in found if name != "defaults"]
    return tuple(n for n in listed if not runnable or record(n).status == "runnable")


@cache
def record(name: str) -> ModelFile:
    """The library file of a model, runnable or reference; InputError for an unknown name."""
    _known(name)
    return yamlfile.validate(ModelFile, _document(name))


@cache
def load(name: str) -> PKModel:
    """A runnable model by name.

    Raises InputError for an unknown name, and for a reference model with what is missing in it.
    """
    read = record(name)
    if read.status != "runnable":
        missing = read.missing if isinstance(read.missing, str) else "; ".join(read.missing or ())
        raise InputError(f"model '{name}' is filed as reference only and cannot be run: {missing}")
    document = _document(name)
    circuit = _circuit(read, document)
    parameters = _parameters(read, circuit, document)
    omega, deviations = _omega(read, parameters, document)
    return PKModel(name, read, circuit, parameters, omega, deviations)


def _folder() -> Any:
    return files("antalgic") / "library" / "pk"


def _known(name: str) -> None:
    listed = names()
    if name not in listed:
        parts = [n for n in listed if name and name in n.split("+")]
        near = parts or get_close_matches(name, listed, 1, 0.5)
        hint = f"; did you mean '{near[0]}'?" if near else f", expected one of {', '.join(listed)}"
        raise InputError(f"unknown model '{name}'{hint}")


@cache
def _document(name: str) -> yamlfile.Document:
    path = _folder() / f"{name}.yaml"
    return yamlfile.read_text(path.read_text(encoding="utf-8"), f"library/pk/{name}.yaml")


def _circuit(read: ModelFile, document: yamlfile.Document) -> Circuit:
    uses = []
    for number, entry in enumerate(read.structure):
        if entry.step not in STEPS:
            raise document.error(
                f"unknown step '{entry.step}', expected one of {', '.join(STEPS)}",
                "structure", number, "step",
            )  # fmt: skip
        uses.append(Use(STEPS[entry.step], entry.name, entry.inputs, entry.parameters))
    circuit = Circuit(tuple(uses), {name: out.from_ for name, out in read.outputs.items()})
    check(circuit, lambda place, message: InputError(message, file=document.name, field=place))
    for drug, routes in read.routes.items():
        for route, paths in routes.items():
            for number, path in enumerate(paths):
                if path.into not in circuit.doses:
                    raise document.error(
                        f"'{path.into}' is no dose input, expected {' or '.join(circuit.doses)}",
                        "routes", drug, route, number, "into",
                    )  # fmt: skip
    return circuit


def _kinds(read: ModelFile, circuit: Circuit) -> dict[str, Kind]:
    """The kind of each parameter, from the places where it is used."""
    kinds = {
        name: _KINDS[use.step.parameters[formal]]
        for use in circuit.uses
        for formal, name in use.parameters.items()
    }
    for routes in read.routes.values():
        for paths in routes.values():
            for path in paths:
                for name in (path.fraction, path.rest_of, path.times):
                    kinds |= {name: Kind.EXTENT} if name else {}
                for name in (path.duration, path.lag):
                    kinds |= {name: Kind.TIME} if name else {}
                kinds |= {path.devices.later: Kind.EXTENT} if path.devices else {}
    for name, entry in read.parameters.items():
        for effect in entry.covariates:
            if effect.factor:
                kinds[effect.factor] = Kind.EXTENT
            if effect.value:
                kinds[effect.value] = kinds[name]
            if effect.slope:
                kinds[effect.slope] = Kind.RATE_CONSTANT if effect.on == "time" else kinds[name]
    return kinds


def _parameters(
    read: ModelFile, circuit: Circuit, document: yamlfile.Document
) -> dict[str, Parameter]:
    kinds = _kinds(read, circuit)
    for name in kinds.keys() - read.parameters.keys():
        raise document.error(f"parameter '{name}' is used but not given", "parameters")
    for name in read.parameters.keys() - kinds.keys():
        raise document.error("is given but used nowhere", "parameters", name)
    default = {"source": read.default_source, "how": read.how, "grade": read.grade}
    found = {}
    for name, entry in read.parameters.items():
        written = document.data["parameters"][name]
        if entry.same_as:
            written = {**document.data["parameters"][entry.same_as], **written}
        with document.at("parameters", name):
            value = sources.read_value(
                written, kinds[name], read.sources, default=default, per=True, signed=True,
                extra=_VARIATION,
            )  # fmt: skip
        found[name] = Parameter(name, kinds[name], value, entry)
    return found


_VARIATION = ("same_as", "covariates", "between", "occasion")


def _omega(
    read: ModelFile, parameters: Mapping[str, Parameter], document: yamlfile.Document
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Variance-covariance matrix of the deviations between people, and whose they are."""
    spreads = {n: p.entry.between for n, p in parameters.items()}
    own = [n for n, spread in spreads.items() if isinstance(spread, Variability)]
    omega = np.diag([s.variance for s in spreads.values() if isinstance(s, Variability)])
    for number, entry in enumerate(read.covariances):
        try:
            i, j = (own.index(name) for name in entry.between)
        except ValueError:
            raise document.error(
                "names a parameter without variability between people", "covariances", number
            ) from None
        root = float(np.sqrt(omega[i, i] * omega[j, j]))
        omega[i, j] = omega[j, i] = (
            entry.value if entry.value is not None else (entry.correlation or 0.0) * root
        )
    if len(own) and np.linalg.eigvalsh(omega)[0] < 0:
        raise document.error("make a matrix that is not positive definite", "covariances")
    return omega, tuple(own)
