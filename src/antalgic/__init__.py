"""Antalgic: how ketamine treats chronic pain, simulated from the dose.

Research and education only: it simulates populations and hypothetical typical patients, and
proposes no dose for a person.

>>> import antalgic
>>> study = antalgic.load("studies/crps-100h.yaml")  # doctest: +SKIP
>>> study.run().plot("crps.png")  # doctest: +SKIP
"""

from typing import Any

__all__ = [
    "InputError",
    "Result",
    "Study",
    "__version__",
    "load",
    "load_model",
    "loads",
    "simulate",
]
__version__ = "0.1.0"

# Where each public name lives; it is imported on first use, so that `import antalgic` is instant.
_HOMES = {
    "InputError": ("antalgic.errors", "InputError"),
    "Result": ("antalgic.result", "Result"),
    "Study": ("antalgic.study", "Study"),
    "load": ("antalgic.study", "load"),
    "loads": ("antalgic.study", "loads"),
    "load_model": ("antalgic.model.shelf", "load"),
    "simulate": ("antalgic.simulation", "simulate"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'antalgic' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
