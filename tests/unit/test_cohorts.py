import math
import re
from pathlib import Path

import pytest

from antalgic.errors import InputError
from antalgic.evidence import cohorts
from antalgic.study import Study
from antalgic.units import BASE_PER_HYDROCHLORIDE, Kind

LIBRARY = cohorts.FOLDER.parent
ALL = {name: cohorts.load(name) for name in cohorts.names()}
OBSERVED = {observed.id: observed for cohort in ALL.values() for observed in cohort.observations}
LEFT = {
    id_: entry for cohort in ALL.values() for entry in cohort.not_simulated for id_ in entry.ids
}

# Rows of the table of observations (O) and of the table of interactions (I) behind the files.
ROWS = (
    ("O", 70, 71),
    ("O", 80, 85),
    ("O", 88, 93),
    ("O", 104, 109),
    ("O", 114, 225),
    ("O", 249, 304),
    ("I", 1, 41),
)


def stems(folder: str) -> set[str]:
    return {path.stem for path in (LIBRARY / folder).glob("*.yaml")}


def study_of(cohort: cohorts.Cohort, arm: str) -> Study:
    return Study(
        study=cohort.name,
        population={"typical": True, **cohort.people_of(arm)},
        horizon=f"{cohort.horizon} h",
        arms={arm: cohort.arms[arm]},
        seed=1,
    )


ARMS = [(cohort, arm) for cohort in ALL.values() for arm in cohort.arms]


# --- the library -------------------------------------------------------------------------------


def test_every_published_row_is_simulated_or_left_out_with_a_reason():
    given = [id_ for cohort in ALL.values() for id_ in cohort.ids]
    expected = [f"{table}{n:02d}" if table == "I" else f"{table}{n:03d}" for table, a, b in ROWS
                for n in range(a, b + 1)]  # fmt: skip
    # One row holds two clearances.
    expected[expected.index("I40") : expected.index("I40") + 1] = ["I40a", "I40b"]
    assert sorted(given) == sorted(expected)
    assert sum(id_.startswith("O") for id_ in given) == 188
    assert len(OBSERVED) == 154
    assert len(LEFT) == 76


@pytest.mark.parametrize(
    ("name", "simulated", "left"),
    [
        ("janssen", 74, 2),
        ("leiden_otf", 20, 0),
        ("leiden_nitroprusside", 0, 31),
        ("chdr1311", 16, 0),
        ("malinovsky_1996", 6, 0),
        ("peltoniemi_2012_grapefruit", 4, 0),
        ("goldberg_crps", 0, 5),
    ],
)
def test_rows_of_a_cohort(name, simulated, left):
    cohort = ALL[name]
    assert len(cohort.observations) == simulated
    assert sum(len(entry.ids) for entry in cohort.not_simulated) == left


@pytest.mark.parametrize(
    ("row", "value", "kind", "per"),
    [
        ("O070", 1.44, Kind.FLOW, "kg"),
        ("O116", 8363 / 60, Kind.AUC, ""),
        ("O115", 18.8 / 60, Kind.TIME, ""),
        ("O080", 1200.0, Kind.CONCENTRATION, ""),
        ("O252", 750.0, Kind.CONCENTRATION, ""),
        ("O303", 90.0, Kind.FLOW, ""),
        ("O304", 140.7, Kind.VOLUME, ""),
        ("O300", 0.29, Kind.FRACTION, ""),
        ("I40b", 18.4e-3 * 60, Kind.FLOW, "kg"),
        ("I12", 0.14, Kind.EXTENT, ""),
    ],
)
def test_values_are_canonical(row, value, kind, per):
    observed = OBSERVED[row]
    assert observed.value == pytest.approx(value, rel=1e-12)
    assert (observed.kind, observed.per) == (kind, per)


@pytest.mark.parametrize(
    ("row", "spread"),
    [("O132", (259.0, 287.0)), ("O301", (0.25, 1.0)), ("O303", (0.381,)), ("O134", (0.1,))],
)
def test_spreads_are_in_the_unit_of_the_value_or_fractions_of_it(row, spread):
    assert OBSERVED[row].spread == pytest.approx(spread, rel=1e-12)


def test_times_and_windows_count_from_the_start_of_the_arm():
    assert OBSERVED["O134"].time == 0.5
    assert OBSERVED["O080"].time == 72.0
    assert OBSERVED["O151"].window == (0.0, 24.0)
    assert OBSERVED["O132"].window == (6.0, 12.0)
    assert OBSERVED["I01"].window == (72.0, math.inf)
    assert OBSERVED["O070"].window is None


