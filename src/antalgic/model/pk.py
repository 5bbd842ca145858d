"""Steps from the dose to the blood.  Amounts A in mg, rates in mg/h, C in mg/L, clearances in L/h.

All are linear in their states and inputs.  No number stands here: values come from library/pk.
"""

from typing import Any

from antalgic.model.step import Step, step

Values = tuple[tuple[Any, ...], tuple[Any, ...]]


@step(
    states={"A": "mg"}, inputs={"rate": "mg/h"}, parameters={"ka": "1/h"}, outputs={"out": "mg/h"}
)
def first_order_depot(A: Any, rate: Any, ka: Any) -> Values:
    """A depot that empties in proportion to its content: out = ka A."""
    return (rate - ka * A,), (ka * A,)


@step(states={"A": "mg"}, inputs={"rate": "mg/h"}, parameters={"MTT": "h"}, outputs={"out": "mg/h"})
def transit1(A: Any, rate: Any, MTT: Any) -> Values:
    """One transit compartment with mean transit time MTT."""
    return (rate - A / MTT,), (A / MTT,)


@step(
    states={"A1": "mg", "A2": "mg"},
    inputs={"rate": "mg/h"},
    parameters={"MTT": "h"},
    outputs={"out": "mg/h"},
)
def transit2(A1: Any, A2: Any, rate: Any, MTT: Any) -> Values:
    """Two equal transit compartments with total mean transit time MTT."""
    k = 2 / MTT
    return (rate - k * A1, k * A1 - k * A2), (k * A2,)


@step(
    states={},
    inputs={"rate": "mg/h"},
    parameters={"fraction": "1"},
    outputs={"kept": "mg/h", "rest": "mg/h"},
)
def split(rate: Any, fraction: Any) -> Values:
    """A flow parted in two: kept = fraction rate, rest = (1 - fraction) rate."""
    return (), (fraction * rate, (1 - fraction) * rate)


@step(
    states={},
    inputs={"rate": "mg/h"},
    parameters={"fraction": "1", "mass_ratio": "1"},
    outputs={"out": "mg/h"},
)
def convert(rate: Any, fraction: Any, mass_ratio: Any) -> Values:
    """Formation of a metabolite: a fraction of the moles, at the ratio of the molar masses."""
    return (), (fraction * mass_ratio * rate,)


@step(
    states={"A1": "mg"},
    inputs={"rate": "mg/h"},
    parameters={"CL": "L/h", "V": "L"},
    outputs={"C": "mg/L", "eliminated": "mg/h"},
)
def one_compartment(A1: Any, rate: Any, CL: Any, V: Any) -> Values:
    """One compartment with clearance."""
    C1 = A1 / V
    return (rate - CL * C1,), (C1, CL * C1)


@step(
    states={"A1": "mg", "A2": "mg"},
    inputs={"rate": "mg/h"},
    parameters={"CL": "L/h", "V1": "L", "Q2": "L/h", "V2": "L"},
    outputs={"C": "mg/L", "eliminated": "mg/h"},
)
def two_compartment(A1: Any, A2: Any, rate: Any, CL: Any, V1: Any, Q2: Any, V2: Any) -> Values:
    """Two compartments, cleared from the central one."""
    C1, C2 = A1 / V1, A2 / V2
    return (rate - CL * C1 - Q2 * C1 + Q2 * C2, Q2 * C1 - Q2 * C2), (C1, CL * C1)


@step(
    states={"A1": "mg", "A2": "mg", "A3": "mg"},
    inputs={"rate": "mg/h"},
    parameters={"CL": "L/h", "V1": "L", "Q2": "L/h", "V2": "L", "Q3": "L/h", "V3": "L"},
    outputs={"C": "mg/L", "eliminated": "mg/h"},
)
def three_compartment(
    A1: Any, A2: Any, A3: Any, rate: Any, CL: Any, V1: Any, Q2: Any, V2: Any, Q3: Any, V3: Any
) -> Values:
    """Three compartments (mammillary), cleared from the central one."""
    C1, C2, C3 = A1 / V1, A2 / V2, A3 / V3
    return (
        rate - CL * C1 - Q2 * C1 + Q2 * C2 - Q3 * C1 + Q3 * C3,
        Q2 * C1 - Q2 * C2,
        Q3 * C1 - Q3 * C3,
    ), (C1, CL * C1)


@step(
    states={"A1": "mg", "A2": "mg", "A3": "mg"},
    inputs={"rate": "mg/h"},
    parameters={
        "V1": "L", "k10": "1/h", "k12": "1/h", "k21": "1/h", "k13": "1/h", "k31": "1/h",
    },
    outputs={"C": "mg/L", "eliminated": "mg/h"},
)  # fmt: skip
def three_compartment_micro(
    A1: Any, A2: Any, A3: Any, rate: Any,
    V1: Any, k10: Any, k12: Any, k21: Any, k13: Any, k31: Any,
) -> Values:  # fmt: skip
    """Three compartments written with rate constants, as anaesthesia pumps do."""
    return (
        rate - k10 * A1 - k12 * A1 + k21 * A2 - k13 * A1 + k31 * A3,
        k12 * A1 - k21 * A2,
        k13 * A1 - k31 * A3,
    ), (A1 / V1, k10 * A1)


