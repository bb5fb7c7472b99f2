"""exp, log and their relatives for vectors, without a branch: right for every number there is.

Infinities, nan, subnormals and the sign of zero come out as IEEE 754 has them, and what is undefined raises
the processor's flags (division by 0, invalid, overflow), as the C library does. Errors stay below 2.5 units
in the last place (tests/test_llvm_math.py).

They are written for doubles only. Those of float32 are converted there and back: so they are right to the
last bit or nearly, and all that is odd about subnormals and the ends of the range is proven once. What is
beyond float32 overflows where it is converted back, with the flag that belongs to it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from functools import wraps

from engine.replay.llvm_text import Text

__all__ = ["exp", "expm1", "log", "log1p", "tanh"]

# ln 2 in two parts, the first with so few bits that its product with a whole number is exact (Cody, Waite).
LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
INVERSE_LN2, ROOT_HALF = float.fromhex("0x1.71547652b82fep+0"), float.fromhex("0x1.6a09e667f3bcdp-1")
ROUNDING = 1.5 * 2.0**52  # adding it leaves no room for a fraction: the sum is rounded to a whole number
TAYLOR = [1.0 / math.factorial(power) for power in range(13, 1, -1)]
# log((1 + s) ÷ (1 − s)) − 2s as a polynomial in s², from fdlibm's e_log.c
ATANH = (
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
)


def _in_double(function: Callable[[Text, str], str]) -> Callable[[Text, str], str]:
    """The function for numbers of every precision."""

    @wraps(function)
    def convert(text: Text, x: str) -> str:
        return text.in_double(function, x)

    return convert


@_in_double
def exp(text: Text, x: str) -> str:
    """e to the power of x, (1 + expm1(r)) × 2^n: at once or, for the ends of the range, in two steps."""
    clamped = _clamped(text, _clamped(text, x, 710.0, "ogt"), -746.0, "olt")
    small, whole, power = _reduced(text, clamped)
    one = text.binary("fadd", small, text.number(1.0))
    if text.can_scale:
        return text.scaled(one, whole)
    half = text.integers("ashr", power, text.integer(1))
    rest = text.integers("sub", power, half)
    return text.binary("fmul", text.binary("fmul", one, _two_to(text, half)), _two_to(text, rest))


@_in_double
def expm1(text: Text, x: str) -> str:
    """e to the power of x, less 1: (expm1(r) + 1 − 2^−n) × 2^n; x itself, with its sign, where it is tiny."""
    clamped = _clamped(text, _clamped(text, x, 710.0, "ogt"), -60.0, "olt")
    small, _, power = _reduced(text, clamped)
    half = text.integers("ashr", power, text.integer(1))
    scale, rest = _two_to(text, half), _two_to(text, text.integers("sub", power, half))
    is_large = text.let(f"icmp sgt {text.whole} {power}, {text.integer(1000)}")
    limited = text.let(
        f"select {text.truth} {is_large}, {text.whole} {text.integer(1000)}, {text.whole} {power}"
    )
    inverse = _two_to(text, text.integers("sub", text.integer(0), limited))
    scaled = text.binary("fadd", small, text.binary("fsub", text.number(1.0), inverse))
    found = text.binary("fmul", text.binary("fmul", scaled, scale), rest)
    tiny = text.compare("olt", text.call("fabs", x), text.number(2.0**-54))
    return text.select(tiny, x, found)


@_in_double
def tanh(text: Text, x: str) -> str:
    """e ÷ (e + 2) with e = expm1(2|x|), and the sign of x; beyond 22 it is 1."""
    size = _clamped(text, text.call("fabs", x), 22.0, "ogt")
    small, _, power = _reduced(text, text.binary("fadd", size, size))
    scale = _two_to(text, power)
    e = text.fma(scale, small, text.binary("fsub", scale, text.number(1.0)))
    quotient = text.binary("fdiv", e, text.binary("fadd", e, text.number(2.0)))
    return text.call("copysign", quotient, x)


@_in_double
def log(text: Text, x: str) -> str:
    """The natural logarithm: the exponent times ln 2, and fdlibm's series for what is left, near 1.

    The series begins with a division; numbers without a logarithm are led into it, as −1 ÷ 0 and 0 ÷ 0.
    """
    zero, one = text.number(0.0), text.number(1.0)
    is_subnormal = text.compare("olt", x, text.number(2.0**-1022))
    normal = text.select(is_subnormal, text.binary("fmul", x, text.number(2.0**54)), x)
    bits = text.as_integer(normal)
    power = text.integers("sub", bits, text.integer(_bits(ROOT_HALF)))
    power = text.integers("ashr", power, text.integer(52))
    mantissa = text.from_bits(text.integers("sub", bits, text.integers("shl", power, text.integer(52))))
    exponent = text.let(f"sitofp {text.whole} {power} to {text.type}")
    exponent = text.binary("fsub", exponent, text.select(is_subnormal, text.number(54.0), zero))
    f = text.binary("fsub", mantissa, one)
    is_outside = text.compare("ole", x, zero)
    is_zero = text.compare("oeq", x, zero)
    numerator = text.select(is_outside, text.select(is_zero, text.number(-1.0), zero), f)
    divisor = text.select(is_outside, zero, text.binary("fadd", f, text.number(2.0)))
    quotient = text.binary("fdiv", numerator, divisor)
    s = text.select(is_outside, one, quotient)
    square = text.binary("fmul", s, s)
    series = text.number(ATANH[0])
    for coefficient in ATANH[1:]:
        series = text.fma(series, square, text.number(coefficient))
    half = text.binary("fmul", text.binary("fmul", f, f), text.number(0.5))
    tail = text.binary("fadd", half, text.binary("fmul", series, square))
    low = text.fma(s, tail, text.binary("fmul", exponent, text.number(LN2_LOW)))
    rest = text.binary("fsub", f, text.binary("fsub", half, low))
    found = text.fma(exponent, text.number(LN2_HIGH), rest)
    is_ordinary = text.let(
        f"and {text.truth} {text.compare('ogt', x, zero)}, {text.compare('olt', x, text.number(math.inf))}"
    )
    return text.select(is_ordinary, found, text.select(is_outside, quotient, x))


@_in_double
def log1p(text: Text, x: str) -> str:
    """The logarithm of 1 + x, where 0 ≤ x < ∞: log(u) + (x − (u − 1)) ÷ u, with u = 1 + x rounded."""
    u = text.binary("fadd", x, text.number(1.0))
    lost = text.binary("fsub", x, text.binary("fsub", u, text.number(1.0)))
    return text.binary("fadd", log(text, u), text.binary("fdiv", lost, u))


def _clamped(text: Text, x: str, limit: float, beyond: str) -> str:
    """x, or the limit where x is beyond it; written so that a nan, which is beyond nothing, stays."""
    bound = text.number(limit)
    return text.select(text.compare(beyond, x, bound), bound, x)


def _reduced(text: Text, x: str) -> tuple[str, str, str]:
    """(expm1(r), n, n as an integer) with x = r + n × ln 2 and |r| ≤ ½ ln 2."""
    rounding = text.number(ROUNDING)
    shifted = text.fma(x, text.number(INVERSE_LN2), rounding)
    whole = text.binary("fsub", shifted, rounding)
    r = text.fma(whole, text.number(-LN2_HIGH), x)
    r = text.fma(whole, text.number(-LN2_LOW), r)
    series = text.number(TAYLOR[0])
    for coefficient in TAYLOR[1:]:
        series = text.fma(series, r, text.number(coefficient))
    small = text.fma(text.binary("fmul", r, r), series, r)
    return small, whole, text.integers("sub", text.as_integer(shifted), text.integer(_bits(ROUNDING)))


def _two_to(text: Text, power: str) -> str:
    """2 to a whole power, by its bits."""
    biased = text.integers("add", power, text.integer(1023))
    return text.from_bits(text.integers("shl", biased, text.integer(52)))


def _bits(number: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", number))[0])
