"""Other drugs that change how ketamine is handled: factors on a model's parameters."""

from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from antalgic import units, yamlfile
from antalgic.errors import InputError
from antalgic.model.shelf import Sources
from antalgic.sources import Grade, How
from antalgic.units import Kind


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Effect(_Strict):
    """A factor on one parameter of one model while the other drug is present."""

    model: str
    parameter: str
    factor: float = Field(gt=0)
    source: str | None = None
    how: How = "derived"
    grade: Grade = "C"
    note: str | None = None


class Recovery(_Strict):
    """Return to normal after the other drug ends, by enzyme turnover (1/h)."""

    rate: str

    @property
    def per_hour(self) -> float:
        """The rate constant in 1/h."""
        return units.parse(self.rate, Kind.RATE_CONSTANT)


class Interaction(_Strict):
    """A file of library/interactions: what a perpetrator does, and what cannot be expressed."""

    perpetrator: str
    status: Literal["runnable", "reference"] = "runnable"
    mechanism: str
    sources: Sources = {}
    effects: tuple[Effect, ...] = ()
    recovery: Recovery | Literal["none"] = "none"
    expresses: str | None = None
    cannot_express: str | None = None
    missing: str | None = None

    def on(self, model: str) -> tuple[Effect, ...]:
        """Effects on one model.  Raises InputError where there are none, naming what there is."""
        effects = tuple(e for e in self.effects if e.model == model)
        if self.status == "reference" or (self.effects and not effects):
            where = sorted({e.model for e in self.effects})
            reason = self.cannot_express or self.missing or "nothing that a model can express"
            hint = f"only in model {', '.join(where)}" if where else f"in no model: {reason}"
            raise InputError(f"the effect of {self.perpetrator} can be simulated {hint}")
        return effects


def names() -> tuple[str, ...]:
    """Names of all perpetrators on file, sorted."""
    return tuple(sorted(p.name[:-5] for p in _folder().iterdir() if p.name.endswith(".yaml")))


@cache
def load(name: str) -> Interaction:
    """A perpetrator by name; InputError with the nearest for an unknown one."""
    listed = names()
    if name not in listed:
        near = get_close_matches(name, listed, 1, 0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"on file are {', '.join(listed)}"
        raise InputError(f"no interaction with '{name}' is on file; {hint}")
    return yamlfile.validate(Interaction, yamlfile.library(f"interactions/{name}.yaml"))


def _folder() -> Any:
    return files("antalgic") / "library" / "interactions"
