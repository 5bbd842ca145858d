"""The session in the report: its figures, what they show in words, chairs and staff."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from antalgic.model import harm
from antalgic.report import clinic, figures, session_sheet, svg, words
from antalgic.report.clinic import Table
from antalgic.report.session_sheet import Sitting
from antalgic.report.window import words_of
from antalgic.result import Arm, Result
from antalgic.simulation.session import sessions


@dataclass(frozen=True)
class Drawn:
    """A figure twice, for a page and for a telephone, with what it is of and what it shows."""

    title: str
    images: tuple[Markup, ...]
    caption: str


@dataclass(frozen=True)
class Page:
    """Everything that the page says of the session."""

    intro: str
    sittings: tuple[Drawn, ...]
    table: Table
    remarks: tuple[str, ...]


def gather(result: Result) -> Page | None:
    """What there is to say of the session; None where none was followed."""
    found = session_sheet.sittings(result)
    if not found:
        return None
    wide, narrow = (figures.sessions(result, layout=x, heading=False) for x in ("wide", "narrow"))
    drawn = []
    for number, sitting in enumerate(found):
        alt = session_sheet.alt(sitting)
        images = tuple(
            Markup(svg.inline(figure, f"session-{number + 1}-{x}", alt, css=x))
            for x, figure in (("wide", wide[number]), ("narrow", narrow[number]))
        )
        drawn.append(Drawn(sitting.title, images, " ".join(_caption(sitting))))
    seats = clinic.seats(result)
    return Page(_intro(result), tuple(drawn), clinic.table(seats), tuple(clinic.remarks(seats)))


def _intro(result: Result) -> str:
    fit = (
        f"no more than {harm.limit('leave-dissociation'):g} points of dissociation (CADSS) above "
        f"their start, an alertness (MOAA/S) above {harm.limit('leave-sedation'):g}, mean arterial "
        f"pressure within {100 * harm.limit('leave-pressure'):g} % of their start, no new nausea"
    )
    several = any(len(list(sessions(arm.regimen))) > 1 for arm in result.arms)
    which = "The session with the most drug, hour by hour. " if several else ""
    return f"{which}People are fit to leave from when they stay so: {fit}."


def _caption(given: Sitting) -> list[str]:
    """What the bands are, and the highest medians in words."""
    people = len(given.result.people)
    said = [
        "One typical person: no deviation from the typical parameters."
        if people == 1
        else f"Bands show how {words.count(people, 'person', 'people')} differ from each other. "
        "They do not show how uncertain the parameters are."
    ]
    for arm in given.dosed:
        said.append(_peaks(arm, people))
    said.append(
        "A monitor’s readings scatter about these lines. The share of people with low saturation "
        "is drawn in place of a saturation, which the library has no published course of."
    )
    return said


def _peaks(arm: Arm, people: int) -> str:
    """Where the middle of the people comes to under one arm, and when."""
    assert arm.session is not None
    chain, hours = arm.session.chain, arm.session.hours
    row = chain.quantiles[chain.outputs.index("dissociation"), hours.inside, 2]
    times = hours.times[hours.inside] - hours.begin
    top = int(row.argmax())
    who = "dissociation" if people == 1 else "median dissociation"
    rise = {}
    for name in ("arterial-pressure", "heart-rate"):
        values = chain.quantiles[chain.outputs.index(name), hours.inside, 2]
        rise[name] = float(values.max() - values[0])
    return (
        f"Under “{arm.label}”, {who} is highest at {words_of(float(times[top]))} with "
        f"{words.digits(float(row[top]), 2)} points; mean arterial pressure goes up by "
        f"{words.digits(rise['arterial-pressure'], 2)} mmHg and the pulse by "
        f"{words.digits(rise['heart-rate'], 2)} a minute."
    )
