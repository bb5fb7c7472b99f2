"""Tape: a recorded function as a flat list of scalar instructions, one per node of eager's graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import cached_property
from itertools import count
from typing import NamedTuple

from engine.frozen import frozen
from engine.operation import Operation
from engine.replay.recording.selection import PICK
from engine.value import Value

__all__ = ["Instruction", "Leaf", "LeafKind", "Leaves", "Tape"]


class LeafKind(Enum):
    """Where the number of a leaf comes from when the tape is run."""

    INPUT = "input"  # the sample
    PARAMETER = "parameter"  # the weights, whose gradient is wanted
    HELD = "held value"  # a Value of the user's outside the parameters: read at every call
    CONSTANT = "constant"  # the function itself

    __hash__ = object.__hash__  # a kind is itself: quicker than by name, and asked for every leaf


class Leaf(NamedTuple):
    """A number that no instruction makes; `which` tells which input, parameter or held value it is."""

    kind: LeafKind
    which: int
    number: float
    label: str


class Leaves:
    """The parameters, of which number k has place k, then held values, as weights have them; then the others.

    There may be hundreds of thousands of weights: only `others` are written down one by one.
    """

    def __init__(self, parameters: Sequence[Value], held: tuple[Value, ...], others: Sequence[Leaf]) -> None:
        self.parameters, self.held, self.others = parameters, held, others

    @property
    def weights(self) -> int:
        """How many parameters and held values there are, and the place of the first of the others."""
        return len(self.parameters) + len(self.held)

    def __len__(self) -> int:
        return self.weights + len(self.others)

    def __iter__(self) -> Iterator[Leaf]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, place: int) -> Leaf:
        place = range(len(self))[place]
        if place >= self.weights:
            return self.others[place - self.weights]
        number = place - len(self.parameters)
        if number < 0:
            return Leaf(LeafKind.PARAMETER, place, 0.0, self.parameters[place].label)
        return Leaf(LeafKind.HELD, number, self.held[number]._data, self.held[number].label)


class Instruction(NamedTuple):
    """A row of the table (or a selection) and the places of its operands, leaves and instructions alike."""

    operation: Operation
    operands: tuple[int, ...]
    label: str


@frozen
class Tape:
    """Leaves, then instructions; the place of an instruction is after the leaves and all it depends on.

    `outputs` are the places of the results, `guards` those of the conditions that a Python `if` looked at,
    with what it saw: the tape belongs to the samples that see the same. `checks` are the places of what
    neither of them needs, and what yet raises in eager where it has no value. `read` has the held Values
    whose numbers the function knows, with the numbers: the tape belongs to these. `asks_types` tells that
    it asked whether its data are whole numbers: then the tape belongs to data of the same types.
    `from_zero` are the inputs that tell a place and must not be negative, `unused` the numbers of those
    parameters that it does not mention.
    """

    name: str
    leaves: Leaves
    instructions: list[Instruction]
    outputs: tuple[int, ...]
    guards: tuple[tuple[int, bool], ...]
    single: bool
    inputs: int
    checks: tuple[int, ...] = ()
    read: tuple[tuple[Value, float], ...] = ()
    from_zero: frozenset[int] = frozenset()
    asks_types: bool = False
    unused: tuple[int, ...] = ()

    @property
    def parameters(self) -> int:
        """How many there are."""
        return len(self.leaves.parameters)

    @property
    def held(self) -> tuple[Value, ...]:
        """Values of the user's besides them, whose numbers are read at every call."""
        return self.leaves.held

    def __len__(self) -> int:
        """How many places there are: leaves and instructions."""
        return len(self.leaves) + len(self.instructions)

    def numbers_of_leaves(self, weights: Sequence[float], sample: Sequence[float]) -> list[float]:
        """The number of every leaf for one sample, flat; what `weights` has behind parameters is not read.

        Those are the numbers of held values, which are read anew.
        """
        found = [*map(float, sample), *self.constants.values()]
        held = [value._data for value in self.held]
        return [*map(float, weights[: self.parameters]), *held, *map(found.__getitem__, self._order)]

    @cached_property
    def constants(self) -> dict[int, float]:
        """The numbers of the constants, by their places."""
        leaves = enumerate(self.leaves.others, self.leaves.weights)
        return {place: leaf[2] for place, leaf in leaves if leaf[0] is LeafKind.CONSTANT}

    @cached_property
    def _order(self) -> list[int]:
        """For every input and constant its place among all inputs and constants, in this order."""
        constants = count(self.inputs)
        return [
            which if kind is LeafKind.INPUT else next(constants) for kind, which, _, _ in self.leaves.others
        ]

    def index_inputs(self) -> dict[int, range]:
        """{input: the places that it may tell}; of several lists the smallest counts."""
        limits: dict[int, int] = {}
        for instruction in self.instructions:
            if instruction.operation is PICK:
                index = self.leaves[instruction.operands[0]].which
                limits[index] = min(
                    limits.get(index, len(instruction.operands)), len(instruction.operands) - 1
                )
        return {
            index: range(0 if index in self.from_zero else -limit, limit) for index, limit in limits.items()
        }

    def place_name(self, place: int) -> str:
        """How a place is written: its label, x3 for an input, the number of a constant, v7 for a result."""
        if place >= len(self.leaves):
            return f"v{place}"
        leaf = self.leaves[place]
        names = {LeafKind.INPUT: f"x{leaf.which}", LeafKind.CONSTANT: repr(leaf.number)}
        return names.get(leaf.kind) or leaf.label or f"{leaf.kind.value[0]}{leaf.which}"

    def summary(self) -> str:
        """One line: how many instructions, and what they read."""
        kinds = Counter(leaf.kind for leaf in self.leaves.others)
        kinds[LeafKind.PARAMETER] = self.parameters - len(self.unused)
        kinds[LeafKind.HELD] = len(self.held)
        counts = [_count(kinds[kind], kind.value) for kind in LeafKind if kinds[kind]]
        text = f"tape of {_count(len(self.instructions), 'instruction')}: {', '.join(counts) or 'no leaves'}"
        return text + (f", {_count(len(self.guards), 'guard')}" if self.guards else "")

    def __str__(self) -> str:
        return self.listing(20)

    def listing(self, most: int) -> str:
        """The summary and at most so many instructions, first and last, one a line."""
        first = len(self.leaves)
        lines = [self._line(first + step, i) for step, i in enumerate(self.instructions)]
        if len(lines) > most:
            half = most // 2
            lines = [*lines[:half], f"  … {len(lines) - 2 * half:,} more …", *lines[-half:]]
        seen = [f"  guard: {self.place_name(place)} is {outcome}" for place, outcome in self.guards]
        results = ", ".join(map(self.place_name, self.outputs))
        seen += [f"  check: {self.place_name(place)} has a value" for place in self.checks]
        seen += [f"  read: {value.label or 'a held Value'} is {number!r}" for value, number in self.read]
        return "\n".join([self.summary(), *lines, *seen[:most], f"  return {results}"])

    def _line(self, place: int, instruction: Instruction) -> str:
        names: Sequence[str] = [self.place_name(operand) for operand in instruction.operands]
        if len(names) > 6:
            names = [*names[:3], "…", *names[-2:]]
        note = f"  # {instruction.label}" if instruction.label else ""
        return f"  v{place} = {instruction.operation.name}({', '.join(names)}){note}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
