"""W1 in libroadrunner: the circuit written as SBML, run from dose to dose, hour by hour."""

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from antalgic.engine.lanes import Doses
from antalgic.engine.linear import TICKS_PER_HOUR
from antalgic.model.compose import Circuit

Floats = NDArray[np.float64]


def sbml(wiring: Circuit) -> str:
    """A circuit as SBML: parameters, dose rates and states with rate rules, outputs assigned.

    Parameter i is called p{i}, dose rate i u{i}, state i x{i}, output i y{i}, each in the circuit's
    order.
    """
    parameter = {n: sympy.Symbol(f"p{i}") for i, n in enumerate(wiring.parameters)}
    dose = {n: sympy.Symbol(f"u{i}") for i, n in enumerate(wiring.doses)}
    state = {n: sympy.Symbol(f"x{i}") for i, n in enumerate(wiring.states)}
    rates, results = wiring.evaluate(state, dose, parameter)
    outputs = [sum(results[r] for r in names) for names in wiring.readouts.values()]
    fixed = "".join(f'<parameter id="{s}" value="0" constant="true"/>' for s in parameter.values())
    moving = "".join(
        f'<parameter id="{s}" value="0" constant="false"/>'
        for s in [*dose.values(), *state.values(), *(f"y{i}" for i in range(len(outputs)))]
    )
    rules = "".join(_rule("rateRule", str(state[n]), rates[n]) for n in wiring.states)
    rules += "".join(_rule("assignmentRule", f"y{i}", e) for i, e in enumerate(outputs))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">'
        f'<model id="W1"><listOfParameters>{fixed}{moving}</listOfParameters>'
        f"<listOfRules>{rules}</listOfRules></model></sbml>"
    )


def _rule(kind: str, variable: str, expression: Any) -> str:
    return (
        f'<{kind} variable="{variable}"><math xmlns="http://www.w3.org/1998/Math/MathML">'
        f"{_mathml(sympy.sympify(expression))}</math></{kind}>"
    )


def _mathml(e: Any) -> str:
    """Sums, products and powers of symbols and numbers, all that W1 has."""
    if e.is_Symbol:
        return f"<ci>{e}</ci>"
    if e.is_number:
        return f"<cn>{float(e)!r}</cn>"
    kind = {sympy.Add: "plus", sympy.Mul: "times", sympy.Pow: "power"}[e.func]
    return f"<apply><{kind}/>{''.join(map(_mathml, e.args))}</apply>"


class Roadrunner:
    """The circuit in libroadrunner with CVODE, as the tool runs fastest: compiled once."""

    def __init__(self, wiring: Circuit, rtol: float, stiff: bool):
        import roadrunner

        roadrunner.Logger.setLevel(roadrunner.Logger.LOG_ERROR)
        self.wiring = wiring
        self.runner = roadrunner.RoadRunner(sbml(wiring))
        integrator = self.runner.getIntegrator()
        integrator.setValue("relative_tolerance", rtol)
        integrator.setValue("absolute_tolerance", rtol * 1e-3)
        integrator.setValue("stiff", stiff)
        integrator.setValue("maximum_num_steps", 100_000)
        names = list(self.runner.model.getGlobalParameterIds())
        self.at = {name: names.index(name) for name in names}
        self.runner.timeCourseSelections = [f"y{i}" for i in range(len(wiring.readouts))]

    def run(
        self, parameters: dict[str, float], initial: dict[str, float], spans: list["Span"]
    ) -> Floats:
        """Outputs (k, T) of one patient at every hour from 0 to the end of the last span."""
        model, at, wiring = self.runner.model, self.at, self.wiring
        states = [at[f"x{i}"] for i in range(len(wiring.states))]
        rates = [at[f"u{i}"] for i in range(len(wiring.doses))]
        model.setGlobalParameterValues(
            [at[f"p{i}"] for i in range(len(parameters))],
            [parameters[n] for n in wiring.parameters],
        )
        model.setGlobalParameterValues(states, [initial.get(s, 0.0) for s in wiring.states])
        rows = []
        for span in spans:
            model.setGlobalParameterValues(rates, span.rates)
            for i, jump in span.jumps:
                before = model.getGlobalParameterValues([states[i]])[0]
                model.setGlobalParameterValues([states[i]], [before + jump])
            hours = round(span.end - span.begin)
            found = np.array(self.runner.simulate(span.begin, span.end, hours + 1))
            rows.append(found if span.begin == 0 else found[1:])
        return np.concatenate(rows).T


@dataclass(frozen=True)
class Span:
    """Begin and end (h), dose rates between them, and (state, amount) of boluses at the begin."""

    begin: float
    end: float
    rates: list[float]
    jumps: list[tuple[int, float]]


def spans(
    wiring: Circuit, parameters: dict[str, float], inputs: tuple[str, ...], given: Doses, end: float
) -> list[Span]:
    """Spans from event to event of a regimen whose ``target`` counts ``inputs``."""
    begin, hours = given.start / TICKS_PER_HOUR, given.duration / TICKS_PER_HOUR
    amount = given.amount.reshape(len(begin))
    stops = np.unique(np.concatenate([[0.0, end], begin, begin + hours]))
    nothing = dict.fromkeys(wiring.states, 0.0)
    idle = dict.fromkeys(wiring.doses, 0.0)
    still, _ = wiring.evaluate(nothing, idle, parameters)
    entry = {}
    for name in wiring.doses:
        rates, _ = wiring.evaluate(nothing, idle | {name: 1.0}, parameters)
        entry[name] = [(i, rates[s] - still[s]) for i, s in enumerate(wiring.states)]
    found = []
    for now, after in pairwise(stops.tolist()):
        held = dict.fromkeys(wiring.doses, 0.0)
        jumps: list[tuple[int, float]] = []
        for d, target in enumerate(given.target):
            if hours[d] == 0 and begin[d] == now:
                jumps += [(i, part * amount[d]) for i, part in entry[inputs[target]] if part]
            elif begin[d] <= now < begin[d] + hours[d]:
                held[inputs[target]] += amount[d] / hours[d]
        found.append(Span(now, after, list(held.values()), jumps))
    return found


def fastest(
    wiring: Circuit,
    parameters: list[dict[str, float]],
    initial: dict[str, float],
    inputs: tuple[str, ...],
    given: Doses,
    truth: list[Floats],
    bar: float,
) -> tuple[float, float, str]:
    """Patients per second of processor time, true error and setting: the fastest within ``bar``.

    ``truth`` are outputs (k, T) of the first patients; the solver is tried stiff and non-stiff at
    tolerances from coarse to fine.
    """
    cut = [spans(wiring, p, inputs, given, truth[0].shape[1] - 1.0) for p in parameters]
    best = (0.0, np.inf, "none")
    for stiff in (False, True):
        for rtol in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9):
            runner = Roadrunner(wiring, rtol, stiff)
            runner.run(parameters[0], initial, cut[0])  # compiled and loaded before it is timed
            start = time.process_time()
            found = [runner.run(p, initial, s) for p, s in zip(parameters, cut, strict=True)]
            rate = len(parameters) / (time.process_time() - start)
            error = max(
                float((abs(f - t).max(axis=1) / abs(t).max(axis=1)).max())
                for f, t in zip(found, truth, strict=False)
            )
            if error <= bar:
                if rate > best[0]:
                    best = (rate, error, f"{'BDF' if stiff else 'Adams'} at rtol {rtol:.0e}")
                break
    return best
