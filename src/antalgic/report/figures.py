"""The figure of a study: what was given above, what it does to concentration below.

Times share one axis.  Each analyte has one row: linear axis left, logarithmic axis right.  Figures
are plain `matplotlib.figure.Figure` objects on an Agg canvas; nothing global is touched, and the
same result gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from antalgic.errors import InputError
from antalgic.report import certainty as certainty_page
from antalgic.report import harm_sheet, pain_sheet, session_sheet, sheet, style
from antalgic.report.content import alt, drugged, gather, metadata, shown_outputs, strokes
from antalgic.report.style import LAYOUTS
from antalgic.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from antalgic.evidence.certainty import Certainty

__all__ = [
    "alt",
    "certainty",
    "comparison",
    "harm",
    "metadata",
    "pain",
    "pain_alt",
    "save",
    "sessions",
    "shown_outputs",
    "strokes",
    "study",
]

FORMATS = ("png", "svg", "pdf")
DPI = 200
#: With more curves than this on one pair of axes, bands are thin.
_FULL_BANDS = 2

LayoutName = Literal["wide", "narrow"]
LAYOUT_NAMES: tuple[LayoutName, ...] = ("wide", "narrow")


def study(
    result: Result,
    path: str | Path | None = None,
    *,
    output: str | Sequence[str] | None = None,
    log: bool = True,
    layout: LayoutName = "wide",
    heading: bool = True,
    command: str | None = None,
) -> Figure:
    """Regimens above, concentrations below: median, 25 to 75 % and 5 to 95 % of the people (ng/mL).

    output names one analyte or several, all by default; log adds the logarithmic axes; layout is
    for a page ("wide") or a telephone ("narrow"); heading adds study, question and provenance.
    Published values that match an arm are drawn over its bands.  Written to ``path`` (.png, .svg or
    .pdf).  A study that compares models is drawn as by `comparison`.
    """
    thin = bool(result.study.compared) or len(drugged(result)) > _FULL_BANDS
    return _make(result, path, output, layout, log=log, heading=heading, thin=thin, command=command)


def comparison(
    result: Result,
    path: str | Path | None = None,
    *,
    output: str | Sequence[str] | None = None,
    log: bool = True,
    layout: LayoutName = "wide",
    heading: bool = True,
    command: str | None = None,
) -> Figure:
    """Medians of all arms or models on one pair of axes per analyte, each named at its end.

    Bands are thin: the middle half of the people only.  Arguments as in `study`.
    """
    return _make(result, path, output, layout, log=log, heading=heading, thin=True, command=command)


def pain(
    result: Result,
    path: str | Path | None = None,
    *,
    layout: LayoutName = "wide",
    heading: bool = True,
    command: str | None = None,
) -> Figure:
    """Pain (0 to 10) of all arms, the difference from the arm without drug, and what lies behind.

    Published values of trials with the same condition and arms are drawn over it.  A study that
    compares mechanisms has them side by side.  Arguments as in `study`.
    """
    if "pain" not in result.outputs:
        raise InputError(f"pain is not among the outputs {', '.join(result.outputs)}")
    given = pain_sheet.scene(result)
    return _drawn(
        lambda figure: pain_sheet.lay_out(figure, given, LAYOUTS[layout], heading=heading),
        path, metadata(result, command),
    )  # fmt: skip


def pain_alt(result: Result) -> str:
    """The figure of pain in words, for those who do not see it."""
    return pain_sheet.alt(result)


def sessions(
    result: Result,
    path: str | Path | None = None,
    *,
    layout: LayoutName = "wide",
    heading: bool = True,
    command: str | None = None,
) -> list[Figure]:
    """One session hour by hour, a figure for each length of session: doses, harm and pain.

    Needs a result of ``run(sessions=True)``.  The first figure is written to ``path``.  Arguments
    as in `study`.
    """
    found = session_sheet.sittings(result)
    if not found:
        raise _unattended()
    return [
        _drawn(
            partial(session_sheet.lay_out, given=one, layout=LAYOUTS[layout], heading=heading),
            path if one is found[0] else None, metadata(result, command),
        )
        for one in found
    ]  # fmt: skip


def harm(
    result: Result,
    path: str | Path | None = None,
    *,
    layout: LayoutName = "wide",
    heading: bool = True,
    command: str | None = None,
) -> Figure:
    """Share of each arm's people with each harm in the session, with published shares.

    Needs a result of ``run(sessions=True)``.  Arguments as in `study`.
    """
    given = harm_sheet.scene(result)
    if not given.arms:
        raise _unattended()
    return _drawn(
        partial(harm_sheet.lay_out, given=given, layout=LAYOUTS[layout], heading=heading),
        path, metadata(result, command),
    )  # fmt: skip


def certainty(
    result: Result,
    found: Certainty,
    path: str | Path | None = None,
    *,
    layout: LayoutName = "wide",
    heading: bool = True,
    command: str | None = None,
) -> Figure:
    """How people differ, and apart from it what their mean may be, by output and arm.

    ``found`` is from `antalgic.evidence.certainty.run`.  Other arguments as in `study`.
    """
    return _drawn(
        partial(
            certainty_page.lay_out, result=result, found=found, layout=LAYOUTS[layout],
            heading=heading,
        ),
        path, metadata(result, command),
    )  # fmt: skip


def _unattended() -> InputError:
    return InputError("no session was followed: run the study with sessions=True")


def _make(
    result: Result,
    path: str | Path | None,
    output: str | Sequence[str] | None,
    layout: LayoutName,
    *,
    log: bool,
    heading: bool,
    thin: bool,
    command: str | None,
) -> Figure:
    content = gather(result, output, thin=thin, log=log)
    return _drawn(
        lambda figure: sheet.lay_out(figure, content, LAYOUTS[layout], heading=heading),
        path, metadata(result, command),
    )  # fmt: skip


def _drawn(
    lay_out: Callable[[Figure], None], path: str | Path | None, about: Mapping[str, str]
) -> Figure:
    """A figure laid out in our style, and written where a path is given."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if path is not None:
        suffix(path)
    with style.context():
        figure = Figure(facecolor=style.PAPER)
        FigureCanvasAgg(figure)
        lay_out(figure)
        if path is not None:
            save(figure, path, about)
    return figure


def save(figure: Figure, path: str | Path, about: Mapping[str, str]) -> None:
    """Write a figure as .png, .svg or .pdf with its metadata and without a date."""
    kind = suffix(path)
    if kind == "png":
        kept = dict(about)
    elif kind == "svg":
        said = "; ".join(f"{key}: {value}" for key, value in about.items())
        kept = {"Title": about["Title"], "Creator": about["Software"], "Description": said}
        kept |= {"Date": None}  # type: ignore[dict-item]
    else:
        said = "; ".join(f"{key}: {value}" for key, value in about.items())
        kept = {"Title": about["Title"], "Creator": about["Software"], "Subject": said}
        kept |= {"CreationDate": None}  # type: ignore[dict-item]
    with style.context():
        figure.savefig(path, format=kind, dpi=DPI, metadata=kept)


def suffix(path: str | Path) -> str:
    """The kind of figure that a path asks for; InputError for one that cannot be written."""
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise InputError(
            f"'{path}' is no figure file, expected one that ends in .png, .svg or .pdf"
        )
    return kind
