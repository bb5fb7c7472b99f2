"""The table: one row per operation, and everything about an operation stands in its row.

Read a row as: its name; what it computes; its local derivatives, as functions of (out, *operands);
how it is described; for which numbers it is defined; then whatever else is worth saying about it. Nothing
here knows about nodes: the formulas run on whatever they are given (engine/operation.py has the words
that they are written in).

The conventions, in this order: the true derivative where it exists, as a limit too; at a kink the
subgradient of smallest magnitude; a tie between operands is split evenly; the edge of a domain has
the one-sided limit, infinite if need be; an operand that was not selected has no path.

>>> tanh.evaluate([0.0]), tanh.partials(0.0, 0.0)
(0.0, (1.0,))
"""

from __future__ import annotations

import math
import operator
from functools import reduce
from typing import Any

from engine.operation import (
    ALWAYS,
    NEAR,
    Domain,
    Inexact,
    Kink,
    Operation,
    choose,
    composed,
    is_constant,
    row,
    sign_of,
    ulps,
)
from engine.operation import TABLE as TABLE  # noqa: PLC0414  (this file fills it)
from engine.special import elementary, gamma

POSITIVE = (1e-2, 50.0)  # where tests take samples
LEAK = 0.01  # the slope of leaky_relu below 0, where no other is given
ALPHA = 1.0  # the alpha of elu, where no other is given
SLOPE = "a kink: the subgradient of smallest magnitude"
EDGE = "the edge of the domain: the one-sided limit"
TIE = "a tie: split evenly between the operands"
JUMP = "a jump between flat pieces: flat"


def _clamp(x: Any, low: Any, high: Any) -> Any:
    """Where the bounds are the wrong way round there is no result, as there is no root of a negative number."""
    inside = choose(x < low, low, choose(x > high, high, x))
    return choose(low > high, lambda: sqrt(high - low), inside)


def _half_turns(x: Any) -> Any:
    """The part of x, between -1 and 1, that is left of it beside whole turns of 2."""
    return x - 2.0 * nearest(0.5 * x)


def _sinc(x: Any) -> Any:
    """By the distance to the nearest zero of the sine, which is 0 there and not π's rounding."""
    turn = _half_turns(x)
    turn = choose(absolute(turn) > 0.5, sign(turn) - turn, turn)
    is_0 = absolute(x) <= 0.0
    return choose(is_0, 1.0, sin(PI * turn) / (PI * choose(is_0, 1.0, x)))


def _sinc_slope(x: Any) -> Any:
    """(cos(πx) − sinc(x)) ÷ x, or its series near 0, where that loses all digits."""
    is_near = absolute(x) <= 0.4
    near, far = choose(is_near, x, 0.0), choose(is_near, 1.0, x)
    found = elementary.alternating(PI_SQUARED * near * near, lambda n: n * (n + 3))
    cosine = sin(PI * (0.5 - absolute(_half_turns(far))))
    return choose(is_near, -(PI_SQUARED * near * found) / 3.0, (cosine - sinc(far)) / far)


def _sinc_bend(x: Any) -> Any:
    """The derivative of sinc_slope near 0, as a share of that at 0: a series has all further derivatives."""
    return elementary.alternating(PI_SQUARED * x * x, lambda n: n * (n - 1) * (n + 3) / (n + 1))


def _sigmoid(x: Any) -> Any:
    small = exp(-absolute(x))  # at most 1, whatever the sign of x
    return choose(x >= 0.0, 1.0, small) / (1.0 + small)


# A table is read in rows. (A row that another row's formula names before it is annotated for the type checker.)
# fmt: off

# ── Arithmetic ────────────────────────────────────────────────────────────────────────────────────

add = row("add", operator.add, lambda out, x, y: (1.0, 1.0), "x + y",
          arity=2, symbol="+", precedence=10, commutative=True, ulp=0.5, monotone=ALWAYS)
subtract = row("subtract", operator.sub, lambda out, x, y: (1.0, -1.0), "x − y",
               arity=2, symbol="−", precedence=10, ulp=0.5, monotone=ALWAYS)
multiply = row("multiply", operator.mul, lambda out, x, y: (y, x), "x × y",
               arity=2, symbol="×", precedence=20, commutative=True, ulp=0.5, monotone=ALWAYS)
divide = row("divide", operator.truediv, lambda out, x, y: (1.0 / y, -out / y), "x ÷ y",
             Domain("a divisor other than 0", lambda x, y: y != 0, (NEAR, POSITIVE)),
             arity=2, symbol="÷", precedence=20, advice="leave the bad case out with where and a thunk", ulp=0.5)
