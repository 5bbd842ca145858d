"""Highest concentration and its time, with few readouts, against a grid as dense as one likes."""

import numpy as np
import pytest

from antalgic.dosing.regimen import DoseEvent, Regimen
from antalgic.engine.linear import TICKS_PER_HOUR, ticks
from antalgic.model import shelf
from antalgic.simulation import reference_person, simulate

HORIZON = 36.0
HOURLY = np.arange(0.0, HORIZON + 0.5, 1.0)
TOLERANCE = 1e-6
#: Every route of every model with absorption or a metabolite, that is, with a peak inside a step.
CASES = [
    (name, drug, route)
    for name in shelf.names(runnable=True)
    for drug, routes in shelf.record(name).routes.items()
    for route in routes
    if route != "iv" or len(shelf.record(name).outputs) > 1
    if (name, drug) not in {("kamp2020", "ketamine"), ("kamp2020", "r-ketamine")}
]


def regimen(drug, route, doses):
    """From (time, mg, duration)."""
    events = (DoseEvent(drug, route, t, a, d, "", 0.0, i) for i, (t, a, d) in enumerate(doses))
    return Regimen("peaks", tuple(events))


def values(model, arm, times):
    found = simulate(
        model, arm, reference_person(), np.unique(times), typical=True, trajectories=True
    )
    return found.values[:, :, 0]


def highest(model, arm, horizon=HORIZON):
    """Cmax (readouts,) from a grid around the top of a grid and where doses begin and end."""
    corners = np.array([t for d in arm.doses for t in (d.time, d.end)])
    after = np.concatenate([[0.0, 1e-9], np.geomspace(1e-4, 2.0, 100)])
    dense = np.add.outer(corners, after).ravel()
    coarse = ticks(np.concatenate([np.arange(0.0, horizon + 1e-9, 0.01), dense]))
    coarse = np.unique(coarse[coarse <= ticks(horizon)]) / TICKS_PER_HOUR
    rough = values(model, arm, coarse)
    top = rough.max(axis=1)
    for row, at in enumerate(coarse[rough.argmax(axis=1)]):
        fine = np.linspace(max(at - 0.01, 0.0), min(at + 0.01, horizon), 2001)
        top[row] = max(top[row], values(model, arm, fine)[row].max())
    return top


def check(model, arm, times=HOURLY, tolerance=TOLERANCE):
    found = simulate(model, arm, reference_person(), times, typical=True)
    wanted = highest(model, arm, times[-1])
    np.testing.assert_allclose(found.cmax[0], wanted, rtol=tolerance)
    return found


@pytest.mark.parametrize(("name", "drug", "route"), CASES)
def test_a_single_dose(name, drug, route):
    check(shelf.load(name), regimen(drug, route, [(0.0, 28.0, 0.0)]))


@pytest.mark.parametrize(("name", "drug", "route"), CASES)
def test_random_doses(name, drug, route):
    rng = np.random.default_rng([*(name + route).encode()])
    times = np.sort(rng.uniform(0.0, 30.0, 4))
    doses = [(t, a, 0.0) for t, a in zip(times, rng.uniform(20.0, 40.0, 4), strict=True)]
    check(shelf.load(name), regimen(drug, route, doses))


@pytest.mark.parametrize("name", ["simons2022", "fanta2015+otto2021", "ashraf2018", "flint2017"])
@pytest.mark.parametrize("length", [2 / 60, 40 / 60, 5.3])
def test_infusions_on_the_tail_of_each_other(name, length):
    doses = [(0.4, 20.0, length), (11.4, 22.0, length), (24.9, 21.0, length)]
    check(shelf.load(name), regimen("s-ketamine", "iv", doses))


@pytest.mark.parametrize("step", [1 / 60, 0.25, 4.0, 24.0])
@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("simons2022", "iv"), ("simons2022", "film"), ("perezruixo2021", "iv"),
        ("perezruixo2021", "nasal"), ("ashraf2018", "oral"), ("flint2017", "iv"),
    ],
)  # fmt: skip
def test_the_peak_does_not_depend_on_the_spacing_of_readouts(name, route, step):
    arm = regimen("s-ketamine", route, [(0.0, 28.0, 0.0), (24.0, 28.0, 0.0)])
    check(shelf.load(name), arm, np.arange(0.0, 48.0 + step / 2, step))


@pytest.mark.parametrize("name", ["fanta2015+otto2021", "simons2022"])
def test_an_early_highest_dose_among_many_is_found(name):
    # the highest peak is not the last, and most days look alike
    doses = [(24.0 * day + 0.37, 20.0 if day == 3 else 19.0, 0.0) for day in range(14)]
    arm = regimen("s-ketamine", "iv", doses)
    check(shelf.load(name), arm, np.arange(0.0, 14 * 24.0 + 0.5, 1.0))


def test_tmax_is_where_cmax_is():
    for name, drug, route in CASES:
        arm = regimen(drug, route, [(0.0, 28.0, 0.0), (3.3, 14.0, 0.0)])
        found = simulate(shelf.load(name), arm, reference_person(), HOURLY, typical=True)
        for row, (when, top) in enumerate(zip(found.tmax[0], found.cmax[0], strict=True)):
            if when in (0.0, 3.3):  # a bolus: the value just after it
                when += 1e-9
            np.testing.assert_allclose(values(name, arm, [when])[row, 0], top, rtol=1e-5)


def test_a_bolus_peaks_at_its_own_time():
    found = check(
        shelf.load("fanta2015+otto2021"),
        regimen("s-ketamine", "iv", [(0.25, 13.3, 0.0)]),
        tolerance=1e-6,
    )
    assert found.tmax[0, 0] == 0.25
    assert found.cmax[0, 0] == pytest.approx(1000 * 13.3 / 133, rel=1e-12)


def test_an_infusion_peaks_at_its_end():
    found = check(
        shelf.load("fanta2015+otto2021"), regimen("s-ketamine", "iv", [(0.25, 13.3, 1.5)])
    )
    assert found.tmax[0, 0] == 1.75
    assert found.tmax[0, 1] > 1.75


def test_peak_is_at_least_every_readout():
    arm = regimen("s-ketamine", "iv", [(6.0, 20.0, 0.0)])
    steady = Regimen("steady", arm.doses, steady_state=12.0, steady_items=(0,))
    for times in ([0.0], [0.0, 1.0, 2.0], [3.0], [0.0, 5.0, 9.0]):
        found = simulate(
            "fanta2015+otto2021", steady, reference_person(), np.array(times), typical=True,
            trajectories=True,
        )  # fmt: skip
        assert np.all(found.cmax[0] >= found.values[:, :, 0].max(axis=1))


def test_no_drug_has_no_peak():
    found = simulate(
        "kamp2020", regimen("r-ketamine", "iv", [(0.0, 9.0, 0.0)]), reference_person(), HOURLY
    )
    column = found.analytes.index("s-ketamine")
    assert found.cmax[0, column] == found.auc[0, column] == 0.0


def test_the_highest_of_many_irregular_peaks_is_found():
    # peaks of nearly the same height, of which the readouts cut some early and some late
    times = [2.59, 3.44, 4.26, 4.75, 5.05, 6.37, 14.39, 15.37, 15.66, 16.82, 19.38, 19.83]
    arm = regimen("s-ketamine", "nasal", [(t, 28.0, 0.0) for t in times])
    check(shelf.load("perezruixo2021"), arm, np.arange(0.0, 24.5, 1.0))
