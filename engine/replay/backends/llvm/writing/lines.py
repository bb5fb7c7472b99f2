"""Lines: a function in LLVM's language as it grows, its loops, and whole numbers.

Every method appends an instruction and returns the name of its result. Whole numbers that are known while
writing are plain ints and are folded here, for no optimizer runs behind: the text is the loops as meant.
Numbers are vectors of `width` lanes, or single ones where the width is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engine.replay.backends.llvm.writing.module import DOUBLE, Module
from engine.replay.backends.llvm.writing.symbolic import read_from_table

__all__ = ["PARAMETERS", "Index", "Lines"]

PARAMETERS = "ptr %m, ptr %t"  # of every instruction's function: the buffer of all numbers, the tables

Index = int | str  # a number known while writing, or the name of one that is known when running


class Lines:
    """The lines of one function; `%m` is the buffer of all numbers, `%t` the tables of whole numbers.

    One that `spills`, having more numbers at a time than there are registers, has a frame pointer: only then
    does LLVM align on the stack what is as wide as a line of the cache, and half of it would lie in two.
    """

    most_unrolled = 1  # turns of a loop that is written turn by turn

    def __init__(
        self,
        module: Module,
        name: str,
        parameters: str = PARAMETERS,
        returns: str = "void",
        *,
        spills: bool = False,
    ) -> None:
        self.module, self.name, self.precision = module, name, module.precision
        self.width = self.vector
        linkage = "" if returns != "void" else "internal "
        pointer = ' "frame-pointer"="all"' if spills else ""
        self._lines = [f"define {linkage}{returns} @{name}({parameters}){pointer} {{", "entry:"]
        self._block = "entry"
        self._pointers: dict[tuple[str, ...], str] = {}  # of a block, by what they point to
        self._count = 0

    def end(self, result: str = "void") -> None:
        """Close the function and enter it into its module."""
        self._lines += [f"ret {result}", "}"]
        function = "\n".join(self._lines)
        self.module.functions.append(read_from_table(function, self.module.place_of))

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
        """The type of whole numbers of as many bits, at the present width."""
        bits = 8 * self.precision.size
        return f"i{bits}" if self.width == 1 else f"<{self.width} x i{bits}>"

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

    @contextmanager
    def doubles(self) -> Iterator[None]:
        """Inside, numbers are doubles, whatever they are in the module; as many lanes as before."""
        before, self.precision = self.precision, DOUBLE
        yield
        self.precision = before

    def loop(
        self,
        start: Index,
        stop: Index,
        body: Callable[[Index, list[str]], Sequence[str] | None],
        carried: Sequence[str] = (),
    ) -> list[str]:
        """`body(index, carried)` for every index; what it returns is carried into the next round.

        A loop of at most `most_unrolled` turns is written turn by turn. An end that is only known when
        running must not be at or before the start.
        """
        if isinstance(start, int) and isinstance(stop, int) and stop - start <= self.most_unrolled:
            found = list(carried)
            for number in range(start, stop):
                found = list(body(number, found) or [])
            return found
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

    def when(self, condition: str, body: Callable[[], str | None], otherwise: str = "") -> str:
        """`body()`, where the condition holds; the number that it gives, or the other one."""
        self._count += 1
        number, before = self._count, self._block
        self._lines += [f"br i1 {condition}, label %when{number}, label %done{number}", f"when{number}:"]
        self._block = f"when{number}"
        found, inside = body(), self._block
        self._lines += [f"br label %done{number}", f"done{number}:"]
        self._block = f"done{number}"
        return self.let(f"phi {self.type} [{otherwise}, %{before}], [{found}, %{inside}]") if found else ""

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

    def minus(self, number: Index, other: Index) -> Index:
        """The difference of two indices."""
        if isinstance(number, int) and isinstance(other, int):
            return number - other
        return self.let(f"sub i64 {number}, {other}")

    def times(self, number: Index, factor: int) -> Index:
        """An index times a known number."""
        if isinstance(number, int):
            return number * factor
        if factor in (0, 1):
            return number if factor else 0
        return self.let(f"mul i64 {number}, {factor}")

    def least(self, number: Index, other: Index) -> Index:
        """The lesser of two indices."""
        if isinstance(number, int) and isinstance(other, int):
            return min(number, other)
        is_less = self.let(f"icmp slt i64 {number}, {other}")
        return self.let(f"select i1 {is_less}, i64 {number}, i64 {other}")

    def entry(self, place: Index) -> str:
        """A whole number from the tables."""
        pointer = self.let(f"getelementptr inbounds i32, ptr %t, i64 {place}")
        return self.let(f"sext i32 {self.let(f'load i32, ptr {pointer}, align 4')} to i64")
