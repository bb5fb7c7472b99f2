"""Rules: what a step of training makes of weights, and of what it remembers of them.

The numbers are those that NumPy computes, for nothing is contracted: a formula has the same bits wherever it
is written, alone or between the terms of a product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from engine.replay.backends.llvm.kernels.rows import total_along
from engine.replay.backends.llvm.writing.functions import Formula
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.backends.llvm.writing.text import Exact, Index
from engine.replay.program.expression import Choose, every_part
from engine.replay.program.rule import FACTOR, GRADIENT, Rule

__all__ = ["ZERO", "ZEROS", "Mover"]

ZERO = "%zero"  # where the gradients times 0 are added up: all 0 as long as they are finite
ZEROS = 8  # numbers there: a vector


class _Exact(Exact):
    """Numbers as NumPy computes them."""

    def at(self, pointer: str, place: Index, count: int, limit: int) -> str:
        """The address of a number in an array; in checked mode after a test that so many are there."""
        if self.module.checked:
            place = self.let(f"call i64 @check(i64 {place}, i64 {count}, i64 0, i64 {limit})")
        return self.let(f"getelementptr double, ptr {pointer}, i64 {place}")


class Mover:
    """Writes functions that move weights, and what is remembered of them, as a rule says.

    All are `given` the addresses of these, of the gradient, which is a sum over samples, of the scalars of
    the step, the first of which is the share of a sample, and ZERO.
    """

    def __init__(self, module: Module, rule: Rule, parameters: int) -> None:
        self.module, self.rule, self.parameters = module, rule, parameters
        self.pointers = ["%weights", *(f"%memory{place}" for place in range(len(rule.updated) - 1))]
        self.given = ", ".join(f"ptr {each}" for each in (*self.pointers, "%gradient", "%scalars", ZERO))

    @property
    def is_plain(self) -> bool:
        """Whether every number is moved by itself, and nothing is computed that is not used."""
        chosen = [part for each in self.rule.updated for part in every_part(each) if isinstance(part, Choose)]
        return self.rule.longest is None and not chosen

    def text(self, name: str, parameters: str = "", returns: str = "void") -> _Exact:
        """A function that begins; without parameters of its own it has what is given."""
        return _Exact(self.module, name, parameters or self.given, returns)

    def part(self, text: _Exact) -> Callable[[Index], None]:
        """What moves as many numbers as text is wide, from an offset on; made where the function begins."""
        scalars = self._scalars(text)

        def part(offset: Index) -> None:
            formula = self._formula(text, offset, scalars)
            found = [formula.value(each) for each in self.rule.updated]
            for pointer, number in zip(self.pointers, found, strict=True):
                place = text.at(pointer, offset, text.width, self.parameters)
                text.do(f"store {text.type} {number}, ptr {place}, align 8")
            zero = text.let(f"load {text.type}, ptr {ZERO}, align 8")
            zero = text.fma(formula.value(GRADIENT), text.number(0.0), zero)
            text.do(f"store {text.type} {zero}, ptr {ZERO}, align 8")

        return part

    def _write_rule(self) -> None:
        """`rule` moves so many vectors from a place on, and then single numbers with steps between them."""
        own = "double %factor, i64 %first, i64 %vectors, i64 %singles, i64 %step"
        text = self.text("rule", f"{self.given}, {own}")
        part = self.part(text)

        def many(first: Index, count: str, step: str) -> None:
            """Where there are any."""

            def one(number: Index, _: object) -> None:
                part(text.plus(first, text.let(f"mul i64 {number}, {step}")))

            def loop() -> None:
                text.loop(0, count, one)

            text.when(text.let(f"icmp sgt i64 {count}, 0"), loop)

        many("%first", "%vectors", str(text.width))
        behind = text.plus("%first", text.times("%vectors", text.width))
        with text.wide(1):
            many(behind, "%singles", "%step")
        text.end()

    def _call_rule(self, text: _Exact, places: range, factor: str = "1.0") -> None:
        vectors = len(places) // text.vector if places.step == 1 else 0
        singles = len(places) - vectors * text.vector
        own = f"i64 {places.start}, i64 {vectors}, i64 {singles}, i64 {places.step}"
        text.do(f"call void @rule({self.given}, double {factor}, {own})")

    def _is_bad(self, text: _Exact) -> str:
        """1 where a gradient was not finite."""
        zero = text.total(text.let(f"load {text.type}, ptr {ZERO}, align 8"))
        return text.let(f"zext i1 {text.let(f'fcmp uno double {zero}, {zero}')} to i32")

    def write_rest(self, rest: Sequence[range]) -> None:
        """`rest` moves the numbers at these places; it returns 1 where a gradient of any was not finite."""
        text = self.text("rest", returns="i32")
        for places in rest:
            self._call_rule(text, places)
        text.end(f"i32 {self._is_bad(text)}")

    def write_move(self) -> None:
        """`move` moves everything; it returns 1 where a gradient was not finite."""
        self._write_rule()
        longest, everything = self.rule.longest, range(self.parameters)
        if longest is not None:
            self._write_length()
        text = self.text("move", returns="i32")
        if longest is None:
            self._call_rule(text, everything)
            text.end(f"i32 {self._is_bad(text)}")
            return
        length = text.let(f"call double @length({self.given})")
        with text.wide(1):
            most = text.number(longest)
            is_finite = text.compare("olt", length, text.number(math.inf))
            is_long = text.compare("ogt", length, most)
            factor = text.select(is_long, text.binary("fdiv", most, length), text.number(1.0))
        text.when(is_finite, lambda: self._call_rule(text, everything, factor))
        text.end(f"i32 {text.let(f'select i1 {is_finite}, i32 0, i32 1')}")

    def _write_length(self) -> None:
        """The length of the gradients as one vector."""
        text = self.text("length", returns="double")
        scalars = self._scalars(text)

        def square(offset: Index) -> str:
            gradient = self._formula(text, offset, scalars).value(self.rule.measured)
            return text.binary("fmul", gradient, gradient)

        total = total_along(text, self.parameters, square)
        with text.wide(1):
            text.end(f"double {text.call('sqrt', total)}")

    def _scalars(self, text: _Exact) -> list[str]:
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
