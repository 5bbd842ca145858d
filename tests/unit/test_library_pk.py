"""The pharmacokinetic library as plain YAML: complete, consistent, derived numbers recomputed.

No part of the package is imported, so a fault in the loader cannot hide a fault in the data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

LIBRARY = Path(__file__).parents[2] / "src" / "antalgic" / "library"
MODEL_FILES = sorted(p for p in (LIBRARY / "pk").glob("*.yaml") if p.stem != "defaults")
INTERACTION_FILES = sorted((LIBRARY / "interactions").glob("*.yaml"))

UNITS = {
    "": 1.0,
    "%": 0.01,
    "L": 1.0,
    "L/h": 1.0,
    "L/min": 60.0,
    "L/kg": 1.0,
    "L/h/kg": 1.0,
    "L/min/kg": 60.0,
    "mL/min/kg": 0.06,
    "1/h": 1.0,
    "1/min": 60.0,
    "h": 1.0,
    "min": 1.0 / 60.0,
    "days": 24.0,
    "ng/mL": 1.0,
    "umol/L": 1.0,
    "g/mol": 1.0,
}
HOW = {"read", "transcribed", "digitised", "derived", "fitted here", "assumed", "recalled"}
GRADES = {"A", "B", "C", "D"}
SEEN = {"primary", "secondary", "recalled"}
MODEL_KEYS = {
    *("model", "title", "status", "drugs", "sampling", "ages", "population", "doses", "sources"),
    *("default_source", "grade", "how", "defects", "structure", "outputs", "routes"),
    *("absorption_grades", "parameters", "covariances", "residual", "tested_and_rejected"),
    "missing",
}
PARAMETER_KEYS = {
    *("value", "same_as", "uncertainty", "covariates", "between", "occasion"),
    *("source", "locator", "how", "grade", "note"),
}
PATH_KEYS = {"into", "fraction", "rest_of", "times", "share", "duration", "lag", "devices"}
# step: (inputs, parameters, outputs)
PBPK = {"CLintH", "CLintGW", "fu", "BP", "QH", "fvilli"}
STEPS: dict[str, tuple[set[str], set[str], set[str]]] = {
    "first_order_depot": ({"rate"}, {"ka"}, {"out"}),
    "transit1": ({"rate"}, {"MTT"}, {"out"}),
    "transit2": ({"rate"}, {"MTT"}, {"out"}),
    "split": ({"rate"}, {"fraction"}, {"kept", "rest"}),
    "convert": ({"rate"}, {"fraction", "mass_ratio"}, {"out"}),
    "one_compartment": ({"rate"}, {"CL", "V"}, {"C", "eliminated"}),
    "two_compartment": ({"rate"}, {"CL", "V1", "Q2", "V2"}, {"C", "eliminated"}),
    "three_compartment": (
        {"rate"},
        {"CL", "V1", "Q2", "V2", "Q3", "V3"},
        {"C", "eliminated"},
    ),
    "three_compartment_micro": (
        {"rate"},
        {"V1", "k10", "k12", "k21", "k13", "k31"},
        {"C", "eliminated"},
    ),
    "three_compartment_liver": (
        {"rate", "hepatic"},
        {"V1", "Q2", "V2", "Q3", "V3", "QH", "VH", "kel", "kmet"},
        {"C", "to_metabolite", "lost"},
    ),
    "semi_pbpk": (
        {"rate", "absorbed"},
        {"V1", "Q2", "V2", "Q3", "V3", "CLperm"} | PBPK,
        {"C", "gut_formed", "liver_formed"},
    ),
    "semi_pbpk_metabolite": ({"gut", "liver"}, {"V1", "Q2", "V2"} | PBPK, {"C", "eliminated"}),
}
ROUTES = {"iv", "im", "oral", "film", "sublingual", "nasal", "rectal", "inhaled", "sc"}


def load(path: Path) -> dict[str, Any]:
    """A library file as plain data (YAML 1.2; a duplicate key is an error)."""
    data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    assert isinstance(data, dict), f"{path.name} is not a mapping"
    return data


MODELS = {path.stem: load(path) for path in MODEL_FILES}
RUNNABLE = {name: m for name, m in MODELS.items() if m["status"] == "runnable"}
REFERENCE = {name: m for name, m in MODELS.items() if m["status"] == "reference"}
INTERACTIONS = {path.stem: load(path) for path in INTERACTION_FILES}

each_model = pytest.mark.parametrize("name", sorted(MODELS))
each_runnable = pytest.mark.parametrize("name", sorted(RUNNABLE))
each_reference = pytest.mark.parametrize("name", sorted(REFERENCE))
each_interaction = pytest.mark.parametrize("name", sorted(INTERACTIONS))


def number(text: Any) -> float:
    """A value with its unit, in h, L, mg and fractions; fails when either is missing or unknown."""
    assert isinstance(text, str), f"{text!r} is a bare number, it needs a unit or quotes"
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?)(?: (\S+))?", text)
    assert match is not None, f"{text!r} is not a number with a unit"
    unit = match[2] or ""
    assert unit in UNITS, f"{text!r} has the unknown unit {unit!r}"
    return float(match[1]) * UNITS[unit]


def typical(model: str, parameter: str) -> float:
    """Value at 70 kg of a parameter as filed, in h, L and fractions."""
    entry = MODELS[model]["parameters"][parameter]
    return number(entry["value"])


def paths(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every path of every drug and route into a dose input."""
    for routes in model["routes"].values():
        for route in routes.values():
            yield from route


