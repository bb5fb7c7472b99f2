"""Layout: where every row of a program lies in one buffer, and the tables of what follows no rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from engine.frozen import frozen
from engine.replay.backends.llvm.long_rows import NOTHING_LONG, Long
from engine.replay.backends.llvm.plans import plans
from engine.replay.backends.llvm.writing.module import DOUBLE, Precision, Region
from engine.replay.backends.llvm.writing.symbolic import Symbolic
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import (
    Instruction,
    Program,
    Repeat,
    Rows,
    Space,
    SumOfProducts,
    every,
    grid,
    reads,
    rows_of,
)

__all__ = ["Frames", "Layout", "Operand", "Strided"]

FAR = 8  # rows: about as many trips as a loop has at least


@frozen
class Operand:
    """Rows as addresses: row i begins at start + i × stride, or where entry i of a table says.

    Rows may be those of members with equally many terms each: that of term j of member i begins by_term × j
    further on, or where entry i × terms + j says.
    """

    region: Region
    width: int  # numbers of a row: one for each lane, or one for all
    count: int
    start: int
    stride: int
    table: int = -1
    terms: int = 1
    by_term: int = 0

    def at(self, text: Text, row: Index, term: Index = 0) -> Index:
        """The address of a row's first number."""
        if self.table < 0:
            return text.plus(self.start, text.times(row, self.stride), text.times(term, self.by_term))
        return text.entry(text.plus(self.table, text.times(row, self.terms), term))

    def ones(self, text: Text, row: Index, count: int) -> list[str]:
        """The first numbers of so many rows, from one on."""
        if self.table < 0:
            first = self.at(text, row)
            return [text.load_one(self.region, first, number * self.stride) for number in range(count)]
        places = [self.at(text, text.plus(row, number)) for number in range(count)]
        return [text.load_one(self.region, place) for place in places]

    @property
    def is_solid(self) -> bool:
        """Whether the rows lie side by side."""
        return self.table < 0 and (self.stride == self.width or self.count == 1)

    @property
    def as_one(self) -> Operand:
        """What lies side by side as a single row."""
        return replace(self, width=self.count * self.width, count=1)


@frozen
class Strided:
    """Entry (i, j) at start + i × by_row + j × by_column of a region."""

    region: Region
    start: int
    by_row: int
    by_column: int

    def at(self, text: Text, row: Index, column: Index) -> Index:
        """The address of an entry."""
        return text.plus(self.start, text.times(row, self.by_row), text.times(column, self.by_column))


class Frames(NamedTuple):
    """Where the frames of a loop are, the size of one, and how much further on that of the next trip is.

    Behind the last is room for one more, which the carried values of the last trip enter. Where no way back
    reads them there is a single frame, in which all trips are run. Of straight-line code, the frames are what
    it keeps.
    """

    size: int
    whole: Region
    stride: int


