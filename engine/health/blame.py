"""Where digits are lost: the condition of every node, and the node that let the root's error through.

A cancellation makes no rounding of its own; it lets earlier ones through. So the node to look at is, among
those through which a tenth or more of the root's error comes, the one with the largest condition.

>>> from engine import Value
>>> from engine.health.levels import bounds
>>> x = Value(1e-6, label="x")
>>> y = 1 - x.cos()
>>> found = blamed(y, bounds(y, digits=12, limit=1024))
>>> found.operation.name, round(math.log10(condition(found)), 1)
('subtract', 12.6)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from engine import ops
from engine.backward import adjoints
from engine.graph import Node, interior_and_leaves, topological_order
from engine.health.ball import Ball
from engine.health.enclosure import ON_BALLS
from engine.health.levels import Bounds

__all__ = ["Loss", "blamed", "condition", "lost", "lost_in_gradient"]

SHARE = 0.1  # of the root's error
FEWEST = 1.0  # digits lost, for a node to be blamed


@dataclass(frozen=True, slots=True)
class Loss:
    """Where in the backward pass the digits of a gradient are lost, and how many.

    In the local derivative of `node` by operand `slot`; without a `slot` where the parts of the node's own
    gradient are added up.
    """

    node: Node
    slot: int | None
    digits: float


def condition(node: Node) -> float:
    """By how much the node magnifies relative errors of its operands: Σ |∂out/∂x × x| ÷ |out|.

    0 for a leaf; infinite where the operands cancel to 0. A constant is exact, and counts only in sums and
    products, as what the others cancel with.
    """
    if node.operation is None:
        return 0.0
    slopes = node.operation.slopes(node._data, [parent._data for parent in node.parents])
    counted = node.operation in ON_BALLS
    whole = sum(
        abs(slope * parent._data)
        for slope, parent in zip(slopes, node.parents, strict=True)
        if slope is not None and parent._data and (counted or not parent.is_constant)
    )
    if not whole:
        return 0.0
    return whole / abs(node._data) if node._data else math.inf


def lost(node: Node) -> float:
    """How many digits the node loses: the logarithm of its condition; infinite: all of them."""
    size = condition(node)
    return ops.log10(size) if size > 1.0 else 0.0


def blamed(root: Node, bounds: Bounds) -> Node | None:
    """The node at which most digits of the root are lost; None where none is to blame."""
    error = bounds.values[root]
    if not 0.0 < error < math.inf:
        return None
    reaching = adjoints(root, lambda node: node.operation.slopes(node._data, [p._data for p in node.parents]))
    candidates = [
        node
        for node in interior_and_leaves(root)[0]
        if abs(reaching.get(node, 0.0)) * _let_through(node, bounds) >= SHARE * error
    ]
    worst = max(candidates, key=condition, default=None)
    return worst if worst is not None and lost(worst) >= FEWEST else None


def _let_through(node: Node, bounds: Bounds) -> float:
    """What the errors of the operands make of the node's number."""
    return sum(_parts(node, bounds))


def _parts(node: Node, bounds: Bounds) -> Iterator[float]:
    for parent, partial in zip(node.parents, bounds.first.partials[node], strict=True):
        if type(partial) is Ball and bounds.values[parent]:
            yield abs(partial.mid) * bounds.values[parent]


def lost_in_gradient(root: Node, leaf: Node, bounds: Bounds) -> Loss | None:
    """Where most digits of d root / d leaf are lost, of the places that a tenth of its error comes from.

    None where none is to blame. An error made at a node reaches the leaf's gradient times d node / d leaf.
    """
    error = bounds.gradients.get(leaf, 0.0)
    if not 0.0 < error < math.inf:
        return None
    reach = _tangents(root, leaf)
    found = [
        loss
        for node in interior_and_leaves(root)[0]
        for loss, share in _losses(node, bounds, reach)
        if share >= SHARE * error
    ]
    found += [
        Loss(node, None, digits)
        for node, digits in _cancellations(root, bounds)
        if abs(reach.get(node, 0.0)) * bounds.gradients.get(node, 0.0) >= SHARE * error
    ]
    worst = max(found, key=lambda loss: loss.digits, default=None)
    return worst if worst is not None and worst.digits >= FEWEST else None


def _losses(node: Node, bounds: Bounds, reach: dict[Node, float]) -> Iterator[tuple[Loss, float]]:
    """(the digits lost in a local derivative, its share in the leaf's error) for each operand."""
    upstream = abs(bounds.computed.get(node, 0.0))
    for slot, (parent, ball) in enumerate(zip(node.parents, bounds.first.partials[node], strict=True)):
        if type(ball) is Ball and parent in reach and ball.mid and 0.0 < ball.rad < math.inf:
            given = max((_relative(p._data, bounds.first.values[p].rad) for p in node.parents), default=0.0)
            grown = ball.rad / abs(ball.mid) / max(given, 2.0**-53)
            yield Loss(node, slot, ops.log10(max(grown, 1.0))), upstream * ball.rad * abs(reach[parent])


def _relative(number: float, bound: float) -> float:
    return bound / abs(number) if number else 0.0


def _cancellations(root: Node, bounds: Bounds) -> Iterator[tuple[Node, float]]:
    """(node, digits lost where the parts of its gradient are added up)."""
    parts: dict[Node, float] = {}
    for node in interior_and_leaves(root)[0]:
        upstream = bounds.computed.get(node, 0.0)
        for parent, slope in zip(node.parents, node.partials, strict=True):
            if slope is not None:
                parts[parent] = parts.get(parent, 0.0) + abs(upstream * slope)
    for node, whole in parts.items():
        gradient = abs(bounds.computed.get(node, 0.0))
        if whole > gradient:
            yield node, ops.log10(whole / gradient) if gradient else math.inf


def _tangents(root: Node, leaf: Node) -> dict[Node, float]:
    """{node: d node / d leaf} for the nodes that the leaf reaches."""
    reach = {leaf: 1.0}
    for node in topological_order(root):
        parts = [
            s * reach[p]
            for p, s in zip(node.parents, node.partials, strict=True)
            if s is not None and p in reach
        ]
        if parts and node is not leaf:
            reach[node] = sum(parts)
    return reach
