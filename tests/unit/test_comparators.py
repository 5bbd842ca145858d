"""Treatments beside ketamine: their laws, their blood, their course over weeks, bad input."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import antalgic
from antalgic.dosing import expand, read_item
from antalgic.errors import InputError
from antalgic.evidence.findings import model_of
from antalgic.model import analgesics, comparators, receptor
from antalgic.model import mechanism as mechanisms
from antalgic.population import conditions
from antalgic.population.spec import PopulationSpec
from antalgic.report import comparators_figure, output
from antalgic.simulation import reference_person
from antalgic.simulation.chain import follow
from antalgic.yamlfile import library, read_text

WEEK = 168.0
NAMES = comparators.names()


def number(drug, symbol):
    return comparators.load(drug).parameters[f"{drug}.{symbol}"].known.value


def arm(*items, horizon=8 * WEEK):
    return expand("arm", [read_item(item) for item in items], horizon)


def typical(items, times, outputs, condition="neuropathic", **more):
    """Outputs (outputs, times) of one typical person."""
    regimen = arm(*items, horizon=float(times[-1]))
    found = follow(
        "sensitization", model_of(regimen), regimen, conditions.load(condition),
        reference_person(), np.asarray(times, dtype=float), outputs=outputs, typical=True,
        rtol=1e-6, **more,
    )  # fmt: skip
    return found.mean


# --- laws ----------------------------------------------------------------------------------------


def test_an_opioid_at_half_effect_loses_by_tolerance_and_hyperalgesia():
    step = analgesics.opioid
    parameters = {
        "EC50": 10.0, "gain": 3.0, "T_max": 2.0, "tau_T": 100.0, "H_max": 1.0, "tau_H": 50.0,
        "H_NMDA": 0.5,
    }  # fmt: skip

    def at(T, H, C, B=0.0):
        return step(T, H, C, B, *(parameters[p] for p in step.parameters))

    rates, (relief, level, withdrawal) = at(0.0, 0.0, 10.0)
    assert (relief, level, withdrawal) == (1.5, 1.0, 0.0)
    assert rates == (0.01, 0.01)
    # T 1 raises the level of half effect to 2: 3 x 1/3; hyperalgesia 0.4 comes off
    assert at(1.0, 0.4, 10.0)[1][0] == pytest.approx(0.6)
    # without drug tolerance does nothing to pain, hyperalgesia does
    assert at(1.0, 0.4, 0.0)[1] == pytest.approx((-0.4, 0.0, 0.5))
    # block of half of the receptors holds back 3/4 of the half that needs them
    assert at(0.0, 0.0, 10.0, 0.5)[0][1] == pytest.approx(0.01 * (0.5 + 0.5 * 0.25))


def test_each_class_has_half_effect_at_its_level():
    assert analgesics.nsaid(20.0, 20.0, 0.6)[1][0] == pytest.approx(0.3)
    relief, ectopic, _ = analgesics.gabapentinoid(20.0, 0.4, 20.0, 2.0, 0.5, 0.8)[1]
    assert (relief, ectopic) == pytest.approx((0.5, 0.25))
    (rate,), (amine, _) = analgesics.antidepressant(0.0, 20.0, 20.0, 2.0, 240.0)
    assert (rate, amine) == pytest.approx((0.5 / 240, 0.0))
    b, _ = analgesics.local_anaesthetic(15.7, 15.7, 0.95, 8.7, 1e-9)[1]
    assert b == pytest.approx(0.475)
    assert analgesics.local_anaesthetic(0.0, 15.7, 0.95, 8.7, 1e-3)[1][0] < 1e-30


def test_memantine_blocks_in_the_circuit_what_the_receptor_says():
    step, drug = analgesics.nmda_antagonist, comparators.load("memantine")
    own = {p: number("memantine", p) for p in step.parameters if p != "phi"}
    x_phasic, x_tonic, _ = step(100.0, *own.values(), 1.0)[1]
    known = receptor.block({"memantine": 100.0})
    assert drug.sort == "nmda-antagonist"
    assert x_phasic / (1 + x_phasic) == pytest.approx(float(known.phasic), rel=0.02)
    assert x_tonic / (1 + x_tonic) == pytest.approx(float(known.tonic), rel=0.1)


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_sound_and_its_usual_regimen_can_be_given(name):
    drug = comparators.load(name)
    regimen = arm(*drug.items)
    assert set(regimen.beside) == {name}
    assert not regimen.doses
    mechanism = mechanisms.load(mechanisms.DEFAULT)
    circuit = mechanism.circuit(None, comparators.beside(regimen.beside, mechanism))
    assert name in circuit.readouts
    given = next(u for u in circuit.uses if u.name == name).step.outputs
    assert set(comparators.FEEDS[drug.sort].values()) <= set(given)


@pytest.mark.parametrize("name", mechanisms.names())
def test_every_class_enters_every_mechanism(name):
    drugs = ("morphine", "naproxen", "pregabalin", "duloxetine", "ropivacaine", "memantine")
    given = {drug: tuple(comparators.load(drug).routes) for drug in drugs}
    whole = mechanisms.load(name)
    circuit = whole.circuit(None, comparators.beside(given, whole))
    fed = {r.partition(".")[0] for u in circuit.uses for refs in u.inputs.values() for r in refs}
    assert given.keys() <= fed


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("class: opioid", "class: opiate", "class: 'opiate' is no class"),
        ("  ke0:", "  keo:", "effect: unknown field 'keo'; did you mean 'ke0'?"),
        ("97.2 L/h", "97.2 L", "pk.parameters.CL.value: '97.2 L' is a volume"),
        ("    iv: {}", "    nasal: {}", "pk.routes: unknown field 'nasal'"),
        ("value: 9.1 ng/mL, uncertainty", "value: 0 ng/mL, uncertainty", "expected more than 0"),
        ("two-compartment", "5-compartment", "pk.structure: '5-compartment' is no structure"),
        ("source: chu2012", "source: chu", "'chu' is not among the sources of this file"),
    ],
)
def test_a_wrong_file_is_answered_in_one_line(old, new, said):
    from importlib.resources import files

    text = (files("antalgic") / "library/comparators/morphine.yaml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(InputError) as caught:
        comparators.read(read_text(text.replace(old, new, 1), "mine.yaml"), "morphine")
    assert str(caught.value).startswith("mine.yaml:")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


# --- blood ---------------------------------------------------------------------------------------


def test_morphine_by_mouth_is_an_oral_two_compartment_model():
    times = np.array([0.0, 1.0, 2.0, 4.0, 11.0, 13.0, 30.0])
    (found,) = typical([{"drug": "morphine", "route": "oral", "amount": "60 mg"}], times,
                       ["morphine"])  # fmt: skip
    p = {s: number("morphine", s) for s in ("CL", "V1", "Q2", "V2", "F.oral", "ka.oral")}

    def rates(_, a):
        out = p["ka.oral"] * a[0]
        across = p["Q2"] * (a[1] / p["V1"] - a[2] / p["V2"])
        return [-out, out - p["CL"] * a[1] / p["V1"] - across, across]

    start = [60 * p["F.oral"], 0.0, 0.0]
    own = solve_ivp(rates, (0, 30), start, t_eval=times, rtol=1e-10, atol=1e-12, method="LSODA")
    np.testing.assert_allclose(found, 1000 * own.y[1] / p["V1"], rtol=1e-5, atol=1e-6)


def test_an_infusion_of_remifentanil_reaches_rate_over_clearance():
    infusion = {"drug": "remifentanil", "route": "iv", "rate": "0.2 mg/h", "for": "6 h"}
    (found,) = typical([infusion], [0.0, 5.9, 12.0], ["remifentanil"])
    assert found[1] == pytest.approx(1000 * 0.2 / number("remifentanil", "CL"), rel=1e-3)
    assert found[2] < 0.01 * found[1]


def test_a_dose_per_kg_is_scaled_and_a_missed_dose_is_missed():
    people = PopulationSpec.model_validate({"size": 200}).people(1)
    item = {"drug": "morphine", "route": "iv", "amount": "0.1 mg/kg", "every": "24 h",
            "times": 4, "missed": 0.5}  # fmt: skip
    found = follow("sensitization", None, arm(item), conditions.load("neuropathic"), people,
                   np.array([0.0, 96.0]), outputs=["pain"])  # fmt: skip
    taken = found.endpoints["dose.morphine"] / (0.1 * people.weight)
    np.testing.assert_allclose(taken, np.round(taken), atol=1e-9)
    assert 1.7 < taken.mean() < 2.3
    assert set(np.round(taken)) >= {1.0, 2.0, 3.0}


# --- what they do over time ----------------------------------------------------------------------


def test_tolerance_takes_back_relief_and_pain_rebounds_when_the_opioid_stops():
    times = np.arange(0, 12 * WEEK + 1, 12.0)
    given = [{"drug": "morphine", "route": "oral", "amount": "60 mg", "every": "12 h",
              "until": "8 weeks"}]  # fmt: skip
    untreated = {"X_mean": 0.0, "X_sd": 0.0}
    pain, withdrawal = typical(given, times, ["pain", "withdrawal"], changes=untreated)
    early, late, after = pain[14], pain[8 * 14], pain[8 * 14 + 4]
    assert pain[0] - early > pain[0] - late + 0.3
    assert after > pain[0] + 0.1
    assert pain[-1] < after
    assert withdrawal[8 * 14 + 4] > 0.4 > withdrawal[-1]


def test_a_block_of_the_nerve_returns_within_two_days():
    times = np.arange(0, 73.0)
    (pain,) = typical([{"drug": "ropivacaine", "route": "perineural", "amount": "100 mg"}], times,
                      ["pain"], changes={"X_mean": 0.0, "X_sd": 0.0})  # fmt: skip
    assert pain[4] < 0.45 * pain[0]
    assert pain[48] > 0.97 * pain[0]


def test_an_nsaid_acts_in_a_joint_and_not_on_a_nerve():
    times = [0.0, 4 * WEEK]
    given = [{"drug": "naproxen", "route": "oral", "amount": "500 mg", "every": "12 h"}]
    placebo = [{"drug": "placebo", "route": "oral", "every": "12 h"}]
    for condition, differs in (("neuropathic", False), ("osteoarthritis", True)):
        (drug,) = typical(given, times, ["pain"], condition)
        (none,) = typical(placebo, times, ["pain"], condition)
        assert bool(none[1] - drug[1] > 0.5) is differs
        assert differs or drug[1] == pytest.approx(none[1], rel=1e-5)


def test_an_antidepressant_takes_weeks_and_a_gabapentinoid_days():
    times, off = [0.0, 48.0, 6 * WEEK], {"X_mean": 0.0, "X_sd": 0.0}
    slow = [{"drug": "amitriptyline", "route": "oral", "amount": "75 mg", "every": "24 h"}]
    fast = [{"drug": "pregabalin", "route": "oral", "amount": "225 mg", "every": "12 h"}]
    late, soon = (typical(g, times, ["pain"], changes=off)[0] for g in (slow, fast))
    assert late[0] - late[1] < 0.35 * (late[0] - late[2])
    assert soon[0] - soon[1] > 0.6 * (soon[0] - soon[2])


def test_ketamine_beside_an_opioid_keeps_hyperalgesia_down():
    opioid = {"drug": "morphine", "route": "iv", "rate": "6 mg/h", "for": "5 days"}
    ketamine = {"drug": "s-ketamine", "route": "iv", "rate": "20 mg/h", "for": "5 days"}
    alone, beside = (_hyperalgesia(items) for items in ([opioid], [opioid, ketamine]))
    assert alone > 0.1
    assert beside < 0.95 * alone


def _hyperalgesia(items):
    """Logits that hyperalgesia has added after five days of an opioid that does nothing else."""
    off = {"X_mean": 0.0, "X_sd": 0.0, "morphine.gain": 0.0}
    pain = [
        typical(items, [0.0, 120.0], ["pain"], changes={**off, **more})[0, -1]
        for more in ({}, {"morphine.H_max": 0.0})
    ]
    odds = [np.log(p / (10 - p)) for p in pain]
    return odds[0] - odds[1]


def test_the_same_bits_for_any_threads_and_nothing_changes_without_comparators():
    people = PopulationSpec.model_validate({"size": 300}).people(1)
    condition, times = conditions.load("neuropathic"), np.array([0.0, 24.0, 168.0])
    item = {"drug": "pregabalin", "route": "oral", "amount": "150 mg", "every": "12 h",
            "missed": 0.1}  # fmt: skip
    runs = [
        follow("sensitization", None, arm(item, horizon=WEEK), condition, people, times,
               outputs=["pain", "pregabalin"], trajectories=True, threads=threads)
        for threads in (1, 3)
    ]  # fmt: skip
    assert np.array_equal(runs[0].values, runs[1].values)
    few = follow("sensitization", None, arm(item, horizon=WEEK), condition, people.part(0, 48),
                 times, outputs=["pain", "pregabalin"], trajectories=True)  # fmt: skip
    assert np.array_equal(few.values, runs[0].values[:, :, :48])


# --- studies -------------------------------------------------------------------------------------

STUDY = """\
study: mine
condition: neuropathic
population: {{size: 40}}
horizon: 2 weeks
arms:
  drug: {drug}
  placebo: [{{drug: placebo, route: oral, every: 12 h}}]
