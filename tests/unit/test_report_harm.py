"""Session, harm and benefit in the report: what is drawn, what is counted, what is said."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.stats import binomtest

import antalgic
from antalgic import arms
from antalgic.errors import InputError
from antalgic.model import harm
from antalgic.report import (
    balance,
    clinic,
    exposure,
    figures,
    harm_sheet,
    intervals,
    output,
    page,
    session_sheet,
    trials,
)
from antalgic.simulation.session import sessions

SHORT = """\
study: short
condition: neuropathic
population: {size: 40}
horizon: 2 weeks
output_every: 4 h
seed: 1
arms:
  ketamine:
    - {drug: ketamine, route: iv, amount: 0.5 mg/kg, for: 40 min}
  placebo:
    - {drug: placebo, route: iv, for: 40 min}
"""
LONG = """\
study: long
condition: crps
population: {size: 40}
horizon: 6 weeks
output_every: 12 h
seed: 1
arms:
  twice:
    - {drug: s-ketamine, route: iv, rate: 20 mg/h, for: 100 h}
    - {drug: s-ketamine, route: iv, rate: 20 mg/h, at: 480 h, for: 100 h}
  once:
    - {drug: s-ketamine, route: iv, rate: 20 mg/h, for: 100 h}
  spray:
    - {drug: s-ketamine, route: nasal, amount: 56 mg, every: 84 h, times: 3}
  placebo:
    - {drug: placebo, route: iv, for: 100 h}
"""
TYPICAL = SHORT.replace("size: 40", "typical: true")
ALL = (SHORT, LONG, TYPICAL)


@cache
def result(text: str) -> antalgic.Result:
    return antalgic.loads(text).run(threads=1, sessions=True)


@cache
def html(text: str) -> str:
    return page.html(result(text), {})


def said(text: str) -> str:
    """The words of the page."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html(text), flags=re.S).split())


def everyone(text: str, arm: str, name: str) -> np.ndarray:
    attended = result(text).arm(arm).session
    assert attended is not None
    return attended.chain.endpoints[name]


# The session


def test_the_person_drawn_is_one_of_the_people_bit_by_bit() -> None:
    found = result(SHORT)
    arm = found.arm("ketamine")
    assert arm.session is not None and arm.session.example is not None
    setting = arms.setting(found.study, found.people, found.quantiles.time.values, False, 1)
    whole = arms._chain(
        setting, arm, outputs=arms.WATCHED, times=arm.session.hours.times, trajectories=True
    )
    assert whole is not None and whole.values is not None
    example = arm.session.example
    assert np.array_equal(whole.values[:, :, example.place], example.values)
    peaks = everyone(SHORT, "ketamine", "session.dissociation")
    assert np.mean(peaks < peaks[example.place]) == pytest.approx(0.9, abs=0.03)
    assert f"person {found.people.ids[example.place]}," in said(SHORT)


def test_sessions_of_one_length_share_a_figure() -> None:
    found = session_sheet.sittings(result(LONG))
    assert [[arm.label for arm in s.arms] for s in found] == [
        ["twice", "once", "placebo"],
        ["spray"],
    ]
    assert [s.span for s in found] == [100.0, 0.0]
    with pytest.raises(InputError, match="sessions=True"):
        figures.sessions(antalgic.loads(SHORT).run(threads=1))


@pytest.mark.parametrize("layout", ["wide", "narrow"])
def test_the_panels_of_a_session(layout: str) -> None:
    (figure,) = figures.sessions(result(SHORT), layout=layout)  # type: ignore[arg-type]
    panels = {str(a.get_gid()): a for a in figure.axes}
    assert set(panels) == {"key", "doses-1", *session_sheet.SHOWN}
    arm = result(SHORT).arm("ketamine")
    assert arm.session is not None
    chain = arm.session.chain
    for name in session_sheet.SHOWN[:-1]:
        lines = {str(line.get_gid()): line for line in panels[name].lines}
        assert f"{name}-person" in lines
        x = lines[f"{name}-ready-ketamine"].get_xdata()
        assert float(x[0]) == pytest.approx(session_sheet.ready(arm))
        inside = chain.quantiles[chain.outputs.index(name), arm.session.hours.inside, 2]
        assert any(
            len(y) > 3 and np.isin(y, inside).all() for y in map(_height, panels[name].lines)
        )
    rare = _height(panels["desaturation"].lines[-2])
    assert rare.max() == pytest.approx(100 * chain.mean[chain.outputs.index("desaturation")].max())


