"""Steps, their wiring, the shelf that holds them, the choice of a model: what is refused, how."""

import numpy as np
import pytest

from antalgic.errors import InputError
from antalgic.model import defaults, interactions, shelf
from antalgic.model.compose import Circuit, Use, check
from antalgic.model.pk import STEPS
from antalgic.model.step import step


def message(call, *given, **named):
    with pytest.raises(InputError) as caught:
        call(*given, **named)
    text = str(caught.value)
    assert "\n" not in text
    return text


# Steps


def test_a_step_must_take_what_it_declares():
    with pytest.raises(TypeError, match=r"takes \['A', 'rate', 'k'\], but declares"):

        @step(states={"A": "mg"}, inputs={"rate": "mg/h"}, parameters={"ka": "1/h"}, outputs={})
        def wrong(A, rate, k):
            return (rate - k * A,), ()


@pytest.mark.parametrize("name", sorted(STEPS))
def test_every_step_says_what_it_is_and_gives_what_it_declares(name):
    found = STEPS[name]
    assert found.name == name
    assert found.doc.endswith(".")
    values = [0.5] * (len(found.states) + len(found.inputs) + len(found.parameters))
    rates, outputs = found(*values)
    assert len(rates) == len(found.states)
    assert len(outputs) == len(found.outputs)


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("first_order_depot", ["out"]), ("transit1", ["out"]), ("transit2", ["out"]),
        ("one_compartment", ["eliminated"]), ("two_compartment", ["eliminated"]),
        ("three_compartment", ["eliminated"]), ("three_compartment_micro", ["eliminated"]),
        ("three_compartment_liver", ["to_metabolite", "lost"]),
        ("semi_pbpk", ["gut_formed", "liver_formed"]), ("semi_pbpk_metabolite", ["eliminated"]),
        ("split", ["kept", "rest"]),
    ],
)  # fmt: skip
def test_what_enters_a_step_is_kept_or_leaves_it(name, out):
    found = STEPS[name]
    rng = np.random.default_rng(5)
    given = {n: rng.uniform(0.1, 0.9) for n in [*found.states, *found.inputs, *found.parameters]}
    rates, outputs = found(*given.values())
    left = sum(dict(zip(found.outputs, outputs, strict=True))[o] for o in out)
    assert sum(rates) + left == pytest.approx(sum(given[i] for i in found.inputs), rel=1e-12)


def test_a_metabolite_is_formed_at_the_ratio_of_the_masses():
    _, (formed,) = STEPS["convert"](10.0, 0.8, 0.94)
    assert formed == pytest.approx(7.52)


# Wiring


def depot(name="gut", rate=("dose.gut",), parameters=None):
    return Use(STEPS["first_order_depot"], name, {"rate": rate}, parameters or {"ka": "ka"})


def body(name="k", rate=("gut.out",), parameters=None):
    given = parameters or {"CL": "CL", "V": "V"}
    return Use(STEPS["one_compartment"], name, {"rate": rate}, given)


def circuit(*uses, readouts=None):
    return Circuit(uses, readouts or {"drug": ("k.C",)})


def test_names_of_a_circuit_come_in_order():
    found = circuit(depot(), body(rate=("dose.iv", "gut.out")))
    assert found.states == ("gut.A", "k.A1")
    assert found.doses == ("gut", "iv")
    assert found.parameters == ("ka", "CL", "V")


def test_inputs_of_a_step_are_added():
    found = circuit(depot(), body(rate=("dose.iv", "gut.out")))
    rates, outputs = found.evaluate(
        {"gut.A": 3.0, "k.A1": 4.0}, {"gut": 5.0, "iv": 7.0}, {"ka": 2.0, "CL": 1.5, "V": 6.0}
    )
    assert rates == {"gut.A": 5.0 - 6.0, "k.A1": 7.0 + 6.0 - 1.0}
    assert outputs["k.C"] == pytest.approx(4.0 / 6.0)


def test_a_readout_may_be_a_sum():
    two = circuit(
        body("s", rate=("dose.s",)), body("r", rate=("dose.r",)),
        readouts={"both": ("s.C", "r.C")},
    )  # fmt: skip
    values = {"CL": np.array(1.0), "V": np.array(4.0)}
    _, readouts = two.columns(values, ())
    np.testing.assert_allclose(readouts, [[0.25, 0.25, 0.0, 0.0]])


def fail(field, text):
    return InputError(text, field=field)


