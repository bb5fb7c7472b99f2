"""Matrices cut into blocks: the same products, and no listed matrix left where the blocks are large."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from test_llvm import weights

from engine.functions import dot, tanh, total
from engine.replay.backends.llvm.affine import blocks, in_blocks
from engine.replay.backends.llvm.executor import LlvmExecutor
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.program import (
    LaneProduct,
    Matrix,
    MatrixProduct,
    Program,
    Space,
    every,
)
from engine.replay.recording.record import record
from engine.replay.rolling.roll import roll

STATES, INPUTS = 5, 2


def cell(trips: int) -> tuple[Any, list[Any]]:
    """Three gates of a state; the weights of the inputs, those of the states and biases lie apart."""
    w = weights(3 * STATES * (STATES + INPUTS + 1))
    of_x, of_h, biases = w[: 3 * STATES * INPUTS], w[3 * STATES * INPUTS : -3 * STATES], w[-3 * STATES :]

    def gate(which: int, x: Any, h: Any) -> list[Any]:
        rows = [which * STATES + row for row in range(STATES)]
        return [
            dot(
                [*of_x[k * INPUTS : (k + 1) * INPUTS], *of_h[k * STATES : (k + 1) * STATES]],
                [*x, *h],
                biases[k],
            )
            for k in rows
        ]

    def loss(xs: Any) -> Any:
        h = [*xs[:2], *xs[:2], xs[0]]
        for k in range(trips):
            last, first, middle = (gate(which, xs[2 * k : 2 * k + 2], h) for which in (2, 0, 1))
            h = [tanh(a) * b.sigmoid() + c for a, b, c in zip(last, first, middle, strict=True)]
        return total(h)

    return loss, w


def listed(program: Program) -> list[Matrix]:
    """The listed matrices of several rows and columns, in products or as their results."""
    found = [one for _, part in program.parts() for one in every(part)]
    matrices = [one.matrix for one in found if isinstance(one, MatrixProduct)]
    matrices += [one.out for one in found if isinstance(one, LaneProduct)]
    return [matrix for matrix in matrices if matrix.listed and min(matrix.rows, matrix.columns) > 1]


@pytest.mark.parametrize("trips", [3, 12])  # flat, and as the body of a loop
def test_products_by_blocks_are_the_same(trips: int) -> None:
    loss, w = cell(trips)
    program = roll(record(loss, w, [[0.25] * 2 * trips]))
    changed = in_blocks(program)
    changed.verify()
    assert listed(program)
    assert not listed(changed)
    generator = np.random.default_rng(0)
    numbers = np.array([p.data for p in w])
    executors: list[Any] = [NumpyExecutor(changed, [2 * trips])]
    if program.has_loops:
        executors.append(LlvmExecutor(program, [2 * trips], checked=True))
    for samples in (1, 7):
        x = generator.normal(size=(samples, 2 * trips))
        losses, gradient = NumpyExecutor(program, [2 * trips]).gradients(numbers, [x], samples)
        for executor in executors:
            own, sums = executor.gradients(numbers, [x], samples)
            assert own == pytest.approx(losses, rel=1e-13, abs=1e-13)
            assert sums == pytest.approx(gradient, rel=1e-12, abs=1e-12 * abs(gradient).max())


def test_what_adds_goes_on_adding() -> None:
    loss, w = cell(2)
    program = roll(record(loss, w, [[0.25] * 4]))
    (product, *_) = (one for one in program.forward if isinstance(one, MatrixProduct) and one.matrix.listed)
    adding = replace(program, forward=(replace(product, bias=None, accumulate=True),), backward=())
    stored = {}
    for one in in_blocks(adding).forward:
        assert isinstance(one, MatrixProduct)
        assert one.accumulate
        stored.update(dict.fromkeys(one.out.places))
    assert sorted(stored) == sorted(product.out.places)


@pytest.mark.parametrize(
    ("rows", "columns", "places", "count"),
    [
        (2, 8, (*range(8), *range(20, 28)), 1),
        (2, 3, (7, 0, 1, 8, 2, 3), 0),  # too small to be worth two
        (3, 4, (7, 0, 1, 2, 8, 3, 4, 5, 9, 6, 7, 8), 2),
        (6, 5, tuple(p for row in (0, 1, 2, 6, 7, 8) for p in (40 + row, *range(4 * row, 4 * row + 4))), 4),
        (2, 6, (5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6), 0),  # backwards
        (4, 4, (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3), 0),
    ],
)
def test_blocks_cover_a_matrix_once(rows: int, columns: int, places: tuple[int, ...], count: int) -> None:
    found = blocks(Matrix(Space.WEIGHT, rows, columns, listed=places))
    assert len(found) == count
    entries = np.full((rows, columns), -1)
    for block in found:
        inner = entries[block.rows, block.columns]
        assert (inner == -1).all()
        inner[...] = np.reshape(block.matrix.places, inner.shape)
    assert not count or entries.ravel().tolist() == list(places)
