"""The text of a circuit's equations, under which compiled code is kept."""

import math
import types

import pytest

from antalgic.model.compose import Circuit, Use
from antalgic.model.step import step
from antalgic.simulation import compile as room
from antalgic.simulation.compile import compiled
from antalgic.simulation.identity import identity

RATE = 2.0


def half(x):
    return x / 2


def circuit(function, wired="k", output="x"):
    made = step(states={"x": "1"}, inputs={}, parameters={"k": "1/h"}, outputs={"x": "1"})(function)
    return Circuit((Use(made, "a", {}, {"k": wired}),), {output: ("a.x",)})


def plain(x, k):
    """Decays."""
    return (-k * x,), (x,)


def with_global(x, k):
    return (-RATE * k * x,), (x,)


def with_helper(x, k):
    return (-k * half(x),), (x,)


def faster(factor):
    def decay(x, k):
        return (-factor * k * x,), (x,)

    return decay


def test_equal_equations_have_one_text_and_others_another(monkeypatch):
    assert identity(circuit(plain)) == identity(circuit(plain))
    texts = [
        identity(circuit(f)) for f in (plain, with_global, with_helper, faster(2), faster(3.0))
    ]
    texts += [identity(circuit(plain, wired="other")), identity(circuit(plain, output="y"))]
    texts += [identity(circuit(lambda x, k: ((-k * x / 3,), (x,))))]
    texts += [identity(circuit(lambda x, k: ((-k * x / 4,), (x,))))]
    assert None not in texts
    assert len(set(texts)) == len(texts)
    assert identity(circuit(faster(3.0))) == texts[4]
    before = [identity(circuit(f)) for f in (with_global, with_helper)]
    monkeypatch.setitem(globals(), "RATE", 3.0)
    monkeypatch.setitem(globals(), "half", lambda x: x / 3)
    after = [identity(circuit(f)) for f in (with_global, with_helper)]
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_a_helper_in_a_module_is_part_of_the_text(monkeypatch):
    shelf = types.ModuleType("shelf")
    shelf.slow = lambda x: x / 2
    monkeypatch.setitem(globals(), "shelf", shelf)

    def reads(x, k):
        return (-k * shelf.slow(x),), (x,)

    before = identity(circuit(reads))
    shelf.slow = lambda x: x / 3
    assert None not in (before, identity(circuit(reads)))
    assert before != identity(circuit(reads))


def test_what_has_no_text_is_not_kept():
    class Odd:
        def __call__(self, x):
            return x

    odd = Odd()
    assert identity(circuit(lambda x, k: ((-k * odd(x),), (x,)))) is None
    assert identity(circuit(lambda x, k: ((-k * getattr(math, "pi") * x,), (x,)))) is None  # noqa: B009


def test_a_second_start_does_not_trace_the_circuit(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "cache_folder", lambda: tmp_path)
    first = compiled(circuit(plain), "bs32")

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(room, "_describe", never)
    second = compiled(circuit(plain), "bs32")
    assert second.states == first.states
    assert second.kernel.functions == first.kernel.functions
    with pytest.raises(AssertionError):
        compiled(circuit(plain), "dp54")
    with pytest.raises(AssertionError):
        compiled(circuit(faster(2)), "bs32")
