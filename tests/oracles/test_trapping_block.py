"""The algebraic law of NMDA block against the kinetic trapping scheme that it stands for.

The channel binds two glutamates, opens and desensitises.  Open, it lets a blocker in; with the
blocker inside it closes and opens as before, so a blocker is trapped until the next opening.
Brief pulses of glutamate drive it.  The scheme shares no code with the law: rates come from
library/receptors/gating.yaml, magnesium from Jahr & Stevens as printed.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import brentq

from antalgic import yamlfile
from antalgic.model import receptor
from antalgic.model.values import read

GATING = yamlfile.library("receptors/gating.yaml").data
KOFF = read("receptors/gating.yaml", "1/h", "blocker", "koff").value / 3600
LEAK = read("receptors/gating.yaml", "1/h", "blocker", "leak").value / 3600
IC50_2A, V_REF, DELTA, RT_F = 0.33, -66.0, 0.55, 26.7
GLUTAMATE, PULSE = 1000.0, 1e-3  # uM for 1 ms
OPEN = 4  # C0 C1 C2 D O


def magnesium(V):
    """K_Mg in mM at V in mV."""
    return 3.57 * math.exp(0.062 * V)


def ketamine(C, V, K=IC50_2A):
    """Rates (1/s) into and out of the open pore at C uM; voltage acts on the way out."""
    return C * KOFF / K, KOFF * math.exp((V - V_REF) * DELTA / RT_F)


def five_states(glutamate, arms, free=1.0, leak=0.0, rates=None):
    """Generator (1/s) of the five states, bare and then once for each blocker in arms.

    free is the share of open, unblocked pores without magnesium, in rapid equilibrium.
    """
    k = rates or GATING["five_states"]["rates"]
    A = np.zeros((5 + 5 * len(arms),) * 2)

    def go(i, j, rate):
        A[j, i] += rate
        A[i, i] -= rate

    for s in range(0, len(A), 5):
        for i in (0, 1):
            go(s + i, s + i + 1, k["Rb"] * glutamate)
            go(s + i + 1, s + i, k["Ru"])
        go(s + 2, s + 3, k["Rd"])
        go(s + 3, s + 2, k["Rr"])
        go(s + 2, s + OPEN, k["Ro"])
        go(s + OPEN, s + 2, k["Rc"])
    for s, (on, off) in enumerate(arms, 1):
        go(OPEN, 5 * s + OPEN, on * free)
        go(5 * s + OPEN, OPEN, off)
        for i in range(OPEN):
            go(5 * s + i, i, leak)
    return A


def kampa(glutamate, C, V, Mg):
    """The ten states of Kampa 2004, in which magnesium binds every state, and a trapped arm."""
    k, A = GATING["kampa"], np.zeros((15, 15))

    def go(i, j, rate):
        A[j, i] += rate
        A[i, i] -= rate

    for s, r in ((0, k["free"]), (5, k["magnesium"]), (10, k["free"])):
        for i, j, there, back in (
            (0, 1, r["Rb"] * glutamate, r["Ru"]), (1, 4, r["Ro"], r["Rc"]),
            (1, 2, r["Rd1"], r["Rr1"]), (2, 3, r["Rd2"], r["Rr2"]),
        ):  # fmt: skip
            go(s + i, s + j, there)
            go(s + j, s + i, back)
    on, off = 1000 * Mg * math.exp(-1.6 * (V - 40) / 25), math.exp(0.4 * (V - 40) / 25)
    go(OPEN, 5 + OPEN, k["open"]["block"] * on)
    go(5 + OPEN, OPEN, k["open"]["unblock"] * off)
    for i, unblock in enumerate(k["closed_unblock"].values()):
        go(i, 5 + i, k["closed_block"] * on)
        go(5 + i, i, unblock * off)
    enter, leave = ketamine(C, V)
    go(OPEN, 10 + OPEN, enter)
    go(10 + OPEN, OPEN, leave)
    return A


def protocol(V, peak=None, rate=1.0):
    """Stretches of one period as (s, uM glutamate, mV): a pulse, 60 ms at the peak, rest."""
    peak = V if peak is None else peak
    return ((PULSE, GLUTAMATE, peak), (0.06 - PULSE, 0.0, peak), (1 / rate - 0.06, 0.0, V))


def scheme(C, Mg, stretches, leak=0.0, rates=None):
    """[(propagator, with the integral of conductance in the last row)] of each stretch."""
    steps = []
    for dt, glutamate, V in stretches:
        free = 1 / (1 + Mg / magnesium(V))
        A = five_states(glutamate, [ketamine(C, V)], free, leak, rates)
        steps.append(with_charge(A, dt, free))
    return steps


def with_charge(A, dt, conducting=1.0):
    B = np.zeros((len(A) + 1,) * 2)
    B[:-1, :-1] = A
    B[-1, OPEN] = conducting
    return expm(B * dt)


def period(steps, x):
    """State after one period, and the charge of it."""
    z = np.append(x, 0.0)
    for step in steps:
        z = step @ z
    return z[:-1], z[-1]


def periodic(steps):
    """The state that one period reproduces."""
    whole = np.eye(len(steps[0]) - 1)
    for step in steps:
        whole = step[:-1, :-1] @ whole
    values, vectors = np.linalg.eig(whole)
    x = np.real(vectors[:, np.argmax(values.real)])
    return x / x.sum()


def charge(steps):
    return period(steps, periodic(steps))[1]


def half_blocking(build):
    """Concentration (uM) that halves the charge per period at steady state."""
    whole = charge(build(0.0))
    found = brentq(lambda c: charge(build(math.exp(c))) / whole - 0.5, -4, 7, xtol=1e-12)
    return math.exp(found)


CLAMPS = [(-66.0, 0.0, 0.33), (-66.0, 1.0, 5.86), (-40.0, 1.0, 2.45)]


@pytest.mark.parametrize(("V", "Mg", "printed"), CLAMPS)
@pytest.mark.parametrize("rate", [0.1, 1.0, 3.0])
def test_law_is_exact_at_a_fixed_voltage(V, Mg, printed, rate):
    kinetic = half_blocking(lambda C: scheme(C, Mg, protocol(V, rate=rate)))
    law = float(receptor.ic50("ketamine", "GluN2A", V=V, Mg=1000 * Mg))
    assert law == pytest.approx(kinetic, rel=1e-6)
    assert kinetic == pytest.approx(printed, abs=0.005)


@pytest.mark.parametrize("C", [0.5, 5.86, 40.0])
def test_law_is_exact_however_the_channel_gates(C):
    rates = {"Rb": 3.0, "Ru": 40.0, "Rd": 0.5, "Rr": 30.0, "Ro": 900.0, "Rc": 7.0}
    blocked, bare = (
        charge(scheme(c, 1.0, protocol(-66.0, rate=2.0), rates=rates)) for c in (C, 0.0)
    )
    law = C / (C + float(receptor.ic50("ketamine", "GluN2A")))
    assert 1 - blocked / bare == pytest.approx(law, rel=1e-6)


def test_integrated_scheme_settles_at_the_law():
    """SciPy's integrator through forty pulses, instead of matrix exponentials."""
    C, V, Mg = 10.0, -66.0, 1.0
    free = 1 / (1 + Mg / magnesium(V))
    blocked = []
    for concentration in (C, 0.0):
        x = np.append(np.eye(10)[0], 0.0)
        for _ in range(40):
            before = x[-1]
            for dt, glutamate, _ in protocol(V):
                A = np.zeros((11, 11))
                A[:10, :10] = five_states(glutamate, [ketamine(concentration, V)], free)
                A[10, OPEN] = free
                x = solve_ivp(
                    lambda t, y, A=A: A @ y, (0, dt), x, method="LSODA", rtol=1e-8, atol=1e-12
                ).y[:, -1]
        blocked.append(x[-1] - before)
    law = C / (C + float(receptor.ic50("ketamine", "GluN2A")))
    assert 1 - blocked[0] / blocked[1] == pytest.approx(law, abs=2e-4)