ratio: Operation = row("ratio", lambda x, y: x / y if y else math.inf * x,
            lambda out, x, y: (ratio(1.0, y), ratio(-out, y)),
            "x ÷ y inside this table's formulas: infinite at the edge of a domain, where ÷ refuses",
            Domain("operands that are not both 0", lambda x, y: x != 0 or y != 0, (NEAR, POSITIVE)),
            arity=2, symbol="÷", precedence=20, ulp=0.5)
remainder = row("remainder", operator.mod, lambda out, x, y: (1.0, nearest((out - x) / y)),
                "x − y × floor(x ÷ y), as Python's %",
                Domain("a divisor other than 0, and a finite x", lambda x, y: y != 0 and math.isfinite(x), (NEAR, (0.5, 2.0))),
                arity=2, symbol="%", precedence=20, ulp=0.5, jump=True, side=lambda x, y: round((x % y - x) / y),
                kinks=(Kink((2.0, 1.0), "a jump: the slopes of the piece that begins there"),))
negate = row("negate", operator.neg, lambda out, x: (-1.0,), "−x", symbol="−", precedence=30, ulp=0, monotone=ALWAYS)
power: Operation = row("power", math.pow,
            lambda out, x, y: (
                choose(y >= 1.0, lambda: y * power(x, y - 1.0),
                       lambda: choose(y < 0.0, lambda: y * power(x, y - 1.0),
                                      lambda: choose(y > 0.0, lambda: ratio(y, power(x, 1.0 - y)), 0.0))),
                None if is_constant(y, x) else
                choose(x > 0.0, lambda: out * log(x), lambda: choose(x < 0.0, math.nan, 0.0))),
            "x to the power of y",
            Domain("x > 0, or x = 0 with y >= 0, or x < 0 with a whole y",
                   lambda x, y: x > 0 or (x == 0 and y >= 0) or (x < 0 and y == math.floor(y)),
                   (POSITIVE, NEAR), "for an odd root of a negative number use cbrt or -(-x)**y"),
            arity=2, symbol="**", precedence=40,
            overflow=lambda x, y: -math.inf if x < 0 and y % 2 == 1 else math.inf,
            kinks=(Kink((0.0, 0.5), EDGE), Kink((0.0, 0.0), "a jump in y: flat, and the limit in x")),
                       ulp=lambda out, x, y: 0.0 if y in (0.0, 1.0) else ulps(1, out), monotone=lambda x, y: True if x > 0 else None)

# ── Exponentials, logarithms, roots ───────────────────────────────────────────────────────────────

exp = row("exp", math.exp, lambda out, x: (out,), "e to the power of x",
          advice="stay in logarithms: log_softmax, logsumexp, softplus, sigmoid", ulp=1, monotone=ALWAYS)
expm1 = row("expm1", math.expm1, lambda out, x: (exp(x),), "exp(x) − 1, exact near 0", ulp=1, monotone=ALWAYS)
exp2 = row("exp2", math.exp2, lambda out, x: (out * LN2,), "2 to the power of x", ulp=1, monotone=ALWAYS)
log: Operation = row("log", math.log, lambda out, x: (1.0 / x,), "the natural logarithm of x",
          Domain("x > 0", lambda x: x > 0, (POSITIVE,), "for log of a softmax use log_softmax"),
          advice="for log of a softmax use log_softmax", ulp=1, monotone=ALWAYS)
log1p = row("log1p", math.log1p, lambda out, x: (1.0 / (1.0 + x),), "log(1 + x), exact near 0",
            Domain("x > -1", lambda x: x > -1, ((-0.9, 9.0),)), ulp=1, monotone=ALWAYS)
log2 = row("log2", math.log2, lambda out, x: (1.0 / (x * LN2),), "the logarithm to base 2",
           Domain("x > 0", lambda x: x > 0, (POSITIVE,)), ulp=2, monotone=ALWAYS)
log10 = row("log10", math.log10, lambda out, x: (1.0 / (x * LN10),),
            "the logarithm to base 10", Domain("x > 0", lambda x: x > 0, (POSITIVE,)), ulp=2, monotone=ALWAYS)
sqrt = row("sqrt", math.sqrt, lambda out, x: (ratio(0.5, out),), "the square root of x",
           Domain("x >= 0", lambda x: x >= 0, (POSITIVE,)), kinks=(Kink((0.0,), EDGE),),
           advice="for the root of a sum of squares use hypot or norm", ulp=0.5, monotone=ALWAYS)
