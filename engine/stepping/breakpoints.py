"""Where the walker stops by itself: at a node, at an operation, at a nan, at a large gradient."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine import ops
from engine.graph import Node, topological_order
from engine.stepping.steps import Steps

__all__ = [
    "Breakpoint",
    "at_large_gradient",
    "at_nan",
    "at_nodes",
    "at_operation",
    "known_operations",
    "threshold",
]

_THRESHOLD = re.compile(r"\|?\s*grad(?:ient)?\s*\|?\s*>\s*(?P<number>\S+)")


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A condition on a step, and its words."""

    words: str
    hits: Callable[[Steps, int], bool]


def known_operations(root: Node) -> list[str]:
    """The names of the table's operations, and of those of the user's own in this graph."""
    in_graph = (node.operation.name for node in topological_order(root) if node.operation)
    return list(dict.fromkeys([*ops.TABLE, *in_graph]))


def at_nodes(nodes: Sequence[Node], name: str) -> Breakpoint:
    """Stop when one of the nodes passes its gradient on; for a leaf, whenever something is added to it."""
    inside = {node for node in nodes if node.operation is not None}
    leaves = [node for node in nodes if node.operation is None]

    def hits(steps: Steps, number: int) -> bool:
        return steps.node_of(number) in inside or any(steps.adds_to(number, leaf) for leaf in leaves)

    return Breakpoint(name, hits)


def at_operation(name: str) -> Breakpoint:
    """Stop at every node that this operation made."""

    def hits(steps: Steps, number: int) -> bool:
        made = steps.node_of(number).operation
        return number > 0 and made is not None and made.name == name

    return Breakpoint(f"operation {name}", hits)


def at_nan() -> Breakpoint:
    """Stop at every step in which a gradient is nan or becomes it."""
    return Breakpoint("nan", lambda steps, number: any(x != x for x in steps.gradients_in(number)))


def at_large_gradient(limit: float) -> Breakpoint:
    """Stop at every step in which a gradient is, or becomes, larger than the limit, whatever its sign."""
    words = f"|grad| > {limit:g}"
    return Breakpoint(words, lambda steps, number: any(abs(x) > limit for x in steps.gradients_in(number)))


def threshold(words: str) -> float | None:
    """The number in `|grad| > 10`, also written `grad > 10`; None for other words, or a wrong number.

    >>> threshold("|grad| > 1e3"), threshold("grad>2"), threshold("tanh")
    (1000.0, 2.0, None)
    """
    found = _THRESHOLD.fullmatch(words)
    try:
        return float(found["number"]) if found else None
    except ValueError:
        return None