outputs: {outputs}
output_every: 1 day
seed: 1
"""


def run(drug, outputs="[pain]"):
    return antalgic.loads(STUDY.format(drug=drug, outputs=outputs), "mine.yaml").run()


def test_a_study_gives_pain_and_the_concentration_beside_ketamine():
    result = run(
        "[{drug: morphine, route: oral, amount: 30 mg, every: 12 h}, "
        "{drug: s-ketamine, route: iv, rate: 10 mg/h, for: 4 h}]",
        "[pain, morphine, s-ketamine, withdrawal]",
    )
    assert list(result.outputs) == ["pain", "morphine", "s-ketamine", "withdrawal"]
    assert dict(zip(result.outputs, result.quantiles.unit.values, strict=True))["morphine"] == (
        "ng/mL"
    )
    assert not np.isnan(result.quantiles.values).any()
    placebo = result.quantiles.sel(arm="placebo")
    assert (placebo.sel(output=["morphine", "s-ketamine", "withdrawal"]) == 0).all()
    given = result.patients.loc[result.patients["ARM"] == "drug", "dose.morphine"]
    np.testing.assert_allclose(given, 30 * 28)
    assert any("morphine oral: 28 doses every 12 h, the first 30 mg" in n for n in result.notes)


@pytest.mark.parametrize(
    ("drug", "outputs", "said"),
    [
        ("[{drug: morphine, route: nasal, amount: 5 mg}]", "[pain]",
         "mine.yaml:6 arms.drug[0].route: morphine is not given by nasal, expected iv or oral"),
        ("[{drug: morfine, route: iv, amount: 5 mg}]", "[pain]", "did you mean 'morphine'?"),
        ("[{drug: morphine, route: iv, amount: 5 mg hydrochloride}]", "[pain]",
         "salts are known of ketamine only"),
        ("[{drug: morphine, route: oral, amount: 5 mg, every: 12 h, steady_state: true}]",
         "[pain]", "tolerance to morphine since ever is not known"),
        ("[{drug: morphine, route: iv, amount: 5 mg}, {drug: oxycodone, route: iv, amount: 5 mg}]",
         "[pain]", "morphine and oxycodone are both of class opioid"),
        ("[{drug: morphine, route: iv, amount: 5 mg}]", "[pain, oxycodone]",
         "no arm gives 'oxycodone'"),
        ("[{drug: naproxen, route: oral, amount: 500 mg}]", "[pain, withdrawal]",
         "'withdrawal' needs an arm that gives an opioid"),
    ],
)  # fmt: skip
def test_what_cannot_be_given_is_answered_in_one_line(drug, outputs, said):
    with pytest.raises(InputError) as caught:
        run(drug, outputs)
    assert said in str(caught.value)
    assert str(caught.value).startswith("mine.yaml:")
    assert "\n" not in str(caught.value)


def test_a_treatment_without_a_circuit_to_act_in_is_refused():
    text = STUDY.format(drug="[{drug: morphine, route: iv, amount: 5 mg}]", outputs="[s-ketamine]")
    with pytest.raises(InputError, match="morphine is followed in the circuit of pain only"):
        antalgic.loads(text.replace("condition: neuropathic", "condition: healthy"), "m").run()


def test_an_unknown_parameter_of_a_drug_is_refused():
    regimen = arm({"drug": "morphine", "route": "iv", "amount": "5 mg"})
    with pytest.raises(InputError, match="morphine has no parameter 'gian'"):
        follow("sensitization", None, regimen, conditions.load("neuropathic"), reference_person(),
               np.array([0.0]), changes={"morphine.gian": 1.0})  # fmt: skip


def test_titration_by_pain_gives_each_person_their_own_morphine():
    people = PopulationSpec.model_validate({"size": 60}).people(1)
    rule = {"every": "2 h", "up": "1 mg/h", "max": "8 mg/h", "hold_if": "pain < 4"}
    rate = {"drug": "morphine", "route": "iv", "rate": "1 mg/h", "for": "24 h", "titrate": rule}
    found = follow("sensitization", None, arm(rate, horizon=24.0),
                   conditions.load("experimental-pain"), people, np.array([0.0, 24.0]),
                   outputs=["pain", "morphine"])  # fmt: skip
    given = found.endpoints["dose.morphine"]
    assert given.min() >= 24.0 - 1e-9
    assert given.max() <= 8 * 24.0
    assert len(np.unique(given.round(6))) > 5


def test_ketamine_spares_the_opioid_that_is_titrated_to_pain():
    people = PopulationSpec.model_validate({"size": 48}).people(1)
    rule = {"every": "2 h", "up": "1 mg/h", "max": "8 mg/h", "hold_if": "pain < 4"}
    rate = {"drug": "morphine", "route": "iv", "rate": "1 mg/h", "for": "24 h", "titrate": rule}
    ketamine = {"drug": "ketamine", "route": "iv", "rate": "10 mg/h", "for": "24 h"}
    needed = []
    for items in ([rate], [rate, ketamine]):
        regimen = arm(*items, horizon=24.0)
        found = follow("sensitization", model_of(regimen), regimen,
                       conditions.load("experimental-pain"), people, np.array([0.0, 24.0]),
                       outputs=["pain"])  # fmt: skip
        needed.append(found.endpoints["dose.morphine"])
    alone, beside = needed
    assert (beside <= alone + 1e-9).all()
    assert beside.mean() < 0.9 * alone.mean()


def test_fitted_values_stand_in_the_library():
    fitted = library(comparators.FITTED).data["drugs"]
    assert {"morphine", "pregabalin", "amitriptyline", "duloxetine"} <= fitted.keys()
    for drug, entries in fitted.items():
        for symbol, entry in entries.items():
            value = comparators.load(drug).parameters[f"{drug}.{symbol}"].known
            assert (value.how, value.value) == ("fitted here", float(entry["value"]))


# --- figure and report --------------------------------------------------------------------------


def test_the_figure_has_a_panel_for_each_treatment_and_says_why_it_falls_short(tmp_path):
    result = run("[{drug: pregabalin, route: oral, amount: 150 mg, every: 12 h}]")
    path = tmp_path / "short.png"
    figure = comparators_figure.draw(result, path, joint=result)
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "Drug"
    assert any("in part" in text.get_text() for text in axes.texts)
    curve = axes.lines[1].get_ydata()
    assert curve[0] == 0
    assert curve[-1] > 0.1
    assert path.stat().st_size > 5000


def test_a_figure_without_anything_to_compare_is_refused():
    result = run("[{drug: placebo, route: oral, every: 24 h}]")
    with pytest.raises(InputError, match="no arm with a drug"):
        comparators_figure.draw(result)


def test_the_report_speaks_of_the_treatment_and_not_of_no_drug(tmp_path):
    result = run("[{drug: pregabalin, route: oral, amount: 150 mg, every: 12 h}]")
    out = output.write(result, tmp_path / "out", command="antalgic run mine.yaml")
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "pregabalin oral: 28 doses every 12 h, the first 150 mg" in text
    assert "drug less placebo" in text
