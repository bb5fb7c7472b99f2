"""Operations on arrays, as NumPy has them, and JAX by the same names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import ops
from engine.operation import Operation
from engine.replay.recording import selection

__all__ = ["COMPARISONS", "NAMES", "REDUCTIONS"]

Array = Any

NAMES = {
    ops.absolute: "abs",
    ops.acos: "arccos",
    ops.acosh: "arccosh",
    ops.add: "add",
    ops.asin: "arcsin",
    ops.asinh: "arcsinh",
    ops.atan: "arctan",
    ops.atan2: "arctan2",
    ops.atanh: "arctanh",
    ops.cbrt: "cbrt",
    ops.ceil: "ceil",
    ops.cos: "cos",
    ops.cosh: "cosh",
    ops.divide: "divide",
    ops.exp: "exp",
    ops.exp2: "exp2",
    ops.expm1: "expm1",
    ops.floor: "floor",
    ops.hypot: "hypot",
    ops.log: "log",
    ops.log10: "log10",
    ops.log1p: "log1p",
    ops.log2: "log2",
    ops.maximum: "maximum",
    ops.minimum: "minimum",
    ops.multiply: "multiply",
    ops.nearest: "rint",
    ops.negate: "negative",
    ops.power: "power",
    ops.ratio: "divide",
    ops.remainder: "remainder",
    ops.sin: "sin",
    ops.sinh: "sinh",
    ops.sqrt: "sqrt",
    ops.subtract: "subtract",
    ops.tan: "tan",
    ops.tanh: "tanh",
}
COMPARISONS = {  # whose outcome is a bit
    selection.BOTH: "logical_and",
    selection.EITHER: "logical_or",
    selection.EQUAL: "equal",
    selection.GREATER: "greater",
    selection.GREATER_EQUAL: "greater_equal",
    selection.LESS: "less",
    selection.LESS_EQUAL: "less_equal",
}


def _beyond_one(np: Any, terms: Array) -> Array:
    return (terms == 1.0).sum(0) - 1.0 + np.where(terms == 1.0, 0.0, terms).sum(0)


def _norm(np: Any, terms: Array) -> Array:
    largest = np.abs(terms).max(0)
    scale = np.where((largest > 0.0) & np.isfinite(largest), largest, 1.0)
    return np.sqrt(np.square(terms / scale).sum(0)) * scale


# Of NumPy or JAX, and an array (operands, …): rows of any number of operands.
REDUCTIONS: dict[Operation, Callable[[Any, Array], Array]] = {
    selection.BEYOND_ONE: _beyond_one,
    ops.norm: _norm,
    selection.LARGEST: lambda _, terms: terms.max(0),
}