def test_every_value_is_above_zero_and_its_spread_around_it():
    for observed in OBSERVED.values():
        assert observed.value > 0
        if len(observed.spread) == 2:
            low, high = observed.spread
            assert low <= observed.value <= high, observed.id


@pytest.mark.parametrize(("cohort", "arm"), ARMS, ids=lambda x: getattr(x, "name", x))
def test_every_arm_is_an_arm_of_a_study(cohort, arm):
    study = study_of(cohort, arm)
    regimen = study.regimens()[arm]
    assert regimen.doses
    assert {p.name for p in regimen.perpetrators} <= stems("interactions")
    person = study.population.people(seed=1)
    assert len(person) == 1


def dose_of(name: str, arm: str) -> float:
    return sum(dose.amount for dose in study_of(ALL[name], arm).regimens()[arm].doses)


@pytest.mark.parametrize(
    ("name", "arm", "amount"),
    [
        ("persson", "r-ketamine", 7 * BASE_PER_HYDROCHLORIDE),
        ("leiden_nitroprusside", "s-ketamine", 0.14 + 0.28 + 0.57),
        ("leiden_nitroprusside", "racemate", 0.28 + 0.57 + 1.14),
        ("koeppel_1990", "normal", 1.2 * 72),
        ("leiden_otf", "film-100", 100 + 20),
        ("noppers_2011", "with", 40.0),
        ("janssen", "old-japanese-84", 84.0),
    ],
)
def test_doses_add_up(name, arm, amount):
    assert dose_of(name, arm) == pytest.approx(amount, rel=1e-12)


def test_people_of_an_arm_may_differ_from_those_of_the_cohort():
    janssen = ALL["janssen"]
    assert janssen.people_of("old-asian-28") == {
        "weight": "74 kg",
        "age": "70 years",
        "female": 0.58,
        "race": {"asian": 1},
    }
    assert janssen.people_of("young-other-28") == janssen.people
    person = study_of(janssen, "old-asian-28").population.people(seed=1)
    assert (person.race[0], person.age[0]) == ("asian", 70.0)


def test_weight_and_age_are_stated_or_assumed_with_a_reason():
    for cohort in ALL.values():
        for field in {"weight", "age"} & cohort.people.keys() - cohort.assumed.keys():
            assert cohort.people[field] in cohort.population, (cohort.name, field)


def test_names_lead_to_other_library_files():
    known = stems("pk") | stems("interactions")
    for cohort in ALL.values():
        rows = (cohort, *cohort.observations)
        named = {name for row in rows for name in (*row.fitted_by, *row.perhaps_fitted_by)}
        assert named <= known, cohort.name


def test_analytes_are_substances_of_the_library():
    substances = {"ketamine", "norketamine", "hydroxynorketamine"}
    text = (LIBRARY / "substances.yaml").read_text(encoding="utf-8")
    assert all(f"\n  {name}:\n" in text for name in substances)
    for observed in OBSERVED.values():
        for analyte in {observed.analyte, observed.relative_to} - {None}:
            assert analyte.removeprefix("s-").removeprefix("r-") in substances


def test_numbers_digitised_from_a_figure_by_others_are_not_shipped():
    withheld = ALL["leiden_nitroprusside"]
    assert withheld.arms.keys() == {"s-ketamine", "racemate"}
    assert not withheld.observations
    assert {entry.found for entry in withheld.not_simulated} == {None}


def test_medians_read_off_a_figure_say_so():
    digitised = {observed.id for observed in OBSERVED.values() if observed.how == "digitised"}
    assert digitised == {observed.id for observed in ALL["chdr1311"].observations}
    assert {OBSERVED[id_].spread_kind for id_ in digitised} == {"reading error"}


@pytest.mark.parametrize("row", ["I28", "I29", "I30", "I31", "I41"])
def test_what_is_known_from_memory_only_has_no_number(row):
    assert LEFT[row].found is None
    assert "memory" in LEFT[row].reason


def test_addresses_are_those_of_the_publication_or_of_a_named_transcription():
    for cohort in ALL.values():
        for source in cohort.sources.values():
            assert source.url is None or re.match(r"https://[a-z][a-z0-9.-]*[a-z]/", source.url)


