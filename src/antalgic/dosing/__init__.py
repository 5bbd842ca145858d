"""What is given, when, by which route, under which rule?

An arm of a study is a list of items (`items`); `expand` makes them a `Regimen` of events at exact
times.  Named regimens of the library are on the `shelf`.
"""

from antalgic.dosing import shelf
from antalgic.dosing.expansion import ItemError, check, expand
from antalgic.dosing.items import (
    AnyItem,
    ChangeItem,
    DoseItem,
    Item,
    PerpetratorItem,
    RegimenItem,
    Step,
    TherapyItem,
    Titration,
    read_item,
)
from antalgic.dosing.regimen import (
    DoseEvent,
    Exercise,
    ParameterChange,
    Perpetrator,
    Regimen,
    Segment,
)
from antalgic.dosing.shelf import NamedRegimen

__all__ = [
    "AnyItem",
    "ChangeItem",
    "DoseEvent",
    "DoseItem",
    "Exercise",
    "Item",
    "ItemError",
    "NamedRegimen",
    "ParameterChange",
    "Perpetrator",
    "PerpetratorItem",
    "Regimen",
    "RegimenItem",
    "Segment",
    "Step",
    "TherapyItem",
    "Titration",
    "check",
    "expand",
    "read_item",
    "shelf",
]
