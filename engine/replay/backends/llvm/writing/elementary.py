"""exp, log and their relatives for vectors, without a branch: right for every number there is.

Infinities, nan, subnormals and the sign of zero come out as IEEE 754 has them, and what is undefined raises
the processor's flags (division by 0, invalid, overflow), as the C library does. Errors stay below 2.5 units
in the last place (tests/engine/replay/backends/llvm/writing/test_llvm_math.py).

What is float32 is computed as float64, and rounded.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import wraps

from engine.replay.backends.llvm.writing.module import DOUBLE
from engine.replay.backends.llvm.writing.text import Text

__all__ = ["exp", "expm1", "log", "log1p", "sqrt", "tanh"]

Function = Callable[[Text, str], str]

INVERSE_LN2, ROOT_HALF = float.fromhex("0x1.71547652b82fep+0"), float.fromhex("0x1.6a09e667f3bcdp-1")
# ln 2 in two parts, the first with so few bits that its product with a power is exact (Cody, Waite)
LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
BITS, BIAS = 52, 1023  # of the fraction; of the exponent, and its largest value
ROUNDING = 1.5 * 2.0**BITS  # adding it leaves no room for a fraction: the sum is rounded to a whole number
MOST, LEAST = 710.0, -746.0  # exp of more overflows, and of less it is 0, however it is rounded
EXPM1_LEAST, TANH_MOST = -60.0, 22.0  # from here down expm1 is −1; and from here up tanh is 1
# (expm1(r) − r) ÷ r² as a polynomial in r
TAYLOR = tuple(1.0 / math.factorial(power) for power in range(13, 1, -1))
# log((1 + s) ÷ (1 − s)) − 2s, divided by s, as a polynomial in s²: from fdlibm
ATANH = (
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
)


def _in_double(function: Function) -> Function:
    @wraps(function)
    def apply(text: Text, x: str) -> str:
        return text.in_double(function, x)

    return apply


@_in_double
def exp(text: Text, x: str) -> str:
    """The exponential of x, e^r × 2^n: in two steps, as 2^n may overflow where the result does not.

    The two powers of 2 have the halves of n + 2 BIAS as their exponents.
    """
    clamped = _clamped(text, _clamped(text, x, MOST, "ogt"), LEAST, "olt")
    r, biased = _reduced(text, clamped, 2 * BIAS)
    found = _polynomial(text, (*TAYLOR, 1.0, 1.0), r)
    half = text.integers("lshr", biased, text.integer(1))
    for power in (half, text.integers("sub", biased, half)):
        found = text.binary("fmul", found, _with_exponent(text, power))
    return found


@_in_double
def expm1(text: Text, x: str) -> str:
    """e to the power of x, less 1: (expm1(r) + 1 − 2^−n) × 2^n; x itself, with its sign, where it is tiny."""
    clamped = _clamped(text, _clamped(text, x, MOST, "ogt"), EXPM1_LEAST, "olt")
    small, power = _less_one(text, clamped)
    half = text.integers("ashr", power, text.integer(1))
    scale, rest = _two_to(text, half), _two_to(text, text.integers("sub", power, half))
    most = text.integer(BIAS - 23)
    is_large = text.let(f"icmp sgt {text.whole} {power}, {most}")
    limited = text.let(f"select {text.truth} {is_large}, {text.whole} {most}, {text.whole} {power}")
    inverse = _two_to(text, text.integers("sub", text.integer(0), limited))
    scaled = text.binary("fadd", small, text.binary("fsub", text.number(1.0), inverse))
    found = text.binary("fmul", text.binary("fmul", scaled, scale), rest)
    tiny = text.compare("olt", text.call("fabs", x), text.number(2.0 ** -(BITS + 2)))
    return text.select(tiny, x, found)


@_in_double
def tanh(text: Text, x: str) -> str:
    """e ÷ (e + 2) with e = expm1(2|x|), and the sign of x; far from 0 it is 1."""
    size = _clamped(text, text.call("fabs", x), TANH_MOST, "ogt")
    small, power = _less_one(text, text.binary("fadd", size, size))
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
    fraction, upwards = text.integer(BITS), BITS + 2
    is_subnormal = text.compare("olt", x, text.number(2.0 ** (1 - BIAS)))
    normal = text.select(is_subnormal, text.binary("fmul", x, text.number(2.0**upwards)), x)
    bits = text.as_integer(normal)
    power = text.integers("sub", bits, text.integer(_bits(ROOT_HALF)))
    power = text.integers("ashr", power, fraction)
    mantissa = text.from_bits(text.integers("sub", bits, text.integers("shl", power, fraction)))
    exponent = text.let(f"sitofp {text.whole} {power} to {text.type}")
    exponent = text.binary("fsub", exponent, text.select(is_subnormal, text.number(float(upwards)), zero))
    f = text.binary("fsub", mantissa, one)
    is_outside = text.compare("ole", x, zero)
    is_zero = text.compare("oeq", x, zero)
    numerator = text.select(is_outside, text.select(is_zero, text.number(-1.0), zero), f)
    divisor = text.select(is_outside, zero, text.binary("fadd", f, text.number(2.0)))
    quotient = text.binary("fdiv", numerator, divisor)
    s = text.select(is_outside, one, quotient)
    square = text.binary("fmul", s, s)
    series = _polynomial(text, ATANH, square)
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
    """The logarithm of 1 + x: log(u) + (x − (u − 1)) ÷ u, with u = 1 + x rounded, and the sign of x.

    What was lost in rounding counts where x is small; infinity would make a nan of it, and −1 does, where
    there is no logarithm.
    """
    one = text.number(1.0)
    is_small = text.compare("olt", x, text.number(2.0**60))
    small = text.select(is_small, x, text.number(0.0))
    u = text.binary("fadd", small, one)
    lost = text.binary("fsub", small, text.binary("fsub", u, one))
    found = text.binary("fadd", log(text, text.binary("fadd", x, one)), text.binary("fdiv", lost, u))
    return text.call("copysign", found, x)


def sqrt(text: Text, x: str) -> str:
    """The root; of two vectors one by multiplications, while the processor's unit for roots has the other.

    That unit takes 16 cycles for a vector of 512 bits, and 9 for a quotient, which has no other way: a rule
    such as Adam's, of one root and one quotient, waits for it alone.
    """
    half = text.vector
    if text.width != 2 * half or text.module.registers < 32 or text.precision != DOUBLE:
        return text.call("sqrt", x)
    low, high = (text.shuffle(x, x, range(start, start + half)) for start in (0, half))
    with text.wide(half):
        low, high = text.call("sqrt", low), _multiplied_root(text, high)
        return text.shuffle(low, high, range(2 * half))


def _multiplied_root(text: Text, x: str) -> str:
    """The root rounded as the processor does: g → √x and h → 1 ÷ 2√x, from an estimate of 14 bits.

    Each step doubles the digits that are right (Goldschmidt), and the last adds what g² lacks in one rounding
    (Markstein, IA-64 and Elementary Functions, 2000). The processor takes the root of 0, of infinity, of what
    has none, and of what is so small that this is not exact.
    """
    name = "llvm.x86.avx512.rsqrt14.pd.512"
    text.module.declare(f"{text.type} @{name}({text.type}, {text.type}, i8)")
    given = f"{text.type} {x}, {text.type} zeroinitializer, i8 {_mask(text, x, 2.0**-960)}"
    estimate = text.let(f"call {text.type} @{name}({given})")  # 0 where it is of no use: 0 × ∞ is invalid
    half = text.number(0.5)
    g, h = text.binary("fmul", x, estimate), text.binary("fmul", half, estimate)
    for _ in range(2):
        rest = text.call("fma", text.let(f"fneg {text.type} {g}"), h, half)
        g, h = text.call("fma", g, rest, g), text.call("fma", h, rest, h)
    lack = text.call("fma", text.let(f"fneg {text.type} {g}"), g, x)
    found = text.call("fma", lack, h, g)
    is_other = text.let(f"icmp ne i8 {_mask(text, found, 2.0**-480)}, -1")
    return text.when(is_other, lambda: text.call("sqrt", x), otherwise=found)


def _mask(text: Text, x: str, limit: float) -> str:
    """The lanes that are above a limit, as bits."""
    return text.let(f"bitcast {text.truth} {text.compare('ogt', x, text.number(limit))} to i8")


def _clamped(text: Text, x: str, limit: float, beyond: str) -> str:
    """x, or the limit where x is beyond it; written so that a nan, which is beyond nothing, stays."""
    bound = text.number(limit)
    return text.select(text.compare(beyond, x, bound), bound, x)


def _less_one(text: Text, x: str) -> tuple[str, str]:
    """(expm1(r), n as an integer) with x = r + n × ln 2 and |r| ≤ ½ ln 2."""
    r, shifted = _reduced(text, x, 0)
    small = text.fma(text.binary("fmul", r, r), _polynomial(text, TAYLOR, r), r)
    return small, text.integers("sub", shifted, text.integer(_bits(ROUNDING)))


def _reduced(text: Text, x: str, bias: int) -> tuple[str, str]:
    """r, and an integer that has n + bias as its last bits; x = r + n × ln 2 and |r| ≤ ½ ln 2."""
    rounding = text.number(ROUNDING + bias)
    shifted = text.fma(x, text.number(INVERSE_LN2), rounding)
    whole = text.binary("fsub", shifted, rounding)
    r = text.fma(whole, text.number(-LN2_HIGH), x)
    return text.fma(whole, text.number(-LN2_LOW), r), text.as_integer(shifted)


def _polynomial(text: Text, coefficients: Sequence[float], x: str) -> str:
    """A polynomial, its highest power first (Horner)."""
    found = text.number(coefficients[0])
    for coefficient in coefficients[1:]:
        found = text.fma(found, x, text.number(coefficient))
    return found


def _two_to(text: Text, power: str) -> str:
    """2 to a whole power, by its bits."""
    return _with_exponent(text, text.integers("add", power, text.integer(BIAS)))


def _with_exponent(text: Text, biased: str) -> str:
    """The power of 2 whose bits have this exponent; what stands above it is shifted out."""
    return text.from_bits(text.integers("shl", biased, text.integer(BITS)))


def _bits(number: float) -> int:
    """The bits of a positive number, as a whole number."""
    return int(struct.unpack("<q", struct.pack("<d", number))[0])
