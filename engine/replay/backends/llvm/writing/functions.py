"""LLVM's way to compute `forward` of each row of the table: implementations, no formula of a derivative.

What has no vector implementation here is computed by the C library, lane by lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from engine.errors import ReplayError
from engine.replay.backends.llvm.writing import elementary
from engine.replay.backends.llvm.writing.text import Text
from engine.replay.program.expression import Apply, Argument, Choose

__all__ = ["Formula", "costs_calls", "is_known"]

Implementation = Callable[..., str]


def _library(name: str) -> Implementation:
    def call(text: Text, *operands: str) -> str:
        return text.library(name, *operands)

    return call


def _binary(name: str) -> Implementation:
    def apply(text: Text, left: str, right: str) -> str:
        return text.binary(name, left, right)

    return apply


def _rounding(name: str) -> Implementation:
    """A rounding whose zeros are positive, as Python's are: atan2 tells them apart."""

    def apply(text: Text, x: str) -> str:
        return text.binary("fadd", text.call(name, x), text.number(0.0))

    return apply


def _intrinsic(name: str) -> Implementation:
    def apply(text: Text, x: str) -> str:
        return text.call(name, x)

    return apply


def _relu(text: Text, x: str) -> str:
    zero = text.number(0.0)
    return text.select(text.compare("ole", x, zero), zero, x)


def _extreme(how: str, text: Text, x: str, y: str) -> str:
    first = text.let(f"or {text.truth} {text.compare(how, x, y)}, {text.compare('uno', x, x)}")
    return text.select(first, x, y)


def _clamp(text: Text, x: str, low: str, high: str) -> str:
    inside = text.select(text.compare("ogt", x, high), high, x)
    found = text.select(text.compare("olt", x, low), low, inside)
    return text.select(text.compare("ogt", low, high), text.number(math.nan), found)


def _where(text: Text, condition: str, x: str, y: str) -> str:
    return text.select(text.compare("ogt", condition, text.number(0.0)), x, y)


def _sign(text: Text, x: str) -> str:
    zero, one = text.number(0.0), text.number(1.0)
    below = text.select(text.compare("olt", x, zero), text.number(-1.0), text.call("fabs", x))
    return text.select(text.compare("ogt", x, zero), one, below)


def _leaky_relu(text: Text, x: str, slope: str) -> str:
    return text.select(text.compare("ogt", x, text.number(0.0)), x, text.binary("fmul", slope, x))


def _elu(text: Text, x: str, alpha: str) -> str:
    zero = text.number(0.0)
    positive = text.compare("ogt", x, zero)
    below = text.binary("fmul", alpha, elementary.expm1(text, text.select(positive, zero, x)))
    return text.select(positive, x, below)


def _sigmoid(text: Text, x: str) -> str:
    one = text.number(1.0)
    small = _exp_of_minus_size(text, x)  # between 0 and 1, whatever the sign of x
    above = text.compare("olt", x, text.number(0.0))
    return text.binary("fdiv", text.select(above, small, one), text.binary("fadd", one, small))


def _exp_of_minus_size(text: Text, x: str) -> str:
    return elementary.exp(text, text.let(f"fneg {text.type} {text.call('fabs', x)}"))


def _softplus(text: Text, x: str) -> str:
    return text.binary("fadd", _relu(text, x), elementary.log1p(text, _exp_of_minus_size(text, x)))


def _silu(text: Text, x: str) -> str:
    return text.binary("fmul", x, _sigmoid(text, x))


def _mish(text: Text, x: str) -> str:
    return text.binary("fmul", x, elementary.tanh(text, _softplus(text, x)))


def _gelu(text: Text, x: str) -> str:
    scaled = text.binary("fmul", x, text.number(-elementary.ROOT_HALF))
    half = text.binary("fmul", text.number(0.5), x)
    return text.binary("fmul", half, text.library("erfc", scaled))


def _softsign(text: Text, x: str) -> str:
    return text.binary("fdiv", x, text.binary("fadd", text.number(1.0), text.call("fabs", x)))


def _negate(text: Text, x: str) -> str:
    return text.let(f"fneg {text.type} {x}")


def _same(_: Text, x: str) -> str:
    return x


_SLOW = {
    "acos": "acos",
    "acosh": "acosh",
    "asin": "asin",
    "asinh": "asinh",
    "atan": "atan",
    "atan2": "atan2",
    "atanh": "atanh",
    "cbrt": "cbrt",
    "cos": "cos",
    "cosh": "cosh",
    "erf": "erf",
    "erfc": "erfc",
    "exp2": "exp2",
    "hypot": "hypot",
    "log10": "log10",
    "log1p": "log1p",
    "log2": "log2",
    "power": "pow",
    "sin": "sin",
    "sinh": "sinh",
    "tan": "tan",
}