@pytest.mark.parametrize(
    ("uses", "readouts", "said"),
    [
        ((depot(), depot()), {}, "structure[1].name: 'gut' is used twice"),
        ((body(),), {}, "structure[0].inputs.rate: 'gut.out' is no dose and no output"),
        ((depot(), body(rate=("gut.A",))), {}, "'gut.A' is in mg, expected mg/h"),
        (
            (body(rate=("dose.iv",)), depot(rate=("k.C",))), {},
            "structure[1].inputs.rate: 'k.C' is in mg/L, expected mg/h",
        ),
        (
            (depot(parameters={"k": "ka"}),), {},
            "structure[0].parameters: step first_order_depot needs ka, found k",
        ),
        ((depot(),), {"drug": ("gut.out",)}, "outputs.drug: 'gut.out' is in mg/h, expected a conc"),
        ((depot(),), {"drug": ("k.C",)}, "outputs.drug: 'k.C' is not an output of a step"),
    ],
)  # fmt: skip
def test_wrong_wiring_is_named(uses, readouts, said):
    assert said in message(check, Circuit(uses, readouts), fail)


# The shelf


def test_every_runnable_model_loads():
    for name in shelf.names(runnable=True):
        model = shelf.load(name)
        assert model.name == name
        assert model.title
        assert set(model.file.residual) <= set(model.analytes)
        assert all(np.isfinite(p.value) for p in model.parameters.values())
        assert np.all(np.linalg.eigvalsh(model.omega) >= 0) if len(model.omega) else True
        assert model.omega.shape == (len(model.deviations),) * 2


def test_reference_models_are_listed_and_have_a_record():
    listed = set(shelf.names()) - set(shelf.names(runnable=True))
    assert {"dahan2011", "clements1981", "sigtermans2009"} <= listed
    for name in listed:
        assert shelf.record(name).status == "reference"
        assert "cannot be run" in message(shelf.load, name)
    assert "defaults" not in shelf.names()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fanta2015", "unknown model 'fanta2015'; did you mean 'fanta2015+otto2021'?"),
        ("zzz", "unknown model 'zzz', expected one of ashraf2018, "),
        ("", "unknown model '', expected one of "),
        ("../defaults", "unknown model '../defaults'"),
    ],
)
def test_unknown_models(name, said):
    assert message(shelf.record, name).startswith(said)


def test_values_are_in_canonical_units_with_their_source():
    model = shelf.load("simons2022")
    clearance = model.parameters["CLK1"]
    assert clearance.value == pytest.approx(1.48 * 60)
    assert clearance.unit == "L/h"
    assert clearance.known.text == "1.48 L/min"
    assert clearance.known.source == "simons2022"
    assert clearance.known.locator == "Table 4"
    assert model.parameters["F1"].value == pytest.approx(0.263)
    assert model.parameters["D1"].value == pytest.approx(13.1 / 60)
    assert model.parameters["VN1"].value == model.parameters["VK1"].value


def test_coverage_and_grades():
    model = shelf.load("fanta2015+otto2021")
    assert model.covers("s-ketamine", "iv")
    assert not model.covers("s-ketamine", "nasal")
    assert not model.covers("ketamine", "iv")
    assert model.grade("iv") == "B"
    assert model.grade("oral") == "C"


def test_deviations_and_their_covariance():
    model = shelf.load("flint2017")
    assert model.deviations == ("CL", "CLnk")
    variance = [np.log1p(0.402**2), np.log1p(1.04**2)]
    np.testing.assert_allclose(np.diag(model.omega), variance)
    assert model.omega[0, 1] == pytest.approx(0.506 * np.sqrt(np.prod(variance)))


MODEL = """\
model: {name}
title: A model
status: runnable
drugs: [s-ketamine]
sampling: venous
ages: adult
population: {{text: nobody}}
sources: {{here: {{citation: "Nobody 2020", seen: primary}}}}
default_source: here
structure:
  - {{step: first_order_depot, name: gut, inputs: {{rate: [dose.gut]}}, parameters: {{ka: ka}}}}
  - {{step: one_compartment, name: k, inputs: {{rate: [gut.out]}}, parameters: {{CL: CL, V: V}}}}
outputs:
  s-ketamine: {{from: [k.C]}}
routes:
  s-ketamine:
    oral: [{{into: gut}}]
parameters:
  ka: {{value: 1 1/h}}
  CL: {{value: 80 L/h, between: {{kind: CV%, value: 20}}}}
  V: {{value: 200 L, between: {{kind: CV%, value: 20}}}}
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A shelf in a folder of its own; gives a function that files a changed model and loads it."""
    monkeypatch.setattr(shelf, "_folder", lambda: tmp_path)

    def file(name, *changes, more=""):
        text = MODEL.format(name=name)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / f"{name}.yaml").write_text(text + more, encoding="utf-8")
        return lambda: shelf.load(name)

    return file


