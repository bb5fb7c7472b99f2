"""JAX: choices are `where`, so that the code can be compiled and mapped; derivatives stay the table's own."""

from __future__ import annotations

import keyword

from engine import ops
from engine.source.language import Frame, Language, Native, Statements, native
from engine.source.languages.python import function, results

__all__ = ["JAX"]


def _guarded(name: str, inside: str) -> Native:
    """A function of jax.numpy that is infinite where eager refuses."""
    return Native(f"def op_{name}(x):\n    return jnp.where({inside}, jnp.{name}(x), jnp.nan)")


_LOGSUMEXP = native("""
def op_logsumexp(*numbers):
    largest = numbers[0]
    for number in numbers[1:]:
        largest = jnp.where(number > largest, number, largest)
    numbers = jnp.stack([jnp.asarray(number, float) for number in numbers])
    shifted = numbers - jnp.where(jnp.isfinite(largest), largest, 0.0)
    rest = jnp.sum(jnp.where(shifted == 0.0, 0.0, jnp.exp(shifted))) + (jnp.sum(shifted == 0.0) - 1.0)
    return jnp.where(jnp.isinf(largest), largest, largest + jnp.log1p(rest))
""")
_NORM = native("""
def op_norm(*numbers):  # scaled, so that no square overflows
    numbers = jnp.abs(jnp.stack([jnp.asarray(number, float) for number in numbers]))
    largest = jnp.max(numbers)
    usual = jnp.isfinite(largest) & (largest > 0.0)
    scale = jnp.where(usual, largest, 1.0)
    found = jnp.where(usual, scale * jnp.sqrt(jnp.sum((numbers / scale) ** 2)), largest)
    return jnp.where(jnp.any(jnp.isinf(numbers)), jnp.inf, found)
""")
_POWER = native("""
def op_power(x, y):
    return jnp.where((x == 0.0) & (y < 0.0), jnp.nan, jnp.power(x, y))
""")

JAX = Language(
    title="JAX",
    natives={
        ops.divide: native("def op_divide(x, y):\n    return jnp.where(y != 0.0, x / y, jnp.nan)"),
        ops.ratio: native("def op_ratio(x, y):\n    return jnp.where(y != 0.0, x / y, jnp.inf * x)"),
        ops.power: _POWER,
        **{
            row: f"jnp.{row.name}"
            for row in (
                *(ops.exp, ops.expm1, ops.exp2, ops.sqrt, ops.cbrt, ops.sin, ops.cos, ops.tan, ops.sinh),
                *(ops.cosh, ops.tanh, ops.hypot, ops.sign),
            )
        },
        ops.asin: "jnp.arcsin",
        ops.acos: "jnp.arccos",
        ops.atan: "jnp.arctan",
        ops.atan2: "jnp.arctan2",
        ops.asinh: "jnp.arcsinh",
        ops.acosh: "jnp.arccosh",
        ops.erf: "jax.scipy.special.erf",
        ops.erfc: "jax.scipy.special.erfc",
        ops.absolute: "jnp.abs",
        ops.log: _guarded("log", "x > 0.0"),
        ops.log1p: _guarded("log1p", "x > -1.0"),
        ops.log2: _guarded("log2", "x > 0.0"),
        ops.log10: _guarded("log10", "x > 0.0"),
        ops.atanh: native(
            "def op_atanh(x):\n    return jnp.where((x > -1.0) & (x < 1.0), jnp.arctanh(x), jnp.nan)"
        ),
        ops.remainder: "jnp.remainder",
        ops.norm: _NORM,
        ops.logsumexp: _LOGSUMEXP,
        ops.maximum: native("def op_maximum(x, y):\n    return jnp.where((x > y) | (x != x), x, y)"),
        ops.minimum: native("def op_minimum(x, y):\n    return jnp.where((x < y) | (x != x), x, y)"),
        ops.where: native("def op_where(condition, x, y):\n    return jnp.where(condition > 0.0, x, y)"),
        ops.floor: native("def op_floor(x):\n    return jnp.floor(x) + 0.0"),
        ops.ceil: native("def op_ceil(x):\n    return jnp.ceil(x) + 0.0"),
        ops.nearest: native("def op_round(x):\n    return jnp.round(x) + 0.0"),
    },
    infinity="jnp.inf",
    nan="jnp.nan",
    statements=Statements(
        constant="{name} = {value}",
        variable="{name} = {value}",
        flag="{name} = False",
        assign="{name} = {value}",
        when="",
        otherwise="",
        end="",
        true="True",
    ),
    frame=Frame(
        notes="\nFor jax.jit and jax.vmap; its gradients are the table's own formulas."
        "\nJAX's functions differ from Python's by a few units in the last place; below 2.3e-308 all is 0.",
        imports="import jax\nimport jax.numpy as jnp\n\n"
        'jax.config.update("jax_enable_x64", True)  # eager is float64',
        gradients="def value_and_gradients(leaves):",
        values="def values(leaves):",
        results=results,
    ),
    choice=lambda condition, accepted, otherwise: f"jnp.where({condition}, {accepted}, {otherwise})",
    function=function,
    both="&",
    either="|",
    opposite=lambda condition: f"~({condition})",
    encloses_comparisons=True,
    comment="#",
    reserved=frozenset({*keyword.kwlist, "jax", "jnp", "leaves", "float"}),
)
