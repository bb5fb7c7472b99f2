"""Forward and backward through a graph in balls: around every number of the graph, and around every gradient.

>>> from engine import Value
>>> from engine.health.floats import Floats
>>> x = Value(0.1, label="x")
>>> found = both_passes(x * x * x, Floats())
>>> found.gradients[x]
0.030000000000000006 ± 2.5e-18
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.backward import adjoints, refuse_stale
from engine.graph import Node, topological_order
from engine.health.ball import Ball
from engine.health.enclosure import Numbers, Partials
from engine.health.floats import Floats

__all__ = ["Passes", "both_passes"]


@dataclass(frozen=True, slots=True)
class Passes:
    """The balls of one look at a graph: {node: …}; `gradients` is without what no path reaches.

    `undecided` has the nodes whose exact operands may lie on another side of a kink than the computed ones,
    `astray` those where they certainly do.
    """

    values: dict[Node, Ball]
    gradients: dict[Node, Ball]
    partials: dict[Node, Partials]
    undecided: frozenset[Node]
    astray: frozenset[Node]


def both_passes(root: Node, numbers: Numbers) -> Passes:
    """The forward pass and the backward pass from `root` in balls of these numbers.

    Raises GraphError when a leaf's data was changed since the graph was made.
    """
    values: dict[Node, Ball] = {}
    partials: dict[Node, Partials] = {}
    undecided: set[Node] = set()
    astray: set[Node] = set()
    for node in topological_order(root):
        operation = node.operation
        if operation is None:
            values[node] = numbers.exact(node._data)
            continue
        operands = [values[parent] for parent in node.parents]
        ball, partials[node] = numbers.node(operation, operands)
        values[node] = ball
        if isinstance(numbers, Floats) and ball.mid != node._data and ball.mid == ball.mid:
            refuse_stale(root)
        if numbers.undecided(operation, operands):
            undecided.add(node)
        elif operation.side is not None and not isinstance(numbers, Floats):
            computed = [parent._data for parent in node.parents]
            if operation.side(*computed) != numbers.side(operation, [ball.mid for ball in operands]):
                astray.add(node)

    def local(node: Node) -> Sequence[Any]:
        found = zip(node.parents, partials[node], strict=True)
        return [None if parent.is_constant else partial for parent, partial in found]

    gradients = {
        node: numbers.lift(ball) if isinstance(ball, float) else ball
        for node, ball in adjoints(root, local).items()
    }
    return Passes(values, gradients, partials, frozenset(undecided), frozenset(astray))
