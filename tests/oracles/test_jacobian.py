"""The engine's matrices against the derivatives that SymPy takes of the written equations."""

import numpy as np
import pytest
import sympy

from antalgic.model import shelf
from antalgic.model.compose import DOSE

each_model = pytest.mark.parametrize("name", shelf.names(runnable=True))


def traced(name):
    """Circuit, its states and doses as one vector of symbols, parameters, derivatives, readouts."""
    circuit = shelf.load(name).circuit
    states = {s: sympy.Symbol(s) for s in circuit.states}
    doses = {d: sympy.Symbol(DOSE + d) for d in circuit.doses}
    parameters = {p: sympy.Symbol(f"parameter {p}", positive=True) for p in circuit.parameters}
    derivatives, outputs = circuit.evaluate(states, doses, parameters)
    flows = sympy.Matrix([derivatives[s] for s in circuit.states])
    readouts = sympy.Matrix([sum(outputs[o] for o in names) for names in circuit.readouts.values()])
    return circuit, [*states.values(), *doses.values()], parameters, flows, readouts


@each_model
def test_columns_are_the_jacobian(name):
    circuit, variables, symbols, flows, readouts = traced(name)
    rng = np.random.default_rng(1)
    values = {p: rng.uniform(0.05, 0.95, (3, 2)) for p in circuit.parameters}
    found_flows, found_readouts = circuit.columns(values, (3, 2))
    jacobians = [matrix.jacobian(variables).tolist() for matrix in (flows, readouts)]
    function = sympy.lambdify(list(symbols.values()), jacobians, "math")
    for place in np.ndindex(3, 2):
        of_flows, of_readouts = function(*(values[p][place] for p in circuit.parameters))
        np.testing.assert_allclose(found_flows[place].T, of_flows, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(found_readouts[place], of_readouts, rtol=1e-12, atol=1e-14)


@each_model
def test_equations_are_linear_without_a_constant(name):
    _, variables, _, flows, readouts = traced(name)
    nothing = dict.fromkeys(variables, 0)
    for matrix in (flows, readouts):
        assert not matrix.jacobian(variables).free_symbols & set(variables)
        assert matrix.subs(nothing).is_zero_matrix


@each_model
def test_no_flow_between_compartments_is_negative_and_none_comes_from_nothing(name):
    model = shelf.load(name)
    values = {n: np.array([[p.value]]) for n, p in model.parameters.items()}
    flows, readouts = model.circuit.columns(values, (1, 1))
    n = len(model.circuit.states)
    square = flows[0, 0, :n].copy()
    assert np.all(np.diag(square) < 0)
    np.fill_diagonal(square, 0.0)
    assert np.all(square >= 0)
    assert np.all(flows[0, 0, n:] >= 0)
    assert np.all(readouts >= 0)


@each_model
def test_the_parent_is_never_made_from_itself(name):
    # drug that leaves a depot or compartment is at most what was in it; only the yield of a
    # metabolite may pass 1 in mass (1.07 mg of hydroxynorketamine from 1 mg of norketamine)
    model = shelf.load(name)
    values = {n: np.array([[p.value]]) for n, p in model.parameters.items()}
    flows, _ = model.circuit.columns(values, (1, 1))
    n = len(model.circuit.states)
    gained = flows[0, 0, :n].sum(axis=1)
    lost = -np.diag(flows[0, 0, :n])
    assert np.all(gained <= 1e-12 * lost)
