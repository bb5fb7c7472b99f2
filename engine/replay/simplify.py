"""Simplify: the tape without what need not be computed for every sample, or twice.

Constants are folded, what is computed twice is computed once, and what no result needs is left out. No
result changes, except that x + 0 turns -0.0 into 0.0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import ops
from engine.errors import DomainError
from engine.operation import Operation
from engine.replay.selection import PICK
from engine.replay.tape import Leaf, LeafKind, Tape

__all__ = ["Flat", "simplify"]


@dataclass
class Flat:
    """Scalar nodes in an order in which operands come first; a leaf has no operation.

    `varying` tells what depends on the sample, `wanted` whose gradient is on the way to a parameter's;
    `uses` counts the operands and results that a node is.
    """

    operations: list[Operation | None] = field(default_factory=list)
    operands: list[tuple[int, ...]] = field(default_factory=list)
    leaves: list[Leaf | None] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    varying: list[bool] = field(default_factory=list)
    wanted: list[bool] = field(default_factory=list)
    uses: list[int] = field(default_factory=list)

    def is_leaf(self, place: int, *kinds: LeafKind) -> bool:
        """Whether there is a leaf of one of these kinds."""
        leaf = self.leaves[place]
        return leaf is not None and leaf.kind in kinds

    def constant(self, place: int) -> float | None:
        """The number of a constant; None for anything else."""
        leaf = self.leaves[place]
        return leaf.number if leaf is not None and leaf.kind is LeafKind.CONSTANT else None


def simplify(tape: Tape, outputs: tuple[int, ...]) -> Flat:
    """The nodes of the tape that these outputs need, each once."""
    flat = _Building()
    places: dict[int, int] = {}
    first = len(tape.leaves)
    for place in _needed(tape, outputs):
        if place < first:
            places[place] = flat.leaf(tape.leaves[place])
        else:
            operation, operands, _ = tape.instructions[place - first]
            places[place] = flat.node(operation, tuple([places[operand] for operand in operands]))
    flat.outputs = [places[place] for place in outputs]
    _mark(flat)
    return flat


def _needed(tape: Tape, outputs: tuple[int, ...]) -> list[int]:
    """The places that the outputs depend on, in order."""
    first = len(tape.leaves)
    needed = bytearray(len(tape))
    for place in outputs:
        needed[place] = 1
    for place in range(len(tape) - 1, first - 1, -1):
        if needed[place]:
            for operand in tape.instructions[place - first].operands:
                needed[operand] = 1
    return [place for place, wanted in enumerate(needed) if wanted]


class _Building(Flat):
    """A Flat that grows, and knows what it has already."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[object, ...], int] = {}

    def _append(self, key: tuple[object, ...], operation: Operation | None, operands: tuple[int, ...]) -> int:
        place = self._known[key] = len(self.operations)
        self.operations.append(operation)
        self.operands.append(operands)
        self.leaves.append(None)
        return place

    def leaf(self, leaf: Leaf) -> int:
        """The place of this leaf; equal constants have one."""
        is_constant = leaf.kind is LeafKind.CONSTANT
        key = (leaf.kind, leaf.number.hex()) if is_constant else (leaf.kind, leaf.which)
        if key not in self._known:
            self.leaves[self._append(key, None, ())] = leaf
        return self._known[key]

    def node(self, operation: Operation, operands: tuple[int, ...]) -> int:
        """The place of this operation on these operands, simplified."""
        numbers = [self.constant(operand) for operand in operands]
        if None not in numbers:
            try:
                folded = operation.evaluate(numbers)  # type: ignore[arg-type]
                return self.leaf(Leaf(LeafKind.CONSTANT, 0, folded, ""))
            except (DomainError, IndexError):
                pass  # the executors meet it again, and eager raises it
        neutral = {ops.add: 0.0, ops.multiply: 1.0}.get(operation)
        if neutral is not None and neutral in numbers:
            return operands[1 - numbers.index(neutral)]
        key = (operation, *(sorted(operands) if operation.commutative and operation.arity == 2 else operands))
        known = self._known.get(key)
        return self._append(key, operation, operands) if known is None else known


def _mark(flat: Flat) -> None:
    """Find out what varies, what is wanted and how often each node is used."""
    size = len(flat.operations)
    reached = [False] * size  # by a path from the results that a gradient can take
    flat.uses = [0] * size
    for place in flat.outputs:
        flat.uses[place] += 1
        reached[place] = True
    for place in range(size - 1, -1, -1):
        operation = flat.operations[place]
        for slot, operand in enumerate(flat.operands[place]):
            flat.uses[operand] += 1
            if reached[place] and operation is not None and _has_path(operation, slot):
                reached[operand] = True
    for place, leaf in enumerate(flat.leaves):
        if leaf is not None:
            flat.varying.append(leaf.kind is LeafKind.INPUT)
            flat.wanted.append(leaf.kind is LeafKind.PARAMETER and reached[place])
            continue
        operands = flat.operands[place]
        flat.varying.append(any(flat.varying[operand] for operand in operands))
        flat.wanted.append(
            reached[place]
            and any(
                flat.wanted[operand] and _has_path(flat.operations[place], slot)
                for slot, operand in enumerate(operands)
            )
        )


def _has_path(operation: Operation | None, slot: int) -> bool:
    """Whether a gradient can flow to this operand: not through a selection, nor to a condition."""
    if operation is None or operation.flat:
        return operation is PICK and slot > 0
    return not (operation is ops.where and slot == 0)
