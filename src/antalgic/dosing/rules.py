"""What goes together in a dose item: one function for each rule, tried in order.

A rule raises a `problem` on the field that breaks it; it may take for granted what the rules
before it have checked.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

from antalgic import units, yamlfile
from antalgic.dosing.fields import COMPARATORS, INFUSION_ROUTES, ROUTES, problem
from antalgic.units import Kind

if TYPE_CHECKING:
    from antalgic.dosing.items import DoseItem

# Sums of times in h are compared with this slack, so that 3 x 20 min is one hour.
_SLACK = 1e-9


def check(item: "DoseItem") -> None:
    """Raise a `problem` for the first broken rule."""
    for rule in _RULES:
        rule(item)


def hours(value: float) -> str:
    """A time as messages write it."""
    return units.format(value, Kind.TIME)


def _needs_a_route(item: "DoseItem") -> None:
    if item.route is None:
        raise problem((), f"missing field 'route', expected one of {', '.join(ROUTES)}")


def _fits_a_comparator(item: "DoseItem") -> None:
    """What a treatment beside ketamine cannot be: by another route, of a salt, since ever."""
    if item.drug not in COMPARATORS:
        return
    routes = yamlfile.library(f"comparators/{item.drug}.yaml").data["pk"]["routes"]
    if item.route not in routes:
        raise problem(
            ("route",), f"{item.drug} is not given by {item.route}, expected {' or '.join(routes)}"
        )
    for place, dose in item.doses.items():
        if dose.salt == "hydrochloride":
            raise problem(place, f"salts are known of ketamine only; give plain mg of {item.drug}")
    if item.steady_state:
        raise problem(
            ("steady_state",), f"is for ketamine: tolerance to {item.drug} since ever is not known"
        )


def _needs_one_dose(item: "DoseItem") -> None:
    given = [name for name in ("amount", "rate", "steps") if getattr(item, name) is not None]
    if not given:
        raise problem((), "a dose needs one of 'amount', 'rate' and 'steps'")
    if len(given) > 1:
        raise problem((given[1],), f"'{given[1]}' beside '{given[0]}', expected only one of them")


def _takes_an_infusion(item: "DoseItem") -> None:
    if item.is_infusion and item.route not in INFUSION_ROUTES:
        named = "rate" if item.rate is not None else "for" if item.for_ is not None else "steps"
        raise problem(
            (named,),
            f"route {item.route} takes amounts at times, not an infusion; "
            f"infusions go by {', '.join(INFUSION_ROUTES)}",
        )


def _scales_once(item: "DoseItem") -> None:
    (first_place, first), *_ = item.doses.items()
    for place, dose in item.doses.items():
        if item.scale and dose.per:
            raise problem(place, f"{_words(place, dose)} needs no 'scale': leave it out")
        if dose.per != first.per:
            raise problem(
                place,
                f"{_words(place, dose)} beside {_words(first_place, first)}, expected all doses "
                "of an item for the same body weight",
            )


def _words(place: tuple[str | int, ...], dose: units.Dose) -> str:
    amount = units.format(dose.value, Kind.MASS if place[-1] == "amount" else Kind.MASS_RATE)
    return f"{amount} per {dose.per}" if dose.per else amount


def _steps_follow(item: "DoseItem") -> None:
    if item.steps is None:
        return
    rates = item.steps[0].rate is not None
    if not rates and item.for_ is not None:
        raise problem(("for",), "is the length of rates; give a step of an amount its own 'for'")
    for number, step in enumerate(item.steps):
        if (step.rate is not None) != rates:
            raise problem(("steps", number), "steps are either all rates or all amounts")
        if item.for_ is not None and step.at + (step.for_ or 0) > item.for_ + _SLACK:
            raise problem(
                ("steps", number),
                f"reaches past the end of the item's 'for', {hours(item.for_)}",
            )
    for number, (before, after) in enumerate(pairwise(item.steps), 1):
        if after.at <= before.at:
            raise problem(
                ("steps", number, "at"),
                f"{hours(after.at)} is not after the step before it, {hours(before.at)}",
            )
        if before.at + (before.for_ or 0) > after.at + _SLACK:
            raise problem(
                ("steps", number - 1, "for"),
                f"overlaps the next step, which starts at {hours(after.at)}",
            )
    if rates and item.for_ is None and item.steps[-1].for_ is None:
        raise problem((), "steps of rates need 'for', the time from the first to the end")


def _titrates_a_rate(item: "DoseItem") -> None:
    if item.titrate is None:
        return
    if item.rate is None:
        raise problem(("titrate",), "needs 'rate', the rate to start with")
    if item.titrate.max.value < item.rate.value:
        raise problem(
            ("titrate", "max"),
            f"{units.format(item.titrate.max.value, Kind.MASS_RATE)} is below the rate to start "
            f"with, {units.format(item.rate.value, Kind.MASS_RATE)}",
        )


def _ends(item: "DoseItem") -> None:
    if item.every is None and item.times is not None:
        raise problem(("times",), "needs 'every', the time between doses")
    if item.until is not None and item.until <= item.at[0]:
        raise problem(
            ("until",), f"{hours(item.until)} is not after the start, {hours(item.at[0])}"
        )
    if item.times is not None and item.until is not None:
        raise problem(("until",), "'until' beside 'times', expected only one of them")
    if item.every is None and item.until is not None:
        _ends_a_rate(item)
    if item.rate is not None and item.for_ is None and item.until is None:
        raise problem((), "a rate needs an end: 'for' (such as '4 h') or 'until'")


def _ends_a_rate(item: "DoseItem") -> None:
    if item.rate is None:
        raise problem(("until",), "needs 'every', the time between doses, or 'rate'")
    if item.for_ is not None:
        raise problem(("until",), "'until' beside 'for', expected only one of them")
    if len(item.at) > 1:
        raise problem(("until",), "several starts need 'for', the length of each infusion")


def _repeats(item: "DoseItem") -> None:
    if item.every is not None and item.rate is not None and item.for_ is None:
        raise problem((), "a repeated rate needs 'for', the length of each infusion")
    span = item.at[-1] - item.at[0]
    if item.every is not None and span > 0 and span >= item.every - _SLACK:
        raise problem(("at",), f"spans {hours(item.every)} or more, so its doses repeated coincide")
    starts = (*item.at, item.at[0] + item.every) if item.every is not None else item.at
    shortest = min((after - before for before, after in pairwise(starts)), default=None)
    if shortest is not None and item.length > shortest + _SLACK:
        raise problem(
            ("for",) if item.for_ is not None else (),
            f"lasts {hours(item.length)}, longer than the {hours(shortest)} to the next start",
        )


def _bounds_a_scaled_dose(item: "DoseItem") -> None:
    if item.at_most is None:
        return
    limit, rate = item.at_most.dose, item.at_most.rate
    words = _words(("rate",) if rate else ("amount",), limit)
    if rate != (next(iter(item.doses))[-1] == "rate"):
        expected = "an amount such as '50 mg'" if rate else "a rate such as '25 mg/h'"
        found = "a rate" if rate else "an amount"
        raise problem(("at_most",), f"{words} is {found}, expected {expected} as the dose is")
    if limit.per:
        raise problem(("at_most",), f"{words} is a dose by weight, expected a bound per person")
    if not item.per:
        raise problem(("at_most",), f"{words} bounds a dose that no body weight can raise")


def _looks_at_an_infusion(item: "DoseItem") -> None:
    name = "pause_if" if item.pause_if else "stop_if"
    if not (item.pause_if or item.stop_if):
        if item.check is not None:
            raise problem(("check",), "is how often 'pause_if' or 'stop_if' is looked at: add one")
        return
    if item.rate is None and (item.amount is None or not item.length):
        raise problem((name,), "needs an infusion: 'rate', or 'amount' with 'for'")
    if item.check is None:
        raise problem((name,), "needs 'check', how often somebody looks, such as '15 min'")
    if item.check >= item.length - _SLACK:
        raise problem(
            ("check",),
            f"{hours(item.check)} is not below the length of the infusion, {hours(item.length)}: "
            "nobody would look",
        )


def _gives_as_needed(item: "DoseItem") -> None:
    if item.give_if is None:
        if item.most is not None:
            raise problem(("most",), "bounds the doses given by 'give_if': add it, or use 'times'")
        return
    if item.amount is None:
        raise problem(("give_if",), "needs 'amount', the dose that is given as needed")
    if item.pause_if or item.stop_if:
        raise problem(
            ("give_if",), "beside 'pause_if' or 'stop_if', expected rules of only one sort"
        )
    if item.every is not None and item.times is None and item.until is None:
        raise problem(("give_if",), "needs an end of the looks: 'until' or 'times'")


def _decides_from_a_beginning(item: "DoseItem") -> None:
    if not item.decided:
        return
    if item.missed > 0:
        raise problem(("missed",), "is for doses on a schedule, not for doses that a rule decides")
    if item.steady_state:
        raise problem(("steady_state",), "is for doses on a schedule, not for those under a rule")


def _misses_whole_doses(item: "DoseItem") -> None:
    if item.missed > 0 and (item.steps is not None or item.titrate is not None):
        raise problem(("missed",), "is for repeated single doses, not for steps or a titration")


def _settles(item: "DoseItem") -> None:
    if not item.steady_state:
        return
    if item.every is None:
        raise problem(("steady_state",), "needs 'every', the time between doses")
    if item.at[-1] >= item.every:
        raise problem(
            ("at",), f"must be before 'every', {hours(item.every)}, in a steady state at time 0"
        )


_RULES = (
    _needs_a_route,
    _needs_one_dose,
    _fits_a_comparator,
    _takes_an_infusion,
    _scales_once,
    _titrates_a_rate,
    _ends,
    _steps_follow,
    _repeats,
    _bounds_a_scaled_dose,
    _looks_at_an_infusion,
    _gives_as_needed,
    _misses_whole_doses,
    _decides_from_a_beginning,
    _settles,
)
