"""Runs: many small instructions, one after the other, as straight-line code; also where there is no loop."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from test_llvm_straight import scaled_by_given
from test_repeat import rows

from engine.functions import dot, logsumexp, norm
from engine.replay.backends.llvm import plans
from engine.replay.backends.llvm.executor import LlvmExecutor, seconds_to_make
from engine.replay.backends.llvm.writing.module import FLOAT, Module
from engine.replay.backends.llvm.writing.text import Exact
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.expression import Argument
from engine.replay.program.program import Elementwise, Program, Reduction, Rows, Space, SumOfProducts
from engine.replay.recording.record import record
from engine.replay.rolling.roll import roll
from engine.value import Value


def irregular(steps: int, seed: int) -> tuple[Callable[[Any], Any], list[Value]]:
    """Sums, products, quotients and tanh of what there is, parameters and two inputs, drawn by chance."""
    draw = random.Random(seed)
    w = [Value(draw.uniform(-0.5, 0.5)) for _ in range(12)]
    choices = [[draw.random() for _ in range(4)] for _ in range(steps)]

    def loss(x: Any) -> Any:
        found: list[Any] = [*x, *w]
        for *places, kind in choices:
            a, b, c = (found[int(place * len(found))] for place in places)
            found.append(
                a * b + c * 0.5 if kind < 0.6 else (a - b).tanh() if kind < 0.8 else a / (b * b + 1.0)
            )
        return found[-1] + found[-2] * found[-3] + dot(w, found[: len(w)])

    return loss, w


def pieces(program: Program) -> list[list[Any]]:
    """Of each part: how long its runs are, its loops, and which instructions are between them."""

    def told(piece: Any) -> Any:
        if isinstance(piece, list):
            return [type(one).__name__ for one in piece]
        return len(piece) if isinstance(piece, tuple) else type(piece).__name__

    planned = plans.plans(program)
    return [list(map(told, plans.pieces(instructions, planned))) for _, instructions in program.parts()]


@pytest.mark.parametrize("seed", range(3))
def test_a_function_without_order_is_straight_line_code(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    loss, w = irregular(50, seed)
    program = roll(record(loss, w, [[0.5, 0.25]]))
    monkeypatch.setattr(plans, "MANY", 4)
    assert all(any(isinstance(piece, int) for piece in part) for part in pieces(program))  # shared ones too
    weights = np.array([value.data for value in w])
    for samples in (1, 17):
        x = np.random.default_rng(seed).uniform(-1.0, 1.0, (samples, 2))
        losses, gradient = NumpyExecutor(program, [2]).gradients(weights, [x], samples)
        found = [
            LlvmExecutor(program, [2], checked=checked).gradients(weights, [x], samples)
            for checked in (False, True)
        ]
        assert found[0][0] == pytest.approx(losses, rel=1e-12, abs=1e-12)
        assert found[0][1] == pytest.approx(gradient, rel=1e-12, abs=1e-12 * abs(gradient).max())
        assert found[0][1].tobytes() == found[1][1].tobytes()
    narrow = LlvmExecutor(program, [2], precision=FLOAT).gradients(weights, [x], samples)[1]
    assert narrow == pytest.approx(gradient, rel=1e-4, abs=1e-4 * abs(gradient).max())


def test_reductions_of_several_rows_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MANY", 1)
    monkeypatch.setattr(plans, "MOST_OPERATIONS", 1000)
    w = [Value(0.5), Value(-1.0)]

    def loss(x: Any) -> Any:
        y = [w[0] * a for a in x]
        return logsumexp(y[:3]) * logsumexp(y[1:]) + norm(y[:2]) * norm(y[2:]) * w[1]

    program = roll(record(loss, w, [[0.1, 0.2, 0.3, 0.4]]))
    assert max(len(each.out) for each in program.forward if isinstance(each, Reduction)) == 2
    assert [len(part) for part in pieces(program)] == [0, 1, 2, 0]  # all but the seed
    x, weights = np.random.default_rng(0).normal(size=(9, 4)), np.array([0.5, -1.0])
    losses, gradient = NumpyExecutor(program, [4]).gradients(weights, [x], 9)
    found = LlvmExecutor(program, [4], checked=True).gradients(weights, [x], 9)
    assert found[0] == pytest.approx(losses, rel=1e-13)
    assert found[1] == pytest.approx(gradient, rel=1e-13)


def test_what_stands_beside_a_loop_is_straight_line_code_too() -> None:
    """But no seed, which is for some lanes only, and nothing that grows with the trips."""
    program = scaled_by_given(12, 4)
    assert pieces(program) == [[], [1, "Repeat"], [["Elementwise"], 2, "Repeat", 1], []]
    planned = plans.plans(program)
    for long in (
        SumOfProducts(rows(Space.VALUE, 0), (1000,), Rows(Space.VALUE, (0,) * 1000)),
        Elementwise(rows(Space.ADJOINT, 0, 1000), 0.0, ()),
        Elementwise(rows(Space.VALUE, 0, 1000), Argument(0) * 2.0, (rows(Space.VALUE, 0, 1000),)),
    ):
        assert list(plans.pieces([long], planned)) == [[long]]


def test_few_instructions_have_a_kernel_each_and_a_run_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    small = scaled_by_given(12, 4).forward[0]
    assert list(plans.pieces([small] * 29, {})) == [[small] * 29]
    assert list(plans.pieces([small] * 30, {})) == [(small,) * 30]
    forward = replace(scaled_by_given(12, 4), forward=(small,) * 30, backward=())
    seconds = seconds_to_make(forward)
    monkeypatch.setattr(plans, "MANY", 31)
    assert seconds < 0.7 * seconds_to_make(forward)
    monkeypatch.undo()
    monkeypatch.setattr(plans, "MOST_LINES", 25)
    assert list(plans.pieces([small] * 31, {})) == [(small,) * 2] * 15 + [(small,)]  # of 12 lines each


def test_loops_are_written_turn_by_turn_only_where_that_is_asked_for() -> None:
    module = Module(16)
    text = Exact(module, "f")
    with text.unrolled():
        assert text.loop(0, 3, lambda number, so_far: [f"{so_far[0]}{number}"], ["x"]) == ["x012"]
    text.loop(0, 3, lambda _, so_far: so_far, [text.number(0.0)])
    text.end()
    assert sum(line.startswith("loop") for line in module.functions[0].splitlines()) == 1
