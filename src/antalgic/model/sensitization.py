"""Central sensitization: the slow gain of the spinal cord that outlasts the drug.

No number stands here: values come from library/mechanism/pain.yaml and the conditions.
"""

from typing import Any

from antalgic.model.step import Step, step

Values = tuple[tuple[Any, ...], tuple[Any, ...]]


@step(
    states={},
    inputs={"B_tonic": "1"},
    parameters={"k_x": "1/h", "B_th": "1"},
    outputs={"loss": "1/h"},
)
def maintenance_block(B_tonic: Any, k_x: Any, B_th: Any) -> Values:
    """Loss of what maintains sensitization, by tonic NMDA block B: k_x B B/(B + B_th).

    Proportional to block well above B_th, which is a soft threshold (above 0): far below it, block
    does little however long it lasts.  k_x is the rate that full block would have with B_th near 0.
    """
    return (), (k_x * B_tonic * B_tonic / (B_tonic + B_th),)


@step(
    states={},
    inputs={"C_SN": "ng/mL", "C_RN": "ng/mL"},
    parameters={"k_m": "1/h", "C_m": "ng/mL"},
    outputs={"loss": "1/h"},
)
def metabolite_loss(C_SN: Any, C_RN: Any, k_m: Any, C_m: Any) -> Values:
    """A rival: norketamine at its site, not NMDA block, dissolves sensitization."""
    C = C_SN + C_RN
    return (), (k_m * C / (C_m + C),)


@step(
    states={"S": "1"},
    inputs={"I": "1", "loss": "1/h", "B_phasic": "1"},
    parameters={"S_max": "1", "tau_r": "h", "S_U": "1", "k_LTP": "1/h"},
    outputs={"S": "1"},
)
def central_sensitization(
    S: Any, I: Any, loss: Any, B_phasic: Any, S_max: Any, tau_r: Any, S_U: Any, k_LTP: Any
) -> Values:
    """Sensitization S, 0 in health and S_max in the chronic state, self-maintained between them.

    With q = S/S_max and no drug: S' = S/tau_r (1 - q)(q - S_U)/(1 - S_U) + k_LTP (1 - B)^2 I
    (S_max - S).  The slope at S_max is -1/tau_r whatever S_U is.  With S_U below 0 relief always
    fades; with 0 < S_U < 1 there are two stable states and S below S_U S_max heals if the drive I
    is low.  With S_U far below 0 the odds (1 - q)/q decay as exp(-t/tau_r), which is the offset of
    the effect site of Dahan 2011.
    """
    q = S / S_max
    kept = S / tau_r * (1 - q) * (q - S_U) / (1 - S_U)
    induced = k_LTP * (1 - B_phasic) ** 2 * I * (S_max - S)
    return (kept + induced - loss * S,), (S,)


#: Steps of this room by name, for whoever wires a model.
STEPS: dict[str, Step] = {
    s.name: s for s in (maintenance_block, metabolite_loss, central_sensitization)
}
