"""YAML 1.2 read strictly, with the line of everything, and pydantic's complaints in one line.

Keys are always text as written (`1: x` has the key "1").  Dates stay text.  Duplicate keys, tags,
several documents in a file and other versions of YAML are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from antalgic.errors import InputError, did_you_mean, shown, sort_of

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Step = str | int
Model = TypeVar("Model", bound="BaseModel")

#: Aliases can make a short text stand for a huge one; no file of ours comes near this many entries.
_MOST_NODES = 1_000_000
_NO_CHARACTER = re.compile(r"\\U(?!000|0010)")
_VERSION = re.compile(r"\A(?:\s*(?:#[^\n]*)?\n)*%YAML\s+(?!1\.2\s)([^\s#]+)")


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, under the name the user gave it, with the line of each entry."""

    data: Any
    name: str
    _root: Any = field(default=None, repr=False, compare=False)

    def line(self, *path: Step) -> int | None:
        """Line (1-based) of the key or item at path, or of its nearest parent; None if empty."""
        node = self._root
        if node is None:
            return None
        line = node.start_mark.line
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return int(line) + 1

    def error(self, message: str, *path: Step) -> InputError:
        """An InputError at path, with file and line filled in."""
        place = _written(path)
        return InputError(message, file=self.name, line=self.line(*path), field=place or None)

    @contextmanager
    def at(self, *path: Step) -> Iterator[None]:
        """Give an InputError raised inside its place; its own field is taken to be below path."""
        try:
            yield
        except InputError as error:
            raise self._placed(error, path) from error

    def _placed(self, error: InputError, path: Sequence[Step]) -> InputError:
        if error.file is not None or error.line is not None:
            return error
        whole = (*path, *_steps(error.field or ""))
        return self.error(error.message, *whole)


def read(path: str | Path) -> Document:
    """Read a YAML file.  Raises InputError if it cannot be opened or is not sound YAML 1.2."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("is not UTF-8 text", file=str(path)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read: {reason}", file=str(path)) from error
    return read_text(text, str(path))


@cache
def library(path: str) -> Document:
    """A file of the library by its path below library/, such as "receptors/nmda.yaml"."""
    text = (files("antalgic") / "library").joinpath(path).read_text(encoding="utf-8")
    return read_text(text, f"library/{path}")


@cache
def shelf(folder: str, but: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the files in a folder of the library, sorted, leaving out some."""
    found = (files("antalgic") / "library").joinpath(folder).iterdir()
    named = sorted(path.name[:-5] for path in found if path.name.endswith(".yaml"))
    return tuple(name for name in named if name not in but)


def read_text(text: str, name: str) -> Document:
    """Read YAML from a string; name stands for the file in messages."""
    from ruamel.yaml import YAML

    version = _VERSION.match(text)
    if version:
        raise InputError(f"is YAML {version.group(1)}, expected YAML 1.2", file=name)
    yaml = YAML(typ="safe", pure=True)
    # YAML lets a later anchor take over a name, so there is nothing to warn of.
    yaml.composer.warn_double_anchors = False
    try:
        root = _compose(yaml, text, name)
        data = None if root is None else _Reader(name, yaml.constructor).read(root)
    except RecursionError as error:
        raise InputError("is nested too deeply", file=name) from error
    return Document(data, name, root)


def _compose(yaml: Any, text: str, name: str) -> Any:
    """The text as ruamel's nodes, which know their lines."""
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        return yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else int(mark.line) + 1
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise InputError(f"is not valid YAML: {problem}", file=name, line=line) from error
    except ReaderError as error:
        message = f"has a character that text must not have, U+{error.character:04X}"
        raise InputError(message, file=name, line=_line(text, error.position)) from error
    except (ValueError, OverflowError) as error:
        # ruamel does not look at the number in "\UFFFFFFFF" before it makes a character of it.
        found = _NO_CHARACTER.search(text)
        line = None if found is None else _line(text, found.start())
        raise InputError(f"is not valid YAML: {error}", file=name, line=line) from error


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def validate(model: type[Model], doc: Document) -> Model:
    """The document as an instance of model; pydantic's first complaint becomes an InputError."""
    from pydantic import ValidationError

    if doc.data is None:
        raise InputError("is empty", file=doc.name)
    try:
        return model.model_validate(doc.data)
    except ValidationError as error:
        raise _complaint(model, doc, error.errors(include_url=False)[0]) from error


