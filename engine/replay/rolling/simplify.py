"""Simplify: the tape without what need not be computed for every sample, or twice.

Constants are folded, what is computed twice is computed once, and what no result needs is left out: no
result changes. Where several numbers are divided by one, as in softmax, they are multiplied by its
reciprocal, which changes them in the last digit.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress

from engine import ops
from engine.errors import DomainError
from engine.operation import Operation
from engine.replay.program.program import Space
from engine.replay.recording.selection import BEYOND_ONE, LARGEST, LESS, PICK, SHIFTED_EXP
from engine.replay.recording.tape import Leaf, LeafKind, Leaves, Tape
from engine.replay.rolling.exact import exact_places

__all__ = ["Flat", "is_power_of_two", "simplify"]

NONE = -1


@dataclass
class Flat:
    """Scalar nodes in an order in which operands come first; a leaf has no operation.

    The first places are those of so many `parameters`, and of so many `weights` in all, with those of held
    values; `leaves` are the other leaves.
    `spaces` tells in which space of a program each will have its row, `wanted` whose gradient is on the way
    to a parameter's; `uses` counts the operands and results that a node is: 0 where no result needs it.
    `exact` are the sums and products that must not be taken apart, `from_zero` the inputs that must not be
    negative.
    """

    operations: list[Operation | None] = field(default_factory=list)
    operands: list[tuple[int, ...]] = field(default_factory=list)
    parameters: int = 0
    weights: int = 0
    leaves: dict[int, Leaf] = field(default_factory=dict)
    constants: dict[int, float] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)  # the places of constants, by their digits
    outputs: list[int] = field(default_factory=list)
    spaces: list[Space] = field(default_factory=list)
    wanted: list[bool] = field(default_factory=list)
    uses: list[int] = field(default_factory=list)
    exact: set[int] = field(default_factory=set)
    from_zero: frozenset[int] = frozenset()

    def leaf(self, place: int) -> Leaf:
        """The leaf at a place."""
        if place >= self.weights:
            return self.leaves[place]
        number = place - self.parameters
        return (
            Leaf(LeafKind.HELD, number, 0.0, "") if number >= 0 else Leaf(LeafKind.PARAMETER, place, 0.0, "")
        )

    def varies(self, place: int) -> bool:
        """Whether a node depends on the sample."""
        return self.spaces[place] is Space.VALUE

    def new_place(self, space: Space, *, wanted: bool = False) -> int:
        """A place for what no instruction of the tape stands for."""
        self.operations.append(None)
        self.operands.append(())
        self.uses.append(1)
        self.spaces.append(space)
        self.wanted.append(wanted)
        return len(self.operations) - 1

    def constant(self, number: float) -> int:
        """The place of a constant; equal ones have one."""
        known = number.hex()
        if known not in self.numbers:
            place = self.numbers[known] = self.new_place(Space.CONSTANT)
            self.leaves[place] = Leaf(LeafKind.CONSTANT, 0, number, "")
            self.constants[place] = number
        return self.numbers[known]


def simplify(tape: Tape, outputs: tuple[int, ...]) -> Flat:
    """The nodes of the tape that these outputs need, each once."""
    flat = _Building()
    places = [NONE] * len(tape)
    first = len(tape.leaves)
    leaves, needed = _needed(tape, outputs)
    exact = exact_places(tape, needed)
    instructions = [tape.instructions[place - first] for place in needed]
    divisors = Counter(operands[1] for operation, operands, _ in instructions if operation is ops.divide)
    is_shared = any(count > 1 for count in divisors.values())  # then all are treated alike, and roll together
    flat.take_leaves(tape.leaves, leaves, places)
    for place, (operation, operands, _) in zip(needed, instructions, strict=True):
        given = tuple(map(places.__getitem__, operands))
        if place in exact:
            places[place] = flat.exactly(operation, given)
        elif operation is ops.divide and is_shared:
            places[place] = flat.quotient(*given)
        elif operation is PICK:
            places[place] = flat.picked(given)
        elif operation is ops.logsumexp:
            places[place] = flat.logsumexp(given)
        else:
            places[place] = flat.node(operation, given)
    flat.outputs = [places[place] for place in outputs]
    flat.from_zero = tape.from_zero
    _mark(flat)
    return flat


def _needed(tape: Tape, outputs: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """The places that the outputs depend on, in order: of leaves, and of instructions."""
    first = len(tape.leaves)
    needed = bytearray(len(tape))
    for place in outputs:
        needed[place] = 1
    for place in range(len(tape) - 1, first - 1, -1):
        if needed[place]:
            for operand in tape.instructions[place - first].operands:
                needed[operand] = 1
    places = list(compress(range(len(tape)), needed))
    leaves = needed[:first].count(1)
    return places[:leaves], places[leaves:]


class _Building(Flat):
    """A Flat that grows, and knows what it has already."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[object, ...], int] = {}

    def take_leaves(self, leaves: Leaves, needed: Sequence[int], places: list[int]) -> None:
        """The weights, and those of the other leaves that are needed; `places` gets their places.

        Equal constants have one place.
        """
        self.parameters, self.weights = len(leaves.parameters), leaves.weights
        self.operations += [None] * self.weights
        self.operands += [()] * self.weights
        places[: self.weights] = range(self.weights)
        for place in needed[bisect_left(needed, self.weights) :]:
            leaf = leaves.others[place - self.weights]
            if leaf.kind is LeafKind.CONSTANT:
                places[place] = self.constant(leaf.number)
            else:
                places[place] = self.new_place(Space.VALUE)
                self.leaves[places[place]] = leaf

    def node(self, operation: Operation, operands: tuple[int, ...]) -> int:
        """The place of this operation on these operands, simplified."""
        if self.constants and not self.constants.keys().isdisjoint(operands):
            simpler = self._with_constants(operation, operands)
            if simpler is not None:
                return simpler
        is_turned = operation.arity == 2 and operation.commutative and operands[0] > operands[1]
        key = (operation, *(operands[::-1] if is_turned else operands))
        known = self._known.setdefault(key, len(self.operations))
        if known == len(self.operations):
            self.operations.append(operation)
            self.operands.append(operands)
        return known

    def exactly(self, operation: Operation, operands: tuple[int, ...]) -> int:
        """The place of a sum or product as eager computes it: one addition after the other, left to right."""
        if operation is ops.dot:
            half = len(operands) // 2
            pairs = zip(operands[:half], operands[half : 2 * half], strict=True)
            zero = self.constant(0.0)
            parts = [*(operands[2 * half :] or [zero]), *(self.exactly(ops.multiply, pair) for pair in pairs)]
            return self.exactly(ops.total, tuple(parts))
        if operation is not ops.total:
            place = self.node(operation, operands)
            self.exact.add(place)
            return place
        place, *others = operands
        for other in others:
            place = self.exactly(ops.add, (place, other))
        return place

    def quotient(self, dividend: int, divisor: int) -> int:
        """The place of a quotient as a product with the reciprocal, which other quotients may share."""
        if divisor in self.constants or self.constants.get(dividend) == 1.0:
            return self.node(ops.divide, (dividend, divisor))
        one = self.constant(1.0)
        return self.node(ops.multiply, (dividend, self.node(ops.divide, (one, divisor))))

    def picked(self, operands: tuple[int, ...]) -> int:
        """The place of a choice; one among differences to the same number, as in log_softmax, comes first.

        The largest is subtracted before anything else: later it would cost the digits of what is small.
        """
        index, *choices = operands
        differences = [self.operands[c] for c in choices if self.operations[c] is ops.subtract]
        if len(differences) < len(choices) or len({subtrahend for _, subtrahend in differences}) > 1:
            return self.node(PICK, operands)
        chosen, subtrahend = self.picked((index, *(minuend for minuend, _ in differences))), differences[0][1]
        difference = self.node(ops.subtract, (chosen, subtrahend))
        if self.operations[subtrahend] is LARGEST:
            self.exact.add(difference)
        return difference

    def logsumexp(self, operands: tuple[int, ...]) -> int:
        """The largest plus log1p of what the sum of exp(x − largest) is beyond 1: no digit is lost.

        Of the differences to their largest, as in log_softmax, no largest is looked for again.
        """
        for largest in self.operands[operands[0]][1:]:
            numbers = self.operands[largest] if self.operations[largest] is LARGEST else ()
            if [*operands] == [self._known.get((ops.subtract, number, largest)) for number in numbers]:
                self.exact.update(operands)
                return self._above(numbers, largest)
        largest = self.node(LARGEST, operands)
        is_finite = self.node(LESS, (self.node(ops.absolute, (largest,)), self.constant(math.inf)))
        shift = self.node(ops.where, (is_finite, largest, self.constant(0.0)))  # ±∞ minus itself would be nan
        return self.node(ops.add, (shift, self._above(operands, shift)))

    def _above(self, operands: tuple[int, ...], shift: int) -> int:
        exponentials = [self.node(SHIFTED_EXP, (operand, shift)) for operand in operands]
        return self.node(ops.log1p, (self.node(BEYOND_ONE, tuple(exponentials)),))

    def _with_constants(self, operation: Operation, operands: tuple[int, ...]) -> int | None:
        """The place of the same without computing, where constants make that possible."""
        numbers = [self.constants.get(operand) for operand in operands]
        if None not in numbers:
            try:
                folded = operation.evaluate(numbers)  # type: ignore[arg-type]
            except (DomainError, IndexError):
                return None  # the executors meet it again, and eager raises it
            return self.constant(folded)
        if operation is ops.multiply and 1.0 in numbers:
            return operands[1 - numbers.index(1.0)]
        if operation is ops.divide and numbers[1] is not None and is_power_of_two(numbers[1]):
            reciprocal = self.constant(1.0 / numbers[1])
            return self.node(ops.multiply, (operands[0], reciprocal))
        return None


