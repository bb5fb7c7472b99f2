"""JAX's primitives: the operations that it has itself; every other row is lowered to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

from engine import ops
from engine.errors import ReplayError
from engine.operation import Operation
from engine.replay.backends.arrays import COMPARISONS, NAMES, REDUCTIONS
from engine.replay.program.lowering import lower, operations_in
from engine.replay.program.program import Program

__all__ = ["PRIMITIVES", "functions", "in_primitives"]

Array = Any
Function = Callable[..., Any]

PRIMITIVES = frozenset({*NAMES, *COMPARISONS, ops.where})


@cache
def functions() -> dict[Operation, Function]:
    """{a primitive: its function of JAX arrays}."""
    jnp, special = import_module("jax.numpy"), import_module("jax.scipy.special")
    found: dict[Operation, Function] = {
        operation: getattr(jnp, name, None) or getattr(special, name) for operation, name in NAMES.items()
    }
    found |= {
        operation: partial(_compared, jnp.where, getattr(jnp, name))
        for operation, name in COMPARISONS.items()
    }
    return found | {ops.where: lambda condition, x, y: jnp.where(condition > 0.0, x, y)}


def in_primitives(program: Program) -> Program:
    """The program in JAX's primitives; ReplayError where it has an operation that is none."""
    program = lower(program, PRIMITIVES)
    for operation in operations_in(program):
        if operation not in PRIMITIVES and operation not in REDUCTIONS:
            raise ReplayError(
                f"{program.name} cannot become a JAX function: {operation.name} is computed by its own "
                "forward, number by number, which JAX cannot trace"
            )
    return program


def _compared(where: Function, comparison: Function, x: Array, y: Array) -> Array:
    return where(comparison(x, y), 1.0, 0.0)
