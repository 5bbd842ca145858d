"""The named regimens of library/regimens: what was given in published studies.

One YAML file each: the items of an arm, their sources and grade, and in words what is published
and what had to be assumed.
"""

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainValidator

from antalgic import yamlfile
from antalgic.dosing.fields import Prose, Strict, Words, close_to, not_empty
from antalgic.dosing.items import (
    ChangeItem,
    DoseItem,
    PerpetratorItem,
    RegimenItem,
    TherapyItem,
    read_item,
)
from antalgic.errors import InputError, shown
from antalgic.sources import Grade, Source, read_sources

FOLDER = Path(__file__).parents[1] / "library" / "regimens"

LibraryItem = DoseItem | PerpetratorItem | ChangeItem | TherapyItem


def _read_library_item(data: object) -> LibraryItem:
    item = read_item(data)
    if isinstance(item, RegimenItem):
        raise InputError("a regimen of the library is written out, not named")
    return item


class NamedRegimen(Strict):
    """A published regimen: items as in an arm of a study, with sources and grade.

    published says in words what the sources give and in which range; assumed lists what they leave
    open and how it was filled.
    """

    regimen: Words
    title: Prose
    condition: Words | None = None
    items: Annotated[
        tuple[Annotated[LibraryItem, BeforeValidator(_read_library_item)], ...],
        BeforeValidator(not_empty),
    ]
    published: Prose
    assumed: tuple[Prose, ...] = ()
    notes: tuple[Prose, ...] = ()
    grade: Grade
    sources: Annotated[dict[str, Source], PlainValidator(read_sources)]


def names() -> list[str]:
    """Names of all regimens in the library, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def load(name: str) -> NamedRegimen:
    """A regimen of the library by name; InputError where there is none or its file is unsound."""
    known = names()
    if name not in known:
        hint = close_to(name, known) or f"; known are {', '.join(known)}"
        raise InputError(f"{shown(name)} is not a regimen of the library{hint}")
    document = yamlfile.read(FOLDER / f"{name}.yaml")
    found = yamlfile.validate(NamedRegimen, document)
    if found.regimen != name:
        raise document.error(f"{shown(found.regimen)} is not the name of the file", "regimen")
    return found
