"""How relief comes about: the chain from blood to felt pain and mood, and its rivals.

A mechanism is a list of steps behind a pharmacokinetic model, wired by name.  Rivals differ in one
or two steps; all have the same outputs, so that they can be compared on one study.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

from antalgic import yamlfile
from antalgic.errors import InputError, did_you_mean, shown
from antalgic.model import harm
from antalgic.model.compose import Circuit, Use, checked, use
from antalgic.model.injury import STEPS as INJURY
from antalgic.model.mood import STEPS as MOOD
from antalgic.model.mood import mood, pain_memory, plasticity
from antalgic.model.movement import STEPS as MOVEMENT
from antalgic.model.pain import STEPS as PAIN
from antalgic.model.pain import (
    context,
    descending,
    drive,
    expectation,
    nociception,
    rating,
    unblinding,
)
from antalgic.model.receptor import channel_block, effect_site, enantiomers
from antalgic.model.sensitization import STEPS as SENSITIZATION
from antalgic.model.sensitization import (
    central_sensitization,
    maintenance_block,
    metabolite_loss,
)
from antalgic.model.values import Parameter, parameter

LIBRARY = "mechanism/pain.yaml"
MOVING = "mechanism/movement.yaml"
FITTED = "mechanism/fitted.yaml"
DEFAULT = "sensitization"
#: The dose input that treatment as such enters by.
COURSE = "course"
#: The dose input that exercise enters by.
EXERCISE = "exercise"
#: What stands before the names of the pharmacokinetic model's uses and parameters.
BLOOD = "pk."


@dataclass(frozen=True)
class Output:
    """Something a person has: its unit and what it is."""

    unit: str
    says: str


OUTPUTS: Mapping[str, Output] = {
    "pain": Output("0-10", "felt pain, numerical rating scale"),
    "unpleasantness": Output("0-10", "how unpleasant the pain is"),
    "sensitization": Output("1", "central sensitization, 0 in health"),
    "mood": Output("MADRS", "burden of depression, 0 to 60"),
    "withdrawal": Output("1", "tolerance to an opioid that no opioid meets, 0 to 1"),
    "plasticity": Output("1", "supraspinal synaptic change, 0 to 1"),
    "block": Output("1", "share of the phasic NMDA current blocked"),
    "expectation": Output("1", "effect of being treated, 1 at the first dose"),
    "dissociation": Output("CADSS", "score of dissociation, 0 to 92"),
    "sedation": Output("MOAA/S", "alertness, 5 awake to 0"),
    "nausea": Output("1", "share of people who are nauseous"),
    "vomiting": Output("1", "share of people who vomit"),
    "dizziness": Output("1", "share of people who are dizzy"),
    "somnolence": Output("1", "share of people who are sleepy"),
    "psychomimetic": Output("1", "share of people who report odd perceptions"),
    "systolic": Output("mmHg", "systolic blood pressure"),
    "diastolic": Output("mmHg", "diastolic blood pressure"),
    "arterial-pressure": Output("mmHg", "mean arterial pressure"),
    "heart-rate": Output("1/min", "heart rate"),
    "cardiac-output": Output("1", "cardiac output, 1 as before"),
    "ventilation": Output("1", "breathing at a fixed CO2, 1 as before"),
    "desaturation": Output("1", "share of people with low oxygen saturation"),
    "activity": Output("1", "activity as a share of one's own before treatment"),
    "inflammation": Output("1", "joint inflammation as a share of that before treatment"),
}

#: Where each state starts: the person's parameter that holds it; other states start at 0.
START: Mapping[str, str] = {"cord.S": "S_0", "mind.E": "L_0", "wound.W": "W_0"}


@dataclass(frozen=True)
class Inserted:
    """One more use in a circuit, placed before another: what it feeds, and what can be read of it.

    ``feeds`` says which inputs its outputs are added to, {"nociception.relief": "relief"}; a use
    that the mechanism does not have is not fed.  ``readouts`` are outputs of the whole by name.
    """

    use: Use
    before: str
    feeds: Mapping[str, str] = field(default_factory=dict)
    readouts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mechanism:
    """A mechanism of relief: its steps behind the receptor, in order.

    ``values`` are typical values of parameters that a user's own steps brought in; the others are
    the library's, as calibrated for the mechanism called ``calibrated`` ("" for this one).
    """

    name: str
    title: str
    says: str
    steps: Callable[[], list[Use]]
    changes: tuple[Callable[[Circuit], Circuit], ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    calibrated: str = ""

    @property
    def known_as(self) -> str:
        """The library's mechanism whose calibration holds."""
        return self.calibrated or self.name

    def altered(
        self, name: str, change: Callable[[Circuit], Circuit], **values: float
    ) -> "Mechanism":
        """A mechanism of the user's own: this one, its circuit changed, under another name.

        ``change`` takes the whole circuit and gives another, by `Circuit.swapped` or
        `Circuit.inserted`; inputs named C_S, C_R, C_SN and C_RN that it leaves empty take those
        concentrations at the effect site.  ``values`` are numbers for parameters of new steps.
        The other parameters keep the calibration of the mechanism that was changed.
        """
        return replace(
            self, name=name, title=f"{self.title}, altered", says=f"'{self.name}', altered",
            changes=(*self.changes, change), values={**self.values, **values},
            calibrated=self.known_as,
        )  # fmt: skip

    def circuit(
        self,
        pharmacokinetics: Circuit | None,
        beside: Sequence[Inserted] = (),
        *,
        harms: bool = False,
    ) -> Circuit:
        """The whole circuit from dose to felt pain; without pharmacokinetics, that of a placebo.

        The pharmacokinetic model's uses and parameters stand behind "pk.".  ``beside`` is what
        acts beside ketamine, in the order in which it is to be put in; ``harms`` adds what it does
        besides.  InputError where the blood model predicts nothing that acts.
        """
        blood = pharmacokinetics.prefixed(BLOOD) if pharmacokinetics else Circuit((), {})
        sites, ligands = _sites(blood, "site", "ke0")
        uses = [*blood.uses, *sites, *(_fed(u, ligands) for u in (_channel(), *self.steps()))]
        readouts = {
            "pain": ("rating.pain",),
            "unpleasantness": ("rating.unpleasantness",),
            "mood": ("mood.MADRS",),
            "plasticity": ("plastic.R",),
            "block": ("channel.B_phasic",),
            "expectation": ("context.X",),
        }
        if any(u.name == "cord" for u in uses):
            readouts["sensitization"] = ("cord.S",)
        if harms:
            fast, levels = _sites(blood, "acute", "ke0_h", ("ketamine",))
            uses += [*fast, *(_fed(use(s, n, {}), levels) for n, s in harm.STEPS.items())]
            readouts |= {name: (output,) for name, output in harm.READOUTS.items()}
        circuit = checked(Circuit(tuple(uses), readouts))
        for one in beside:
            circuit = _inserted(circuit, one)
        for change in self.changes:
            whole = change(circuit)
            circuit = replace(whole, uses=tuple(_fed(u, ligands) for u in whole.uses))
        return checked(circuit)


