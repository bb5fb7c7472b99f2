"""Operations that exist only in recordings: they choose among numbers, and so have no formula to derive.

Eager takes these decisions in Python, once and for good: which side of a comparison, which element of
a list, which number is the largest. In a recording they are taken anew for every sample. And two are what a
logsumexp is made of once its largest operand is known.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from engine import ops
from engine.operation import Domain, Operation
from engine.special import elementary

__all__ = [
    "BEYOND_ONE",
    "BOTH",
    "DETACH",
    "EITHER",
    "EQUAL",
    "GREATER",
    "GREATER_EQUAL",
    "LARGEST",
    "LESS",
    "LESS_EQUAL",
    "NONZERO",
    "PICK",
    "SELECTIONS",
    "SHIFTED_EXP",
]


EVERYWHERE = Domain("a number", lambda *_: True, ())


def _selection(
    name: str, arity: int | None, forward: Callable[..., Any], doc: str, **facts: Any
) -> Operation:
    """A row without paths: no operand has a derivative here."""

    def chosen(*numbers: float) -> float:
        return float(forward(*numbers))

    def no_paths(_: Any, *operands: Any) -> tuple[None, ...]:
        return (None,) * len(operands)

    return Operation(name, arity, chosen, no_paths, doc, EVERYWHERE, flat=True, **facts)


LESS = _selection("less", 2, operator.lt, "1 where x < y, else 0")
LESS_EQUAL = _selection("less_equal", 2, operator.le, "1 where x ≤ y, else 0")
GREATER = _selection("greater", 2, operator.gt, "1 where x > y, else 0")
GREATER_EQUAL = _selection("greater_equal", 2, operator.ge, "1 where x ≥ y, else 0")
EQUAL = _selection("equal", 2, operator.eq, "1 where x = y, else 0")
NONZERO = _selection("nonzero", 1, bool, "1 where x is not 0, else 0", lowered=lambda x: 1.0 - EQUAL(x, 0.0))
BOTH = _selection("both", 2, lambda x, y: x and y, "1 where both conditions hold, else 0")
EITHER = _selection("either", 2, lambda x, y: x or y, "1 where either condition holds, else 0")
LARGEST = _selection(
    "largest", None, lambda *numbers: max(numbers), "the largest operand, detached: for numerical stability"
)
DETACH = _selection(
    "detach", 1, float, "x, through which no gradient flows: made within no_grad", lowered=lambda x: x
)
PICK = _selection(
    "pick",
    None,
    lambda index, *values: values[int(index)],
    "the value at the place that the first operand tells; the gradient flows to that value alone",
)
SHIFTED_EXP = Operation(
    "shifted_exp",
    2,
    lambda x, shift: ops.exp.forward(x - shift),
    lambda out, *_: (out, None),
    "exp(x − shift), where the shift is detached",
    EVERYWHERE,
    lowered=lambda x, shift: ops.exp(x - shift),
)


BEYOND_ONE = Operation(
    "sum beyond one",
    None,
    elementary.beyond_one,
    lambda _, *operands: (1.0,) * len(operands),
    "the sum less 1, where one operand is 1: of a small rest no digit is lost",
    EVERYWHERE,
)
SELECTIONS = frozenset(
    {LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NONZERO, BOTH, EITHER, LARGEST, DETACH, PICK}
)