def test_blockers_and_magnesium_compete_for_one_pore():
    """S, R and memantine together, with magnesium as a trapped blocker of its own."""
    V, Mg, C = -66.0, 1.0, {"s-ketamine": 2.0, "r-ketamine": 3.0, "memantine": 4.0}
    half = {name: float(receptor.ic50(name, "GluN2A", Mg=0)) for name in C}
    mg_arm = (5e6 * Mg / 1000, 5e6 * magnesium(V) / 1000)
    arms = [(KOFF * C[n] / half[n], KOFF) for n in C]

    def of(blockers):
        return [with_charge(five_states(g, [mg_arm, *blockers]), dt) for dt, g, _ in protocol(V)]

    kinetic = 1 - charge(of(arms)) / charge(of([]))
    mass = {"s-ketamine": 237.73, "r-ketamine": 237.73, "memantine": 179.3}
    law = receptor.block(
        {n: C[n] * mass[n] for n in C}, phasic="GluN2A", V_phasic=V, fu_K=1, fu_M=1
    )
    assert float(law.phasic) == pytest.approx(kinetic, rel=1e-5)


def test_law_balances_the_scheme_in_symbols():
    """With the law's B, as many blockers leave the open pore as enter, whatever share is open."""
    inputs = sympy.symbols(list(receptor.nmda_block.inputs), positive=True)
    names = sympy.symbols(list(receptor.nmda_block.parameters), positive=True)
    p = dict(zip(receptor.nmda_block.parameters, names, strict=True))
    alone = {i: 0 for i in inputs[1:]} | {p["n"]: 1, p["V_phasic"]: p["V_ref"]}
    _, (B, _) = receptor.nmda_block(*inputs, *names)
    B = B.subs(alone)
    opened, koff = sympy.symbols("opened koff", positive=True)
    free_drug = p["phi"] * p["fu_K"] * inputs[0] / p["M_K"]
    kon = koff / (p["c_S"] * p["IC50_phasic"])
    unoccupied = 1 / (1 + p["Mg"] / p["K_Mg_phasic"])
    entering = kon * free_drug * unoccupied * (1 - B) * opened
    assert sympy.simplify(entering - koff * B * opened) == 0


