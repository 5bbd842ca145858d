"""Settings shared by all tests: how hard the property-based ones search."""

import os

from hypothesis import settings

# The same commit gives the same verdict: the everyday profile draws the same examples every time.
# The long one looks for new ones.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("long" if os.environ.get("ANTALGIC_LONG") == "1" else "quick")