def is_power_of_two(number: float) -> bool:
    """Whether multiplying by this number, or its reciprocal, is exact: ± a power of 2 of ordinary size."""
    return abs(math.frexp(number)[0]) == 0.5 and 2.0**-1000 < abs(number) < 2.0**1000


def _mark(flat: Flat) -> None:
    """Find out where each node will be, whether its gradient is wanted, and how often it is used.

    Of floor(v) × x + 2 × w, where v and w are parameters and x is data: 2 × w is the same for all samples,
    SHARED, and wanted, for a gradient flows through it to w. floor(v) is SHARED too, but nothing flows
    through it to v, so it is not wanted, nor is its product with x, a VALUE. The sum is a VALUE, and wanted.
    """
    size = len(flat.operations)
    reached = bytearray(size)  # by a path from the results that a gradient can take
    uses = flat.uses = [0] * size
    for place in flat.outputs:
        uses[place] += 1
        reached[place] = 1
    nodes = [place for place in range(flat.weights, size) if flat.operands[place]]
    for place in reversed(nodes):
        if not uses[place]:
            continue
        operands = flat.operands[place]
        with_paths = _with_paths(flat.operations[place], operands) if reached[place] else ()
        for operand in operands:
            uses[operand] += 1
        for operand in with_paths:
            reached[operand] = 1
    spaces, wanted = flat.spaces, flat.wanted = [Space.WEIGHT] * size, list(map(bool, reached))
    wanted[flat.parameters : flat.weights] = [False] * (flat.weights - flat.parameters)
    for place in flat.leaves:
        spaces[place] = Space.CONSTANT if place in flat.constants else Space.VALUE
        wanted[place] = False
    for place in nodes:
        operands = flat.operands[place]
        spaces[place] = Space.VALUE if Space.VALUE in map(spaces.__getitem__, operands) else Space.SHARED
        if reached[place]:
            wanted[place] = any(map(wanted.__getitem__, _with_paths(flat.operations[place], operands)))


def _with_paths(operation: Operation | None, operands: tuple[int, ...]) -> tuple[int, ...]:
    """The operands that a gradient can flow to: not through a selection, nor to a condition."""
    if operation is None:
        return ()
    if operation.flat:
        return operands[1:] if operation is PICK else ()
    return operands[1:] if operation is ops.where else operands
