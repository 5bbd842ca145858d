"""One call from regimen, people and model to a labelled result."""

from antalgic.simulation.individual import reference_person
from antalgic.simulation.run import QUANTILES, Simulation, simulate

__all__ = ["QUANTILES", "Simulation", "reference_person", "simulate"]
