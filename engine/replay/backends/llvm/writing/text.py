"""Text: what can be written with numbers, in memory and in registers.

The lines that they become, loops and whole numbers are in `lines`.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engine.replay.backends.llvm.writing.lines import Index, Lines
from engine.replay.backends.llvm.writing.module import DOUBLE, Region

__all__ = ["Exact", "Index", "Text"]


SHORT = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)  # numbers that no length makes


def _hexadecimal(number: float) -> str:
    """A number as LLVM reads it without rounding: a float is written as a double too."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


class Text(Lines):
    """One function: lines that load, compute and store numbers."""

    # ── Memory ─────────────────────────────────────────────────────────────────────────────────────

    def checked(self, region: Region, index: Index, count: Index) -> Index:
        """The index, in checked mode after a test that so many numbers from there on are in the region."""
        if not self.module.checked:
            return index
        return self.let(f"call i64 @check(i64 {index}, i64 {count}, i64 {region.start}, i64 {region.stop})")

    def address(
        self, region: Region, index: Index, count: Index, offset: int | None = None, mask: str = ""
    ) -> str:
        """The address of a number, of which so many will be read or written, or those of a mask.

        Those with an offset, each from the same index, share a pointer that LLVM does not look behind. Else
        it spends a fifth of its time on finding other ways to count them on from one turn to the next.
        """
        inside = "" if mask else " inbounds"  # what has a mask may begin outside
        if offset is None or isinstance(index, int) or self.module.checked:
            place = self.plus(index, offset or 0)
            place = self._checked_mask(region, place, mask) if mask else self.checked(region, place, count)
            return self.let(f"getelementptr{inside} {self.scalar}, ptr {region.base}, i64 {place}")
        key = (self._block, region.base, self.scalar, index)
        if key not in self._pointers:
            where = self.let(f"getelementptr{inside} {self.scalar}, ptr {region.base}, i64 {index}")
            self._pointers[key] = self.let(f"freeze ptr {where}")
        pointer = self._pointers[key]
        if not offset:
            return pointer
        return self.let(f"getelementptr{inside} {self.scalar}, ptr {pointer}, i64 {offset}")

    def _checked_mask(self, region: Region, index: Index, mask: str) -> Index:
        """The index of a vector, in checked mode after a test that the lanes of a mask are in the region."""
        if not self.module.checked:
            return index
        packed = self.let(f"bitcast {self.truth} {mask} to i{self.width}")
        bits = self.let(f"zext i{self.width} {packed} to i64")
        self.module.declare("i64 @llvm.cttz.i64(i64, i1)")
        self.module.declare("i64 @llvm.ctlz.i64(i64, i1)")
        first = self.let(f"call i64 @llvm.cttz.i64(i64 {bits}, i1 false)")
        behind = self.let(f"sub i64 64, {self.let(f'call i64 @llvm.ctlz.i64(i64 {bits}, i1 false)')}")
        is_any = self.let(f"icmp ne i64 {bits}, 0")
        where = self.let(f"select i1 {is_any}, i64 {self.plus(index, first)}, i64 {region.start}")
        count = self.let(f"select i1 {is_any}, i64 {self.minus(behind, first)}, i64 0")
        return self.minus(self.checked(region, where, count), first)

    def load(self, region: Region, index: Index, offset: int | None = None, mask: str = "") -> str:
        """A vector; only the lanes of a mask are read, where there is one, and the others are 0."""
        where, size = self.address(region, index, self.width, offset, mask), self.precision.size
        if not mask:
            return self.let(f"load {self.type}, ptr {where}, align {size}")
        name = f"llvm.masked.load.{self.suffix}.p0"
        self.module.declare(f"{self.type} @{name}(ptr, i32, {self.truth}, {self.type})")
        given = f"ptr {where}, i32 {size}, {self.truth} {mask}, {self.type} zeroinitializer"
        return self.let(f"call {self.type} @{name}({given})")

    def store(
        self,
        region: Region,
        index: Index,
        number: str,
        offset: int | None = None,
        mask: str = "",
        *,
        accumulate: bool = False,
    ) -> None:
        """Store or add a vector, or its lanes of a mask only."""
        if accumulate:
            number = self.binary("fadd", self.load(region, index, offset, mask), number)
        where, size = self.address(region, index, self.width, offset, mask), self.precision.size
        if not mask:
            self.do(f"store {self.type} {number}, ptr {where}, align {size}")
            return
        name = f"llvm.masked.store.{self.suffix}.p0"
        self.module.declare(f"void @{name}({self.type}, ptr, i32, {self.truth})")
        self.do(f"call void @{name}({self.type} {number}, ptr {where}, i32 {size}, {self.truth} {mask})")

    def mask(self, place: Index) -> str:
        """The lanes whose bits are set in an entry of the tables."""
        bits = self.let(f"trunc i64 {self.entry(place)} to i{self.width}")
        return self.let(f"bitcast i{self.width} {bits} to {self.truth}")

    def first(self, live: int) -> str:
        """The mask of the first lanes; none where these are all."""
        if live >= self.width:
            return ""
        return "<" + ", ".join(f"i1 {str(lane < live).lower()}" for lane in range(self.width)) + ">"

    def load_one(self, region: Region, index: Index, offset: int | None = None) -> str:
        """A single number."""
        where = self.address(region, index, 1, offset)
        return self.let(f"load {self.scalar}, ptr {where}, align {self.precision.size}")

    def copy(self, target: str, source: str, count: Index) -> None:
        """Copy so many numbers from one address to another."""
        self.module.declare("void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        size = self.times(count, self.precision.size)
        self.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {size}, i1 false)")

    def clear(self, region: Region, index: Index, count: int) -> None:
        """So many numbers become 0."""
        self.module.declare("void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        where, size = self.address(region, index, count), count * self.precision.size
        self.do(f"call void @llvm.memset.p0.i64(ptr {where}, i8 0, i64 {size}, i1 false)")

    def gather(self, region: Region, place: Index) -> str:
        """A vector of the numbers at the addresses that as many entries of the tables give.

        Lane by lane: on many processors that is faster than their instruction for it, on none much slower.
        """
        places = [self.entry(self.plus(place, lane)) for lane in range(self.width)]
        return self.joined([self.load_one(region, address) for address in places])

    def joined(self, numbers: Sequence[str]) -> str:
        """Single numbers as the lanes of a vector."""
        if self.width == 1:
            return numbers[0]
        found = "poison"
        for lane, number in enumerate(numbers):
            found = self.let(f"insertelement {self.type} {found}, {self.scalar} {number}, i64 {lane}")
        return found

    # ── Numbers ────────────────────────────────────────────────────────────────────────────────────

    def number(self, number: float) -> str:
        """A constant."""
        text = _hexadecimal(self.precision.nearest(number))
        return text if self.width == 1 else "<" + ", ".join([f"{self.scalar} {text}"] * self.width) + ">"

    def literal(self, number: float) -> str:
        """A number of the program; one that may follow the trips of a loop is read from the table."""
        if not self.module.has_loops or number in SHORT:
            return self.number(number)
        packed = struct.pack("<d" if self.precision == DOUBLE else "<f", self.precision.nearest(number))
        bits = int.from_bytes(packed, "little", signed=True)
        place = self.module.place_of(f"{self.scalar} {bits}", bits)
        where = self.let(f"getelementptr inbounds i64, ptr %t, i64 {place}")
        return self.splat(self.let(f"load {self.scalar}, ptr {where}, align 8"))

    def integer(self, number: int) -> str:
        """A whole constant."""
        one = f"i{8 * self.precision.size} {number}"
        return str(number) if self.width == 1 else "<" + ", ".join([one] * self.width) + ">"

    def splat(self, number: str) -> str:
        """A single number in all lanes."""
        if self.width == 1:
            return number
        first = self.let(f"insertelement {self.type} poison, {self.scalar} {number}, i64 0")
        zeros = f"<{self.width} x i32> zeroinitializer"
        return self.let(f"shufflevector {self.type} {first}, {self.type} poison, {zeros}")

    def binary(self, name: str, left: str, right: str) -> str:
        """fadd, fsub, fmul or fdiv; a product may be contracted with the sum that it is added to."""
        return self.let(f"{name} contract {self.type} {left}, {right}")

    def fma(self, left: str, right: str, more: str) -> str:
        """left × right + more, rounded once where the machine can."""
        return self.call("fmuladd", left, right, more)

    def with_product(self, so_far: str, *factors: str) -> str:
        """What there is so far, if there is anything, + the product of one or more factors."""
        first, *others = factors
        for factor in others[:-1]:
            first = self.binary("fmul", first, factor)
        if not so_far:
            return self.binary("fmul", first, others[-1]) if others else first
        return self.fma(first, others[-1], so_far) if others else self.binary("fadd", so_far, first)

    def call(self, name: str, *operands: str) -> str:
        """One of LLVM's own functions."""
        own = f"llvm.{name}.{self.suffix}"
        self.module.declare(f"{self.type} @{own}({', '.join([self.type] * len(operands))})")
        given = ", ".join(f"{self.type} {operand}" for operand in operands)
        return self.let(f"call contract {self.type} @{own}({given})")

    def in_double(self, function: Callable[..., str], *operands: str) -> str:
        """What a function gives that is written for doubles, converted there and back."""
        if self.precision == DOUBLE:
            return function(self, *operands)
        exact = [self.exact(operand) for operand in operands]
        with self.doubles():
            found = function(self, *exact)
        return self.rounded(found)

    def exact(self, number: str) -> str:
        """A number as a double."""
        kind = self.type
        with self.doubles():
            return self.let(f"fpext {kind} {number} to {self.type}") if kind != self.type else number

    def rounded(self, number: str) -> str:
        """A double as a number: overflows where it is too large for one."""
        kind = self.type
        with self.doubles():
            return self.let(f"fptrunc {self.type} {number} to {kind}") if kind != self.type else number

    def library(self, name: str, *operands: str) -> str:
        """A function of the C library, in double, lane by lane."""
        return self.in_double(lambda text, *given: text._library(name, *given), *operands)

    def _library(self, name: str, *operands: str) -> str:
        given = ", ".join(f"{self.type} {operand}" for operand in operands)
        if self.width == 1:
            self.module.declare(f"double @{name}({', '.join(['double'] * len(operands))})")
            return self.let(f"call double @{name}({given})")
        return self.let(
            f"call {self.type} @{self.module.lane_by_lane(name, len(operands), self.width)}({given})"
        )

    def compare(self, how: str, left: str, right: str) -> str:
        """A condition: ogt, olt, oge, ole, oeq, une, uno …"""
        return self.let(f"fcmp {how} {self.type} {left}, {right}")

    def select(self, condition: str, accepted: str, otherwise: str) -> str:
        """One of two numbers, lane by lane."""
        return self.let(f"select {self.truth} {condition}, {self.type} {accepted}, {self.type} {otherwise}")

    def integers(self, name: str, left: str, right: str) -> str:
        """An operation on whole numbers, lane by lane."""
        return self.let(f"{name} {self.whole} {left}, {right}")

    def as_integer(self, number: str) -> str:
        """The bits of a number."""
        return self.let(f"bitcast {self.type} {number} to {self.whole}")

    def from_bits(self, bits: str) -> str:
        """The number of these bits."""
        return self.let(f"bitcast {self.whole} {bits} to {self.type}")

    def shuffle(self, left: str, right: str, lanes: Sequence[int]) -> str:
        """Lanes of two vectors, counted on from the first to the second, as a new vector."""
        chosen = ", ".join(f"i32 {lane}" for lane in lanes)
        return self.let(
            f"shufflevector {self.type} {left}, {self.type} {right}, <{len(lanes)} x i32> <{chosen}>"
        )

    def total(self, number: str) -> str:
        """The sum of all lanes, as a single number: always added in the same order."""
        lanes = stored = self.width
        while lanes > 1:
            half = lanes // 2
            size = half if half == 1 else max(half, self.precision.narrowest)
            kind, part = f"<{stored} x {self.scalar}>", f"<{size} x i32>"
            low = ", ".join(f"i32 {lane % half}" for lane in range(size))
            high = ", ".join(f"i32 {half + lane % half}" for lane in range(size))
            first = self.let(f"shufflevector {kind} {number}, {kind} poison, {part} <{low}>")
            second = self.let(f"shufflevector {kind} {number}, {kind} poison, {part} <{high}>")
            number = self.let(f"fadd <{size} x {self.scalar}> {first}, {second}")
            lanes, stored = half, size
        return number if self.width == 1 else self.let(f"extractelement <1 x {self.scalar}> {number}, i64 0")

    def totals(self, numbers: Sequence[str]) -> str:
        """The sums of as many vectors' lanes as there are lanes, as the lanes of one vector."""
        level = list(numbers)
        for even, odd in map(self._exchanged, self._powers_of_two()):
            level = [
                self.binary("fadd", self.shuffle(a, b, even), self.shuffle(a, b, odd))
                for a, b in zip(level[::2], level[1::2], strict=True)
            ]
        return level[0]

    def folded(self, numbers: Sequence[str]) -> list[str]:
        """The sum of each vector's lanes, as single numbers."""
        if len(numbers) == 1:
            return [self.total(numbers[0])]
        found, width = list[str](), self.width
        for start in range(0, len(numbers), width):
            some = [*numbers[start : start + width]]
            sums = self.totals(some + [self.number(0.0)] * (width - len(some)))
            found += [self.let(f"extractelement {self.type} {sums}, i64 {lane}") for lane in range(len(some))]
        return found

    def transpose(self, rows: Sequence[str]) -> list[str]:
        """The columns of as many vectors as there are lanes: each round exchanges parts of twice the size."""
        found = list(rows)
        for size in self._powers_of_two():
            low, high = self._exchanged(size)
            for line in (line for line in range(self.width) if not line & size):
                above, below = found[line], found[line + size]
                found[line] = self.shuffle(above, below, low)
                found[line + size] = self.shuffle(above, below, high)
        return found

    def _powers_of_two(self) -> list[int]:
        return [1 << bit for bit in range(self.width.bit_length() - 1)]

    def _exchanged(self, size: int) -> tuple[list[int], list[int]]:
        """The lanes of two vectors as two others: parts of this size, of one and the other in turn."""
        lanes = range(self.width)
        low = [lane if not lane & size else self.width + lane - size for lane in lanes]
        high = [lane + size if not lane & size else self.width + lane for lane in lanes]
        return low, high


class Exact(Text):
    """Every operation is rounded, none contracted with the next: bits do not depend on what is around it."""

    def binary(self, name: str, left: str, right: str) -> str:
        """fadd, fsub, fmul or fdiv."""
        return self.let(f"{name} {self.type} {left}, {right}")

    @contextmanager
    def unrolled(self) -> Iterator[None]:
        """Inside, loops whose ends are known are written turn by turn."""
        self.most_unrolled = sys.maxsize
        yield
        self.most_unrolled = 1
