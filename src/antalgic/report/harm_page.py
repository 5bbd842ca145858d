"""Harm in the report: events in the session, what was given in all, and what is known of that."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from antalgic.report import exposure, figures, harm_sheet, svg
from antalgic.report.clinic import Table
from antalgic.report.exposure import Known
from antalgic.result import Result


@dataclass(frozen=True)
class Page:
    """Everything that the page says of harm; no images where no session was followed."""

    images: tuple[Markup, ...]
    caption: str
    table: Table
    known: tuple[Known, ...]
    said: tuple[str, ...]


def gather(result: Result) -> Page | None:
    """What there is to say of harm; None where nothing is given whose amount is known."""
    found = exposure.exposures(result)
    if not found:
        return None
    images: tuple[Markup, ...] = ()
    caption = ""
    if len(result.people) > 1 and any(arm.session is not None for arm in result.arms):
        given = harm_sheet.scene(result)
        alt = harm_sheet.alt(given)
        images = tuple(
            Markup(svg.inline(figures.harm(result, layout=x, heading=False), f"harm-{x}", alt,
                              css=x))
            for x in figures.LAYOUT_NAMES
        )  # fmt: skip
        caption = _caption(given)
    return Page(
        images, caption, exposure.table(found), exposure.known(), tuple(exposure.said(found))
    )


def _caption(given: harm_sheet.Scene) -> str:
    beside = (
        f"Open marks are published shares after the same doses: {'; '.join(given.shapes)}."
        if given.shapes
        else "No published share on file belongs to a session with these doses."
    )
    return (
        "Everybody who has it at any time in the session counts once; some have it without drug, "
        f"as on placebo. {beside}"
    )
