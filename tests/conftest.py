"""Settings shared by all tests: how hard the property-based ones search."""

import os

import pytest
from hypothesis import settings

# As the command does: tests run side by side, and threads of a matrix library only get in the way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

#: Where the tests stand that are over in well under a minute, and what of it is not.
QUICK = "/tests/unit/"
SLOW = (
    "test_report_harm.py", "test_report_figures.py", "test_report_pain.py", "test_report_page.py",
    "test_responders.py", "test_certainty.py",
)  # fmt: skip

# The same commit gives the same verdict: the everyday profile draws the same examples every time.
# The long one looks for new ones.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("long" if os.environ.get("ANTALGIC_LONG") == "1" else "quick")


def pytest_collection_modifyitems(items):
    """Mark as slow what `make quick` leaves out: pictures, commands, oracles, whole trials."""
    for item in items:
        if QUICK not in item.path.as_posix() or item.path.name in SLOW:
            item.add_marker(pytest.mark.slow)
