"""LLVM's primitives: what an instruction of the processor does, or a few; every other row is lowered to them.

What has no vector implementation here is computed by the C library, lane by lane.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from engine import ops
from engine.operation import Operation
from engine.replay.backends.arrays import OF_MATH
from engine.replay.backends.llvm.writing import elementary
from engine.replay.backends.llvm.writing.text import Text
from engine.replay.program.expression import Apply, Argument, operations_of
from engine.replay.recording import selection

__all__ = ["CURVES", "PRIMITIVES", "Formula", "costs_calls"]

Implementation = Callable[..., str]


def _by(method: str, name: str) -> Implementation:
    """What a method of texts gives that is told this name."""

    def apply(text: Text, *operands: str) -> str:
        found: str = getattr(text, method)(name, *operands)
        return found

    return apply


def _rounding(name: str) -> Implementation:
    """A rounding whose zeros are positive, as Python's are: atan2 tells them apart."""

    def apply(text: Text, x: str) -> str:
        return text.binary("fadd", text.call(name, x), text.number(0.0))

    return apply


def _extreme(how: str, text: Text, x: str, y: str) -> str:
    first = text.let(f"or {text.truth} {text.compare(how, x, y)}, {text.compare('uno', x, x)}")
    return text.select(first, x, y)


def _remainder(text: Text, x: str, y: str) -> str:
    """What the C library's `fmod` leaves has the sign of x, and here that of y."""
    rest = text.library("fmod", x, y)
    signed = text.call("copysign", rest, y)
    return text.select(text.compare("une", rest, signed), text.binary("fadd", rest, y), signed)


_FUNCTIONS: dict[Operation, Implementation] = {
    ops.absolute: _by("call", "fabs"),
    ops.add: _by("binary", "fadd"),
    ops.ceil: _rounding("ceil"),
    ops.divide: _by("binary", "fdiv"),
    ops.exp: elementary.exp,
    ops.expm1: elementary.expm1,
    ops.floor: _rounding("floor"),
    ops.log: elementary.log,
    ops.log1p: elementary.log1p,
    ops.maximum: partial(_extreme, "ogt"),
    ops.minimum: partial(_extreme, "olt"),
    ops.multiply: _by("binary", "fmul"),
    ops.nearest: _rounding("rint"),
    ops.negate: lambda text, x: text.let(f"fneg {text.type} {x}"),
    ops.ratio: _by("binary", "fdiv"),
    ops.remainder: _remainder,
    ops.sqrt: elementary.sqrt,
    ops.subtract: _by("binary", "fsub"),
    ops.tanh: elementary.tanh,
}
_SLOW = {**{row: row.name for row in OF_MATH - _FUNCTIONS.keys()}, ops.power: "pow"}
_FUNCTIONS |= {operation: _by("library", name) for operation, name in _SLOW.items()}

_COMPARISONS = {
    selection.LESS: "olt",
    selection.LESS_EQUAL: "ole",
    selection.GREATER: "ogt",
    selection.GREATER_EQUAL: "oge",
    selection.EQUAL: "oeq",
}
_CONNECTIVES = {selection.BOTH: "and", selection.EITHER: "or"}
_CONDITIONS = {*_COMPARISONS, *_CONNECTIVES}
PRIMITIVES = frozenset({*_FUNCTIONS, *_CONDITIONS, ops.where})


CURVES = frozenset({ops.exp, ops.expm1, ops.log, ops.log1p, ops.tanh})  # each is dozens of instructions


def costs_calls(expression: Any) -> bool:
    """Whether the C library is called for an expression: then wide vectors gain nothing."""
    return any(operation in _SLOW or operation is ops.remainder for operation in operations_of(expression))


class Formula:
    """Computes an expression, everything in it once; `arguments` gives the operands by number."""

    def __init__(self, text: Text, arguments: Callable[[int], str]) -> None:
        self._text, self._arguments = text, arguments
        self._known: dict[Any, str] = {}

    def value(self, expression: Any) -> str:
        """The name of the result."""
        if not isinstance(expression, (Apply, Argument)):
            return self._text.literal(float(expression))
        if expression not in self._known:
            self._known[expression] = self._compute(expression)
        return self._known[expression]

    def _compute(self, expression: Apply | Argument) -> str:
        if isinstance(expression, Argument):
            return self._arguments(expression.number)
        operation = expression.operation
        if operation is ops.where:
            condition, *sides = expression.operands
            accepted, otherwise = map(self.value, sides)
            return self._text.select(self._condition(condition), accepted, otherwise)
        if operation in _CONDITIONS:
            one, zero = self._text.number(1.0), self._text.number(0.0)
            return self._text.select(self._condition(expression), one, zero)
        if operation is ops.power and isinstance(expression.operands[1], float):
            return self._power(self.value(expression.operands[0]), expression.operands[1])
        return _FUNCTIONS[operation](self._text, *map(self.value, expression.operands))

    def _condition(self, expression: Any) -> str:
        """A condition as one bit per lane."""
        text = self._text
        if isinstance(expression, Apply):
            operation, operands = expression.operation, expression.operands
            if operation in _COMPARISONS:
                return text.compare(_COMPARISONS[operation], *map(self.value, operands))
            if operation in _CONNECTIVES:
                left, right = map(self._condition, operands)
                return text.let(f"{_CONNECTIVES[operation]} {text.truth} {left}, {right}")
        return text.compare("ogt", self.value(expression), text.number(0.0))

    def _power(self, x: str, exponent: float) -> str:
        """Small whole and half exponents by multiplication and roots, others by the C library."""
        text, size = self._text, abs(exponent)
        if not ((2.0 * size).is_integer() and 0.5 <= size <= 8.0):
            return text.library("pow", x, text.number(exponent))
        found = "" if size.is_integer() else _FUNCTIONS[ops.sqrt](text, x)
        square, bits = x, int(size)
        while bits:
            if bits & 1:
                found = text.binary("fmul", found, square) if found else square
            bits >>= 1
            square = text.binary("fmul", square, square) if bits else square
        return found if exponent > 0 else text.binary("fdiv", text.number(1.0), found)
