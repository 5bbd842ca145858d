"""From drives and gains to felt pain: log-odds of the rating, expectation, intensity, affect.

L is the log-odds of a rating on 0 to 10: pain = 10/(1 + exp(-L)).  No number stands here: values
come from library/mechanism/pain.yaml and the conditions.
"""

from typing import Any

from antalgic.model.functions import exp, log
from antalgic.model.step import Step, step

Values = tuple[tuple[Any, ...], tuple[Any, ...]]


@step(
    states={},
    inputs={"R": "1", "amine": "1"},
    parameters={"D_c": "1", "e_c": "1", "NRS_c": "1", "g_R": "1"},
    outputs={"D": "1"},
)
def descending(R: Any, amine: Any, D_c: Any, e_c: Any, NRS_c: Any, g_R: Any) -> Values:
    """Descending control in logits: tonic balance D_c, conditioned modulation, plasticity R.

    e_c NRS_c/10 is pain inhibiting pain: NRS_c rates a second, conditioning stimulus (0 without
    one).  g_R is 0 except in the rival where supraspinal plasticity itself relieves pain.
    ``amine`` is what an antidepressant adds, in logits.
    """
    return (), (D_c + e_c * NRS_c / 10 + g_R * R + amine,)


@step(
    states={},
    inputs={"W": "1", "J": "1", "E_ns": "1", "E_al": "1", "b": "1"},
    parameters={"I_n": "1", "I_e": "1", "I_J": "1"},
    outputs={"I": "1"},
)
def drive(W: Any, J: Any, E_ns: Any, E_al: Any, b: Any, I_n: Any, I_e: Any, I_J: Any) -> Values:
    """What reaches the cord: I = [I_n + W + I_J (1 + J)(1 - E_ns)](1 - b) + I_e (1 - E_al)(1 - b).

    I_n, I_e and I_J are nociceptive, ectopic and joint drive before treatment.  W is the drive of a
    wound, J the change of joint inflammation against its start; E_ns, E_al and b are the shares
    taken off by an NSAID, a gabapentinoid and a block of the nerve.
    """
    tissue = I_n + W + I_J * (1 + J) * (1 - E_ns)
    return (), ((tissue + I_e * (1 - E_al)) * (1 - b),)


@step(
    states={},
    inputs={
        "I": "1", "S": "1", "B_phasic": "1", "D": "1", "M": "1", "C_SN": "ng/mL", "C_RN": "ng/mL",
        "relief": "1",
    },
    parameters={
        "a_0": "1", "I_0": "1", "g_S": "1", "g_N": "1", "g_NK": "mL/ng", "g_M": "1", "M0": "1",
    },
    outputs={"L": "1"},
)  # fmt: skip
def nociception(
    I: Any, S: Any, B_phasic: Any, D: Any, M: Any, C_SN: Any, C_RN: Any, relief: Any,
    a_0: Any, I_0: Any, g_S: Any, g_N: Any, g_NK: Any, g_M: Any, M0: Any,
) -> Values:  # fmt: skip
    """What the cord sends up: L = a_0 + ln(I + I_0) + g_S S - g_N B - D + g_M (M - M0) + g_NK C_N.

    I is the drive (see `drive`); a_0 puts each person at their own pain before treatment.
    ``relief`` is what other drugs take off in the cord, in logits.  g_NK above 0 lets norketamine
    oppose the relief (Olofsen 2012); it is 0 unless asked for, as Simons 2022 found no
    contribution.
    """
    L = a_0 + log(I + I_0) + g_S * S - g_N * B_phasic - D + g_M * (M - M0)
    return (), (L + g_NK * (C_SN + C_RN) - relief,)


@step(
    states={"X": "1"},
    inputs={"course": "1/h", "learned": "1/h"},
    parameters={"tau_x": "h"},
    outputs={"X": "1"},
)
def context(X: Any, course: Any, learned: Any, tau_x: Any) -> Values:
    """Effect X of being treated, whatever is given: 1 from the first contact, fading after.

    ``course`` is a bolus of 1 at the first dose, drug or placebo, then lasting/tau_x while
    treatment goes on: X stays at 1 where the response lasts, or fades with tau_x where it does not.
    ``learned`` is what noticing the drug adds (see `unblinding`).
    """
    return (course + learned - X / tau_x,), (X,)


@step(
    states={},
    inputs={"C_S": "ng/mL", "C_R": "ng/mL"},
    parameters={"k_u": "1/h", "C_high": "ng/mL", "s_R": "1"},
    outputs={"learned": "1/h"},
)
def unblinding(C_S: Any, C_R: Any, k_u: Any, C_high: Any, s_R: Any) -> Values:
    """Noticing the drug feeds expectation: k_u times the drug high, C/(C_high + C)."""
    C = C_S + s_R * C_R
    return (), (k_u * C / (C_high + C),)


@step(
    states={"E": "1"},
    inputs={"L_n": "1", "X": "1"},
    parameters={"w_e": "1", "tau_e": "h", "x": "1"},
    outputs={"L": "1"},
)
def expectation(E: Any, L_n: Any, X: Any, w_e: Any, tau_e: Any, x: Any) -> Values:
    """Fusion of nociception L_n with learned expectation E: L = (1 - w_e) L_n + w_e E - x X.

    Precisions are fixed as the weight w_e (Buechel 2014).  E follows the pain that is felt with
    time constant tau_e; x is this person's response to treatment as such, in logits.
    """
    L = (1 - w_e) * L_n + w_e * E - x * X
    return ((L - E) / tau_e,), (L,)


@step(
    states={},
    inputs={"L": "1", "C_S": "ng/mL", "M": "1"},
    parameters={"u_0": "1", "u_S": "mL/ng", "u_M": "1", "M0": "1"},
    outputs={"pain": "1", "unpleasantness": "1"},
)
def rating(L: Any, C_S: Any, M: Any, u_0: Any, u_S: Any, u_M: Any, M0: Any) -> Values:
    """Felt intensity and unpleasantness, each 0 to 10."""
    pain = 10 / (1 + exp(-L))
    affect = L + u_0 - u_S * C_S + u_M * (M - M0)
    return (), (pain, 10 / (1 + exp(-affect)))


#: Steps of this room by name, for whoever wires a model.
STEPS: dict[str, Step] = {
    s.name: s for s in (descending, drive, nociception, context, unblinding, expectation, rating)
}