def _inserted(circuit: Circuit, one: Inserted) -> Circuit:
    there = {u.name for u in circuit.uses}
    whole = circuit.inserted(one.before, one.use, {})
    for target, output in one.feeds.items():
        if target.rpartition(".")[0] in there:
            whole = whole.feeding(f"{one.use.name}.{output}", target)
    checked(whole)
    reads = {name: (f"{one.use.name}.{output}",) for name, output in one.readouts.items()}
    return replace(whole, readouts={**whole.readouts, **reads})


def names() -> list[str]:
    """Names of the mechanisms, the default first."""
    return list(MECHANISMS)


def load(name: str) -> Mechanism:
    """A mechanism by name; InputError with the nearest for an unknown one."""
    if name not in MECHANISMS:
        hint = did_you_mean(name, MECHANISMS) or f", expected one of {', '.join(MECHANISMS)}"
        raise InputError(f"unknown mechanism {shown(name)}{hint}")
    return MECHANISMS[name]


@cache
def parameters(name: str = DEFAULT) -> Mapping[str, Parameter]:
    """Every library parameter of the mechanisms, as calibrated for one of them."""
    load(name)
    fitted = yamlfile.library(FITTED).data["mechanisms"].get(name, {})
    found = {}
    for library in (LIBRARY, MOVING):
        for symbol in yamlfile.library(library).data["parameters"]:
            place = (FITTED, "mechanisms", name) if symbol in fitted else (library, "parameters")
            found[symbol] = _parameter(symbol, place)
    return found


