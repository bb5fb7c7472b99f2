"""Code is made for what is asked, results or gradients, when it is asked."""

from __future__ import annotations

import ctypes
import random
import weakref
from typing import Any

import numpy as np
import pytest

from engine import Value, compile, tanh, total  # noqa: A004

pytest.importorskip("llvmlite")
from llvmlite.binding import ExecutionEngine

from engine.replay.backends.llvm.machine import HOST, Code, machine_code

WEIGHTS = [Value(w) for w in np.random.default_rng(0).normal(size=12).tolist()]
RNG = random.Random(0)
PAIRS = [RNG.sample(range(12), 2) for _ in range(40)]  # of no order: they are looked up in tables


def loss(x: Any) -> Value:
    return total(tanh(WEIGHTS[i] * x[j]) * x[i] for i, j in PAIRS)


def machine_of(program: Any) -> Any:
    (path,) = program._recordings.all()
    (machine,) = path.executor._machines.values()
    return machine


@pytest.mark.parametrize("first", ["outputs", "gradients"])
def test_each_is_made_when_it_is_asked_for_and_leaves_the_other_as_it_was(first: str) -> None:
    program = compile(loss, WEIGHTS, executor="llvm-checked")
    x = np.random.default_rng(1).normal(size=(20, 12))
    weights = [weight.data for weight in WEIGHTS]
    losses = program.value_and_gradients(weights, x)[0] if first == "gradients" else program(x)
    machine = machine_of(program)
    assert list(machine._engines) == [first]
    other = "outputs" if first == "gradients" else "gradients"
    assert machine._engines[first].get_function_address(other) == 0
    tables = weakref.ref(machine._tables[first][0])  # whose address the first code is called with
    before = program.value_and_gradients(weights, x)
    assert before[0].tolist() == losses.tolist() == program(x).tolist()
    assert sorted(machine._engines) == ["gradients", "outputs"]
    assert tables() is not None
    again = program.value_and_gradients(weights, x)
    assert [found.tolist() for found in again] == [found.tolist() for found in before]


def test_nobody_gets_shared_code_whose_end_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may ask while an engine is disposed of: here it does, each time."""
    text = "define i32 @f() {\nret i32 7\n}"
    dispose, found = ExecutionEngine._dispose, list[Code]()

    def asked_meanwhile(engine: ExecutionEngine) -> None:
        if not found:
            found.append(machine_code(text, HOST, shared=True))
        dispose(engine)

    code = machine_code(text, HOST, shared=True)
    with monkeypatch.context() as patched:
        patched.setattr(ExecutionEngine, "_dispose", asked_meanwhile)
        del code
    assert ctypes.CFUNCTYPE(ctypes.c_int32)(found[0].get_function_address("f"))() == 7
