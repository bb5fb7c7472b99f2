"""Module: all functions of a program, and what they need from elsewhere."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from engine.frozen import frozen

__all__ = ["DOUBLE", "FLOAT", "PRECISIONS", "Module", "Precision", "Region", "loads"]

NARROWEST = 16  # bytes of the smallest register that holds several numbers


@frozen
class Precision:
    """A kind of number: NumPy's name for it, LLVM's, how LLVM's own functions abbreviate it, its bytes.

    And how many of them are a vector.
    """

    name: str
    scalar: str
    suffix: str
    size: int
    vector: int

    def for_lanes(self, lanes: int) -> Precision:
        """The same, for code that works on so many samples at once.

        The vectors of a single sample are its neighboring rows, often fewer than sixteen of a kind.
        """
        return replace(self, vector=min(self.vector, 8)) if lanes == 1 else self

    @property
    def narrowest(self) -> int:
        """How many fill the smallest register; LLVM pads a narrower vector with whatever there is.

        And what there is raises flags: 0 ÷ 0 among it is invalid.
        """
        return NARROWEST // self.size

    def nearest(self, number: float) -> float:
        """The number of this kind that is nearest: infinite where there is none so large."""
        if self.size == 8:
            return number
        try:
            return float(struct.unpack("<f", struct.pack("<f", number))[0])
        except OverflowError:
            return math.copysign(math.inf, number)


DOUBLE = Precision("float64", "double", "f64", 8, 8)  # one register with AVX-512, two with AVX2
FLOAT = Precision("float32", "float", "f32", 4, 16)
PRECISIONS = {precision.name: precision for precision in (DOUBLE, FLOAT)}


class Region(NamedTuple):
    """A part of the one buffer that a program works in, by its first number and the one after its last.

    They are counted from `base`: the beginning of the buffer, or, in the body of a loop, of its frame. A
    user's array is one, too.
    """

    start: int
    stop: Any  # a number, or the name of one that is known when running
    base: str = "%m"


def loads(struct: str, fields: Iterable[str], first: int = 0) -> str:
    """Lines that give names to the fields of a struct, from one on, each at a multiple of 8 bytes.

    >>> print(loads("list", ["", "ptr results"]))
    %at_results = getelementptr i64, ptr %list, i64 1
    %results = load ptr, ptr %at_results
    """
    found = [(number, *field.split()) for number, field in enumerate(fields, first) if field]
    return "\n".join(
        f"%at_{name} = getelementptr i64, ptr %{struct}, i64 {number}\n%{name} = load {kind}, ptr %at_{name}"
        for number, kind, name in found
    )


class Module:
    """All functions of a program, for a machine with so many registers that hold a vector's worth.

    `precision` is the kind of all its numbers. In `checked` mode every address is tested against its region.
    Where it `has_loops`, its numbers are read from the table, too, for they may follow the trips: 1 ÷ steps.
    """

    has_loops = False

    def __init__(self, registers: int, precision: Precision = DOUBLE, *, checked: bool = False) -> None:
        self.registers, self.precision, self.checked = registers, precision, checked
        self.functions: list[str] = []
        self.numbers: dict[str, int] = {}  # the symbolic ones: see `symbolic`
        self._declarations: dict[str, None] = {}
        self._lane_by_lane: set[str] = set()

    def place_of(self, name: str, number: int) -> int:
        """Where a symbolic number is from the tables on: the first one stands before them, as an i64."""
        if self.numbers.setdefault(name, number) != number:
            raise AssertionError(f"two numbers are called {name}")
        return -1 - list(self.numbers).index(name)

    def declare(self, signature: str) -> None:
        """Announce a function that is defined elsewhere."""
        self._declarations[f"declare {signature}"] = None

    def lane_by_lane(self, name: str, arity: int, width: int) -> str:
        """The name of a function that calls one of the C library for every lane of its vectors."""
        self.declare(f"double @{name}({', '.join(['double'] * arity)})")
        own = f"each_{name}_{width}"
        if own not in self._lane_by_lane:
            self._lane_by_lane.add(own)
            vector = f"<{width} x double>"
            names = [f"%a{k}" for k in range(arity)]
            lines = [
                f"define internal {vector} @{own}({', '.join(f'{vector} {n}' for n in names)}) noinline {{"
            ]
            for lane in range(width):
                for k, operand in enumerate(names):
                    lines.append(f"%x{lane}_{k} = extractelement {vector} {operand}, i64 {lane}")
                given = ", ".join(f"double %x{lane}_{k}" for k in range(arity))
                so_far = f"%r{lane - 1}" if lane else "poison"
                lines.append(f"%y{lane} = call double @{name}({given})")
                lines.append(f"%r{lane} = insertelement {vector} {so_far}, double %y{lane}, i64 {lane}")
            self.functions.append("\n".join([*lines, f"ret {vector} %r{width - 1}", "}"]))
        return own

    def __str__(self) -> str:
        check = [_CHECK] if self.checked else []
        return "\n".join([*self._declarations, *check, *self.functions])


_CHECK = """@violations = global i64 0
define internal i64 @check(i64 %index, i64 %count, i64 %start, i64 %stop) noinline {
%end = add i64 %index, %count
%before = icmp slt i64 %index, %start
%behind = icmp sgt i64 %end, %stop
%outside = or i1 %before, %behind
%one = zext i1 %outside to i64
%before_this = atomicrmw add ptr @violations, i64 %one monotonic
%inside = select i1 %outside, i64 %start, i64 %index
ret i64 %inside
}
define ptr @violations_at() {
ret ptr @violations
}"""
