"""Functions that Python's math module does not have, right to the last digits: forwards of rows in the table.

>>> logsumexp(0.0, -50.0), math.log(1.0 + math.exp(-50.0))
(1.9287498479639178e-22, 0.0)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

from engine.operation import largest

__all__ = [
    "alternating",
    "beyond_one",
    "exp_times",
    "logsumexp",
    "normal",
    "parts",
    "shares",
    "weighted_sum",
    "weighted_sum_partials",
]

_SPLIT = 2.0**27 + 1.0


def _product(x: float, y: float) -> tuple[float, float]:
    """x × y as the nearest float and what it is off by, exactly. Dekker, 1971."""
    high = x * y
    a, b = x * _SPLIT, y * _SPLIT
    a, b = a - (a - x), b - (b - y)  # the upper halves of the digits of x and y
    return high, (x - a) * (y - b) - (((high - a * b) - (x - a) * b) - a * (y - b))


def alternating(y: Any, divisor: Callable[[int], float]) -> Any:
    """1 − y/d(2) × (1 − y/d(4) × (1 − …)), to d(18): a power series of alternating signs, as cos has one.

    >>> alternating(0.25, lambda n: n * (n - 1)) == math.cos(0.5)
    True
    """
    found = 1.0
    for n in range(18, 0, -2):
        found = 1.0 - y * found / divisor(n)
    return found


def exp_times(x: float, y: float) -> float:
    """exp(x × y): the rounding of the product, which exp would make large, is made good."""
    high = x * y
    if not 1e-300 < abs(high) < 1e3 or not max(abs(x), abs(y)) < 1e290:  # 0, 1, infinite; or not to be split
        return math.exp(high)
    high, low = _product(x, y)
    found = math.exp(high)
    return found + found * low


def normal(x: float) -> float:
    """The normal distribution function, erfc(−x ÷ √2) ÷ 2, far below 0 too, where erfc makes roundings large.

    There erfc(t) for the nearest float t of −x ÷ √2 is moved along its slope to where it should be.
    """
    t = -x * math.sqrt(0.5)
    if not 0.5 < t < 28.0:
        return 0.5 * math.erfc(t)
    (square, rest), (square_of_t, rest_of_t) = _product(x, x), _product(t, t)
    moved = ((0.5 * square - square_of_t) + (0.5 * rest - rest_of_t)) / (2.0 * t)
    return 0.5 * (math.erfc(t) - moved * 2.0 / math.sqrt(math.pi) * math.exp(-square_of_t))


def logsumexp(*operands: float) -> float:
    """log Σ exp(x), by the differences to the largest, whose own exponential is 1: log1p of the others."""
    largest = max(operands)
    if math.isinf(largest):
        return largest
    return largest + math.log1p(beyond_one(*[math.exp(x - largest) for x in operands]))


def beyond_one(*operands: float) -> float:
    """The sum less 1, where one operand is 1: of a small rest no digit is lost."""
    return math.fsum([*operands, -1.0])


def shares(
    out: Any, operands: Sequence[Any], exp: Callable[[Any], Any], total: Callable[..., Any]
) -> tuple[Any, ...]:
    """exp(x − out) for each operand x of a logsumexp, in the rows `exp` and `total`.

    Of numbers by their differences to the largest, exp ÷ Σ exp, for `out` is rounded: so a common shift
    changes nothing. What is −∞ has no share and no path, where there is anything else.
    """
    are_floats = all(type(x) is float for x in operands)
    shift = max(operands) if are_floats else largest(operands)
    if shift is None:
        return tuple([exp(x - out) for x in operands])
    if not isinstance(shift, float):
        return tuple(_softmax(operands, shift, exp, total))
    if math.isinf(shift):
        return (math.nan,) * len(operands)
    alive = [x for x in operands if float(x) != -math.inf]
    parts = _softmax(alive, shift, *((math.exp, _sum) if are_floats else (exp, total)))
    if len(alive) == len(operands):
        return tuple(parts)
    return tuple([None if float(x) == -math.inf else next(parts) for x in operands])


def _softmax(
    operands: Sequence[Any], shift: Any, exp: Callable[[Any], Any], total: Callable[..., Any]
) -> Iterator[Any]:
    exponentials = [exp(x - shift) for x in operands]
    whole = total(*exponentials)
    return (part / whole for part in exponentials)


def _sum(*numbers: float) -> float:
    """From left to right, as the row `total` adds."""
    return reduce(operator.add, numbers)


def weighted_sum(weights: Sequence[float], inputs: Sequence[float], bias: float = 0.0) -> float:
    """From the bias on, left to right, so that the bits are those of the loop it replaces."""
    for weight, number in zip(weights, inputs, strict=False):
        bias += weight * number
    return bias


def weighted_sum_partials(weights: Sequence[Any], inputs: Sequence[Any], bias: Any = None) -> tuple[Any, ...]:
    """By each weight its input, by each input its weight, by the bias (None: there is none) 1."""
    return (*inputs, *weights) if bias is None else (*inputs, *weights, 1.0)


def parts(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands of a dot: (weights, inputs) or (weights, inputs, bias), the last as it stands."""
    half = len(operands) // 2
    return (operands[:half], operands[half : 2 * half], *operands[2 * half :])
