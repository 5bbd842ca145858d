"""Settings of the documentation; `make docs` builds it."""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import calibration_page  # noqa: E402  (found through the line above)
import certainty_page  # noqa: E402  (found through the line above)
import claims_page  # noqa: E402  (found through the line above)
import comparison_page  # noqa: E402  (found through the line above)
import credibility_page  # noqa: E402  (found through the line above)
import gallery_page  # noqa: E402  (found through the line above)
import harm_page  # noqa: E402  (found through the line above)
import shelf_page  # noqa: E402  (found through the line above)

with (HERE.parent / "pyproject.toml").open("rb") as file:
    _project = tomllib.load(file)["project"]

project = "Antalgic"
author = "The Antalgic developers"
copyright = author
version = release = _project["version"]

extensions = ["myst_parser", "sphinx.ext.mathjax", "sphinxcontrib.bibtex"]
exclude_patterns = ["_generated"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
bibtex_bibfiles = ["references.bib"]

html_theme = "furo"
html_extra_path = ["_generated/extra"]
html_title = f"Antalgic {release}"
nitpicky = True

shelf_page.write(HERE / "_generated" / "shelf.md")
calibration_page.write(HERE / "_generated")
certainty_page.write(HERE / "_generated")
harm_page.write(HERE / "_generated" / "harm.md")
claims_page.write(HERE / "_generated")
comparison_page.write(HERE / "_generated")
_gallery = gallery_page.write(HERE / "_generated")
credibility_page.write(HERE / "_generated" / "credibility.md", _gallery)