def parameters_used(model: dict[str, Any]) -> set[str]:
    """Names of parameters that structure, routes, covariates or aliases refer to."""
    used = {name for step in model["structure"] for name in step["parameters"].values()}
    for path in paths(model):
        used |= {path[k] for k in ("fraction", "rest_of", "times", "duration", "lag") if k in path}
        used |= {path["devices"]["later"]} if "devices" in path else set()
    for entry in model["parameters"].values():
        used |= {entry["same_as"]} if "same_as" in entry else set()
        for covariate in entry.get("covariates", []):
            used |= {covariate[k] for k in ("slope", "factor", "value") if k in covariate}
    return used


# Form


@each_model
def test_file_name_is_the_model_name(name: str) -> None:
    assert MODELS[name]["model"] == name


def test_model_titles_are_unique() -> None:
    titles = [m["title"] for m in MODELS.values()]
    assert len(set(titles)) == len(titles)


def test_expected_models_are_filed() -> None:
    assert set(RUNNABLE) == {
        *("simons2022", "fanta2015+otto2021", "kamp2020", "perezruixo2021", "ashraf2018"),
        *("herd2007", "sherwin2015", "elkomy2015", "flint2017", "domino1984"),
    }
    assert set(REFERENCE) == {
        *("kamp2020-bja", "zhao2012", "jonkman2017", "hornik2018", "sigtermans2009"),
        *("noppers2011", "henthorn2018", "brunette2011", "dahan2011", "clements1981"),
        *("ihmsen2001", "persson2002", "hartvig1993"),
    }


@each_model
def test_header_is_complete(name: str) -> None:
    model = MODELS[name]
    assert set(model) <= MODEL_KEYS
    assert model["sampling"] in {"arterial", "venous", "not stated"}
    assert model["ages"] in {"adult", "child", "all"}
    assert set(model["drugs"]) <= {"ketamine", "s-ketamine", "r-ketamine"}
    assert set(model["doses"]) <= ROUTES
    assert set(model["population"]) <= {"text", "n", "age", "weight"}
    for key, unit in (("age", "years"), ("weight", "kg")):
        for bound in model["population"].get(key, []):
            assert re.fullmatch(rf"\d+(\.\d+)? {unit}", bound)


@each_model
def test_sources_are_cited(name: str) -> None:
    model = MODELS[name]
    assert model["default_source"] in model["sources"]
    for source in model["sources"].values():
        assert set(source) <= {"citation", "doi", "url", "seen", "note"}
        assert len(source["citation"]) > 15
        assert source["seen"] in SEEN
    for entry in model.get("parameters", {}).values():
        assert entry.get("source", model["default_source"]) in model["sources"]


@each_model
def test_parameters_have_value_unit_grade_and_origin(name: str) -> None:
    model = MODELS[name]
    for key, entry in model.get("parameters", {}).items():
        assert set(entry) <= PARAMETER_KEYS, key
        assert ("value" in entry) != ("same_as" in entry), key
        if "value" in entry:
            number(entry["value"])
        assert entry.get("grade", model["grade"]) in GRADES, key
        how = entry.get("how", model["how"])
        assert how in HOW, key
        assert how in {"read", "transcribed"} or "note" in entry, f"{key}: {how}, but not how"


