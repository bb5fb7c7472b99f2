"""The NumPy executor: the reference, and the default where nothing faster is installed.

A program is bound to a number of lanes once: every instruction becomes a few calls of NumPy with their
views and buffers already made, and a step is nothing but these calls, one after the other. Large batches go
through in blocks that fit the cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.replay.backends.numpy.binding import Array, Binder, Call
from engine.replay.backends.numpy.functions import FUNCTIONS
from engine.replay.backends.numpy.trainer import NumpyTrainer
from engine.replay.backends.segments import effort
from engine.replay.program.lowering import lower
from engine.replay.program.program import Program, Repeat, Space
from engine.replay.program.rule import Rule

__all__ = ["NumpyExecutor"]

TOGETHER = 128  # samples whose results are computed together
CACHE = 1 << 17  # numbers in the rows of one block: 1 MB
KEPT = 1 << 24  # numbers in the frames that loops keep for the way back: 128 MB


class NumpyExecutor:
    """Runs a program on arrays; one batch at a time, for its buffers are its own."""

    name, dtype, watches = "numpy", "float64", False

    def __init__(self, program: Program, widths: Sequence[int]) -> None:
        """Bind a program; `widths` are the numbers per sample of each argument, whose inputs count on."""
        self.program = program = lower(program, FUNCTIONS)
        self.segments = _segments(program.inputs, widths)
        self.narrow = {space: np.zeros((size, 1)) for space, size in program.sizes.items() if not space.wide}
        self.narrow[Space.CONSTANT][:, 0] = program.constants
        self.block = _block(program)
        once = Binder(program, self.narrow, 1)
        self.shared_forward = once.bind(program.shared_forward)
        self.shared_backward = once.bind(program.shared_backward)
        self._bound: dict[int, _Bound] = {}

    def _at(self, lanes: int) -> _Bound:
        """The program bound to so many lanes; the last few are kept."""
        bound = self._bound.get(lanes)
        if bound is None:
            while len(self._bound) >= 4:
                self._bound.pop(next(iter(self._bound)))
            bound = self._bound[lanes] = _Bound(self.program, self.narrow, lanes)
        return bound

    def prepare(self, name: str, samples: int) -> None:
        """Bind the program to as many lanes as a batch of this size has, or to those of results."""
        self._at(min(self.block, TOGETHER if name == "outputs" else samples))

    def outputs(self, weights: Array, arrays: Sequence[Array], samples: int) -> Array:
        """The results, an array of shape (outputs, samples), of arrays of shape (samples, width).

        They are computed for so many samples at a time, the last one repeated where there are fewer: the last
        digits of a matrix product depend on its size, and so those of a sample depend on no other sample.
        """
        self._begin(weights)
        found = np.empty((len(self.program.outputs), samples))
        bound = self._at(min(self.block, TOGETHER))
        for start in range(0, samples, bound.lanes):
            bound.load(self.segments, arrays, start)
            _run(bound.forward)
            found[:, start : start + bound.lanes] = bound.outputs[:, : samples - start]
        return found

    def gradients(self, weights: Array, arrays: Sequence[Array], samples: int) -> tuple[Array, Array]:
        """(the first result of every sample, its gradient by the weights summed over the samples)."""
        self._begin(weights)
        losses = np.empty(samples)
        gradient, shared = self.narrow[Space.GRADIENT], self.narrow[Space.SHARED_ADJOINT]
        totals: tuple[Array, Array] | None = None
        for start in range(0, samples, self.block):
            bound = self._at(min(self.block, samples - start))
            gradient.fill(0.0)
            shared.fill(0.0)
            bound.load(self.segments, arrays, start)
            _run(bound.forward)
            _run(bound.backward)
            losses[start : start + bound.lanes] = bound.outputs[0]
            if samples > self.block:
                totals = _add(totals, (gradient.copy(), shared.copy()))
        if totals is not None:
            gradient[:], shared[:] = totals
        _run(self.shared_backward)
        return losses, gradient[: self.program.wanted, 0].copy()

    def trainer(self, rule: Rule, size: int, columns: Sequence[Array | None]) -> NumpyTrainer | None:
        """Steps of a rule on batches of so many samples; None where nothing is trained."""
        wanted, work = self.program.wanted, effort(self.program, gradient=True)
        return NumpyTrainer(rule, wanted, size, columns, self.gradients, work) if wanted else None

    def _begin(self, weights: Array) -> None:
        self.narrow[Space.WEIGHT][:, 0] = weights
        _run(self.shared_forward)


def _block(program: Program) -> int:
    """How many samples go through at a time: their rows fit the cache, and memory what loops keep of them."""
    slots = sum(size for space, size in program.sizes.items() if space.wide)
    block = min(4096, max(64, CACHE // max(1, slots) // 8 * 8))
    loops = [instruction for instruction in program.forward if isinstance(instruction, Repeat)]
    kept = sum(loop.trips * len(loop.frame) for loop in loops) if program.backward else 0
    return max(1, min(block, KEPT // max(1, kept)))


def _add(totals: tuple[Array, Array] | None, parts: tuple[Array, Array]) -> tuple[Array, Array]:
    return parts if totals is None else (totals[0] + parts[0], totals[1] + parts[1])


def _run(calls: list[Call]) -> None:
    for call in calls:
        call()


class _Bound:
    """A program with the buffers for a number of lanes."""

    def __init__(self, program: Program, narrow: dict[Space, Array], lanes: int) -> None:
        binder = Binder(program, narrow, lanes)
        self.lanes = lanes
        self.values = binder.base[Space.VALUE]
        self.forward = binder.bind(program.forward)
        self.backward = binder.bind(program.backward)
        self.outputs = binder.view(program.outputs)

    def load(self, segments: Sequence[_Segment], arrays: Sequence[Array], start: int) -> None:
        """Copy the samples from `start` on into the first rows of VALUE."""
        stop = start + self.lanes
        for rows, argument, columns in segments:
            given = arrays[argument][start:stop, columns].T
            self.values[rows, : given.shape[1]] = given
            if given.shape[1] < self.lanes:
                self.values[rows, given.shape[1] :] = given[:, -1:]


_Segment = tuple[slice, int, slice]  # rows of VALUE, the argument that they come from, its columns


def _segments(inputs: Sequence[int], widths: Sequence[int]) -> list[_Segment]:
    """Which rows are which columns of which argument; neighbors stay together."""
    places = [(argument, column) for argument, width in enumerate(widths) for column in range(width)]
    segments: list[_Segment] = []
    for row, number in enumerate(inputs):
        argument, column = places[number]
        if segments:
            rows, before, columns = segments[-1]
            if before == argument and columns.stop == column:
                segments[-1] = (slice(rows.start, row + 1), argument, slice(columns.start, column + 1))
                continue
        segments.append((slice(row, row + 1), argument, slice(column, column + 1)))
    return segments
