"""The figure of one session: doses, and what a monitor and the staff would see, hour by hour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from antalgic.dosing import DoseEvent
from antalgic.report import (
    clinic,
    frame,
    pain_panels,
    pain_sheet,
    regimen_panel,
    relief,
    style,
    words,
)
from antalgic.report.frame import Block, Panel
from antalgic.report.pain_panels import Course
from antalgic.report.style import Layout, Stroke
from antalgic.report.window import Window, axis, words_of
from antalgic.result import Arm, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: What is drawn beneath the doses, in reading order.
SHOWN = (
    "dissociation", "sedation", "pain", "arterial-pressure", "heart-rate", "ventilation",
    "desaturation",
)  # fmt: skip
#: With more curves than this on one pair of axes, bands are thin.
_FULL_BANDS = 2
#: Panels have this height and stand this far apart (in).
_HEIGHT, _GAP = 1.2, 0.5
#: Least top of the axis of a share of the people, so that what is rare looks rare.
_RARE = 0.05
_READY = (0, (1.2, 1.6))


@dataclass(frozen=True)
class Sitting:
    """Arms whose sessions last equally long (``span``, h), drawn over each other."""

    result: Result
    arms: list[Arm]
    hues: dict[str, Stroke]
    span: float
    window: Window

    @property
    def treated(self) -> list[Arm]:
        """The arms with a drug."""
        return [arm for arm in self.arms if arm.gives_a_drug]

    @property
    def dosed(self) -> list[Arm]:
        """The arms with ketamine, whose people stay until they are fit to leave."""
        return [arm for arm in self.arms if arm.model is not None]

    @property
    def title(self) -> str:
        """Such as "100 h: ketamine and placebo"."""
        length = words_of(self.span) if self.span else "Single dose"
        return f"{length}: {words.listed([arm.label for arm in self.arms])}"


def sittings(result: Result) -> list[Sitting]:
    """The sessions of a result by length, under the first of its mechanisms."""
    found: dict[float, list[Arm]] = {}
    arms = relief.attended(result)
    for arm in arms:
        assert arm.session is not None
        hours = arm.session.hours
        found.setdefault(round(hours.end - hours.begin, 6), []).append(arm)
    hues = pain_sheet.strokes(arms)
    sitting = []
    for span, own in found.items():
        last = max(float(_hours(arm)[-1]) for arm in own)
        sitting.append(Sitting(result, own, hues, span, axis(last, last)))
    return sitting


def alt(given: Sitting) -> str:
    """The figure in words, for those who do not see it."""
    names = words.listed([pain_panels.title(name).lower() for name in SHOWN])
    arms = words.listed([arm.label for arm in given.arms])
    return (
        f"Doses over the hours of one session, and below them {names} for {arms}: median and bands "
        "between people, and one person. The numbers are in the tables of the session and of harm."
    )


def lay_out(figure: Figure, given: Sitting, layout: Layout, *, heading: bool) -> None:
    """Draw everything and give the figure its size."""
    gap = 0.74
    columns = layout.columns
    width = (layout.width - layout.left - layout.right - (columns - 1) * gap) / columns
    drawings = _drawings(given)
    rows = -(-len(drawings) // columns)
    blocks = []
    for row in range(rows):
        own = [(i // rows, drawings[i]) for i in range(row, len(drawings), rows)]
        found = [
            Panel(name, layout.left + column * (width + gap), 0.0, width, _HEIGHT, draw)
            for column, (name, draw) in own
        ]
        blocks.append(Block(found, _HEIGHT + _GAP + (0.0 if row == rows - 1 else 0.06)))
    frame.lay_out(
        figure, given.result, layout, blocks, _key(given), partial(_sample, given),
        heading=heading, rivals=relief.rivals(given.result)[:1],
    )  # fmt: skip


def _hours(arm: Arm) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Times of a session from its first dose, h."""
    assert arm.session is not None
    hours = arm.session.hours
    return hours.times[hours.inside] - hours.begin


