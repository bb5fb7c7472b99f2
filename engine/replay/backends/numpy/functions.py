"""NumPy's primitives: the operations that it has itself, or that gain much by a function of their own.

Every other row is lowered to them; what cannot be is computed by the row itself, number by number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from engine import ops
from engine.errors import DomainError
from engine.operation import Operation
from engine.replay.backends.arrays import COMPARISONS, NAMES, REDUCTIONS

__all__ = ["FUNCTIONS", "function_of", "reduce_into"]

Array = Any


def function_of(operation: Operation) -> Callable[..., Any]:
    """The function of arrays of an operation: NumPy's, else the row's own forward, number by number."""
    if operation in FUNCTIONS:
        return FUNCTIONS[operation]
    on_arrays = np.frompyfunc(_by_forward(operation), operation.arity or 1, 1)

    def function(*operands: Any, out: Array) -> None:
        out[...] = on_arrays(*operands).astype(float) if out.size else out

    return function


def reduce_into(operation: Operation, operand: Array, out: Array) -> None:
    """A row of any number of operands, which are along the first axis."""
    out[...] = REDUCTIONS[operation](np, operand)


def _by_forward(operation: Operation) -> Callable[..., float]:
    """The row on floats; outside its domain nan and, as NumPy reports it, an invalid operation."""

    def number(*point: float) -> float:
        try:
            return operation.evaluate(point)
        except DomainError:
            np.subtract(np.inf, np.inf)
            return math.nan

    return number


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


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """A rounding whose zeros are positive, as Python's are: atan2 tells them apart."""

    def rounded(x: Any, out: Array) -> None:
        np.add(function(x, out=out), 0.0, out=out)

    return rounded


def _where(condition: Any, x: Any, y: Any, out: Array) -> None:
    condition = np.asarray(condition)
    out[...] = np.where(condition if condition.dtype == bool else condition > 0.0, x, y)


_OWN: dict[Operation, Callable[..., Any]] = {
    ops.ceil: _whole(np.ceil),
    ops.floor: _whole(np.floor),
    ops.nearest: _whole(np.rint),
    ops.power: _power,
    ops.relu: partial(np.maximum, np.zeros(())),
    ops.where: _where,
}
FUNCTIONS: dict[Operation, Callable[..., Any]] = {
    row: getattr(np, name) for row, name in (NAMES | COMPARISONS).items() if hasattr(np, name)
} | _OWN
