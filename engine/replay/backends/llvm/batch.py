"""Batch: how machine code reads the user's samples and writes the results, block by block.

What is called from outside takes the address of a list of whole numbers: `listed` makes it, `begin` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.module import Region, loads
from engine.replay.backends.llvm.writing.symbolic import Symbolic
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Program, Rows, Space

__all__ = ["begin", "listed", "load_samples", "mark_live", "places_of_memories", "store_results"]

# The list: what it begins with, and what it has of each argument, whose names end with the argument's number.
HEAD = ("ptr m", "ptr t", "ptr results", "i64 distance", "i64 room", "i64 samples")
ARGUMENT = ("ptr source", "i64 distance", "i64 count", "ptr order")
TILE = 8  # samples by numbers that are transposed at once


def listed(
    memory: int,
    tables: int,
    results: tuple[int, int, int],
    samples: int,
    arguments: Sequence[tuple[int, int, int, int]],
) -> list[int]:
    """What a call is told: addresses of the memory and the tables, results, samples, arguments.

    `results` are an address, how far one row of results is from the next, and how many numbers there is room
    for; an argument is an address, how many numbers one sample is from the next, how many there are, and
    where the places of the samples stand that are read.
    """
    numbers = [number for argument in arguments for number in argument]
    return [memory, tables, *results, samples, *numbers]


def places_of_memories(arguments: int) -> list[int]:
    """Where in the list the addresses of the results and of so many arguments stand.

    >>> places_of_memories(2)
    [2, 6, 10]
    """
    return [HEAD.index("ptr results"), *(len(HEAD) + len(ARGUMENT) * number for number in range(arguments))]


def begin(text: Text) -> None:
    """Give names to the head of the list."""
    text.do(loads("a", HEAD))


def load_samples(text: Text, layout: Layout, program: Program, widths: Sequence[int], start: Index) -> None:
    """Copy the samples of a block into the first rows of VALUE: a sample's numbers become a lane."""
    firsts = [0, *accumulate(widths)]
    for argument, (first, width) in enumerate(zip(firsts, widths, strict=False)):
        wanted = [
            (row, number - first)
            for row, number in enumerate(program.inputs)
            if first <= number < first + width
        ]
        if wanted:
            _load_argument(text, layout, start, argument, wanted)


def _load_argument(
    text: Text, layout: Layout, start: Index, argument: int, wanted: Sequence[tuple[int, int]]
) -> None:
    """Copy those numbers of an argument that are wanted: pairs of a row and the place in a sample."""
    fields = [f"{field}{argument}" for field in ARGUMENT]
    text.do(loads("a", fields, len(HEAD) + len(ARGUMENT) * argument))
    source = Region(0, f"%count{argument}", f"%source{argument}")
    rows = layout.operand(Rows.of(Space.VALUE, [row for row, _ in wanted]))
    columns = [column for _, column in wanted]
    first = Symbolic(columns[0], f"column {columns[0]}") if layout.long_regions and columns[0] else columns[0]
    is_run = rows.table < 0 and columns == list(range(columns[0], columns[0] + len(columns)))
    table = -1 if is_run else layout.table(columns)
    last = text.let("sub i64 %samples, 1")

    def sample(number: Index) -> str:
        """Where a sample begins: the last one, for lanes behind it."""
        pointer = text.let(
            f"getelementptr inbounds i64, ptr %order{argument}, i64 {text.least(number, last)}"
        )
        return text.let(f"mul i64 {text.let(f'load i64, ptr {pointer}')}, %distance{argument}")

    def load(sample: str, which: Index) -> str:
        column = text.plus(which, first) if is_run else text.entry(text.plus(table, which))
        return text.load(source, text.plus(sample, column))

    def group(which: Index, _: list[str]) -> None:
        """Squares side by side: samples by numbers are transposed into numbers by lanes."""
        lane = text.times(which, size)
        number = text.plus(start, lane)
        samples = [sample(text.plus(number, k)) for k in range(size)]

        def tile(which: Index, _: list[str]) -> None:
            column = text.least(text.times(which, size), rows.count - size)  # the last two may overlap
            with text.doubles():
                transposed = text.transpose([load(each, column) for each in samples])
            target = text.plus(rows.at(text, column), lane)
            for k, line in enumerate(transposed):
                text.store(rows.region, target, text.rounded(line), offset=k * rows.stride)

        text.loop(0, (rows.count + size - 1) // size, tile)

    size = 1
    while is_run and layout.lanes > 1 and size < TILE and 2 * size <= rows.count:
        size *= 2
    with text.wide(size):
        text.loop(0, layout.lanes // size, group)


def mark_live(text: Text, layout: Layout, start: Index) -> None:
    """Write 1 for the lanes that hold a sample of their own, 0 for the others."""
    lanes, live, ones = layout.lanes, layout.live, layout.ones
    first = text.plus(ones.start, text.minus(lanes, _own(text, layout, start)))
    text.copy(text.address(live, live.start, lanes), text.address(ones, first, lanes), lanes)


def _own(text: Text, layout: Layout, start: Index) -> Index:
    """How many lanes hold a sample of their own."""
    return text.least(text.minus("%samples", start), layout.lanes)


def store_results(text: Text, layout: Layout, program: Program, start: Index, count: int) -> None:
    """Copy the first rows of the results to where the caller wants them."""
    rows = layout.operand(program.outputs)
    number = _own(text, layout, start)

    def row(which: Index, _: list[str]) -> None:
        place = text.plus(text.let(f"mul i64 %distance, {which}"), start)
        target = text.address(Region(0, "%room", "%results"), place, number)
        source = text.address(rows.region, rows.at(text, which), layout.lanes)
        text.copy(target, source, number)

    text.loop(0, count, row)