@each_model
def test_variability_has_a_known_kind(name: str) -> None:
    for key, entry in MODELS[name].get("parameters", {}).items():
        for level in ("between", "occasion"):
            spread = entry.get(level)
            if spread is None:
                continue
            if "same_as" in spread:
                assert set(spread) == {"same_as"}
                assert "between" in MODELS[name]["parameters"][spread["same_as"]]
                continue
            assert spread["kind"] in {"omega^2", "CV%", "SD"}, key
            assert spread["value"] > 0, key
            assert spread.get("scale", "log") in {"log", "logit"}, key


@each_runnable
def test_covariances_are_possible(name: str) -> None:
    model = RUNNABLE[name]
    for pair in model.get("covariances", []):
        variances = []
        for parameter in pair["between"]:
            spread = model["parameters"][parameter]["between"]
            value = spread["value"]
            variances.append(
                value if spread["kind"] == "omega^2" else math.log1p((value / 100) ** 2)
            )
        correlation = pair.get("correlation") or pair["value"] / math.sqrt(math.prod(variances))
        assert -1 < correlation < 1


# Wiring


@each_runnable
def test_structure_uses_known_steps_in_order(name: str) -> None:
    signals: set[str] = set()
    for step in RUNNABLE[name]["structure"]:
        inputs, parameters, outputs = STEPS[step["step"]]
        assert set(step) == {"step", "name", "inputs", "parameters"}
        assert set(step["inputs"]) == inputs, step["name"]
        assert set(step["parameters"]) == parameters, step["name"]
        for signal in (s for signals_in in step["inputs"].values() for s in signals_in):
            assert signal.startswith("dose.") or signal in signals, signal
        new = {f"{step['name']}.{output}" for output in outputs}
        assert not new & signals, f"two steps are named {step['name']}"
        signals |= new
    for output in RUNNABLE[name]["outputs"].values():
        assert set(output["from"]) <= {s for s in signals if s.endswith(".C")}


@each_runnable
def test_every_dose_input_is_fed_by_a_route_and_back(name: str) -> None:
    model = RUNNABLE[name]
    asked = {
        signal.removeprefix("dose.")
        for step in model["structure"]
        for signals in step["inputs"].values()
        for signal in signals
        if signal.startswith("dose.")
    }
    assert asked == {path["into"] for path in paths(model)}


@each_runnable
def test_every_parameter_is_used_and_defined(name: str) -> None:
    model = RUNNABLE[name]
    assert parameters_used(model) == set(model["parameters"])


@each_runnable
def test_routes_match_drugs_and_doses(name: str) -> None:
    model = RUNNABLE[name]
    assert set(model["routes"]) == set(model["drugs"])
    assert {r for routes in model["routes"].values() for r in routes} == set(model["doses"])
    assert set(model.get("absorption_grades", {})) <= set(model["doses"])
    for path in paths(model):
        assert set(path) <= PATH_KEYS


@each_runnable
def test_shares_of_a_dose_add_up_to_one(name: str) -> None:
    for routes in RUNNABLE[name]["routes"].values():
        for route in routes.values():
            shares = [path["share"] for path in route if "share" in path]
            assert not shares or sum(shares) == pytest.approx(1)


@each_runnable
def test_residual_names_outputs(name: str) -> None:
    model = RUNNABLE[name]
    assert set(model.get("residual", {})) <= set(model["outputs"])
    for error in model.get("residual", {}).values():
        assert set(error) <= {"proportional", "additive", "log"}
        if "additive" in error:
            number(error["additive"]["value"])


@each_runnable
def test_runnable_rests_on_nothing_recalled(name: str) -> None:
    assert RUNNABLE[name]["defects"]
    assert all(s["seen"] != "recalled" for s in RUNNABLE[name]["sources"].values())
    assert RUNNABLE[name]["how"] != "recalled"
    assert all(p.get("how") != "recalled" for p in RUNNABLE[name]["parameters"].values())


@each_reference
def test_reference_says_what_is_missing(name: str) -> None:
    model = REFERENCE[name]
    assert len(model["missing"]) > 20
    assert not {"structure", "routes", "outputs"} & set(model)


# Defaults


def covers(model: dict[str, Any], entry: dict[str, str]) -> bool:
    """Whether a model can answer for drug, route, age and sampling of a default."""
    sites = {
        "any": {"arterial", "venous", "not stated"},
        "venous": {"venous", "not stated"},
        "arterial": {"arterial"},
    }
    return (
        entry["route"] in model["routes"].get(entry["drug"], {})
        and model["ages"] in {entry["age"], "all"}
        and model["sampling"] in sites[entry["sampling"]]
    )


DEFAULTS = load(LIBRARY / "pk" / "defaults.yaml")


