"""One's own patients from a CSV file with NONMEM's column names.

WT (kg) is required; ID, AGE (years), HT (cm), SEX and RACE may be given, in any order and case;
every other column must hold numbers and goes along under its own name.  Messages name file, line
and column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from antalgic.errors import InputError, shown
from antalgic.population.people import RACES

Floats = NDArray[np.float64]
T = TypeVar("T")

MOST_PATIENTS = 10_000_000

_OTHER_NAMES = {
    "ID": ("SUBJECT", "SUBJ", "SUBJID", "USUBJID", "PATIENT", "PID"),
    "WT": (
        "WGT",
        "WEIGHT",
        "BW",
        "BWT",
        "BODYWEIGHT",
        "BODY_WEIGHT",
        "WTKG",
        "WT_KG",
        "KG",
        "MASS",
    ),
    "AGE": ("AGEY", "AGE_Y", "AGEYR", "AGE_YEARS", "YEARS"),
    "HT": ("HGT", "HEIGHT", "HTCM", "HT_CM", "STATURE", "LENGTH"),
    "SEX": ("GENDER", "SEXF", "SEXM", "FEMALE", "MALE"),
    "RACE": ("ETHNICITY", "ETHN", "RACEN"),
}
_MEANT = {name: known for known, names in _OTHER_NAMES.items() for name in names}
_SEXES = {"0": False, "m": False, "male": False, "1": True, "f": True, "female": True}
_SEX_CODES = "0, m or male for a man and 1, f or female for a woman"
_MISSING = ("", ".", "na", "nan", "n/a", "null", "none", "-")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, eq=False)
class Table:
    """The columns that were found, each of shape (N,); None for a column that is not there."""

    ids: NDArray[np.int64]
    weight: Floats
    age: Floats | None
    height: Floats | None
    female: NDArray[np.bool_] | None
    race: NDArray[np.str_] | None
    extra: dict[str, Floats]
    lines: NDArray[np.int64]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Measure:
    """What a numeric column must hold."""

    words: str
    unit: str
    example: str
    low: float
    high: float
    mistake: Callable[[float], str]


_MEASURES = {
    "WT": _Measure(
        "body weight", "kg", "72.5", 0.3, 400, lambda x: "; is it in grams?" if x > 400 else ""
    ),
    "AGE": _Measure(
        "age", "years", "46", 0, 120, lambda x: "; is it in months?" if x > 120 else ""
    ),
    "HT": _Measure(
        "height", "cm", "172", 30, 260, lambda x: "; is it in metres?" if 0 < x < 3 else ""
    ),
}


def read_table(path: Path, name: str) -> Table:
    """Read a CSV file; name is what messages call it, as the user wrote it."""
    rows = _rows(_text(path, name), name)
    if not rows:
        raise InputError("the file is empty, expected a header such as ID,WT,AGE,HT,SEX", file=name)
    header = _header(rows[0][0], rows[0][1], name)
    lines = np.array([line for line, _ in rows[1:]], dtype=np.int64)
    if not len(lines):
        raise InputError("there is a header and no patient below it", file=name)
    if len(lines) > MOST_PATIENTS:
        raise InputError(f"{len(lines)} patients are more than {MOST_PATIENTS}", file=name)
    cells = _cells(rows[1:], header, name)

    def measure(column: str) -> Floats | None:
        return _measures(column, cells[column], lines, name) if column in cells else None

    weight = measure("WT")
    assert weight is not None  # the header has it
    own = {*_MEASURES, "ID", "SEX", "RACE"}
    return Table(
        ids=_ids(cells.get("ID"), lines, name),
        weight=weight,
        age=measure("AGE"),
        height=measure("HT"),
        female=_sexes(cells["SEX"], lines, name) if "SEX" in cells else None,
        race=_races(cells["RACE"], lines, name) if "RACE" in cells else None,
        extra={c: _numbers(c, cells[c], lines, name) for c in header if c not in own},
        lines=lines,
        notes=("SEX was read as 0 or m male, 1 or f female",) if "SEX" in cells else (),
    )


def _text(path: Path, name: str) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError("there is no such file", file=name) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=name) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            "is not UTF-8 text, expected a CSV file saved as UTF-8", file=name
        ) from None


def _rows(text: str, name: str) -> list[tuple[int, list[str]]]:
    """Rows that are not blank, each with its 1-based line in the file."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, [cell.strip() for cell in row]))
    except csv.Error as error:
        raise InputError(f"is not a CSV file: {error}", file=name, line=reader.line_num) from None
    return rows


