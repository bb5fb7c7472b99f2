"""Expression: a formula as data, made by running a row of the table on symbols.

Executors compute expressions; nobody types a derivative a second time.

>>> from engine import ops
>>> partials(ops.tanh, [Argument(0)])
(1.0 - out * out,)
>>> partials(ops.relu, [Argument(0)])
(where(x0 > 0.0, 1.0, no path),)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine import ops
from engine.formula import Operators
from engine.frozen import frozen
from engine.operation import Operation
from engine.replay.recording import selection

__all__ = [
    "Apply",
    "Argument",
    "Expression",
    "arguments_of",
    "every_part",
    "numbers_in",
    "operations_of",
    "partials",
    "product",
    "renumbered",
    "substituted",
]


class Expression(Operators):
    """A symbol that remembers what was done to it; a plain float stands for itself, None is no path."""

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Any:
        """The expression of an operation on these operands, simplified where that changes no value."""
        return _simplified(operation, tuple([float(o) if isinstance(o, int) else o for o in operands]))

    def choose(self, accepted: Any, otherwise: Any) -> Any:
        """A choice, this expression being the condition."""
        return accepted if accepted is otherwise else Apply(ops.where, (self, accepted, otherwise))

    def clip(self, low: float, high: float) -> Any:
        """At least `low` and at most `high`; an array's method, for what is written for arrays."""
        return self.apply(ops.minimum, (self.apply(ops.maximum, (self, low)), high))

    def __bool__(self) -> bool:
        """An expression is neither true nor false: what branches on numbers is written with `choose`."""
        raise TypeError("an expression has no truth value; write choose(condition, x, y)")

    def __lt__(self, other: Any) -> Any:
        return Apply(selection.LESS, (self, other))

    def __le__(self, other: Any) -> Any:
        return Apply(selection.LESS_EQUAL, (self, other))

    def __gt__(self, other: Any) -> Any:
        return Apply(selection.GREATER, (self, other))

    def __ge__(self, other: Any) -> Any:
        return Apply(selection.GREATER_EQUAL, (self, other))

    def __and__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return self if other else False
        return Apply(selection.BOTH, (self, other))

    def __or__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return True if other else self
        return Apply(selection.EITHER, (self, other))

    __rand__, __ror__ = __and__, __or__


@frozen
class Argument(Expression):
    """An operand of the instruction that the expression belongs to, by number."""

    number: int
    name: str = ""

    def __repr__(self) -> str:
        return self.name or f"x{self.number}"


@frozen
class Apply(Expression):
    """An operation on expressions and numbers; what is chosen by `where` may be None, no path."""

    operation: Operation
    operands: tuple[Any, ...]

    def __repr__(self) -> str:
        symbol = _SYMBOLS.get(self.operation)
        if symbol and len(self.operands) == 2:
            left, right = (f"({o})" if _is_sum(o) else repr(o) for o in self.operands)
            is_quotient = isinstance(self.operands[1], Apply) and self.operands[1].operation is ops.divide
            return left + symbol + (f"({right})" if is_quotient else right)
        shown = ["no path" if operand is None else repr(operand) for operand in self.operands]
        return f"{self.operation.name}({', '.join(shown)})"


_SYMBOLS = {
    ops.add: " + ",
    ops.subtract: " - ",
    ops.multiply: " * ",
    ops.divide: " / ",
    selection.LESS: " < ",
    selection.GREATER: " > ",
}


def _is_sum(operand: Any) -> bool:
    return isinstance(operand, Apply) and operand.operation in (ops.add, ops.subtract)


def _simplified(operation: Operation, operands: tuple[Any, ...]) -> Any:
    """The application, but without a factor or a divisor of 1, and with a power of 1 or 0 done."""
    if operation is ops.multiply and 1.0 in operands:
        return operands[1] if operands[0] == 1.0 else operands[0]
    if operation in (ops.divide, ops.ratio) and operands[1] == 1.0:
        return operands[0]
    if operation is ops.power and operands[1] in (0.0, 1.0):
        return operands[0] if operands[1] == 1.0 else 1.0
    return Apply(operation, operands)


def partials(operation: Operation, operands: Sequence[Any]) -> tuple[Any, ...]:
    """The local derivatives of an operation, of its operands and `out`, its result: argument -1."""
    found = operation.partials(Argument(-1, "out"), *operands)
    return tuple(float(partial) if isinstance(partial, int) else partial for partial in found)


def product(upstream: Argument, slope: Any) -> Any:
    """The gradient times a local derivative; where there is no path, 0."""
    if slope is None:
        return 0.0
    if isinstance(slope, Apply) and slope.operation is ops.where:
        condition, *sides = slope.operands
        return Apply(ops.where, (condition, *(product(upstream, side) for side in sides)))
    return upstream * slope


def renumbered(expression: Any, numbers: dict[int, int]) -> Any:
    """The expression with its arguments numbered anew."""
    return substituted(expression, {old: Argument(new) for old, new in numbers.items()})


def substituted(expression: Any, arguments: Mapping[int, Any]) -> Any:
    """The expression with other things in the place of its arguments."""
    if isinstance(expression, Argument):
        return arguments[expression.number]
    if isinstance(expression, Apply):
        return Apply(expression.operation, tuple(substituted(o, arguments) for o in expression.operands))
    return expression


def every_part(expression: Any) -> Iterator[Any]:
    """The expression and all that it consists of, as often as it occurs: numbers and None too."""
    yield expression
    if isinstance(expression, Apply):
        for operand in expression.operands:
            yield from every_part(operand)


def operations_of(expression: Any) -> Iterator[Operation]:
    """The operations in an expression, as often as they occur."""
    return (part.operation for part in every_part(expression) if isinstance(part, Apply))


def arguments_of(expression: Any) -> set[Argument]:
    """The arguments in an expression."""
    return {part for part in every_part(expression) if isinstance(part, Argument)}


def numbers_in(expression: Any) -> Iterator[float]:
    """The plain numbers in an expression."""
    return (float(part) for part in every_part(expression) if isinstance(part, (int, float)))
