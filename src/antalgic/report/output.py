"""The folder that `antalgic run` leaves: report, tables and manifest, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from antalgic import __version__
from antalgic.errors import InputError
from antalgic.model import comparators
from antalgic.model import mechanism as mechanisms
from antalgic.population import conditions
from antalgic.report import balance, clinic, exposure, page, pain_page, relief, words
from antalgic.report import certainty as certainty_page
from antalgic.report.listings import Listing
from antalgic.report.relief import RESPONSES, percent, points
from antalgic.result import UNIT, Arm, Result
from antalgic.simulation.chain import WEEKS
from antalgic.simulation.persons import response

MANIFEST = "manifest.json"


def check_folder(out: Path) -> None:
    """Refuse, before any work, a folder that is a file."""
    if out.exists() and not out.is_dir():
        raise InputError(f"'{out}' is a file, expected a folder", field="--out")


def check_target(out: Path) -> None:
    """Refuse, before any work, a target that is a file or holds something that is not ours."""
    check_folder(out)
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).exists():
        raise InputError(
            f"'{out}' holds files that are not a result of ours, expected a new or empty folder",
            field="--out",
        )


def write(
    result: Result, out: Path, *, command: str, certainty: certainty_page.Said | None = None
) -> Path:
    """Write everything into ``out``, whole or not at all.

    ``certainty`` adds uncertainty.parquet and a section to the report.
    """
    made = manifest(result, command)

    def fill(folder: Path) -> None:
        result.to_parquet(folder)
        if certainty is not None:
            bands = certainty_page.table(result, certainty[0])
            bands.to_parquet(folder / "uncertainty.parquet", index=False)
        page.write(result, folder / "report.html", made, certainty)

    return put(out, fill, made)


def put(out: Path, fill: Callable[[Path], None], made: Mapping[str, Any]) -> Path:
    """Fill a temporary folder beside ``out``, add the manifest, put it in place in one step."""
    check_target(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        temporary.chmod(0o755)
        fill(temporary)
        text = json.dumps(made, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (temporary / MANIFEST).write_text(text, encoding="utf-8")
        _put(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out


def _put(temporary: Path, out: Path) -> None:
    """Move the finished folder to its place; an older result makes way first."""
    if not out.exists():
        temporary.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
    out.replace(old)
    temporary.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def manifest(result: Result, command: str) -> dict[str, Any]:
    """What is needed to make the result again: version, study, seed, models, command."""
    study = result.study
    return {
        "antalgic": __version__,
        "command": command,
        "study": study.study,
        "file": str(study.path) if study.path else None,
        "seed": study.seed,
        "people": len(result.people),
        "arms": {
            arm.name: None if arm.model is None else {"model": arm.model.name, "why": arm.why}
            for arm in result.arms
        },
        "condition": study.condition,
        "mechanisms": relief.rivals(result),
        "parameter_hash": parameter_hash(result.arms, study.condition),
        "exploratory": result.exploratory,
        "notes": list(result.notes),
        "text": study.text,
    }


def parameter_hash(arms: tuple[Arm, ...], condition: str | None = None) -> str:
    """SHA-256 over every library value in use, with its variability (first 16 hex digits)."""
    digest = hashlib.sha256()
    for name in sorted({arm.model.name for arm in arms if arm.model is not None}):
        model = next(arm.model for arm in arms if arm.model and arm.model.name == name)
        digest.update(model.file.model_dump_json(by_alias=True).encode())
    for rival in sorted({arm.mechanism for arm in arms if arm.mechanism is not None}):
        assert condition is not None
        known = pain_page.values(rival, condition)
        between = {n: p.between for n, p in mechanisms.parameters(rival).items()}
        said = [f"{n} {v.value} {between.get(n)}" for n, v in known.items()]
        treated = response(rival, conditions.load(condition))
        digest.update("\n".join([*said, str(treated)]).encode())
    for drug in sorted({name for arm in arms for name in arm.regimen.beside}):
        numbers = comparators.load(drug).parameters
        own = [f"{n} {p.known.value} {p.between}" for n, p in numbers.items()]
        digest.update("\n".join(own).encode())
    return digest.hexdigest()[:16]


def summary(
    result: Result, out: Path, certainty: certainty_page.Said | None = None
) -> dict[str, Any]:
    """The endpoints of each arm as plain data, and where the files are."""
    rows = _endpoint_rows(result)
    return {
        "study": result.study.study,
        "out": str(out),
        "files": sorted(path.name for path in out.iterdir()),
        "endpoints": rows,
        "pain": pain_rows(result),
        "benefit_harm": balance.rows(result),
        "session": clinic.rows(result),
        "exposure": exposure.rows(result),
        "exploratory": result.exploratory,
        "certainty": [] if certainty is None else certainty_page.to_json(*certainty),
        "notes": list(result.notes),
    }


def print_summary(result: Result, out: Path, certainty: certainty_page.Said | None = None) -> None:
    """The endpoints as a table, what they rest on, the notes, and where the report is."""
    rows = [
        (
            row["arm"],
            row["analyte"],
            *(_cell(row[endpoint]) for endpoint in _ENDPOINTS),
        )
        for row in _endpoint_rows(result)
    ]
    columns = ("arm", "analyte", *(f"{e}, {unit}" for e, unit in _ENDPOINTS.items()))
    below = [
        *balance.spoken(result),
        *([] if certainty is None else certainty_page.gather(*certainty).said),
        *(f"note: {note}" for note in result.notes),
        f"report: {out / 'report.html'}",
    ]  # fmt: skip
    title = f"{result.study.study}: {len(result.people)} people, median and {words.BAND}"
    pain = pain_rows(result)
    if rows or not pain:
        Listing(title, columns, rows, () if pain else below).show()
    if pain:
        _pain_listing(result, pain, below).show()


def _pain_listing(result: Result, rows: list[dict[str, Any]], below: list[str]) -> Listing:
    """Mean pain and the share of responders, or of those whose pain stays, by visit."""
    chronic = relief.chronic(result)
    asked, what = "responders_50", f"at least {percent(RESPONSES[-1])} relief"
    if chronic is not None:
        asked, what = "persistent", f"pain of {chronic:g} or more"
    names = list(rows[0]["visits"])
    return Listing(
        f"Mean pain (0-10), and share with {what}",
        ("arm", "start", *names),
        [
            (
                f"{row['arm']}\nexploratory" if row["exploratory"] else row["arm"],
                points(row["start"]),
                *(f"{points(v['mean'])}\n{percent(v[asked])}"
                  for v in row["visits"].values()),
            )
            for row in rows
        ],
        below,
    )  # fmt: skip


def pain_rows(result: Result) -> list[dict[str, Any]]:
    """Mean pain by arm at the start and at visits, with the share that has half its pain or less.

    After an injury, ``persistent`` is the share whose pain would count as chronic.

    Visits are weeks 1, 4, 8, 12 and 26 within the horizon, else its end.
    """
    visits = [v for v in relief.visits(result) if v.relief]
    seen = [v for v in visits if v.hour not in _LEFT_OUT or v is visits[-1]]
    return [
        {
            "arm": arm.name,
            "mechanism": arm.mechanism,
            "exploratory": bool(relief.mark(result, arm)),
            "start": float(relief.column(result, arm, "pain.baseline").mean()),
            "visits": {
                v.name: {
                    "time_h": v.hour,
                    "mean": float(relief.column(result, arm, v.pain).mean()),
                    "responders_50": relief.share(result, arm, v, RESPONSES[-1]),
                    **_persistent(result, arm, v),
                }
                for v in seen
            },
        }
        for arm in relief.followed(result)
    ]


def _persistent(result: Result, arm: Arm, visit: relief.Visit) -> dict[str, float]:
    chronic = relief.chronic(result)
    return {} if chronic is None else {"persistent": relief.persistent(result, arm, visit, chronic)}


#: Week 2 stands in the report only, unless it is the end: a terminal is narrow.
_LEFT_OUT = (WEEKS[2],)


def _cell(found: dict[str, Any]) -> str:
    """The median, and beneath it the 5th and 95th percentile."""
    middle, low, high = (words.digits(found[q]) for q in ("q50", "q05", "q95"))
    return f"{middle}\n{low}–{high}"


_ENDPOINTS = {"cmax": UNIT, "tmax": "h", "auc": "ng*h/mL", "thalf": "h"}


def _endpoint_rows(result: Result) -> list[dict[str, Any]]:
    rows = []
    for arm in result.blood:
        assert arm.simulation is not None
        table = result.patients[result.patients["ARM"] == arm.name]
        for analyte in arm.simulation.analytes:
            if not (table[f"{analyte}.cmax"] > 0).any():
                continue
            row: dict[str, Any] = {
                "arm": arm.label,
                "analyte": analyte,
                "model": arm.model and arm.model.name,
            }
            for endpoint, unit in _ENDPOINTS.items():
                low, middle, high = table[f"{analyte}.{endpoint}"].quantile([0.05, 0.5, 0.95])
                row[endpoint] = {"unit": unit, "q05": low, "q50": middle, "q95": high}
            rows.append(row)
    return rows
