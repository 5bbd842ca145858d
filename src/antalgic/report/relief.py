"""Numbers of pain: by week and arm, against the arm without drug, and shares with relief."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antalgic.population import conditions
from antalgic.report import words
from antalgic.report.window import words_of
from antalgic.result import Arm, Result
from antalgic.simulation.chain import WEEKS

#: Shares of relief that count as a response: of some importance, and of much.
RESPONSES = (0.3, 0.5)


@dataclass(frozen=True)
class Visit:
    """A time at which everybody's pain was kept: its columns in the table of patients."""

    name: str
    hour: float
    pain: str
    relief: str | None


@dataclass(frozen=True)
class Difference:
    """An arm against one without drug: of means, SD of it between people, SE in a trial.

    ``sd`` is of the same simulated people under both arms; ``se`` is None without a published
    size.
    """

    arm: Arm
    control: Arm
    mean: float
    sd: float
    se: float | None


def visits(result: Result) -> list[Visit]:
    """Before treatment, the weeks within the horizon, and the end where it is none of these."""
    last = float(result.quantiles.time.values[-1])
    found = [Visit("start", 0.0, "pain.baseline", None)]
    found += [
        Visit(f"week {w}", hour, f"pain.week{w}", f"relief.week{w}")
        for w, hour in WEEKS.items()
        if hour <= last
    ]
    if found[-1].hour < last:
        found.append(Visit(words_of(last), last, "pain.end", "relief.end"))
    return found


def followed(result: Result) -> list[Arm]:
    """The arms whose pain was followed."""
    return [arm for arm in result.arms if arm.chain is not None]


def rivals(result: Result) -> list[str]:
    """The mechanisms of a result, in its order."""
    return list(dict.fromkeys(arm.mechanism for arm in followed(result) if arm.mechanism))


def attended(result: Result) -> list[Arm]:
    """The arms with a session, under the first of the mechanisms: harm is the same under all."""
    first = rivals(result)[:1]
    return [a for a in result.arms if a.session is not None and [a.mechanism] == first]


def control(result: Result, arm: Arm) -> Arm | None:
    """The arm that an arm with drug is compared with: placebo, else nothing, same mechanism."""
    return arm.control(followed(result))


def pairs(result: Result) -> list[tuple[Arm, Arm]]:
    """Every arm with drug and what it is compared with."""
    both = [(arm, control(result, arm)) for arm in followed(result)]
    return [(arm, other) for arm, other in both if other is not None]


def mark(result: Result, *arms: Arm, output: str = "pain") -> str:
    """What follows the name of an output, or of arms, where it is exploratory in one of them."""
    marked = any(output in result.exploratory.get(arm.name, ()) for arm in arms)
    return " (exploratory)" if marked else ""


def column(result: Result, arm: Arm, name: str) -> NDArray[np.float64]:
    """A column of the table of patients for one arm."""
    table = result.patients
    return np.asarray(table.loc[table["ARM"] == arm.name, name], dtype=np.float64)


def share(result: Result, arm: Arm, visit: Visit, relief: float) -> float:
    """Share of the people with at least so much relief at a visit after the start."""
    assert visit.relief is not None
    return float(np.mean(column(result, arm, visit.relief) >= relief))


def chronic(result: Result) -> float | None:
    """The pain from which pain that stayed is chronic; None where relief is what is asked."""
    assert result.study.condition is not None
    level = conditions.load(result.study.condition).chronic
    return None if level is None else level.value


def persistent(result: Result, arm: Arm, visit: Visit, least: float) -> float:
    """Share of the people with pain of ``least`` or more at a visit."""
    return float(np.mean(column(result, arm, visit.pain) >= least))


def difference(
    result: Result, arm: Arm, other: Arm, visit: Visit, sizes: Mapping[str, int]
) -> Difference:
    """Drug less control at a visit."""
    a, b = column(result, arm, visit.pain), column(result, other, visit.pain)
    n, m = sizes.get(arm.regimen.name), sizes.get(other.regimen.name)
    se = None
    if n and m and len(a) > 1:
        se = math.sqrt(float(a.var(ddof=1)) / n + float(b.var(ddof=1)) / m)
    sd = float((a - b).std(ddof=1)) if len(a) > 1 else 0.0
    return Difference(arm, other, float(a.mean() - b.mean()), sd, se)


def curve(result: Result, arm: Arm, other: Arm) -> NDArray[np.float64]:
    """Difference of mean pain over time (T,)."""
    means = result.mean.sel(output="pain")
    found: NDArray[np.float64] = means.sel(arm=arm.name).values - means.sel(arm=other.name).values
    return found


def half_gone(result: Result, arm: Arm, other: Arm) -> float | None:
    """Time (h) at which half of the difference at the end of treatment is lost; None if never."""
    times, found = result.quantiles.time.values, curve(result, arm, other)
    end = arm.regimen.treated[1] if arm.regimen.treated else 0.0
    first = int(np.searchsorted(times, end))
    if first >= len(times) or found[first] >= 0:
        return None
    lost = np.flatnonzero(found[first:] > found[first] / 2)
    return float(times[first + lost[0]]) if len(lost) else None


def points(value: float) -> str:
    """Points of pain with one decimal and a true minus sign: "−2.8"."""
    text = f"{abs(value):.1f}"
    return f"\u2212{text}" if value < 0 and float(text) else text


def percent(value: float) -> str:
    """A share as whole percent: "64 %"."""
    return f"{100 * value:.0f} %"


def when(hours: float) -> str:
    """A time as a place in the study: "week 5", "day 9", "5 h"."""
    for name, size in (("week", 168.0), ("day", 24.0)):
        if hours >= 2 * size:
            return f"{name} {words.digits(hours / size, 2 if hours < 10 * size else 3)}"
    return words_of(hours)
