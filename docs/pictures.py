"""Draws the pictures of the README from the studies in the repository: `make pictures`."""

from pathlib import Path

import antalgic
from antalgic.evidence import responders
from antalgic.report import benefit

ROOT = Path(__file__).parents[1]

for name in ("crps-100h", "five-models", "rival-mechanisms"):
    antalgic.load(ROOT / "studies" / f"{name}.yaml").run().plot(
        ROOT / "docs" / "images" / f"{name}.png"
    )

benefit.draw(
    responders.run(antalgic.load(ROOT / "studies" / "crps-100h.yaml"), draws=0),
    ROOT / "docs" / "images" / "who-benefits.png",
)
