"""Kernels that work row by row: elementwise and reductions.

Where rows lie side by side, a kernel runs over all their numbers as if they were one long row: a vector or
two at a time, and the rest in narrower ones. (A masked vector would compute with numbers that nobody wants,
and 0 ÷ 0 among them would raise the flags.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine import ops
from engine.operation import Operation
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.functions import Formula
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Elementwise, Reduction
from engine.replay.recording import selection

__all__ = ["REDUCTIONS", "along", "elementwise", "reduction", "total_along"]

Body = Callable[[Index], None]


def along(text: Text, count: int, body: Body, *, vectors: int = 1) -> None:
    """`body(offset)` for vectors that together cover so many numbers in a row, the last of them narrower.

    As many vectors as there shall be are gone through at once.
    """
    done = 0
    narrower = [text.vector >> halvings for halvings in range(text.vector.bit_length())]
    narrower = [width for width in narrower if width >= text.precision.narrowest]
    for width in (vectors * text.vector, *narrower, 1):
        _along(text, width, done, count, body)
        done += (count - done) // width * width


def _along(text: Text, width: int, start: int, stop: int, body: Body) -> None:
    with text.wide(width):
        text.loop(0, (stop - start) // width, lambda k, _: body(text.plus(start, text.times(k, width))))


def total_along(text: Text, count: int, term: Callable[[Index], str]) -> str:
    """The sum of `term(offset)` for so many numbers in a row: four vectors of sums, so that none waits."""
    total, done = "0.0", 0
    for width in (4 * text.vector, text.vector, 1):
        with text.wide(width):

            def part(number: Index, so_far: list[str], start: int = done) -> list[str]:
                offset = text.plus(start, text.times(number, text.width))
                return [text.binary("fadd", so_far[0], term(offset))]

            turns = (count - done) // width
            for found in text.loop(0, turns, part, [text.number(0.0)]) if turns else ():
                total = text.let(f"fadd {text.scalar} {total}, {text.total(found)}")
        done += turns * width
    return total


def elementwise(text: Text, layout: Layout, instruction: Elementwise) -> None:
    """Out = expression: where all rows lie side by side as if they were one, else row by row.

    A row of one lane is the sum over those of the operands. A gradient begins for real samples only, not for
    those that fill the last block.
    """
    out, *operands = (layout.operand(rows) for rows in (instruction.out, *instruction.operands))
    alike = all(operand.is_solid and operand.width == out.width for operand in (out, *operands))
    if alike and not instruction.is_seed:
        out, *operands = (operand.as_one for operand in (out, *operands))
    lanes = max(operand.width for operand in (out, *operands))

    def value(row: Index, offset: Index) -> str:
        def argument(place: int) -> str:
            operand = operands[place]
            start = operand.at(text, row)
            if operand.width < lanes:
                return text.splat(text.load_one(operand.region, start))
            return text.load(operand.region, text.plus(start, offset))

        found = Formula(text, argument).value(instruction.expression)
        if not instruction.is_seed:
            return found
        return text.binary("fmul", found, text.load(layout.live, text.plus(layout.live.start, offset)))

    def row_of_lanes(row: Index, _: Any) -> None:
        def part(offset: Index) -> None:
            found, target = value(row, offset), text.plus(out.at(text, row), offset)
            text.store(out.region, target, found, accumulate=instruction.accumulate)

        along(text, lanes, part, vectors=2)  # so that a curve's operations seldom wait for one another

    def row_of_one(row: Index, _: Any) -> None:
        found = total_along(text, lanes, lambda offset: value(row, offset))
        with text.wide(1):
            text.store(out.region, out.at(text, row), found, accumulate=instruction.accumulate)

    text.loop(0, out.count, row_of_lanes if out.width == lanes else row_of_one)


def reduction(text: Text, layout: Layout, instruction: Reduction) -> None:
    """One of the table's operations on many operands, for all lanes at once."""
    out, operand = layout.operand(instruction.out), layout.operand(instruction.operand)
    terms, size = operand.count // out.count, out.count * out.width
    assert out.is_solid, "they are rolled so"  # noqa: S101
    assert operand.is_solid, "they are rolled so"  # noqa: S101

    def part(offset: Index) -> None:
        def term(number: Index) -> str:
            start = text.plus(operand.start, text.times(number, size))
            return text.load(operand.region, text.plus(start, offset))

        found = REDUCTIONS[instruction.operation](text, terms, term)
        text.store(out.region, text.plus(out.start, offset), found)

    along(text, size, part)


Term = Callable[[Index], str]


def _largest(text: Text, terms: int, term: Term, prepared: Callable[[str], str] = lambda x: x) -> str:
    def larger(number: Index, so_far: list[str]) -> list[str]:
        x = prepared(term(number))
        return [text.select(text.compare("ogt", x, so_far[0]), x, so_far[0])]

    return text.loop(1, terms, larger, [prepared(term(0))])[0]


def _beyond_one(text: Text, terms: int, term: Term) -> str:
    """What is 1 is counted, so that of a small rest no digit is lost."""
    zero, one = text.number(0.0), text.number(1.0)

    def add(number: Index, so_far: list[str]) -> list[str]:
        x = term(number)
        is_one = text.compare("oeq", x, one)
        count, rest = text.select(is_one, one, zero), text.select(is_one, zero, x)
        return [text.binary("fadd", so_far[0], count), text.binary("fadd", so_far[1], rest)]

    return text.binary("fadd", *text.loop(0, terms, add, [text.number(-1.0), zero]))


def _norm(text: Text, terms: int, term: Term) -> str:
    """Scaled by the largest, so that no square overflows."""
    zero, one = text.number(0.0), text.number(1.0)
    largest = _largest(text, terms, term, lambda x: text.call("fabs", x))
    is_scale = text.let(
        f"and {text.truth} {text.compare('ogt', largest, zero)}, "
        f"{text.compare('olt', largest, text.number(math.inf))}"
    )
    scale = text.select(is_scale, largest, one)

    def add(number: Index, so_far: list[str]) -> list[str]:
        x = text.binary("fdiv", term(number), scale)
        return [text.fma(x, x, so_far[0])]

    squares = text.loop(0, terms, add, [zero])[0]
    return text.binary("fmul", text.call("sqrt", squares), scale)


REDUCTIONS: dict[Operation, Callable[[Text, int, Term], str]] = {
    ops.norm: _norm,
    selection.BEYOND_ONE: _beyond_one,
    selection.LARGEST: _largest,
}