@pytest.mark.parametrize(
    ("row", "names", "standing"),
    [
        ("O114", ("simons2022",), "seen in fitting"),
        ("O114", ("kamp2020",), "external"),
        ("O070", ("kamp2020",), "perhaps seen in fitting"),
        ("O071", ("kamp2020",), "seen in fitting"),
        ("O134", ("fanta2015+otto2021",), "external"),
        ("O142", ("fanta2015+otto2021",), "seen in fitting"),
        ("O104", ("kamp2020",), "external"),
        ("O105", ("kamp2020",), "seen in fitting"),
        ("I01", ("ashraf2018", "clarithromycin"), "seen in fitting"),
        ("I02", ("ashraf2018", "clarithromycin"), "external"),
        ("I04", ("ashraf2018",), "seen in fitting"),
        ("I11", ("ashraf2018", "rifampicin"), "seen in fitting"),
        ("I13", ("ashraf2018", "rifampicin"), "external"),
    ],
)
def test_what_a_model_has_seen(row, names, standing):
    assert OBSERVED[row].standing(*names) == standing


# --- the loader --------------------------------------------------------------------------------

SOUND = """\
cohort: sound
title: A sound cohort
sources:
  doe2000: {citation: "Doe J. 2000", doi: 10.1000/doe, seen: primary}
  roe2001: {citation: "Roe R. 2001", seen: recalled}
default_source: doe2000
fitted_by: [simons2022]
sampling: venous
population: {text: "healthy, 70 kg", n: 12}
people: {weight: 70 kg, age: 30 years, female: 0.5}
assumed: {age: not stated}
horizon: 24 h
arms:
  alone:
    items:
      - {drug: ketamine, route: oral, amount: 0.5 mg/kg}
  with:
    people: {female: 1}
    items:
      - {drug: clarithromycin, from: 0 h}
      - {drug: ketamine, route: oral, amount: 0.5 mg/kg}
observations:
  - {id: A1, arm: alone, analyte: ketamine, metric: cmax, value: 45 ng/mL, <<}
  - {id: A2, arm: with, over: alone, analyte: ketamine, metric: ratio, of: auc, @, value: 2.5, <<}
not_simulated:
  - {ids: [A3], what: a finding in words, reason: no number}
""".replace("<<", "statistic: mean, how: read").replace("@", "at: 0 h to infinity")