@step(
    states={"A1": "mg", "A2": "mg", "A3": "mg", "AH": "mg"},
    inputs={"rate": "mg/h", "hepatic": "mg/h"},
    parameters={
        "V1": "L", "Q2": "L/h", "V2": "L", "Q3": "L/h", "V3": "L",
        "QH": "L/h", "VH": "L", "kel": "1/h", "kmet": "1/h",
    },
    outputs={"C": "mg/L", "to_metabolite": "mg/h", "lost": "mg/h"},
)  # fmt: skip
def three_compartment_liver(
    A1: Any, A2: Any, A3: Any, AH: Any, rate: Any, hepatic: Any,
    V1: Any, Q2: Any, V2: Any, Q3: Any, V3: Any, QH: Any, VH: Any, kel: Any, kmet: Any,
) -> Values:  # fmt: skip
    """Three compartments and a liver that blood passes at QH; swallowed drug enters the liver.

    Perez-Ruixo 2021 section 2.3: kmet AH forms the metabolite, kel AH is other metabolism.
    """
    C1, C2, C3, CH = A1 / V1, A2 / V2, A3 / V3, AH / VH
    return (
        rate - QH * C1 + QH * CH - Q2 * C1 + Q2 * C2 - Q3 * C1 + Q3 * C3,
        Q2 * C1 - Q2 * C2,
        Q3 * C1 - Q3 * C3,
        hepatic + QH * C1 - QH * CH - kel * AH - kmet * AH,
    ), (C1, kmet * AH, kel * AH)


@step(
    states={"A1": "mg", "A2": "mg", "A3": "mg"},
    inputs={"rate": "mg/h", "absorbed": "mg/h"},
    parameters={
        "V1": "L", "Q2": "L/h", "V2": "L", "Q3": "L/h", "V3": "L", "CLintH": "L/h",
        "CLintGW": "L/h", "CLperm": "L/h", "fu": "1", "BP": "1", "QH": "L/h", "fvilli": "1",
    },
    outputs={"C": "mg/L", "gut_formed": "mg/h", "liver_formed": "mg/h"},
)  # fmt: skip
def semi_pbpk(
    A1: Any, A2: Any, A3: Any, rate: Any, absorbed: Any,
    V1: Any, Q2: Any, V2: Any, Q3: Any, V3: Any, CLintH: Any,
    CLintGW: Any, CLperm: Any, fu: Any, BP: Any, QH: Any, fvilli: Any,
) -> Values:  # fmt: skip
    """Three compartments behind a quasi-steady gut wall (QGUT model) and a well-stirred liver.

    Ashraf 2018, supplement S2: FG = QGUT/(QGUT + CLintGW), EH = CLintH fub/(QH + CLintH fub),
    fub = fu/BP; the liver sees the absorbed drug that left the gut wall and QH C1.
    """
    Qvilli = fvilli * QH
    QGUT = Qvilli * CLperm / (Qvilli + CLperm)
    FG = QGUT / (QGUT + CLintGW)
    EH = CLintH * fu / BP / (QH + CLintH * fu / BP)
    C1, C2, C3 = A1 / V1, A2 / V2, A3 / V3
    return (
        rate + (1 - EH) * FG * absorbed - EH * QH * C1 - Q2 * C1 + Q2 * C2 - Q3 * C1 + Q3 * C3,
        Q2 * C1 - Q2 * C2,
        Q3 * C1 - Q3 * C3,
    ), (C1, (1 - FG) * absorbed, EH * (FG * absorbed + QH * C1))


@step(
    states={"A1": "mg", "A2": "mg"},
    inputs={"gut": "mg/h", "liver": "mg/h"},
    parameters={
        "V1": "L", "Q2": "L/h", "V2": "L", "CLintH": "L/h", "CLintGW": "L/h",
        "fu": "1", "BP": "1", "QH": "L/h", "fvilli": "1",
    },
    outputs={"C": "mg/L", "eliminated": "mg/h"},
)  # fmt: skip
def semi_pbpk_metabolite(
    A1: Any, A2: Any, gut: Any, liver: Any,
    V1: Any, Q2: Any, V2: Any, CLintH: Any, CLintGW: Any, fu: Any, BP: Any, QH: Any, fvilli: Any,
) -> Values:  # fmt: skip
    """A metabolite formed in gut wall and liver, cleared by both (Ashraf 2018, supplement S2)."""
    Qvilli = fvilli * QH
    FG = Qvilli / (Qvilli + CLintGW)
    FH = QH / (QH + CLintH * fu / BP)
    C1, C2 = A1 / V1, A2 / V2
    arriving = FH * (FG * gut + liver)
    return (
        arriving - (1 - FH) * QH * C1 - Q2 * C1 + Q2 * C2,
        Q2 * C1 - Q2 * C2,
    ), (C1, (1 - FG) * gut + (1 - FH) * (FG * gut + liver + QH * C1))


#: Every step that a PK model file may name.
STEPS: dict[str, Step] = {
    s.name: s
    for s in (
        first_order_depot, transit1, transit2, split, convert,
        one_compartment, two_compartment, three_compartment, three_compartment_micro,
        three_compartment_liver, semi_pbpk, semi_pbpk_metabolite,
    )
}  # fmt: skip