def _header(line: int, row: list[str], name: str) -> list[str]:
    """Column names in capitals."""
    if len(row) == 1:
        for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if mark in row[0]:
                message = f"the columns are separated by {word}, expected commas and decimal points"
                raise InputError(message, file=name, line=line)
    header = [cell.upper() for cell in row]
    for position, column in enumerate(header):
        if not column:
            raise InputError(f"column {position + 1} has no name", file=name, line=line)
        if column in header[:position]:
            raise InputError(f"column {shown(column)} is there twice", file=name, line=line)
        if column in _MEANT:
            message = f"unknown column {shown(row[position])}; did you mean {_MEANT[column]!r}?"
            raise InputError(message, file=name, line=line)
    if "WT" not in header:
        near = get_close_matches("WT", header, n=1, cutoff=0.5)
        hint = f"; did you mean it by {shown(near[0])}?" if near else ""
        message = f"there is no column 'WT', expected one with body weight in kg{hint}"
        raise InputError(message, file=name, line=line)
    return header


def _cells(rows: list[tuple[int, list[str]]], header: list[str], name: str) -> dict[str, list[str]]:
    """The cells of each column, top to bottom."""
    for line, row in rows:
        if len(row) != len(header):
            message = f"{len(row)} values are in this line, expected {len(header)} as in the header"
            raise InputError(message, file=name, line=line)
    columns = zip(*(row for _, row in rows), strict=True)
    return {column: list(cells) for column, cells in zip(header, columns, strict=True)}


def _number(cell: str, expected: str) -> float:
    if cell.lower() in _MISSING:
        raise InputError(f"the value is missing, expected {expected}")
    if not _NUMBER.fullmatch(cell):
        raise InputError(f"{shown(cell)} is not a number, expected {expected}")
    value = float(cell)
    if not np.isfinite(value):
        raise InputError(f"{shown(cell)} is too large a number, expected {expected}")
    return value


def _measures(column: str, cells: list[str], lines: NDArray[np.int64], name: str) -> Floats:
    want = _MEASURES[column]

    def read(cell: str) -> float:
        value = _number(cell, f"{want.words} in {want.unit} such as {want.example}")
        if not want.low <= value <= want.high:
            raise InputError(
                f"{cell} is out of range, expected {want.words} from {want.low:g} to {want.high:g} "
                f"{want.unit}{want.mistake(value)}"
            )
        return value

    return np.array(_each(read, column, cells, lines, name), dtype=np.float64)


def _numbers(column: str, cells: list[str], lines: NDArray[np.int64], name: str) -> Floats:
    def read(cell: str) -> float:
        return _number(
            cell, "a number, as in every column that is not ID, WT, AGE, HT, SEX or RACE"
        )

    return np.array(_each(read, column, cells, lines, name), dtype=np.float64)


def _ids(cells: list[str] | None, lines: NDArray[np.int64], name: str) -> NDArray[np.int64]:
    if cells is None:
        return np.arange(1, len(lines) + 1, dtype=np.int64)
    seen: dict[int, int] = {}

    def read(cell: str) -> int:
        value = _number(cell, "a patient's number such as 17")
        if value != int(value) or not 0 <= value < 2**53:
            raise InputError(f"{cell} is not a whole number from 0, expected such as 17")
        if int(value) in seen:
            first = lines[seen[int(value)]]
            raise InputError(f"{cell} is in line {first} too, expected one line a patient")
        seen[int(value)] = len(seen)
        return int(value)

    return np.array(_each(read, "ID", cells, lines, name), dtype=np.int64)


def _sexes(cells: list[str], lines: NDArray[np.int64], name: str) -> NDArray[np.bool_]:
    def read(cell: str) -> bool:
        if cell.lower() not in _SEXES:
            raise InputError(f"{shown(cell)} is not a sex, expected {_SEX_CODES}")
        return _SEXES[cell.lower()]

    return np.array(_each(read, "SEX", cells, lines, name), dtype=np.bool_)


def _races(cells: list[str], lines: NDArray[np.int64], name: str) -> NDArray[np.str_]:
    def read(cell: str) -> str:
        if cell.lower() not in RACES:
            raise InputError(f"{shown(cell)} is not known, expected {', '.join(RACES)}")
        return cell.lower()

    return np.array(_each(read, "RACE", cells, lines, name), dtype=np.str_)


def _each(
    read: Callable[[str], T], column: str, cells: list[str], lines: NDArray[np.int64], name: str
) -> list[T]:
    """Read every cell; the first bad one raises with its file, line and column."""
    values = []
    for line, cell in zip(lines, cells, strict=True):
        try:
            values.append(read(cell))
        except InputError as error:
            raise error.at(file=name, line=int(line), field=column) from None
    return values
