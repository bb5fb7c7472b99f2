"""The derivatives of lgamma on floats, which Python's math has not: right to a few units in the last place.

From a place far enough up the asymptotic series is summed, and the recurrence leads down from there; below 0
the reflection turns to the other side (Abramowitz and Stegun, Handbook of Mathematical Functions, 6.3, 6.4).
"""

from __future__ import annotations

import math
from functools import cache, reduce

__all__ = ["MOST", "digamma", "lgamma", "polygamma"]

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
MOST = 100.0  # orders; the numbers in those beyond soon leave the range of floats
FAR = 15.0  # from here on, plus the order, these terms of the series suffice


def lgamma(x: float) -> float:
    """log |Γ(x)|: from 0.5 to 20 by its series at 2 (6.1.33), for math's own loses digits, near 1 and 2 all.

    >>> lgamma(2.0), lgamma(1.0)
    (0.0, 0.0)
    """
    if not 0.5 < x < 20.0:
        return math.lgamma(x)
    steps = max(0, math.ceil(x - 2.5))  # down to where the series is
    product = math.prod([x - step for step in range(1, steps + 1)])
    z = x - steps - 2.0 if x > 1.25 else x - 1.0
    found = 0.0
    for coefficient in reversed(_coefficients()):
        found = (found + coefficient) * z
    return found + math.log(product) if x > 1.25 else found - math.log1p(z)


@cache
def _coefficients() -> tuple[float, ...]:
    """Those of lgamma(2 + z) by powers of z, from 1 on: the derivatives at 2 over their factorials."""
    return digamma(2.0), *(polygamma(float(k - 1), 2.0) / math.factorial(k) for k in range(2, 40))


def digamma(x: float) -> float:
    """The derivative of lgamma; ValueError at 0 and the negative whole numbers.

    >>> -digamma(1.0)  # Euler's constant
    0.5772156649015329
    """
    if x <= 0.0:
        return digamma(1.0 - x) - math.pi * _cotangent(x)
    steps = max(0, math.ceil(FAR - x)) if x < FAR else 0
    far = x + steps
    terms = [-b / (2 * k) * far ** (-2.0 * k) for k, b in enumerate(BERNOULLI, 1)]
    below = [-1.0 / (x + step) for step in range(steps)]
    return math.fsum([math.log(far), -0.5 / far, *terms, *below])


def polygamma(order: float, x: float) -> float:
    """The derivative of digamma of that order, a whole number up to MOST; ValueError where there is none.

    >>> polygamma(1.0, 1.0) * 6.0 - math.pi**2
    0.0
    """
    if not (0.0 <= order <= MOST and order % 1.0 == 0.0):
        raise ValueError
    n = int(order)
    if n == 0:
        return digamma(x)
    sign = -1.0 if n % 2 == 0 else 1.0
    if x <= 0.0:
        return -sign * polygamma(order, 1.0 - x) - math.pi ** (n + 1) * _cotangent(x, n)
    steps = max(0, math.ceil(FAR + n - x)) if x < FAR + n else 0
    far = x + steps
    series, part = [1.0, 0.5 * n / far], 1.0
    for k, bernoulli in enumerate(BERNOULLI, 1):
        part *= (n + 2 * k - 2) * (n + 2 * k - 1) / ((2 * k - 1) * 2 * k) / far / far
        series.append(bernoulli * part)
    first = _factorial_over_power(n - 1, far) * math.fsum(series)
    return sign * math.fsum([first, *(_factorial_over_power(n, x + step) for step in range(steps))])


def _factorial_over_power(n: int, x: float) -> float:
    """N! ÷ x^(n + 1), whose parts may be too large though it is not."""
    return math.prod([j / x for j in range(1, n + 1)]) / x


def _cotangent(x: float, n: int = 0) -> float:
    """The nth derivative of the cotangent at πx."""
    rest = math.remainder(x, 1.0)
    if rest == 0.0:
        raise ValueError
    size = abs(rest)  # from a tangent that is exact near 0, where the cotangent is infinite or 0
    c = 1.0 / math.tan(math.pi * size) if size < 0.25 else math.tan(math.pi * (0.5 - size))
    c = math.copysign(c, rest)
    *others, last = _in_cotangents(n)
    return reduce(lambda sofar, coefficient: sofar * c + coefficient, reversed(others), float(last))


@cache
def _in_cotangents(n: int) -> tuple[int, ...]:
    """The nth derivative of the cotangent c as a polynomial in c: −(1 + c²) times the last one's slope."""
    if n == 0:
        return (0, 1)
    slope = [k * coefficient for k, coefficient in enumerate(_in_cotangents(n - 1))][1:]
    return tuple(-(a + b) for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True))
