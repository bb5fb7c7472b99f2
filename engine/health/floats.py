"""Balls around floats: the midpoint is the number that eager computes, the radius a bound on its error.

The assumptions, of which all bounds are made: the processor rounds to nearest, as IEEE 754 has it, so that
+ − × ÷ are off by at most half an ulp; and each row's `ulp` is true of the math library on this machine,
which tests/engine/health/test_ulp.py measures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engine.health.ball import Ball
from engine.health.enclosure import Numbers
from engine.operation import Operation

__all__ = ["Floats", "rounding"]

UNIT = 2.0**-53  # half an ulp of 1
TINY = 5e-324  # the smallest float above 0
SMALLEST_NORMAL = 2.0**-1022
FLOOR = 1e-290  # below it a radius may have lost digits to underflow
SPLITTER = 2.0**27 + 1.0  # Dekker's: halves of a float that multiply without rounding
SAFE = (1e-140, 1e140)  # sizes whose product can be split without underflow or overflow


def rounding(operation: Operation, out: float, operands: Sequence[float]) -> float:
    """A bound on |out − the function at these operands|, by the row; infinite where it says nothing."""
    ulp = operation.ulp
    if callable(ulp):
        return ulp(out, *operands)
    if not ulp or (is_simple(out) and all(x in (0.0, 1.0) for x in operands)):
        return 0.0
    size = abs(out)
    bound = ulp * 2.0 * UNIT * size
    return bound if size > 2.0 * SMALLEST_NORMAL else bound + math.ceil(ulp) * TINY


def is_simple(out: float) -> bool:
    """Whether a result at operands of 0 and 1 is exact: small halves; no row rounds to one of them there."""
    return abs(out) <= 2.0 and (out + out).is_integer()


class Floats(Numbers):
    """The arithmetic of balls around floats."""

    grow = 1.0 + 2.0**-40
    infinite = math.inf
    least = TINY
    zero = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.unknown = Ball(math.nan, math.inf, self)

    def exact(self, number: float) -> Ball:
        """The ball of radius 0."""
        return Ball(number, 0.0, self)

    def made(self, mid: float, spread: float, rounding: float) -> Ball:
        """The ball around a result, its radius a little larger, for it was computed with roundings too."""
        radius = (spread + rounding) * self.grow
        return Ball(mid, radius + 4.0 * TINY if 0.0 < radius < FLOOR else radius, self)

    def sum_error(self, x: float, y: float, out: float) -> float:
        """|x + y − out|, exactly; Knuth's TwoSum."""
        z = out - x
        error = abs((x - (out - z)) + (y - z))
        return error if error == error else math.inf

    def product_error(self, x: float, y: float, out: float, *, exact: bool) -> float:
        """|x × y − out|: half an ulp at most, or exactly, by Dekker's product."""
        size = abs(out)
        if not x or not y:
            return 0.0 if size == 0.0 else math.inf
        if exact and SAFE[0] < abs(x) < SAFE[1] and SAFE[0] < abs(y) < SAFE[1]:
            return abs(_product_error(x, y, out))
        return UNIT * size if size > 2.0 * SMALLEST_NORMAL else UNIT * size + TINY

    def quotient_error(self, x: float, y: float, out: float, *, exact: bool) -> float:
        """|x ÷ y − out|: half an ulp at most, and 0 where the quotient is exact."""
        if not x and out == 0.0:
            return 0.0
        if exact and out * y == x and self.product_error(out, y, x, exact=True) == 0.0:
            return 0.0
        size = abs(out)
        return UNIT * size if size > 2.0 * SMALLEST_NORMAL else UNIT * size + TINY

    def evaluated(self, operation: Operation, balls: Sequence[Ball]) -> tuple[float, float]:
        """The float that eager computes, and what the row says of its rounding."""
        mids = [ball.mid for ball in balls]
        try:
            out = operation.evaluate(mids)
        except (ArithmeticError, ValueError):
            return math.nan, math.inf
        return out, rounding(operation, out, mids)

    def outward(self, ball: Ball) -> tuple[float, float]:
        """One float further than the ends."""
        return (
            math.nextafter(ball.mid - ball.rad, -math.inf),
            math.nextafter(ball.mid + ball.rad, math.inf),
        )

    def contains(self, operation: Operation, point: Sequence[float]) -> bool:
        """Whether a point is in the domain of the operation."""
        return operation.domain.contains(*point)

    def piece(self, operation: Operation, point: Sequence[float]) -> Any:
        """The piece in which the row says that it is monotone and that a point lies in; None for none."""
        try:
            return operation.monotone(*point)
        except (ArithmeticError, ValueError):  # infinite
            return None

    def side(self, operation: Operation, point: Sequence[float]) -> Any:
        """On which side of its kinks the row says that a point lies."""
        return operation.side(*point) if operation.side else None


def _product_error(x: float, y: float, out: float) -> float:
    """x × y − out, without rounding; Dekker, 1971."""
    scaled = SPLITTER * x
    x_high = scaled - (scaled - x)
    x_low = x - x_high
    scaled = SPLITTER * y
    y_high = scaled - (scaled - y)
    y_low = y - y_high
    return ((x_high * y_high - out) + x_high * y_low + x_low * y_high) + x_low * y_low
