"""The LLVM executor: a program as loops of machine code, made for the processor that it runs on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from engine.replay.backends.interface import Call, Form, form_of
from engine.replay.backends.llvm.affine import in_blocks
from engine.replay.backends.llvm.call import call_for
from engine.replay.backends.llvm.kernels.rows import REDUCTIONS
from engine.replay.backends.llvm.machine import HOST, Machine, Target
from engine.replay.backends.llvm.plans import VECTORS, plans, told_apart
from engine.replay.backends.llvm.trainer import SegmentedTrainer, Trainer
from engine.replay.backends.llvm.writing.functions import PRIMITIVES
from engine.replay.backends.llvm.writing.module import DOUBLE, Precision
from engine.replay.backends.segments import cut, effort
from engine.replay.program.expression import numbers_in
from engine.replay.program.lowering import lower, operations_in
from engine.replay.program.program import (
    Elementwise,
    LaneProduct,
    MatrixProduct,
    Program,
    Repeat,
    Space,
    SumOfProducts,
    every,
)
from engine.replay.program.rule import Rule

__all__ = ["HOST", "LlvmExecutor", "lanes_for", "refusal", "seconds_to_make"]

Array = Any
CACHE = 60_000  # numbers in the rows of one block: somewhat less than 500 kB
ONLY = 90_000  # and of a block that is the whole of a batch: what it adds to is gone through once
# Numbers in the rows that a block goes through once each way, those of every trip; from there on a vector at
# a time. Below that so many vectors are best, or 9 % from the best, for sequences of every length.
OUTER_CACHE = 2**21
VECTORS_IN_LOOPS = 4
MOST_LANES = 128
MOST_CALLS = 16  # kept by an executor
# Seconds that making the code of an instruction takes, with all that is done beside it, on an ordinary core.
SECONDS = {MatrixProduct: 0.03, LaneProduct: 0.015}
SECONDS_OF_OTHERS, SECONDS_OF_A_LINE = 0.004, 0.0002


def refusal(program: Program, precision: Precision = DOUBLE) -> str:
    """Why this program is not for this executor, in words; empty where it is."""
    program = lower(program, PRIMITIVES)
    for operation in operations_in(program):
        if operation not in PRIMITIVES and operation not in REDUCTIONS:
            return f"there is no machine code for {operation.name}, which only its own forward computes"
    for number in _constants(program):
        if math.isfinite(number) and not math.isfinite(precision.nearest(number)):
            return f"the constant {number!r} is beyond {precision.name}"
    return ""


def seconds_to_make(program: Program) -> float:
    """About how long it takes to make the code for one number of lanes: an estimate from the program alone.

    What a loop repeats is written once, and counts once.
    """
    lines, others = told_apart(lower(program, PRIMITIVES))
    return SECONDS_OF_A_LINE * lines + sum(SECONDS.get(type(one), SECONDS_OF_OTHERS) for one in others)


def _constants(program: Program) -> Iterator[float]:
    """All numbers that are written into a program."""
    yield from program.constants
    for _, instructions in program.parts():
        for instruction in every(instructions):
            match instruction:
                case SumOfProducts():
                    yield from instruction.coefficients
                case Elementwise():
                    yield from numbers_in(instruction.expression)


def lanes_for(program: Program, samples: int, precision: Precision = DOUBLE) -> int:
    """How many samples to work on at once: 1, or whole vectors that fit the cache and waste little.

    Loops of straight-line code have as many as they can have in registers.
    """
    vector, straight = precision.vector, plans(in_blocks(lower(program, PRIMITIVES)))
    if samples == 1 or straight:
        return 1 if samples == 1 else min(VECTORS * vector, -(-samples // vector) * vector)
    slots, by_trip = _slots(program)
    most = min(MOST_LANES, max(vector, CACHE // slots // vector * vector))
    if by_trip and program.backward:
        most = min(most, VECTORS_IN_LOOPS * vector)
    if most * (slots + by_trip) > OUTER_CACHE:
        most = vector
    whole = vector << (-(-samples // vector) - 1).bit_length()
    if not by_trip and whole <= 64 and whole * slots <= ONLY:
        return whole
    if samples <= min(most, 64):
        return min(most, whole)
    candidates = range(most, most // 2, -vector)
    return min(candidates, key=lambda lanes: -(-samples // lanes) * lanes)


def _slots(program: Program) -> tuple[int, int]:
    """How many rows are worked in at a time, and how many more there are because every trip has its own."""
    loops = [loop for loop in program.forward if isinstance(loop, Repeat)]
    unused = len(program.inputs) if program.sizes[Space.ADJOINT] and not loops else 0  # adjoints
    rows = program.sizes[Space.VALUE] + program.sizes[Space.ADJOINT] - unused
    ways = 2 if program.sizes[Space.ADJOINT] else 1
    by_trip = {
        row
        for loop in loops
        for transfer in (*loop.steps, *loop.outputs)
        if transfer.outside.space is Space.VALUE
        for row in transfer.outside.places
    }
    frames = sum(loop.trips * len(loop.frame) for loop in program.backward if isinstance(loop, Repeat))
    outside = max(1, rows - ways * len(by_trip))
    bodies = (2 * ways * len(loop.frame) for loop in loops)  # twice: they are needed again at once
    return max([outside, *bodies]), ways * len(by_trip) + frames


class LlvmExecutor:
    """Runs a program on arrays; one batch at a time, for its buffers are its own.

    Code is made when it is first needed, with as many lanes as suit the batch; it serves all later batches,
    whatever their size. Only a single sample has code of its own, and a batch that would fill less than a
    quarter of the lanes. The results of a sample do not depend on the number of lanes (but those of one lane
    may differ in the last digits); sums over the samples, and so gradients, do in their last digits. The same
    batches in the same order give the same bits. In float32, what comes in is of any type, and what comes out
    float32.
    """

    def __init__(
        self,
        program: Program,
        widths: Sequence[int],
        target: Target = HOST,
        precision: Precision = DOUBLE,
        *,
        checked: bool = False,
        threads: int | None = 1,
    ) -> None:
        self.program, self.widths, self.checked = program, tuple(widths), checked
        self.target, self.precision, self.threads = target, precision, threads
        self.name, self.dtype = "llvm-checked" if checked else "llvm", precision.name
        self.watches = True
        self._machines: dict[int, Machine] = {}
        self._calls: dict[tuple[str, Form], Call] = {}

    def machine(self, samples: int) -> Machine:
        """The code for a batch of this size: the first that was made and suits it, else new code."""
        for lanes, machine in self._machines.items():
            if _suits(lanes, samples, self.precision):
                return machine
        lanes = lanes_for(self.program, samples, self.precision)
        machine = Machine(self.program, self.widths, lanes, self.target, self.precision, checked=self.checked)
        self._machines[lanes] = machine
        return machine

    def prepare(self, name: str, samples: int) -> None:
        """Make the code of `outputs` or `gradients` for a batch of this size."""
        self.machine(samples).make(name)

    def call(self, name: str, samples: int, form: Form) -> Call:
        """A function of (weights, *arguments) of these types and shapes; see `call_for`."""
        found = self._calls.get((name, form))
        if found is None:
            while len(self._calls) >= MOST_CALLS:
                self._calls.pop(next(iter(self._calls)))
            found = self._calls[name, form] = call_for(
                self.machine(samples), name, samples, form, self.threads
            )
        return found

    def trainer(self, rule: Rule, size: int, columns: Sequence[Array | None]) -> Trainer | None:
        """Steps of a rule on batches of so many samples; None in float32, and where nothing is trained."""
        machine = self.machine(size)
        if self.precision != DOUBLE or not machine.program.wanted:
            return None
        if len(cut(size, machine.lanes, effort(machine.program, gradient=True))) == 1:
            return Trainer(machine, rule, size, columns)
        call = partial(self.call, "gradients")
        return SegmentedTrainer(machine, rule, size, columns, call)

    def outputs(self, weights: Array, arrays: Sequence[Array], samples: int) -> Array:
        """The results, an array of shape (outputs, samples), of arrays of shape (samples, width)."""
        return self._now("outputs", (weights, *arrays), samples)[0]

    def gradients(self, weights: Array, arrays: Sequence[Array], samples: int) -> tuple[Array, Array]:
        """(the first result of every sample, its gradient by the weights summed over the samples).

        Raises FloatingPointError where something was divided by 0, overflowed or was invalid, where an index
        was none, and where a result is not finite.
        """
        return self._now("gradients", (weights, *arrays), samples)

    def _now(self, name: str, given: Sequence[Array], samples: int) -> tuple[Array, Array]:
        found: tuple[Array, Array] = self.call(name, samples, form_of(given))(given)
        return found


def _suits(lanes: int, samples: int, precision: Precision) -> bool:
    """Whether code for so many lanes is good for such a batch: one lane for one, else a quarter in use."""
    if samples == 1 or lanes == 1:
        return samples == lanes
    return lanes <= max(4 * samples, precision.vector)
