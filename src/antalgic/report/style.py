"""How figures look: colours, strokes, type and lengths in inches.

One hue per arm or model, in a fixed order, each with its own dash pattern, so that curves stay
apart for colour-blind readers and in black and white.  Hues after Okabe and Ito's palette for
colour-blind readers, the blue darkened so that the first two also differ in lightness.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1a1a1a"
SOFT = "#5c5c5c"
PAPER = "#ffffff"

Dash = tuple[float, tuple[float, ...]] | Literal["solid"]


@dataclass(frozen=True)
class Stroke:
    """A hue and a dash pattern."""

    colour: str
    dash: Dash


STROKES = (
    Stroke("#00508f", "solid"),
    Stroke("#d55e00", (0, (6, 1.6))),
    Stroke("#009e73", (0, (1.3, 1.3))),
    Stroke("#a5538a", (0, (6, 1.5, 1.3, 1.5))),
    Stroke("#b98200", (0, (3, 1.2))),
    Stroke("#3c9bd6", (0, (6, 1.5, 1.3, 1.5, 1.3, 1.5))),
    Stroke("#4d4d4d", (0, (9, 3))),
)
#: Shapes of observed values, one per cohort.
MARKERS = ("o", "s", "D", "^", "v", "P")

#: Opacity of the 5 to 95 % and the 25 to 75 % band; where many curves are laid over each other, the
#: second is drawn alone and thin.
WIDE_BAND, NARROW_BAND, THIN_BAND = 0.16, 0.32, 0.13

_RC: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.0,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8.5,
    "axes.unicode_minus": True,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "ytick.minor.size": 1.8,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "butt",
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "antalgic",
    "path.simplify": False,
}


def mark(shape: str, colour: str = INK) -> dict[str, Any]:
    """The look of a published value: an open mark."""
    return {
        "marker": shape, "markersize": 4.6, "markerfacecolor": PAPER, "markeredgecolor": colour,
        "markeredgewidth": 0.9, "linestyle": "none",
    }  # fmt: skip


def context() -> AbstractContextManager[None]:
    """Matplotlib with our settings, and with its own again afterwards."""
    import matplotlib

    return matplotlib.rc_context(_RC)


def stroke(position: int) -> Stroke:
    """The stroke of the arm or model at a place in the result, counted from 0."""
    return STROKES[position % len(STROKES)]


def marker(position: int) -> str:
    """The marker of the cohort at a place in the list, counted from 0."""
    return MARKERS[position % len(MARKERS)]


def place_label(axes: Axes) -> None:
    """The label of the y axis with its inner edge at the same distance (in) from every axis."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    width = axes.get_position().width * figure.get_size_inches()[0]
    axes.yaxis.set_label_coords(-0.41 / width, 0.5)


@dataclass(frozen=True)
class Layout:
    """Lengths in inches.  ``columns`` is 2 (linear and logarithmic side by side) or 1 (stacked)."""

    columns: int
    width: float
    left: float
    right: float
    between: float
    panel: float
    regimen: float
    labels: float

    def column_width(self, labelled: bool) -> float:
        """Width of one pair of axes."""
        free = self.width - self.left - self.right - (self.columns - 1) * self.between
        return (free - (self.labels if labelled else 0.0)) / self.columns


LAYOUTS = {
    "wide": Layout(2, 9.2, 0.74, 0.1, 0.74, 1.95, 0.76, 1.4),
    "narrow": Layout(1, 4.0, 0.7, 0.12, 0.0, 1.7, 0.7, 0.0),
}
