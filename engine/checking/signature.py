"""The branch signature of a run: everything that decided which smooth piece of the function was computed.

Each operation with a kink tells its side; each comparison of Values in Python tells its outcome. Two points
with equal signatures lie on the same piece, unless a kink was crossed twice in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine import modes
from engine.graph import Node, interior_and_leaves
from engine.operation import Operation

__all__ = ["Heard", "Signature", "at_operands", "crossing", "has_sides", "side_of", "signature_of"]


class Signature(NamedTuple):
    """The operations of a graph in order, the sides they took, the outcomes of comparisons in Python."""

    operations: tuple[str, ...]
    sides: tuple[Any, ...]
    comparisons: tuple[bool, ...]


class Heard(list[bool]):
    """Comparisons as they are made, and the source line of each where lines are remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def append(self, outcome: bool, /) -> None:
        """Note the outcome, and where it was asked for."""
        super().append(outcome)
        self.lines.append(modes.line_of_caller() or "")


def has_sides(operation: Operation) -> bool:
    """Whether the operation is smooth only piecewise."""
    return operation.side is not None or bool(operation.kinks)


def side_of(operation: Operation, operands: Sequence[float]) -> Any:
    """On which side of an operation's kinks the operands lie.

    A row that has kinks but no sides (hypot at the origin, the edge of sqrt) is at one of them or not.
    """
    if operation.side is not None:
        return operation.side(*operands)
    if operation.arity is None:
        return any(set(kink.at) == set(operands) for kink in operation.kinks)
    return any(kink.at == tuple(operands) for kink in operation.kinks)


def signature_of(outputs: Sequence[Node], comparisons: Sequence[bool]) -> Signature:
    """The branch signature of a run that made these outputs."""
    nodes = [node for output in outputs for node in interior_and_leaves(output)[0]]
    names = tuple([node._operation.name for node in nodes if node._operation is not None])
    sides = [_side(node) for node in nodes if node._operation is not None and has_sides(node._operation)]
    return Signature(names, tuple(sides), tuple(comparisons))


def _side(node: Node) -> Any:
    operation: Any = node._operation
    return side_of(operation, [parent._data for parent in node.parents])


def crossing(outputs: Sequence[Node], here: Signature, there: Signature, lines: Sequence[str]) -> str:
    """What lies between two points, in words: the operation at its kink, or the comparison that flipped.

    `outputs` and `lines` (of the comparisons) belong to the run that had the signature `here`.
    """
    for line, old, new in zip(lines, here.comparisons, there.comparisons, strict=False):
        if old != new:
            return f"branch in Python code{' at ' + Path(line).name if line else ''}"
    if here.operations != there.operations:
        return "branch in Python code: the graph has another shape beside this point"
    nodes = [node for output in outputs for node in interior_and_leaves(output)[0]]
    kinked = [node for node in nodes if node._operation is not None and has_sides(node._operation)]
    for node, old, new in zip(kinked, here.sides, there.sides, strict=True):
        if old != new:
            return at_operands(node)
    return ""


def at_operands(node: Node) -> str:
    """An operation, its label and its operands in words: `relu 'h2' at 0`."""
    name = node._operation.name if node._operation else "leaf"
    label = f" {node.label!r}" if node.label else ""
    return f"{name}{label} at {', '.join(f'{parent._data:.4g}' for parent in node.parents[:4])}"