cbrt = row("cbrt", math.cbrt, lambda out, x: (ratio(1.0, 3.0 * out * out),),
           "the cube root of x, for negative x too", kinks=(Kink((0.0,), "a vertical tangent: its slope"),),
           ulp=4, monotone=ALWAYS)

# ── Trigonometric and hyperbolic functions ────────────────────────────────────────────────────────

FINITE = Domain("a finite angle", math.isfinite, (NEAR,))
INSIDE = Domain("-1 <= x <= 1", lambda x: -1 <= x <= 1, ((-0.99, 0.99),))
sin = row("sin", math.sin, lambda out, x: (cos(x),), "the sine of x radians", FINITE, ulp=1, steepest=1.0)
cos: Operation = row("cos", math.cos, lambda out, x: (-sin(x),), "the cosine of x radians", FINITE,
                     ulp=1, steepest=1.0)
tan = row("tan", math.tan, lambda out, x: (1.0 + out * out,), "the tangent of x radians",
          Domain("a finite angle", math.isfinite, ((-1.5, 1.5),)), ulp=1)
complement = composed("complement", lambda x: (1.0 - x) * (1.0 + x), lambda out, x: (-2.0 * x,),
                      "1 − x² inside this table's formulas: no digit is lost near 1, nor of the slope near 0",
                      ulp=1.5)
asin = row("asin", math.asin, lambda out, x: (ratio(1.0, sqrt(complement(x))),),
           "the angle whose sine is x", INSIDE, kinks=(Kink((1.0,), EDGE), Kink((-1.0,), EDGE)),
           ulp=1, monotone=ALWAYS)
acos = row("acos", math.acos, lambda out, x: (ratio(-1.0, sqrt(complement(x))),),
           "the angle whose cosine is x", INSIDE, kinks=(Kink((1.0,), EDGE), Kink((-1.0,), EDGE)),
           ulp=1, monotone=ALWAYS)
atan = row("atan", math.atan, lambda out, x: (1.0 / (1.0 + x * x),), "the angle whose tangent is x",
           ulp=1, monotone=ALWAYS, steepest=1.0)
atan2 = row("atan2", math.atan2,
            lambda out, y, x: (
                choose(hypot(y, x) > 0.0, lambda: x / hypot(y, x) / hypot(y, x), math.nan),
                choose(hypot(y, x) > 0.0, lambda: -y / hypot(y, x) / hypot(y, x), math.nan)),
            "the angle of the point (x, y); note the order, atan2(y, x)", arity=2,
            kinks=(Kink((0.0, 0.0), "nothing sensible exists: backward raises"),),
            ulp=lambda out, y, x: math.inf if y == 0 >= x and out and (x == 0 or out < 0) else ulps(1, out),  # −0 is no real number
            jump=True, side=lambda y, x: 2 * (x == 0 == y) + (x < 0 <= y))
sinh = row("sinh", math.sinh, lambda out, x: (cosh(x),), "the hyperbolic sine of x",
           overflow=lambda x: math.copysign(math.inf, x), ulp=2, monotone=ALWAYS)
cosh: Operation = row("cosh", math.cosh, lambda out, x: (sinh(x),), "the hyperbolic cosine of x", ulp=2)
tanh = row("tanh", math.tanh, lambda out, x: (1.0 - out * out,), "the hyperbolic tangent of x",
           ulp=2, monotone=ALWAYS, steepest=1.0)
asinh = row("asinh", math.asinh, lambda out, x: (1.0 / hypot(1.0, x),), "the inverse of sinh",
            ulp=2, monotone=ALWAYS, steepest=1.0)
acosh = row("acosh", math.acosh, lambda out, x: (ratio(1.0, sqrt(x - 1.0) * sqrt(x + 1.0)),),
            "the inverse of cosh", Domain("x >= 1", lambda x: x >= 1, ((1.01, 50.0),)),
            kinks=(Kink((1.0,), EDGE),), ulp=2, monotone=ALWAYS)
atanh = row("atanh", math.atanh, lambda out, x: (1.0 / complement(x),), "the inverse of tanh",
            Domain("-1 < x < 1", lambda x: -1 < x < 1, ((-0.99, 0.99),)), ulp=2, monotone=ALWAYS)
