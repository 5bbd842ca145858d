"""Sources: every library value has a unit, a citation and a grade, or is refused."""

import math

import pytest

from antalgic import yamlfile
from antalgic.errors import InputError
from antalgic.sources import (
    Source,
    Value,
    Variability,
    read_sources,
    read_value,
    read_variability,
)
from antalgic.units import Kind

SOURCES = read_sources({"fanta2015": {"citation": "Fanta 2015"}, "otto2021": {"citation": "Otto"}})
ENTRY = {
    "value": "63.4 L/h",
    "uncertainty": "SEE 1.2",
    "source": "fanta2015",
    "locator": "Table 3",
    "how": "transcribed",
    "grade": "B",
    "note": "at 70 kg",
}


def refusal(read, *args, **options):
    with pytest.raises(InputError) as caught:
        read(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def value_refusal(kind=Kind.FLOW, **changes):
    fields = {key: text for key, text in (ENTRY | changes).items() if text != "left out"}
    return refusal(read_value, fields, kind, SOURCES)


# --- sources -----------------------------------------------------------------------------------


def test_sources_are_read_by_key():
    entry = {
        "citation": "Ashraf 2018",
        "doi": "10.1002/psp4.12346",
        "url": "https://example.org/a",
        "seen": "secondary",
        "note": "abstract",
    }
    assert read_sources({"a+b-2018": entry, "c": {"citation": "C"}}) == {
        "a+b-2018": Source("a+b-2018", *entry.values()),
        "c": Source("c", "C"),
    }


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "[] is a list, expected sources by their keys"),
        ({"a": "Fanta 2015"}, "a: 'Fanta 2015' is text, expected a citation, and a doi or url"),
        ({"a b": {"citation": "x"}}, "a b: 'a b' is not a key, expected such as 'fanta2015'"),
        ({"a": {"doi": "10.1002/x"}}, "a: missing field 'citation'"),
        ({"a": {"citation": " "}}, "a.citation: ' ' is not a line of text"),
        ({"a": {"citation": "x\ny"}}, r"a.citation: 'x\ny' is not a line of text"),
        ({"a": {"citation": 2015}}, "a.citation: 2015 is a number, expected text"),
        ({"a": {"citation": "x", "DOI": "y"}}, "a: unknown field 'DOI'; did you mean 'doi'?"),
        ({"a": {"citation": "x", "doi": "doi:10.1/x"}}, "a.doi: 'doi:10.1/x' is not a doi"),
        ({"a": {"citation": "x", "doi": "10.1002/a b"}}, "a.doi: '10.1002/a b' is not a doi"),
        ({"a": {"citation": "x", "url": "www.x.org"}}, "a.url: 'www.x.org' is not a url"),
        (
            {"a": {"citation": "x", "url": "http://localhost"}},
            "a.url: 'http://localhost' is not a url",
        ),
        ({"a": {"citation": "x", "seen": "primry"}}, "a.seen: 'primry' is not known, expected one"),
    ],
)
def test_sources_refused(entries, message):
    assert refusal(read_sources, entries).startswith(message)


# --- values ------------------------------------------------------------------------------------


def test_value_keeps_what_was_written_and_its_passport():
    assert read_value(ENTRY | {"value": "1.2 L/min"}, Kind.FLOW, SOURCES) == Value(
        value=72.0,
        unit="L/min",
        text="1.2 L/min",
        uncertainty="SEE 1.2",
        source="fanta2015",
        locator="Table 3",
        how="transcribed",
        grade="B",
        note="at 70 kg",
    )


def test_plain_numbers_have_no_unit():
    value = read_value(ENTRY | {"value": 0.78296}, Kind.EXTENT, SOURCES)
    assert (value.value, value.unit, value.text) == (0.78296, "", "0.78296")


def test_body_weight_and_negative_values_only_where_the_caller_expects_them():
    per_kg = ENTRY | {"value": "19.1 mL/min/kg"}
    value = read_value(per_kg, Kind.FLOW, SOURCES, per=True)
    assert (value.value, value.per) == (pytest.approx(1.146), "kg")
    assert "value: '19.1 mL/min/kg' is per kg" in refusal(read_value, per_kg, Kind.FLOW, SOURCES)
    slope = ENTRY | {"value": "-2.19 L/h"}
    assert read_value(slope, Kind.FLOW, SOURCES, signed=True).value == -2.19
    assert "must not be negative" in refusal(read_value, slope, Kind.FLOW, SOURCES, per=True)


