"""Units: round trips, and nothing but InputError whatever is written."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from antalgic import units
from antalgic.errors import InputError
from antalgic.units import Kind

kinds = st.sampled_from(list(Kind))
sizes = st.floats(min_value=1e-9, max_value=1e9)
words = st.sampled_from(
    [
        *units._SPELLINGS,
        *"/*^,.e-+( \n2",
        "per",
        "70",
        "1",
        "-1",
        "70 kg",
        "\u00b5g",
        "\u22121",
        "HCl",
        "base",
    ]
)
near_misses = st.lists(words, max_size=8).map("".join)
numbers = st.one_of(
    st.integers(0, 999).map(str), st.floats(0, 1e3).map(str), st.sampled_from(["1e9999", "5."])
)


def read(parse, *args, **options):
    """What parse gives, or None for an InputError of one line; all else fails the test."""
    try:
        return parse(*args, **options)
    except InputError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 400
        return None


def within_the_domain(value, kind):
    return 0 <= value <= (1 if kind is Kind.FRACTION else math.inf) or kind is Kind.COEFFICIENT


@given(st.text(), kinds)
@example("\ud800 mg", Kind.MASS)
@example("5 mg\x00", Kind.MASS)
def test_any_text_is_read_or_refused(text, kind):
    value = read(units.parse, text, kind)
    assert value is None or within_the_domain(value, kind)
    read(units.parse_per, text, kind)
    read(units.parse_dose, text, rate=True)


@given(numbers, near_misses, kinds)
def test_near_misses_are_read_or_refused(number, unit, kind):
    value = read(units.parse, f"{number} {unit}", kind)
    assert value is None or (math.isfinite(value) and within_the_domain(value, kind))
    for rate in (True, False):
        dose = read(units.parse_dose, f"{number}{unit}", rate=rate)
        assert dose is None or (math.isfinite(dose.value) and dose.value >= 0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
    kinds,
)
def test_anything_at_all_is_read_or_refused(value, kind):
    read(units.parse, value, kind)
    read(units.parse_dose, value, rate=False)


@given(sizes, kinds)
def test_format_is_read_again_within_the_digits_printed(value, kind):
    if kind is Kind.FRACTION:
        value = min(value, 1 / value)
    assert units.parse(units.format(value, kind), kind) == pytest.approx(value, rel=6e-4)


@given(sizes, kinds)
def test_a_value_in_its_canonical_unit_is_itself(value, kind):
    if kind is Kind.FRACTION:
        value = min(value, 1 / value)
    assert units.parse(f"{value!r} {kind.unit}", kind) == value


@given(sizes, st.sampled_from([("kg", "g"), ("g", "mg"), ("mg", "ug"), ("ug", "ng"), ("ng", "pg")]))
def test_prefixes_are_thousands(value, pair):
    large, small = (units.parse(f"{value!r} {unit}", Kind.MASS) for unit in pair)
    assert large == pytest.approx(1000 * small, rel=1e-15)


@given(sizes)
def test_a_mole_of_a_substance_weighs_its_molar_mass(value):
    """Moles per volume times molar mass is mass per volume, so no factor is lost between them."""
    molar = units.parse(f"{value!r} umol/L", Kind.MOLAR_CONCENTRATION)
    mass = units.parse("237.725 g/mol", Kind.MOLAR_MASS)
    written = units.parse(f"{value * 237.725!r} ug/L", Kind.CONCENTRATION)
    assert molar * mass == pytest.approx(written, rel=1e-12)


@given(sizes, st.sampled_from(["", "/kg", " per 70 kg"]))
def test_a_rate_for_an_hour_is_an_amount(value, per):
    rate = units.parse_dose(f"{value!r} mg/min{per}", rate=True)
    amount = units.parse_dose(f"{value!r} mg{per}", rate=False)
    assert rate.per == amount.per
    assert rate.value == pytest.approx(60 * amount.value, rel=1e-15)