@pytest.mark.parametrize(
    ("peak", "printed", "within"), [(-30.0, 3.39, 0.015), (-10.0, 2.80, 0.005)]
)
def test_half_blocking_concentration_during_synaptic_potentials(peak, printed, within):
    """We find 3.43 and 2.80 uM; the note that this reproduces prints 3.39 and 2.80."""
    kinetic = half_blocking(lambda C: scheme(C, 1.0, protocol(-60.0, peak)))
    assert kinetic == pytest.approx(printed, rel=within)


def test_effective_voltage_of_the_library():
    kinetic = half_blocking(lambda C: scheme(C, 1.0, protocol(-60.0, -30.0)))
    V = receptor.parameters()["V_phasic"].value
    assert float(receptor.ic50("ketamine", "GluN2A", V=V)) == pytest.approx(kinetic, rel=0.005)
    for law, volt in ((4.69, -60.0), (1.94, -30.0), (1.59, -10.0)):
        assert float(receptor.ic50("ketamine", "GluN2A", V=volt)) == pytest.approx(law, abs=0.005)


def test_effective_voltage_drifts_with_the_rate():
    """Away from 1 Hz the law at the effective voltage is off by up to 12 %."""
    found = [
        half_blocking(lambda C, r=rate: scheme(C, 1.0, protocol(-60.0, -30.0, rate=r)))
        for rate in (0.1, 0.3, 1.0, 2.0, 3.0)
    ]
    assert found == pytest.approx([3.54, 3.54, 3.43, 3.22, 3.02], abs=0.01)
    law = float(receptor.ic50("ketamine", "GluN2A", V=-51.0))
    assert max(abs(f / law - 1) for f in found) == pytest.approx(0.116, abs=0.005)


@pytest.mark.parametrize(
    ("V", "peak", "Mg", "printed", "off"),
    [
        (-66.0, None, 0.0, (7, 1), 0),
        (-66.0, None, 1.0, (9, 2), 0),
        (-40.0, None, 1.0, (6, 1), 0),
        (-60.0, -30.0, 1.0, (6, 1), 1),
        (-60.0, -10.0, 1.0, (6, 1), 1),
    ],
)
def test_stimuli_until_63_percent_of_the_block(V, peak, Mg, printed, off):
    """0.1 and 30 uM at 1 Hz.  During synaptic potentials we need one more than was printed."""
    needed = [stimuli(C, Mg, protocol(V, peak)) for C in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)]
    assert all(later <= earlier for earlier, later in pairwise(needed))
    assert abs(needed[0] - printed[0]) <= off
    assert abs(needed[-1] - printed[1]) <= off


def stimuli(C, Mg, stretches):
    bare, drug = scheme(0.0, Mg, stretches), scheme(C, Mg, stretches)
    whole = charge(bare)
    goal = 0.632 * (1 - charge(drug) / whole)
    x = periodic(bare)
    for count in range(1, 60):
        x, through = period(drug, x)
        if 1 - through / whole >= goal:
            return count
    raise AssertionError("block did not settle")


def test_magnesium_that_holds_channels_closed_weakens_ketamine():
    """The structural doubt: Kampa's scheme gives five times as large a concentration at rest."""

    def build(V, peak=None):
        return lambda C: [with_charge(kampa(g, C, v, 1.0), dt) for dt, g, v in protocol(V, peak)]

    at_rest, synaptic = half_blocking(build(-66.0)), half_blocking(build(-60.0, -30.0))
    assert at_rest == pytest.approx(32, rel=0.02)
    assert synaptic == pytest.approx(5.6, rel=0.01)
    assert at_rest / float(receptor.ic50("ketamine", "GluN2A")) > 5


def test_trapping_and_the_leak_that_the_law_leaves_out():
    """The leak from closed channels costs 1 % of the potency at 1 Hz and 9 % at 0.1 Hz."""
    x = periodic(scheme(10.0, 0.0, protocol(-66.0)))
    kept = {}
    for leak in (0.0, LEAK):
        A = five_states(0.0, [ketamine(0.0, -66.0)], leak=leak)
        kept[leak] = (expm(A * 120) @ x)[5:].sum() / x[5:].sum()
    assert kept[0.0] > 0.97
    assert kept[LEAK] / kept[0.0] == pytest.approx(0.86, abs=0.005)
    for rate, cost in ((1.0, 1.009), (0.1, 1.086)):
        leaky = half_blocking(lambda C, r=rate: scheme(C, 1.0, protocol(-66.0, rate=r), LEAK))
        tight = half_blocking(lambda C, r=rate: scheme(C, 1.0, protocol(-66.0, rate=r)))
        assert leaky / tight == pytest.approx(cost, abs=0.002)