def test_a_model_of_ones_own_file_loads(written):
    model = written("own-fine")()
    assert model.analytes == ("s-ketamine",)
    assert model.deviations == ("CL", "V")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("own-step", "step: one_compartment", "step: one_compartmnt", "unknown step 'one_comp"),
        ("own-into", "{into: gut}", "{into: guts}", "'guts' is no dose input, expected "),
        ("own-less", "  ka: {value: 1 1/h}\n", "", "parameter 'ka' is used but not given"),
        ("own-more", "  ka: {value", "  kb: {value: 1 1/h}\n  ka: {value", "used nowhere"),
        ("own-unit", "80 L/h", "80 L", "expected a flow such as '70 L/h'"),
        ("own-key", "ages: adult", "ages: adult\ngrad: B", "'grad'; did you mean 'grade'?"),
        ("own-late", "rate: [gut.out]", "rate: [k.eliminated]", "output of this or a later"),
        ("own-spread", "kind: CV%, value: 20}}\n  V", "kind: CV, value: 20}}\n  V", "'CV' is not"),
        ("own-drug", "drugs: [s-ketamine]", "drugs: [esketamine]", "drugs"),
        ("own-source", "default_source: here", "default_source: there", "'there' is not among"),
    ],
)  # fmt: skip
def test_a_faulty_file_says_where(written, name, old, new, said):
    text = message(written(name, (old, new)))
    assert said in text
    assert text.startswith(f"library/pk/{name}.yaml")


@pytest.mark.parametrize(
    ("name", "entry", "said"),
    [
        ("own-indefinite", "[CL, V], value: 5.0", "not positive definite"),
        ("own-spreadless", "[CL, ka], value: 0.01", "without variability"),
        ("own-correlation", "[CL, V], correlation: 1.5", "correlation"),
    ],
)
def test_covariances_must_be_possible(written, name, entry, said):
    text = message(written(name, more=f"covariances:\n  - {{between: {entry}}}\n"))
    assert said in text
    assert text.startswith(f"library/pk/{name}.yaml:")


# Defaults


@pytest.mark.parametrize(
    ("given", "more", "model"),
    [
        ([("s-ketamine", "iv")], {}, "fanta2015+otto2021"),
        ([("s-ketamine", "iv")], {"sampling": "arterial"}, "simons2022"),
        ([("s-ketamine", "iv")], {"age": "child"}, "flint2017"),
        ([("ketamine", "iv")], {}, "kamp2020"),
        ([("s-ketamine", "iv"), ("s-ketamine", "nasal")], {}, "perezruixo2021"),
        ([("s-ketamine", "iv"), ("s-ketamine", "film")], {}, "simons2022"),
        ([("s-ketamine", "nasal"), ("s-ketamine", "sublingual")], {}, "kamp2020"),
        ([("s-ketamine", "iv"), ("r-ketamine", "iv")], {}, "kamp2020"),
    ],
)
def test_one_model_is_chosen_for_all_routes_of_an_arm(given, more, model):
    chosen = defaults.choose(given, **more)
    assert chosen.model == model
    assert chosen.why
    assert all(shelf.load(model).covers(drug, route) for drug, route in given)


@pytest.mark.parametrize(
    ("given", "more", "said"),
    [
        ([("s-ketamine", "sc")], {}, "no model covers s-ketamine sc in adults ("),
        ([("s-ketamine", "film")], {"sampling": "venous"}, "film in adults with venous sampling"),
        ([("s-ketamine", "film")], {"age": "child"}, "s-ketamine film in children"),
        (
            [("s-ketamine", "film"), ("s-ketamine", "nasal")], {},
            "no model covers s-ketamine film, s-ketamine nasal together; nearest are ",
        ),
    ],
)  # fmt: skip
def test_what_no_model_covers_is_refused_with_the_nearest(given, more, said):
    text = message(defaults.choose, given, **more)
    assert said in text
    assert "nearest are " in text


def test_the_nearest_share_the_route_asked_for():
    assert defaults.nearest([("s-ketamine", "film")]).startswith("simons2022 (s-ketamine ")


def test_every_default_can_be_chosen():
    for default in defaults.table():
        chosen = defaults.choose(
            [(default.drug, default.route)], age=default.age, sampling=default.sampling
        )
        assert chosen.model == default.model


# Interactions


def test_interactions_by_name():
    assert {"ticlopidine", "clarithromycin", "rifampicin"} <= set(interactions.names())
    for name in interactions.names():
        assert interactions.load(name).perpetrator == name


def test_effects_on_a_model():
    found = interactions.load("rifampicin").on("ashraf2018")
    assert {e.parameter for e in found} == {"CLintH", "CLintGW", "CLintHnk"}
    assert interactions.load("itraconazole").on("ashraf2018") == ()


def test_recovery_is_in_hours():
    recovery = interactions.load("ticlopidine").recovery
    assert recovery != "none"
    assert recovery.per_hour == 0.017


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: interactions.load("clarithromicin"), "did you mean 'clarithromycin'?"),
        (lambda: interactions.load("tea"), "no interaction with 'tea' is on file; on file are "),
        (lambda: interactions.load("rifampicin").on("simons2022"), "only in model ashraf2018"),
        (lambda: interactions.load("grapefruit-juice").on("ashraf2018"), "in no model: "),
    ],
)
def test_interactions_that_cannot_be_simulated(call, said):
    assert said in message(call)
