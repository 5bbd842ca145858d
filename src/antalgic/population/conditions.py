"""Painful conditions of the library: who has them, how much it hurts, how good the evidence is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from antalgic import yamlfile
from antalgic.errors import InputError, shown, sort_of
from antalgic.sources import (
    Source,
    Value,
    Variability,
    read_sources,
    read_value,
    read_variability,
)
from antalgic.units import Kind

FOLDER = Path(__file__).parents[1] / "library" / "conditions"


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a covariate over people of both sexes."""

    mean: Value
    sd: Value


@dataclass(frozen=True)
class Statement:
    """A finding in words; source is a key of the condition's sources, None where there is none."""

    says: str
    source: str | None
    item: str | None = None


@dataclass(frozen=True)
class Condition:
    """A condition as published; None is a hole, which `holes` names in words.

    age in years, weight in kg; pain on 0-10 before treatment; depression as a fraction of patients.

    circuit is empty or has all of I_n, I_e, I_J (drives: nociceptive, ectopic, joint; 1 is an acute
    stimulus rated about 5 of 10 in health), S_max (sensitization of the chronic state, 0 in
    health), D (tonic descending balance, logits, below zero for facilitation), M0 (mood burden,
    MADRS/60) and e_c (logits of relief by a second pain rated 10). placebo has what is known of
    fall and week1_fall (points of 0-10 by the end of a trial and of its first week), responders_50
    and responders_30 (fractions with at least that much relief, in percent) and lasting (share of
    the response that stays while treatment goes on).

    injury is empty, or makes time 0 that of an injury: no sensitization yet, pain is that of the
    first day, and all of W_0 (drive of the wound), tau_heal (h), S_U (share of S_max above which
    sensitization keeps itself up) and k_LTP (1/h); injury_between has their spread between people.
    chronic is the pain from which pain that stayed counts as chronic, where the condition says so.
    a_P is the share of activity that 10 points of pain take away, where it is not the usual one.
    """

    name: str
    title: str
    mechanism: str
    female: Value | None
    age: Spread | None
    weight: Spread | None
    pain_mean: Value | None
    pain_sd: Value | None
    chronic: Value | None
    depression: Value | None
    circuit: Mapping[str, Value]
    placebo: Mapping[str, Value]
    injury: Mapping[str, Value]
    injury_between: Mapping[str, Variability]
    a_P: Value | None
    evidence: tuple[Statement, ...]
    facts: tuple[Statement, ...]
    holes: tuple[str, ...]
    sources: Mapping[str, Source]

    @property
    def painful(self) -> bool:
        """Whether there is pain before treatment to be followed, and a circuit to follow it in."""
        return bool(self.circuit) and self.pain_mean is not None and self.pain_mean.value > 0

    @property
    def exploratory(self) -> tuple[str, ...]:
        """Statements that no trial of systemic ketamine supports what is simulated here."""
        return tuple(s.says for s in self.evidence if "exploratory" in s.says)

    @property
    def values(self) -> dict[str, Value]:
        """Every number the condition has, by its place in the file."""
        found: dict[str, Value | None] = {
            "population.female": self.female,
            "pain.mean": self.pain_mean,
            "pain.sd": self.pain_sd,
            "pain.chronic": self.chronic,
            "depression": self.depression,
            "a_P": self.a_P,
        }
        for name, spread in (("age", self.age), ("weight", self.weight)):
            if spread is not None:
                found[f"population.{name}.mean"] = spread.mean
                found[f"population.{name}.sd"] = spread.sd
        sections = {"circuit": self.circuit, "placebo": self.placebo, "injury": self.injury}
        for section, values in sections.items():
            found |= {f"{section}.{name}": value for name, value in values.items()}
        return _given(found)