class _Reader:
    """Turns ruamel's nodes into plain data."""

    def __init__(self, name: str, constructor: Any) -> None:
        self.name = name
        self.constructor = constructor
        self.count = 0

    def read(self, node: Any) -> Any:
        self.count += 1
        if self.count > _MOST_NODES:
            raise self._error("has too many entries", node)
        kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
        if node.id != {"map": "mapping", "seq": "sequence"}.get(kind, "scalar"):
            raise self._error(f"the tag {shown(kind)} does not fit here", node)
        if kind == "map":
            return self._mapping(node)
        if kind == "seq":
            return [self.read(item) for item in node.value]
        return self._scalar(node, kind)

    def _mapping(self, node: Any) -> dict[str, Any]:
        lines: dict[str, int] = {}
        data: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key.value, str) or not key.value:
                raise self._error("a key is empty or not text", key)
            if key.value in data:
                first = lines[key.value]
                raise self._error(f"{shown(key.value)} is given twice, first on line {first}", key)
            lines[key.value] = key.start_mark.line + 1
            data[key.value] = self.read(value)
        return data

    def _scalar(self, node: Any, kind: str) -> Any:
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return self.constructor.construct_yaml_bool(node)
            if kind == "int":
                return self.constructor.construct_yaml_int(node)
            if kind == "float":
                return self.constructor.construct_yaml_float(node)
        except (ValueError, LookupError, OverflowError) as error:
            message = f"{shown(node.value)} cannot be read as {kind}"
            raise self._error(message, node) from error
        if kind in ("str", "timestamp", "merge", "value"):
            return str(node.value)
        raise self._error(f"the tag {shown(kind)} is not known", node)

    def _error(self, message: str, node: Any) -> InputError:
        return InputError(message, file=self.name, line=node.start_mark.line + 1)


def _child(node: Any, step: Step) -> tuple[int, Any] | None:
    if isinstance(node.value, str):
        return None
    pairs = bool(node.value) and isinstance(node.value[0], tuple)
    if pairs:
        return next(
            ((key.start_mark.line, value) for key, value in node.value if key.value == str(step)),
            None,
        )
    if isinstance(step, int) and 0 <= step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    return None


