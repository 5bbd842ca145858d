"""Whatever is asked of the shelf, a run gives finite numbers or one line that says why not."""

import json
import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antalgic.errors import InputError
from antalgic.model import interactions, shelf
from antalgic.study import loads

LONG = os.environ.get("ANTALGIC_LONG") == "1"
DRUGS = ["ketamine", "s-ketamine", "r-ketamine"]
ROUTES = ["iv", "im", "oral", "film", "sublingual", "nasal", "rectal", "inhaled", "sc"]
PARAMETERS = sorted(
    {name for model in shelf.names(runnable=True) for name in shelf.load(model).parameters}
)

hours = st.sampled_from(["0 h", "20 min", "1 h", "90 min", "6 h", "7.3 h", "12 h", "1 day"])
amounts = st.sampled_from(["0 mg", "0.001 mg", "28 mg", "56 mg", "0.5 mg/kg", "1e5 mg"])
factors = st.sampled_from([1e-6, 0.1, 0.5, 1, 2, 5, 100])


@st.composite
def doses(draw):
    item = {"drug": draw(st.sampled_from(DRUGS)), "route": draw(st.sampled_from(ROUTES))}
    item["amount"], item["at"] = draw(amounts), draw(hours)
    if item["route"] == "iv" and draw(st.booleans()):
        item["for"] = draw(hours)
    if draw(st.booleans()):
        item["every"] = draw(st.sampled_from(["4 h", "8 h", "1 day"]))
        item["missed"] = draw(st.sampled_from([0, 0.5]))
        item["steady_state"] = draw(st.booleans())
    return item


changes = st.builds(
    lambda name, factor, start: {"change": name, "factor": factor, "from": start},
    st.sampled_from(PARAMETERS), factors, hours,
)  # fmt: skip
perpetrators = st.builds(
    lambda name, start: {"drug": name, "from": start}, st.sampled_from(interactions.names()), hours
)
populations = st.sampled_from(
    [
        {"size": 3},
        {"typical": True},
        {"size": 2, "children": True},
        {"size": 2, "screened": "spravato"},
        {"size": 3, "race": {"asian": 0.4, "japanese": 0.6}, "age": "80 years"},
    ]
)


@st.composite
def studies(draw):
    items = draw(st.lists(doses(), min_size=1, max_size=2))
    items += draw(st.lists(changes | perpetrators, max_size=2))
    study = {
        "study": "fuzz", "population": draw(populations), "horizon": draw(hours),
        "output_every": "1 h", "arms": {"a": items}, "seed": draw(st.integers(0, 3)),
        "residual_error": draw(st.booleans()),
    }  # fmt: skip
    if draw(st.booleans()):
        study["models"] = {"pharmacokinetics": draw(st.sampled_from(shelf.names()))}
    elif draw(st.booleans()):
        study["models"] = {"sampling": draw(st.sampled_from(["any", "arterial", "venous"]))}
    return study


@settings(
    max_examples=2000 if LONG else 120,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(studies())
def test_a_run_is_finite_or_refused_in_one_line(study):
    try:
        result = loads(json.dumps(study, indent=1), "fuzz.yaml").run(threads=1)
    except InputError as error:
        line = str(error)
        assert line.startswith("fuzz.yaml"), line
        assert len(line.splitlines()) == 1, line
        return
    table = result.quantile_table()
    numbers = table[["q05", "q25", "q50", "q75", "q95", "mean"]].to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (np.diff(numbers[:, :5], axis=1) >= 0).all()
    endpoints = result.patients.filter(regex=r"\.(cmax|tmax|auc)$").to_numpy()
    assert np.isfinite(endpoints.astype(float)).all()
    assert (endpoints >= 0).all()