def _height(line: matplotlib.lines.Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata())


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("layout", ["wide", "narrow"])
def test_text_stays_on_the_sheet_and_apart(text: str, layout: str) -> None:
    drawn: list[Figure] = figures.sessions(result(text), layout=layout)  # type: ignore[arg-type]
    for figure in [*drawn, figures.harm(result(text), layout=layout)]:  # type: ignore[arg-type]
        figure.canvas.draw()
        spans = []
        for part in figure.findobj(matplotlib.text.Text):
            if not part.get_text() or not part.get_visible():
                continue
            box = part.get_window_extent()
            assert box.x0 >= figure.bbox.x0 - 1 and box.x1 <= figure.bbox.x1 + 1, part.get_text()
            assert box.y0 >= figure.bbox.y0 - 1 and box.y1 <= figure.bbox.y1 + 1, part.get_text()
        for panel in figure.axes:
            own = (panel._left_title, panel.xaxis.label, *panel.texts)
            spans += [(t.get_text(), t.get_window_extent()) for t in own if t.get_text()]
        for i, (a, first) in enumerate(spans):
            for b, second in spans[i + 1 :]:
                assert not first.padded(-1).overlaps(second.padded(-1)), (a, b)


def test_chairs_count_the_longer_of_observation_and_recovery() -> None:
    seat = next(s for s in clinic.seats(result(SHORT)) if s.arm.name == "ketamine")
    ready = everyone(SHORT, "ketamine", "session.ready")
    stay = np.maximum(np.minimum(ready, seat.followed), 2.0)
    assert seat.chair["spravato"] == pytest.approx(2 / 3 + stay.mean())
    assert seat.ready[0] == np.sort(ready)[19] and seat.ready[1] == np.sort(ready)[35]
    assert seat.late == np.isinf(ready).mean()
    placebo = next(s for s in clinic.seats(result(SHORT)) if s.arm.name == "placebo")
    assert placebo.chair == pytest.approx({"spravato": 2 / 3 + 2, "anzca2021": 2 / 3 + 4})
    assert placebo.nurse["spravato"] == pytest.approx((2 / 3 + 2) / 2)


def test_pain_that_is_exploratory_is_marked_in_the_session() -> None:
    doubtful = replace(result(SHORT), exploratory={"ketamine": {"pain": ("no trial",)}})
    titles = {a.get_gid(): a.get_title(loc="left") for a in figures.sessions(doubtful)[0].axes}
    assert titles["pain"] == "Pain (exploratory)"
    assert titles["sedation"] == "Alertness"


def test_a_course_has_all_its_sessions() -> None:
    by_arm = {s.arm.name: s for s in clinic.seats(result(LONG))}
    assert {name: s.sessions for name, s in by_arm.items()} == {
        "twice": 2, "once": 1, "spray": 3, "placebo": 1,
    }  # fmt: skip
    twice = by_arm["twice"]
    assert twice.course["anzca2021"] == pytest.approx(2 * twice.chair["anzca2021"])
    assert by_arm["spray"].nurses.value == 0.5 and twice.nurses.value == 0.25
    assert "are not fit to leave within 6 h after the last dose" in said(LONG)


# Harm


def test_the_figure_of_harm_has_everyones_events() -> None:
    (axes,) = (a for a in figures.harm(result(LONG)).axes if a.get_gid() == "harm")
    drawn = {str(line.get_gid()): float(np.asarray(line.get_xdata())[-1]) for line in axes.lines}
    for arm in ("twice", "spray", "placebo"):
        for event in balance.events():
            share = 100 * everyone(LONG, arm, f"had.{event}").mean()
            assert drawn[f"{event}-{arm}"] == pytest.approx(share)


def test_a_published_share_stands_beside_the_same_session(monkeypatch: pytest.MonkeyPatch) -> None:
    known = trials.Incidence("spray", "nausea", 0.25, 0.03, "Somebody 2020")
    monkeypatch.setattr(trials, "incidences", lambda _: [known])
    given = harm_sheet.scene(result(LONG))
    assert list(given.shapes) == ["Somebody 2020"]
    (axes,) = (a for a in figures.harm(result(LONG)).axes if a.get_gid() == "harm")
    (mark,) = (line for line in axes.lines if line.get_gid() == "published-nausea-spray")
    assert float(np.asarray(mark.get_xdata())[0]) == 25.0


