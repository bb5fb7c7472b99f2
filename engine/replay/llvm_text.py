"""Text: functions in LLVM's language, written line by line.

Every method appends an instruction and returns the name of its result. Whole numbers that are known while
writing are plain ints and are folded here, for no optimizer runs behind: the text is the loops as meant.
Numbers are vectors of `width` lanes, or single ones where the width is 1.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engine.replay.llvm_module import Module, Region

__all__ = ["Index", "Text"]

Index = int | str  # a number known while writing, or the name of one that is known when running


def _hexadecimal(number: float) -> str:
    """A number as LLVM reads it without rounding."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


class Text:
    """One function; `%m` is the buffer of all numbers, `%t` the tables of whole numbers."""

    def __init__(
        self, module: Module, name: str, parameters: str = "ptr %m, ptr %t", returns: str = "void"
    ) -> None:
        self.module, self.name, self.precision = module, name, module.precision
        self.width = self.vector
        linkage = "" if returns != "void" else "internal "
        self._lines = [f"define {linkage}{returns} @{name}({parameters}) {{", "entry:"]
        self._block = "entry"
        self._count = 0

    def end(self, result: str = "void") -> None:
        """Close the function and enter it into its module."""
        self._lines += [f"ret {result}", "}"]
        self.module.functions.append("\n".join(self._lines))

    # ── Lines and names ────────────────────────────────────────────────────────────────────────────

    def let(self, what: str) -> str:
        """A new name for the result of an instruction."""
        self._count += 1
        self._lines.append(f"%v{self._count} = {what}")
        return f"%v{self._count}"

    def do(self, what: str) -> None:
        """An instruction without a result."""
        self._lines.append(what)

    @property
    def vector(self) -> int:
        """How many numbers are a vector."""
        return self.precision.vector

    @property
    def scalar(self) -> str:
        """The type of a single number."""
        return self.precision.scalar

    @property
    def type(self) -> str:
        """The type of numbers at the present width."""
        return self.scalar if self.width == 1 else f"<{self.width} x {self.scalar}>"

    @property
    def suffix(self) -> str:
        """What LLVM's own functions are called by for numbers at the present width."""
        return self.precision.suffix if self.width == 1 else f"v{self.width}{self.precision.suffix}"

    @property
    def whole(self) -> str:
        """The type of whole numbers at the present width."""
        return "i64" if self.width == 1 else f"<{self.width} x i64>"

    @property
    def truth(self) -> str:
        """The type of conditions at the present width."""
        return "i1" if self.width == 1 else f"<{self.width} x i1>"

    @contextmanager
    def wide(self, width: int) -> Iterator[None]:
        """Inside, numbers have so many lanes."""
        before, self.width = self.width, width
        yield
        self.width = before

    def loop(
        self,
        start: Index,
        stop: Index,
        body: Callable[[Index, list[str]], Sequence[str] | None],
        carried: Sequence[str] = (),
    ) -> list[str]:
        """`body(index, carried)` for every index; what it returns is carried into the next round.

        A loop that turns at most once is written without one. An end that is only known when running must
        not be at or before the start.
        """
        if isinstance(start, int) and isinstance(stop, int) and stop - start <= 1:
            return list(body(start, list(carried)) or []) if stop > start else list(carried)
        self._count += 1
        number, before, kind = self._count, self._block, self.type
        self._lines += [f"br label %loop{number}", f"loop{number}:"]
        place = len(self._lines)
        self._block = f"loop{number}"
        names = [f"%carried{number}.{k}" for k in range(len(carried))]
        after = list(body(f"%i{number}", names) or [])
        phis = [f"%i{number} = phi i64 [{start}, %{before}], [%next{number}, %{self._block}]"]
        for name, first, later in zip(names, carried, after, strict=True):
            phis.append(f"{name} = phi {kind} [{first}, %{before}], [{later}, %{self._block}]")
        self._lines[place:place] = phis
        self._lines += [
            f"%next{number} = add nuw nsw i64 %i{number}, 1",
            f"%more{number} = icmp slt i64 %next{number}, {stop}",
            f"br i1 %more{number}, label %loop{number}, label %done{number}",
            f"done{number}:",
        ]
        self._block = f"done{number}"
        return after

    # ── Whole numbers ──────────────────────────────────────────────────────────────────────────────

    def plus(self, *numbers: Index) -> Index:
        """The sum of indices."""
        known = sum(number for number in numbers if isinstance(number, int))
        total = ""
        for number in numbers:
            if isinstance(number, str):
                total = self.let(f"add i64 {total}, {number}") if total else number
        if not total:
            return known
        return self.let(f"add i64 {total}, {known}") if known else total

    def times(self, number: Index, factor: int) -> Index:
        """An index times a known number."""
        if isinstance(number, int):
            return number * factor
        if factor in (0, 1):
            return number if factor else 0
        return self.let(f"mul i64 {number}, {factor}")

    def modulo(self, number: Index, divisor: int) -> Index:
        """The remainder of an index."""
        if isinstance(number, int):
            return number % divisor
        return 0 if divisor == 1 else self.let(f"urem i64 {number}, {divisor}")

    def entry(self, place: Index) -> str:
        """A whole number from the tables."""
        pointer = self.let(f"getelementptr inbounds i32, ptr %t, i64 {place}")
        return self.let(f"sext i32 {self.let(f'load i32, ptr {pointer}, align 4')} to i64")

    # ── Memory ─────────────────────────────────────────────────────────────────────────────────────

    def checked(self, region: Region, index: Index, count: int) -> Index:
        """The index, in checked mode after a test that so many numbers from there on are in the region."""
        if not self.module.checked:
            return index
        return self.let(f"call i64 @check(i64 {index}, i64 {count}, i64 {region.start}, i64 {region.stop})")

    def address(self, region: Region, index: Index, count: int) -> str:
        """The address of a number, of which so many will be read or written."""
        return self.let(
            f"getelementptr inbounds {self.scalar}, ptr %m, i64 {self.checked(region, index, count)}"
        )

    def load(self, region: Region, index: Index) -> str:
        """A vector."""
        where = self.address(region, index, self.width)
        return self.let(f"load {self.type}, ptr {where}, align {self.precision.size}")

    def load_live(self, region: Region, index: Index, live: int) -> str:
        """A vector of which only the first lanes are read; the others are 0."""
        if live >= self.width:
            return self.load(region, index)
        return self._load_where(self.address(region, index, live), self._first(live))

    def load_masked(self, index: Index, mask: str) -> str:
        """A vector of which only the lanes of a mask are read; the others are 0."""
        return self._load_where(self.let(f"getelementptr {self.scalar}, ptr %m, i64 {index}"), mask)

    def _load_where(self, where: str, mask: str) -> str:
        name = f"llvm.masked.load.{self.suffix}.p0"
        self.module.declare(f"{self.type} @{name}(ptr, i32, {self.truth}, {self.type})")
        given = f"ptr {where}, i32 {self.precision.size}, {self.truth} {mask}, {self.type} zeroinitializer"
        return self.let(f"call {self.type} @{name}({given})")

    def store(self, region: Region, index: Index, number: str, live: int = 0) -> None:
        """Store a vector, or its first lanes only."""
        size = self.precision.size
        if not live or live >= self.width:
            where = self.address(region, index, self.width)
            self.do(f"store {self.type} {number}, ptr {where}, align {size}")
            return
        name = f"llvm.masked.store.{self.suffix}.p0"
        self.module.declare(f"void @{name}({self.type}, ptr, i32, {self.truth})")
        given = f"ptr {self.address(region, index, live)}, i32 {size}, {self.truth} {self._first(live)}"
        self.do(f"call void @{name}({self.type} {number}, {given})")

    def load_one(self, region: Region, index: Index) -> str:
        """A single number."""
        where = self.address(region, index, 1)
        return self.let(f"load {self.scalar}, ptr {where}, align {self.precision.size}")

    def store_one(self, region: Region, index: Index, number: str) -> None:
        """Store a single number."""
        where = self.address(region, index, 1)
        self.do(f"store {self.scalar} {number}, ptr {where}, align {self.precision.size}")

    def gather(self, place: Index) -> str:
        """A vector of the numbers at the addresses that as many entries of the tables give."""
        name = f"llvm.masked.gather.{self.suffix}.v{self.width}p0"
        self.module.declare(f"{self.type} @{name}(<{self.width} x ptr>, i32, {self.truth}, {self.type})")
        entries, size = f"<{self.width} x i32>", self.precision.size
        table = self.let(f"getelementptr inbounds i32, ptr %t, i64 {place}")
        indices = self.let(f"load {entries}, ptr {table}, align 4")
        where = self.let(f"getelementptr inbounds {self.scalar}, ptr %m, {entries} {indices}")
        given = f"<{self.width} x ptr> {where}, i32 {size}, {self.truth} {self._first(self.width)}"
        return self.let(f"call {self.type} @{name}({given}, {self.type} poison)")

    def _first(self, live: int) -> str:
        return "<" + ", ".join(f"i1 {str(lane < live).lower()}" for lane in range(self.width)) + ">"

    # ── Numbers ────────────────────────────────────────────────────────────────────────────────────

    def number(self, number: float) -> str:
        """A constant."""
        text = _hexadecimal(number)
        return text if self.width == 1 else "<" + ", ".join([f"{self.scalar} {text}"] * self.width) + ">"

    def integer(self, number: int) -> str:
        """A whole constant."""
        return str(number) if self.width == 1 else "<" + ", ".join([f"i64 {number}"] * self.width) + ">"

    def splat(self, number: str) -> str:
        """A single number in all lanes."""
        return self._splat(number, self.scalar)

    def splat_index(self, index: Index) -> str:
        """An index in all lanes."""
        return self.integer(index) if isinstance(index, int) else self._splat(index, "i64")

    def _splat(self, one: str, kind: str) -> str:
        if self.width == 1:
            return one
        vector = f"<{self.width} x {kind}>"
        first = self.let(f"insertelement {vector} poison, {kind} {one}, i64 0")
        return self.let(
            f"shufflevector {vector} {first}, {vector} poison, <{self.width} x i32> zeroinitializer"
        )

    def binary(self, name: str, left: str, right: str) -> str:
        """fadd, fsub, fmul or fdiv; a product may melt into the sum that it is added to."""
        return self.let(f"{name} contract {self.type} {left}, {right}")

    def fma(self, left: str, right: str, more: str) -> str:
        """left × right + more, rounded once where the machine can."""
        return self.call("fmuladd", left, right, more)

    def call(self, name: str, *operands: str) -> str:
        """One of LLVM's own functions."""
        own = f"llvm.{name}.{self.suffix}"
        self.module.declare(f"{self.type} @{own}({', '.join([self.type] * len(operands))})")
        given = ", ".join(f"{self.type} {operand}" for operand in operands)
        return self.let(f"call contract {self.type} @{own}({given})")

    def library(self, name: str, *operands: str) -> str:
        """A function of the C library, lane by lane."""
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
        lanes = self.width
        while lanes > 1:
            half = lanes // 2
            kind, part = f"<{lanes} x {self.scalar}>", f"<{half} x i32>"
            low = ", ".join(f"i32 {lane}" for lane in range(half))
            high = ", ".join(f"i32 {lane + half}" for lane in range(half))
            first = self.let(f"shufflevector {kind} {number}, {kind} poison, {part} <{low}>")
            second = self.let(f"shufflevector {kind} {number}, {kind} poison, {part} <{high}>")
            number = self.let(f"fadd <{half} x {self.scalar}> {first}, {second}")
            lanes = half
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
