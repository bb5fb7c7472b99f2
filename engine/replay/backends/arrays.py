"""Operations on arrays, as NumPy has them, and JAX by the same names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine import ops
from engine.operation import Operation
from engine.replay.recording.selection import (
    BEYOND_ONE,
    BOTH,
    EITHER,
    EQUAL,
    GREATER,
    GREATER_EQUAL,
    LARGEST,
    LESS,
    LESS_EQUAL,
)

__all__ = ["COMPARISONS", "NAMES", "OF_MATH", "REDUCTIONS"]

Array = Any

# Rows whose forward is a function of Python's math, and so of the C library, by the row's own name.
OF_MATH = frozenset(row for row in ops.TABLE.values() if getattr(math, row.name, None) is row.forward)
NAMES: dict[Operation, str] = {
    **{row: f"arc{row.name[1:]}" if row.name.startswith("a") else row.name for row in OF_MATH},
    **{
        row: row.name
        for row in (
            *(ops.absolute, ops.add, ops.ceil, ops.divide, ops.floor, ops.maximum, ops.minimum),
            *(ops.multiply, ops.power, ops.remainder, ops.subtract),
        )
    },
    ops.nearest: "rint",
    ops.negate: "negative",
    ops.ratio: "divide",
}
COMPARISONS = {  # whose outcome is a bit
    **{row: row.name for row in (LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL)},
    BOTH: "logical_and",
    EITHER: "logical_or",
}


def _beyond_one(np: Any, terms: Array) -> Array:
    return (terms == 1.0).sum(0) - 1.0 + np.where(terms == 1.0, 0.0, terms).sum(0)


def _norm(np: Any, terms: Array) -> Array:
    largest = np.abs(terms).max(0)
    scale = np.where((largest > 0.0) & np.isfinite(largest), largest, 1.0)
    return np.sqrt(np.square(terms / scale).sum(0)) * scale


# Of NumPy or JAX, and an array (operands, …): rows of any number of operands.
REDUCTIONS: dict[Operation, Callable[[Any, Array], Array]] = {
    BEYOND_ONE: _beyond_one,
    ops.norm: _norm,
    LARGEST: lambda _, terms: terms.max(0),
}
