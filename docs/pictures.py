"""Draws the pictures of the README from the studies in the repository: `make pictures`."""

from pathlib import Path

import antalgic

ROOT = Path(__file__).parents[1]

for name in ("crps-100h", "five-models", "rival-mechanisms"):
    antalgic.load(ROOT / "studies" / f"{name}.yaml").run().plot(
        ROOT / "docs" / "images" / f"{name}.png"
    )
