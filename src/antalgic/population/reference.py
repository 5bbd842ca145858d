"""What people are like where neither the study nor its condition says: library/covariates.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from antalgic import yamlfile
from antalgic.population.growth import Chart, Growth
from antalgic.population.margins import Distribution, Margin
from antalgic.sources import Source, Value, read_sources, read_value
from antalgic.units import Kind

FILE = Path(__file__).parents[1] / "library" / "covariates.yaml"

#: Pairs of covariates that hang together within a sex.
PAIRS = ("height-weight", "age-weight", "age-height")

_SEXES = ("male", "female")


@dataclass(frozen=True, eq=False)
class Reference:
    """Adults and children of the library; pairs are (male, female)."""

    female: Value
    age: Distribution
    weight: Margin
    height: Margin
    correlations: tuple[dict[str, float], dict[str, float]]
    weight_of_models: Value
    growth: Growth
    values: dict[str, Value]
    sources: dict[str, Source]


@cache
def reference() -> Reference:
    """The library's people, read once."""
    doc = yamlfile.read(FILE)
    with doc.at("sources"):
        sources = read_sources(doc.data["sources"])
    return _Reader(doc, sources).read()


class _Reader:
    """Reads entries of the file, keeping each under its path in the file."""

    def __init__(self, doc: yamlfile.Document, sources: dict[str, Source]) -> None:
        self.doc = doc
        self.sources = sources
        self.values: dict[str, Value] = {}
        self.default = {
            name: doc.data[key]
            for name, key in (("source", "default_source"), ("how", "how"), ("grade", "grade"))
        }

    def read(self) -> Reference:
        age = Distribution(
            *(self.value(Kind.AGE, "adults", "age", part) for part in ("mean", "sd", "low", "high"))
        )
        weight = self.margin(
            "weight", Kind.WEIGHT, ("median", Kind.WEIGHT), ("log_sd", Kind.EXTENT)
        )
        height = self.margin("height", Kind.HEIGHT, ("mean", Kind.HEIGHT), ("sd", Kind.HEIGHT))
        male, female = (
            {
                pair: self.value(Kind.COEFFICIENT, "adults", "correlations", sex, pair)
                for pair in PAIRS
            }
            for sex in _SEXES
        )
        return Reference(
            female=self.entry(Kind.FRACTION, "adults", "female"),
            age=age,
            weight=weight,
            height=height,
            correlations=(male, female),
            weight_of_models=self.entry(Kind.WEIGHT, "adults", "reference_weight"),
            growth=self.growth(),
            values=self.values,
            sources=self.sources,
        )

    def entry(self, kind: Kind, *path: str) -> Value:
        with self.doc.at(*path):
            value = read_value(self.at(path), kind, self.sources, default=self.default)
        self.values[".".join(path)] = value
        return value

    def value(self, kind: Kind, *path: str) -> float:
        return self.entry(kind, *path).value

    def at(self, path: tuple[str, ...]) -> Any:
        data = self.doc.data
        for step in path:
            if not isinstance(data, Mapping) or step not in data:
                raise self.doc.error(f"missing field {step!r}", *path)
            data = data[step]
        return data

    def margin(
        self, name: str, kind: Kind, centre: tuple[str, Kind], spread: tuple[str, Kind]
    ) -> Margin:
        log = centre[0] == "median"
        centres = [self.value(centre[1], "adults", name, sex, centre[0]) for sex in _SEXES]
        male, female = (float(np.log(c)) if log else c for c in centres)
        return Margin(
            log=log,
            centre=(male, female),
            spread=(
                self.value(spread[1], "adults", name, "male", spread[0]),
                self.value(spread[1], "adults", name, "female", spread[0]),
            ),
            low=self.value(kind, "adults", name, "low"),
            high=self.value(kind, "adults", name, "high"),
        )

    def growth(self) -> Growth:
        def pair(band: str) -> tuple[Value, Value]:
            male, female = (
                self.entry(Kind.COEFFICIENT, "children", "correlations", sex, band)
                for sex in _SEXES
            )
            return male, female

        return Growth(
            height=(self.chart("height", "male"), self.chart("height", "female")),
            weight=(self.chart("weight", "male"), self.chart("weight", "female")),
            to_11=pair("to_11"),
            from_12=pair("from_12"),
            youngest=self.entry(Kind.AGE, "children", "age", "low"),
            oldest=self.entry(Kind.AGE, "children", "age", "high"),
            farthest=self.entry(Kind.EXTENT, "children", "farthest"),
        )

    def chart(self, measure: str, sex: str) -> Chart:
        path = ("children", "growth", measure)
        chart = self.at(path)
        if chart.get("source") not in self.sources:
            raise self.doc.error("missing field 'source', or it is not among the sources", *path)
        columns = np.array(self.at((*path, sex)), dtype=np.float64).T
        if columns.shape[0] != 4 or np.any(np.diff(columns[0]) <= 0):
            raise self.doc.error("expected rows of age, L, M, S in order of age", *path, sex)
        months, L, M, S = columns
        return Chart(months / 12, L, M, S)
