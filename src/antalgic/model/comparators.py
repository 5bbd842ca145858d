"""Treatments beside ketamine, one file each in library/comparators, and their place in the circuit.

A drug has its own blood (one to three compartments, a depot for each slow route), a site that
follows the blood, and the step of its class (see `analgesics`) that enters the circuit.  Uses and
parameters stand behind the drug's name: use "morphine", "morphine.blood", parameter "morphine.CL".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from antalgic import sources, yamlfile
from antalgic.errors import InputError, did_you_mean, shown, sort_of
from antalgic.model.analgesics import (
    alpha2_agonist,
    antidepressant,
    antiemetic,
    gabapentinoid,
    held_sensitization,
    level_at_site,
    local_anaesthetic,
    nerve_depot,
    nerve_site,
    nmda_antagonist,
    nsaid,
    opioid,
    plasma,
    sedative,
)
from antalgic.model.compose import DOSE, Circuit, use
from antalgic.model.mechanism import Inserted, Mechanism
from antalgic.model.pk import first_order_depot, one_compartment, three_compartment, two_compartment
from antalgic.model.receptor import effect_site
from antalgic.model.step import Step
from antalgic.model.values import Parameter
from antalgic.sources import Grade, Source
from antalgic.units import Kind

Class = Literal[
    "opioid", "nsaid", "gabapentinoid", "antidepressant", "local-anaesthetic", "nmda-antagonist",
    "sedative", "alpha2-agonist", "antiemetic",
]  # fmt: skip
FOLDER = "comparators"
#: Values set by calibration/comparators.py, by drug.
FITTED = "comparators/fitted.yaml"
#: The drug's own place in the circuit, in words.
SITES: Mapping[str, str] = {
    "opioid": "transmission in the cord",
    "nsaid": "drive of the inflamed joint",
    "gabapentinoid": "release from sensitised endings, ectopic drive",
    "antidepressant": "descending control",
    "local-anaesthetic": "conduction of the nerve",
    "nmda-antagonist": "NMDA channel",
    "sedative": "alertness and dissociation, none on pain",
    "alpha2-agonist": "blood pressure, none on pain",
    "antiemetic": "nausea, none on pain",
}
#: The parameter by which a class is fitted to the published response.
STRENGTH: Mapping[str, str] = {
    "opioid": "gain", "gabapentinoid": "gain", "antidepressant": "gain", "nsaid": "E_max",
}  # fmt: skip
_STRUCTURES: Mapping[str, Step] = {
    "one-compartment": one_compartment,
    "two-compartment": two_compartment,
    "three-compartment": three_compartment,
}
_STEPS: Mapping[str, Step] = {
    "opioid": opioid,
    "nsaid": nsaid,
    "gabapentinoid": gabapentinoid,
    "antidepressant": antidepressant,
    "local-anaesthetic": local_anaesthetic,
    "nmda-antagonist": nmda_antagonist,
    "sedative": sedative,
    "alpha2-agonist": alpha2_agonist,
    "antiemetic": antiemetic,
}
#: Where a class enters: the inputs of the circuit and the output that is added to each.  Harm is
#: entered where it is followed.
FEEDS: Mapping[str, Mapping[str, str]] = {
    "opioid": {"nociception.relief": "relief"},
    "nsaid": {"drive.E_ns": "E_ns"},
    "gabapentinoid": {"nociception.relief": "relief", "drive.E_al": "E_al"},
    "antidepressant": {"descending.amine": "amine"},
    "local-anaesthetic": {"drive.b": "b"},
    "nmda-antagonist": {"channel.x_phasic": "x_phasic", "channel.x_tonic": "x_tonic"},
    "sedative": {
        "sedation.sedative": "level", "complaints.sedative": "level", "breathing.sedative": "level",
        "dissociation.calm": "calm",
    },
    "alpha2-agonist": {"circulation.relax": "relax"},
    "antiemetic": {"complaints.less_nausea": "less_nausea", "complaints.less_vomit": "less_vomit"},
}  # fmt: skip
_ON_BREATH = {"breathing.opioid": "level", "complaints.opioid": "level"}
#: Parameters of a class's step that are not the drug's own but the mechanism's or the receptor's.
_SHARED = ("S_max", "phi")
#: What a file may say of an effect besides its class's step: sites, breathing, harm.
_MORE: Mapping[str, str] = {
    "ke0": "1/h", "EC50_breath": "ng/mL", "ke0_breath": "1/h",
}  # fmt: skip
_KINDS: Mapping[str, Kind] = {
    "1": Kind.EXTENT, "h": Kind.TIME, "1/h": Kind.RATE_CONSTANT, "mg": Kind.MASS,
    "ng/mL": Kind.CONCENTRATION, "umol/L": Kind.MOLAR_CONCENTRATION, "g/mol": Kind.MOLAR_MASS,
    "L": Kind.VOLUME, "L/h": Kind.FLOW,
}  # fmt: skip
_FIELDS = ("name", "title", "class", "says", "sources", "pk", "effect", "usual", "harm")


@dataclass(frozen=True)
class Harm:
    """A published harm in words, with the number needed to harm where one was printed."""

    says: str
    source: str
    NNH: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Comparator:
    """A drug: class, blood, effect.  ``parameters`` hold every number by its name in the circuit.

    ``routes`` gives for each route the names of its share F and rate ka, or None for a vein.
    ``usual`` is the regimen in words and as items of a study.
    """

    name: str
    title: str
    sort: str
    says: str
    structure: str
    routes: Mapping[str, tuple[str, str] | None]
    parameters: Mapping[str, Parameter]
    usual: str
    items: tuple[Mapping[str, Any], ...]
    harm: tuple[Harm, ...]
    sources: Mapping[str, Source]

    @property
    def grade(self) -> Grade:
        """Worst grade of its numbers."""
        return max(p.known.grade for p in self.parameters.values())

    def has(self, symbol: str) -> bool:
        """Whether the file gives a number of this name."""
        return f"{self.name}.{symbol}" in self.parameters


def names() -> tuple[str, ...]:
    """Names of the drugs, sorted."""
    return yamlfile.shelf(FOLDER, but=("fitted",))


@cache
def load(name: str) -> Comparator:
    """A drug by name; InputError for an unknown one, with the nearest, or for a wrong file."""
    if name not in names():
        hint = did_you_mean(name, names()) or f", expected one of {', '.join(names())}"
        raise InputError(f"unknown drug {shown(name)}{hint}")
    return read(yamlfile.library(f"{FOLDER}/{name}.yaml"), name)


def read(document: yamlfile.Document, name: str) -> Comparator:
    """A drug from its file; InputError with file, line and field for whatever is wrong in it."""
    with document.at():
        data = _mapping(document.data, "a drug")
        _known(data, _FIELDS, required=_FIELDS)
    if data["name"] != name:
        raise document.error(f"{shown(data['name'])} is not the name of the file", "name")
    if data["class"] not in get_args(Class):
        hint = did_you_mean(str(data["class"]), get_args(Class))
        listed = ", ".join(get_args(Class))
        raise document.error(
            f"{shown(data['class'])} is no class, expected one of {listed}{hint}", "class"
        )
    with document.at("sources"):
        cited = sources.read_sources(data["sources"])
    reader = _Reader(document, name, str(data["class"]), cited)
    structure, routes, parameters = reader.blood()
    parameters |= reader.effect()
    usual = data["usual"]
    with document.at("usual"):
        _known(_mapping(usual, "text and items"), ("text", "items"), required=("text", "items"))
    return Comparator(
        name, _words(document, "title"), reader.sort, _words(document, "says"), structure, routes,
        parameters, _words(document, "usual", "text"), tuple(usual["items"]), reader.harm(), cited,
    )  # fmt: skip


def taken(changes: Iterable[str]) -> set[str]:
    """Those of some names that are parameters of a drug, such as "morphine.gain"."""
    return {name for name in changes if name.partition(".")[0] in names() and _is(name)}


def blood(drug: Comparator, routes: Sequence[str]) -> Circuit:
    """From the doses by these routes to the drug's blood and depots."""
    uses = []
    entering: list[str] = []
    for route in routes:
        if drug.routes[route] is None:
            entering.append(f"{DOSE}{drug.name}.{route}")
            continue
        depot = f"{drug.name}.{route}"
        _, ka = drug.routes[route] or ("", "")
        sort = nerve_depot if route == "perineural" else first_order_depot
        uses.append(use(sort, depot, {"rate": f"{DOSE}{drug.name}.{route}"}, ka=ka))
        entering.append(f"{depot}.out")
    central = _STRUCTURES[drug.structure]
    own = {symbol: f"{drug.name}.{symbol}" for symbol in central.parameters}
    uses.append(use(central, f"{drug.name}.blood", {"rate": entering}, **own))
    uses.append(use(plasma, f"{drug.name}.plasma", {"C": f"{drug.name}.blood.C"}))
    return Circuit(tuple(uses), {drug.name: (f"{drug.name}.plasma.C_p",)})