hypot: Operation = row("hypot", math.hypot,
            lambda out, x, y: (choose(out > 0.0, lambda: x / out, 0.0),
                               choose(out > 0.0, lambda: y / out, 0.0)),
            "the length of the vector (x, y)", arity=2, commutative=True, kinks=(Kink((0.0, 0.0), SLOPE),),
                       ulp=1, steepest=1.0)
exp_times = row("exp_times", elementary.exp_times, lambda out, x, y: (y * out, x * out),
                "exp(x × y) inside this table's formulas: exp would make the rounding of the product large",
                arity=2, lowered=lambda x, y: exp(x * y), ulp=1)
erf = row("erf", math.erf, lambda out, x: (TWO_BY_ROOT_PI * exp_times(-x, x),),
          "the error function of x", ulp=1, monotone=ALWAYS, steepest=1.2)
erfc = row("erfc", math.erfc, lambda out, x: (-(TWO_BY_ROOT_PI * exp_times(-x, x)),),
           "1 − erf(x), exact where erf is nearly 1", ulp=5, monotone=ALWAYS, steepest=1.2)

NO_POLE = Domain("x that is not 0 and no negative whole number", lambda x: x > 0 or x % 1.0 > 0, ((0.1, 30.0),))
lgamma = row("lgamma", gamma.lgamma, lambda out, x: (digamma(x),), "the logarithm of |Γ(x)|", NO_POLE,
             ulp=lambda out, x: ulps(8, abs(out) + 1.0))
digamma: Operation = row("digamma", gamma.digamma, lambda out, x: (polygamma(1.0, x),), "the derivative of lgamma",
              NO_POLE, ulp=lambda out, x: ulps(8, abs(out) + 1.0 + math.log1p(abs(x))),
              monotone=lambda x: math.floor(min(x, 0.0)))
polygamma: Operation = row("polygamma", gamma.polygamma, lambda out, order, x: (None, polygamma(order + 1.0, x)),
                "the derivative of digamma of that order, in which there is none",
                Domain(f"a whole order up to {gamma.MOST:.0f}, and {NO_POLE.words}",
                       lambda order, x: 0 <= order <= gamma.MOST and order % 1.0 == 0 and NO_POLE.contains(x),
                       ((1.0, 1.0), (0.1, 30.0))),
                arity=2, side=lambda order, x: order,
                ulp=lambda out, order, x: ulps(8 + 2 * order, out) if x > 0 else math.inf,
                monotone=lambda order, x: math.floor(min(x, 0.0)) if x > 0 or order % 2.0 == 0 else None)

# ── Selection: what is not selected has no path ───────────────────────────────────────────────────

absolute = row("abs", operator.abs, lambda out, x: (sign(x),), "the absolute value of x",
               kinks=(Kink((0.0,), SLOPE),), side=sign_of, ulp=0, steepest=1.0)
maximum = row("maximum", lambda x, y: x if x > y or x != x else y,
              lambda out, x, y: (choose(x > y, 1.0, choose(x < y, None, 0.5)),
                                 choose(x < y, 1.0, choose(x > y, None, 0.5))),
              "the larger of x and y (relu(x) differs from maximum(x, 0) in the slope at 0)",
              arity=2, commutative=True, kinks=(Kink((1.0, 1.0), TIE),), side=sign_of,
              ulp=0, monotone=ALWAYS, steepest=1.0)
minimum = row("minimum", lambda x, y: x if x < y or x != x else y,
              lambda out, x, y: (choose(x < y, 1.0, choose(x > y, None, 0.5)),
                                 choose(x > y, 1.0, choose(x < y, None, 0.5))),
              "the smaller of x and y", arity=2, commutative=True, kinks=(Kink((1.0, 1.0), TIE),),
              side=sign_of, ulp=0, monotone=ALWAYS, steepest=1.0)
where = row("where", lambda condition, x, y: x if condition > 0 else y,
            lambda out, condition, x, y: (None, choose(condition > 0.0, 1.0, None),
                                          choose(condition > 0.0, None, 1.0)),
            "x where the condition is positive (true is 1, false is 0), else y", arity=3,
            side=lambda condition, x, y: condition > 0, ulp=0, monotone=ALWAYS, steepest=1.0, jump=True)
clamp = composed("clamp", _clamp,
            lambda out, x, low, high: (choose((x > low) & (x < high), 1.0, None),
                                       choose(x < low, 1.0, None), choose(x > high, 1.0, None)),
            "x, but at least low and at most high",
            domain=Domain("low <= high", lambda x, low, high: low <= high, (NEAR, (-2.0, -1.0), (1.0, 2.0))),
            arity=3, kinks=(Kink((0.0, 0.0, 1.0), SLOPE), Kink((1.0, 0.0, 1.0), SLOPE)),
            side=lambda x, low, high: 3 * sign_of(x, low) + sign_of(x, high), ulp=0, monotone=ALWAYS, steepest=1.0)
