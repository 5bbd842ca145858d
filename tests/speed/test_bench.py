"""The benchmark's workload runs; how fast is for `antalgic bench` to say, not for a test."""

import json

import numpy as np

from antalgic import bench
from antalgic.population import PopulationSpec
from antalgic.simulation import simulate


def test_the_workload_is_what_it_says():
    regimen = bench.workload()
    assert len(regimen.doses) == 232
    assert sum(d.duration for d in regimen.doses) == 40.0
    assert max(d.time for d in regimen.doses) < bench.HORIZON == 84 * 24


def test_the_workload_runs_at_small_size():
    people = PopulationSpec(size=5).people(1)
    times = np.arange(0.0, bench.HORIZON + 1.0)
    found = simulate(bench.MODEL, bench.workload(), people, times, seed=1)
    assert found.quantiles.shape == (2, 2017, 5)
    assert np.all(np.isfinite(found.quantiles))
    assert np.all(found.quantiles[:, -1] > 0)
    # 1000 mg infused and 8 % of 4440 mg swallowed
    given = 1000.0 + found.parameters["F"] * 4440.0
    np.testing.assert_allclose(found.auc[:, 0] * found.parameters["CL"] / 1000, given, rtol=0.01)


def test_timings_are_reported(monkeypatch):
    monkeypatch.setattr(bench, "HORIZON", 48)
    monkeypatch.setattr(bench, "REPEATS", 1)
    ours, scipy, pain, harm, session, ruled = bench.run(people=4, threads=1)
    assert min(t.people_per_second for t in (pain, harm, session, ruled)) > 0
    assert "4 people" in pain.what
    assert ours.seconds > 0
    assert "4 people x 232 doses x 49 times" in ours.what
    assert scipy.people_per_second > 0
    assert json.loads(json.dumps(bench.to_json([ours, scipy])))["times_scipy"] > 0
