"""Does it reproduce what was published?  Cohorts of the library, and how models do on them."""
