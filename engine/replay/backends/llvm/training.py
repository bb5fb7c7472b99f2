"""Training as text: many steps in one call; each is a batch, its gradient, and the rule for all numbers.

`train` takes the address of a list: ENTRIES, an address for each column that the rule remembers, and
PER_COLUMN numbers for each column of the samples. For every step it copies the samples whose turn it is to
where the program's `gradients` reads them, calls that, and then `move`, which moves the weights. Where
`gradients` raises flags it stops, before that. It returns how many steps are done.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.replay.backends.llvm.batch import HEAD
from engine.replay.backends.llvm.kernels.rows import along
from engine.replay.backends.llvm.writing.functions import Formula
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.backends.llvm.writing.text import Exact, Index, Text
from engine.replay.program.rule import FACTOR, GRADIENT, Rule

__all__ = ["ENTRIES", "PER_COLUMN", "SAMPLES", "write_training"]

ENTRIES = (
    *("ptr %gradients", "ptr %lists", "i64 %length", "i64 %steps", "i64 %size", "ptr %order"),
    *("ptr %weights", "ptr %gradient", "ptr %scalars", "i64 %columns"),
)
PER_COLUMN = 4  # the address, the numbers of a sample, how many samples there are, and where to copy some
SAMPLES = HEAD.index("i64 %samples")  # in the list of `gradients`, of which there is one for each step


class _Exact(Exact):
    """Numbers as NumPy computes them."""

    def at(self, pointer: str, place: Index, count: int, limit: int) -> str:
        """The address of a number in an array; in checked mode after a test that so many are there."""
        if self.module.checked:
            place = self.let(f"call i64 @check(i64 {place}, i64 {count}, i64 0, i64 {limit})")
        return self.let(f"getelementptr double, ptr {pointer}, i64 {place}")


def write_training(module: Module, rule: Rule, parameters: int) -> None:
    """Write `train`, and what it calls, for a rule and so many parameters."""
    memory = [f"%memory{place}" for place in range(len(rule.updated) - 1)]
    _write_gather(module)
    _Writer(module, rule, parameters, memory).write()
    _write_loop(module, 1 + rule.width, memory)


class _Writer:
    """Writes `move`, which moves all weights, and what is remembered of them, or returns 1.

    The gradient that it is given is a sum over samples; the first scalar is the share of one.
    """

    def __init__(self, module: Module, rule: Rule, parameters: int, memory: Sequence[str]) -> None:
        self.module, self.rule, self.parameters = module, rule, parameters
        self.pointers = ["%weights", *memory]
        self.given = ", ".join(f"ptr {each}" for each in (*self.pointers, "%gradient", "%scalars"))

    def write(self) -> None:
        """Write the rule, the length of the gradient where it is wanted, and `move`."""
        self._write_rule()
        text, longest = _Exact(self.module, "move", self.given, "i32"), self.rule.longest
        if longest is None:
            text.do(f"call void @rule({self.given}, double 1.0)")
            text.end("i32 0")
            return
        self._write_length()
        length = text.let(f"call double @length({self.given})")
        with text.wide(1):
            most = text.number(longest)
            is_finite = text.compare("olt", length, text.number(math.inf))
            is_long = text.compare("ogt", length, most)
            factor = text.select(is_long, text.binary("fdiv", most, length), text.number(1.0))
        text.when(is_finite, lambda: text.do(f"call void @rule({self.given}, double {factor})"))
        text.end(f"i32 {text.let(f'select i1 {is_finite}, i32 0, i32 1')}")

    def _write_rule(self) -> None:
        """Move everything, gradients being shortened by a factor."""
        text = _Exact(self.module, "rule", f"{self.given}, double %factor")
        scalars = self._scalars(text)

        def part(offset: Index) -> None:
            formula = self._formula(text, offset, scalars)
            found = [formula.value(each) for each in self.rule.updated]
            for pointer, number in zip(self.pointers, found, strict=True):
                place = text.at(pointer, offset, text.width, self.parameters)
                text.do(f"store {text.type} {number}, ptr {place}, align 8")

        along(text, self.parameters, part)
        text.end()

    def _write_length(self) -> None:
        """The length of the gradients as one vector, by four sums of squares side by side."""
        text, start, total = _Exact(self.module, "length", self.given, "double"), 0, "0.0"
        scalars = self._scalars(text)
        for width, sums in ((text.vector, 4), (text.vector, 1), (1, 1)):
            count = (self.parameters - start) // (width * sums)
            with text.wide(width):

                def part(number: Index, so_far: list[str], start: int = start) -> list[str]:
                    first = text.plus(start, text.times(number, text.width * len(so_far)))
                    found = []
                    for place, before in enumerate(so_far):
                        formula = self._formula(text, text.plus(first, text.width * place), scalars)
                        gradient = formula.value(self.rule.measured)
                        found.append(text.binary("fadd", before, text.binary("fmul", gradient, gradient)))
                    return found

                for each in text.loop(0, count, part, [text.number(0.0)] * sums) if count else ():
                    total = text.let(f"fadd double {total}, {text.total(each)}")
            start += count * width * sums
        with text.wide(1):
            text.end(f"double {text.call('sqrt', total)}")

    def _scalars(self, text: _Exact) -> list[str]:
        """The numbers of the step, the first of which is the share of a sample."""
        width = 1 + self.rule.width
        places = [text.at("%scalars", place, 1, width) for place in range(width)]
        return [text.let(f"load double, ptr {place}, align 8") for place in places]

    def _formula(self, text: _Exact, offset: Index, scalars: Sequence[str]) -> Formula:
        """Computes expressions for the parameters from an offset on."""

        def load(pointer: str) -> str:
            place = text.at(pointer, offset, text.width, self.parameters)
            return text.let(f"load {text.type}, ptr {place}, align 8")

        def argument(number: int) -> str:
            if number == FACTOR.number:
                return text.splat("%factor")
            if number == GRADIENT.number:
                return text.binary("fmul", load("%gradient"), text.splat(scalars[0]))
            if number <= len(self.pointers):
                return load(self.pointers[max(0, number - 1)])
            return text.splat(scalars[number - len(self.pointers)])

        return Formula(text, argument)


def _write_gather(module: Module) -> None:
    """Copy the samples at so many places of the order, of every column that is read in that order."""
    module.declare("void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
    text = Text(module, "gather", "ptr %columns, i64 %count, ptr %order, i64 %samples")

    def column(number: Index, _: list[str]) -> None:
        first = text.times(number, PER_COLUMN)
        places = [text.plus(first, place) for place in range(PER_COLUMN)]
        entry = [text.let(f"getelementptr i64, ptr %columns, i64 {place}") for place in places]
        source, buffer = (text.let(f"load ptr, ptr {entry[place]}") for place in (0, 3))
        width, rows = (text.let(f"load i64, ptr {entry[place]}") for place in (1, 2))
        size = text.let(f"shl i64 {width}, 3")

        def sample(place: Index, _: list[str]) -> None:
            pointer = text.let(f"getelementptr i64, ptr %order, i64 {place}")
            row: Index = text.let(f"load i64, ptr {pointer}")
            if module.checked:
                row = text.let(f"call i64 @check(i64 {row}, i64 1, i64 0, i64 {rows})")
            start, target = (text.let(f"mul i64 {which}, {size}") for which in (row, place))
            taken = text.let(f"getelementptr i8, ptr {source}, i64 {start}")
            given = text.let(f"getelementptr i8, ptr {buffer}, i64 {target}")
            text.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {given}, ptr {taken}, i64 {size}, i1 false)")

        text.loop(0, "%samples", sample)

    def columns() -> None:
        text.loop(0, "%count", column)

    text.when(text.let("icmp sgt i64 %count, 0"), columns)
    text.end()


def _write_loop(module: Module, width: int, memory: list[str]) -> None:
    """Step after step; this loop can be left in its middle, so it is written out."""
    entries = [*ENTRIES, *(f"ptr {each}" for each in memory)]
    lines = []
    for place, entry in enumerate(entries):
        kind, name = entry.split()
        lines += [
            f"{name}.at = getelementptr i64, ptr %a, i64 {place}",
            f"{name} = load {kind}, ptr {name}.at",
        ]
    moved = ", ".join(f"ptr {each}" for each in ("%weights", *memory, "%gradient", "%scalars.now"))
    module.functions.append(
        "\n".join(["define i64 @train(ptr %a) {", "entry:", *lines])
        + _LOOP.format(rest=len(entries), samples=SAMPLES, width=width, moved=moved)
    )


_LOOP = """
%sources = getelementptr i64, ptr %a, i64 {rest}
br label %step
step:
%number = phi i64 [0, %entry], [%next, %moved]
%entry.now = mul i64 %number, %length
%list = getelementptr i64, ptr %lists, i64 %entry.now
%samples.at = getelementptr i64, ptr %list, i64 {samples}
%samples = load i64, ptr %samples.at
%first = mul i64 %number, %size
%order.now = getelementptr i64, ptr %order, i64 %first
call void @gather(ptr %sources, i64 %columns, ptr %order.now, i64 %samples)
%raised = call i32 %gradients(ptr %list)
%is_bad = icmp ne i32 %raised, 0
br i1 %is_bad, label %end, label %good
good:
%row = mul i64 %number, {width}
%scalars.now = getelementptr double, ptr %scalars, i64 %row
%left = call i32 @move({moved})
%is_left = icmp ne i32 %left, 0
br i1 %is_left, label %end, label %moved
moved:
%next = add i64 %number, 1
%is_more = icmp slt i64 %next, %steps
br i1 %is_more, label %step, label %end
end:
%done = phi i64 [%number, %step], [%number, %good], [%next, %moved]
ret i64 %done
}}"""
