"""Which model answers when the study names none: one per drug, route, age and sampling."""

from collections.abc import Iterable
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.model import interactions, shelf

Age = Literal["adult", "child"]
Sampling = Literal["any", "arterial", "venous"]


class Default(BaseModel):
    """One line of library/pk/defaults.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    drug: shelf.Drug
    route: shelf.Route
    age: Age
    sampling: Sampling
    model: str
    why: str


class NotOffered(BaseModel):
    """A drug and route that nothing published lets us simulate, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    route: str | None = None
    drug: str | None = None
    age: Age | None = None
    sampling: str | None = None
    why: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    defaults: tuple[Default, ...]
    not_offered: tuple[NotOffered, ...] = ()


@cache
def table() -> tuple[Default, ...]:
    """Every default, in the library's order."""
    return _read().defaults


def choose(
    given: Iterable[tuple[str, str]],
    *,
    age: Age = "adult",
    sampling: Sampling = "any",
    perpetrators: Iterable[str] = (),
) -> Default:
    """The default for an arm that gives these (drug, route) pairs beside other drugs.

    One model must cover all of the pairs, so that they lie on one curve; where another drug acts, a
    model in which its effect is on file is preferred.  Raises InputError that says why nothing does
    and names the nearest models.
    """
    pairs = list(given)
    candidates = [_single(drug, route, age, sampling) for drug, route in pairs]
    able = [n for n in shelf.names(runnable=True) if covers(n, pairs, age)]
    if not able:
        wanted = ", ".join(f"{drug} {route}" for drug, route in pairs)
        raise InputError(f"no model covers {wanted} together; nearest are {nearest(pairs)}")
    others = list(perpetrators)
    expressed = [n for n in able if others and all(_acts(o, n) for o in others)]
    chosen = next((c for c in candidates if c.model in (expressed or able)), None)
    if chosen is not None:
        return chosen
    name, why = able[0], "a model that covers every route of this arm"
    if expressed:
        name, why = expressed[0], f"the effect of {', '.join(others)} is on file in it"
    return candidates[0].model_copy(update={"model": name, "why": why})


def covers(name: str, pairs: Iterable[tuple[str, str]], age: Age) -> bool:
    """Whether a runnable model is for the age and has every (drug, route) pair."""
    model = shelf.load(name)
    return model.file.ages in (age, "all") and all(model.covers(d, r) for d, r in pairs)


def _acts(perpetrator: str, model: str) -> bool:
    return any(effect.model == model for effect in interactions.load(perpetrator).effects)


def _single(drug: str, route: str, age: Age, sampling: Sampling) -> Default:
    for default in table():
        if (default.drug, default.route, default.age, default.sampling) == (
            drug, route, age, sampling,
        ):  # fmt: skip
            return default
    reasons = [
        entry.why
        for entry in _read().not_offered
        if entry.route in (None, route)
        and entry.drug in (None, drug)
        and entry.age in (None, age)
        and entry.sampling in (None, sampling)
    ]
    site = "" if sampling == "any" else f" with {sampling} sampling"
    people = "children" if age == "child" else "adults"
    because = f" ({reasons[0].rstrip('.')})" if reasons else ""
    raise InputError(
        f"no model covers {drug} {route} in {people}{site}{because}; "
        f"nearest are {nearest([(drug, route)])}"
    )


def nearest(pairs: Iterable[tuple[str, str]]) -> str:
    """Up to three runnable models that share the most with what was asked for, in words."""
    wanted = list(pairs)

    def score(name: str) -> int:
        routes = {str(drug): tuple(r) for drug, r in shelf.record(name).routes.items()}
        return sum(
            3 * int(route in routes.get(drug, {}))
            + 2 * int(any(route in r for r in routes.values()))
            + int(drug in routes)
            for drug, route in wanted
        )

    best = sorted(shelf.names(runnable=True), key=lambda n: (-score(n), n))[:3]
    return "; ".join(
        f"{n} ({', '.join(f'{d} ' + '/'.join(r) for d, r in shelf.record(n).routes.items())})"
        for n in best
    )


@cache
def _read() -> _File:
    return yamlfile.validate(_File, yamlfile.library("pk/defaults.yaml"))
