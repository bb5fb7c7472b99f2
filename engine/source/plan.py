"""What is to be written: the nodes in order, which are given, and where gradients certainly arrive."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from engine.errors import GraphError
from engine.frozen import frozen
from engine.graph import Node, topological_order
from engine.operation import Operation

__all__ = ["Plan", "partials_of", "plan"]


@frozen
class Plan:
    """The nodes of a function of numbers: `given` leaves, numbers that are `fixed`, and `interior` nodes.

    `given` stands in the caller's order and may hold leaves that the roots do not depend on.
    """

    roots: tuple[Node, ...]
    given: tuple[Node, ...]
    fixed: tuple[Node, ...]
    interior: tuple[Node, ...]

    @cached_property
    def moving(self) -> frozenset[Node]:
        """The nodes whose numbers depend on a given leaf; all others want no gradient."""
        found = set(self.given)
        for node in self.interior:
            if not found.isdisjoint(node.parents):
                found.add(node)
        return frozenset(found)

    @cached_property
    def used(self) -> frozenset[Node]:
        """The nodes that something is computed from, and the roots."""
        return frozenset({parent for node in self.interior for parent in node.parents} | set(self.roots))


def plan(roots: Sequence[Node], leaves: Sequence[Node] | None) -> Plan:
    """What to write for these roots; by default every leaf that is no constant is given.

    Raises GraphError for a given node that is no leaf, is a constant, or is given twice.
    """
    order = list(dict.fromkeys(node for root in roots for node in topological_order(root)))
    below = [node for node in order if node.operation is None]
    given = [node for node in below if not node.is_constant] if leaves is None else list(leaves)
    for place, node in enumerate(given):
        fault = _fault(node, given[:place])
        if fault:
            raise GraphError(
                f"leaf {place} of to_source is {fault}; give Values that were made from a number, each once",
                node.label,
            )
    return Plan(
        tuple(roots),
        tuple(given),
        tuple(node for node in below if node not in set(given)),
        tuple(node for node in order if node.operation is not None),
    )


def _fault(node: Node, before: Sequence[Node]) -> str:
    operation: Operation | None = node.operation
    if operation is not None:
        return f"{node.label or 'a node'} = {operation.name} of others, not a leaf"
    if node.is_constant:
        return f"the constant {node._data!r}, which has no gradient"
    return f"{node.label or 'a node'}, which was given before" if node in before else ""


def partials_of(operation: Operation, out: Any, operands: Sequence[Any]) -> Sequence[Any]:
    """The row's local derivatives on symbols; what is flat hands nothing down, as in eager."""
    partials: Sequence[Any] = operation.slopes(out, operands)
    if not operation.flat:
        return partials
    return [None if isinstance(partial, float) and partial == 0.0 else partial for partial in partials]