def test_doses_of_a_session_are_compared_whenever_it_begins() -> None:
    regimens = {name: arm.regimen for name, arm in ((a.name, a) for a in result(LONG).arms)}
    assert trials._doses(regimens["twice"]) == trials._doses(regimens["once"])
    assert trials._doses(regimens["spray"]) != trials._doses(regimens["once"])
    other = antalgic.loads(LONG.replace("56 mg, every: 84 h, times: 3", "56 mg, at: 30 h"))
    found = trials._attended(result(LONG), other.regimens())
    assert found["spray"] == ["spray"] and found["placebo"] == ["placebo"]
    assert found["once"] == ["twice", "once"]
    nothing = antalgic.loads(SHORT.replace("0.5 mg/kg", "0.4 mg/kg"))
    assert trials._attended(result(LONG), nothing.regimens()) == {}


def test_counters_of_exposure() -> None:
    by_arm = {e.arm.name: e for e in exposure.exposures(result(LONG))}
    assert {n: (round(e.mg), e.sessions) for n, e in by_arm.items()} == {
        "twice": (4000, 2), "once": (2000, 1), "spray": (168, 3),
    }  # fmt: skip
    assert 100 < by_arm["once"].hours < by_arm["twice"].hours / 1.9
    own = result(LONG).patients.query("ARM == 'once'")["s-ketamine.auc"].median()
    assert by_arm["once"].area == pytest.approx(own)
    doses = [d for s in sessions(result(SHORT).arm("ketamine").regimen) for d in s]
    assert len(doses) == 1
    (short,) = exposure.exposures(result(SHORT))
    assert short.mg == pytest.approx(0.5 * np.median(result(SHORT).people.weight))


def test_only_repeated_courses_are_likened_to_the_trial_that_was_stopped() -> None:
    by_arm = {e.arm.name: e for e in exposure.exposures(result(LONG))}
    assert {n: (len(e.courses), e.repeated) for n, e in by_arm.items()} == {
        "twice": (2, True), "once": (1, False), "spray": (0, False),
    }  # fmt: skip
    apart = exposure._repeated([(0.0, 100.0), (100.0 + 31 * 24, 200.0 + 31 * 24)])
    assert not apart
    assert "as the trial did that was stopped" in said(LONG)
    assert said(SHORT).count("no number is known of its risk to the liver") == 1
    assert "3 of 6, 50 % (exact 95 % interval 12 to 88 %)" in said(SHORT)


# Benefit against harm


def test_the_table_holds_the_shares_of_the_people() -> None:
    (pair,) = balance.pairs(result(SHORT))
    lines = {line.name: line for line in pair.lines}
    assert {"relief_50_week_1", "relief_30_week_1", *balance.events()} == set(lines)
    line = lines["dissociated"]
    assert line.drug == everyone(SHORT, "ketamine", "had.dissociated").mean()
    own = result(SHORT).patients.query("ARM == 'ketamine'")["relief.week1"]
    assert lines["relief_30_week_1"].drug == (own >= 0.3).mean()
    assert pair.sizes == (100, 100) and not pair.published
    assert (line.low, line.high) == intervals.newcombe(line.drug, 100, line.control, 100)
    assert line.needed in said(SHORT) and line.needed_interval in said(SHORT)
    assert balance.gather(result(TYPICAL)) is None


def test_harm_is_counted_once_under_several_mechanisms() -> None:
    text = SHORT + "models: {mechanism: [sensitization, block]}\n"
    found = balance.pairs(result(text))
    assert [any(not line.good for line in pair.lines) for pair in found] == [True, False]
    assert len(clinic.seats(result(text))) == 2


def test_exact_interval_and_wilson_are_those_of_scipy() -> None:
    for had, people in ((0, 6), (3, 6), (6, 6), (340, 1285)):
        test = binomtest(had, people)
        exact = test.proportion_ci(method="exact")
        assert intervals.clopper_pearson(had, people) == pytest.approx((exact.low, exact.high))
        wilson = test.proportion_ci(method="wilson")
        assert intervals.wilson(had / people, people) == pytest.approx(
            (wilson.low, wilson.high), abs=1e-12
        )


