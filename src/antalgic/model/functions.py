"""Functions that steps apply to floats, arrays and SymPy expressions alike."""

from typing import Any

import numpy as np


def exp(x: Any) -> Any:
    """e to the x."""
    if isinstance(x, float | int | np.ndarray | np.generic):
        return np.exp(x)
    import sympy

    return sympy.exp(x)


def log(x: Any) -> Any:
    """Natural logarithm."""
    if isinstance(x, float | int | np.ndarray | np.generic):
        return np.log(x)
    import sympy

    return sympy.log(x)


def logistic(x: Any) -> Any:
    """1/(1 + exp(-x)): a risk from its log-odds."""
    return 1 / (1 + exp(-x))