@cache
def against_movement() -> tuple[str, ...]:
    """What a reader must know of movement and exercise, with the evidence against them."""
    entries = yamlfile.library(MOVING).data
    cited = {key: source["citation"] for key, source in entries["sources"].items()}
    return tuple(
        row["says"] + (f" ({cited[row['source']]})" if "source" in row else "")
        for row in entries["evidence"]
    )


def library_value(symbol: str) -> float:
    """The uncalibrated value of a parameter: where calibration starts."""
    return _parameter(symbol, (LIBRARY, "parameters")).known.value


def placebo(name: str, condition: str) -> Mapping[str, float]:
    """X_mean and X_sd: mean and spread (logits) of a condition's response to being treated.

    They depend on the mechanism, since learned expectation carries a part of that response.
    """
    fitted = yamlfile.library(FITTED).data["placebo"][name]
    if condition not in fitted:
        raise InputError(f"condition '{condition}' has no calibrated response to placebo")
    return {symbol: float(value) for symbol, value in fitted[condition].items()}


@cache
def used(name: str) -> frozenset[str]:
    """Names of the library parameters that a mechanism's steps take."""
    own = {symbol for u in load(name).steps() for symbol in u.parameters.values()}
    return frozenset((own | {"ke0", "responsive", "unresponsive"}) & UNITS.keys())


@cache
def posterior(name: str) -> tuple[Mapping[str, float], ...]:
    """Joint draws of everything that is not known about a mechanism, for `chain.follow`.

    X_mean and X_sd stand there with their condition, such as "X_mean.crps".
    """
    load(name)
    folder = files("antalgic") / "library" / "mechanism" / "posterior"
    path = folder / f"{name}.csv"
    if not path.is_file():
        raise InputError(f"mechanism '{name}' has no posterior draws")
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    symbols = head.split(",")
    return tuple(dict(zip(symbols, map(float, row.split(",")), strict=True)) for row in rows)


def posterior_in(name: str, condition: str) -> tuple[Mapping[str, float], ...]:
    """The draws of a mechanism with the response to placebo of one condition, as X_mean, X_sd."""
    return tuple(
        {
            symbol.removesuffix(f".{condition}"): value
            for symbol, value in draw.items()
            if "." not in symbol or symbol.endswith(f".{condition}")
        }
        for draw in posterior(name)
    )


def _parameter(symbol: str, place: tuple[str, ...]) -> Parameter:
    path, *steps = place
    return parameter(path, UNITS[symbol], *steps, symbol)


def _sites(
    blood: Circuit, place: str, ke0: str, of: Collection[str] = ("ketamine", "norketamine")
) -> tuple[list[Use], dict[str, str]]:
    """Effect sites of what the blood model predicts, and the output that holds each ligand.

    A racemic total is parted into its enantiomers only where these are not predicted themselves.
    """
    sites: list[Use] = []
    ligands: dict[str, str] = {}

    def site(name: str, analyte: str) -> str:
        at = f"{place}.{name}"
        sites.append(use(effect_site, at, {"C": blood.readouts[analyte]}, ke0=ke0))
        return f"{at}.Ce"

    for whole in of:
        left, right = _LIGANDS[whole]
        single = {left: f"s-{whole}", right: f"r-{whole}"}
        for port, analyte in single.items():
            if analyte in blood.readouts:
                ligands[port] = site(port, analyte)
        if whole in blood.readouts and not single.keys() & ligands.keys():
            parts = f"parts.{whole}" if place == "site" else f"{place}.parts.{whole}"
            sites.append(use(enantiomers, parts, {"C": site(whole, whole)}))
            ligands |= {left: f"{parts}.C_S", right: f"{parts}.C_R"}
    if blood.uses and not ligands:
        raise InputError(
            f"the blood model predicts {', '.join(blood.readouts)}, nothing that blocks NMDA "
            "receptors"
        )
    return sites, ligands


