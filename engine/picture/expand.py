"""Sums of many written out: each dot and each total as the multiplications and additions inside it."""

from __future__ import annotations

from copy import copy
from typing import Any

from engine.graph import Node, topological_order
from engine.ops import dot, total

__all__ = ["expanded"]


def expanded(root: Node) -> dict[Node, Node]:
    """{node: its copy} in a graph in which every dot and total is written out, with the same numbers.

    The rows' own formulas are run on the copies. A product or a partial sum has the gradient of the whole
    sum, since an addition passes its gradient on.

    >>> from engine import Value, dot
    >>> whole = dot([Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)], bias=Value(0.5))
    >>> [node.operation.name for node in topological_order(expanded(whole)[whole]) if node.operation]
    ['multiply', 'add', 'multiply', 'add']
    """
    copies: dict[Node, Node] = {}
    for node in topological_order(root):
        parents = [copies[parent] for parent in node.parents]
        if node.operation in (dot, total) and len(parents) > 1:
            made = _written_out(node, parents)
        else:
            made = copy(node)
            made.rewire(parents)
        made.grad, made.label = node.grad, node.label
        copies[node] = made
    return copies


def _written_out(node: Node, operands: list[Node]) -> Node:
    formula: Any = node.operation
    result: Node = formula.forward(*operands)
    known = set(operands)
    waiting = [result]
    while waiting:
        inner = waiting.pop()
        if inner.operation is not None and inner not in known:
            inner.grad = node.grad
            waiting += inner.parents
    return result
