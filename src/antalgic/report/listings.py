"""What the command prints: tables and records, for people or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from antalgic import units
from antalgic.dosing import expand
from antalgic.dosing import shelf as regimen_shelf
from antalgic.dosing.regimen import Segment
from antalgic.evidence.validate import Outcome, Row, describe, explain
from antalgic.model import comparators, defaults, shelf
from antalgic.model.values import Parameter
from antalgic.population import conditions as condition_shelf
from antalgic.sources import Source, Value
from antalgic.units import Kind


@dataclass(frozen=True)
class Listing:
    """A table: column names, rows of text, lines beneath it, and the data behind it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    below: Sequence[str] = ()
    data: Sequence[dict[str, Any]] | None = None

    def show(self) -> None:
        """Print for a person."""
        from rich import box
        from rich.console import Console
        from rich.table import Table

        table = Table(title=self.title, box=box.SIMPLE_HEAD, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, overflow="fold", no_wrap=number == 0)
        for row in self.rows:
            table.add_row(*(_plain(cell) for cell in row))
        console = Console(highlight=False)
        console.print(table if self.columns else self.title)
        for line in self.below:
            console.print(_plain(line))

    def to_json(self) -> list[dict[str, Any]]:
        """One object per row, or the fuller data behind the rows."""
        if self.data is not None:
            return list(self.data)
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Record:
    """One thing in full: named parts, each a text, a list of texts, or a map of texts."""

    parts: Mapping[str, str | Sequence[str] | Mapping[str, str]]

    def show(self) -> None:
        """Print for a person."""
        from rich.console import Console
        from rich.padding import Padding

        console = Console(highlight=False)
        for name, part in self.parts.items():
            if not part:
                continue
            if isinstance(part, str):
                console.print(f"[bold]{name}[/bold]: {_plain(part)}")
                continue
            console.print(f"[bold]{name}[/bold]")
            lines = (
                [f"{key}: {value}" for key, value in part.items()]
                if isinstance(part, Mapping)
                else list(part)
            )
            for line in lines:
                console.print(Padding(_plain(line), (0, 0, 0, 2)))

    def to_json(self) -> dict[str, Any]:
        """The parts as they are."""
        return {
            name: dict(part)
            if isinstance(part, Mapping)
            else part
            if isinstance(part, str)
            else list(part)
            for name, part in self.parts.items()
        }


_SHORT = {
    "ketamine": "K", "s-ketamine": "S-K", "r-ketamine": "R-K", "s-norketamine": "S-NK",
    "s-hydroxynorketamine": "S-HNK",
}  # fmt: skip


def models() -> Listing:
    """Every model of the shelf: runnable ones as rows, the others named below."""
    records = [shelf.record(name) for name in shelf.names()]
    runnable = [record for record in records if record.status == "runnable"]
    reference = [record.model for record in records if record.status != "runnable"]
    rows = [
        (
            record.model,
            ", ".join(_SHORT[drug] for drug in record.routes),
            ", ".join(dict.fromkeys(r for routes in record.routes.values() for r in routes)),
            ", ".join(_SHORT.get(output, output) for output in record.outputs),
            record.sampling,
            record.ages,
            record.grade,
        )
        for record in runnable
    ]
    data = [
        {
            "model": record.model,
            "title": record.title,
            "status": record.status,
            "routes": {drug: list(routes) for drug, routes in record.routes.items()},
            "predicts": list(record.outputs),
            "sampling": record.sampling,
            "ages": record.ages,
            "grade": record.grade,
        }
        for record in records
    ]
    return Listing(
        "Published pharmacokinetic models that can be run",
        ("model", "gives", "routes", "predicts", "blood", "ages", "grade"), rows,
        [
            "K ketamine (racemate), S-K, R-K enantiomers, NK norketamine, HNK hydroxynorketamine",
            f"Reference only, the evidence being incomplete: {', '.join(reference)}",
            "", "Defaults where a study names no model:", *_default_lines(), "",
            "One in full: antalgic models NAME",
        ],
        data,
    )  # fmt: skip


def _default_lines() -> Iterable[str]:
    """Which model answers for each drug and route, by age, where the sampling site is left open."""
    chosen: dict[tuple[str, str], dict[str, list[str]]] = {}
    for entry in defaults.table():
        if entry.sampling == "any":
            by_model = chosen.setdefault((entry.age, entry.drug), {})
            by_model.setdefault(entry.model, []).append(entry.route)
    for (age, drug), by_model in chosen.items():
        listed = "; ".join(f"{', '.join(routes)} {model}" for model, routes in by_model.items())
        yield f"  {drug}, {age}: {listed}"


