"""Clinical findings beside their simulation, as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from antalgic.evidence.findings import Outcome
from antalgic.report.listings import Listing

_VERDICT = {True: "hit", False: "MISS", None: ""}


def listing(outcomes: Sequence[Outcome]) -> Listing:
    """One row a finding, misses first; beneath it why a miss is one."""
    judged = [o for o in outcomes if o.hit is not None]
    hits = sum(bool(o.hit) for o in judged)
    targets = sorted({o.finding.target for o in judged if o.finding.target is not None})
    missed = {o.finding.target for o in judged if o.hit is False}
    met = [t for t in targets if t not in missed]
    ordered = sorted(outcomes, key=lambda o: o.hit is not False)
    below = [
        f"{o.trial.name}, {o.finding.id}: {o.finding.miss or 'no explanation on file'}"
        for o in outcomes
        if o.hit is False
    ]
    return Listing(
        f"Clinical findings: {hits} of {len(judged)} within tolerance; "
        f"targets met: {', '.join(map(str, met)) or 'none'} of {', '.join(map(str, targets))}",
        ("trial", "finding", "observed", "simulated", "tolerance", "verdict"),
        [_row(o) for o in ordered],
        below,
    )


def _row(outcome: Outcome) -> tuple[str, ...]:
    f = outcome.finding
    spread = f" ({f.se:.2g})" if f.se is not None else ""
    within = f"{f.within[0]:g} to {f.within[1]:g}" if f.within else ""
    verdict = _VERDICT[outcome.hit] or ("fitted" if f.use == "fit" else "")
    target = f" (target {f.target})" if f.target else ""
    return (
        outcome.trial.name, f"{f.id}{target}", f"{f.value:g}{spread}",
        f"{outcome.simulated:.3g}", within, verdict,
    )  # fmt: skip