def test_defaults_point_to_models_that_cover_them() -> None:
    for entry in DEFAULTS["defaults"]:
        assert set(entry) == {"drug", "route", "age", "sampling", "model", "why"}
        assert covers(RUNNABLE[entry["model"]], entry), entry


def test_defaults_are_unique() -> None:
    keys = [tuple(e[k] for k in ("drug", "route", "age", "sampling")) for e in DEFAULTS["defaults"]]
    assert len(set(keys)) == len(keys)


def test_whatever_some_model_covers_has_a_default() -> None:
    keys = {tuple(e[k] for k in ("drug", "route", "age", "sampling")) for e in DEFAULTS["defaults"]}
    for name, model in RUNNABLE.items():
        for drug, routes in model["routes"].items():
            for route in routes:
                for age in ("adult", "child") if model["ages"] == "all" else (model["ages"],):
                    assert (drug, route, age, "any") in keys, name
                    if model["sampling"] != "not stated":
                        assert (drug, route, age, model["sampling"]) in keys, name


def test_reference_model_of_each_purpose() -> None:
    chosen = {
        (e["drug"], e["route"], e["age"], e["sampling"]): e["model"] for e in DEFAULTS["defaults"]
    }
    assert chosen["s-ketamine", "iv", "adult", "arterial"] == "simons2022"
    assert chosen["s-ketamine", "iv", "adult", "venous"] == "fanta2015+otto2021"
    assert chosen["s-ketamine", "nasal", "adult", "any"] == "perezruixo2021"
    assert chosen["s-ketamine", "oral", "adult", "any"] == "ashraf2018"
    assert chosen["s-ketamine", "film", "adult", "any"] == "simons2022"
    assert chosen["ketamine", "iv", "adult", "any"] == "kamp2020"
    assert chosen["ketamine", "iv", "child", "any"] == "herd2007"
    assert chosen["s-ketamine", "iv", "child", "any"] == "flint2017"


def test_routes_without_evidence_are_not_offered() -> None:
    refused = {e.get("route") for e in DEFAULTS["not_offered"] if "drug" not in e}
    assert refused == {"sc", "transdermal"}
    assert not refused & {e["route"] for e in DEFAULTS["defaults"]}
    assert all(e["why"] for e in DEFAULTS["not_offered"])


# Interactions


@each_interaction
def test_interaction_is_complete(name: str) -> None:
    entry = INTERACTIONS[name]
    assert entry["perpetrator"] == name
    assert set(entry) == {
        *("perpetrator", "status", "mechanism", "sources", "effects", "recovery"),
        *("expresses", "cannot_express"),
    }
    assert entry["status"] in {"runnable", "reference"}
    assert entry["status"] == "runnable" or not entry["effects"]
    if entry["recovery"] != "none":
        assert number(entry["recovery"]["rate"]) > 0
    for source in entry["sources"].values():
        assert source["citation"]
        assert source["seen"] in SEEN


@each_interaction
def test_interaction_acts_on_parameters_that_exist(name: str) -> None:
    entry = INTERACTIONS[name]
    for effect in entry["effects"]:
        assert set(effect) == {"model", "parameter", "factor", "source", "how", "grade", "note"}
        assert effect["parameter"] in RUNNABLE[effect["model"]]["parameters"]
        assert effect["source"] in entry["sources"]
        assert effect["how"] in HOW
        assert effect["grade"] in GRADES
        assert effect["factor"] > 0


# Closed forms of Ashraf 2018 at 70 kg: CL = QH EH, F = FG (1 - EH), AUC = F D / CL


def ashraf(name: str, factors: dict[str, float]) -> float:
    """A parameter of ashraf2018 under the factors of an interaction."""
    return typical("ashraf2018", name) * factors.get(name, 1.0)


def flows() -> tuple[float, float]:
    """Villous flow and Qgut of ashraf2018, L/h."""
    villous = typical("ashraf2018", "fvilli") * typical("ashraf2018", "QH")
    permeability = typical("ashraf2018", "CLperm")
    return villous, villous * permeability / (villous + permeability)


def gut_escape(factors: dict[str, float]) -> float:
    """FG, fraction of absorbed S-ketamine that leaves the gut wall."""
    qgut = flows()[1]
    return qgut / (qgut + ashraf("CLintGW", factors))


def extraction(factors: dict[str, float]) -> float:
    """EH, hepatic extraction of S-ketamine."""
    intrinsic = ashraf("CLintH", factors) * ashraf("fu", {}) / ashraf("BP", {})
    return intrinsic / (ashraf("QH", {}) + intrinsic)


