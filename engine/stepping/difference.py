"""A gradient beside a finite difference of the same graph: its rows are run again with one node moved.

>>> from engine import Value
>>> from engine.stepping.steps import steps
>>> x = Value(3.0, label="x")
>>> print(difference(steps(x * x), x))
d v1/d x at x = 3
  by the chain rule   6
  by differences      6  (v1 at x ± 1.8e-05)
  they agree
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from engine.errors import DomainError, GraphError
from engine.graph import Node
from engine.stepping.steps import Steps
from engine.terminal import shown

__all__ = ["Difference", "difference"]

EPSILON = sys.float_info.epsilon


@dataclass(frozen=True, slots=True)
class Difference:
    """The derivative of the root by a node, twice: by the chain rule, and by moving the node.

    `error` bounds what rounding and the finite step explain; `kinks` names the nodes whose operation has
    a kink between the two points, where the two numbers need not agree.
    """

    name: str
    root_name: str
    at: float
    analytic: float
    numeric: float
    step: float
    error: float
    kinks: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether the two differ by no more than rounding and the finite step explain."""
        return abs(self.analytic - self.numeric) <= self.error

    def __str__(self) -> str:
        around = f"({self.root_name} at {self.name} ± {self.step:.2g})"
        lines = [
            f"d {self.root_name}/d {self.name} at {self.name} = {_digits(self.at)}",
            f"  by the chain rule   {_digits(self.analytic)}",
            f"  by differences      {_digits(self.numeric)}  {around}",
        ]
        gap = abs(self.analytic - self.numeric)
        if not self.agrees:
            lines.append(f"  they differ by {gap:.2g}; rounding and the step explain {self.error:.1g}")
        elif _digits(self.analytic) == _digits(self.numeric):
            lines.append("  they agree")
        else:
            lines.append(f"  they agree to within {gap:.1g}")
        if self.kinks:
            lines.append(f"  a kink lies in between, at {', '.join(self.kinks)}: there they need not agree")
        return shown("\n".join(lines))


def difference(backward: Steps, node: Node) -> Difference:
    """The central difference of the root in `node`, beside the gradient by the chain rule.

    (f(x + h) − f(x − h)) ÷ 2h, with h = ∛ε × max(|x|, 1), and smaller where that leaves a domain. Raises
    GraphError when a leaf's data was changed since the graph was made, DomainError when the node cannot be
    moved to both sides.
    """
    if backward.stale:
        raise GraphError(backward.stale, node.label)
    at, size = node._data, EPSILON ** (1 / 3) * max(abs(node._data), 1.0)
    try:
        return _measured(backward, node, at, size)
    except DomainError:
        return _measured(backward, node, at, EPSILON ** (1 / 3) * (abs(at) or EPSILON))


def _measured(backward: Steps, node: Node, at: float, size: float) -> Difference:
    numeric, _ = _slope(backward, node, at, 2 * size)
    coarse = numeric
    numeric, kinks = _slope(backward, node, at, size)
    rounding = 4 * EPSILON * (abs(backward.root._data) + abs(numeric * at) + EPSILON) / size
    analytic = backward.gradients().get(node, 0.0)
    return Difference(
        name=backward.name(node),
        root_name=backward.name(backward.root),
        at=at,
        analytic=analytic,
        numeric=numeric,
        step=size,
        error=2 * abs(coarse - numeric) + rounding,
        kinks=kinks,
    )


def _slope(backward: Steps, node: Node, at: float, size: float) -> tuple[float, tuple[str, ...]]:
    """(The central difference, the names of the nodes that were on different sides of a kink)."""
    above, below = at + size, at - size
    high, low = _moved(backward, node, above), _moved(backward, node, below)
    kinks = tuple(
        backward.name(user) for user in high if user is not node and _side(user, high) != _side(user, low)
    )
    return (high[backward.root] - low[backward.root]) / (above - below), kinks


def _moved(backward: Steps, node: Node, number: float) -> dict[Node, float]:
    """{the node and all that is computed from it: its number} when the node is `number`."""
    moved = {node: number}
    for user in backward.nodes:
        if user.operation and user is not node and any(parent in moved for parent in user.parents):
            operands = [moved.get(parent, parent._data) for parent in user.parents]
            moved[user] = user.operation.evaluate(operands)
    return moved


def _side(user: Node, numbers: dict[Node, float]) -> float | None:
    """On which side of its kinks the operation's operands are."""
    if user.operation is None or user.operation.side is None:
        return None
    return user.operation.side(*(numbers.get(parent, parent._data) for parent in user.parents))


def _digits(number: float) -> str:
    """Twelve digits: enough to see by how little the two numbers differ."""
    return f"{number:.12g}".replace("-", "−")
