"""Properties that hold for whatever population is asked for."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antalgic.errors import InputError
from antalgic.population import PopulationSpec, streams
from antalgic.population.covariates import correlation_matrices
from antalgic.population.margins import Distribution
from antalgic.population.reference import reference
from antalgic.population.table import read_table
from antalgic.units import Kind

shares = st.floats(0, 1)
r = st.floats(-0.99, 0.99)


@given(
    seed=st.integers(0, 2**63 - 1),
    stream=st.text(max_size=12),
    n=st.integers(0, 600),
    offset=st.integers(0, 5000),
    replicate=st.integers(0, 2**32 - 1),
)
def test_a_chunk_is_a_slice_of_the_whole(seed, stream, n, offset, replicate):
    whole = streams.uniform(seed, stream, offset + n, replicate=replicate)
    chunk = streams.uniform(seed, stream, n, replicate=replicate, offset=offset)
    assert np.array_equal(chunk, whole[offset:])
    assert np.all((chunk > 0) & (chunk < 1))


@given(mean=st.floats(45, 130), cv=st.floats(0.001, 0.3), female=shares)
def test_fitted_curves_have_the_moments_that_were_asked(mean, cv, female):
    asked = Distribution(mean, mean * cv, 30, 250)
    fitted = reference().weight.fitted(asked, female, Kind.WEIGHT)
    assert fitted.moments(female) == pytest.approx((mean, mean * cv), rel=1e-6)


@given(low=st.floats(18, 50), width=st.floats(2, 70), place=st.floats(0.25, 0.75), female=shares)
def test_tight_limits_are_kept_and_do_not_shift_the_mean(low, width, place, female):
    high = low + width
    asked = Distribution(low + place * width, 0.15 * width, low, high)
    fitted = reference().height.fitted(asked, female, Kind.AGE)
    assert fitted.moments(female) == pytest.approx((asked.mean, asked.sd), rel=1e-6)
    values = fitted.values(streams.normal(1, "x", 300), streams.uniform(1, "y", 300) < female)
    assert np.all((low <= values) & (values <= high))


@given(mean=st.floats(0.5, 390), sd=st.floats(0.01, 300), female=shares)
def test_any_weight_is_either_drawn_or_refused_in_one_line(mean, sd, female):
    block = {"mean": f"{mean!r} kg", "sd": f"{sd!r} kg"}
    try:
        people = PopulationSpec(size=50, weight=block, female=female).people(1)
    except ValueError as error:
        assert "does not fit between the limits" in str(error)
    else:
        assert np.all((people.weight >= 30) & (people.weight <= 250))


@given(
    pairs=st.dictionaries(
        st.sampled_from(["height-weight", "age-weight", "age-height"]), r, max_size=2
    )
)
def test_one_or_two_correlations_always_hold_together(pairs):
    for matrix in correlation_matrices(pairs):
        assert np.all(np.linalg.eigvalsh(matrix) > 0)
        assert matrix == pytest.approx(matrix.T)


@given(pairs=st.fixed_dictionaries(dict.fromkeys(["height-weight", "age-weight", "age-height"], r)))
def test_three_correlations_hold_together_or_are_refused(pairs):
    hw, aw, ah = pairs.values()
    determinant = 1 - hw**2 - aw**2 - ah**2 + 2 * hw * aw * ah
    try:
        correlation_matrices(pairs)
    except InputError:
        assert determinant < 1e-5
    else:
        assert determinant > 0


@given(age=st.floats(2, 17.9), seed=st.integers(0, 1000))
def test_children_are_of_human_size(age, seed):
    people = PopulationSpec(size=40, children=True, age=f"{age!r} years").people(seed)
    assert np.all((people.weight > 8) & (people.weight < 120))
    assert np.all((people.height > 75) & (people.height < 205))


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(raw)
    with pytest.raises(InputError) as caught:
        read_table(path, "any.csv")
    assert str(caught.value).startswith("any.csv")
    assert "\n" not in str(caught.value)


cells = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.integers(-5, 500).map(str),
    st.sampled_from(["", "m", "F", "asian", "NA", "1;2", '"', "7e2", "0x10", "1_0"]),
)


@given(
    header=st.lists(
        st.sampled_from(["ID", "WT", "AGE", "HT", "SEX", "RACE", "CRCL"]),
        min_size=1, max_size=7, unique=True,
    ),
    data=st.data(),
)  # fmt: skip
def test_any_table_is_read_whole_or_refused_in_one_line(tmp_path_factory, header, data):
    rows = data.draw(st.lists(st.tuples(*[cells] * len(header)), max_size=4))
    text = io.StringIO()
    for row in [header, *rows]:
        print(",".join(row), file=text)
    path = tmp_path_factory.getbasetemp() / "table.csv"
    path.write_text(text.getvalue())
    try:
        table = read_table(path, "table.csv")
    except InputError as error:
        assert str(error).startswith("table.csv")
        assert "\n" not in str(error)
    else:
        assert np.all((table.weight >= 0.3) & (table.weight <= 400))
        assert len(set(table.ids.tolist())) == len(table.ids)
