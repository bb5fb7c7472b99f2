"""Which operations may have no value: a small analysis of signs, on the nodes of a recording.

What no result needs is not computed by a replayed program. Where it has a domain, though, eager raises an
error for some samples: `log(x)` that nobody uses. So what may have no value is checked all the same, unless
its operands are such that it always has one, as in a softmax of which one part is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from engine import ops
from engine.graph import interior_and_leaves
from engine.operation import Operation
from engine.replay.recording import selection
from engine.replay.recording.nodes import above
from engine.value import Constant, Value

__all__ = ["without_value"]

ANY, NOT_NEGATIVE, POSITIVE = range(3)
Sign = int
_OF_SIGN = {
    POSITIVE: (0.5, 1.0, 2.0),
    NOT_NEGATIVE: (0.0, 0.5, 1.0, 2.0),
    ANY: (-2.5, -1.0, 0.0, 0.5, 1.0, 2.0),
}


def without_value(nodes: Sequence[Value]) -> list[Value]:
    """Those of these operations that are outside their domains for some numbers, as far as signs can tell."""
    interior, leaves = interior_and_leaves(above(nodes))
    signs: dict[Any, Sign] = {leaf: _of_number(leaf) for leaf in leaves}
    for node in interior:
        signs[node] = _sign(node, [signs[parent] for parent in node.parents])
    return [node for node in nodes if _may_have_none(node, signs)]


def _may_have_none(node: Any, signs: dict[Any, Sign]) -> bool:
    if node._operation not in _DECIDED:
        return True
    numbers = [(each._data,) if _is_number(each) else _OF_SIGN[signs[each]] for each in node.parents]
    return not all(node._operation.domain.contains(*each) for each in product(*numbers))


def _is_number(node: Any) -> bool:
    return type(node) is Constant and node._operation is None


def _of_number(leaf: Any) -> Sign:
    if not _is_number(leaf):
        return ANY
    return POSITIVE if leaf._data > 0.0 else NOT_NEGATIVE if leaf._data == 0.0 else ANY


def _sign(node: Any, signs: Sequence[Sign]) -> Sign:
    """The sign of a result, by the signs of its operands; overflow and underflow are thought of."""
    if node._operation in _NEVER_NEGATIVE:
        return NOT_NEGATIVE
    rule = _SIGNS.get(node._operation)
    return rule(node, signs) if rule else ANY


def _of_product(node: Any, signs: Sequence[Sign]) -> Sign:
    is_square = node.parents[0] is node.parents[1]
    return NOT_NEGATIVE if is_square else min(NOT_NEGATIVE, *signs)


def _of_dot(node: Any, signs: Sequence[Sign]) -> Sign:
    parents, half = node.parents, len(signs) // 2
    places = zip(range(half), range(half, 2 * half), strict=True)
    products = [
        NOT_NEGATIVE if parents[a] is parents[b] else min(NOT_NEGATIVE, signs[a], signs[b]) for a, b in places
    ]
    return _sum([*products, *signs[2 * half :]])


def _of_power(node: Any, signs: Sequence[Sign]) -> Sign:
    exponent = node.parents[1]
    is_even = type(exponent) is Constant and exponent._data % 2.0 == 0.0
    return NOT_NEGATIVE if is_even or signs[0] != ANY else ANY


def _of_total(node: Any, signs: Sequence[Sign]) -> Sign:
    return POSITIVE if _is_softmax(node) else _sum(signs)


def _sum(signs: Sequence[Sign]) -> Sign:
    return ANY if ANY in signs else max(signs)


def _is_softmax(node: Any) -> bool:
    """Whether these are exp(x − the largest x): one of them is 1."""
    differences = [part._first for part in node.parents if part._operation is ops.exp]
    if len(differences) < len(node.parents) or any(d._operation is not ops.subtract for d in differences):
        return False
    largest = differences[0]._second
    is_one = all(difference._second is largest for difference in differences)
    if not is_one or largest._operation is not selection.LARGEST:
        return False
    return {_source(difference._first) for difference in differences} == set(map(_source, largest.parents))


def _source(node: Any) -> Any:
    """The node that has the same number, and lets a gradient through."""
    while node._operation is selection.DETACH:
        node = node._first
    return node


# Rows whose domains depend on signs, and on which numbers are whole.
_DECIDED = frozenset({ops.divide, ops.power, ops.log, ops.log2, ops.log10, ops.log1p, ops.sqrt})
_NEVER_NEGATIVE: frozenset[Operation] = frozenset(
    {ops.exp, ops.exp2, ops.absolute, ops.sigmoid, ops.relu, ops.softplus, ops.hypot, ops.norm, ops.cosh}
)


_SIGNS: dict[Operation, Callable[[Any, Sequence[Sign]], Sign]] = {
    ops.add: lambda _, signs: _sum(signs),
    ops.total: _of_total,
    ops.multiply: _of_product,
    ops.dot: _of_dot,
    ops.power: _of_power,
    ops.divide: lambda _, signs: min(NOT_NEGATIVE, *signs),
    ops.maximum: lambda _, signs: max(signs),
    ops.sqrt: lambda _, signs: signs[0],
    selection.DETACH: lambda _, signs: signs[0],
}