def test_defaults_fill_in_what_the_entry_leaves_out():
    default = {"source": "fanta2015", "how": "read", "grade": "A", "locator": "Table 1"}
    value = read_value({"value": "5 L"}, Kind.VOLUME, SOURCES, default=default)
    assert (value.source, value.how, value.grade, value.locator) == (
        "fanta2015",
        "read",
        "A",
        "Table 1",
    )
    value = read_value({"value": "5 L", "grade": "C"}, Kind.VOLUME, SOURCES, default=default)
    assert (value.how, value.grade) == ("read", "C")


def test_a_locator_belongs_to_its_source():
    default = {"source": "fanta2015", "how": "read", "grade": "A", "locator": "Table 1"}
    entry = {"value": "5 L", "source": "otto2021"}
    assert read_value(entry, Kind.VOLUME, SOURCES, default=default).locator is None


@pytest.mark.parametrize("how", ["assumed", "fitted here"])
def test_what_is_ours_is_not_put_down_to_the_paper_of_the_file(how):
    default = {"source": "fanta2015", "grade": "A", "how": "read", "locator": "Table 1"}
    entry = {"value": "5 L", "how": how, "note": "as in adults"}
    value = read_value(entry, Kind.VOLUME, SOURCES, default=default)
    assert (value.source, value.locator, value.how) == ("", None, how)
    named = read_value(entry | {"source": "otto2021"}, Kind.VOLUME, SOURCES, default=default)
    assert named.source == "otto2021"


@pytest.mark.parametrize("how", ["assumed", "fitted here"])
def test_what_is_ours_owes_a_reason(how):
    message = f"missing field 'note': what is {how} owes a reason"
    assert value_refusal(how=how, note="left out") == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": "left out"}, "missing field 'value'"),
        ({"value": "63.4"}, "value: '63.4' has no unit, expected a flow such as '70 L/h'"),
        ({"value": "63.4 L"}, "value: '63.4 L' is a volume, expected a flow such as '70 L/h'"),
        ({"value": None}, "value: nothing is given, expected a flow"),
        ({"source": "left out"}, "missing field 'source'"),
        (
            {"source": "fanta2051"},
            "source: 'fanta2051' is not among the sources of this file, "
            "expected one of fanta2015, otto2021; did you mean 'fanta2015'?",
        ),
        ({"how": "left out"}, "missing field 'how'"),
        (
            {"how": "guessed"},
            "how: 'guessed' is not known, expected one of "
            "read, transcribed, digitised, derived, fitted here, assumed",
        ),
        ({"grade": "left out"}, "missing field 'grade'"),
        ({"grade": "E"}, "grade: 'E' is not known, expected one of A, B, C, D"),
        ({"grade": ["A"]}, "grade: ['A'] is not known, expected one of A, B, C, D"),
        ({"locator": 3}, "locator: 3 is a number, expected text"),
        ({"note": ""}, "note: '' is not a line of text"),
        ({"uncertainty": 1.2}, "uncertainty: 1.2 is a number, expected text"),
        ({"unit": "L/h"}, "unknown field 'unit'"),
        ({"sourc": "x"}, "unknown field 'sourc'; did you mean 'source'?"),
    ],
)
def test_values_refused(changes, message):
    assert value_refusal(**changes).startswith(message)


def test_further_fields_are_the_callers():
    entry = ENTRY | {"between": {"kind": "CV%", "value": 22}}
    assert "unknown field 'between'" in refusal(read_value, entry, Kind.FLOW, SOURCES)
    assert read_value(entry, Kind.FLOW, SOURCES, extra=("between",)).value == 63.4


def test_what_is_not_an_entry_is_refused():
    message = refusal(read_value, "63.4 L/h", Kind.FLOW, SOURCES)
    assert message == "'63.4 L/h' is text, expected a value with its source"


def test_no_sources_at_all_is_said_so():
    assert "expected one of none" in refusal(read_value, ENTRY, Kind.FLOW, {})


