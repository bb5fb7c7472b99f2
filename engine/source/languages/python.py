"""Python without NumPy: the functions of `math`, nan where they raise and infinite where they overflow."""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from engine import ops
from engine.source.language import Frame, Language, Native, Statements, native

__all__ = ["PYTHON", "function", "results"]


def function(name: str, parameters: Sequence[str], body: str, about: str) -> str:
    """A function of one expression."""
    return f"def {name}({', '.join(parameters)}):\n    # {about}\n    return {body}"


def _guarded(name: str, overflow: str = "math.inf") -> Native:
    """A function of `math` that is nan where it raises ValueError, and infinite where it overflows."""
    return Native(
        f"def op_{name}(x):\n    try:\n        return math.{name}(x)\n    except ValueError:\n"
        f"        return math.nan\n    except OverflowError:\n        return {overflow}"
    )


def results(values: Sequence[str], gradients: Sequence[str] | None) -> Sequence[str]:
    """The statement that returns what was computed."""
    if gradients is None:
        return [f"return [{', '.join(values)}]"]
    return [f"return {values[0]}, [{', '.join(gradients)}]"]


_QUOTIENT = native("""
def op_divide(x, y):
    return x / y if y != 0.0 else math.nan
""")
_RATIO = native("""
def op_ratio(x, y):
    return x / y if y != 0.0 else math.inf * x
""")
_POWER = native("""
def op_power(x, y):
    try:
        return math.pow(x, y)
    except ValueError:
        return math.nan
    except OverflowError:
        return -math.inf if x < 0.0 and y % 2.0 == 1.0 else math.inf
""")
_LOGSUMEXP = native("""
def op_logsumexp(*numbers):
    largest = max(numbers)
    if math.isinf(largest):
        return largest
    return largest + math.log1p(math.fsum([math.exp(x - largest) for x in numbers] + [-1.0]))
""")
_WHOLE = "def op_{0}(x):\n    return float({1}(x)) if math.isfinite(x) else x"

PYTHON = Language(
    title="Python",
    natives={
        ops.divide: _QUOTIENT,
        ops.ratio: _RATIO,
        ops.power: _POWER,
        **{
            row: _guarded(row.name)
            for row in (
                *(ops.exp, ops.expm1, ops.exp2, ops.log, ops.log1p, ops.log2, ops.log10, ops.sqrt, ops.sin),
                *(ops.cos, ops.tan, ops.asin, ops.acos, ops.cosh, ops.acosh, ops.atanh),
            )
        },
        ops.sinh: _guarded("sinh", "math.copysign(math.inf, x)"),
        **{
            row: f"math.{row.name}"
            for row in (*(ops.cbrt, ops.atan, ops.atan2, ops.tanh, ops.asinh, ops.hypot, ops.erf, ops.erfc),)
        },
        ops.remainder: native(
            "def op_remainder(x, y):\n    return x % y if y and math.isfinite(x) else math.nan"
        ),
        ops.norm: "math.hypot",
        ops.logsumexp: _LOGSUMEXP,
        ops.absolute: "abs",
        ops.maximum: native("def op_maximum(x, y):\n    return x if x > y or x != x else y"),
        ops.minimum: native("def op_minimum(x, y):\n    return x if x < y or x != x else y"),
        ops.where: native("def op_where(condition, x, y):\n    return x if condition > 0.0 else y"),
        ops.sign: native("def op_sign(x):\n    return x if x != x else float((x > 0.0) - (x < 0.0))"),
        ops.floor: Native(_WHOLE.format("floor", "math.floor")),
        ops.ceil: Native(_WHOLE.format("ceil", "math.ceil")),
        ops.nearest: Native(_WHOLE.format("round", "round")),
    },
    infinity="math.inf",
    nan="math.nan",
    statements=Statements(
        constant="{name} = {value}",
        variable="{name} = {value}",
        flag="{name} = False",
        assign="{name} = {value}",
        when="if {condition}:",
        otherwise="else:",
        end="",
        true="True",
    ),
    frame=Frame(
        notes="",
        imports="import math",
        gradients="def value_and_gradients(leaves):",
        values="def values(leaves):",
        results=results,
    ),
    choice=lambda condition, accepted, otherwise: f"{accepted} if {condition} else {otherwise}",
    function=function,
    both="and",
    either="or",
    opposite=lambda condition: f"not ({condition})",
    comment="#",
    reserved=frozenset({*keyword.kwlist, "math", "leaves", "abs", "float", "max", "any", "round"}),
)