def beside(given: Mapping[str, Sequence[str]], mechanism: Mechanism) -> list[Inserted]:
    """What drugs put into a mechanism's circuit, for `Mechanism.circuit`: routes by drug.

    Raises InputError for two drugs of one class that would share a site.
    """
    _one_of_each(given)
    found: list[Inserted] = []
    for name, routes in given.items():
        drug = load(name)
        before = "channel" if drug.sort == "nmda-antagonist" else "drive"
        own = blood(drug, routes)
        last = own.uses[-1]
        found += [Inserted(u, before) for u in own.uses[:-1]]
        found.append(Inserted(last, before, {}, {name: "C_p"}))
        found += _site(drug, routes, before)
        found += _effect(drug, routes, before, mechanism)
    return found


# --- the circuit ---------------------------------------------------------------------------------


def _is(name: str) -> bool:
    drug, _, symbol = name.partition(".")
    if not load(drug).has(symbol):
        known = ", ".join(p.removeprefix(f"{drug}.") for p in load(drug).parameters)
        raise InputError(f"{drug} has no parameter '{symbol}', expected one of {known}")
    return True


def _one_of_each(given: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in given:
        sort = load(name).sort
        if sort in seen and sort in _STEPS and sort != "nmda-antagonist":
            raise InputError(
                f"{seen[sort]} and {name} are both of class {sort}, which act at one site: "
                "give one of them"
            )
        seen[sort] = name


def _site(drug: Comparator, routes: Sequence[str], before: str) -> list[Inserted]:
    """What follows the blood, or the depot at a nerve, where a delay is known."""
    if not drug.has("ke0"):
        return []
    name = f"{drug.name}.site"
    if drug.sort == "local-anaesthetic":
        depot = f"{drug.name}.perineural.left" if "perineural" in routes else ()
        site = use(nerve_site, name, {"A": depot}, ke0=f"{drug.name}.ke0")
    else:
        site = use(effect_site, name, {"C": f"{drug.name}.blood.C"}, ke0=f"{drug.name}.ke0")
    return [Inserted(site, before)]


def _effect(
    drug: Comparator, routes: Sequence[str], before: str, mechanism: Mechanism
) -> list[Inserted]:
    """The step of the drug's class under the drug's own name, and its level for breathing."""
    found: list[Inserted] = []
    at = f"{drug.name}.site.Ce" if drug.has("ke0") else f"{drug.name}.plasma.C_p"
    inputs: dict[str, str | Sequence[str]] = {"Ce": at}
    if drug.sort == "local-anaesthetic":
        left = f"{drug.name}.perineural.left" if "perineural" in routes else ()
        inputs = {"m": f"{drug.name}.site.m" if drug.has("ke0") else left}
    if drug.sort == "opioid":
        inputs["B_phasic"] = "channel.B_phasic"
        found += _breath(drug, at, before)
    if drug.sort == "gabapentinoid":
        inputs["S"] = "cord.S"
        if not any(u.name == "cord" for u in mechanism.steps()):
            found.append(Inserted(use(held_sensitization, f"{drug.name}.held", {}), before))
            inputs["S"] = f"{drug.name}.held.S"
    law = _STEPS[drug.sort]
    own = {p: f"{drug.name}.{p}" for p in law.parameters if p not in _SHARED}
    reads = {"withdrawal": "withdrawal"} if drug.sort == "opioid" else {}
    feeds = FEEDS[drug.sort]
    return [*found, Inserted(use(law, drug.name, inputs, **own), before, feeds, reads)]


def _breath(drug: Comparator, at: str, before: str) -> list[Inserted]:
    """The level at the site of breathing, which is that of pain unless its delay is another."""
    found = []
    if drug.has("ke0_breath") and _differ(drug, "ke0", "ke0_breath"):
        site = f"{drug.name}.breath-site"
        ke0 = f"{drug.name}.ke0_breath"
        found.append(
            Inserted(use(effect_site, site, {"C": f"{drug.name}.blood.C"}, ke0=ke0), before)
        )
        at = f"{site}.Ce"
    own = f"{drug.name}.EC50_breath"
    return [
        *found,
        Inserted(
            use(level_at_site, f"{drug.name}.breath", {"Ce": at}, EC50=own), before, _ON_BREATH
        ),
    ]


def _differ(drug: Comparator, one: str, other: str) -> bool:
    a, b = (drug.parameters.get(f"{drug.name}.{symbol}") for symbol in (one, other))
    return a is None or b is None or a.known.value != b.known.value


# --- the files -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Reader:
    """Reads one drug's file: what is where, and its numbers by their names in the circuit."""

    document: yamlfile.Document
    name: str
    sort: str
    cited: Mapping[str, Source]

    def blood(self) -> tuple[str, dict[str, tuple[str, str] | None], dict[str, Parameter]]:
        """Structure, routes and parameters of the pharmacokinetics."""
        data = self.document.data["pk"]
        with self.document.at("pk"):
            fields = ("structure", "routes", "parameters")
            _known(_mapping(data, "pharmacokinetics"), fields, required=fields)
        structure = data["structure"]
        if structure not in _STRUCTURES:
            listed = ", ".join(_STRUCTURES)
            raise self.document.error(
                f"{shown(structure)} is no structure, expected one of {listed}", "pk", "structure"
            )
        declared = _STRUCTURES[structure].parameters
        with self.document.at("pk", "parameters"):
            entries = _mapping(data["parameters"], "parameters by name")
            _known(entries, declared, required=tuple(declared))
        found = {
            f"{self.name}.{symbol}": self._number(unit, "pk", "parameters", symbol)
            for symbol, unit in declared.items()
        }
        routes: dict[str, tuple[str, str] | None] = {}
        with self.document.at("pk", "routes"):
            listed_routes = _mapping(data["routes"], "routes by name")
            _known(listed_routes, ("iv", "oral", "perineural"))
        for route, entry in listed_routes.items():
            with self.document.at("pk", "routes", route):
                needs = () if route == "iv" else ("F", "ka")
                _known(_mapping(entry, "F and ka"), needs, required=needs)
            routes[route] = None
            if needs:
                share, rate = (f"{self.name}.{symbol}.{route}" for symbol in needs)
                found[share] = self._number("1", "pk", "routes", route, "F")
                found[rate] = self._number("1/h", "pk", "routes", route, "ka")
                routes[route] = (share, rate)
        return structure, routes, found

    def effect(self) -> dict[str, Parameter]:
        """Parameters of the effect; where calibration fitted one, that value."""
        needed = {s: u for s, u in _STEPS[self.sort].parameters.items() if s not in _SHARED}
        if self.sort == "opioid":
            needed |= {"EC50_breath": "ng/mL"}
        entries = self.document.data["effect"]
        with self.document.at("effect"):
            _known(_mapping(entries, "parameters"), (*needed, *_MORE), required=tuple(needed))
        declared = {**_MORE, **needed}
        found = {
            f"{self.name}.{symbol}": self._number(declared[symbol], "effect", symbol)
            for symbol in entries
        }
        symbol = STRENGTH.get(self.sort)
        fitted = yamlfile.library(FITTED).data["drugs"].get(self.name)
        if symbol is not None and fitted is not None:
            name = f"{self.name}.{symbol}"
            with yamlfile.library(FITTED).at("drugs", self.name, symbol):
                value = sources.read_value(fitted[symbol], Kind.EXTENT, {}, signed=False)
            found[name] = Parameter(value, found[name].between)
        return found

    def harm(self) -> tuple[Harm, ...]:
        """Published harms."""
        found = []
        for number, entry in enumerate(self.document.data["harm"]):
            with self.document.at("harm", number):
                fields = ("says", "source", "NNH", "low", "high")
                _known(_mapping(entry, "says and source"), fields, required=("says", "source"))
                if entry["source"] not in self.cited:
                    raise InputError(f"{shown(entry['source'])} is not among the sources")
            found.append(Harm(**entry))
        return tuple(found)

    def _number(self, unit: str, *place: str) -> Parameter:
        entry: Any = self.document.data
        for key in place:
            entry = entry[key]
        with self.document.at(*place):
            value = sources.read_value(entry, _KINDS[unit], self.cited, extra=("between",))
            if value.value <= 0 and place[-1] not in _MAY_BE_ZERO:
                raise InputError(f"{shown(entry['value'])} is refused, expected more than 0")
        if "between" not in entry:
            return Parameter(value, None)
        with self.document.at(*place, "between"):
            return Parameter(value, sources.read_variability(entry["between"]))


_MAY_BE_ZERO = ("gain", "E_max", "H_max", "H_NMDA", "ectopic")


def _mapping(entry: object, expected: str) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise InputError(f"{shown(entry)} is {sort_of(entry)}, expected {expected}")
    return dict(entry)


def _known(fields: Mapping[str, Any], names: Iterable[str], required: Sequence[str] = ()) -> None:
    listed = list(names)
    for name in fields:
        if name not in listed:
            hint = did_you_mean(name, listed) or f"; known are {', '.join(listed)}"
            raise InputError(f"unknown field {shown(name)}{hint}")
    for name in required:
        if name not in fields:
            raise InputError(f"missing field '{name}'")


def _words(document: yamlfile.Document, *place: str) -> str:
    found: Any = document.data
    for key in place:
        found = found[key]
    if not isinstance(found, str) or not found.strip():
        raise document.error(f"{shown(found)} is {sort_of(found)}, expected text", *place)
    return found