def test_newcombe_is_that_of_the_paper() -> None:
    # Newcombe 1998 (Stat Med 17:873), table II, method 10: 56/70 less 48/80, and 10/10 less 0/10
    assert intervals.newcombe(56 / 70, 70, 48 / 80, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert intervals.newcombe(1, 10, 0, 10) == pytest.approx((0.6075, 1.0), abs=5e-5)


def test_numbers_needed_go_through_infinity_where_nothing_is_shown() -> None:
    assert intervals.needed(0.5, good=True) == "NNT 2.0"
    assert intervals.needed(0.5, good=False) == "NNH 2.0"
    assert intervals.needed(-0.1, good=True) == "NNH 10"
    assert intervals.needed(0.0, good=True) == "∞"
    assert intervals.needed_interval(0.25, 0.5, good=True) == "2.0 to 4.0"
    assert intervals.needed_interval(-0.5, -0.25, good=True) == "2.0 to 4.0"
    assert intervals.needed_interval(-0.05, 0.125, good=True) == "NNT 8.0 to ∞ to NNH 20"
    assert intervals.needed_interval(-0.05, 0.125, good=False) == "NNT 20 to ∞ to NNH 8.0"


# The page and the command


@pytest.mark.parametrize("text", ALL)
def test_the_page_has_its_panels_and_no_number_is_missing(text: str) -> None:
    for name in ("session", "harm"):
        assert f'id="h-{name}"' in html(text)
    assert ('id="h-balance"' in html(text)) == (text is not TYPICAL)
    assert not re.search(r"\b(nan|inf|None)\b", said(text))
    ids = re.findall(r'\bid="([^"]+)"', html(text))
    assert len(ids) == len(set(ids))


def test_the_command_says_benefit_harm_and_session(tmp_path: Path) -> None:
    found = json.loads(json.dumps(output.summary(result(LONG), tmp_path), allow_nan=False))
    assert [row["arm"] for row in found["benefit_harm"]] == ["twice", "once", "spray"]
    assert found["session"][0]["ready_after_h"]["q90"] is None
    assert found["exposure"][0]["repeated_as_studied"] is True
    lines = balance.spoken(result(LONG))
    assert len(lines) == 3 and lines[0].startswith("twice against placebo: at least 50 % relief, ")
    assert "half fit to leave" in lines[2]
    assert balance.spoken(antalgic.loads(SHORT).run(threads=1))[0].count(";") == 0


def test_events_are_named_with_the_bounds_of_the_library() -> None:
    assert f"above {harm.limit('dissociated'):g}" in balance.events()["dissociated"]
    assert set(balance.events()) == {
        name.removeprefix("had.")
        for name in result(SHORT).patients.columns
        if name.startswith("had.")
    }


BESIDE = SHORT.replace(
    "arms:\n",
    "arms:\n  morphine:\n    - {drug: morphine, route: oral, amount: 30 mg, every: 12 h}\n",
)


def test_another_drug_has_its_own_benefit_and_harm() -> None:
    found = balance.pairs(result(BESIDE))
    assert [(p.arm.name, p.control.name) for p in found] == [
        ("morphine", "placebo"), ("ketamine", "placebo"),
    ]  # fmt: skip
    (morphine,) = (p for p in found if p.arm.name == "morphine")
    lines = {line.name: line for line in morphine.lines}
    assert lines["nausea"].gap > 0
    (sitting,) = session_sheet.sittings(result(BESIDE))
    assert session_sheet._shown(sitting) is result(BESIDE).arm("ketamine")
    assert [arm.name for arm in sitting.treated] == ["morphine", "ketamine"]
    panels = [str(a.get_gid()) for a in figures.sessions(result(BESIDE))[0].axes]
    assert {"doses-1", "doses-2"} <= set(panels)
    # what placebo or ketamine alone did in a trial does not stand beside another drug
    assert trials._doses(result(BESIDE).arm("morphine").regimen)
    page.html(result(BESIDE), {})


def test_columns_of_the_session_keep_their_units() -> None:
    units = result(SHORT).patients.attrs["units"]
    assert (units["session.ready"], units["session.systolic"]) == ("h", "mmHg")
    assert units["session.dissociation"] == "CADSS" and units["had.nausea"] == "1"
