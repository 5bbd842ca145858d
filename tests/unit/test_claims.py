"""Claims: what a file may hold, what is simulated, and the words that numbers turn into."""

import math
import re
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.evidence import claims, claims_run
from antalgic.evidence.claims import Claim
from antalgic.evidence.claims_run import Told
from antalgic.report import claim_figure, claim_words, claims_page
from antalgic.study import loads

CLAIM = """\
claim: C99
section: Tests
says: An infusion relieves pain for weeks.
question: Does an infusion relieve pain for weeks?
verdict: supported with limits
reason: It does in one trial.
answer: For weeks, in some people.
sources:
  trial2009: {citation: "A trial. Journal 2009;1:1", doi: 10.1000/1, seen: primary}
evidence:
  - {says: "2.8 points less pain at week 1", n: "60", design: randomised trial, source: trial2009}
simulated:
  studies:
    crps:
      study: claim-c99
      condition: crps
      population: {size: 64}
      horizon: 4 weeks
      arms:
        ketamine:
          - {drug: s-ketamine, route: iv, rate: 5 mg/h, scale: per 70 kg, for: 100 h,
             titrate: {every: 8 h, up: 5 mg/h, max: 20 mg/h}}
        placebo: [{drug: placebo, route: iv, for: 100 h}]
      seed: 1
  numbers:
    early: {of_study: crps, arm: ketamine, over: placebo, at: 7 days, measure: mean}
    halved: {of_study: crps, arm: ketamine, over: placebo, at: 7 days, measure: nnt, relief: 0.5}
    lasts: {of_study: crps, arm: ketamine, over: placebo, least: 1, measure: lasts}
    always: {of_study: crps, arm: ketamine, over: placebo, least: 9, measure: lasts}
    first: {of_study: crps, arm: ketamine, over: placebo, least: 1, measure: first}
    peak: {of_study: crps, arm: ketamine, output: s-ketamine, measure: cmax}
    wind-up: {measure: wind-up, sensitization: 0.5}
  words:
    felt: {of: early, below: -1, yes: "a relief that is felt", no: "too little to be felt",
           why: "half of what is important"}
  sentence: >-
    After {arm:crps.ketamine} in {condition:crps}, pain of {people:crps} people is {size:early} of
    {scale:pain} points lower at {at:early}, {felt}; {least:lasts} point lasts {lasts},
    NNT {halved}.
  compare:
    - {of: early, within: [-3.5, -1.5], source: trial2009, why: "a standard error either way"}
"""


def claim(text: str = CLAIM) -> Claim:
    return claims.read(yamlfile.read_text(text, "mine.yaml"))


def refusal(old: str, new: str) -> str:
    assert old in CLAIM
    with pytest.raises(InputError) as caught:
        claim(CLAIM.replace(old, new, 1))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def told() -> Told:
    return claims_run.run([claim()])[0]


@pytest.fixture(scope="module")
def blunted() -> Told:
    """The same with a drug ten times weaker at the receptor and at what fades sensitization."""
    return claims_run.run([claim()], changes={"g_S": 0.0, "k_K": 0.0})[0]


# The library


def test_every_claim_of_the_article_is_there() -> None:
    assert claims.names() == tuple(f"C{n:02d}" for n in range(1, 60))
    found = [claims.load(name) for name in claims.names()]
    assert [c.claim for c in found] == list(claims.names())
    assert sum(c.simulated is not None for c in found) >= 35


@pytest.mark.parametrize("name", claims.names())
def test_a_claim_has_words_of_its_own_and_sourced_evidence(name: str) -> None:
    found = claims.load(name)
    assert not re.search(r"\d", found.answer)
    assert all(row.source in found.sources for row in found.evidence)
    assert found.evidence or found.verdict == "untested" or found.withheld
    told = found.simulated
    if told is None:
        assert found.not_simulated
        return
    assert all(row.within[0] < row.within[1] for row in told.compare)


