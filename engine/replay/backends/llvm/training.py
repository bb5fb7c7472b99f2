"""Training as text: many steps in one call; each is the gradient of a batch, and the rule for all numbers.

`train` takes the address of a list: ENTRIES, and an address for each column that the rule remembers. For
every step it calls the program's `gradients`, with a list that it moves on by `further` from step to step,
and then `move`, which moves the weights. Where `gradients` raises flags it stops, before that; it returns
how many steps are done.

The numbers are those that NumPy computes, for nothing is contracted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.replay.backends.llvm.batch import HEAD
from engine.replay.backends.llvm.kernels.rows import along, total_along
from engine.replay.backends.llvm.writing.functions import Formula
from engine.replay.backends.llvm.writing.module import Module, Region, loads
from engine.replay.backends.llvm.writing.text import Exact, Index
from engine.replay.program.rule import FACTOR, GRADIENT, Rule

__all__ = ["write_training"]

ENTRIES = (
    *("ptr gradients", "ptr list", "ptr further", "i64 length", "i64 steps", "i64 last"),
    *("ptr weights", "ptr gradient", "ptr table"),
)
SAMPLES = HEAD.index("i64 samples")  # in the list of `gradients`


def write_training(module: Module, rule: Rule, parameters: int) -> None:
    """Write `train`, and `move`, which it calls, for a rule and so many parameters."""
    writer = _Writer(module, rule, parameters)
    writer.write_move()
    writer.write_loop()


class _Writer:
    """Writes `move`, which moves all weights, and what is remembered of them, or returns 1; and `train`.

    The gradient that `move` is given is a sum over samples; the first scalar is the share of one.
    """

    def __init__(self, module: Module, rule: Rule, parameters: int) -> None:
        self.module, self.rule, self.parameters = module, rule, parameters
        self.pointers = ["%weights", *(f"%memory{place}" for place in range(len(rule.updated) - 1))]
        self.given = ", ".join(f"ptr {each}" for each in (*self.pointers, "%gradient", "%scalars"))

    def write_move(self) -> None:
        """Write the rule, the length of the gradient where it is wanted, and `move`."""
        self._write_rule()
        text, longest = Exact(self.module, "move", self.given, "i32"), self.rule.longest
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
        text = Exact(self.module, "rule", f"{self.given}, double %factor")
        scalars = self._scalars(text)

        def part(offset: Index) -> None:
            formula = self._formula(text, offset, scalars)
            found = [formula.value(each) for each in self.rule.updated]
            for pointer, number in zip(self.pointers, found, strict=True):
                text.store(self._column(pointer), offset, number)

        along(text, self.parameters, part, vectors=2)  # so that one of two roots is multiplied
        text.end()

    def _write_length(self) -> None:
        """The length of the gradients as one vector."""
        text = Exact(self.module, "length", self.given, "double")
        scalars = self._scalars(text)

        def square(offset: Index) -> str:
            gradient = self._formula(text, offset, scalars).value(self.rule.measured)
            return text.binary("fmul", gradient, gradient)

        total = total_along(text, self.parameters, square)
        with text.wide(1):
            text.end(f"double {text.call('sqrt', total)}")

    def _scalars(self, text: Exact) -> list[str]:
        scalars = Region(0, 1 + self.rule.width, "%scalars")
        return [text.load_one(scalars, place) for place in range(1 + self.rule.width)]

    def _formula(self, text: Exact, offset: Index, scalars: Sequence[str]) -> Formula:
        """Computes expressions for the parameters from an offset on."""

        def load(pointer: str) -> str:
            return text.load(self._column(pointer), offset)

        def argument(number: int) -> str:
            if number == FACTOR.number:
                return text.splat("%factor")
            if number == GRADIENT.number:
                return text.binary("fmul", load("%gradient"), text.splat(scalars[0]))
            if number <= len(self.pointers):
                return load(self.pointers[max(0, number - 1)])
            return text.splat(scalars[number - len(self.pointers)])

        return Formula(text, argument)

    def _column(self, pointer: str) -> Region:
        """The numbers of all parameters."""
        return Region(0, self.parameters, pointer)

    def write_loop(self) -> None:
        """Step after step; this loop can be left in its middle, so it is written out."""
        entries = loads("a", (*ENTRIES, *(f"ptr {each[1:]}" for each in self.pointers[1:])))
        self.module.functions.append(
            f"define i64 @train(ptr %a) {{\nentry:\n{entries}"
            + _LOOP.format(samples=SAMPLES, width=1 + self.rule.width, given=self.given)
        )


_LOOP = """
%samples.at = getelementptr i64, ptr %list, i64 {samples}
%final = sub i64 %steps, 1
br label %step
step:
%number = phi i64 [0, %entry], [%next, %moved]
%is_final = icmp eq i64 %number, %final
%full = load i64, ptr %samples.at
%samples = select i1 %is_final, i64 %last, i64 %full
store i64 %samples, ptr %samples.at
%row = mul i64 %number, {width}
%scalars = getelementptr double, ptr %table, i64 %row
%raised = call i32 %gradients(ptr %list)
%is_bad = icmp ne i32 %raised, 0
br i1 %is_bad, label %end, label %good
good:
%left = call i32 @move({given})
%is_left = icmp ne i32 %left, 0
br i1 %is_left, label %end, label %further.on
further.on:
%place = phi i64 [0, %good], [%place.next, %further.on]
%entry.at = getelementptr i64, ptr %list, i64 %place
%more.at = getelementptr i64, ptr %further, i64 %place
%entry.now = load i64, ptr %entry.at
%more = load i64, ptr %more.at
%entry.next = add i64 %entry.now, %more
store i64 %entry.next, ptr %entry.at
%place.next = add i64 %place, 1
%is_entry = icmp slt i64 %place.next, %length
br i1 %is_entry, label %further.on, label %moved
moved:
%next = add i64 %number, 1
%is_more = icmp slt i64 %next, %steps
br i1 %is_more, label %step, label %end
end:
%done = phi i64 [%number, %step], [%number, %good], [%next, %moved]
ret i64 %done
}}"""
