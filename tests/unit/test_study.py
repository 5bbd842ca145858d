"""Study files: what is read, what is refused and how, and the schema that describes them."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from antalgic import study as study_module
from antalgic.errors import InputError
from antalgic.study import SCHEMA, Study, load, loads, schema_text

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))

SOUND = """\
study: mine
population: {size: 10}
horizon: 2 weeks
arms:
  active:
    - {drug: s-ketamine, route: iv, rate: 5 mg/h, for: 10 h}
    - drug: ketamine
      route: oral
      amount: 25 mg
      every: 8 h
  none: []
seed: 1
"""


def refusal(text):
    with pytest.raises(InputError) as caught:
        loads(text, "mine.yaml")
    return str(caught.value)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_studies_of_the_repository_are_sound(path):
    study = load(path)
    assert study.study == path.stem
    assert study.text == path.read_text(encoding="utf-8")
    assert study.path == path
    controls = ("placebo", "saline")
    given = [regimen for arm, regimen in study.regimens().items() if arm not in controls]
    assert given
    assert all(regimen.doses or regimen.exercise or regimen.comparators for regimen in given)


def test_the_crps_study_gives_what_its_text_says():
    regimens = load(ROOT / "studies" / "crps-100h.yaml").regimens()
    assert list(regimens) == ["ketamine", "placebo"]
    assert [dose.amount for dose in regimens["ketamine"].doses] == [40, 80, 120, 20 * 76]
    assert regimens["placebo"].doses == ()
    assert regimens["placebo"].notes == ("placebo iv (item 1): no drug is given",)


def test_optional_fields_have_defaults():
    study = loads(SOUND)
    assert (study.horizon, study.seed, study.residual_error) == (336.0, 1, False)
    assert (study.question, study.condition, study.outputs, study.output_every) == (None,) * 4
    assert (study.compared, study.model_for("active", "ketamine")) == ((), None)


def test_a_study_can_be_made_in_python():
    study = Study(
        study="mine",
        population={"typical": True},
        horizon="24 h",
        arms={"a": [{"drug": "ketamine", "route": "im", "amount": "0.5 mg/kg"}]},
        seed=3,
    )
    assert study.regimens()["a"].routes == ("im",)
    assert (study.text, study.path) == (None, None)


def test_a_study_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        loads(SOUND).seed = 2


def test_one_model_for_all_arms():
    study = loads(SOUND + "models: {pharmacokinetics: kamp2020}\n")
    assert study.model_for("active", "s-ketamine") == "kamp2020"


def test_a_model_for_an_arm_comes_before_one_for_a_drug():
    models = "models: {pharmacokinetics: {esketamine: simons2022, none: kamp2020}}\n"
    study = loads(SOUND + models)
    assert study.model_for("none", "s-ketamine") == "kamp2020"
    assert study.model_for("active", "s-ketamine") == "simons2022"
    assert study.model_for("active", "ketamine") is None


def test_an_arm_named_like_a_drug_is_the_arm():
    text = SOUND.replace("  active:", "  ketamine:")
    study = loads(text + "models: {pharmacokinetics: {ketamine: kamp2020}}\n")
    assert study.model_for("ketamine", "s-ketamine") == "kamp2020"
    assert study.model_for("none", "ketamine") is None


def test_a_list_of_models_is_a_comparison():
    study = loads(SOUND + "models: {pharmacokinetics: [simons2022, kamp2020]}\n")
    assert study.compared == ("simons2022", "kamp2020")
    assert study.model_for("active", "s-ketamine") is None


def test_a_file_is_named_as_the_user_wrote_it(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(SOUND.replace("5 mg/h", "5 mg"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}:6 arms.active[0].rate: '5 mg' is an amount, expected a rate such as '20 mg/h'"
    )


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            load(path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("study: caf\xe9".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        load(latin)


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("      amount: 25 mg\n", "      amount: 25\n", ":9 arms.active[1].amount: 25 has no unit"),
        (
            "      every: 8 h\n",
            "      evry: 8 h\n",
            ":10 arms.active[1].evry: unknown field 'evry'",
        ),
        ("      every: 8 h\n", "      every:\n", ":10 arms.active[1].every: is empty"),
        (
            "      every: 8 h\n",
            "      every: 1 s\n",
            ":10 arms.active[1].every: gives more than 1000000 doses",
        ),
        ("      route: oral\n", "", ":7 arms.active[1]: missing field 'route', expected one of iv"),
        ("[]", "", ":11 arms.none: is empty, expected a list of items"),
        ("[]", "{drug: placebo}", ":11 arms.none: {'drug': 'placebo'} is a mapping, expected"),
        ("[]", "[{regimen: crps100h}]", ":11 arms.none[0].regimen: 'crps100h' is not a regimen"),
        ("horizon: 2 weeks", "horizon: 0 h", ":3 horizon: '0 h' is too short"),
        ("horizon: 2 weeks", "horizon: 2", ":3 horizon: 2 has no unit, expected a time such as"),
        ("horizon: 2 weeks", "horizon: 200 years", ":3 horizon: '200 years' is too long"),
        ("horizon: 2 weeks", "horizn: 2 weeks", ":3 horizn: unknown field 'horizn'; did you mean"),
        ("horizon: 2 weeks\n", "", ":1: missing field 'horizon'"),
        ("study: mine", "study: 5", ":1 study: 5 is a number, expected text"),
        ("study: mine", 'study: "a\\nb"', ":1 study: 'a\\nb' is not printable text on one line"),
        ("study: mine", "study: " + "x" * 300, ":1 study: 'xxxxxxx"),
        ("seed: 1", "seed: -1", ":12 seed: -1 is out of range"),
        ("seed: 1", "seed: 1.5", ":12 seed: 1.5 is a number, expected a whole number"),
        ("seed: 1", "seed: true", ":12 seed: true is a yes/no value"),
        ("seed: 1", "seed: 1\nquestion:", ":13 question: is empty: give a value or remove"),
        ("seed: 1", "seed: 1\ncondition: crbs", ":13 condition: unknown condition 'crbs'"),
        ("seed: 1", "seed: 1\noutputs: []", ":13 outputs: [] is a list, expected a list of names"),
        ("seed: 1", "seed: 1\noutputs: [a, a]", ":13 outputs: 'a' is listed twice"),
        ("seed: 1", "seed: 1\noutputs: 3", ":13 outputs: 3 is a number, expected a list of names"),
        ("seed: 1", "seed: 1\noutput_every: 0 h", ":13 output_every: '0 h' is too short"),
        ("seed: 1", "seed: 1\noutput_every: 1 s", ":13 output_every: gives more than 1000000"),
        ("seed: 1", "seed: 1\nresidual_error: no", ":13 residual_error: 'no' is text, expected"),
        (
            "seed: 1",
            "seed: 1\nmodels: {pharmacokinetics: 3}",
            ":13 models.pharmacokinetics: 3 is a number, expected the name of a model",
        ),
        (
            "seed: 1",
            "seed: 1\nmodels: {pharmacokinetics: [a, a]}",
            ":13 models.pharmacokinetics: 'a' is listed twice",
        ),
        (
            "seed: 1",
            "seed: 1\nmodels: {pharmacokinetics: {activ: kamp2020}}",
            ":13 models.pharmacokinetics.activ: 'activ' is neither an arm nor a drug, "
            "expected one of active, none, s-ketamine",
        ),
        (
            "seed: 1",
            "seed: 1\nmodels: {pharmacokinetics: {s-ketamine: a, esketamine: b}}",
            ":13 models.pharmacokinetics.esketamine: 'esketamine' gives s-ketamine a second model",
        ),
        ("seed: 1", "seed: 1\nmodels: {pk: a}", ":13 models.pk: unknown field 'pk'; did you mean"),
        (SOUND, "", "mine.yaml: is empty"),
        (SOUND, "[1, 2]", ":1: [1, 2] is a list, expected a mapping of fields"),
        ("  none: []", '  "a\\nb": []', ":4 arms: 'a\\nb' is not printable text on one line"),
    ],
)
def test_a_fault_is_one_line_with_its_place(written, instead, message):
    assert written in SOUND
    found = refusal(SOUND.replace(written, instead))
    assert found.startswith("mine.yaml" + message.removeprefix("mine.yaml"))
    assert len(found.splitlines()) == 1


def test_an_arms_field_that_is_no_mapping():
    head = SOUND.split("arms:")[0]
    assert ":4 arms: [] is a list, expected at least one arm by name" in refusal(
        head + "arms: []\nseed: 1\n"
    )


def test_two_steady_states_in_one_arm_are_refused_where_they_stand():
    head = SOUND.split("arms:")[0]
    text = head + (
        "arms:\n  a:\n"
        "    - {drug: ketamine, route: oral, amount: 5 mg, every: 8 h, steady_state: true}\n"
        "    - {drug: ketamine, route: oral, amount: 5 mg, every: 1 day, steady_state: true}\n"
        "seed: 1\n"
    )
    assert refusal(text).startswith("mine.yaml:7 arms.a[1].steady_state: has a period of 24 h")


def test_the_published_schema_is_up_to_date():
    # To write it anew: python -m antalgic.study
    assert (ROOT / SCHEMA).read_text(encoding="utf-8") == schema_text()


def test_the_schema_knows_every_field_by_the_name_files_use():
    found = json.loads(schema_text())
    assert set(found["properties"]) == set(Study.model_fields)
    assert found["additionalProperties"] is False
    assert {"for", "at", "every"} <= set(found["$defs"]["DoseItem"]["properties"])
    assert {"from", "until", "drug"} == set(found["$defs"]["PerpetratorItem"]["properties"])
    assert '"null"' not in schema_text()


def test_the_schema_can_be_written_elsewhere(tmp_path, capsys):
    target = tmp_path / "schema.json"
    study_module.main([str(target)])
    assert target.read_text(encoding="utf-8") == schema_text()
    assert str(target) in capsys.readouterr().out