def auc_iv(factors: dict[str, float]) -> float:
    """AUC per mg of an intravenous dose, mg h/L."""
    return 1 / (ashraf("QH", {}) * extraction(factors))


def auc_oral(factors: dict[str, float]) -> float:
    """AUC per mg of an oral dose, mg h/L."""
    return gut_escape(factors) * (1 - extraction(factors)) * auc_iv(factors)


def auc_norketamine(factors: dict[str, float], oral: bool) -> float:
    """Norketamine AUC per mg of S-ketamine, mg h/L: all of it formed, then liver and gut wall."""
    villous = flows()[0]
    escape = villous / (villous + ashraf("CLintGWnk", factors))
    passed = gut_escape(factors) if oral else 1.0
    intrinsic = ashraf("CLintHnk", factors) * ashraf("funk", {}) / ashraf("BPnk", {})
    return (passed + escape * (1 - passed)) / intrinsic


def factors_of(perpetrator: str) -> dict[str, float]:
    """Factors on the parameters of ashraf2018."""
    return {e["parameter"]: e["factor"] for e in INTERACTIONS[perpetrator]["effects"]}


def oral_ratio(perpetrator: str) -> float:
    """Oral S-ketamine AUC with the perpetrator over without."""
    return auc_oral(factors_of(perpetrator)) / auc_oral({})


def test_ashraf_baseline() -> None:
    assert gut_escape({}) == pytest.approx(0.736, abs=5e-4)
    assert 1 - extraction({}) == pytest.approx(0.177, abs=5e-4)
    assert 1 / auc_iv({}) == pytest.approx(74.7, abs=0.05)
    assert auc_oral({}) / auc_iv({}) == pytest.approx(0.130, abs=5e-4)
    assert typical("ashraf2018", "QH") == pytest.approx(3.75 * 70**0.75, rel=1e-6)
    assert typical("ashraf2018", "fvilli") == pytest.approx(0.40 * 0.80 * 0.60)


def test_ticlopidine() -> None:
    assert factors_of("ticlopidine") == {"CLintH": pytest.approx(113 / 304, abs=5e-5)}
    assert oral_ratio("ticlopidine") == pytest.approx(304 / 113, rel=1e-3)
    assert INTERACTIONS["ticlopidine"]["recovery"] == {"rate": "0.017 1/h"}


def test_clarithromycin() -> None:
    assert set(factors_of("clarithromycin")) == {"CLintH"}
    assert oral_ratio("clarithromycin") == pytest.approx(2.6, rel=1e-3)


def test_rifampicin() -> None:
    factors = factors_of("rifampicin")
    assert set(factors) == {"CLintH", "CLintGW", "CLintHnk"}
    assert auc_iv(factors) / auc_iv({}) == pytest.approx(0.86, rel=1e-3)
    assert oral_ratio("rifampicin") == pytest.approx(0.14, rel=2e-3)
    norketamine = auc_norketamine(factors, oral=False) / auc_norketamine({}, oral=False)
    assert norketamine == pytest.approx(0.5)


def test_st_johns_wort() -> None:
    factors = factors_of("st-johns-wort")
    assert set(factors) == {"CLintH", "CLintGW"}
    assert oral_ratio("st-johns-wort") == pytest.approx(0.42, rel=1e-3)
    norketamine = auc_norketamine(factors, oral=True) / auc_norketamine({}, oral=True)
    assert norketamine == pytest.approx(0.82, rel=1e-3)
    assert auc_oral({"CLintGW": 6.23}) / auc_oral({}) == pytest.approx(0.42, rel=1e-3)


def test_grapefruit_is_beyond_the_gut_wall() -> None:
    ceiling = auc_oral({"CLintGW": 0.0}) / auc_oral({})
    assert ceiling == pytest.approx(1.36, abs=0.005)
    assert ceiling < 2.4  # the lower end of what was observed
    assert INTERACTIONS["grapefruit-juice"]["status"] == "reference"


def test_itraconazole_changes_nothing() -> None:
    assert INTERACTIONS["itraconazole"]["status"] == "runnable"
    assert oral_ratio("itraconazole") == 1.0


# Derived values of the models


def test_kamp_clearances_give_the_racemate_its_auc() -> None:
    cl_s, cl_r = typical("kamp2020", "CL_S"), typical("kamp2020", "CL_R")
    assert cl_r / cl_s == pytest.approx(0.87, rel=1e-5)
    assert 0.5 / cl_s + 0.5 / cl_r == pytest.approx(1 / 84, rel=1e-5)


