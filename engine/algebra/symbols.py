"""Symbolic: an expression of sympy that the rows' formulas run on, as they run on floats.

>>> import sympy
>>> x = Symbolic(sympy.Symbol("x", real=True))
>>> (slope,) = ops.tanh.partials(ops.tanh(x), x)
>>> slope.expression
1 - tanh(x)**2
>>> ops.relu.partials(None, x)[0].expression
Piecewise((1, x > 0), (0, True))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from engine import ops
from engine.formula import Formula
from engine.operation import Inexact, Operation

__all__ = ["Expression", "Symbolic", "applied", "expression_of", "knows", "number"]

Expression = Any  # sympy has no types
SHORT = 6  # digits of a constant that is meant as the decimal number that it is printed as


def number(value: float) -> Expression:
    """A constant for sympy: by its formula if it has one, a short one as the fraction that it is printed as.

    >>> number(0.5), number(2.0), number(0.1), number(0.3333333333333333)
    (1/2, 2, 1/10, 0.33333333333333330)
    """
    if isinstance(value, Inexact):
        return value.formula(Symbolic(sympy.Integer(1))).expression
    if value in (float("inf"), float("-inf")) or value != value:
        return {"inf": sympy.oo, "-inf": -sympy.oo}.get(repr(float(value)), sympy.nan)
    if value == int(value) and abs(value) < 2**53:
        return sympy.Integer(int(value))
    digits = repr(float(value)).partition("e")[0].replace(".", "").lstrip("-0")
    return sympy.Rational(repr(float(value))) if len(digits) <= SHORT else sympy.Float(repr(value), 17)


def expression_of(thing: Any) -> Expression:
    """The expression in a symbol or a number; 0 for no path."""
    if thing is None:
        return sympy.Integer(0)
    return thing.expression if isinstance(thing, Symbolic) else number(thing)


class Symbolic(Formula):
    """An expression, with the arithmetic and the words of the table's language."""

    __slots__ = ("expression",)

    def __init__(self, expression: Expression) -> None:
        super().__init__("")
        self.expression = expression

    def __repr__(self) -> str:
        return str(self.expression)

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Symbolic:
        """The expression of an operation on these operands."""
        return Symbolic(applied(operation, [expression_of(operand) for operand in operands]))

    def _compare(self, symbol: str, other: Any) -> Any:
        relation = {"<": sympy.Lt, "≤": sympy.Le, ">": sympy.Gt, "≥": sympy.Ge}[symbol]
        return _condition(relation(self.expression, expression_of(other)))


@dataclass(frozen=True, slots=True)
class _Condition:
    """A comparison of expressions that is neither true nor false before they have numbers."""

    holds: Any

    def __and__(self, other: Any) -> Any:
        return _condition(sympy.And(self.holds, _plain(other)))

    def __or__(self, other: Any) -> Any:
        return _condition(sympy.Or(self.holds, _plain(other)))

    __rand__, __ror__ = __and__, __or__

    def choose(self, accepted: Any, otherwise: Any) -> Symbolic | None:
        """Both branches, with the condition between them; no path counts as 0."""
        if accepted is None and otherwise is None:
            return None
        branches = (expression_of(accepted), self.holds), (expression_of(otherwise), True)
        return Symbolic(sympy.Piecewise(*branches))


def _condition(holds: Any) -> Any:
    """True or False where sympy knows."""
    return bool(holds) if holds in (sympy.true, sympy.false) else _Condition(holds)


def _plain(condition: Any) -> Any:
    return condition.holds if isinstance(condition, _Condition) else condition


def knows(operation: Operation) -> bool:
    """Whether sympy has the operation, or those that it is lowered to."""
    return operation in _FUNCTIONS or operation.lowered is not None


def applied(operation: Operation, operands: Sequence[Expression]) -> Expression:
    """The row as sympy writes it; else as it is lowered to others; else a function of its own name."""
    if operation in _FUNCTIONS:
        return _FUNCTIONS[operation](*operands)
    if operation.lowered is not None:
        return expression_of(operation.lowered(*map(Symbolic, operands)))
    return sympy.Function(operation.name, real=True)(*operands)