def _written(path: Sequence[Step]) -> str:
    """A path as people write it: arms.ketamine[0].rate."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(parts).removeprefix(".")


def _steps(field: str) -> list[Step]:
    found = re.findall(r"\[(\d+)\]|([^.\[\]]+)", field)
    return [int(index) if index else name for index, name in found]


# --- pydantic's complaints ---------------------------------------------------------------------


def _complaint(model: type[BaseModel], doc: Document, error: ErrorDetails) -> InputError:
    path, tags = _path(doc.data, error)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        return doc._placed(cause, path)
    if error["type"] == "missing":
        return doc.error(f"missing field {shown(path[-1])}", *path[:-1])
    if error["type"] == "extra_forbidden":
        line = doc.line(*path)
        names = _names(model, path[:-1], tags)
        message = _unknown(str(path[-1]), names)
        return InputError(message, file=doc.name, line=line, field=_written(path[:-1]) or None)
    if cause is not None:
        return doc.error(str(cause), *path)
    return doc.error(_wrong(error), *path)


def _path(data: Any, error: ErrorDetails) -> tuple[list[Step], list[str]]:
    """pydantic's location without the names of union members, and those names.

    A name of a member may also be a key of the data, so every reading of the location is tried: the
    right one ends at the value complained of, and otherwise leaves out as few steps as can be.
    """
    loc = error["loc"]
    missing = error["type"] == "missing"
    readings = list(_readings(data, loc[:-1] if missing else loc))
    path, tags, _ = min(readings, key=lambda end: (end[2] is not error["input"], len(end[1])))
    return ([*path, loc[-1]] if missing else path), tags


def _readings(data: Any, loc: Sequence[Step]) -> Iterator[tuple[list[Step], list[str], Any]]:
    """Each way to follow a location into data: path, steps left out, and the value at its end."""
    if not loc:
        yield [], [], data
        return
    step = loc[0]
    for known, value in _entries(data, step):
        for path, tags, end in _readings(value, loc[1:]):
            yield [known, *path], tags, end
    for path, tags, end in _readings(data, loc[1:]):
        yield path, [str(step), *tags], end


def _entries(data: Any, step: Step) -> list[tuple[Step, Any]]:
    if isinstance(data, dict) and str(step) in data:
        return [(str(step), data[str(step)])]
    if isinstance(data, list) and isinstance(step, int) and step < len(data):
        return [(step, data[step])]
    return []


def _unknown(name: str, names: Sequence[str]) -> str:
    known = ", ".join(known for known in names if known != name)
    hint = did_you_mean(name, names) or (f"; known are {known}" if known else "")
    return f"unknown field {shown(name)}{hint}"


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
}


def _wrong(error: ErrorDetails) -> str:
    found, context = shown(error["input"]), error.get("ctx", {})
    if error["type"] in _EXPECTED:
        return f"{found} is {sort_of(error['input'])}, expected {_EXPECTED[error['type']]}"
    if error["type"] in ("literal_error", "enum"):
        return _not_among(found, error["input"], str(context["expected"]))
    if error["type"] == "union_tag_invalid":
        return _not_among(shown(context["tag"]), context["tag"], str(context["expected_tags"]))
    rest = error["msg"].removeprefix("Input should be ")
    return f"{found} is refused, expected {rest[:1].lower()}{rest[1:]}"


def _not_among(found: str, value: object, expected: str) -> str:
    hint = did_you_mean(str(value), re.findall(r"'([^']*)'", expected))
    return f"{found} is not known, expected {expected}{hint}"


def _names(model: type[BaseModel], path: Sequence[Step], tags: Sequence[str]) -> list[str]:
    """Fields known at a path; where it may be one of several models, of the tagged ones if any."""
    candidates = [(model, _tags(model))]
    for step in path:
        annotations = [
            info.annotation
            for candidate, _ in candidates
            for name, info in candidate.model_fields.items()
            if step in (name, info.alias)
        ]
        candidates = [inner for found in annotations for inner in _models(found)] or candidates
    tagged = [candidate for candidate in candidates if candidate[1] & set(tags)]
    return [
        info.alias or name
        for candidate, _ in tagged or candidates
        for name, info in candidate.model_fields.items()
    ]


def _models(annotation: Any) -> list[tuple[type[BaseModel], set[str]]]:
    """The pydantic models within an annotation such as dict[str, list[A | B]], and their tags."""
    from pydantic import BaseModel, Tag

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, _tags(annotation))]
    extra = {str(note.tag) for note in getattr(annotation, "__metadata__", ()) if type(note) is Tag}
    inner = [found for part in get_args(annotation) for found in _models(part)]
    return [(model, tags | extra) for model, tags in inner]


def _tags(model: type[BaseModel]) -> set[str]:
    """What pydantic may call a model within a union: its name, or a literal it is told by."""
    literals = (
        info.annotation
        for info in model.model_fields.values()
        if get_origin(info.annotation) is Literal
    )
    return {model.__name__} | {str(tag) for found in literals for tag in get_args(found)}
