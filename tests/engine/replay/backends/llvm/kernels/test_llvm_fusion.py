"""Fusion: products with an elementwise instruction at their end have the results of the two."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from engine.functions import dot, total
from engine.replay.backends.interface import form_of
from engine.replay.backends.llvm.call import call_for
from engine.replay.backends.llvm.kernels.fusion import Fused, fused, readers
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.machine import Machine
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.program import Elementwise, MatrixProduct, Program, Rows, Space
from engine.replay.recording.record import record
from engine.replay.rolling.roll import roll
from engine.value import Value

Layer = Callable[[list[Any]], list[Any]]


def program(finish: Layer) -> tuple[Program, Any]:
    """Two layers of 9 neurons with something after each, and a sum."""
    draw = random.Random(0)
    w = [Value(draw.uniform(-1, 1)) for _ in range(9 * 4 + 9 * 10)]
    rows = [w[4 * k : 4 * k + 4] for k in range(9)] + [w[36 + 10 * k : 46 + 10 * k] for k in range(9)]

    def loss(x: Any) -> Any:
        first = finish([dot(row[:3], x, row[3]) for row in rows[:9]])
        return total(finish([dot(row[:9], first, row[9]) for row in rows[9:]]))

    return roll(record(loss, w, [[0.5, -0.25, 1.5]])), np.array([value.data for value in w])


FINISHES: dict[str, Layer] = {
    "relu": lambda values: [v.relu() for v in values],
    "tanh": lambda values: [v.tanh() for v in values],
    "a residual": lambda values: [v.relu() + v for v in values],
    "a product with itself": lambda values: [(v * 0.5).exp() for v in values],
    "calls of the C library": lambda values: [v.erf() for v in values],
}


def pairs(whole: Program, lanes: int) -> list[Fused]:
    layout, counts = Layout(whole, lanes), readers(whole)
    return [each for _, part in whole.parts() for each in fused(part, layout, counts) if each.finish]


@pytest.mark.parametrize("name", FINISHES)
def test_results_are_those_of_numpy(name: str) -> None:
    whole, numbers = program(FINISHES[name])
    for lanes in (1, 8, 24):
        machine = Machine(whole, (3,), lanes, checked=True)
        for count in (1, 7, 30):
            arrays = [np.random.default_rng(count).normal(size=(count, 3))]
            losses, gradient = NumpyExecutor(whole, (3,)).gradients(numbers, arrays, count)
            given = (numbers, *arrays)
            found = call_for(machine, "gradients", count, form_of(given))(given)
            assert found is not None
            assert found[0] == pytest.approx(losses, rel=1e-13, abs=1e-13)
            assert found[1] == pytest.approx(gradient, rel=1e-12, abs=1e-12)


def test_what_nobody_else_reads_is_not_stored() -> None:
    whole, _ = program(FINISHES["relu"])
    assert [each.is_kept for each in pairs(whole, 8)] == [False] * 3  # two layers, and the way back into one
    whole, _ = program(FINISHES["a residual"])
    assert any(each.is_kept for each in pairs(whole, 8))
    assert len(pairs(program(FINISHES["calls of the C library"])[0], 8)) == 1  # its derivative calls none
    assert not pairs(program(FINISHES["relu"])[0], 1)  # 9 neurons are no whole vectors


def test_instructions_that_get_in_each_others_way_stay_apart() -> None:
    whole, _ = program(FINISHES["relu"])
    (product, relu) = whole.forward[:2]
    assert isinstance(product, MatrixProduct)
    assert isinstance(relu, Elementwise)
    start, shifted = product.out.places[0], range(product.out.places[0] + 1, product.out.places[0] + 10)
    for wrong in (
        replace(relu, out=Rows(Space.VALUE, shifted)),
        replace(relu, operands=(Rows(Space.VALUE, shifted),)),
        replace(relu, out=Rows(Space.VALUE, range(1, 10))),
        replace(relu, out=Rows(Space.VALUE, tuple(range(start + 40, start + 22, -2)))),
    ):
        together = replace(whole, forward=(product, wrong), backward=())
        assert not pairs(together, 8)
    assert len(pairs(replace(whole, forward=(product, relu), backward=()), 8)) == 1