def _dot(*operands: Expression) -> Expression:
    half = len(operands) // 2
    products = (w * x for w, x in zip(operands[:half], operands[half : 2 * half], strict=True))
    return sympy.Add(*products, *operands[2 * half :])


def _round(x: Expression) -> Expression:
    """The nearest whole number, halves to the even one."""
    half = sympy.Rational(1, 2)
    even = 2 * sympy.floor((x + half) / 2)
    return sympy.Piecewise((even, sympy.Eq(x - sympy.floor(x), half)), (sympy.floor(x + half), True))


def _larger(x: Expression, y: Expression) -> Expression:
    return sympy.Piecewise((x, x > y), (y, True))


def _smaller(x: Expression, y: Expression) -> Expression:
    return sympy.Piecewise((x, x < y), (y, True))


_FUNCTIONS: dict[Operation, Callable[..., Expression]] = {
    ops.add: lambda x, y: x + y,
    ops.subtract: lambda x, y: x - y,
    ops.multiply: lambda x, y: x * y,
    ops.divide: lambda x, y: x / y,
    ops.ratio: lambda x, y: x / y,
    ops.remainder: sympy.Mod,
    ops.negate: lambda x: -x,
    ops.power: lambda x, y: x**y,
    ops.exp: sympy.exp,
    ops.expm1: lambda x: sympy.exp(x) - 1,
    ops.exp2: lambda x: 2**x,
    ops.log: sympy.log,
    ops.log1p: lambda x: sympy.log(1 + x),
    ops.log2: lambda x: sympy.log(x) / sympy.log(2),
    ops.log10: lambda x: sympy.log(x) / sympy.log(10),
    ops.sqrt: sympy.sqrt,
    ops.cbrt: lambda x: sympy.sign(x) * sympy.Abs(x) ** sympy.Rational(1, 3),
    ops.sin: sympy.sin,
    ops.cos: sympy.cos,
    ops.tan: sympy.tan,
    ops.asin: sympy.asin,
    ops.acos: sympy.acos,
    ops.atan: sympy.atan,
    ops.atan2: sympy.atan2,
    ops.sinh: sympy.sinh,
    ops.cosh: sympy.cosh,
    ops.tanh: sympy.tanh,
    ops.asinh: sympy.asinh,
    ops.acosh: sympy.acosh,
    ops.atanh: sympy.atanh,
    ops.hypot: lambda x, y: sympy.sqrt(x**2 + y**2),
    ops.erf: sympy.erf,
    ops.erfc: sympy.erfc,
    ops.lgamma: lambda x: sympy.log(sympy.Abs(sympy.gamma(x))),
    ops.digamma: sympy.digamma,
    ops.polygamma: sympy.polygamma,
    ops.absolute: sympy.Abs,
    ops.maximum: _larger,
    ops.minimum: _smaller,
    ops.where: lambda condition, x, y: sympy.Piecewise((x, condition > 0), (y, True)),
    ops.clamp: lambda x, low, high: sympy.Piecewise((low, x < low), (high, x > high), (x, True)),
    ops.sign: sympy.sign,
    ops.floor: sympy.floor,
    ops.ceil: sympy.ceiling,
    ops.nearest: _round,
    ops.sinc: lambda x: sympy.sinc(sympy.pi * x),
    ops.sinc_slope: lambda x: sympy.Piecewise(
        ((sympy.cos(sympy.pi * x) - sympy.sinc(sympy.pi * x)) / x, sympy.Ne(x, 0)), (0, True)
    ),
    ops.sigmoid: lambda x: 1 / (1 + sympy.exp(-x)),
    ops.softplus: lambda x: sympy.log(1 + sympy.exp(x)),
    ops.dot: _dot,
    ops.total: sympy.Add,
    ops.logsumexp: lambda *xs: sympy.log(sympy.Add(*map(sympy.exp, xs))),
    ops.norm: lambda *xs: sympy.sqrt(sympy.Add(*(x**2 for x in xs))),
}