def ready(arm: Arm) -> float:
    """Hours from the first dose until half of the people are fit to leave; infinite if never."""
    assert arm.session is not None
    hours = arm.session.hours
    after = arm.session.chain.endpoints["session.ready"]
    return hours.end - hours.begin + clinic.rank(after, 0.5)


# --- panels ------------------------------------------------------------------------------------


def _drawings(given: Sitting) -> list[tuple[str, Callable[[Axes], None]]]:
    doses = regimen_panel.panels([(_inside(arm), given.hues[arm.label]) for arm in given.treated])
    found: list[tuple[str, Callable[[Axes], None]]] = [
        (f"doses-{number + 1}", partial(_doses, given=given, panel=panel))
        for number, panel in enumerate(doses)
    ]
    return found + [(name, partial(_watched, given=given, output=name)) for name in SHOWN]


def _inside(arm: Arm) -> Arm:
    """The arm with the doses of its session only, from the first of them on."""
    assert arm.session is not None
    begin, end = arm.session.hours.begin, arm.session.hours.end

    def own(doses: Sequence[DoseEvent], last: float) -> tuple[DoseEvent, ...]:
        inside = [d for d in doses if begin - 1e-9 <= d.time <= last + 1e-9]
        return tuple(replace(d, time=d.time - begin) for d in inside)

    given = replace(
        arm.regimen, doses=own(arm.regimen.doses, end),
        comparators=own(arm.regimen.comparators, float(arm.session.hours.times[-1])),
    )  # fmt: skip
    return replace(arm, regimen=given)


def _doses(axes: Axes, *, given: Sitting, panel: regimen_panel.Panel) -> None:
    _ground(axes, given)
    regimen_panel.draw(axes, panel, given.window)
    pain_panels.time_axis(axes, given.window, labelled=True)


def _watched(axes: Axes, *, given: Sitting, output: str) -> None:
    _ground(axes, given)
    found = [_course(given, arm, output) for arm in given.arms]
    if output == "desaturation":
        _share(axes, found, given.window)
    else:
        thin = len(found) > _FULL_BANDS
        pain_panels.draw(axes, output, found, given.window, thin=thin, means=False)
        _person(axes, given, output)
    pain_panels.time_axis(axes, given.window, labelled=True)
    title = pain_panels.title(output) + relief.mark(given.result, *given.arms, output=output)
    axes.set_title(title, loc="left", fontweight="bold", pad=5)


def _course(given: Sitting, arm: Arm, output: str) -> Course:
    assert arm.session is not None
    chain, inside = arm.session.chain, arm.session.hours.inside
    place = chain.outputs.index(output)
    rows = chain.quantiles[place, inside].T
    return Course(arm, given.hues[arm.label], _hours(arm), rows, chain.mean[place, inside])


def _share(axes: Axes, found: Sequence[Course], window: Window) -> None:
    """The share of the people who have it, in percent."""
    top = max(_RARE, 1.1 * max(float(course.mean.max()) for course in found))
    for course in found:
        axes.plot(
            window.scaled(course.times), 100 * course.mean, color=course.stroke.colour,
            linestyle=course.stroke.dash, linewidth=1.7,
        )  # fmt: skip
    axes.set_ylim(0, 100 * top)
    pain_panels.frame(axes, "% of people")


def _person(axes: Axes, given: Sitting, output: str) -> None:
    """One person's line, in ink; the axis makes room for it."""
    arm = _shown(given)
    if arm is None or arm.session is None or arm.session.example is None:
        return
    place = arm.session.chain.outputs.index(output)
    values = arm.session.example.values[place][arm.session.hours.inside]
    low, high = axes.get_ylim()
    room = 0.04 * (high - low)
    low = min(low, float(values.min()) - room) if low > 0 else low
    axes.set_ylim(low, max(high, float(values.max()) + room * (output != "pain")))
    axes.plot(
        given.window.scaled(_hours(arm)), values, color=style.INK, linewidth=0.9,
        gid=f"{axes.get_gid()}-person",
    )  # fmt: skip