sign: Operation = composed("sign", lambda x: choose(x > 0.0, 1.0, choose(x < 0.0, -1.0, absolute(x))),
           lambda out, x: (0.0,),
           "-1, 0 or 1, as the sign of x", flat=True, kinks=(Kink((0.0,), JUMP),), side=sign_of,
                      ulp=0, monotone=ALWAYS, jump=True)
floor: Operation = row("floor", lambda x: float(math.floor(x)) if math.isfinite(x) else x, lambda out, x: (0.0,),
            "the largest whole number that is not above x", flat=True, kinks=(Kink((1.0,), JUMP),),
            side=math.floor, ulp=0, monotone=ALWAYS, jump=True)
ceil: Operation = row("ceil", lambda x: float(math.ceil(x)) if math.isfinite(x) else x, lambda out, x: (0.0,),
           "the smallest whole number that is not below x", flat=True, kinks=(Kink((1.0,), JUMP),),
           side=math.ceil, ulp=0, monotone=ALWAYS, jump=True)
nearest: Operation = row("round", lambda x: float(round(x)) if math.isfinite(x) else x, lambda out, x: (0.0,),
              "the nearest whole number, halves to the even one", flat=True, kinks=(Kink((0.5,), JUMP),),
              side=round, ulp=0, monotone=ALWAYS, jump=True)

# ── Constants of the formulas that no float is, each in the table's own words ────────────────────

LN2: Inexact = Inexact(lambda one: log(2.0 * one))
LN10: Inexact = Inexact(lambda one: log(10.0 * one))
ROOT_2: Inexact = Inexact(lambda one: sqrt(2.0 * one))
ROOT_2_PI: Inexact = Inexact(lambda one: sqrt(2.0 * acos(-one)))
TWO_BY_ROOT_PI: Inexact = Inexact(lambda one: 2.0 / sqrt(acos(-one)))
PI: Inexact = Inexact(lambda one: acos(-one))
PI_SQUARED: Inexact = Inexact(lambda one: acos(-one) * acos(-one))
DEGREES: Inexact = Inexact(lambda one: 180.0 / acos(-one))
RADIANS: Inexact = Inexact(lambda one: acos(-one) / 180.0)

# ── Angles and waves in other units ───────────────────────────────────────────────────────────────

degrees = composed("degrees", lambda x: x * DEGREES, lambda out, x: (DEGREES,), "an angle of x radians in degrees",
                   ulp=1.5, monotone=ALWAYS)
radians = composed("radians", lambda x: x * RADIANS, lambda out, x: (RADIANS,), "an angle of x degrees in radians",
                   ulp=1.5, monotone=ALWAYS)
WHOLE_LINE = Domain("a finite number", math.isfinite, (NEAR,))
sinc = composed("sinc", _sinc, lambda out, x: (sinc_slope(x),),
                "sin(πx) ÷ (πx), and 1 at 0", domain=WHOLE_LINE, ulp=4, steepest=1.4)
sinc_slope: Operation = composed("sinc_slope", _sinc_slope,
                 lambda out, x: (choose(absolute(x) <= 0.4, lambda: -(PI_SQUARED * _sinc_bend(x)) / 3.0,
                                        lambda: -(PI_SQUARED * sinc(x)) - 2.0 * out / x),),
                 "the derivative of sinc inside this table's formulas", domain=WHOLE_LINE,
                 ulp=lambda out, x: ulps(8, out) + ulps(8, 1.0 / max(abs(x), 0.4)) * (abs(x) > 0.4), steepest=3.3)

# ── Activation functions ──────────────────────────────────────────────────────────────────────────

sigmoid = composed("sigmoid", _sigmoid, lambda out, x: (out * (1.0 - out),), "1 ÷ (1 + exp(−x))",
              ulp=4, monotone=ALWAYS, steepest=0.25)
relu = composed("relu", lambda x: choose(x <= 0.0, 0.0, x), lambda out, x: (choose(x > 0.0, 1.0, None),),
           "x where it is positive, else 0", kinks=(Kink((0.0,), SLOPE),), side=sign_of,
           ulp=0, monotone=ALWAYS, steepest=1.0)
