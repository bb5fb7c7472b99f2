"""JAX's way to compute `forward` of each row of the table: implementations, no formula of a derivative."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

__all__ = ["functions", "reductions"]

Array = Any
Function = Callable[..., Any]

# Rows and selections that JAX knows under these names.
_NUMPY = {
    "abs": "abs",
    "acos": "arccos",
    "acosh": "arccosh",
    "add": "add",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "cbrt": "cbrt",
    "ceil": "ceil",
    "cos": "cos",
    "cosh": "cosh",
    "detach": "positive",
    "divide": "divide",
    "exp": "exp",
    "exp2": "exp2",
    "expm1": "expm1",
    "floor": "floor",
    "hypot": "hypot",
    "log": "log",
    "log10": "log10",
    "log1p": "log1p",
    "log2": "log2",
    "maximum": "maximum",
    "minimum": "minimum",
    "multiply": "multiply",
    "negate": "negative",
    "power": "power",
    "ratio": "divide",
    "round": "rint",
    "sign": "sign",
    "sin": "sin",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "subtract": "subtract",
    "tan": "tan",
    "tanh": "tanh",
}
_COMPARISONS = {  # their outcome is 1 or 0
    "both": "logical_and",
    "either": "logical_or",
    "equal": "equal",
    "greater": "greater",
    "greater_equal": "greater_equal",
    "less": "less",
    "less_equal": "less_equal",
}


@cache
def functions() -> dict[str, Function]:
    """{name of a row with a fixed number of operands: the function of JAX arrays}."""
    jnp, special = import_module("jax.numpy"), import_module("jax.scipy.special")
    named: dict[str, Function] = {name: getattr(jnp, known) for name, known in _NUMPY.items()}
    named |= {
        name: partial(_compared, jnp.where, getattr(jnp, known)) for name, known in _COMPARISONS.items()
    }
    return named | {
        "clamp": lambda x, low, high: jnp.where(x < low, low, jnp.minimum(x, high)),
        "elu": lambda x, alpha: jnp.where(x > 0.0, x, alpha * jnp.expm1(jnp.minimum(x, 0.0))),
        "erf": special.erf,
        "erfc": special.erfc,
        "gelu": lambda x: 0.5 * x * special.erfc(x * -(0.5**0.5)),
        "leaky_relu": lambda x, slope: jnp.where(x > 0.0, x, slope * x),
        "mish": lambda x: x * jnp.tanh(jnp.logaddexp(x, 0.0)),
        "nonzero": lambda x: jnp.where(x != 0.0, 1.0, 0.0),
        "relu": lambda x: jnp.maximum(x, 0.0),
        "sigmoid": partial(_sigmoid, jnp),
        "silu": lambda x: x * _sigmoid(jnp, x),
        "softplus": lambda x: jnp.logaddexp(x, 0.0),
        "softsign": lambda x: x / (1.0 + jnp.abs(x)),
        "where": lambda condition, x, y: jnp.where(condition > 0.0, x, y),
    }


@cache
def reductions() -> dict[str, Function]:
    """{name of a row of any number of operands: the function of an array (operands, rows, lanes)}."""
    jnp, special = import_module("jax.numpy"), import_module("jax.scipy.special")
    return {
        "largest": lambda terms: terms.max(0),
        "logsumexp": lambda terms: special.logsumexp(terms, 0),
        "norm": partial(_norm, jnp),
    }


def _compared(where: Function, comparison: Function, x: Array, y: Array) -> Array:
    return where(comparison(x, y), 1.0, 0.0)


def _sigmoid(jnp: Any, x: Array) -> Array:
    small = jnp.exp(-jnp.abs(x))  # between 0 and 1, whatever the sign of x
    return jnp.where(x >= 0.0, 1.0, small) / (1.0 + small)


def _norm(jnp: Any, terms: Array) -> Array:
    largest = jnp.abs(terms).max(0)
    scale = jnp.where((largest > 0.0) & jnp.isfinite(largest), largest, 1.0)
    return jnp.sqrt(jnp.square(terms / scale).sum(0)) * scale
