"""Draws the pictures of the README from the studies in the repository: `make pictures`."""

from pathlib import Path

import antalgic
from antalgic.report import comparators_figure
from antalgic.result import Result

ROOT = Path(__file__).parents[1]


def studied(name: str) -> Result:
    """A study of the repository, simulated."""
    return antalgic.load(ROOT / "studies" / f"{name}.yaml").run()


for name in ("crps-100h", "five-models", "rival-mechanisms"):
    studied(name).plot(ROOT / "docs" / "images" / f"{name}.png")

comparators_figure.draw(
    studied("comparators-neuropathic"), ROOT / "docs" / "images" / "comparators.png",
    joint=studied("comparators-joint"),
)  # fmt: skip
