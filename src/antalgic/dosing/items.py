"""The items of an arm: a dose, another drug, a changed parameter, exercise, a named regimen.

Which sort an item is follows from its keys, so that a message speaks of the right fields.
Times count from the start of the study in h; an infusion is active on [start, end).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from antalgic import units
from antalgic.dosing import rules
from antalgic.dosing.fields import (
    KETAMINE,
    Amount,
    AnyRule,
    AtMost,
    Drug,
    Extent,
    Factor,
    Hours,
    Interval,
    Missed,
    Rate,
    Route,
    Scale,
    SeveralHours,
    Strict,
    Times,
    Words,
    YesNo,
    close_to,
    known_drug,
    not_empty,
    problem,
)
from antalgic.errors import InputError, shown, sort_of

_FROM_START: dict[str, JsonValue] = {"default": "0 h"}


class Step(Strict):
    """One step of a course: from `at` after its start, at a rate (mg/h) or as an amount (mg)."""

    at: Hours
    rate: Rate | None = None
    amount: Amount | None = None
    for_: Hours | None = Field(default=None, alias="for")

    @property
    def dose(self) -> units.Dose:
        """The step's rate or amount."""
        found = self.rate or self.amount
        assert found is not None
        return found

    @model_validator(mode="after")
    def _one_dose(self) -> Self:
        if (self.rate is None) == (self.amount is None):
            raise problem((), "a step needs either 'rate' or 'amount'")
        return self


class Titration(Strict):
    """A rate that goes up by `up` after every `every`, until it reaches `max`.

    hold_if: such as "pain < 3", or a list of rules any of which suffices; a person for whom it
    holds then keeps the rate until the next time.
    """

    every: Interval
    up: Rate
    max: Rate
    hold_if: AnyRule | None = None

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.up.value == 0:
            raise problem(("up",), "found 0 mg/h, expected a rate above 0 mg/h")
        return self


class DoseItem(Strict):
    """Doses of one drug by one route; `rules` says what goes together.

    at: start of the doses, or several starts; every: repeats each of them, a number of `times`, or
    while before `until`, or to the horizon.  for: length of an infusion, of each repetition.
    scale: body weight for which amounts and rates are meant.  at_most: bound per person after
    scaling.  missed: share of doses not taken.  steady_state: repeated since ever at time 0.
    pause_if, stop_if: rules by which an infusion stands still or ends for a person, looked at every
    `check`.  give_if: the doses are given only to those for whom it holds then, up to `most` each.
    """

    drug: Drug
    route: Route | None = None
    amount: Amount | None = None
    rate: Rate | None = None
    steps: Annotated[tuple[Step, ...], BeforeValidator(not_empty)] | None = Field(
        default=None, json_schema_extra={"minItems": 1}
    )
    titrate: Titration | None = None
    pause_if: AnyRule | None = None
    stop_if: AnyRule | None = None
    check: Interval | None = None
    give_if: AnyRule | None = None
    most: Times | None = None
    scale: Scale | None = None
    at_most: AtMost | None = None
    for_: Hours | None = Field(default=None, alias="for")
    at: SeveralHours = Field(default=(0.0,), json_schema_extra=_FROM_START)
    every: Interval | None = None
    times: Times | None = None
    until: Hours | None = None
    missed: Missed = 0.0
    steady_state: YesNo = False

    @property
    def doses(self) -> dict[tuple[str | int, ...], units.Dose]:
        """Every amount and rate with the place where it is written."""
        found: dict[tuple[str | int, ...], units.Dose | None] = {
            ("amount",): self.amount,
            ("rate",): self.rate,
        }
        for number, step in enumerate(self.steps or ()):
            found["steps", number, "amount" if step.rate is None else "rate"] = step.dose
        if self.titrate is not None:
            found["titrate", "up"] = self.titrate.up
            found["titrate", "max"] = self.titrate.max
        return {place: dose for place, dose in found.items() if dose is not None}

    @property
    def per(self) -> units.Per:
        """Body weight the doses are meant for: "" (a person), "kg" or "70 kg"."""
        first = next(iter(self.doses.values()), None)
        return self.scale or (first.per if first is not None else "")

    @property
    def decided(self) -> bool:
        """True where a rule decides on the way what a person is given."""
        held = self.titrate is not None and self.titrate.hold_if is not None
        return held or any((self.pause_if, self.stop_if, self.give_if))

    @property
    def is_infusion(self) -> bool:
        """True where the drug is given at a rate, or an amount over a time."""
        steps = self.steps or ()
        return (
            self.rate is not None
            or self.for_ is not None
            or any(step.rate is not None or step.for_ is not None for step in steps)
        )

    @property
    def length(self) -> float:
        """Length in h of one course: from its start to the end of its last infusion or step."""
        if self.for_ is not None:
            return self.for_
        if self.rate is not None and self.until is not None:
            return self.until - self.at[0]
        last = self.steps[-1] if self.steps else None
        return 0.0 if last is None else last.at + (last.for_ or 0.0)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.drug != "placebo":
            rules.check(self)
        return self


class PerpetratorItem(Strict):
    """Another drug that changes how ketamine is handled, present on [from, until)."""

    drug: Words
    from_: Hours = Field(alias="from")
    until: Hours | None = None

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        _ends_after(self.from_, self.until)
        return self


class ChangeItem(Strict):
    """A parameter of the model times `factor` on [from, until), such as CL halved."""

    change: Words
    factor: Factor
    from_: Hours = Field(default=0.0, alias="from", json_schema_extra=_FROM_START)
    until: Hours | None = None

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        _ends_after(self.from_, self.until)
        return self


class TherapyItem(Strict):
    """Exercise on [from, until): activity held up by `extent`, a share of that before treatment."""

    therapy: Literal["exercise"]
    extent: Extent
    from_: Hours = Field(default=0.0, alias="from", json_schema_extra=_FROM_START)
    until: Hours | None = None

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        _ends_after(self.from_, self.until)
        return self


class RegimenItem(Strict):
    """A regimen of the library, begun at `at`."""

    regimen: Words
    at: Hours = Field(default=0.0, json_schema_extra=_FROM_START)


def _ends_after(start: float, end: float | None) -> None:
    if end is not None and end <= start:
        raise problem(("until",), f"{rules.hours(end)} is not after 'from', {rules.hours(start)}")


Item = DoseItem | PerpetratorItem | ChangeItem | TherapyItem | RegimenItem


def read_item(data: Any) -> Item:
    """The item of the sort its keys say."""
    if isinstance(data, Item):
        return data
    if not isinstance(data, Mapping):
        raise InputError(
            f"{shown(data)} is {sort_of(data)}, expected an item such as "
            "{drug: ketamine, route: iv, rate: 20 mg/h, for: 4 h}"
        )
    return _sort_of_item(data).model_validate(data)


def _sort_of_item(data: Mapping[Any, Any]) -> type[Item]:
    if "change" in data:
        return ChangeItem
    if "therapy" in data:
        return TherapyItem
    if "regimen" in data:
        return RegimenItem
    drug = data.get("drug")
    if not isinstance(drug, str) or known_drug(drug) or close_to(drug, (*KETAMINE, "placebo")):
        return DoseItem
    return DoseItem if _DOSE_KEYS & data.keys() else PerpetratorItem


# Fields that only a dose has.
_DOSE_KEYS = {info.alias or name for name, info in DoseItem.model_fields.items()} - {
    "drug",
    "until",
}

AnyItem = Annotated[Item, BeforeValidator(read_item)]
