"""NumPy's way to compute `forward` of each row of the table: implementations, no formula of a derivative.

What NumPy has no function for is computed by the row itself, number by number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from engine.errors import DomainError
from engine.operation import Operation
from engine.ops import TABLE
from engine.replay.recording.selection import SELECTIONS

__all__ = ["FUNCTIONS", "REDUCTIONS"]

Array = Any
ROOT_OF_HALF = 0.5**0.5


def _slowly(operation: Operation) -> Callable[..., Any]:
    """The row's own forward, on every element; nan outside its domain."""

    def evaluate(*numbers: float) -> float:
        try:
            return operation.evaluate(numbers)
        except DomainError:
            return math.nan

    on_arrays = np.frompyfunc(evaluate, operation.arity or 1, 1)

    def function(*operands: Any, out: Array) -> None:
        out[...] = on_arrays(*operands).astype(float) if out.size else out

    return function


def _power(x: Any, y: Any, out: Array) -> None:
    if isinstance(y, float) and y in _POWERS:
        _POWERS[y](x, out=out)
    else:
        np.power(x, y, out=out)


def _cube(x: Any, out: Array) -> None:
    np.multiply(np.multiply(x, x), x, out=out)


def _inverse_root(x: Any, out: Array) -> None:
    np.divide(1.0, np.sqrt(x, out=out), out=out)


_POWERS: dict[float, Callable[..., Any]] = {
    2.0: np.square,
    3.0: _cube,
    0.5: np.sqrt,
    -0.5: _inverse_root,
    -1.0: np.reciprocal,
}


def _leaky_relu(x: Any, slope: Any, out: Array) -> None:
    out[...] = np.where(np.greater(x, 0.0), x, np.multiply(slope, x))


def _elu(x: Any, alpha: Any, out: Array) -> None:
    out[...] = np.where(np.greater(x, 0.0), x, alpha * np.expm1(np.minimum(x, 0.0)))


def _sigmoid(x: Any, out: Array) -> None:
    small = np.exp(-np.abs(x))  # between 0 and 1, whatever the sign of x
    np.divide(np.where(np.greater_equal(x, 0.0), 1.0, small), 1.0 + small, out=out)


def _softplus(x: Any, out: Array) -> None:
    np.logaddexp(0.0, x, out=out)


def _silu(x: Any, out: Array) -> None:
    _sigmoid(x, out)
    np.multiply(out, x, out=out)


def _mish(x: Any, out: Array) -> None:
    np.multiply(x, np.tanh(np.logaddexp(0.0, x)), out=out)


def _gelu(x: Any, out: Array) -> None:
    FUNCTIONS["erfc"](np.multiply(x, -ROOT_OF_HALF), out=out)
    np.multiply(np.multiply(out, 0.5), x, out=out)


def _softsign(x: Any, out: Array) -> None:
    np.divide(x, 1.0 + np.abs(x), out=out)


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """A rounding whose zeros are positive, as Python's are: atan2 tells them apart."""

    def rounded(x: Any, out: Array) -> None:
        np.add(function(x, out=out), 0.0, out=out)

    return rounded


def _clamp(x: Any, low: Any, high: Any, out: Array) -> None:
    out[...] = np.where(np.less(x, low), low, np.minimum(x, high))
    crossed = np.greater(low, high)
    if crossed.any():  # no value there: nan, and an invalid operation as NumPy reports it
        endless = np.where(crossed, np.inf, 0.0)
        np.add(out, np.subtract(endless, endless), out=out)


def _where(condition: Any, x: Any, y: Any, out: Array) -> None:
    out[...] = np.where(np.greater(condition, 0.0), x, y)


def _nonzero(x: Any, out: Array) -> None:
    np.not_equal(x, 0.0, out=out)


_NAMED: dict[str, Callable[..., Any]] = {
    "abs": np.absolute,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "add": np.add,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "both": np.logical_and,
    "cbrt": np.cbrt,
    "ceil": _whole(np.ceil),
    "clamp": _clamp,
    "cos": np.cos,
    "cosh": np.cosh,
    "detach": np.positive,
    "divide": np.divide,
    "either": np.logical_or,
    "elu": _elu,
    "equal": np.equal,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": _whole(np.floor),
    "gelu": _gelu,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "hypot": np.hypot,
    "leaky_relu": _leaky_relu,
    "less": np.less,
    "less_equal": np.less_equal,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mish": _mish,
    "multiply": np.multiply,
    "negate": np.negative,
    "nonzero": _nonzero,
    "power": _power,
    "ratio": np.divide,
    "relu": partial(np.maximum, np.zeros(())),
    "round": _whole(np.rint),
    "sigmoid": _sigmoid,
    "sign": _whole(np.sign),
    "silu": _silu,
    "sin": np.sin,
    "sinh": np.sinh,
    "softplus": _softplus,
    "softsign": _softsign,
    "sqrt": np.sqrt,
    "subtract": np.subtract,
    "tan": np.tan,
    "tanh": np.tanh,
    "where": _where,
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: _NAMED.get(name) or _slowly(operation) for name, operation in (TABLE | SELECTIONS).items()
}


def _logsumexp(operand: Array, out: Array) -> None:
    largest = np.maximum.reduce(operand, 0)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    shifted = np.subtract(operand, shift)
    np.log(np.add.reduce(np.exp(shifted, out=shifted), 0), out=out)
    np.add(out, shift, out=out)


def _norm(operand: Array, out: Array) -> None:
    largest = np.abs(operand).max(axis=0)
    scale = np.where((largest > 0.0) & np.isfinite(largest), largest, 1.0)
    np.multiply(np.sqrt(np.square(operand / scale).sum(axis=0)), scale, out=out)


def _largest(operand: Array, out: Array) -> None:
    np.maximum.reduce(operand, 0, None, out)


REDUCTIONS: dict[str, Callable[..., Any]] = {"largest": _largest, "logsumexp": _logsumexp, "norm": _norm}