# What a file may hold


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("verdict: supported with limits", "verdict: suported", "verdict: "),
        ("answer: For weeks", "answer: For 3 weeks", "mine.yaml:7 answer: has the digit 3"),
        ("a relief that is felt", "2 points", "words.felt.yes: has the digit 2"),
        ("lower at {at:early}", "lower at week 1, {at:early}", "sentence: has the digit 1"),
        ("{size:early}", "{size:erly}", "'erly' is not known here; did you mean 'early'?"),
        ("{felt}", "{flet}", "'flet' is not known here; did you mean 'felt'?"),
        ("{arm:crps.ketamine}", "{arm:crps.ketamin}", "'ketamin' is not known here"),
        ("{people:crps}", "{peple:crps}", "'peple' is not known here; did you mean 'people'?"),
        ("{felt};", "{felt;", "sentence: has a brace"),
        ("source: trial2009, why", "source: other, why", "compare[0].source"),
        ("early: {of_study: crps", "early: {of_study: cprs", "numbers.early.of_study: 'cprs'"),
        ("over: placebo, at", "over: plcebo, at", "numbers.early.over: 'plcebo'"),
        ("at: 7 days, measure: mean", "measure: mean", "numbers.early: mean needs 'at'"),
        ("measure: nnt, relief: 0.5", "measure: nnt", "numbers.halved: nnt needs 'relief'"),
        ("measure: lasts}", "measure: lastz}", "measure"),
        ("below: -1, yes", "yes", "words.felt: needs one of 'below' and 'above'"),
        ("condition: crps\n      pop", "condition: crsp\n      pop", "studies.crps.condition"),
        ("early: {of_study: crps, arm: ketamine, over: placebo, at: 7 days",
         "early: {of_study: crps, arm: ketamine, over: placebo, at: 5 weeks",
         "numbers.early.at: is after the end of the study, 4 weeks"),
        ("measure: nnt, relief: 0.5", "measure: nnt, relief: 50", "halved.relief: 50 is no share"),
        ("over: placebo, at: 7 days, measure: mean", "measure: incidence",
         "numbers.early.output: 'pain' is not known here"),
        ("{least:lasts}", "{least:early}", "sentence: 'early' has no 'least' to be said"),
        ("within: [-3.5, -1.5]", "within: [-1.5, -3.5]", "compare[0].within: has no room"),
        ("simulated:\n", "not_simulated: because\nsimulated:\n", "needs one of 'simulated'"),
    ],
)  # fmt: skip
def test_a_bad_entry_is_one_line_with_its_place(old: str, new: str, said: str) -> None:
    found = refusal(old, new)
    assert found.startswith("mine.yaml") and said in found, found


def test_an_unknown_claim_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown claim 'C60'; did you mean"):
        claims.load("C60")
    assert claims.load("c38").claim == "C38"


# Numbers


def test_how_long_relief_lasts_does_not_hang_on_how_often_the_study_is_read() -> None:
    """Two hours of relief were called eight where a study of weeks was read every eight hours."""
    drug = "{drug: s-ketamine, route: iv, amount: 0.5 mg/kg, for: 30 min}"
    hours = []
    for every in ("12 h", "15 min"):
        text = re.sub(r"ketamine:\n.*?max: 20 mg/h}}\n", f"ketamine: [{drug}]\n", CLAIM, flags=re.S)
        text = text.replace("      seed: 1", f"      output_every: {every}\n      seed: 1")
        hours.append(claims_run.run([claim(text)])[0].outcome.values["lasts"])
    assert 0.5 < hours[0] < 12
    assert hours[0] == pytest.approx(hours[1], rel=0.05)


def test_an_output_that_no_arm_predicts_is_refused() -> None:
    text = CLAIM.replace("at: 7 days, measure: mean}", "at: 7 days, measure: mean, output: pian}")
    with pytest.raises(InputError, match="predicts 'pian'"):
        claims_run.run([claim(text)])


def test_numbers_are_those_of_the_same_study_run_by_itself(told: Told) -> None:
    simulated = told.outcome.claim.simulated
    assert simulated is not None
    study = claims.study_of(simulated.studies["crps"])
    people = study.run().patients
    drug, placebo = (people[arm == people.ARM] for arm in ("ketamine", "placebo"))
    values = told.outcome.values
    gap = drug["pain.week1"].mean() - placebo["pain.week1"].mean()
    assert values["early"] == pytest.approx(gap, abs=1e-4)
    responders = [(own["relief.week1"] >= 0.5).mean() for own in (drug, placebo)]
    assert values["halved"] == pytest.approx(1 / (responders[0] - responders[1]))
    assert values["peak"] == pytest.approx(drug["s-ketamine.cmax"].median())


def test_times_of_relief_are_where_the_curve_crosses(told: Told) -> None:
    arms = told.courses["crps", "pain"]
    gap = arms["ketamine"].mean - arms["placebo"].mean
    times, values = arms["ketamine"].times, told.outcome.values
    reached = int((gap <= -1).argmax())
    assert times[reached - 1] < values["first"] <= times[reached]
    assert (gap[times >= 100] <= -1).all() and values["lasts"] == math.inf
    assert values["always"] == 0


