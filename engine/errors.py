"""What can go wrong, each error carrying its data: the type is here, the words come from the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.terminal import shown

__all__ = [
    "CheckError",
    "DomainError",
    "EngineError",
    "GraphError",
    "NonFiniteError",
    "OperationError",
    "RenderError",
    "ReplayError",
]


class EngineError(Exception):
    """Any error of this project; catching it catches all the others."""

    def __str__(self) -> str:
        return shown(super().__str__())


class GraphError(EngineError, ValueError):
    """A graph was used in a way that it cannot be: an interior node set, a stale leaf read again.

    `label` names the node where that is known.
    """

    def __init__(self, message: str, label: str = "") -> None:
        super().__init__(message)
        self.label = label


class DomainError(EngineError, ValueError):
    """An operation was given a number for which it has no value; also a `ValueError`.

    `operation` is the name of the operation, `operands` the numbers that it was given and `labels`
    the labels of the nodes that they came from.
    """

    def __init__(
        self, message: str, operation: str, operands: Sequence[float], labels: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.operands = tuple(operands)
        self.labels = tuple(labels)


class NonFiniteError(EngineError, ArithmeticError):
    """A gradient would be nan: raised by `backward` before any gradient has changed.

    `node` is the first offending node in backward order, `cause` the first node of the forward pass
    whose data is not finite (None when all of it is finite).
    """

    def __init__(self, message: str, node: Any, cause: Any = None) -> None:
        super().__init__(message)
        self.node = node
        self.cause = cause


class OperationError(EngineError, ValueError):
    """An operation of one's own was defined wrongly; `operation` is its name, where it has one."""

    def __init__(self, message: str, operation: str = "") -> None:
        super().__init__(message)
        self.operation = operation


class CheckError(EngineError, AssertionError):
    """A gradient check failed; `result` is the whole report."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


class RenderError(EngineError, RuntimeError):
    """A graph could not be drawn; `looked_at` lists the places where a layout program was sought."""

    def __init__(self, message: str, looked_at: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.looked_at = tuple(looked_at)


class ReplayError(EngineError, RuntimeError):
    """A function could not be recorded or replayed; `where` is the source line, when known."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.where = where
