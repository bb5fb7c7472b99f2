"""Sequences of other lengths: the text of their programs is the same, and so is their machine code."""

from __future__ import annotations

import gc
import platform
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from llvmlite import binding
from loop_cases import (
    Case,
    both_directions,
    cell,
    deep,
    delayed,
    in_windows,
    integrator,
    lstm,
    of_early_trips,
    parameter_carried_in,
    parameter_in_front,
    picked,
    prey_and_hunters,
    scalar,
    scored,
    two_layers,
    weights,
)

from engine import Value, compile, dot, tanh  # noqa: A004
from engine.replay.backends.llvm import cache, machine
from engine.replay.backends.llvm.machine import FLAGS, HOST, Machine
from engine.replay.backends.llvm.step import write_step
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.rolling.roll import roll

CASES: dict[str, Callable[[int], Case]] = {
    "a cell": partial(cell, hidden=3),
    "a cell with matrices": partial(cell, hidden=9),
    "an integrator": integrator,
    "Heun's method": prey_and_hunters,
    "LSTM": partial(lstm, hidden=6),
    "two loops": in_windows,
    "a state of three steps ago": partial(scalar, delayed),
    "early trips read by all others": of_early_trips,
    "a parameter carried in": parameter_carried_in,
    "a step of 1 / steps": lambda trips: scalar(
        lambda w, s, x, k: s[-1] + w[0] * s[-1] * (1.0 / trips), trips
    ),
    "another constant at every step": partial(scalar, lambda w, s, x, k: w[0] * s[-1] + 0.01 * k * k * w[1]),
}


def of_the_last(trips: int) -> Case:
    """Only the last of the inputs is read."""
    w = weights(1)

    def function(xs: Any) -> Any:
        state = xs[-1]
        for _ in xs:
            state = tanh(w[0] * state)
        return state

    return Case(function, w, [[0.1] * trips])


def remembering(trips: int) -> Case:
    """A state of long ago is read at the end, too: to all others no gradient is owed there."""
    w = weights(1)

    def function(x: Any) -> Any:
        states = [x]
        for _ in range(trips):
            states.append(tanh(w[0] * states[-1]))
        return states[-1] * states[1]

    return Case(function, w, [0.4])


CASES["the last input"] = of_the_last
# Beside these loops there are instructions on rows by trip. For a single sample, where rows are the lanes of
# vectors, their code follows the number of rows.
BESIDE: dict[str, Callable[[int], Case]] = {
    "a loss at every step": partial(integrator, each=True),
    "a sum of curves": scored,
    "letters": picked,
    "both directions": both_directions,
    "two layers": partial(two_layers, by_step=False),
    "a parameter in front": parameter_in_front,
    "a state of long ago": remembering,
}


def text_of(case: Case, lanes: int, entry: str = "gradients") -> str:
    """The text of a whole step."""
    widths = [len(each) if isinstance(each, list) else 1 for each in case.sample]
    made = Machine(roll(case.tape()), widths, lanes)
    module = Module(HOST.registers, made._precision)
    write_step(module, made.program, widths, made._layout, FLAGS[platform.machine()], entry)
    return str(module)


@pytest.mark.parametrize("lanes", [1, 16])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_another_length_has_the_same_text(case: Callable[[int], Case], lanes: int) -> None:
    for entry in ("outputs", "gradients"):
        assert text_of(case(31), lanes, entry) == text_of(case(70), lanes, entry)


@pytest.mark.parametrize("case", BESIDE.values(), ids=BESIDE)
def test_what_stands_beside_a_loop_has_the_same_text_too(case: Callable[[int], Case]) -> None:
    for entry in ("outputs", "gradients"):
        assert text_of(case(41), 16, entry) == text_of(case(90), 16, entry)


def test_without_a_loop_no_number_is_symbolic() -> None:
    assert "%size" not in text_of(deep(3), 16)
    assert "%size" in text_of(cell(31), 16)


def read_out(weights: list[Value]) -> Callable[..., Any]:
    """A cell whose state is compared at every step; the mean of that."""

    def loss(xs: Any, ys: Any) -> Any:
        h: list[Any] = [0.1, 0.2]
        found: Any = 0.0
        for x, y in zip(xs, ys, strict=True):
            h = [tanh(dot(row, [x, *h])) for row in (weights[:3], weights[3:])]
            found = found + (h[0] - y) ** 2
        return found / len(ys)

    return loss


def batch(length: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(length)
    return draw.normal(size=(20, length)), draw.normal(size=(20, length))


def test_a_second_length_makes_no_code_and_has_the_bits_of_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(cache.VARIABLE, "off")
    made: list[str] = []
    parse = binding.parse_assembly

    def parsed(text: str) -> Any:
        made.extend([text] if "@gradients(" in text else [])
        return parse(text)

    monkeypatch.setattr(binding, "parse_assembly", parsed)
    parameters = weights(6)
    numbers = [each.data for each in parameters]
    program = compile(read_out(parameters), parameters, executor="llvm")
    program.value_and_gradients(numbers, *batch(70))
    assert len(made) == 1
    losses, gradient = program.value_and_gradients(numbers, *batch(31))
    assert len(made) == 1
    other = compile(read_out(parameters), parameters, executor="llvm")
    monkeypatch.setattr(machine, "SHARED", WeakValueDictionary())
    alone = other.value_and_gradients(numbers, *batch(31))
    assert len(made) == 2
    assert (losses.tolist(), gradient.tolist()) == (alone[0].tolist(), alone[1].tolist())


def test_code_is_freed_with_the_last_who_uses_it() -> None:
    program = compile(read_out(parameters := weights(6)), parameters, executor="llvm")
    program(*batch(31)[:2])
    before = len(machine.SHARED)
    del program
    gc.collect()
    assert len(machine.SHARED) < before