def regimens() -> Listing:
    """Every named regimen."""
    found = [regimen_shelf.load(name) for name in regimen_shelf.names()]
    rows = [
        (r.regimen, r.condition or "", r.grade, r.title, _cited(r.sources.values())) for r in found
    ]
    return Listing(
        "Published regimens", ("regimen", "condition", "grade", "title", "sources"), rows,
        ["One in full: antalgic regimens NAME. In a study: - {regimen: NAME}"],
    )  # fmt: skip


def regimen(name: str) -> Record:
    """One regimen with its doses, sources and what is assumed in it."""
    found = regimen_shelf.load(name)
    expanded = expand(found.regimen, list(found.items), 24.0 * 365)
    doses = _dose_lines(expanded.segments())
    return Record(
        {
            "regimen": found.regimen,
            "title": found.title,
            "condition": found.condition or "",
            "grade": found.grade,
            "doses": doses,
            "published": found.published,
            "assumed": list(found.assumed),
            "notes": list(found.notes),
            "sources": _references(found.sources),
        }
    )


def _dose_lines(segments: Sequence[Segment]) -> list[str]:
    """One line a segment, and one for each row of equal doses at equal intervals."""
    lines: list[str] = []
    at = 0
    while at < len(segments):
        period, count = _row(segments[at:])
        lines.append(_dose_line(segments[at], period, count))
        at += count
    return lines


def _row(segments: Sequence[Segment]) -> tuple[float, int]:
    """Interval (h) and number of the doses at the beginning that only differ by their time."""
    first = segments[0]
    period = segments[1].start - first.start if len(segments) > 1 else 0.0
    count = 1
    while count < len(segments):
        shift = count * period
        moved = replace(first, start=first.start + shift, end=first.end + shift)
        if not _same(moved, segments[count]):
            break
        count += 1
    return (period, count) if count > 2 else (0.0, 1)


def _same(a: Segment, b: Segment) -> bool:
    near = abs(a.start - b.start) < 1e-6 and abs(a.end - b.end) < 1e-6
    return near and replace(a, start=b.start, end=b.end) == b


def _dose_line(segment: Segment, period: float, count: int) -> str:
    per = f" per {segment.per}" if segment.per else ""
    start = units.format(segment.start, Kind.TIME)
    if count > 1:
        start = f"{count} times every {units.format(period, Kind.TIME)} from {start}"
    cap = ""
    if segment.at_most != float("inf"):
        kind = Kind.MASS if segment.rate is None else Kind.MASS_RATE
        cap = f", at most {units.format(segment.at_most, kind)}"
    if segment.rate is None:
        amount = units.format(segment.amount or 0.0, Kind.MASS)
        return f"{start}: {segment.drug} {segment.route} {amount}{per}{cap}"
    rate = units.format(segment.rate, Kind.MASS_RATE)
    if count > 1:
        length = units.format(segment.end - segment.start, Kind.TIME)
        return f"{start}: {segment.drug} {segment.route} {rate}{per}{cap} for {length}"
    end = units.format(segment.end, Kind.TIME)
    return f"{start} to {end}: {segment.drug} {segment.route} {rate}{per}{cap}"


def drugs() -> Listing:
    """Every treatment beside ketamine."""
    found = [comparators.load(name) for name in comparators.names()]
    rows = [
        (
            d.name,
            d.sort,
            comparators.SITES[d.sort],
            ", ".join(d.routes),
            d.usual.partition(" (")[0],
            d.grade,
        )
        for d in found
    ]
    return Listing(
        "Treatments beside ketamine", ("drug", "class", "acts on", "routes", "usual", "grade"),
        rows,
        ["One in full: antalgic comparators NAME. "
         "In a study: - {drug: NAME, route: ROUTE, amount: ...}"],
    )  # fmt: skip


def drug(name: str) -> Record:
    """One treatment beside ketamine with its numbers, harms and sources."""
    found = comparators.load(name)
    return Record(
        {
            "drug": found.name,
            "title": found.title,
            "class": found.sort,
            "acts on": comparators.SITES[found.sort],
            "says": found.says,
            "grade": found.grade,
            "blood": found.structure,
            "routes": list(found.routes),
            "usual": found.usual,
            "numbers": {
                symbol.removeprefix(f"{found.name}."): _between(given)
                for symbol, given in found.parameters.items()
            },
            "harm": [harm.says for harm in found.harm],
            "sources": _references(found.sources),
        }
    )


def _between(given: Parameter) -> str:
    """A number with its passport and its spread between people."""
    spread = f"; between people {given.between.text}" if given.between else ""
    return _reasoned(given.known) + spread


