"""Wind-up against the full cell, and against people.  Misses stay visible as expected failures."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from antalgic.model import receptor
from antalgic.model.spinal import parameters, runs, temporal_summation, wind_up


def law(run, **changes):
    return temporal_summation(
        rate_hz=1 / run.period, n=run.spikes.size, block=1 - run.NMDA, **changes
    ).responses


def fit_of(chosen, **changes):
    """R2 and root mean square error (spikes) over all counts of the runs."""
    seen = np.concatenate([run.spikes for run in chosen])
    missed = np.concatenate([law(run, **changes) - run.spikes for run in chosen])
    R2 = 1 - (missed**2).sum() / ((seen - seen.mean()) ** 2).sum()
    return R2, np.sqrt((missed**2).mean())


# --- the full cell --------------------------------------------------------------------------------


def test_law_against_32_runs_of_the_cell():
    explained, error = fit_of(runs())
    assert explained == pytest.approx(0.871, abs=0.001)
    assert error == pytest.approx(1.084, abs=0.001)


def test_library_values_are_the_least_squares_fit():
    names = ["r0", "G", "kappa", "tau_w"]
    start = np.array([parameters()[name].value for name in names])

    def missed(scale):
        values = dict(zip(names, start * scale, strict=True))
        return np.concatenate([law(run, **values) - run.spikes for run in runs()])

    best = least_squares(missed, np.ones(4))
    assert best.x == pytest.approx(np.ones(4), rel=0.01)
    assert (best.fun**2).sum() > 0.999 * (missed(np.ones(4)) ** 2).sum()


def test_frequency_gates_wind_up_as_in_the_cell():
    """Mean of the last three responses without block, at 0.1, 0.3, 0.5, 1 and 2 per second."""
    free = sorted((r for r in runs() if r.NMDA == 1), key=lambda r: -r.period)
    cell = [run.spikes[-3:].mean() for run in free]
    reduced = [law(run)[-3:].mean() for run in free]
    assert cell == pytest.approx([9.3, 10.7, 12.3, 18.7, 17.3], abs=0.1)
    assert reduced == pytest.approx([7.64, 9.60, 12.04, 16.12, 18.77], abs=0.01)


def test_slow_trains_that_were_not_fitted():
    explained, error = fit_of([run for run in runs("held_out") if run.period > 1])
    assert error == pytest.approx(0.6, abs=0.05)
    assert explained < 0.1  # hardly any wind-up to explain


@pytest.mark.xfail(reason="at 3 Hz the cell saturates and a little block makes it fire more")
def test_three_per_second():
    _, error = fit_of([run for run in runs("held_out") if run.period < 0.4])
    assert error < 1.5  # found: 3.9 spikes


@pytest.mark.xfail(reason="2 Hz: CAN and NK1 plateau holds wind-up up until most NMDA is blocked")
def test_high_block_at_two_per_second():
    for run in (r for r in runs() if r.period == 0.5 and 0 < r.NMDA < 0.5):
        ratio = run.spikes[-3:].mean() / run.spikes[0]  # 2.5 and 2.2; law 1.9 and 1.5
        assert law(run)[-3:].mean() / law(run)[0] == pytest.approx(ratio, rel=0.15)


@pytest.mark.xfail(
    reason="the reduced law has no NK1 receptor: factors 0 to 2 give 14 to 26 spikes"
)
def test_other_receptors():
    _, error = fit_of([run for run in runs("other_receptors") if run.NK1 != 1])
    assert error < 1.5


# --- people ---------------------------------------------------------------------------------------


def loss(**settings):
    """Share of the increment over 15 stimuli at 1 Hz that is lost."""
    free = temporal_summation()
    return 1 - temporal_summation(**settings).increment / free.increment


def test_guirimand_2000_low_dose_is_too_weak_in_the_law():
    """0.15 mg/kg, about 100 ng/mL of the racemate: a clear fall was seen, its size is unreadable.

    Computed and stated, not fitted: 4 % of the increment, 15 % at four times the potency.
    """
    for phi, block, lost in ((1, 0.064, 0.040), (4, 0.216, 0.146), (5, 0.256, 0.178)):
        blocked = receptor.block({"ketamine": 100}, phi=phi)
        assert float(blocked.phasic) == pytest.approx(block, abs=0.001)
        assert float(loss(block=blocked)) == pytest.approx(lost, abs=0.001)


def test_single_stimulus_is_unchanged_by_the_drug():
    """Guirimand 2000 and Hughes 2002: thresholds and single responses did not change."""
    drug = temporal_summation(concentrations={"ketamine": 200})
    assert drug.responses[0] == temporal_summation().responses[0]
    assert drug.rating[0] == temporal_summation().rating[0]


@pytest.mark.xfail(reason="direct block takes 5 % of wind-up (23 % at phi 5), 60 to 100 % was seen")
@pytest.mark.parametrize("phi", [1, 5])
def test_eide_1995_infusion(phi):
    """0.15 mg/kg/h for 7 days: at 79 L/h and 70 kg, 133 ng/mL of the racemate.

    A fall of sensitization over the week may carry the rest; that is for the whole model to show.
    """
    blocked = receptor.block({"ketamine": 0.15 * 70 * 1000 / 79}, phi=phi)
    assert loss(block=blocked) > 0.6


@pytest.mark.xfail(reason="g_w was set by hand: it gives 94 % more spikes, 44 % more rating")
def test_obrien_2018_fibromyalgia():
    """Temporal summation 68 % above healthy at sensitization 0.6."""
    healthy, ill = temporal_summation(), temporal_summation(sensitization=0.6)
    assert ill.increment / healthy.increment == pytest.approx(1.68, abs=0.1)


def test_obrien_2018_as_computed():
    healthy, ill = temporal_summation(), temporal_summation(sensitization=0.6)
    growth = [train.rating[-1] - train.rating[0] for train in (healthy, ill)]
    assert ill.increment / healthy.increment == pytest.approx(1.94, abs=0.01)
    assert growth[1] / growth[0] == pytest.approx(1.44, abs=0.01)


def test_memantine_at_therapeutic_concentration_is_the_negative_control():
    """About 1 umol/L in plasma (179 ng/mL) blocks less phasic current than 100 ng/mL S-ketamine."""
    memantine = receptor.block({"memantine": 179.3}).phasic
    assert 0.05 < memantine < receptor.block({"s-ketamine": 100}).phasic


def test_w_is_what_the_step_says():
    found = temporal_summation(n=2)
    _, (r, after) = wind_up(0.0, 0.0, 0.0, *(parameters()[p].value for p in wind_up.parameters))
    tau = parameters()["tau_w"].value * 3600
    assert found.w[1] == pytest.approx(after * np.exp(-1 / tau))
    assert found.responses[0] == r
