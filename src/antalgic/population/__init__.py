"""Who receives it?  People with weight, age, height, sex and race, and the conditions they have.

`PopulationSpec` is the block of a study file, `People` what comes of it, `streams` the random
numbers that belong to each patient, `conditions` the library's painful conditions.
"""

from antalgic.population import conditions, streams
from antalgic.population.conditions import Condition
from antalgic.population.margins import Distribution
from antalgic.population.people import RACES, People
from antalgic.population.spec import PopulationSpec

__all__ = [
    "RACES",
    "Condition",
    "Distribution",
    "People",
    "PopulationSpec",
    "conditions",
    "streams",
]