def conditions() -> Listing:
    """Every condition with its default population."""
    found = [condition_shelf.load(name) for name in condition_shelf.names()]
    rows = [
        (
            c.name,
            c.title,
            "" if c.female is None else c.female.text,
            "" if c.age is None else f"{c.age.mean.text} (SD {c.age.sd.text})",
            "" if c.pain_mean is None else c.pain_mean.text,
            "" if c.depression is None else c.depression.text,
        )
        for c in found
    ]
    columns = ("condition", "title", "women", "age", "pain 0-10", "depression")
    return Listing("Conditions", columns, rows, ["One in full: antalgic conditions NAME"])


def condition(name: str) -> Record:
    """One condition with its numbers, what the pain model starts from, sources, and holes."""
    found = condition_shelf.load(name)
    return Record(
        {
            "condition": found.name,
            "title": found.title,
            "mechanism": found.mechanism,
            "numbers": {
                place: _number(value)
                for place, value in found.values.items()
                if not place.startswith(("circuit.", "placebo.", "injury."))
            },
            "circuit": {name: _reasoned(value) for name, value in found.circuit.items()},
            "placebo": {name: _reasoned(value) for name, value in found.placebo.items()},
            "injury": {name: _reasoned(value) for name, value in found.injury.items()},
            "evidence": [s.says for s in found.evidence],
            "facts": [s.says for s in found.facts],
            "holes": list(found.holes),
            "sources": _references(found.sources),
        }
    )


def _number(value: Value) -> str:
    """Such as "1.45 (95% CI 1.35-1.55; read, grade A, cepeda2012)"."""
    passport = f"{value.how}, grade {value.grade}{', ' + value.source if value.source else ''}"
    return f"{value.text} ({value.uncertainty + '; ' if value.uncertainty else ''}{passport})"


def _reasoned(value: Value) -> str:
    """The number and the note to it, which for an assumption is the reason."""
    return _number(value) + (f": {value.note}" if value.note else "")


def _cited(sources: Iterable[Source]) -> str:
    return "; ".join(source.key for source in sources)


def _references(sources: Mapping[str, Source]) -> dict[str, str]:
    return {
        key: source.citation + (f" doi:{source.doi}" if source.doi else "")
        for key, source in sources.items()
    }


def _plain(text: str) -> str:
    """Text with rich's markup switched off."""
    from rich.markup import escape

    return escape(text)


def show_validation(outcome: Outcome) -> None:
    """Print what was compared: misses first, then the other rows, then the scores."""
    for listing in validation(outcome):
        listing.show()


def validation(outcome: Outcome) -> tuple[Listing, ...]:
    """Tables of a validation: misses, chosen models, scores, and what was not simulated."""
    chosen = [row for row in outcome.rows if row.chosen]
    compared = [row for row in chosen if row.simulated is not None]
    hits = sum(bool(row.hit) for row in compared)
    columns = ("cohort", "what", "observed", "simulated", "fold", "verdict", "model", "standing")
    ordered = sorted(compared, key=lambda row: (bool(row.hit), row.cohort, row.observation.id))
    unexplained = [
        f"{row.cohort} {row.observation.id}: {explain(row) or 'no explanation on file'}"
        for row in outcome.misses
    ]
    unmodelled = [
        f"{row.cohort} {row.observation.id} ({row.observation.analyte}): {row.why}"
        for row in chosen
        if row.simulated is None
    ]
    left = sum(len(entry.ids) for cohort in outcome.cohorts for entry in cohort.not_simulated)
    rows = Listing(
        f"Observed and simulated: {hits} of {len(compared)} within two-fold, misses first",
        columns, [_validation_row(row) for row in ordered],
        [
            *(["Misses explained:", *unexplained] if unexplained else []),
            *(["No model gives:", *unmodelled] if unmodelled else []),
            f"{left} published findings are not simulated; --json gives each with its reason.",
        ],
    )  # fmt: skip
    scores = Listing(
        "Fold error by purpose (* the model chosen for it): geometric mean, mean size",
        ("purpose", "model", "n", "hits", "mean fold", "mean size"),
        [
            (
                score.purpose, f"{'* ' if score.chosen else '  '}{score.model}", str(score.n),
                str(score.hits), f"{score.afe:.2f}", f"{score.aafe:.2f}",
            )
            for score in outcome.scores
        ],
    )  # fmt: skip
    return rows, scores


def _validation_row(row: Row) -> tuple[str, ...]:
    seen, simulated = row.observation, row.simulated or 0.0
    unit = seen.kind.unit + (f"/{seen.per}" if seen.per else "")
    return (
        row.cohort,
        f"{seen.analyte} {describe(seen)}, {seen.arm}",
        f"{seen.value:.3g} {unit}",
        f"{simulated:.3g} {unit}",
        f"{row.fold:.2f}",
        "hit" if row.hit else "MISS",
        row.model,
        row.standing,
    )