def saved(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in SOUND
    path = folder / "sound.yaml"
    path.write_text(SOUND.replace(old, new, 1) if old else SOUND, encoding="utf-8")
    return path


def test_a_cohort_file(tmp_path):
    cohort = cohorts.load_file(saved(tmp_path))
    first, second = cohort.observations
    assert cohort.horizon == 24.0
    assert cohort.n == 12
    assert cohort.arms["alone"] == [{"drug": "ketamine", "route": "oral", "amount": "0.5 mg/kg"}]
    assert cohort.people_of("with") == {"weight": "70 kg", "age": "30 years", "female": 1}
    assert (first.value, first.text, first.seen) == (45.0, "45 ng/mL", "primary")
    assert (second.over, second.of, second.window) == ("alone", "auc", (0.0, math.inf))
    assert second.fitted_by == ("simons2022",)
    assert cohort.ids == ("A1", "A2", "A3")


def test_a_row_may_say_otherwise_than_its_cohort(tmp_path):
    path = saved(tmp_path, "how: read}\n  - {id: A2", "how: read, fitted_by: []}\n  - {id: A2")
    first, second = cohorts.load_file(path).observations
    assert (first.fitted_by, second.fitted_by) == ((), ("simons2022",))


def test_a_molar_value_keeps_its_substance(tmp_path):
    path = saved(tmp_path, "value: 45 ng/mL", "value: 0.19 nmol/mL, substance: ketamine")
    observed = cohorts.load_file(path).observations[0]
    assert observed.kind is Kind.MOLAR_CONCENTRATION
    assert (observed.value, observed.substance) == (0.19, "ketamine")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cohort: sound", "cohort: other", ":1 cohort: 'other' is not the name of the file"),
        ("sampling: venous", "sampling: venos", ":8 sampling: 'venos' is not known, expected "),
        ("title: A", "titel: A", "unknown field 'titel'; did you mean 'title'?"),
        (
            "default_source: doe2000",
            "default_source: do2000",
            ":6 default_source: 'do2000' is not among the sources of this file",
        ),
        ("doi: 10.1000/doe", "doi: ten", ":4 sources.doe2000.doi: 'ten' is not a doi, expected "),
        ("weight: 70 kg, age", "weight: 70 mL, age", ":10 people.weight: '70 mL' is a volume"),
        ("female: 1}", "femal: 1}", "unknown field 'femal'; did you mean 'female'?"),
        ("people: {weight: 70 kg, age: 30 years, female: 0.5}\n", "", "'arms' and 'people' go "),
        ("{age: not stated}", "{agee: not}", ":11 assumed.agee: 'agee' is neither of people nor"),
        ("0.5 mg/kg}\n  with", "0.5 mL}\n  with", ":16 arms.alone.items[0].amount: '0.5 mL' is a"),
        (
            "route: oral, amount",
            "rout: oral, amount",
            "unknown field 'rout'; did you mean 'route'?",
        ),
        ("0.5 mg/kg}\n  with", "1 mg, at: 48 h}\n  with", ":15 arms.alone.items: "),
        ("arm: alone, analyte", "arm: lone, analyte", ":23 observations[0].arm: 'lone' is not an "),
        ("45 ng/mL", "45", ":23 observations[0].value: 45 has no unit, expected a concentration"),
        ("45 ng/mL", "45 mg", ":23 observations[0].value: '45 mg' is an amount, expected a conc"),
        ("45 ng/mL", "45 nmol/L", "expected a concentration such as '100 ng/mL'; give mass, not m"),
        ("45 ng/mL", "0 ng/mL", ":23 observations[0].value: '0 ng/mL' is nothing to compare with"),
        ("metric: cmax", "metric: cmx", ":23 observations[0].metric: 'cmx' is not known, expected"),
        ("metric: cmax", "metric: auc", ":23 observations[0].value: '45 ng/mL' is a concentration"),
        ("metric: cmax", "metric: css", ":23 observations[0]: missing field 'at' with 'css'"),
        ("metric: cmax", "metric: f", ":23 observations[0]: the metric 'f' needs 'over'"),
        ("of: auc, ", "", ":24 observations[1]: the metric 'ratio' needs 'of'"),
        ("of: auc", "of: f", ":24 observations[1].of: 'f' is a comparison itself, expected such"),
        ("over: alone", "over: with", ":24 observations[1].over: 'with' is compared with itself"),
        ("metric: cmax", "metric: cmax, over: with", "[0]: the metric 'cmax' has no 'over'"),
        ("metric: cmax", "metric: cmax, at: 2 h", ":23 observations[0].at: '2 h' is not a window"),
        ("0 h to infinity", "0 h to 25 h", ":24 observations[1].at: '25 h' is after the horizon"),
        ("0 h to infinity", "3 h to 2 h", ":24 observations[1].at: '3 h to 2 h' ends before it st"),
        ("metric: cmax", "metric: cmax, at: 0 h to infinity", "[0].at: 'infinity' is not a finite"),
        ("of: auc", "of: cl", ":24 observations[1].at: 'cl' has no time"),
        ("value: 2.5", "value: 2.5, spread: 2 to 3", "[1]: 'spread' and 'spread_kind' go together"),
        (
            "ng/mL,",
            "ng/mL, spread: 1 to 2 h, spread_kind: SD,",
            ":23 observations[0].spread: '1' has no unit, expected a concentration",
        ),
        (
            "ng/mL,",
            "ng/mL, spread: 1 ng/mL to 2 ng/mL to 3 ng/mL, spread_kind: range,",
            ":23 observations[0].spread: '1 ng/mL to 2 ng/mL to 3 ng/mL' is no spread of '45 ng",
        ),
        ("mean, how", "mean, source: roe2001, how", "roe2001 was not read, and what was not read"),
        (
            "mean, how",
            "mean, source: doe200, how",
            "[0].source: 'doe200' is not among the sources ",
        ),
        ("mean, how", "mean, relative_to: x, how", "[0].relative_to: is for the metric 'ratio' "),
        ("ids: [A3]", "ids: [A1]", ":26 not_simulated[0].ids[0]: 'A1' is given twice"),
    ],
)
def test_a_fault_is_one_line_with_its_place(tmp_path, old, new, message):
    path = saved(tmp_path, old, new)
    with pytest.raises(InputError) as caught:
        cohorts.load_file(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert message in text.removeprefix(str(path))
    assert "\n" not in text


def test_an_unknown_name_gets_a_hint():
    with pytest.raises(InputError, match=r"'leiden_oft' is not a cohort .* mean 'leiden_otf'"):
        cohorts.load("leiden_oft")
