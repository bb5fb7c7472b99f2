"""The LLVM executor: a program as loops of machine code, made for the processor that it runs on.

Reading order: `llvm_lines` and `llvm_text` (how text is written), `llvm_math` and `llvm_functions` (what is
computed), `llvm_layout` (where everything lies), `llvm_rows`, `llvm_sums` and `llvm_products` (the kernels),
`llvm_step` (what a call does), `llvm_machine` (from text to machine code, and who owns the memory).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from engine.replay.expression import numbers_in
from engine.replay.llvm_functions import is_known
from engine.replay.llvm_machine import HOST, Machine, Target
from engine.replay.llvm_module import DOUBLE, Precision
from engine.replay.program import Elementwise, Fill, Program, Space, SumOfProducts

__all__ = ["HOST", "LlvmExecutor", "lanes_for", "refusal"]

Array = Any
CACHE = 60_000  # numbers in the rows of one block: somewhat less than 500 kB
MOST_LANES = 128
MOST_MACHINES, MOST_SIZES = 6, 1000  # kept by an executor
MOST_INSTRUCTIONS = 600  # beyond which making the code takes longer than it saves


def refusal(program: Program, precision: Precision = DOUBLE) -> str:
    """Why this program is not for this executor, in words; empty where it is."""
    if len(program) > MOST_INSTRUCTIONS:
        return f"{len(program):,} instructions, more than {MOST_INSTRUCTIONS}: it is too irregular"
    for _, instructions in program.parts():
        for instruction in instructions:
            if isinstance(instruction, Elementwise) and not is_known(instruction.expression):
                return f"no machine code for {instruction.expression!r}"
    for number in _constants(program):
        if math.isfinite(number) and not math.isfinite(precision.nearest(number)):
            return f"the constant {number!r} is beyond {precision.name}"
    return ""


def _constants(program: Program) -> Iterator[float]:
    """All numbers that are written into a program."""
    yield from program.constants
    for _, instructions in program.parts():
        for instruction in instructions:
            match instruction:
                case Fill():
                    yield instruction.number
                case SumOfProducts():
                    yield from instruction.coefficients
                case Elementwise():
                    yield from numbers_in(instruction.expression)


def lanes_for(program: Program, samples: int, precision: Precision = DOUBLE) -> int:
    """How many samples to work on at once: 1, or a multiple of 8 that fits the cache and wastes little.

    It depends on nothing else, so that a batch has the same bits whatever was run before it.
    """
    if samples == 1:
        return 1
    slots = max(1, program.sizes[Space.VALUE] + program.sizes[Space.ADJOINT])
    vector = precision.vector
    most = min(MOST_LANES, max(vector, CACHE // slots // vector * vector))
    if samples <= min(most, 64):
        return min(most, vector << (-(-samples // vector) - 1).bit_length())
    candidates = range(most, most // 2, -vector)
    return min(candidates, key=lambda lanes: -(-samples // lanes) * lanes)


class LlvmExecutor:
    """Runs a program on arrays; one batch at a time, for its buffers are its own.

    Code is made when it is first needed, for as many lanes as suit the batch; it serves batches of every size
    that suit it as well. In float32, what comes in is of any type, and what comes out float32.
    """

    def __init__(
        self,
        program: Program,
        widths: Sequence[int],
        target: Target = HOST,
        precision: Precision = DOUBLE,
        *,
        checked: bool = False,
    ) -> None:
        self.program, self.widths, self.checked = program, tuple(widths), checked
        self.target, self.precision = target, precision
        self.name, self.dtype = "llvm-checked" if checked else "llvm", precision.name
        self.watches = True
        self._machines: dict[int, Machine] = {}
        self._lanes: dict[int, int] = {}

    def machine(self, samples: int) -> Machine:
        """The code for a batch of this size; the last few are kept."""
        lanes = self._lanes.get(samples)
        if lanes is None:
            if len(self._lanes) >= MOST_SIZES:
                self._lanes.clear()
            lanes = self._lanes[samples] = lanes_for(self.program, samples, self.precision)
        machine = self._machines.get(lanes)
        if machine is None:
            while len(self._machines) >= MOST_MACHINES:
                self._machines.pop(next(iter(self._machines)))
            machine = self._machines[lanes] = Machine(
                self.program, self.widths, lanes, self.target, self.precision, checked=self.checked
            )
        return machine

    def prepare(self, samples: int) -> None:
        """Make the code for a batch of this size."""
        self.machine(samples)

    def outputs(self, weights: Array, arrays: Sequence[Array], samples: int) -> Array:
        """The results, an array of shape (outputs, samples), of arrays of shape (samples, width)."""
        return self.machine(samples).outputs(weights, arrays, samples)

    def gradients(self, weights: Array, arrays: Sequence[Array], samples: int) -> tuple[Array, Array]:
        """(the first result of every sample, its gradient by the weights summed over the samples).

        Raises FloatingPointError where something was divided by 0, overflowed or was invalid, where an index
        was none, and where a result is not finite.
        """
        return self.machine(samples).gradients(weights, arrays, samples)
