"""From levels at a fast effect site to harm: dissociation, sedation, complaints, heart, breath.

C is what acts like S-ketamine: C_S + s_R C_R, ng/mL.  A risk is the share of people who have the
complaint at that level; each person has it while the risk is above their own tolerance.  No number
stands here: values come from library/harm.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from antalgic import yamlfile
from antalgic.model.functions import logistic
from antalgic.model.step import Step, step
from antalgic.model.values import Parameter, parameter, read

Values = tuple[tuple[Any, ...], tuple[Any, ...]]

LIBRARY = "harm/acute.yaml"
FITTED = "harm/fitted.yaml"
#: Highest score of the CADSS: 23 items of 0 to 4.
CADSS = 92
#: Score of somebody awake on the MOAA/S.
AWAKE = 5


@step(
    states={},
    inputs={"C_S": "ng/mL", "C_R": "ng/mL", "calm": "1"},
    parameters={"s_R": "1", "C_high": "ng/mL", "x_0": "1", "x_1": "1"},
    outputs={"CADSS": "1"},
)
def dissociation(
    C_S: Any, C_R: Any, calm: Any, s_R: Any, C_high: Any, x_0: Any, x_1: Any
) -> Values:
    """CADSS = 92 x/(1 + x) with x = x_0 + x_1 d^3/(1 + calm) and the drug high d = C/(C_high + C).

    C_high is the level of half the high (Simons 2022).  Its cube is close to a straight line from
    50 to 200 ng/mL of racemate, as scores were (Bowdle 1998), and small below.  x_0 is what people
    score without drug; ``calm`` the level of a benzodiazepine over that which halves it.
    """
    C = C_S + s_R * C_R
    d = C / (C_high + C)
    x = x_0 + x_1 * d * d * d / (1 + calm)
    return (), (CADSS * x / (1 + x),)


@step(
    states={},
    inputs={"C_S": "ng/mL", "C_R": "ng/mL", "sedative": "1"},
    parameters={"s_R": "1", "y_1": "mL/ng"},
    outputs={"score": "1"},
)
def sedation(C_S: Any, C_R: Any, sedative: Any, s_R: Any, y_1: Any) -> Values:
    """MOAA/S score 5/(1 + y_1 C + sedative): 5 awake, 0 not responding to pain."""
    return (), (AWAKE / (1 + y_1 * (C_S + s_R * C_R) + sedative),)


@step(
    states={},
    inputs={
        "C_S": "ng/mL", "C_R": "ng/mL", "opioid": "1", "sedative": "1", "less_nausea": "1",
        "less_vomit": "1",
    },
    parameters={
        "s_R": "1",
        "a_nausea": "1", "b_nausea": "mL/ng", "a_vomit": "1", "b_vomit": "mL/ng", "b_mu": "1",
        "a_dizzy": "1", "b_dizzy": "mL/ng", "a_sleepy": "1", "b_sleepy": "mL/ng", "b_sed": "1",
        "a_psych": "1", "b_psych": "mL/ng",
    },
    outputs={
        "nausea": "1", "vomiting": "1", "dizziness": "1", "somnolence": "1", "psychomimetic": "1",
    },
)  # fmt: skip
def complaints(
    C_S: Any, C_R: Any, opioid: Any, sedative: Any, less_nausea: Any, less_vomit: Any, s_R: Any,
    a_nausea: Any, b_nausea: Any, a_vomit: Any, b_vomit: Any, b_mu: Any,
    a_dizzy: Any, b_dizzy: Any, a_sleepy: Any, b_sleepy: Any, b_sed: Any,
    a_psych: Any, b_psych: Any,
) -> Values:  # fmt: skip
    """Risks of what people complain of: logistic in the level, a without drug.

    ``opioid`` and ``sedative`` are levels over their half-effect; an opioid adds b_mu c/(1 + c) to
    the log-odds of nausea and vomiting, a sedative b_sed c/(1 + c) to those of somnolence;
    ``less_nausea`` and ``less_vomit`` are what an antiemetic takes off.
    """
    C = C_S + s_R * C_R
    sick = b_mu * opioid / (1 + opioid)
    drowsy = b_sed * sedative / (1 + sedative)
    return (), (
        logistic(a_nausea + b_nausea * C + sick - less_nausea),
        logistic(a_vomit + b_vomit * C + sick - less_vomit),
        logistic(a_dizzy + b_dizzy * C),
        logistic(a_sleepy + b_sleepy * C + drowsy),
        logistic(a_psych + b_psych * C),
    )


@step(
    states={},
    inputs={"C_S": "ng/mL", "relax": "1"},
    parameters={
        "SBP_0": "1", "DBP_0": "1", "HR_0": "1", "h": "1",
        "s_SBP": "mL/ng", "s_DBP": "mL/ng", "s_HR": "mL/ng", "s_CO": "mL/ng",
    },
    outputs={"SBP": "1", "DBP": "1", "MAP": "1", "HR": "1", "CO": "1"},
)  # fmt: skip
def circulation(
    C_S: Any, relax: Any,
    SBP_0: Any, DBP_0: Any, HR_0: Any, h: Any, s_SBP: Any, s_DBP: Any, s_HR: Any, s_CO: Any,
) -> Values:  # fmt: skip
    """Pressures (mmHg), heart rate (1/min) and cardiac output (1 = own baseline), linear in C_S.

    h is how strongly this person's circulation answers; ``relax`` is the share of the pressures
    that a drug such as clonidine takes off.  R-ketamine has no effect on cardiac output (Kamp 2021)
    and is taken to have none on pressure.
    """
    SBP = (SBP_0 + h * s_SBP * C_S) * (1 - relax)
    DBP = (DBP_0 + h * s_DBP * C_S) * (1 - relax)
    return (), (SBP, DBP, DBP + (SBP - DBP) / 3, HR_0 + h * s_HR * C_S, 1 + s_CO * C_S)


@step(
    states={},
    inputs={"C_S": "ng/mL", "C_R": "ng/mL", "opioid": "1", "sedative": "1"},
    parameters={
        "C_mu": "ng/mL", "f_slope": "1", "C_V": "ng/mL", "v_sed": "1", "a_sat": "1", "b_sat": "1",
    },
    outputs={"V": "1", "desaturation": "1"},
)  # fmt: skip
def breathing(
    C_S: Any, C_R: Any, opioid: Any, sedative: Any,
    C_mu: Any, f_slope: Any, C_V: Any, v_sed: Any, a_sat: Any, b_sat: Any,
) -> Values:  # fmt: skip
    """Ventilation at fixed CO2 as a share of one's own, and the risk of low saturation.

    ``opioid`` is its level at the site of breathing over its half-effect.  S-ketamine raises that
    half-effect by 1 + C_S/C_mu for the share f_slope that acts on the response to CO2 (Jonkman
    2018), and ketamine itself takes breath away with half-effect C_V (Bourke 1987).
    """
    lost = f_slope * opioid / (1 + C_S / C_mu + opioid) + (1 - f_slope) * opioid / (1 + opioid)
    V = (1 - lost) / (1 + (C_S + C_R) / C_V) / (1 + v_sed * sedative)
    return (), (V, logistic(a_sat + b_sat * (1 - V)))


#: Steps of this room by name, for whoever wires a model.
STEPS: dict[str, Step] = {
    s.name: s for s in (dissociation, sedation, complaints, circulation, breathing)
}

#: Unit of every parameter of this room, and of the rate constant of its effect site; s_R and C_high
#: are those of noticing the drug (see `pain.unblinding`).
UNITS: Mapping[str, str] = {
    "ke0_h": "1/h",
    **{
        name: unit
        for s in STEPS.values()
        for name, unit in s.parameters.items()
        if name not in ("s_R", "C_high")
    },
}

#: What can be read, and the use's output that holds it.
READOUTS: Mapping[str, str] = {
    "dissociation": "dissociation.CADSS",
    "sedation": "sedation.score",
    "nausea": "complaints.nausea",
    "vomiting": "complaints.vomiting",
    "dizziness": "complaints.dizziness",
    "somnolence": "complaints.somnolence",
    "psychomimetic": "complaints.psychomimetic",
    "systolic": "circulation.SBP",
    "diastolic": "circulation.DBP",
    "arterial-pressure": "circulation.MAP",
    "heart-rate": "circulation.HR",
    "cardiac-output": "circulation.CO",
    "ventilation": "breathing.V",
    "desaturation": "breathing.desaturation",
}

#: Risks, and the name of the tolerance that a person holds against each: whoever vomits is also
#: nauseous, so that both share one.
TOLERANCES: Mapping[str, str] = {
    "nausea": "nausea",
    "vomiting": "nausea",
    "dizziness": "dizziness",
    "somnolence": "somnolence",
    "psychomimetic": "psychomimetic",
    "desaturation": "desaturation",
}


@cache
def parameters() -> Mapping[str, Parameter]:
    """Every library value of this room, with its spread between people; fitted ones win."""
    fitted = yamlfile.library(FITTED).data["parameters"]
    return {
        name: parameter(FITTED if name in fitted else LIBRARY, unit, "parameters", name)
        for name, unit in UNITS.items()
    }


@cache
def limit(name: str) -> float:
    """What counts as an event, or as fit to leave (see library/harm/acute.yaml)."""
    return read(LIBRARY, "1", "limits", name).value


@cache
def reading(name: str) -> float:
    """How pressure is read: SD (mmHg) of one reading, and the hours between two."""
    return read(LIBRARY, "1", "readings", name).value
