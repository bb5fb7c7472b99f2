"""The chain rule over a graph, from the root down: in numbers (`backward`), in Values (higher orders).

Each node hands its gradient, times its local derivative, to each of its operands; an operand adds up
what it is handed. In reverse topological order a node has been handed everything before its turn comes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import GraphError, NonFiniteError
from engine.graph import Node, interior_and_leaves, topological_order

_TupleIterator = type(iter(()))

__all__ = ["adjoints", "backward", "local_values", "refuse_stale"]


def backward(root: Node, constant: type[Node] = Node) -> None:
    """Add d root / d leaf to the `grad` of every leaf; give every interior node its gradient afresh.

    All or nothing: where a gradient would be nan, NonFiniteError is raised and every `grad` is as it
    was. Leaves of type `constant` are left without a gradient.

    The rule itself stands in `adjoints`, in eight lines; this is the same, bit for bit, written for speed.
    """
    unreached: Any = object()
    interior: list[Node] = []
    leaves: list[Node] = []
    before: list[tuple[Node, float]] = []
    try:
        _mark(root, unreached, interior, leaves, before)
        root.grad = 1.0
        _sweep(interior, unreached)
        _settle(interior, leaves, unreached, constant)
    except BaseException:
        for node in topological_order(root):
            node.grad = None
        for node, earlier in before:
            node.grad = earlier
        raise
    for node, earlier in before:
        if node._operation is None and node.grad is not None:
            node.grad = earlier + node.grad


def _mark(  # noqa: C901, PLR0912, PLR0915  (written out: a call per node would double its cost)
    root: Any,
    unreached: Any,
    interior: list[Node],
    leaves: list[Node],
    before: list[tuple[Node, float]],
) -> None:
    """`graph.interior_and_leaves` for speed: the mark of a node that was seen is `unreached` in its `grad`.

    Gradients that were there go to `before`. A node on `path` waits for its first operand; an iterator
    there stands for the rest of the operands of the wide node below it.
    """
    path: list[Any] = []
    node, rest = root, None
    if root.grad is not None:
        before.append((root, root.grad))
    root.grad = unreached
    if root._operation is None:
        leaves.append(root)
        return
    while True:
        operand = node._first
        if type(operand) is tuple:
            path.append(node)
            rest = iter(operand)
        else:
            rest = None
            earlier = operand.grad
            if earlier is not unreached:
                if earlier is not None:
                    before.append((operand, earlier))
                operand.grad = unreached
                if operand._operation is not None:
                    path.append(node)
                    node = operand
                    continue
                leaves.append(operand)
        while True:  # the first operand of `node` is done, or those of the wide node before `rest`
            if rest is None:
                operand = node._second
                if operand is not None:
                    earlier = operand.grad
                    if earlier is not unreached:
                        if earlier is not None:
                            before.append((operand, earlier))
                        operand.grad = unreached
                        if operand._operation is not None:
                            path.append(node)
                            break
                        leaves.append(operand)
                interior.append(node)
            else:
                for operand in rest:
                    earlier = operand.grad
                    if earlier is not unreached:
                        if earlier is not None:
                            before.append((operand, earlier))
                        operand.grad = unreached
                        if operand._operation is not None:
                            break
                        leaves.append(operand)
                else:
                    operand = None
                if operand is not None:
                    path.append(rest)
                    break
                interior.append(path.pop())
            if not path:
                return
            node = path.pop()
            rest = node if type(node) is _TupleIterator else None
        node = operand


def _sweep(interior: list[Node], unreached: Any) -> None:
    """Leave in every interior node's `grad` the derivative of the root by that node, 0.0 where no path leads.

    Until a node is reached its `grad` holds `unreached`, not 0.0: a node behind an operand that was
    not selected must hand down nothing, for its own local derivative may be infinite, and 0 times
    that would be nan.
    """
    for node in reversed(interior):
        upstream: Any = node.grad
        if upstream is unreached:
            node.grad = 0.0
            continue
        if upstream != upstream:
            raise _not_a_number(interior, node)
        partial: Any = node._first_partial
        if partial is not None:
            operand: Any = node._first
            if type(operand) is tuple:
                for parent, slope in zip(operand, partial, strict=False):
                    if slope is not None:
                        sofar = parent.grad
                        parent.grad = upstream * slope if sofar is unreached else sofar + upstream * slope
                continue
            sofar = operand.grad
            operand.grad = upstream * partial if sofar is unreached else sofar + upstream * partial
        partial = node._second_partial
        if partial is not None:
            operand = node._second
            sofar = operand.grad
            operand.grad = upstream * partial if sofar is unreached else sofar + upstream * partial


def _settle(interior: list[Node], leaves: list[Node], unreached: Any, constant: type[Node]) -> None:
    """Turn what the leaves were handed into gradients: none for constants, 0.0 where no path leads."""
    for leaf in leaves:
        upstream: Any = leaf.grad
        if type(leaf) is constant:
            leaf.grad = None
        elif upstream is unreached:
            leaf.grad = 0.0
        elif upstream != upstream:
            raise _not_a_number(interior, leaf)


def _not_a_number(interior: list[Node], reached: Node) -> NonFiniteError:
    """Who made the nan that has just been found in `reached`, and what the forward pass had to do with it."""
    culprit, slope = reached, None
    for node in reversed(interior):
        upstream = node.grad
        made = [s for s in node.partials if s is not None and _is_nan(upstream, s)]
        if made:
            culprit, slope = node, made[0]
            break
    cause = next((node for node in interior if not math.isfinite(node._data)), None)
    infinite = (node for node in reversed(interior) if not _all_finite(node))
    advice = [op.advice for node in infinite if (op := node.operation) and op.advice][:1]
    return NonFiniteError(_nan_words(culprit, slope, cause, advice), culprit, cause)


def _all_finite(node: Node) -> bool:
    return all(math.isfinite(x) for x in (node._data, *node.partials) if x is not None)


def _is_nan(upstream: Any, slope: float) -> bool:
    """Whether a gradient that is a number becomes nan on the way through this local derivative."""
    if not isinstance(upstream, float) or upstream != upstream:
        return False
    return upstream * slope != upstream * slope


def _nan_words(culprit: Node, slope: float | None, cause: Node | None, advice: list[str]) -> str:
    operands = ", ".join(describe(parent) for parent in culprit.parents)
    if slope is None:
        what = "infinite gradients of both signs meet there"
    else:
        what = f"its gradient {culprit.grad!r} times its local derivative {slope!r} is nan"
    words = f"backward would give nan at {describe(culprit)} with operands ({operands}): {what}"
    if cause is not None and cause is not culprit:
        inputs = ", ".join(describe(parent) for parent in cause.parents)
        words += f"; the first number in the graph that is not finite is {describe(cause)} of ({inputs})"
    return "; ".join([words, *advice])


def describe(node: Node) -> str:
    """A node in an error message: operation, label, number, and the line that made it when known."""
    made = node.operation.name if node.operation else "leaf"
    label = f" {node.label!r}" if node.label else ""
    line = f" (made at {node.line})" if node.line else ""
    return f"{made}{label} = {node._data!r}{line}"


def adjoints(root: Any, local: Callable[[Any], Sequence[Any]]) -> dict[Any, Any]:
    """{node: d root / d node} for every node that a path reaches; no `grad` is read or written.

    `local(node)` gives the node's local derivatives: its stored numbers, or Values to differentiate
    again.
    """
    interior, _ = interior_and_leaves(root)
    adjoint: dict[Any, Any] = {root: 1.0}
    for node in reversed(interior):
        if (upstream := adjoint.get(node)) is not None:
            for parent, slope in zip(node.parents, local(node), strict=True):
                if slope is not None:
                    part = _times(upstream, slope)
                    adjoint[parent] = adjoint[parent] + part if parent in adjoint else part
    return adjoint


def _times(upstream: Any, slope: Any) -> Any:
    """The product, without a node for a factor of 1."""
    if isinstance(upstream, float) and upstream == 1.0:
        return slope
    if isinstance(slope, float) and slope == 1.0:
        return upstream
    return upstream * slope


def local_values(node: Any) -> Sequence[Any]:
    """The node's local derivatives as Values: its row's formulas, run on the nodes themselves.

    Constants go in as plain numbers, so that nothing is computed for a derivative that nobody wants.
    """
    constant = [parent.is_constant for parent in node.parents]
    operands = [p._data if fixed else p for p, fixed in zip(node.parents, constant, strict=True)]
    slopes = node.operation.partials(node, *operands)
    return [None if fixed else slope for slope, fixed in zip(slopes, constant, strict=True)]


def refuse_stale(root: Node) -> None:
    """Raise GraphError when a leaf's data was changed since the graph was made.

    Stored local derivatives belong to the point where forward ran. Formulas that are run again would
    take today's numbers, and mix two points.
    """
    for node in interior_and_leaves(root)[0]:
        operation: Any = node._operation
        again = operation.evaluate([parent._data for parent in node.parents])
        if again != node._data and again == again:
            changed = [p for p in node.parents if p._operation is None] or list(node.parents)
            named = ", ".join(describe(parent) for parent in changed)
            raise GraphError(
                f"the data of a leaf has changed since the graph was made ({named}): "
                f"{operation.name} gave {node._data!r} then and gives {again!r} now; "
                "build the graph again before differentiating it more than once",
                changed[0].label,
            )