leaky_relu = composed("leaky_relu", lambda x, slope: choose(x > 0.0, x, slope * x),
                 lambda out, x, slope: (choose(x > 0.0, 1.0, slope), choose(x > 0.0, None, x)),
                 "x where it is positive, else slope × x", arity=2, kinks=(Kink((0.0, LEAK), SLOPE),),
                 domain=Domain("a number", lambda *_: True, (NEAR, (0.01, 0.5))),
                 side=lambda x, slope: sign_of(x), ulp=0.5)
elu = composed("elu", lambda x, alpha: choose(x > 0.0, x, lambda: alpha * expm1(minimum(0.0, x))),
          lambda out, x, alpha: (
              choose(x > 0.0, 1.0, lambda: choose(x < 0.0, alpha * exp(x), minimum(1.0, alpha))),
              choose(x > 0.0, None, lambda: expm1(x))),
          "x where it is positive, else alpha × (exp(x) − 1)", arity=2, kinks=(Kink((0.0, ALPHA), SLOPE),),
          domain=Domain("a number", lambda *_: True, (NEAR, (0.5, 2.0))),
          side=lambda x, alpha: sign_of(x), ulp=1.5)
softplus = composed("softplus", lambda x: relu(x) + log1p(exp(-absolute(x))),
               lambda out, x: (choose(x > 0.0, lambda: 1.0 - sigmoid(-x), lambda: sigmoid(x)),), "log(1 + exp(x))",
               ulp=4, monotone=ALWAYS, steepest=1.0)
silu = composed("silu", lambda x: x * sigmoid(x),
           lambda out, x: (sigmoid(x) + out * (1.0 - sigmoid(x)),), "x × sigmoid(x)",
           ulp=lambda out, x: ulps(5, out) + 3e-323 * abs(x), steepest=1.1)
normal = row("normal_distribution", elementary.normal, lambda out, x: (exp_times(-0.5 * x, x) / ROOT_2_PI,),
             "the normal distribution function inside this table's formulas: erfc(−x ÷ √2) ÷ 2, but exact far out",
             lowered=lambda x: 0.5 * erfc(-x / ROOT_2), ulp=7, monotone=ALWAYS, steepest=0.4)
gelu = composed("gelu", lambda x: x * normal(x),
           lambda out, x: (normal(x) + x * exp_times(-0.5 * x, x) / ROOT_2_PI,),
           "x × the normal distribution function of x (exact, not the tanh approximation)",
           ulp=lambda out, x: ulps(8, out) + 3e-323 * abs(x), steepest=1.13)
mish = composed("mish", lambda x: x * tanh(softplus(x)),
           lambda out, x: (tanh(softplus(x)) +
                           x * (1.0 - tanh(softplus(x)) * tanh(softplus(x))) * sigmoid(x),),
           "x × tanh(softplus(x))",
           ulp=lambda out, x: ulps(9, out) + 3e-323 * abs(x), steepest=1.1)
softsign = composed("softsign", lambda x: x / (1.0 + absolute(x)),
               lambda out, x: (1.0 / ((1.0 + absolute(x)) * (1.0 + absolute(x))),), "x ÷ (1 + |x|)",
               ulp=1.5, monotone=ALWAYS, steepest=1.0)

# ── Many operands in one node ─────────────────────────────────────────────────────────────────────
# dot's operands are the n weights, the n inputs and, where there is one, the bias.

dot = row("dot", lambda *operands: elementary.weighted_sum(*elementary.parts(operands)),
          lambda out, *operands: elementary.weighted_sum_partials(*elementary.parts(operands)),
          "the sum of weights × inputs, plus the bias", arity=None, ulp=0.5)
total = row("total", lambda *operands: reduce(operator.add, operands),
            lambda out, *operands: (1.0,) * len(operands), "the sum of all operands", arity=None,
            commutative=True, ulp=0.5)
logsumexp = row("logsumexp", elementary.logsumexp, lambda out, *operands: elementary.shares(out, operands, exp, total),
                "the logarithm of the sum of exponentials", arity=None, commutative=True,
                ulp=lambda out, *operands: (4.0 + 3.0 * math.log(len(operands)) + abs(out)) * ulps(0.5, 1.0), steepest=1.0)
norm = row("norm", math.hypot,
           lambda out, *operands: tuple(choose(out > 0.0, lambda x=x: x / out, 0.0) for x in operands),
           "the length of the vector of all operands", arity=None, commutative=True,
           kinks=(Kink((0.0, 0.0, 0.0), SLOPE),), ulp=1, steepest=1.0)
