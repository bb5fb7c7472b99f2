"""exp, log and their relatives as vectors: every special number, and errors against 160-bit arithmetic."""

from __future__ import annotations

import ctypes
import math
import random
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from engine import ops
from engine.replay.backends.llvm import machine as llvm_machine
from engine.replay.backends.llvm.kernels.rows import along
from engine.replay.backends.llvm.writing import elementary
from engine.replay.backends.llvm.writing.functions import Formula
from engine.replay.backends.llvm.writing.module import DOUBLE, Module, Precision, Region
from engine.replay.backends.llvm.writing.text import Text
from engine.replay.program.expression import Apply, Argument

SPECIAL = [
    0.0,
    -0.0,
    math.inf,
    -math.inf,
    math.nan,
    1e-320,
    -1e-320,
    5e-324,
    -5e-324,
    2.3e-308,
    1e308,
    -1e308,
]
SPECIAL += [
    709.78,
    709.79,
    710.5,
    -708.5,
    -740.0,
    -745.2,
    -746.0,
    -1e5,
    1e5,
    1e-300,
    1.0,
    -1.0,
    22.0,
    -22.5,
    30.0,
]
FUNCTIONS: dict[str, tuple[Callable[[Text, str], str], Any, tuple[float, float], float]] = {
    "exp": (elementary.exp, np.exp, (-745.0, 709.7), 1.0),
    "expm1": (elementary.expm1, np.expm1, (-40.0, 709.7), 2.5),
    "log": (elementary.log, np.log, (5e-324, 1e308), 1.0),
    "log1p": (elementary.log1p, np.log1p, (-1.0 + 2.0**-52, 1e10), 2.5),
    "tanh": (elementary.tanh, np.tanh, (-25.0, 25.0), 2.5),
}


def compiled(
    function: Callable[[Text, str], str], count: int, precision: Precision = DOUBLE, vectors: int = 1
) -> Callable[[Any], Any]:
    """The function on so many numbers, made the way that the executor makes it."""
    module = Module(llvm_machine.HOST.registers, precision)
    source, target = Region(0, count), Region(count, 2 * count)
    text = Text(module, "all_of_them", returns="i32")

    def part(offset: Any) -> None:
        found = function(text, text.load(source, offset))
        text.store(target, text.plus(count, offset), found)

    along(text, count, part, vectors=vectors)
    text.end("i32 0")
    engine = llvm_machine.machine_code(str(module), llvm_machine.HOST)

    def run(numbers: Any) -> Any:
        memory = np.zeros(2 * count, precision.name)
        memory[:count] = numbers
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
        kind(engine.get_function_address("all_of_them"))(memory.ctypes.data, None)
        return memory[count:]

    return run


def points(low: float, high: float, count: int) -> list[float]:
    """Numbers of every size in an interval, and many around 1."""
    draw = random.Random(0)
    found = [draw.uniform(max(low, -3.0), 3.0) for _ in range(count // 2)]
    while len(found) < count:
        number = draw.choice([-1.0, 1.0]) * 10.0 ** draw.uniform(-300.0, math.log10(high))
        if low <= number <= high:
            found.append(number)
    return [min(max(number, low), high) for number in found]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_in_units_of_the_last_place(name: str) -> None:
    function, _, (low, high), limit = FUNCTIONS[name]
    numbers = points(low, high, 1003)
    found = compiled(function, len(numbers))(numbers)
    exact = getattr(mpmath, name)
    with mpmath.workprec(1200 if name == "log1p" else 160):
        for x, y in zip(numbers, found.tolist(), strict=True):
            if abs(y) > 2.0**-1022:
                assert abs(mpmath.mpf(y) - exact(mpmath.mpf(x))) <= limit * math.ulp(y), x


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_numbers(name: str) -> None:
    function, reference, _, _ = FUNCTIONS[name]
    numbers = [x for x in SPECIAL if name != "log1p" or not x <= -1.0]
    for size in (len(numbers), 1, 7):
        found = compiled(function, size)(numbers[:size])
        with np.errstate(all="ignore"):
            expected = reference(np.array(numbers[:size]))
        for x, y, z in zip(numbers, found.tolist(), expected.tolist(), strict=False):
            assert y == z or (y != y and z != z) or abs(y - z) <= 4 * math.ulp(z), x
            if y == z == 0.0:
                assert math.copysign(1.0, y) == math.copysign(1.0, z), x


def squares_between_two_numbers() -> list[float]:
    """Numbers whose roots are almost in the middle between two: those of (2m + 1)² − j for small j."""
    found = []
    for j in range(-255, 256, 8):  # odd squares are 1 modulo 8
        odd = 1
        for bits in range(4, 58):
            odd += 0 if (odd * odd - j) % 2**bits == 0 else 2 ** (bits - 2)
        odd = odd % 2**53 + 2**53
        found += [float(odd * odd - j)] if int(float(odd * odd - j)) == odd * odd - j else []
    return found


def test_roots_of_two_vectors_are_those_of_the_processor() -> None:
    draw = random.Random(0)
    powers = [4.0**k for k in range(-520, 511, 7)]
    numbers = [*SPECIAL, *squares_between_two_numbers(), *powers, *(math.nextafter(x, 0.0) for x in powers)]
    numbers += [draw.random() * 10.0 ** draw.uniform(-320.0, 300.0) for _ in range(2000)]
    for vector in range(16):  # each number in every lane
        given = [1.0] * vector + numbers + [1.0] * (-(vector + len(numbers)) % 16)
        with np.errstate(all="ignore"):
            expected = np.sqrt(np.array(given))
        found = compiled(elementary.sqrt, len(given), vectors=2)(given)
        np.testing.assert_array_equal(
            found.view(np.int64) * (found == found), expected.view(np.int64) * (expected == expected)
        )


@pytest.mark.parametrize("exponent", [0.5, 1.5, 7.5, 3.0, 8.0, -0.5, -1.5, -7.5, -2.0])
def test_small_whole_and_half_exponents(exponent: float) -> None:
    def function(text: Text, x: str) -> str:
        return Formula(text, lambda _: x).value(Apply(ops.power, (Argument(0), exponent)))

    numbers = [x for x in points(0.0, 1e300, 203) if x > 0.0]
    found = compiled(function, len(numbers))(numbers)
    with mpmath.workprec(160):
        for x, y in zip(numbers, found.tolist(), strict=True):
            exact = mpmath.power(mpmath.mpf(x), exponent)
            if 1e-300 < exact < 1e300:
                assert abs(mpmath.mpf(y) - exact) <= 6.0 * math.ulp(y), x