_FUNCTIONS: dict[str, Implementation] = {
    "abs": _intrinsic("fabs"),
    "add": _binary("fadd"),
    "ceil": _rounding("ceil"),
    "clamp": _clamp,
    "detach": _same,
    "divide": _binary("fdiv"),
    "elu": _elu,
    "exp": elementary.exp,
    "expm1": elementary.expm1,
    "floor": _rounding("floor"),
    "gelu": _gelu,
    "leaky_relu": _leaky_relu,
    "log": elementary.log,
    "maximum": partial(_extreme, "ogt"),
    "minimum": partial(_extreme, "olt"),
    "mish": _mish,
    "multiply": _binary("fmul"),
    "negate": _negate,
    "ratio": _binary("fdiv"),
    "relu": _relu,
    "round": _rounding("rint"),
    "sigmoid": _sigmoid,
    "sign": _sign,
    "silu": _silu,
    "softplus": _softplus,
    "softsign": _softsign,
    "sqrt": _intrinsic("sqrt"),
    "subtract": _binary("fsub"),
    "tanh": elementary.tanh,
    "where": _where,
    **{name: _library(own) for name, own in _SLOW.items()},
}

_COMPARISONS = {
    "less": "olt",
    "less_equal": "ole",
    "greater": "ogt",
    "greater_equal": "oge",
    "equal": "oeq",
}
_CONNECTIVES = {"both": "and", "either": "or"}


def is_known(expression: Any) -> bool:
    """Whether every operation in an expression has an implementation here."""
    if isinstance(expression, Apply):
        name = expression.operation.name
        known = name in _FUNCTIONS or name in _COMPARISONS or name in _CONNECTIVES or name == "nonzero"
        return known and all(map(is_known, expression.operands))
    if isinstance(expression, Choose):
        return all(map(is_known, (expression.condition, expression.accepted, expression.otherwise)))
    return True


def costs_calls(expression: Any) -> bool:
    """Whether the C library is called for an expression: then wide vectors gain nothing."""
    if isinstance(expression, Apply):
        slow = expression.operation.name in _SLOW or expression.operation.name == "gelu"
        return slow or any(map(costs_calls, expression.operands))
    if isinstance(expression, Choose):
        return any(map(costs_calls, (expression.condition, expression.accepted, expression.otherwise)))
    return False


class Formula:
    """Computes an expression, everything in it once; `arguments` gives the operands by number."""

    def __init__(self, text: Text, arguments: Callable[[int], str]) -> None:
        self._text, self._arguments = text, arguments
        self._known: dict[Any, str] = {}

    def value(self, expression: Any) -> str:
        """The name of the result."""
        if not isinstance(expression, (Apply, Argument, Choose)):
            return self._text.number(float(expression))
        if expression not in self._known:
            self._known[expression] = self._compute(expression)
        return self._known[expression]

    def _compute(self, expression: Apply | Argument | Choose) -> str:
        if isinstance(expression, Argument):
            return self._arguments(expression.number)
        if isinstance(expression, Choose):
            accepted, otherwise = self.value(expression.accepted), self.value(expression.otherwise)
            return self._text.select(self._condition(expression.condition), accepted, otherwise)
        name = expression.operation.name
        if name in _COMPARISONS or name in _CONNECTIVES or name == "nonzero":
            one, zero = self._text.number(1.0), self._text.number(0.0)
            return self._text.select(self._condition(expression), one, zero)
        if name == "power" and isinstance(expression.operands[1], float):
            return self._power(self.value(expression.operands[0]), expression.operands[1])
        if name not in _FUNCTIONS:
            raise ReplayError(f"the LLVM executor has no {name}")
        return _FUNCTIONS[name](self._text, *map(self.value, expression.operands))

    def _condition(self, expression: Any) -> str:
        """A condition as one bit per lane."""
        text = self._text
        if isinstance(expression, Apply):
            name, operands = expression.operation.name, expression.operands
            if name in _COMPARISONS:
                return text.compare(_COMPARISONS[name], *map(self.value, operands))
            if name in _CONNECTIVES:
                left, right = map(self._condition, operands)
                return text.let(f"{_CONNECTIVES[name]} {text.truth} {left}, {right}")
            if name == "nonzero":
                expression = operands[0]
        return text.compare("une", self.value(expression), text.number(0.0))

    def _power(self, x: str, exponent: float) -> str:
        """Small whole and half exponents by multiplication and roots, others by the C library."""
        text, size = self._text, abs(exponent)
        if not ((2.0 * size).is_integer() and 0.5 <= size <= 8.0):
            return text.library("pow", x, text.number(exponent))
        found = "" if size.is_integer() else text.call("sqrt", x)
        square, bits = x, int(size)
        while bits:
            if bits & 1:
                found = text.binary("fmul", found, square) if found else square
            bits >>= 1
            square = text.binary("fmul", square, square) if bits else square
        return found if exponent > 0 else text.binary("fdiv", text.number(1.0), found)
