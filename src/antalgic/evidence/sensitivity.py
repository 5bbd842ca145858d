"""What moves one number of a study: each parameter from low to high, and its share of the variance.

Each is moved by itself from the 5th to the 95th percentile of what is known of it, the others kept
at the library's values; the shares are those of joint draws (`certainty`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from antalgic import standing
from antalgic.arms import is_behind
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.evidence import certainty
from antalgic.evidence.certainty import Certainty, Doubt, Endpoint, Model, Progress, Shares
from antalgic.model import comparators
from antalgic.model.mechanism import OUTPUTS
from antalgic.population import conditions
from antalgic.study import Study

Array = NDArray[np.float64]

#: Normal scores of the 5th, 25th, 50th, 75th and 95th percentile.
SCORES = (-1.6448536, -0.6744898, 0.0, 0.6744898, 1.6448536)
LEVELS = (5, 25, 50, 75, 95)
#: People from whom the number itself is taken, if the study has so many.
WHOLE = 4096
#: Parameters that a spider shows, those that move the number most.
LEGS = 6


@dataclass(frozen=True)
class Bar:
    """One parameter: its values, low to high, and the number at them; ``share`` of the variance.

    ``share`` is None where no shares are given.
    """

    doubt: Doubt
    values: Array
    numbers: Array
    share: float | None

    @property
    def width(self) -> float:
        """How far the number moves between the 5th and the 95th percentile."""
        return float(abs(self.numbers[-1] - self.numbers[0]))


@dataclass(frozen=True)
class Sensitivity:
    """One number of a study and what moves it.

    ``usual`` is the number under the library's values; ``low``, ``middle`` and ``high`` are its
    5th, 50th and 95th percentile over joint draws.  What parameters move is taken from ``people``
    people, the number itself from up to `WHOLE`.  ``why`` says
    why there are no shares, where that is so.  ``bars`` have the ends only, the widest first;
    ``legs`` are the widest again at all `LEVELS`.  ``exploratory`` says why the number must not be
    taken as validated; empty where it may be.
    """

    study: Study
    endpoint: Endpoint
    arm: str
    over: str | None
    usual: float
    low: float
    middle: float
    high: float
    bars: tuple[Bar, ...]
    legs: tuple[Bar, ...]
    shares: Shares | None
    why: str
    draws: int
    people: int
    exploratory: tuple[str, ...] = ()


def run(
    study: Study,
    *,
    of: str | None = None,
    arm: str | None = None,
    over: str | None = None,
    at: float | None = None,
    parameters: Sequence[str] | None = None,
    draws: int = certainty.DRAWS,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Sensitivity:
    """What moves the mean of an output (the first of the study) in an arm at a time (h).

    Without ``arm`` that is the first with a drug, without ``at`` the end, or the time of the
    highest mean for a level in blood; ``over`` takes off the mean of another arm.  ``parameters``
    names those to be looked at, all by default.  InputError for an unknown name, with the nearest.
    """
    _check_output(study, of)
    asked = _asking(study, of)
    people = asked.people()
    model = Model.of(asked, certainty.usual_times(asked), people)
    output = of or ("pain" if "pain" in model.outputs else model.outputs[0])
    wanted = _wanted(model, parameters)
    row, other = _arm(model, arm, "--arm"), None if over is None else _arm(model, over, "--over")
    if other == row:
        raise InputError(f"{shown(over)} is the arm itself", field="--over")
    hour = _hour(asked, model, output, row, at)
    times = np.unique([0.0, hour])
    found = certainty.run(
        asked, times, people=people, draws=draws, threads=threads, progress=progress
    )
    one = Endpoint(output, row, other, len(times) - 1, hour)
    y = found.number(one)
    if np.isnan(y).any():
        raise InputError(
            f"arm {shown(model.arms[row].name)} does not give '{output}'", field="--of"
        )
    shares, why = _shares(found, one)
    again = Model.of(asked, times, people)
    whole = _number(Model.of(asked, times, people, WHOLE), one, {})
    apart = whole - found.usual(one)
    low, middle, high = (float(q) for q in np.quantile(y + apart, (0.05, 0.5, 0.95)))

    def bar(doubt: Doubt, scores: Sequence[float]) -> Bar:
        share = None if shares is None else shares.parameters[doubt.name]
        values = doubt.known.at(scores)
        numbers = [_number(again, one, {doubt.name: float(v)}) + apart for v in values]
        return Bar(doubt, values, np.array(numbers), share)

    bars = sorted((bar(doubt, (SCORES[0], SCORES[-1])) for doubt in wanted), key=_wide)
    legs = [bar(wide.doubt, SCORES) for wide in bars[:LEGS]]
    return Sensitivity(
        study, one, model.arms[row].name, None if other is None else model.arms[other].name,
        whole, low, middle, high, tuple(bars), tuple(legs), shares, why, draws,
        found.people, _doubtful(asked, model, one),
    )  # fmt: skip


def _doubtful(study: Study, model: Model, one: Endpoint) -> tuple[str, ...]:
    """Why the number is exploratory, in either arm."""
    if study.condition is None:
        return ()
    condition = conditions.load(study.condition)
    arms = [model.arms[row] for row in (one.arm, one.over) if row is not None]
    why = [says for arm in arms for says in standing.reasons(arm, condition, one.output)]
    return tuple(dict.fromkeys(why))


def _wide(bar: Bar) -> float:
    return -bar.width


def _asking(study: Study, of: str | None) -> Study:
    """The study with the output among those that are followed."""
    if of is None or study.outputs is None or of in study.outputs:
        return study
    return study.model_copy(update={"outputs": (*study.outputs, of)})


def _wanted(model: Model, names: Sequence[str] | None) -> list[Doubt]:
    known = {doubt.name: doubt for doubt in model.doubts}
    for name in names or ():
        if name not in known:
            hint = did_you_mean(name, known) or f", expected some of {', '.join(known)}"
            raise InputError(f"unknown parameter {shown(name)}{hint}", field="--parameters")
    return [known[name] for name in names or known]


def _arm(model: Model, name: str | None, field: str) -> int:
    names = [arm.name for arm in model.arms]
    if name is None:
        return next((i for i, arm in enumerate(model.arms) if arm.gives_a_drug), 0)
    if name not in names:
        hint = did_you_mean(name, names) or f", expected one of {', '.join(names)}"
        raise InputError(f"unknown arm {shown(name)}{hint}", field=field)
    return names.index(name)


def _hour(study: Study, model: Model, output: str, row: int, at: float | None) -> float:
    if at is not None:
        if not 0 < at <= study.horizon:
            raise InputError(
                f"{at:g} h is not within the study, expected above 0 and up to {study.horizon:g} h",
                field="--at",
            )
        return at
    if is_behind(output):
        return float(model.given.times[-1])
    usual = model.means({})[row, model.outputs.index(output)]
    return float(model.given.times[int(np.argmax(usual))])


def _shares(found: Certainty, one: Endpoint) -> tuple[Shares | None, str]:
    try:
        return found.shares(one), ""
    except InputError as error:
        return None, error.message


def _number(model: Model, one: Endpoint, values: Mapping[str, float]) -> float:
    """An endpoint where these parameters take these values."""
    means = model.means(values)[:, model.outputs.index(one.output), one.at]
    return float(means[one.arm] - (0.0 if one.over is None else means[one.over]))


def _check_output(study: Study, of: str | None) -> None:
    """Refuse an output that no study could give; InputError with the nearest."""
    if of is None:
        return
    model = Model.of(study, np.array([0.0, study.horizon]))
    blood = [a for arm in model.arms if arm.model is not None for a in arm.model.analytes]
    known = list(dict.fromkeys((*model.outputs, *blood, *OUTPUTS, *comparators.names())))
    if of not in known:
        hint = did_you_mean(of, known) or f", expected one of {', '.join(known)}"
        raise InputError(f"unknown output {shown(of)}{hint}", field="--of")
