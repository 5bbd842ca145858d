"""Residual error of the assay and the model, added to readouts on request."""

from collections.abc import Sequence

import numpy as np

from antalgic import units
from antalgic.errors import InputError
from antalgic.model.shelf import PKModel, ResidualEntry
from antalgic.model.substances import molar_mass
from antalgic.simulation.individual import Array, Draw
from antalgic.units import Kind


def add(model: PKModel, analytes: Sequence[str], values: Array, draw: Draw) -> Array:
    """Readouts (people, analytes, times) as an assay would report them, cut off at zero.

    Raises InputError where the model prints no residual error for an analyte.
    """
    out = values.copy()
    for column, analyte in enumerate(analytes):
        entry = model.file.residual.get(analyte)
        if entry is None:
            raise InputError(
                f"model '{model.name}' gives no residual error for '{analyte}'",
                field="residual_error",
            )
        for t in range(values.shape[2]):
            noise = [
                draw.normal(f"residual.{kind}.{analyte}.{t}", len(values))
                for kind in ("relative", "additive")
            ]
            out[:, column, t] = _observed(model, analyte, entry, values[:, column, t], noise)
    return out


def _observed(
    model: PKModel, analyte: str, entry: ResidualEntry, values: Array, noise: Sequence[Array]
) -> Array:
    if entry.log is not None:
        return values * np.exp(entry.log.sd * noise[0])
    found = values
    if entry.proportional is not None:
        found = values * (1.0 + entry.proportional.sd * noise[0])
    if entry.additive is not None:
        found = found + additive_sd(model, analyte, entry.additive.value) * noise[1]
    return np.maximum(found, 0.0)


def additive_sd(model: PKModel, analyte: str, text: str) -> float:
    """Additive SD in ng/mL; molar values by the molar mass of the analyte's substance."""
    try:
        return units.parse(text, Kind.CONCENTRATION)
    except InputError:
        molar = units.parse(text, Kind.MOLAR_CONCENTRATION)
    return molar * molar_mass(model.file.outputs[analyte].substance)