def test_a_document_adds_the_line():
    text = "CL:\n  value: 63.4 L/h\n  source: fanta2015\n  how: read\n  grade: F\n"
    doc = yamlfile.read_text(text, "fanta.yaml")
    with pytest.raises(InputError) as caught, doc.at("CL"):
        read_value(doc.data["CL"], Kind.FLOW, SOURCES)
    assert str(caught.value).startswith("fanta.yaml:5 CL.grade: 'F' is not known")


# --- variability -------------------------------------------------------------------------------


def test_the_three_kinds_agree_on_the_same_spread():
    variance = 0.25
    cv = math.sqrt(math.exp(variance) - 1)
    for spread in (
        Variability("omega^2", variance),
        Variability("SD", math.sqrt(variance)),
        Variability("CV%", 100 * cv),
    ):
        assert spread.variance == pytest.approx(variance, rel=1e-14)
        assert spread.cv == pytest.approx(cv, rel=1e-14)


def test_cv_is_that_of_the_log_normal_distribution():
    """Standard deviation over mean of exp(eta), by integrating over the normal quantiles."""
    spread = Variability("omega^2", 0.3)
    steps = 20_000
    sd = math.sqrt(spread.variance)
    etas = [-8 + 16 * (i + 0.5) / steps for i in range(steps)]
    weights = [math.exp(-0.5 * eta**2) for eta in etas]
    values = [math.exp(sd * eta) for eta in etas]
    total = sum(weights)
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    square = sum(w * v * v for w, v in zip(weights, values, strict=True)) / total
    assert spread.cv == pytest.approx(math.sqrt(square - mean**2) / mean, rel=1e-6)


def test_small_spreads_lose_no_digits():
    assert Variability("omega^2", 1e-18).cv == pytest.approx(1e-9, rel=1e-12)
    assert Variability("CV%", 1e-7).variance == pytest.approx(1e-18, rel=1e-12)


@pytest.mark.parametrize(
    ("entry", "spread", "text"),
    [
        (
            {"kind": "omega^2", "value": 0.026},
            Variability("omega^2", 0.026, "log"),
            "omega^2 0.026 (CV 16%)",
        ),
        ({"kind": "CV%", "value": 22}, Variability("CV%", 22, "log"), "CV 22%"),
        ({"kind": "SD", "value": "0.5"}, Variability("SD", 0.5, "log"), "SD 0.5 (CV 53%)"),
        (
            {"kind": "SD", "value": 0.4, "scale": "logit"},
            Variability("SD", 0.4, "logit"),
            "SD 0.4 (logit)",
        ),
        ({"kind": "omega^2", "value": 0}, Variability("omega^2", 0), "omega^2 0 (CV 0%)"),
    ],
)
def test_variability_is_read_and_written(entry, spread, text):
    assert read_variability(entry) == spread
    assert spread.text == text


def test_a_logit_normal_has_no_one_cv():
    spread = Variability("SD", 0.4, "logit")
    assert spread.variance == pytest.approx(0.16)
    with pytest.raises(ValueError, match="log-normal"):
        _ = spread.cv


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (0.026, "0.026 is a number, expected such as {kind: CV%, value: 22}"),
        ({"value": 0.026}, "missing field 'kind'"),
        ({"kind": "omega^2"}, "missing field 'value'"),
        ({"kind": "omega", "value": 1}, "kind: 'omega' is not known, expected one of omega^2, CV%"),
        ({"kind": "SD", "value": -1}, "value: -1 must not be negative"),
        ({"kind": "SD", "value": math.nan}, "value: nan is not a finite number"),
        ({"kind": "SD", "value": "1 mg"}, "value: '1 mg' is an amount, expected a plain number"),
        ({"kind": "SD", "value": 1, "scale": "linear"}, "scale: 'linear' is not known, expected"),
        ({"kind": "SD", "value": 1, "shape": "x"}, "unknown field 'shape'"),
        ({"kind": "CV%", "value": 1, "scale": "logit"}, "kind: CV% is for the log scale, expected"),
    ],
)
def test_variability_refused(entry, message):
    assert refusal(read_variability, entry).startswith(message)