class Layout:
    """The regions of all spaces for a number of lanes; tables grow while the program is written.

    They begin at multiples of a vector, and there is at least one between two of them: canaries, so that a
    write beyond a region is noticed. Where numbers are float32, what comes from outside and what is summed
    over all samples is there in float64 too: `doubles` are these regions, counted in doubles.

    Rows that follow the trips of a loop lie, with the frames, behind everything else, and so do not move it;
    their own addresses and numbers are symbolic.
    """

    def __init__(
        self,
        program: Program,
        lanes: int,
        precision: Precision = DOUBLE,
        long: Long = NOTHING_LONG,
    ) -> None:
        self.lanes, self.precision = lanes, precision
        self.regions: dict[Space, Region] = {}
        self.size = precision.vector
        self._long = long
        for space in Space:
            count = 0 if space is Space.FRAME else long.starts.get(space, program.sizes[space])
            self.regions[space] = self._reserve(count * self.width(space))
        self._origin = 0  # the row of FRAME with which the frame begins that we are in
        self.constants, self.plans = program.constants, plans(program)
        self.live, self.ones = self._reserve(lanes), self._reserve(2 * lanes)  # and as many zeros
        self.doubles = {} if precision == DOUBLE else self._doubles(program)
        self.coefficients = self._coefficients(program)
        self.long_regions: dict[Space, Region] = {}
        for space, first in long.starts.items():
            size = (program.sizes[space] - first) * self.width(space)
            self.long_regions[space] = self._reserve(Symbolic(size, f"size of {space.value}"))
        self.frames = self._frames(program)
        self._tables: dict[tuple[int, ...], int] = {}
        self._entries: list[int] = []

    def _reserve(self, count: int) -> Region:
        region = Region(self.size, self.size + count)
        vector = self.precision.vector
        self.size = (region.stop + 2 * vector - 1) // vector * vector
        return region

    def _frames(self, program: Program) -> dict[range, Frames]:
        """The frames of every loop, by their rows."""
        backs = {loop.frame for loop in program.backward if isinstance(loop, Repeat)}
        found: dict[range, Frames] = {}
        for loop in program.forward:
            if isinstance(loop, Repeat):
                plan = self.plans.get(loop.frame)
                size = (len(plan.kept) if plan else len(loop.frame)) * self.lanes
                stride = size if loop.frame in backs else 0
                whole = self._reserve(size + loop.trips * stride)
                found[loop.frame] = Frames(size, whole, stride)
        return found

    def inside(self, loop: Repeat, base: str) -> Layout:
        """The same for what is inside of a loop, whose frame begins at `base`."""
        found = copy(self)
        found.regions = {**self.regions, Space.FRAME: Region(0, self.frames[loop.frame].size, base)}
        found._origin = loop.frame.start
        return found

    def _doubles(self, program: Program) -> dict[Space, Region]:
        ratio, found = DOUBLE.size // self.precision.size, {}
        for space in (Space.WEIGHT, Space.GRADIENT, Space.SHARED_ADJOINT):
            start = self._reserve(ratio * program.sizes[space]).start // ratio
            found[space] = Region(start, start + program.sizes[space])
        return found

    def _coefficients(self, program: Program) -> dict[tuple[float, ...], Region]:
        """A place for lists of coefficients that are not all the same; those last that follow the trips."""
        found: dict[tuple[float, ...], Region] = {}
        for instruction in sorted(
            (each for _, part in program.parts() for each in every(part)), key=self.is_long
        ):
            if isinstance(instruction, SumOfProducts) and len(set(instruction.coefficients)) > 1:
                key = instruction.coefficients
                found[key] = found.get(key) or self._reserve(self.count(instruction.left))
        return found

    def width(self, space: Space) -> int:
        """How many numbers a row of this space has."""
        return self.lanes if space.wide else 1

    def address(self, space: Space, row: int) -> int:
        """Where a row begins."""
        if self._is_long(space, row):
            start = self.long_regions[space].start
            distance = (row - self._long.starts[space]) * self.width(space)
            return Symbolic(start + distance, f"{space.value}{row}")
        first = self._origin if space is Space.FRAME else 0
        return self.regions[space].start + (row - first) * self.width(space)

    def region(self, rows: Rows) -> Region:
        """Where some rows are, which all follow the trips of a loop, or none of them does."""
        is_long = len(rows) > 0 and self._is_long(rows.space, rows.places[0])
        return (self.long_regions if is_long else self.regions)[rows.space]

    def is_long(self, instruction: Instruction) -> bool:
        """Whether it works on more rows in a longer sequence, beside the loop."""
        if isinstance(instruction, Repeat):
            return False
        return any(map(self._long.counts_trips, (*reads(instruction), rows_of(instruction.out))))

    def _is_long(self, space: Space, row: int) -> bool:
        return space in self.long_regions and row >= self._long.starts[space]

    def parts(self, space: Space) -> list[Region]:
        """Where all rows of a space are, in their order."""
        return [regions[space] for regions in (self.regions, self.long_regions) if space in regions]

    def operand(self, rows: Rows) -> Operand:
        """The rows as addresses."""
        places, width = rows.places, self.width(rows.space)
        stride = self.stride(rows, places.step) if isinstance(places, range) else 0
        table = -1
        if not isinstance(places, range) and len(places) > 1:
            table = self.table(self.address(*row) for row in rows)
        start = self.address(rows.space, places[0])
        return Operand(self.region(rows), width, self.count(rows), start, stride, table)

    def count(self, *alike: Rows) -> int:
        """How many rows each of these are."""
        count = len(alike[0])
        return Symbolic(count, f"{count} rows") if any(map(self._long.counts_trips, alike)) else count

    def grid(self, rows: Rows, members: int, terms: int) -> Operand:
        """The rows as addresses of members × terms."""
        rule = grid(rows.places, members, terms)
        if rule is None:
            return replace(self.operand(rows), terms=terms)
        region, width, start = self.region(rows), self.width(rows.space), self.address(rows.space, rule[0])
        by_member, by_term = (self.stride(rows, step) for step in rule[1:])
        return Operand(region, width, len(rows), start, by_member, terms=terms, by_term=by_term)

    def stride(self, rows: Rows, step: int) -> int:
        """How far rows are apart, of which so many others may be between one and the next.

        That follows the trips where they belong to two things of the same length.
        """
        stride = step * self.width(rows.space)
        is_far = abs(step) >= FAR and self._is_long(rows.space, rows.places[0])
        return Symbolic(stride, f"{step} rows of {self.width(rows.space)}") if is_far else stride

    def table(self, numbers: Iterable[int]) -> int:
        """Where these whole numbers stand in the tables; equal lists stand there once."""
        key = tuple(numbers)
        if key not in self._tables:
            place = len(self._entries)
            self._tables[key] = Symbolic(place, f"table{place}") if self.long_regions else place
            self._entries += key
        return self._tables[key]

    def tables(self, symbolic: Iterable[int]) -> np.ndarray:
        """All tables, one behind the other; symbolic numbers stand before them, the first one last."""
        numbers = np.array([*symbolic][::-1], dtype=np.int64).view(np.int32)
        entries = np.array([*self._entries, *[0] * self.precision.vector], dtype=np.int32)
        return np.concatenate([numbers, entries])[len(numbers) :]

    def spans(self) -> Sequence[Region]:
        """All regions, in order; what lies between them is nobody's."""
        ratio = DOUBLE.size // self.precision.size
        doubles = [Region(ratio * start, ratio * stop) for start, stop, _ in self.doubles.values()]
        frames = [frames.whole for frames in self.frames.values()]
        others = [self.live, self.ones, *doubles, *self.coefficients.values()]
        return [*self.regions.values(), *others, *self.long_regions.values(), *frames]
