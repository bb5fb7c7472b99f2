"""Products of layers as machine code: tiles of every size, and lanes in several chunks."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from test_llvm import close, matrix, run, weights

from engine.functions import dot, total
from engine.replay.backends.llvm.machine import Machine
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.recording.record import record
from engine.replay.rolling.roll import roll


@pytest.mark.parametrize(
    ("rows", "lanes"),
    [(6, 32), (7, 32), (10, 24), (10, 40), (11, 104)],  # tiles alike or of two sizes; chunks of 16 lanes
)
def test_layers_agree_with_numpy(rows: int, lanes: int) -> None:
    w = weights(8 * rows + rows * 2)
    first, second = matrix(w, rows, 8), matrix(w[8 * rows :], 2, rows)
    tape = record(
        lambda x: total([dot(row, [dot(each, x).relu() for each in first]) ** 2 for row in second]),
        w,
        [[0.25] * 8],
    )
    program = roll(tape)
    numbers, x = np.array([p.data for p in w]), np.random.default_rng(rows).normal(size=(lanes - 1, 8))
    expected = NumpyExecutor(program, [8]).gradients(numbers, [x], lanes - 1)
    found = run(Machine(program, (8,), lanes, checked=True), "gradients", numbers, (x,))
    assert all(close(own, other) for own, other in zip(found, expected, strict=True))
