"""Groups: which collapsed nodes do the same work, and can be one instruction.

A node's level is its longest way to the result, not from the inputs: equal roles of different tokens, or
of different samples in one graph, are then on one level, and an operand is always on a higher one than
who uses it. So a group, whose members share a level, has no dependencies inside. Nothing here looks at how
nodes are numbered, but to break ties.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine import ops
from engine.replay.program.program import Space
from engine.replay.recording.selection import LARGEST, PICK
from engine.replay.rolling.collapse import NONE, Collapsed, Node, Term, WeightedSum, operands_of
from engine.replay.rolling.simplify import Flat

__all__ = ["Group", "Signature", "groups"]

Signature = tuple[Any, ...]


@dataclass
class Group:
    """Nodes of one signature and level; `matrix` is filled where they are the entries of a product.

    Then `rows` are the tuples of weights and `columns` those of values, and the members are in this order.
    """

    signature: Signature
    level: int
    varying: bool
    members: list[int]
    matrix: dict[int, WeightedSum] = field(default_factory=dict)
    rows: list[tuple[int, ...]] = field(default_factory=list)
    columns: list[tuple[int, ...]] = field(default_factory=list)


def groups(collapsed: Collapsed) -> list[Group]:
    """The groups, each after those it depends on.

    Of a network of two hidden neurons and one output: level 2 from the result, both weighted sums, are one
    product of 2 rows; level 1 is their relu; level 0, the output, a product of 1 row.

    >>> from engine import Value, dot
    >>> from engine.replay.recording.record import record
    >>> from engine.replay.rolling.collapse import collapse
    >>> from engine.replay.rolling.simplify import simplify
    >>> w = [Value(float(k)) for k in range(8)]
    >>> hidden = lambda x: [dot(w[:2], x, w[2]).relu(), dot(w[3:5], x, w[5]).relu()]
    >>> tape = record(lambda x: dot(w[6:], hidden(x)), w, [[1.0, 2.0]])
    >>> for group in groups(collapse(simplify(tape, tape.outputs))):
    ...     print(group.level, group.signature[0], len(group.members))
    2 matrix 2
    1 elementwise 2
    0 matrix 1
    """
    flat = collapsed.flat
    matrix: dict[int, WeightedSum] = {}
    signatures = {place: _signature(flat, place, node, matrix) for place, node in collapsed.nodes.items()}
    signatures |= {place: ("loop", place) for place in collapsed.loops}
    levels = _levels(collapsed)
    members: dict[tuple[int, Signature], list[int]] = defaultdict(list)
    for place in reversed(collapsed.descending):
        members[levels[place], signatures[place]].append(place)
    found: list[Group] = []
    for (level, signature), places in sorted(members.items(), key=lambda item: -item[0][0]):
        varying = flat.varies(places[0])
        if signature[0] == "matrix":
            found += _rectangles(signature, level, varying, {place: matrix[place] for place in places})
        else:
            found.append(Group(signature, level, varying, places))
    return found


def _signature(flat: Flat, place: int, node: Node, matrix: dict[int, WeightedSum]) -> Signature:
    """What nodes must have in common to be computed by one instruction."""
    marks = (flat.varies(place), flat.wanted[place])
    if node.operation is None:
        parts = _matrix_terms(flat, place, node)
        kinds = frozenset(_term_spaces(flat, term) for term in (parts.rest if parts.weights else node.terms))
        if parts.weights:
            matrix[place] = parts
            return ("matrix", *marks, len(parts.weights), parts.bias != NONE, kinds)
        return ("sum", *marks, kinds)
    spaces = [flat.spaces[operand] for operand in node.operands]
    if node.operation is PICK:
        is_from_zero = flat.leaves[node.operands[0]].which in flat.from_zero
        return ("pick", *marks, len(spaces), frozenset(spaces[1:]), is_from_zero)
    if node.operation.arity is None:
        size = 0 if node.operation is LARGEST else len(spaces)  # an operand may be given twice there
        return ("reduction", *marks, node.operation, size, frozenset(spaces))
    exponent = flat.constants.get(node.operands[1]) if node.operation is ops.power else None
    return ("elementwise", *marks, node.operation, tuple(spaces), exponent)


def _term_spaces(flat: Flat, term: Term) -> tuple[Space, Space | None]:
    return flat.spaces[term.left], None if term.right == NONE else flat.spaces[term.right]


def _matrix_terms(flat: Flat, place: int, node: Node) -> WeightedSum:
    """The terms that are weight × value, apart from the rest, of which one weight alone is the bias."""
    if isinstance(node.terms, WeightedSum):
        return node.terms
    values = Space.VALUE if flat.varies(place) else Space.SHARED
    pairs: list[tuple[int, int]] = []
    biases: list[int] = []
    rest: list[Term] = []
    for term in node.terms:
        spaces = _term_spaces(flat, term)
        if term.coefficient == 1.0 and spaces == (Space.WEIGHT, values):
            pairs.append((term.left, term.right))
        elif term.coefficient == 1.0 and spaces == (values, Space.WEIGHT):
            pairs.append((term.right, term.left))
        elif term.coefficient == 1.0 and spaces == (Space.WEIGHT, None) and not biases:
            biases.append(term.left)
        else:
            rest.append(term)
    weights, others = zip(*pairs, strict=True) if pairs else ((), ())
    return WeightedSum(weights, others, biases[0] if biases else NONE, tuple(rest))


def _levels(collapsed: Collapsed) -> dict[int, int]:
    """The longest way from each node to a result; a loop is where the first that reads it asks for it."""
    levels: dict[int, int] = defaultdict(int)
    deepest: dict[int, int] = {}  # of those weighted sums that have these values, which are one tuple
    for place in collapsed.descending:
        if place in collapsed.loops:
            loop = collapsed.loops[place]
            levels[place] = max(levels[result] for result in loop.results())
            for operand in loop.operands():
                levels[operand] = max(levels[operand], levels[place] + 1)
            continue
        below, node = levels[place] + 1, collapsed.nodes[place]
        if isinstance(node.terms, WeightedSum):
            operands: Iterable[int] = node.terms.values  # weights are leaves, of which nobody asks the level
            if deepest.get(id(operands), 0) >= below:
                continue
            deepest[id(operands)] = below
        else:
            operands = operands_of(node)
        for operand in operands:
            levels[operand] = max(levels[operand], below)
    return levels


def _rectangles(
    signature: Signature, level: int, varying: bool, matrix: dict[int, WeightedSum]
) -> list[Group]:
    """The groups of which each is a whole matrix product; what is none is left as a sum.

    Of u·p, u·q, v·p and v·q, where u and v are tuples of weights and p and q of values, u and v have the same
    set of values, {p, q}: one product of 2 rows × 2 columns. Without v·q the sets differ, {p, q} and {p}: a
    product of 1 row × 2 columns and one of 1 × 1.
    """
    columns_of_row: dict[tuple[int, ...], dict[tuple[int, ...], int]] = defaultdict(dict)
    loose: list[int] = []
    for place, parts in matrix.items():
        row = columns_of_row[parts.weights]
        if parts.values in row:
            loose.append(place)
        else:
            row[parts.values] = place
    rows_of_columns: dict[frozenset[tuple[int, ...]], list[tuple[int, ...]]] = defaultdict(list)
    for weights, row in columns_of_row.items():
        rows_of_columns[frozenset(row)].append(weights)
    found: list[Group] = []
    for row_keys in rows_of_columns.values():
        column_keys = list(columns_of_row[row_keys[0]])
        members = [columns_of_row[weights][values] for weights in row_keys for values in column_keys]
        is_gain = len(row_keys) == len(row_keys[0]) == 1  # one weight times values that no other weight sees
        if len(rows_of_columns) > 4 and (len(members) < 8 or is_gain):
            loose += members
        else:
            entries = {place: matrix[place] for place in members}
            found.append(Group(signature, level, varying, members, entries, row_keys, column_keys))
    if loose:
        found.append(Group(("sum", *signature[1:3], None), level, varying, sorted(loose)))
    return found
