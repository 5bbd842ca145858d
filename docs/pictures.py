"""Draws the pictures of the README and the pages from the repository's studies: `make pictures`."""

from pathlib import Path

import antalgic
from antalgic.report import figures

ROOT = Path(__file__).parents[1]

for name in ("crps-100h", "five-models", "rival-mechanisms"):
    antalgic.load(ROOT / "studies" / f"{name}.yaml").run().plot(
        ROOT / "docs" / "images" / f"{name}.png"
    )

infusion = antalgic.load(ROOT / "studies" / "session-40min.yaml").run(sessions=True)
figures.sessions(infusion, ROOT / "docs" / "images" / "session-40min.png")
figures.harm(infusion, ROOT / "docs" / "images" / "session-40min-harm.png")