_LIGANDS = {"ketamine": ("C_S", "C_R"), "norketamine": ("C_SN", "C_RN")}


def _fed(wanting: Use, ligands: Mapping[str, str]) -> Use:
    """A use with the ligands that are there on its ports of their names."""
    inputs = {
        port: (ligands[port],) if port in ligands and not given else given
        for port, given in wanting.inputs.items()
    }
    return replace(wanting, inputs=inputs)


def _channel() -> Use:
    return use(channel_block, "channel", {})


def _relief(
    loss: Use | None = None, learned: Use | None = None, *, blocks: bool = True, lifts: str = ""
) -> list[Use]:
    """The steps behind the receptor; without ``loss`` nothing changes sensitization."""
    B_phasic = "channel.B_phasic" if blocks else ()
    uses = [use(plasticity, "plastic", {"B_tonic": "channel.B_tonic"}), use(drive, "drive", {})]
    S: str | tuple[str, ...] = ()
    if loss is not None:
        cord = {"I": "drive.I", "loss": f"{loss.name}.loss", "B_phasic": B_phasic}
        uses += [loss, use(central_sensitization, "cord", cord)]
        S = "cord.S"
    uses.append(use(mood, "mood", {"P": "memory.P", "K": "plastic.K", "R": "plastic.R"}))
    uses.append(use(descending, "descending", {"R": lifts or ()}))
    uses.append(
        use(
            nociception, "nociception",
            {"I": "drive.I", "S": S, "B_phasic": B_phasic, "D": "descending.D", "M": "mood.M"},
        )
    )  # fmt: skip
    if learned is not None:
        uses.append(learned)
    uses += [
        use(
            context, "context",
            {"course": "dose.course", "learned": f"{learned.name}.learned" if learned else ()},
        ),
        use(expectation, "mind", {"L_n": "nociception.L", "X": "context.X"}),
        use(rating, "rating", {"L": "mind.L", "M": "mood.M"}),
        use(pain_memory, "memory", {"pain": "rating.pain"}),
    ]  # fmt: skip
    return uses


def _by_block() -> Use:
    return use(maintenance_block, "maintenance", {"B_tonic": "channel.B_tonic"})


MECHANISMS: Mapping[str, Mechanism] = {
    m.name: m
    for m in (
        Mechanism(
            "sensitization", "block and slow sensitization",
            "NMDA block relieves at once; held for days, it also lets sensitization fade, which "
            "then returns over weeks",
            lambda: _relief(_by_block()),
        ),
        Mechanism(
            "block", "block only",
            "relief lasts as long as the drug is at the receptor",
            _relief,
        ),
        Mechanism(
            "plasticity", "block, slow sensitization and plasticity",
            "as the first, and the supraspinal change that lifts mood also relieves pain",
            lambda: _relief(_by_block(), lifts="plastic.R"),
        ),
        Mechanism(
            "metabolite", "norketamine instead of block",
            "relief at once is block, but norketamine, not block, lets sensitization fade",
            lambda: _relief(use(metabolite_loss, "maintenance", {})),
        ),
        Mechanism(
            "expectation", "expectation only",
            "ketamine does nothing to pain; patients who notice it expect relief, and feel it",
            lambda: _relief(learned=use(unblinding, "unblinding", {}), blocks=False),
        ),
    )
}  # fmt: skip


def _units() -> dict[str, str]:
    """The unit of every parameter of the steps behind the blood."""
    rooms = (SENSITIZATION, PAIN, MOOD, MOVEMENT, INJURY)
    behind = (step for room in rooms for step in room.values())
    steps = (effect_site, enantiomers, channel_block, *behind)
    return {name: unit for s in steps for name, unit in s.parameters.items()}


UNITS: Mapping[str, str] = {**_units(), "responsive": "1", "unresponsive": "1"}
