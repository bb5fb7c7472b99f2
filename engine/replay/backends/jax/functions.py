"""JAX's primitives: the operations that it has itself; every other row is lowered to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

from engine import ops
from engine.errors import ReplayError
from engine.operation import Operation
from engine.replay.program.lowering import lower, operations_in
from engine.replay.program.program import Program
from engine.replay.recording import selection

__all__ = ["PRIMITIVES", "functions", "in_primitives", "reductions"]

Array = Any
Function = Callable[..., Any]

_NAMES = {  # the rows and selections that are a function of jax.numpy, or of jax.scipy.special
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
    ops.erf: "erf",
    ops.erfc: "erfc",
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
    selection.DETACH: "positive",
}
_COMPARISONS = {  # their outcome is 1 or 0
    selection.BOTH: "logical_and",
    selection.EITHER: "logical_or",
    selection.EQUAL: "equal",
    selection.GREATER: "greater",
    selection.GREATER_EQUAL: "greater_equal",
    selection.LESS: "less",
    selection.LESS_EQUAL: "less_equal",
}
PRIMITIVES = frozenset({*_NAMES, *_COMPARISONS, selection.NONZERO, ops.where})


@cache
def functions() -> dict[Operation, Function]:
    """{a primitive: its function of JAX arrays}."""
    jnp, special = import_module("jax.numpy"), import_module("jax.scipy.special")
    found: dict[Operation, Function] = {
        operation: getattr(jnp, name, None) or getattr(special, name) for operation, name in _NAMES.items()
    }
    found |= {
        operation: partial(_compared, jnp.where, getattr(jnp, name))
        for operation, name in _COMPARISONS.items()
    }
    return found | {
        ops.where: lambda condition, x, y: jnp.where(condition > 0.0, x, y),
        selection.NONZERO: lambda x: jnp.where(x != 0.0, 1.0, 0.0),
    }


@cache
def reductions() -> dict[Operation, Function]:
    """{a row of any number of operands: its function of an array (operands, rows, lanes)}."""
    jnp = import_module("jax.numpy")
    return {
        selection.BEYOND_ONE: partial(_beyond_one, jnp),
        ops.norm: partial(_norm, jnp),
        selection.LARGEST: lambda terms: terms.max(0),
    }


def in_primitives(program: Program) -> Program:
    """The program in JAX's primitives; ReplayError where it has an operation that is none."""
    program = lower(program, PRIMITIVES)
    for operation in operations_in(program):
        if operation not in PRIMITIVES and operation not in reductions():
            raise ReplayError(
                f"{program.name} cannot become a JAX function: {operation.name} is computed by its own "
                "forward, number by number, which JAX cannot trace"
            )
    return program


def _compared(where: Function, comparison: Function, x: Array, y: Array) -> Array:
    return where(comparison(x, y), 1.0, 0.0)


def _beyond_one(jnp: Any, terms: Array) -> Array:
    return (terms == 1.0).sum(0) - 1.0 + jnp.where(terms == 1.0, 0.0, terms).sum(0)


def _norm(jnp: Any, terms: Array) -> Array:
    largest = jnp.abs(terms).max(0)
    scale = jnp.where((largest > 0.0) & jnp.isfinite(largest), largest, 1.0)
    return jnp.sqrt(jnp.square(terms / scale).sum(0)) * scale