def test_wind_up_needs_no_study_and_follows_the_model(told: Told) -> None:
    assert told.outcome.values["wind-up"] > 2
    told_of = claim().simulated
    assert told_of is not None
    number = told_of.numbers["wind-up"]
    assert claims_run._of_train(number, {"G": 1e-6, "k_K": 0.0}) == pytest.approx(1, abs=0.01)


def test_a_change_of_the_model_changes_the_sentence(told: Told, blunted: Told) -> None:
    before, after = claim_words.sentence(told.outcome), claim_words.sentence(blunted.outcome)
    assert "a relief that is felt" in before
    assert "too little to be felt" in after
    assert told.outcome.agrees is True
    assert blunted.outcome.agrees is False
    said = claim_words.verdict(blunted.outcome)
    assert said.startswith("Simulation and evidence disagree. Mean pain, ketamine less placebo, ")
    assert "expected −3.5 to −1.5 (a standard error either way)" in said


def test_conditions_without_a_trial_are_exploratory_by_themselves() -> None:
    text = CLAIM.replace("condition: crps", "condition: osteoarthritis")
    found = claims_run.run([claim(text)])[0].outcome
    assert any("no randomised trial" in why for why in found.exploratory)
    assert claim_words.brief(found).endswith(", exploratory")


# Words


def test_the_sentence_is_made_of_the_numbers(told: Told) -> None:
    said, values = claim_words.sentence(told.outcome), told.outcome.values
    assert said.startswith(
        "After S-ketamine into a vein, 5 to 20 mg/h per 70 kg for 100 h in complex regional pain "
        f"syndrome, pain of 64 people is {-values['early']:.1f} of 10 points lower at day 7, "
    )
    assert f"NNT {values['halved']:.2g}" in said


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ("{drug: ketamine, route: iv, amount: 0.5 mg/kg, for: 40 min}",
         "ketamine into a vein, 0.5 mg per kg over 40 min"),
        ("{drug: ketamine, route: iv, rate: 20 mg/h, for: 4 h, every: 24 h, times: 10}",
         "ketamine into a vein, 20 mg/h for 4 h, every 24 h, 10 times"),
        ("{drug: naproxen, route: oral, amount: 500 mg, every: 12 h}",
         "naproxen by mouth, 500 mg, every 12 h"),
        ("{drug: placebo, route: oral, every: 24 h}", "placebo"),
        ("{therapy: exercise, extent: 0.2, until: 14 days}", "exercise"),
    ],
)  # fmt: skip
def test_what_an_arm_is_given_in_words(items: str, said: str) -> None:
    study = loads(
        "study: a\ncondition: crps\npopulation: {size: 2}\nhorizon: 4 weeks\nseed: 1\n"
        f"arms:\n  a: [{items}]\n"
    )
    assert claim_words.given(study.regimens()["a"], study.horizon) == said


def test_what_never_happens_is_said_so(told: Told) -> None:
    simulated = told.outcome.claim.simulated
    assert simulated is not None
    number = simulated.numbers["halved"]
    assert claim_words.value(number, math.inf) == "no number at all"
    assert claim_words.value(simulated.numbers["lasts"], math.inf) == "longer than was simulated"
    never = replace(told.outcome, values={**told.outcome.values, "halved": math.inf})
    assert claims_page.to_json([replace(told, outcome=never)])[0]["numbers"]["halved"] is None


# Table, figure and page


def test_the_page_says_what_the_run_gave(told: Told, blunted: Told) -> None:
    text = claims_page.html([told], mechanism="sensitization")
    words = " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.S).split())
    assert "In the simulation. After S-ketamine" in words
    assert "1 of 1 simulated; in 1 of 1 compared, simulation and evidence agree" in words
    assert not re.search(r"\b(nan|inf|None)\b", words)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert "<script" not in text and "src=" not in text
    other = claims_page.html([blunted], mechanism="sensitization")
    assert 'class="differs"' in other and 'class="differs"' not in text


def test_the_figure_has_a_curve_an_arm_and_a_mark_a_number(told: Told, blunted: Told) -> None:
    for layout in ("wide", "narrow"):
        figure = claim_figure.draw(told, layout)
        assert isinstance(figure, Figure)
        curves, compared = figure.axes
        assert len(curves.lines) >= 2
        assert curves.get_title(loc="left") == "Pain, mean: complex regional pain syndrome"
        drawn = " ".join(" ".join(t.get_text() for t in compared.texts).split())
        assert "(expected −3.5 to −1.5)" in drawn
    inside = claim_figure.rows(told.outcome)[0].place
    beyond = claim_figure.rows(blunted.outcome)[0].place
    assert 0 <= inside <= 1 < beyond
