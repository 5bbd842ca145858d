"""Units: what is read, what is refused, and in which words."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pint
import pytest

from antalgic import units
from antalgic.errors import InputError
from antalgic.units import Dose, Kind


@pytest.fixture(scope="module")
def registry():
    return pint.UnitRegistry()


def refusal(value, kind):
    with pytest.raises(InputError) as caught:
        units.parse(value, kind)
    return str(caught.value)


def dose_refusal(value, *, rate):
    with pytest.raises(InputError) as caught:
        units.parse_dose(value, rate=rate)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("12 h", Kind.TIME, 12),
        ("12 hr", Kind.TIME, 12),
        ("12hrs", Kind.TIME, 12),
        ("90 min", Kind.TIME, 1.5),
        ("1 d", Kind.TIME, 24),
        ("1 day", Kind.TIME, 24),
        ("3 days", Kind.TIME, 72),
        ("1 wk", Kind.TIME, 168),
        ("2 weeks", Kind.TIME, 336),
        ("36 s", Kind.TIME, 0.01),
        ("1 y", Kind.TIME, 8766),
        ("12 months", Kind.TIME, 8766),
        ("0 h", Kind.TIME, 0),
        ("1e-3 mg", Kind.MASS, 0.001),
        ("5 mcg", Kind.MASS, 0.005),
        ("5 ug", Kind.MASS, 0.005),
        ("5 \u00b5g", Kind.MASS, 0.005),
        ("5 \u03bcg", Kind.MASS, 0.005),
        ("1.5 g", Kind.MASS, 1500),
        (".5 mg", Kind.MASS, 0.5),
        ("5\u00a0mg", Kind.MASS, 5),
        ("5mg/h", Kind.MASS_RATE, 5),
        ("5 mg / h", Kind.MASS_RATE, 5),
        ("5 mg per h", Kind.MASS_RATE, 5),
        ("5 mg*h^-1", Kind.MASS_RATE, 5),
        ("10 ug/min", Kind.MASS_RATE, 0.6),
        ("2.4 mg/day", Kind.MASS_RATE, 0.1),
        ("90 L", Kind.VOLUME, 90),
        ("250 ml", Kind.VOLUME, 0.25),
        ("1 dL", Kind.VOLUME, 0.1),
        ("1 cm^3", Kind.VOLUME, 0.001),
        ("1.2 L/min", Kind.FLOW, 72),
        ("1000 mL/min", Kind.FLOW, 60),
        ("0.5 1/h", Kind.RATE_CONSTANT, 0.5),
        ("0.5 /h", Kind.RATE_CONSTANT, 0.5),
        ("0.04 1/min", Kind.RATE_CONSTANT, 2.4),
        ("0.5 h^-1", Kind.RATE_CONSTANT, 0.5),
        ("5 %/h", Kind.RATE_CONSTANT, 0.05),
        ("100 ng/mL", Kind.CONCENTRATION, 100),
        ("0.1 mg/L", Kind.CONCENTRATION, 100),
        ("0.1 ug/ml", Kind.CONCENTRATION, 100),
        ("10 ug/dL", Kind.CONCENTRATION, 100),
        ("1 uM", Kind.MOLAR_CONCENTRATION, 1),
        ("500 nmol/L", Kind.MOLAR_CONCENTRATION, 0.5),
        ("0.058 \u00b5mol/L", Kind.MOLAR_CONCENTRATION, 0.058),
        ("1 M", Kind.MOLAR_CONCENTRATION, 1e6),
        ("75 %", Kind.FRACTION, 0.75),
        ("75%", Kind.FRACTION, 0.75),
        ("0.75", Kind.FRACTION, 0.75),
        (0.75, Kind.FRACTION, 0.75),
        (1, Kind.FRACTION, 1),
        (np.float32(0.5), Kind.FRACTION, 0.5),
        ("116 %", Kind.EXTENT, 1.16),
        (3, Kind.EXTENT, 3),
        (-0.25, Kind.COEFFICIENT, -0.25),
        ("\u22120.25", Kind.COEFFICIENT, -0.25),
        ("79 kg", Kind.WEIGHT, 79),
        ("3500 g", Kind.WEIGHT, 3.5),
        ("40 years", Kind.AGE, 40),
        ("6 months", Kind.AGE, 0.5),
        ("1.7 m", Kind.HEIGHT, 170),
        ("170 cm", Kind.HEIGHT, 170),
        ("237.725 g/mol", Kind.MOLAR_MASS, 237.725),
        ("500 ng*h/mL", Kind.AUC, 500),
        ("500 ng h/mL", Kind.AUC, 500),
        ("500 ng\u00b7h/mL", Kind.AUC, 500),
        ("30 mg/L*min", Kind.AUC, 500),
    ],
)
def test_reads_to_the_nearest_float(text, kind, value):
    assert units.parse(text, kind) == value


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_reads_its_own_unit_and_the_example_it_gives(kind):
    assert units.parse(f"0.5 {kind.unit}", kind) == 0.5
    example = refusal([], kind).split("such as ")[1].strip("'").split(" or '")[0]
    assert units.parse(example, kind) != 0


def test_every_spelling_is_read_and_none_has_two_meanings():
    spellings = [word for _, words in units._UNITS.values() for word in words]
    assert len(spellings) == len(set(spellings))
    for name, (_, words) in units._UNITS.items():
        sizes = {units._unit(units._expression(word, word, Kind.EXTENT)) for word in words}
        assert len(sizes) == 1, name


def test_unit_sizes_agree_with_the_registry_pint_ships(registry):
    for name in units._UNITS:
        if name == "percent":
            continue
        size, dimension = units._unit(name)
        base = " * ".join(f"{units._BASES[part]} ** {power}" for part, power in dimension)
        assert registry.Quantity(1.0, name).to(base).magnitude == pytest.approx(float(size), 1e-12)


def test_conversions_are_exact_in_decimals():
    assert units.parse("0.1 ug", Kind.MASS) == 0.0001
    assert units.parse("0.7 mL", Kind.VOLUME) == 0.0007
    assert units.parse("10.7 min", Kind.TIME) == float(Fraction(107, 600))


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (20, Kind.MASS, "20 has no unit, expected an amount such as '20 mg'"),
        ("20", Kind.MASS, "'20' has no unit, expected an amount such as '20 mg'"),
        ("20 mg", Kind.MASS_RATE, "'20 mg' is an amount, expected a rate such as '20 mg/h'"),
        ("20 mg/h", Kind.MASS, "'20 mg/h' is a rate, expected an amount such as '20 mg'"),
        ("20 mg", Kind.TIME, "'20 mg' is an amount, expected a time such as '12 h'"),
        ("2 h", Kind.VOLUME, "'2 h' is a time, expected a volume such as '90 L'"),
        ("2 L", Kind.FLOW, "'2 L' is a volume, expected a flow such as '70 L/h'"),
        (
            "2 L/h",
            Kind.RATE_CONSTANT,
            "'2 L/h' is a flow, expected a rate constant such as '0.5 1/h'",
        ),
        (
            "2 1/h",
            Kind.CONCENTRATION,
            "'2 1/h' is a rate constant, expected a concentration such as '100 ng/mL'",
        ),
        ("2 ng/mL", Kind.WEIGHT, "'2 ng/mL' is a concentration, expected a body weight such as"),
        ("5 %", Kind.AGE, "'5 %' is a plain number, expected an age such as '40 years'"),
        ("40 years", Kind.HEIGHT, "'40 years' is a time, expected a height such as '170 cm'"),
        ("2 m", Kind.TIME, "'2 m' is a length, expected a time such as '12 h'"),
        ("5 ng*h/mL", Kind.MOLAR_MASS, "'5 ng*h/mL' is an area under the curve, expected a molar"),
        ("5 g/mol", Kind.AUC, "'5 g/mol' is a molar mass, expected an area under the curve"),
        ("5 mg", Kind.FRACTION, "'5 mg' is an amount, expected a fraction such as 0.75"),
        ("5 mg", Kind.EXTENT, "'5 mg' is an amount, expected a plain number such as 1.5"),
        ("5 mg/m^2", Kind.MASS, "'5 mg/m^2' is another kind of quantity, expected an amount"),
        (
            "10 umol",
            Kind.MASS,
            "'10 umol' is a molar amount, expected an amount such as '20 mg'; give mass, not moles",
        ),
        ("1 uM", Kind.CONCENTRATION, "'1 uM' is a molar concentration, expected a concentration"),
        (
            "5 ng/mL",
            Kind.MOLAR_CONCENTRATION,
            "'5 ng/mL' is a concentration, expected a molar concentration such as '1 umol/L'; "
            "give moles, not mass",
        ),
        (
            "5 mg/L hydrochloride",
            Kind.CONCENTRATION,
            "'5 mg/L hydrochloride' names salt or base, which only doses may, "
            "expected a concentration such as '100 ng/mL'",
        ),
        ("5 mg base", Kind.MASS, "'5 mg base' names salt or base, which only doses may"),
        ("0.5 mg/kg", Kind.MASS, "'0.5 mg/kg' is per kg of body weight, expected an amount"),
        ("5 mg/h per 70 kg", Kind.MASS_RATE, "is per 70 kg of body weight, expected a rate"),
        ("0.5 mg/kg", Kind.FRACTION, "'0.5 mg/kg' is per kg of body weight, expected a fraction"),
        ("0.5 mg*kg^-1", Kind.FRACTION, "has a power of kg, write '/kg' for body weight"),
        ("5 mg/kg*h", Kind.TIME, "is per kg of body weight, expected a time"),
        ("5 mg/kg**2*h", Kind.TIME, "has a power of kg"),
        ("5 mg/kgh", Kind.TIME, "has the unknown unit 'kgh'"),
        ("nan mg", Kind.MASS, "'nan mg' is not a finite number, expected an amount"),
        ("inf", Kind.EXTENT, "'inf' is not a finite number, expected a plain number"),
        (float("nan"), Kind.FRACTION, "nan is not a finite number, expected a fraction"),
        (float("inf"), Kind.EXTENT, "inf is not a finite number, expected a plain number"),
        (10**400, Kind.EXTENT, "is not a finite number, expected a plain number"),
        ("1e400 mg", Kind.MASS, "'1e400 mg' is not a finite number"),
        ("1e308 kg", Kind.MASS, "'1e308 kg' is too large, expected an amount"),
        ("-5 mg", Kind.MASS, "'-5 mg' must not be negative, expected an amount"),
        ("\u22125 mg", Kind.MASS, "must not be negative, expected an amount"),
        (-0.1, Kind.FRACTION, "-0.1 must not be negative, expected a fraction"),
        (75, Kind.FRACTION, "75 is more than 1, expected a fraction such as 0.75 or '75 %'"),
        ("150 %", Kind.FRACTION, "'150 %' is more than 1, expected a fraction"),
        (True, Kind.FRACTION, "true is a yes/no value, expected a fraction"),
        (False, Kind.MASS, "false is a yes/no value, expected an amount"),
        (None, Kind.TIME, "nothing is given, expected a time such as '12 h'"),
        ("", Kind.TIME, "'' is empty, expected a time such as '12 h'"),
        (" \t", Kind.TIME, "is empty, expected a time such as '12 h'"),
        (["5 mg"], Kind.MASS, "['5 mg'] is a list, expected an amount such as '20 mg'"),
        ({"a": 1}, Kind.MASS, "{'a': 1} is a mapping, expected an amount such as '20 mg'"),
        (np.array([1.0]), Kind.EXTENT, "is a ndarray, expected a plain number"),
        ("1,5 mg", Kind.MASS, "'1,5 mg' has a comma, expected an amount such as '20 mg'; "),
        ("1,5 mg", Kind.MASS, "write a decimal point, and nothing between thousands"),
        ("20 mg/20 min", Kind.MASS_RATE, "'20 mg/20 min' divides by a number, expected a rate"),
        ("20 mg/20 min", Kind.MASS_RATE, "write the amount, and its duration under `for`"),
        ("5-10 mg", Kind.MASS, "'5-10 mg' has more than one number"),
        ("2 h 30 min", Kind.TIME, "'2 h 30 min' has more than one number"),
        ("12:30", Kind.TIME, "'12:30' has more than one number"),
        ("five mg", Kind.MASS, "'five mg' does not start with a number"),
        ("5 MG", Kind.MASS, "'5 MG' has the unknown unit 'MG', expected an amount such as"),
        ("5 MG", Kind.MASS, "; did you mean 'mg'?"),
        ("5 hs", Kind.TIME, "'5 hs' has the unknown unit 'hs'"),
        ("5 kmg", Kind.MASS, "'5 kmg' has the unknown unit 'kmg'"),
        ("5 mg//h", Kind.MASS_RATE, "'5 mg//h' has a unit that cannot be read, 'mg//h'"),
        ("\u0665 mg", Kind.MASS, "does not start with a number"),
        ("5 m\u0261", Kind.MASS, "has a unit that cannot be read"),
    ],
)
def test_refusals_say_what_was_found_and_what_would_be_right(value, kind, message):
    assert message in refusal(value, kind)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("value", [True, None, "", [], {}, "x" * 10_000, "1 " * 5_000, object()])
def test_refusals_are_one_short_line(kind, value):
    message = refusal(value, kind)
    assert "\n" not in message
    assert len(message) < 200


def test_a_huge_exponent_costs_no_memory():
    assert "is not a finite number" in refusal("1e999999999 mg", Kind.MASS)
    assert units.parse("1e-999999999 mg", Kind.MASS) == 0


def test_a_slope_may_be_below_zero():
    assert units.parse("-2.19 L/h", Kind.FLOW, signed=True) == -2.19
    assert units.parse_per("-2.19 L/h/kg", Kind.FLOW, signed=True) == (-2.19, "kg")


@pytest.mark.parametrize(
    ("text", "rate", "dose"),
    [
        ("25 mg", False, Dose(25, "", "base")),
        ("0.5 mg/kg", False, Dose(0.5, "kg", "base")),
        ("0.5 mg / kg", False, Dose(0.5, "kg", "base")),
        ("0.5 mg per kg", False, Dose(0.5, "kg", "base")),
        ("10 mcg/kg", False, Dose(0.01, "kg", "base")),
        ("28 mg base", False, Dose(28, "", "base")),
        ("30 mg per 70 kg", False, Dose(30, "70 kg", "base")),
        ("20 mg/h", True, Dose(20, "", "base")),
        ("20 mg/h per 70 kg", True, Dose(20, "70 kg", "base")),
        ("20 mg/h per\t70\u00a0kg", True, Dose(20, "70 kg", "base")),
        ("20 mg/h/70 kg", True, Dose(20, "70 kg", "base")),
        ("0.14 mg/kg/h", True, Dose(0.14, "kg", "base")),
        ("0.35 mg/h/kg", True, Dose(0.35, "kg", "base")),
        ("10 ug/kg/min", True, Dose(0.6, "kg", "base")),
        ("10 \u00b5g/kg/min", True, Dose(0.6, "kg", "base")),
        ("0 mg/h", True, Dose(0, "", "base")),
    ],
)
def test_doses(text, rate, dose):
    assert units.parse_dose(text, rate=rate) == dose


@pytest.mark.parametrize("words", ["hydrochloride", "HCl", "hcl", "Hydrochloride"])
def test_hydrochloride_becomes_base(words):
    dose = units.parse_dose(f"7 mg {words}", rate=False)
    assert dose.value == pytest.approx(7 * 237.725 / 274.186, rel=1e-15)
    assert dose.salt == "hydrochloride"


@pytest.mark.parametrize(("salt", "base"), [(32.3, 28), (57.7, 50)])
def test_hydrochloride_factor_agrees_with_the_labels(salt, base):
    """Spravato and the S-ketamine film state both weights, to three figures."""
    dose = units.parse_dose(f"{salt} mg hydrochloride", rate=False)
    assert dose.value == pytest.approx(base, rel=0.002)


def test_salt_goes_with_rates_and_body_weight():
    dose = units.parse_dose("10 mg/h hydrochloride per 70 kg", rate=True)
    assert (dose.per, dose.salt) == ("70 kg", "hydrochloride")
    assert dose == units.parse_dose("10 mg hydrochloride/h/70 kg", rate=True)


@pytest.mark.parametrize(
    ("value", "rate", "message"),
    [
        ("20 mg", True, "'20 mg' is an amount, expected a rate such as '20 mg/h'"),
        ("20 mg/h", False, "'20 mg/h' is a rate, expected an amount such as '20 mg'"),
        ("0.5 mg/kg", True, "'0.5 mg/kg' is an amount per kg of body weight, expected a rate"),
        ("20 mL", False, "'20 mL' is a volume, expected an amount"),
        ("10 umol", False, "'10 umol' is a molar amount, expected an amount such as '20 mg'; give"),
        ("1 umol/kg", False, "is a molar amount per kg of body weight, expected an amount"),
        (20, False, "20 has no unit, expected an amount such as '20 mg'"),
        ("20 base", False, "'20 base' has no unit, expected an amount such as '20 mg'"),
        ("20 /kg", False, "'20 /kg' has no unit, expected an amount such as '20 mg'"),
        ("20 mg per 60 kg", False, "'20 mg per 60 kg' is per 60 kg, expected '/kg' or 'per 70 kg'"),
        ("20 mg/kg per 70 kg", False, "names body weight twice, say it once"),
        ("20 mg base hydrochloride", False, "names salt or base twice, say it once"),
        ("20 mg ketamine", False, "has the unknown unit 'ketamine'"),
        ("20 mg/20 min", True, "write the amount, and its duration under `for`"),
        ("-20 mg/h", True, "must not be negative"),
    ],
)
def test_dose_refusals(value, rate, message):
    assert message in dose_refusal(value, rate=rate)


@pytest.mark.parametrize(
    ("text", "kind", "value", "per"),
    [
        ("0.063 L/kg", Kind.VOLUME, 0.063, "kg"),
        ("19.1 mL/min/kg", Kind.FLOW, 1.146, "kg"),
        ("90 L/h per 70 kg", Kind.FLOW, 90, "70 kg"),
        ("90 L/h/70 kg", Kind.FLOW, 90, "70 kg"),
        ("90 L/h", Kind.FLOW, 90, ""),
        (1.5, Kind.EXTENT, 1.5, ""),
    ],
)
def test_library_values_per_body_weight(text, kind, value, per):
    assert units.parse_per(text, kind) == (pytest.approx(value, rel=1e-15), per)


@pytest.mark.parametrize(
    ("text", "unit"),
    [("0.063 L/kg", "L/kg"), ("5mg", "mg"), ("1e-3", ""), (3, ""), ("5 \u00b5g", "\u00b5g")],
)
def test_unit_as_written(text, unit):
    assert units.unit_of(text) == unit


def test_pint_quantities(registry):
    q = registry.Quantity
    assert units.parse(q(3, "day"), Kind.TIME) == pytest.approx(72)
    assert units.parse(q(154, "lb"), Kind.WEIGHT) == pytest.approx(69.853, abs=1e-3)
    assert units.parse(q(75, "percent"), Kind.FRACTION) == pytest.approx(0.75)
    assert units.parse(q(Fraction(1, 2), "hour"), Kind.TIME) == 0.5
    assert units.parse_dose(q(0.5, "mg/kg"), rate=False) == Dose(pytest.approx(0.5), "kg", "base")
    per_minute = units.parse_dose(q(10, "microgram/kg/min"), rate=True)
    assert per_minute == Dose(pytest.approx(0.6), "kg", "base")
    assert units.parse_per(q(0.063, "L/kg"), Kind.VOLUME) == (pytest.approx(0.063), "kg")


@pytest.mark.parametrize(
    ("magnitude", "unit", "kind", "message"),
    [
        (5, "mg", Kind.TIME, "'5 milligram' is an amount, expected a time such as '12 h'"),
        (5, "degC", Kind.TIME, "is another kind of quantity, expected a time"),
        (5, "volt", Kind.TIME, "'5 volt' is another kind of quantity, expected a time"),
        (5, "degC/kg", Kind.TIME, "expected a time"),
        (-5, "mg", Kind.MASS, "'-5 milligram' must not be negative, expected an amount"),
        (float("nan"), "mg", Kind.MASS, "is not a finite number, expected an amount"),
        (np.array([1.0, 2.0]), "mg", Kind.MASS, "is not one number, expected an amount"),
        (0.5, "mg/kg", Kind.MASS, "is per kg of body weight, expected an amount"),
        (2, "", Kind.FRACTION, "is more than 1, expected a fraction"),
        (2, "", Kind.MASS, "is a plain number, expected an amount"),
        (1, "umol", Kind.MASS, "give mass, not moles"),
    ],
)
def test_pint_refusals(registry, magnitude, unit, kind, message):
    assert message in refusal(registry.Quantity(magnitude, unit), kind)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0, Kind.TIME, "0 h"),
        (100, Kind.TIME, "100 h"),
        (0.25, Kind.TIME, "15 min"),
        (0.01, Kind.TIME, "36 s"),
        (24, Kind.TIME, "24 h"),
        (96, Kind.TIME, "4 days"),
        (168, Kind.TIME, "1 week"),
        (2016, Kind.TIME, "12 weeks"),
        (2191.5, Kind.TIME, "91.31 days"),
        (20, Kind.MASS, "20 mg"),
        (0.05, Kind.MASS, "50 \u00b5g"),
        (0.05, Kind.MASS_RATE, "50 \u00b5g/h"),
        (123456, Kind.CONCENTRATION, "123500 ng/mL"),
        (0.75, Kind.FRACTION, "75 %"),
        (1.5, Kind.EXTENT, "1.5"),
        (40, Kind.AGE, "40 years"),
        (1, Kind.AGE, "1 year"),
        (500, Kind.AUC, "500 ng\u00b7h/mL"),
        (0.3, Kind.MOLAR_CONCENTRATION, "0.3 \u00b5mol/L"),
        (float("nan"), Kind.TIME, "n/a"),
    ],
)
def test_format(value, kind, text):
    assert units.format(value, kind) == text


def test_importing_units_and_reading_plain_numbers_leaves_pint_alone():
    code = (
        "import sys; from antalgic import units; units.parse(0.5, units.Kind.FRACTION);"
        "units.format(3.0, units.Kind.TIME); sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
