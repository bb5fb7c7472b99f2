"""Balls around numbers of as many bits as one asks for: the second level, whose bound is the error itself.

mpmath does the arithmetic (`pip install mpmath`). The assumptions: it rounds + − × ÷ correctly, and its
functions, computed with GUARD bits more than are claimed, are right to those that are claimed. An operation
that it does not know, and whose row is not `lowered` to ones that it does, has no bound here.

>>> numbers = ManyDigits(128)
>>> third = numbers.exact(1.0) / 3.0
>>> float(third.mid), bool(third.rad < 2.0**-150)
(0.3333333333333333, True)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath

from engine import ops
from engine.health.ball import Ball
from engine.health.enclosure import ON_BALLS, Numbers
from engine.operation import ALWAYS, Operation

__all__ = ["ManyDigits", "knows"]

GUARD = 32  # bits that functions are computed with and that nobody relies on
LARGEST = 1e8  # exp of more than this is refused: its exponent alone would fill the memory
SMALLEST = 2**20  # 2 to the minus this is smaller than what matters, and not 0
FARTHEST = 1000.0  # below 0, for the functions that mpmath takes back to above 0 step by step
WIDEST = 4096  # bits from the first to the last of a number that is turned into a fraction
Real = Any


def _sinc_slope(many: Any, x: Any) -> Any:
    """(cos πx − sinc x) ÷ x, with the digits more that cancel where x is small."""
    if not x:
        return many.mpf(0)
    with many.workprec(many.prec + 2 * max(0, -many.mag(x)) + 8):
        return +((many.cospi(x) - many.sincpi(x)) / x)


_FUNCTIONS: dict[Operation, Callable[..., Any]] = {  # (mpmath's context, *operands) -> the result
    ops.exp: lambda many, x: many.exp(x),
    ops.expm1: lambda many, x: many.expm1(x),
    ops.exp2: lambda many, x: many.power(2, x),
    ops.log: lambda many, x: many.log(x),
    ops.log1p: lambda many, x: many.log1p(x),
    ops.log2: lambda many, x: many.log(x) / many.ln2,
    ops.log10: lambda many, x: many.log10(x),
    ops.power: lambda many, x, y: many.power(x, y),
    ops.ratio: lambda many, x, y: x / y if y else many.inf * x,
    ops.remainder: lambda _, x, y: x % y,
    ops.sqrt: lambda many, x: many.sqrt(x),
    ops.cbrt: lambda many, x: many.cbrt(x) if x >= 0 else -many.cbrt(-x),
    ops.sin: lambda many, x: many.sin(x),
    ops.cos: lambda many, x: many.cos(x),
    ops.tan: lambda many, x: many.tan(x),
    ops.asin: lambda many, x: many.asin(x),
    ops.acos: lambda many, x: many.acos(x),
    ops.atan: lambda many, x: many.atan(x),
    ops.atan2: lambda many, y, x: many.atan2(y, x),
    ops.sinh: lambda many, x: many.sinh(x),
    ops.cosh: lambda many, x: many.cosh(x),
    ops.tanh: lambda many, x: many.tanh(x),
    ops.asinh: lambda many, x: many.asinh(x),
    ops.acosh: lambda many, x: many.acosh(x),
    ops.atanh: lambda many, x: many.atanh(x),
    ops.hypot: lambda many, x, y: many.hypot(x, y),
    ops.norm: lambda many, *xs: many.sqrt(many.fsum(xs, squared=True)),
    ops.erf: lambda many, x: many.erf(x),
    ops.erfc: lambda many, x: many.erfc(x),
    ops.lgamma: lambda many, x: many.log(abs(many.gamma(_near(x)))) if x < 0 else many.loggamma(x),
    ops.digamma: lambda many, x: many.digamma(x),
    ops.polygamma: lambda many, order, x: many.polygamma(int(order), _near(x)),
    ops.floor: lambda many, x: many.floor(x),
    ops.sinc: lambda many, x: many.sincpi(x),
    ops.sinc_slope: _sinc_slope,
    ops.ceil: lambda many, x: many.ceil(x),
    ops.nearest: lambda many, x: many.nint(x),
}
_GROWING = {ops.exp, ops.expm1, ops.exp2, ops.sinh, ops.cosh}


def _near(x: Real) -> Real:
    """The number; ValueError so far below 0 that mpmath would add up terms for hours."""
    if x < -FARTHEST:
        raise ValueError
    return x


def _logsumexp(*xs: Ball) -> Any:
    largest = max(xs, key=lambda ball: ball.mid)
    return largest + ops.log(ops.total(*(ops.exp(x - largest) for x in xs)))


def _formula(operation: Operation) -> Callable[..., Any] | None:
    """The operation as a formula of others, to be run on balls."""
    return _logsumexp if operation is ops.logsumexp else operation.lowered


def _function(operation: Operation) -> Callable[..., Any] | None:
    """The operation as a function of many digits; a row that only selects is its own."""
    if operation.ulp == 0 and operation not in _FUNCTIONS:
        return lambda many, *numbers: many.mpf(operation.forward(*numbers))
    return _FUNCTIONS.get(operation)


def knows(operation: Operation) -> bool:
    """Whether the operation has many digits."""
    ways = _function(operation), _formula(operation)
    return operation in ON_BALLS or any(way is not None for way in ways)


class ManyDigits(Numbers):
    """The arithmetic of balls around numbers of so many bits."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.many = many = mpmath.mp.clone()  # a context of its own: nobody's precision is changed
        many.prec = bits + GUARD
        self.unit = many.ldexp(1, -bits)
        self.rounded = many.ldexp(1, -bits - GUARD)
        self.grow = 1 + many.ldexp(1, -40)
        self.infinite, self.zero, self.least = many.inf, many.mpf(0), many.ldexp(1, -SMALLEST)
        self.unknown = Ball(many.nan, many.inf, self)
        self._floats: dict[float, Ball] = {}

    def exact(self, number: float) -> Ball:
        """The ball of radius 0 around a float."""
        if number not in self._floats:
            self._floats[number] = Ball(self.many.mpf(float(number)), self.zero, self)
        return self._floats[number]

    def made(self, mid: Real, spread: Real, rounding: Real) -> Ball:
        """The ball around a result; numbers of many digits do not underflow."""
        radius = spread + rounding
        return Ball(mid, radius * self.grow if radius else self.zero, self)

    def sum_error(self, x: Real, y: Real, out: Real) -> Real:
        """0 where all bits of the sum have room, else half a unit in its last place."""
        (_, x_bits, x_low, x_count), (_, y_bits, y_low, y_count) = x._mpf_, y._mpf_
        if not x or not y:
            return self.zero
        if not x_bits or not y_bits:
            return self.infinite
        room = max(x_low + x_count, y_low + y_count) - min(x_low, y_low) < self.many.prec
        return self.zero if room else abs(out) * self.rounded

    def product_error(self, x: Real, y: Real, out: Real, *, exact: bool) -> Real:  # noqa: ARG002  (it costs nothing here)
        """0 where all bits of the product have room."""
        (_, x_bits, _, x_count), (_, y_bits, _, y_count) = x._mpf_, y._mpf_
        if not x_bits or not y_bits:
            return self.zero if out == 0 else self.infinite
        return self.zero if x_count + y_count <= self.many.prec else abs(out) * self.rounded

    def quotient_error(self, x: Real, y: Real, out: Real, *, exact: bool) -> Real:
        """0 where the quotient is exact."""
        if not out:
            return self.zero if not x else self.infinite
        if exact and out * y == x and not self.product_error(out, y, x, exact=True):
            return self.zero
        return abs(out) * self.rounded

    def evaluated(self, operation: Operation, balls: Sequence[Ball]) -> tuple[Real, Real]:
        """mpmath's result, and the bound on it that is claimed."""
        mids = [ball.mid for ball in balls]
        function = _function(operation)
        try:
            if function is None:
                return self._by_formula(operation, mids)
            if operation in _GROWING and abs(mids[0]) > LARGEST:
                return self.many.nan, self.infinite
            out = function(self.many, *mids) if self.contains(operation, mids) else self.many.nan
        except (ArithmeticError, ValueError, NotImplementedError, self.many.NoConvergence):
            return self.many.nan, self.infinite
        if not isinstance(out, self.many.mpf) or out != out:
            return self.many.nan, self.infinite
        return out, self._rounding(operation, out, mids)

    def _rounding(self, operation: Operation, out: Real, mids: Sequence[Real]) -> Real:
        if operation.ulp == 0 or (0 <= out._mpf_[3] <= 2 and all(x in (0, 1) for x in mids)):
            return self.zero
        if (
            operation is ops.power
            and mids[1] >= 0
            and mids[0]._mpf_[3] * mids[1] <= self.bits
            and self.many.isint(mids[1])
        ):
            return self.zero
        return abs(out) * self.unit

    def _by_formula(self, operation: Operation, mids: Sequence[Real]) -> tuple[Real, Real]:
        """What a row that says how it is made of others gives when that is run on balls."""
        formula = _formula(operation)
        if formula is None or not self.contains(operation, mids):
            return self.many.nan, self.infinite
        found = formula(*(Ball(mid, self.zero, self) for mid in mids))
        ball = found if type(found) is Ball else self.lift(found)
        return ball.mid, ball.rad

    def outward(self, ball: Ball) -> tuple[Real, Real]:
        """Two numbers between which the exact one lies."""
        beyond = ball.rad * self.grow + abs(ball.mid) * self.rounded * 4
        return ball.mid - beyond, ball.mid + beyond

    def contains(self, operation: Operation, point: Sequence[Real]) -> bool:
        """Whether a point is in the domain of the operation."""
        try:
            return bool(operation.domain.contains(*point))
        except (ArithmeticError, ValueError):
            return False

    def side(self, operation: Operation, point: Sequence[Real]) -> Any:
        """On which side of its kinks the row says that a point lies; fractions lose none of its digits."""
        return self._asked(operation.side, point)

    def piece(self, operation: Operation, point: Sequence[Real]) -> Any:
        """The piece in which the row says that it is monotone and that a point lies in; None for none."""
        return self._asked(operation.monotone, point)

    def _asked(self, fact: Callable[..., Any] | None, point: Sequence[Real]) -> Any:
        """What a fact of a row says of a point; another thing every time where its numbers are too long."""
        if fact is None or fact is ALWAYS:
            return fact
        fractions = [_fraction(x) for x in point]
        return object() if None in fractions else fact(*fractions)


def _fraction(x: Real) -> Fraction | float | None:
    """The same number with Python's own whole numbers inside; None where they would be too long."""
    sign, bits, low, count = x._mpf_
    if not bits:
        return float(x)
    if abs(low) + count > WIDEST:
        return None
    size: Fraction = int(bits) * Fraction(2) ** int(low)
    return -size if sign else size
