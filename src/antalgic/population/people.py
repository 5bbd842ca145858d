"""Who receives the drug: one row a patient."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

#: What People.race may hold; published models know effects of the last two.
RACES = ("other", "asian", "japanese")


@dataclass(frozen=True, eq=False)
class People:
    """Covariates of N patients, each an array of shape (N,).

    weight in kg, age in years, height in cm, female true or false, race one of RACES; extra holds
    further numeric columns of the user's own table; notes say what was filled in and how.
    """

    ids: NDArray[np.int64]
    weight: NDArray[np.float64]
    age: NDArray[np.float64]
    height: NDArray[np.float64]
    female: NDArray[np.bool_]
    race: NDArray[np.str_]
    extra: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, column in self._columns().items():
            if column.shape != self.ids.shape:
                raise ValueError(f"{name} has shape {column.shape}, ids {self.ids.shape}")

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, start: int, stop: int, step: int = 1) -> People:
        """Patients start to stop - 1 in the order of the table, counted from 0, every step-th."""
        rows = slice(start, stop, step)
        cut = {name: getattr(self, name)[rows] for name in _OWN}
        extra = {name: column[rows] for name, column in self.extra.items()}
        return People(**cut, extra=extra, notes=self.notes)

    def chosen(self, places: NDArray[np.int64]) -> People:
        """Some of the patients, by their places in the table counted from 0."""
        cut = {name: getattr(self, name)[places] for name in _OWN}
        extra = {name: column[places] for name, column in self.extra.items()}
        return People(**cut, extra=extra, notes=self.notes)

    def to_frame(self) -> pd.DataFrame:
        """A table with NONMEM's names: ID, WT kg, AGE years, HT cm, SEX 0 male 1 female, RACE."""
        import pandas as pd

        table = {
            "ID": self.ids,
            "WT": self.weight,
            "AGE": self.age,
            "HT": self.height,
            "SEX": self.female.astype(np.int64),
            "RACE": self.race,
        }
        return pd.DataFrame(table | self.extra)

    def _columns(self) -> dict[str, NDArray[np.generic]]:
        return {name: getattr(self, name) for name in _OWN} | dict(self.extra)


_OWN = tuple(f.name for f in fields(People) if f.name not in ("extra", "notes"))


def typical_person(people: People) -> People:
    """One person with the median of every number and the commonest sex and race of some people."""
    races, counts = np.unique(people.race, return_counts=True)
    return People(
        np.array([1]), _middle(people.weight), _middle(people.age), _middle(people.height),
        np.array([bool(np.mean(people.female) > 0.5)]), np.array([races[counts.argmax()]]),
    )  # fmt: skip


def _middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([np.median(values)])