def slope_of_racemate(ka: float, weight: float, time: float) -> float:
    """Slope of the concentration of racemic ketamine after a unit depot dose, kamp2020."""
    volume, flow = weight / 70, (weight / 70) ** 0.75
    v1, v2, v3 = (typical("kamp2020", v) * volume for v in ("V1", "V2", "V3"))
    q2, q3 = (typical("kamp2020", q) * flow for q in ("Q2", "Q3"))
    total = 0.0
    for enantiomer in ("CL_S", "CL_R"):
        cl = typical("kamp2020", enantiomer) * flow
        rates = np.array(
            [
                [-ka, 0, 0, 0],
                [ka, -(cl + q2 + q3) / v1, q2 / v2, q3 / v3],
                [0, q2 / v1, -q2 / v2, 0],
                [0, q3 / v1, 0, -q3 / v3],
            ]
        )
        modes, vectors = np.linalg.eig(rates)
        amounts = np.linalg.solve(vectors, np.array([1.0, 0, 0, 0]))
        total += float(np.real(np.sum(vectors[1] * amounts * modes * np.exp(modes * time))))
    return total


@pytest.mark.parametrize(
    ("route", "minutes", "weight"),
    [("im", 10, 70), ("sublingual", 45, 70), ("nasal", 20, 20), ("rectal", 42, 20)],
)
def test_kamp_absorption_peaks_when_observed(route: str, minutes: float, weight: float) -> None:
    ka = typical("kamp2020", f"ka_{route}")
    tmax = minutes / 60
    assert slope_of_racemate(ka, weight, tmax * 0.999) > 0
    assert slope_of_racemate(ka, weight, tmax * 1.001) < 0


def test_kamp_oral_rate_in_children_is_that_of_the_half_time() -> None:
    assert typical("kamp2020", "ka_oral_child") == pytest.approx(math.log(2) / (59 / 60), rel=1e-4)


def test_fanta_oral_reaches_the_published_auc_ratio() -> None:
    model = "fanta2015+otto2021"
    f, fnk = typical(model, "F"), typical(model, "Fnk")
    presystemic = fnk * (1 - f)
    ratio = (f + presystemic) * typical(model, "CL") / (f * typical(model, "CLnk"))
    assert ratio == pytest.approx(16.5, rel=1e-4)
    assert f + presystemic < 1


def test_simons_mass_ratios_are_those_of_the_substances() -> None:
    substances = load(LIBRARY / "substances.yaml")["substances"]
    mass = {name: number(entry["molar_mass"]["value"]) for name, entry in substances.items()}
    ratio_nk, ratio_hnk = typical("simons2022", "ratio_NK"), typical("simons2022", "ratio_HNK")
    assert ratio_nk == pytest.approx(mass["norketamine"] / mass["s-ketamine"], rel=1e-6)
    assert ratio_hnk == pytest.approx(mass["hydroxynorketamine"] / mass["norketamine"], rel=1e-6)


def test_perez_ruixo_reproduces_its_abstract() -> None:
    def value(name: str) -> float:
        return typical("perezruixo2021", name)

    intrinsic = value("Vh") * (value("kel") + value("kmet"))
    extracted = intrinsic / (value("Qh") + intrinsic)
    swallowed = value("Fgut") * (1 - extracted)
    assert value("Vc") + value("Vp1") + value("Vp2") == pytest.approx(752)
    assert value("Vcn") + value("Vpn") == pytest.approx(185)
    assert value("Qh") * extracted == pytest.approx(109, abs=0.5)
    for devices, bioavailability in ((2, 0.54), (3, 0.51)):
        nasal = value("FRn") * (1 + value("dose_on_FRn") * (devices - 1)) / devices
        assert nasal + (1 - nasal) * swallowed == pytest.approx(bioavailability, abs=0.005)
    assert "between" not in MODELS["perezruixo2021"]["parameters"]["kmet"]


def test_salt_factor_is_the_ratio_of_its_masses() -> None:
    salt = load(LIBRARY / "substances.yaml")["salts"]["hydrochloride"]
    ratio = number(salt["molar_mass_base"]["value"]) / number(salt["molar_mass_salt"]["value"])
    assert number(salt["base_per_salt"]["value"]) == pytest.approx(ratio, abs=5e-5)
    assert ratio * 32.3 == pytest.approx(28, abs=0.05)
