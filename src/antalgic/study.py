"""The study file: who is given what, for how long, and what is asked for.

`load` reads one from disk, `loads` from a text; a `Study` may also be made in Python with the same
fields.  `python -m antalgic.study` writes the JSON Schema of study files to schema/ (see `SCHEMA`).
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from antalgic import yamlfile
from antalgic.dosing import AnyItem, ItemError, Regimen, check, expand
from antalgic.dosing.fields import (
    KETAMINE,
    Interval,
    Prose,
    Strict,
    Words,
    YesNo,
    known_drug,
    problem,
    read_words,
)
from antalgic.errors import InputError, shown, sort_of
from antalgic.model import mechanism as mechanisms
from antalgic.population import People, PopulationSpec, conditions

if TYPE_CHECKING:
    from antalgic.result import Result

MAX_OUTPUT_TIMES = 1_000_000
MAX_SEED = 2**63 - 1
SCHEMA = Path("schema") / "study.schema.json"

# One model for all; one for each arm or drug; or a list, to be run side by side.
Choice = str | dict[str, str] | tuple[str, ...]


def _seed(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{shown(value)} is {sort_of(value)}, expected a whole number such as 1")
    if not 0 <= value <= MAX_SEED:
        raise InputError(f"{shown(value)} is out of range, expected from 0 to {MAX_SEED}")
    return value


def _condition(value: object) -> str:
    name = read_words(value)
    try:
        return conditions.load(name).name
    except InputError as error:
        raise InputError(error.message) from error  # pydantic knows the field


def _choice(value: object) -> Choice:
    if isinstance(value, Mapping) and value:
        return {read_words(key): read_words(name) for key, name in value.items()}
    if isinstance(value, list | tuple) and value:
        return _different(value)
    if isinstance(value, str):
        return read_words(value)
    raise InputError(
        f"{shown(value)} is {sort_of(value)}, expected the name of a model, a list of names, "
        "or a name for each arm or drug"
    )


def _mechanism(value: object) -> str | tuple[str, ...]:
    """A mechanism by name, or a list of them to be run side by side."""
    if isinstance(value, list | tuple) and value:
        return tuple(mechanisms.load(name).name for name in _different(value))
    if isinstance(value, str):
        return mechanisms.load(read_words(value)).name
    raise InputError(
        f"{shown(value)} is {sort_of(value)}, expected the name of a mechanism such as "
        f"'{mechanisms.DEFAULT}', or a list of names"
    )


def _different(value: object) -> tuple[str, ...]:
    """Names from a list, each once."""
    if not isinstance(value, list | tuple) or not value:
        raise InputError(f"{shown(value)} is {sort_of(value)}, expected a list of names")
    names = tuple(read_words(name) for name in value)
    for position, name in enumerate(names):
        if name in names[:position]:
            raise InputError(f"{shown(name)} is listed twice")
    return names


def _named_arms(value: object) -> object:
    """Arms under good names; checked first, since names are part of the place in other messages."""
    if not isinstance(value, Mapping) or not value:
        raise InputError(f"{shown(value)} is {sort_of(value)}, expected at least one arm by name")
    return {read_words(name): items for name, items in value.items()}


def _items(value: object) -> object:
    if not isinstance(value, list | tuple):
        found = "is empty" if value is None else f"{shown(value)} is {sort_of(value)}"
        raise InputError(
            f"{found}, expected a list of items, each begun with '- ' "
            "([] for an arm that is given nothing)"
        )
    return value


Arm = Annotated[tuple[AnyItem, ...], BeforeValidator(_items)]

Condition = Annotated[
    str,
    PlainValidator(_condition),
    WithJsonSchema({"type": "string", "enum": conditions.names()}),
]


_NAME: dict[str, Any] = {"type": "string", "enum": mechanisms.names()}
_NAMES: dict[str, Any] = {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}


class Models(Strict):
    """Models chosen by name; what is left out has a stated default.

    sampling: where blood is drawn, for the defaults; models of the two sites are never mixed.
    mechanism: how relief comes about, see `antalgic.model.mechanism`.
    """

    pharmacokinetics: Annotated[Choice, BeforeValidator(_choice)] | None = None
    mechanism: (
        Annotated[
            str | tuple[str, ...],
            PlainValidator(_mechanism),
            WithJsonSchema({"anyOf": [_NAME, _NAMES]}),
        ]
        | None
    ) = None
    sampling: Literal["any", "arterial", "venous"] = "any"


class Study(Strict):
    """A study: arms of items given to one population up to a horizon.  Times in h.

    An arm's `Regimen` comes from `regimens`; which model it runs on, where the study says so, from
    `model_for`, or from `compared` where several are run side by side.
    """

    model_config = ConfigDict(title="Antalgic study")

    study: Words
    question: Prose | None = None
    condition: Condition | None = None
    population: PopulationSpec
    horizon: Interval
    arms: Annotated[dict[str, Arm], BeforeValidator(_named_arms)] = Field(
        json_schema_extra={"minProperties": 1}
    )
    models: Models | None = None
    outputs: (
        Annotated[
            tuple[str, ...],
            PlainValidator(_different),
            WithJsonSchema(
                {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
            ),
        ]
        | None
    ) = None
    output_every: Interval | None = None
    seed: Annotated[
        int,
        PlainValidator(_seed),
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_SEED}),
    ]
    residual_error: YesNo = False

    _document: yamlfile.Document | None = PrivateAttr(default=None)
    _text: str | None = PrivateAttr(default=None)
    _path: Path | None = PrivateAttr(default=None)

    @property
    def text(self) -> str | None:
        """The study as the user wrote it; None for one made in Python."""
        return self._text

    @property
    def path(self) -> Path | None:
        """The file it was read from; None for one that has no file."""
        return self._path

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the pharmacokinetic models to be run side by side; empty if there is no list."""
        chosen = None if self.models is None else self.models.pharmacokinetics
        return chosen if isinstance(chosen, tuple) else ()

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Names of the mechanisms of relief to be run, the default where the study names none."""
        chosen = None if self.models is None else self.models.mechanism
        if isinstance(chosen, tuple):
            return chosen
        return (chosen or mechanisms.DEFAULT,)

    def model_for(self, arm: str, drug: str) -> str | None:
        """Name of the pharmacokinetic model the study chooses, an arm's name before a drug's.

        None where the study leaves it to the default, or compares several.
        """
        chosen = None if self.models is None else self.models.pharmacokinetics
        if isinstance(chosen, dict):
            by_drug = {known_drug(key): key for key in chosen if key not in self.arms}
            return chosen.get(arm if arm in chosen else by_drug.get(drug, ""))
        return chosen if isinstance(chosen, str) else None

    def regimens(self) -> dict[str, Regimen]:
        """The regimen of each arm, up to the horizon."""
        return {arm: expand(arm, items, self.horizon) for arm, items in self.arms.items()}

    def people(self, replicate: int = 0, *, candidates: bool = False) -> People:
        """Who takes part, drawn with the study's seed; InputError says where in the file.

        candidates leaves out the screening of the population.
        """
        try:
            condition = conditions.load(self.condition) if self.condition else None
        except InputError as error:
            raise self.error(error.message, "condition") from error
        folder = self._path.parent if self._path else None
        try:
            return self.population.people(
                self.seed, condition, replicate, folder=folder, candidates=candidates,
                serial=self._serial(),
            )  # fmt: skip
        except InputError as error:
            if error.file is not None:
                raise
            raise self.error(
                error.message, "population", *(error.field or "").split(".")
            ) from error

    def _serial(self) -> bool:
        """Whether an arm is treated again and again; looked up only for screening."""
        screened = self.population.screened is not None
        return screened and any(regimen.serial for regimen in self.regimens().values())

    def run(
        self,
        *,
        threads: int | None = None,
        trajectories: bool = False,
        sessions: bool = False,
        progress: Callable[[str], None] | None = None,
    ) -> "Result":
        """Simulate every arm; see `antalgic.result.run`."""
        from antalgic import result  # a study can be read and checked without the engine

        return result.run(
            self, threads=threads, trajectories=trajectories, sessions=sessions, progress=progress
        )

    def error(self, message: str, *path: str | int) -> InputError:
        """An error about a field of this study, with file and line if it was read from a text."""
        steps = [step for step in path if step != ""]
        if self._document is not None:
            return self._document.error(message, *steps)
        return InputError(message, field=".".join(str(step) for step in steps) or None)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.output_every is not None:
            _check_output_times(self.output_every, self.horizon)
        if self.models is not None and isinstance(self.models.pharmacokinetics, dict):
            _check_keys(self.models.pharmacokinetics, self.arms)
        for arm in self.arms:
            self._check_arm(arm)
        return self

    def _check_arm(self, arm: str) -> None:
        try:
            check(self.arms[arm], self.horizon)
        except ItemError as error:
            raise problem(("arms", arm, *error.where), error.message) from error


def _check_output_times(every: float, horizon: float) -> None:
    if horizon / every > MAX_OUTPUT_TIMES:
        raise problem(
            ("output_every",), f"gives more than {MAX_OUTPUT_TIMES} times: take a longer interval"
        )


def _check_keys(chosen: Mapping[str, str], arms: Mapping[str, object]) -> None:
    seen: set[str] = set()
    for key in chosen:
        drug = known_drug(key)
        if key in arms:
            continue
        if drug not in KETAMINE:
            expected = ", ".join((*arms, *KETAMINE))
            raise _wrong_key(key, f"is neither an arm nor a drug, expected one of {expected}")
        if drug in seen:
            raise _wrong_key(key, f"gives {drug} a second model")
        seen.add(drug)


def _wrong_key(key: str, message: str) -> ValidationError:
    return problem(("models", "pharmacokinetics", key), f"{shown(key)} {message}")


def load(path: str | Path) -> Study:
    """Read a study file.  Raises InputError: one line with file, line, field and what is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        yamlfile.read(path)  # says in one line why it cannot be read
        raise
    study = loads(text, str(path))
    study._path = Path(path)
    return study


def loads(text: str, name: str = "study") -> Study:
    """A study from its text; `name` stands for the file in messages."""
    document = yamlfile.read_text(text, name)
    study = yamlfile.validate(Study, document)
    study._document = document
    study._text = text
    return study


def schema() -> dict[str, Any]:
    """JSON Schema of study files (draft 2020-12)."""
    found = _without_null(Study.model_json_schema(mode="validation"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _without_null(part: Any) -> Any:
    """The schema with optional fields that may be left out, but not be empty."""
    if isinstance(part, list):
        return [_without_null(entry) for entry in part if entry != {"type": "null"}]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _without_null(value)
        for key, value in part.items()
        if not (key == "default" and value is None)
    }
    choices = kept.get("anyOf")
    if isinstance(choices, list) and len(choices) == 1:
        return {**{key: value for key, value in kept.items() if key != "anyOf"}, **choices[0]}
    return kept


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Write the schema to the file named, or to `SCHEMA` below the present folder."""
    target = Path(arguments[0]) if arguments else SCHEMA
    target.write_text(schema_text(), encoding="utf-8")
    print(f"wrote {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