def names() -> list[str]:
    """Names of all conditions, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str) -> Condition:
    """A condition by name; InputError names the nearest for an unknown one."""
    plain = name.strip().lower()
    known = names()
    if plain not in known:
        near = get_close_matches(plain, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        raise InputError(f"unknown condition {shown(name)}; {hint}")
    return _load(plain)


@cache
def _load(name: str) -> Condition:
    return read_condition(yamlfile.read(FOLDER / f"{name}.yaml"), name)


def read_condition(doc: yamlfile.Document, name: str) -> Condition:
    """A condition file, every unit, source and field checked; name is what the file is called."""
    reader = _Reader(doc)
    reader.known((), _FIELDS)
    reader.known(("population",), ("female", "age", "weight"))
    reader.known(("pain",), ("mean", "sd", "chronic"))
    if reader.text("condition") != name:
        raise doc.error(f"{shown(reader.text('condition'))} is not the file's name", "condition")
    return Condition(
        name=name,
        title=reader.text("title"),
        mechanism=reader.text("mechanism"),
        female=reader.value(Kind.FRACTION, "population", "female"),
        age=reader.spread(Kind.AGE, "population", "age"),
        weight=reader.spread(Kind.WEIGHT, "population", "weight"),
        pain_mean=reader.score("pain", "mean"),
        pain_sd=reader.score("pain", "sd"),
        chronic=reader.score("pain", "chronic"),
        depression=reader.value(Kind.FRACTION, "depression"),
        circuit=reader.circuit(),
        placebo=reader.placebo(),
        injury=reader.injury(),
        injury_between=reader.injury_between(),
        a_P=reader.value(Kind.EXTENT, "a_P"),
        evidence=reader.statements("evidence", ("says", "source")),
        facts=reader.statements("facts", ("item", "says", "source")),
        holes=reader.texts("holes"),
        sources=reader.sources,
    )


_FIELDS = (
    "condition", "title", "mechanism", "sources", "population", "pain", "depression", "circuit",
    "placebo", "injury", "a_P", "evidence", "facts", "holes",
)  # fmt: skip

_CIRCUIT = {
    "I_n": Kind.EXTENT,
    "I_e": Kind.EXTENT,
    "I_J": Kind.EXTENT,
    "S_max": Kind.EXTENT,
    "D": Kind.COEFFICIENT,
    "M0": Kind.FRACTION,
    "e_c": Kind.EXTENT,
}
_INJURY = {
    "W_0": Kind.EXTENT,
    "tau_heal": Kind.TIME,
    "S_U": Kind.FRACTION,
    "k_LTP": Kind.RATE_CONSTANT,
}
_FALLS = ("fall", "week1_fall")
_SHARES = ("responders_50", "responders_30", "lasting")


class _Reader:
    """Takes a condition file apart; absent entries are None or empty."""

    def __init__(self, doc: yamlfile.Document) -> None:
        if not isinstance(doc.data, Mapping):
            raise doc.error(f"{sort_of(doc.data)} was found, expected the fields of a condition")
        self.doc = doc
        with doc.at("sources"):
            self.sources = read_sources(doc.data.get("sources", {}))

    def find(self, *path: str) -> Any:
        data = self.doc.data
        for step in path:
            data = data.get(step) if isinstance(data, Mapping) else None
        return data

    def known(self, path: tuple[str, ...], fields: Sequence[str]) -> None:
        entry = self.find(*path)
        if entry is not None and not isinstance(entry, Mapping):
            raise self.doc.error(f"{shown(entry)} is {sort_of(entry)}, expected fields", *path)
        for field in entry or ():
            if field not in fields:
                message = f"unknown field {shown(field)}, expected one of {', '.join(fields)}"
                raise self.doc.error(message, *path, field)

    def value(self, kind: Kind, *path: str, extra: Sequence[str] = ()) -> Value | None:
        entry = self.find(*path)
        if entry is None:
            return None
        with self.doc.at(*path):
            return read_value(entry, kind, self.sources, extra=extra)

    def score(self, *path: str) -> Value | None:
        value = self.value(Kind.EXTENT, *path)
        if value is not None and value.value > 10:
            raise self.doc.error(f"{value.text} is not on the scale of 0 to 10", *path)
        return value

    def spread(self, kind: Kind, *path: str) -> Spread | None:
        if self.find(*path) is None:
            return None
        self.known(path, ("mean", "sd"))
        mean, sd = self.value(kind, *path, "mean"), self.value(kind, *path, "sd")
        if mean is None or sd is None:
            raise self.doc.error("has only one of 'mean' and 'sd', expected both", *path)
        return Spread(mean, sd)

    def circuit(self) -> dict[str, Value]:
        """All values of the circuit, or none: a drive left out is not a drive of zero."""
        return self.whole("circuit", _CIRCUIT)

    def injury(self) -> dict[str, Value]:
        """All values of an injury, or none: each above 0, and S_U, a place in between, below 1."""
        found = self.whole("injury", _INJURY, extra=("between",))
        for name, value in found.items():
            if value.value <= 0 or (name == "S_U" and value.value >= 1):
                wanted = "above 0 and below 1" if name == "S_U" else "above 0"
                raise self.doc.error(f"found {value.text}, expected {wanted}", "injury", name)
        return found

    def injury_between(self) -> dict[str, Variability]:
        """Spread between people of what an injury has, where it is given."""
        found = {}
        for name in _INJURY:
            entry = self.find("injury", name, "between")
            if entry is not None:
                with self.doc.at("injury", name, "between"):
                    found[name] = read_variability(entry)
                if (name == "S_U") != (found[name].scale == "logit"):
                    wanted = "logit" if name == "S_U" else "log"
                    raise self.doc.error(f"expected a spread of scale {wanted}", "injury", name)
        return found

    def whole(
        self, section: str, kinds: Mapping[str, Kind], extra: Sequence[str] = ()
    ) -> dict[str, Value]:
        """A section that is there with every value, or not at all."""
        self.known((section,), tuple(kinds))
        found = _given(
            {name: self.value(kind, section, name, extra=extra) for name, kind in kinds.items()}
        )
        missing = [name for name in kinds if name not in found]
        if missing and self.find(section) is not None:
            raise self.doc.error(f"missing field {missing[0]!r}", section)
        return found

    def placebo(self) -> dict[str, Value]:
        self.known(("placebo",), (*_FALLS, *_SHARES))
        found = _given(
            {name: self.score("placebo", name) for name in _FALLS}
            | {name: self.value(Kind.FRACTION, "placebo", name) for name in _SHARES}
        )
        half, third = found.get("responders_50"), found.get("responders_30")
        if half is not None and third is not None and half.value > third.value:
            message = f"{half.text} is more than responders_30, {third.text}, which includes it"
            raise self.doc.error(message, "placebo", "responders_50")
        return found

    def text(self, field: str) -> str:
        text = self.find(field)
        if not isinstance(text, str):
            raise self.doc.error(f"{shown(text)} is {sort_of(text)}, expected text", field)
        return text

    def texts(self, field: str) -> tuple[str, ...]:
        found = self.find(field)
        if found is None:
            return ()
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise self.doc.error("expected a list of texts", field)
        return tuple(found)

    def statements(self, field: str, fields: Sequence[str]) -> tuple[Statement, ...]:
        rows = self.find(field)
        if rows is None:
            return ()
        if not isinstance(rows, list):
            raise self.doc.error(f"{shown(rows)} is {sort_of(rows)}, expected a list", field)
        return tuple(self.statement(row, fields, field, i) for i, row in enumerate(rows))

    def statement(self, row: Any, fields: Sequence[str], field: str, i: int) -> Statement:
        if not isinstance(row, Mapping) or not isinstance(row.get("says"), str):
            raise self.doc.error("expected a statement with 'says'", field, i)
        for name in row:
            if name not in fields:
                raise self.doc.error(f"unknown field {shown(name)}", field, i, name)
        source = row.get("source")
        if source is not None and source not in self.sources:
            raise self.doc.error(f"{shown(source)} is not among the sources", field, i, "source")
        return Statement(says=row["says"], source=source, item=row.get("item"))


def _given(found: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in found.items() if value is not None}
