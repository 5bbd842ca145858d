"""Plasticity on two clocks, and mood, which follows it and the pain.

M is mood burden, MADRS/60.  No number stands here: values come from library/mechanism/pain.yaml and
the conditions.
"""

from typing import Any

from antalgic.model.step import Step, step

Values = tuple[tuple[Any, ...], tuple[Any, ...]]


@step(
    states={"K": "1", "R": "1"},
    inputs={"B_tonic": "1"},
    parameters={"k_K": "1/h", "tau_K": "h", "k_R": "1/h", "K_50": "1", "tau_R": "h"},
    outputs={"K": "1", "R": "1"},
)
def plasticity(
    K: Any, R: Any, B_tonic: Any, k_K: Any, tau_K: Any, k_R: Any, K_50: Any, tau_R: Any
) -> Values:
    """Trigger K (hours) after tonic NMDA block, and synaptic change R in [0, 1) (weeks) after K.

    K' = k_K B - K/tau_K, R' = k_R K/(K + K_50) (1 - R) - R/tau_R.
    """
    triggered = k_R * K / (K + K_50) * (1 - R)
    return (k_K * B_tonic - K / tau_K, triggered - R / tau_R), (K, R)


@step(
    states={"P": "1"},
    inputs={"pain": "1"},
    parameters={"tau_P": "h", "NRS0": "1"},
    outputs={},
)
def pain_memory(P: Any, pain: Any, tau_P: Any, NRS0: Any) -> Values:
    """Pain of the last days against that before treatment, a tenth of a point: what mood sees."""
    return (((pain - NRS0) / 10 - P) / tau_P,), ()


@step(
    states={},
    inputs={"P": "1", "K": "1", "R": "1"},
    parameters={"M0": "1", "c_PM": "1", "c_K": "1", "c_R": "1", "K_50": "1"},
    outputs={"M": "1", "MADRS": "1"},
)
def mood(P: Any, K: Any, R: Any, M0: Any, c_PM: Any, c_K: Any, c_R: Any, K_50: Any) -> Values:
    """Burden M = M0 (1 + c_PM P)(1 - c_K K/(K + K_50))(1 - c_R R): pain adds, plasticity takes off.

    Shares multiply, so that neither relief nor repeated doses take it below nothing.  MADRS = 60 M.
    """
    M = M0 * (1 + c_PM * P) * (1 - c_K * K / (K + K_50)) * (1 - c_R * R)
    return (), (M, 60 * M)


#: Steps of this room by name, for whoever wires a model.
STEPS: dict[str, Step] = {s.name: s for s in (plasticity, pain_memory, mood)}
