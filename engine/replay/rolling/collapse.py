"""Collapse: scalar nodes become sums of products, the form in which equal work is recognized.

A dot product written by hand is 127 nodes on 65 levels; collapsed it is one node of 64 terms, the same as
the one that `dot` records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from engine import ops
from engine.frozen import frozen
from engine.operation import Operation
from engine.replay.program.program import Space
from engine.replay.rolling.simplify import Flat

__all__ = [
    "Collapsed",
    "Loop",
    "Node",
    "Term",
    "WeightedSum",
    "collapse",
    "operands_of",
]

NONE = -1


class Term(NamedTuple):
    """coefficient × left × right; right is -1 for a term of one factor."""

    coefficient: float
    left: int
    right: int


@frozen
class WeightedSum:
    """A sum as an entry of a matrix product: weights × values, a bias or NONE, and the terms that are left.

    A dot of weights and values is one from the beginning, for there may be hundreds of thousands. Iterated,
    it is the terms it stands for. Equal values are one tuple in all such dots.
    """

    weights: tuple[int, ...]
    values: tuple[int, ...]
    bias: int
    rest: tuple[Term, ...] = ()

    def __len__(self) -> int:
        return len(self.weights) + (self.bias != NONE) + len(self.rest)

    def __iter__(self) -> Iterator[Term]:
        for weight, value in zip(self.weights, self.values, strict=True):
            yield Term(1.0, weight, value)
        if self.bias != NONE:
            yield Term(1.0, self.bias, NONE)
        yield from self.rest


class Node(NamedTuple):
    """Either a sum of terms, where `operation` is None, or an operation on operands."""

    operation: Operation | None
    operands: tuple[int, ...]
    terms: Sequence[Term] | WeightedSum


class Collapsed(NamedTuple):
    """The nodes by place, and their places in an order in which each comes before its operands.

    Loops have places too; so has what they give, which is no node any more.
    """

    nodes: dict[int, Node]
    descending: list[int]
    flat: Flat
    loops: Mapping[int, Loop] = MappingProxyType({})


@dataclass
class Loop:
    """A body that is run `trips` times; of its leaves of the kind INPUT each is told here where it is from.

    Places in the body come first, then those outside: of `carried` (the leaf, the node that is carried to
    it, the initial value), `given` (the same in every trip), `steps` (one for each trip), `outputs` (one for
    each trip) and `finals` (of the last trip). `shared` are leaves of the body that are read where they are.
    """

    trips: int
    body: Collapsed
    carried: list[tuple[int, int, int]] = field(default_factory=list)
    given: list[tuple[int, int]] = field(default_factory=list)
    steps: list[tuple[int, list[int]]] = field(default_factory=list)
    outputs: list[tuple[int, list[int]]] = field(default_factory=list)
    finals: list[tuple[int, int]] = field(default_factory=list)
    shared: list[tuple[int, int]] = field(default_factory=list)

    def operands(self) -> list[int]:
        """The places outside that it reads."""
        found = [outside for _, _, outside in self.carried]
        found += [outside for _, outside in (*self.given, *self.shared)]
        return found + [outside for _, outsides in self.steps for outside in outsides]

    def results(self) -> list[int]:
        """The places outside that it fills."""
        found = [outside for _, outside in self.finals]
        return found + [outside for _, outsides in self.outputs for outside in outsides]


def operands_of(node: Node) -> Iterable[int]:
    """The places that a node depends on."""
    if node.operation is not None:
        return node.operands
    return [place for term in node.terms for place in (term.left, term.right) if place != NONE]


ADDITIONS = frozenset({ops.add, ops.subtract, ops.dot, ops.total})
SUMS = ADDITIONS | {ops.negate, ops.multiply}


def collapse(flat: Flat) -> Collapsed:
    """All nodes that are left when sums and products that are used once have gone into their sums."""
    absorbed = bytearray(len(flat.operations))
    nodes: dict[int, Node] = {}
    descending: list[int] = []
    values: dict[tuple[int, ...], tuple[int, ...]] = {}  # of all weighted sums
    computed = [place for place, operation in enumerate(flat.operations) if operation is not None]
    for place in reversed(computed):
        operation = flat.operations[place]
        if absorbed[place] or not flat.uses[place]:
            continue
        descending.append(place)
        if operation not in SUMS or place in flat.exact:
            nodes[place] = Node(operation, flat.operands[place], ())
            continue
        found = _weighted_sum(flat, place, values) if operation is ops.dot else None
        if found is not None:
            nodes[place] = Node(None, (), found)
            continue
        terms = _terms(flat, [(1.0, place)], place, absorbed)
        apart = _shared_terms(flat, place, terms)
        if len(apart) > 1:
            members = [factor for term in apart for factor in term[1:] if factor != NONE]
            shared = flat.new_place(Space.SHARED, wanted=any(flat.wanted[member] for member in members))
            nodes[shared] = Node(None, (), tuple(_opened(flat, apart, shared, absorbed)))
            descending.append(shared)
            terms = [term for term in terms if term not in apart] + [Term(1.0, shared, NONE)]
        nodes[place] = Node(None, (), tuple(terms))
    return Collapsed(nodes, descending, flat)


def _weighted_sum(
    flat: Flat, place: int, known: dict[tuple[int, ...], tuple[int, ...]]
) -> WeightedSum | None:
    """A dot as a weighted sum; None where it is no dot of weights and values."""
    operands, space_of = flat.operands[place], flat.spaces.__getitem__
    half = len(operands) // 2
    left, right, biases = operands[:half], operands[half : 2 * half], operands[2 * half :]
    spaces = {*map(space_of, left)}, {*map(space_of, right)}
    if spaces == ({Space.VALUE}, {Space.WEIGHT}):
        left, right = right, left
    elif spaces != ({Space.WEIGHT}, {Space.VALUE}):
        return None
    if any(space_of(bias) is not Space.WEIGHT for bias in biases):
        return None
    return WeightedSum(left, known.setdefault(right, right), biases[0] if biases else NONE)


def _shared_terms(flat: Flat, place: int, terms: Sequence[Term]) -> list[Term]:
    """The terms that are the same for all samples, where the sum is not: to be summed once, apart."""
    return [term for term in terms if _is_shared(flat, term)] if flat.varies(place) else []


def _is_shared(flat: Flat, term: Term) -> bool:
    _, left, right = term
    spaces = flat.spaces
    return spaces[left] is not Space.VALUE and (right == NONE or spaces[right] is not Space.VALUE)


def _opened(flat: Flat, terms: list[Term], target: int, absorbed: bytearray) -> list[Term]:
    """The terms, with the sums among them that nobody else uses taken apart."""
    opened: list[Term] = []
    for term in terms:
        alone = term.right == NONE and flat.uses[term.left] == 1 and _is_sum(flat, term.left)
        if alone:
            opened += _terms(flat, [(term.coefficient, term.left)], target, absorbed)
        else:
            opened.append(term)
    return opened


def _terms(flat: Flat, stack: list[tuple[float, int]], target: int, absorbed: bytearray) -> list[Term]:
    """The terms of a sum, left to right: descends into what is used here only and varies alike.

    But not into a second sum with a constant: x + 1 - 1 is rounded twice, and x is not. Nor into a sum
    that is multiplied: its terms would be rounded one by one.
    """
    terms: list[Term] = []
    top = stack[0][1]
    uses, spaces, varies = flat.uses, flat.spaces, flat.varies(target)
    has_constant = _adds_constant(flat, top)
    while stack:
        coefficient, place = stack.pop()
        operation = flat.operations[place]
        alone = uses[place] == 1 and (spaces[place] is Space.VALUE) == varies
        is_open = (place == top or alone) and _is_sum(flat, place)
        is_open = is_open and (coefficient == 1.0 or operation not in ADDITIONS)
        if is_open and place != top and _adds_constant(flat, place):
            is_open, has_constant = not has_constant, True
        if not is_open:
            terms.append(Term(coefficient, place, NONE))
            continue
        absorbed[place] = 1
        stack += _parts(flat, coefficient, place, terms)
    return terms


def _parts(flat: Flat, coefficient: float, place: int, terms: list[Term]) -> list[tuple[float, int]]:
    """What a sum consists of, the last part first; its products go to the terms at once."""
    operation, operands = flat.operations[place], flat.operands[place]
    if operation is ops.multiply:
        _product(flat, coefficient, operands, terms)
        return []
    if operation is ops.negate:
        return [(-coefficient, operands[0])]
    if operation is ops.subtract:
        return [(-coefficient, operands[1]), (coefficient, operands[0])]
    if operation is ops.dot:
        half = len(operands) // 2
        for left, right in zip(operands[:half], operands[half : 2 * half], strict=True):
            _product(flat, coefficient, (left, right), terms)
        return [(coefficient, bias) for bias in operands[2 * half :]]
    return [(coefficient, operand) for operand in reversed(operands)]


def _is_sum(flat: Flat, place: int) -> bool:
    """Whether this is a sum or a product that may be taken apart."""
    return flat.operations[place] in SUMS and place not in flat.exact


def _adds_constant(flat: Flat, place: int) -> bool:
    """Whether a constant is added here, and not only multiplied by."""
    operation, operands = flat.operations[place], flat.operands[place]
    if operation is ops.dot:
        operands = operands[len(operands) // 2 * 2 :]
    return operation in ADDITIONS and not flat.constants.keys().isdisjoint(operands)


def _product(flat: Flat, coefficient: float, operands: tuple[int, ...], terms: list[Term]) -> None:
    """The term for a product: a constant factor goes into the coefficient."""
    number, other = _constant_factor(flat, operands)
    if number is not None:
        terms.append(Term(coefficient * number, other, NONE))
    else:
        terms.append(Term(coefficient, *operands))


def _constant_factor(flat: Flat, operands: tuple[int, ...]) -> tuple[float | None, int]:
    """(the number of a factor that is constant, the other factor)."""
    left, right = operands
    if right in flat.constants and left not in flat.constants:
        return flat.constants[right], left
    return flat.constants.get(left), right
