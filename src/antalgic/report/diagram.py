"""A model's compartments as text: what enters each on the left, what it exchanges on the right.

                           ┌──── S-ketamine ────┐
iv dose ──────────────────►│         k          │◄─ Q1 ─► Vp1
gut dose ─► ka ─► × F ────►│         V1         │◄─ Q2 ─► Vp2
                           └─────────┬──────────┘
                                     │ CL, to nk
                                     ▼
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from antalgic.model.compose import DOSE, Circuit, Use
from antalgic.report import words

_INNER = 23  # characters within a box
_LEFT = 48  # characters left of the boxes; longer ways are folded
_ARROW = " ─► "


@dataclass(frozen=True)
class _Shape:
    """Formal parameters of a step with a concentration: volume, exchanges, and ways out."""

    volume: str
    exchanges: tuple[tuple[str, str], ...]
    exits: Mapping[str, str]
    inputs: Mapping[str, str] | None = None


_SHAPES = {
    "one_compartment": _Shape("V", (), {"eliminated": "CL"}),
    "two_compartment": _Shape("V1", (("Q2", "V2"),), {"eliminated": "CL"}),
    "three_compartment": _Shape("V1", (("Q2", "V2"), ("Q3", "V3")), {"eliminated": "CL"}),
    "three_compartment_micro": _Shape(
        "V1", (("k12, k21", ""), ("k13, k31", "")), {"eliminated": "k10"}
    ),
    "three_compartment_liver": _Shape(
        "V1", (("Q2", "V2"), ("Q3", "V3"), ("QH", "VH")), {"to_metabolite": "kmet", "lost": "kel"},
        {"hepatic": "liver"},
    ),
    "semi_pbpk": _Shape(
        "V1", (("Q2", "V2"), ("Q3", "V3")), {"gut_formed": "CLintGW", "liver_formed": "CLintH"},
        {"absorbed": "gut wall"},
    ),
    "semi_pbpk_metabolite": _Shape(
        "V1", (("Q2", "V2"),), {"eliminated": "CLintGW, CLintH"},
        {"gut": "gut wall", "liver": "liver"},
    ),
}  # fmt: skip


def draw(circuit: Circuit) -> str:
    """The diagram of a circuit, in lines of about 100 characters at most."""
    uses = {use.name: use for use in circuit.uses}
    bodies = [use for use in circuit.uses if use.step.name in _SHAPES]
    left = {b.name: [row for way in _entries(b, uses) for row in _folded(way)] for b in bodies}
    width = max((len(line) for lines in left.values() for line in lines), default=0) + 3
    parts = [_box(body, left[body.name], width, circuit, uses) for body in bodies]
    return "\n".join(line.rstrip() for part in parts for line in part)


def structure(circuit: Circuit) -> tuple[str, ...]:
    """One line a step: its name, what it does, and the model's names of its parameters."""
    lines = []
    for use in circuit.uses:
        own = [f if f == m else f"{f} = {m}" for f, m in use.parameters.items()]
        lines.append(f"{use.name}: {use.step.doc.rstrip('.')} ({', '.join(own)})")
    return tuple(lines)


def _entries(body: Use, uses: Mapping[str, Use]) -> list[str]:
    """One line for each way into a body."""
    by = _SHAPES[body.step.name].inputs or {}
    found = []
    for port, references in body.inputs.items():
        end = _ARROW + by[port] if port in by else ""
        found += [line + end for reference in references for line in _way(reference, uses)]
    return found


def _folded(way: str) -> list[str]:
    """A way in rows of at most _LEFT characters; all but the last end in an arrow."""
    rows = [""]
    for part in way.split(_ARROW):
        longer = rows[-1] + (_ARROW if rows[-1].strip() else "") + part
        if len(longer) > _LEFT and rows[-1].strip():
            rows[-1] += _ARROW.rstrip()
            longer = f"  {part}"
            rows.append(longer)
        rows[-1] = longer
    return rows


def _way(reference: str, uses: Mapping[str, Use]) -> list[str]:
    """Ways from a dose or from another body to a reference, in words and arrows."""
    if reference.startswith(DOSE):
        return [f"{reference.removeprefix(DOSE)} dose"]
    name, _, output = reference.partition(".")
    use = uses[name]
    shape = _SHAPES.get(use.step.name)
    if shape is not None:
        return [f"from {name} by {_named(use, shape.exits[output])}"]
    before = [line for refs in use.inputs.values() for ref in refs for line in _way(ref, uses)]
    passed = _passage(use, output)
    return [line + _ARROW + passed for line in before]


def _passage(use: Use, output: str) -> str:
    """What a step without a concentration does to a flow."""
    step, names = use.step.name, use.parameters
    if step == "split":
        return f"× {names['fraction']}" if output == "kept" else f"× (1 − {names['fraction']})"
    if step == "convert":
        return f"× {names['fraction']} × {names['mass_ratio']}"
    number = {"transit1": "transit ", "transit2": "2 transits "}.get(step, "")
    return number + ", ".join(names.values())


def _named(use: Use, formal: str) -> str:
    """The model's names for formal parameters such as "k12, k21"."""
    return ", ".join(use.parameters.get(part, part) for part in formal.split(", "))


def _box(
    body: Use, entries: list[str], width: int, circuit: Circuit, uses: Mapping[str, Use]
) -> list[str]:
    shape = _SHAPES[body.step.name]
    inside = [body.name, _named(body, shape.volume)]
    right = [
        f"◄─ {_named(body, flow)} ─► {_named(body, volume) if volume else 'tissue'}"
        for flow, volume in shape.exchanges
    ]
    rows = max(len(entries), len(inside), len(right))
    title = _title(body, circuit)
    lines = [" " * width + "┌" + f" {title} ".center(_INNER, "─")[:_INNER] + "┐"]
    for i in range(rows):
        entry = entries[i] if i < len(entries) else ""
        arrow = f"{entry} ".ljust(width - 1, "─") + "►" if entry else ""
        if entry.endswith("►"):
            arrow = entry
        middle = (inside[i] if i < len(inside) else "").center(_INNER)
        lines.append(f"{arrow:{width}}│{middle}│{right[i] if i < len(right) else ''}")
    lines.append(" " * width + "└" + "┬".center(_INNER, "─") + "┘")
    stem = " " * (width + 1 + (_INNER - 1) // 2)
    lines += [f"{stem}│ {text}" for text in _exits(body, shape, circuit, uses)]
    return [*lines, f"{stem}▼", ""]


def _title(body: Use, circuit: Circuit) -> str:
    """The analyte that is read from a body alone."""
    own = [name for name, refs in circuit.readouts.items() if refs == (f"{body.name}.C",)]
    return words.analyte(own[0]) if own else body.name


def _exits(body: Use, shape: _Shape, circuit: Circuit, uses: Mapping[str, Use]) -> list[str]:
    lines = []
    for output, formal in shape.exits.items():
        target = _target(f"{body.name}.{output}", circuit)
        lines.append(_named(body, formal) + (f", to {target}" if target else ", out of the body"))
    return lines


def _target(reference: str, circuit: Circuit) -> str:
    """The body that a flow ends in, through steps without a concentration; empty if none."""
    for use in circuit.uses:
        if any(reference in refs for refs in use.inputs.values()):
            if use.step.name in _SHAPES:
                return use.name
            for output in use.step.outputs:
                found = _target(f"{use.name}.{output}", circuit)
                if found:
                    return found
    return ""