def _shown(given: Sitting) -> Arm | None:
    """The arm whose example is drawn: the first that has one."""
    arms = (arm for arm in given.arms if arm.session is not None)
    return next((arm for arm in arms if arm.session and arm.session.example), None)


def _ground(axes: Axes, given: Sitting) -> None:
    """Grey while doses are given; a line when half of an arm's people are fit to leave."""
    pain_panels.shaded(axes, 0.0, given.span, given.window)
    for arm in given.dosed:
        hour = ready(arm)
        if hour <= given.window.end:
            hue = given.hues[arm.label]
            axes.axvline(
                float(given.window.scaled(hour)), color=hue.colour, linestyle=_READY, linewidth=1.2,
                zorder=1, gid=f"{axes.get_gid()}-ready-{arm.name}",
            )  # fmt: skip


# --- key ---------------------------------------------------------------------------------------


def _key(given: Sitting) -> list[tuple[str, str]]:
    """Lines of the key: sort of sample and text."""
    people = len(given.result.people)
    found = [(f"arm:{arm.label}", arm.label) for arm in given.arms]
    thin = len(given.arms) > _FULL_BANDS
    if people == 1:
        found.append(("line", "one typical person"))
    else:
        bands = words.MIDDLE if thin else f"{words.MIDDLE} and {words.BAND}"
        who = words.count(people, "person", "people")
        found.append(("thin" if thin else "band", f"median, {bands} of {who}"))
    if given.span:
        found.append(("treated", "from the first dose to the end of the last"))
    for arm in given.dosed:
        if ready(arm) <= given.window.end:
            text = "half of the people are fit to leave" if people > 1 else "fit to leave"
            several = f", {arm.label}" if len(given.dosed) > 1 else ""
            found.append((f"ready:{arm.label}", text + several))
    one = _shown(given)
    if one is not None and one.session is not None and one.session.example is not None:
        found.append(("person", person(given.result, one)))
    return found


def person(result: Result, arm: Arm) -> str:
    """Who is drawn, such as "person 181, a woman of 52 years and 81 kg, …"."""
    assert arm.session is not None and arm.session.example is not None
    who, place = result.people, arm.session.example.place
    kind = "woman" if who.female[place] else "man"
    if who.age[place] < 18:
        kind = "girl" if who.female[place] else "boy"
    several = sum(a.gives_a_drug for a in result.arms if a.session is not None) > 1
    under = f" under “{arm.label}”" if several else ""
    return (
        f"one of them: person {who.ids[place]}, a {kind} of "
        f"{words.digits(float(who.age[place]), 2)} years and "
        f"{words.digits(float(who.weight[place]), 2)} kg; nine in ten dissociate less{under}"
    )


def _sample(given: Sitting, axes: Axes, kind: str, x: float, y: float) -> None:
    sort, _, name = kind.partition(":")
    ends = [x, x + frame.LONG]
    middle = x + frame.LONG / 2
    if sort == "arm":
        hue = given.hues[name]
        axes.plot(ends, [y, y], color=hue.colour, linestyle=hue.dash, linewidth=1.7)
    elif sort == "treated":
        axes.fill_between(ends, y - 0.06, y + 0.06, color=pain_panels.SHADE, linewidth=0)
    elif sort == "ready":
        colour = given.hues[name].colour
        axes.plot([middle] * 2, [y - 0.08, y + 0.08], color=colour, linestyle=_READY, linewidth=1.2)
    elif sort == "person":
        axes.plot(ends, [y, y], color=style.INK, linewidth=0.9)
    else:
        if sort != "line":
            frame.band(axes, x, y, wide=sort == "band")
        axes.plot(ends, [y, y], color=style.SOFT, linewidth=1.5)
