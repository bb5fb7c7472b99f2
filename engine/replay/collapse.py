"""Collapse: scalar nodes become sums of products, the form in which equal work is recognized.

A dot product written by hand is 127 nodes on 65 levels; collapsed it is one node of 64 terms, the same as
the one that `dot` records.
"""

from __future__ import annotations

from typing import NamedTuple

from engine import ops
from engine.operation import Operation
from engine.replay.program import Space
from engine.replay.simplify import Flat

__all__ = ["Collapsed", "Node", "Term", "collapse"]

NONE = -1


class Term(NamedTuple):
    """coefficient × left × right; right is -1 for a term of one factor."""

    coefficient: float
    left: int
    right: int


class Node(NamedTuple):
    """Either a sum of terms, where `operation` is None, or an operation on operands."""

    operation: Operation | None
    operands: tuple[int, ...]
    terms: tuple[Term, ...]


class Collapsed(NamedTuple):
    """The nodes by place, and their places in an order in which each comes before its operands."""

    nodes: dict[int, Node]
    descending: list[int]
    flat: Flat


SUMS = frozenset({ops.add, ops.subtract, ops.negate, ops.multiply, ops.dot, ops.total})


def collapse(flat: Flat) -> Collapsed:
    """All nodes that are left when sums and products that are used once have gone into their sums."""
    absorbed = bytearray(len(flat.operations))
    nodes: dict[int, Node] = {}
    descending: list[int] = []
    for place in range(len(flat.operations) - 1, -1, -1):
        operation = flat.operations[place]
        if operation is None or absorbed[place]:
            continue
        descending.append(place)
        if operation not in SUMS:
            nodes[place] = Node(operation, flat.operands[place], ())
            continue
        terms = _terms(flat, [(1.0, place)], place, absorbed)
        apart = [term for term in terms if flat.varies(place) and _is_shared(flat, term)]
        if len(apart) > 1:  # what is the same for all samples is summed once, in a node of its own
            shared = _new_shared_node(flat, apart)
            nodes[shared] = Node(None, (), tuple(_opened(flat, apart, shared, absorbed)))
            descending.append(shared)
            terms = [term for term in terms if term not in apart] + [Term(1.0, shared, NONE)]
        nodes[place] = Node(None, (), tuple(terms))
    return Collapsed(nodes, descending, flat)


def _is_shared(flat: Flat, term: Term) -> bool:
    return not flat.varies(term.left) and (term.right == NONE or not flat.varies(term.right))


def _new_shared_node(flat: Flat, terms: list[Term]) -> int:
    """A place for a sum that no instruction of the tape stands for."""
    members = [place for term in terms for place in (term.left, term.right) if place != NONE]
    flat.operations.append(ops.total)
    flat.operands.append(tuple(members))
    flat.uses.append(1)
    flat.spaces.append(Space.SHARED)
    flat.wanted.append(any(flat.wanted[member] for member in members))
    return len(flat.operations) - 1


def _opened(flat: Flat, terms: list[Term], target: int, absorbed: bytearray) -> list[Term]:
    """The terms, with the sums among them that nobody else uses taken apart."""
    opened: list[Term] = []
    for term in terms:
        alone = term.right == NONE and flat.uses[term.left] == 1 and flat.operations[term.left] in SUMS
        if alone:
            opened += _terms(flat, [(term.coefficient, term.left)], target, absorbed)
        else:
            opened.append(term)
    return opened


def _terms(flat: Flat, stack: list[tuple[float, int]], target: int, absorbed: bytearray) -> list[Term]:
    """The terms of a sum, left to right: descends into what is used here only and varies alike."""
    terms: list[Term] = []
    top = stack[0][1]
    varies = flat.varies(target)
    while stack:
        coefficient, place = stack.pop()
        operation, operands = flat.operations[place], flat.operands[place]
        alone = flat.uses[place] == 1 and flat.varies(place) == varies
        is_open = operation in SUMS and (place == top or alone)
        if not is_open or (coefficient != 1.0 and operation not in (ops.multiply, ops.negate)):
            terms.append(Term(coefficient, place, NONE))
            continue
        absorbed[place] = 1
        if operation is ops.multiply:
            _product(flat, coefficient, operands, terms)
        elif operation is ops.negate:
            stack.append((-coefficient, operands[0]))
        elif operation is ops.subtract:
            stack += [(-coefficient, operands[1]), (coefficient, operands[0])]
        elif operation is ops.dot:
            half = len(operands) // 2
            stack += [(coefficient, bias) for bias in operands[2 * half :]]
            for left, right in zip(operands[:half], operands[half : 2 * half], strict=True):
                _product(flat, coefficient, (left, right), terms)
        else:
            stack += [(coefficient, operand) for operand in reversed(operands)]
    return terms


def _product(flat: Flat, coefficient: float, operands: tuple[int, ...], terms: list[Term]) -> None:
    """The term for a product: a constant factor goes into the coefficient."""
    left, right = operands
    for factor, other in ((left, right), (right, left)):
        number = flat.constants.get(factor)
        if number is not None:
            terms.append(Term(coefficient * number, other, NONE))
            return
    terms.append(Term(coefficient, left, right))
