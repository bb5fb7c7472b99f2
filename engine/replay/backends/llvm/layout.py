"""Layout: where every row of a program lies in one buffer, and the tables of what follows no rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from engine.replay.backends.llvm.plans import plans
from engine.replay.backends.llvm.writing.module import DOUBLE, Precision, Region
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Program, Repeat, Rows, Space, SumOfProducts, every, grid

__all__ = ["Frames", "Grid", "Layout", "Operand", "Strided"]


@dataclass(frozen=True)
class Operand:
    """Rows as addresses: row i begins at start + i × stride, or where entry i of a table says."""

    region: Region
    width: int  # numbers of a row: one for each lane, or one for all
    count: int
    start: int
    stride: int
    table: int = -1

    def at(self, text: Text, row: Index) -> Index:
        """The address of a row's first number."""
        if self.table < 0:
            return text.plus(self.start, text.times(row, self.stride))
        return text.entry(text.plus(self.table, row))

    @property
    def is_solid(self) -> bool:
        """Whether the rows lie side by side."""
        return self.table < 0 and (self.stride == self.width or self.count == 1)

    @property
    def is_single(self) -> bool:
        """Whether there is one number for all members and lanes."""
        return self.count == 1 and self.width == 1


@dataclass(frozen=True)
class Grid:
    """Rows of members with equally many terms each: by two strides, or by a table, member by member."""

    operand: Operand
    terms: int
    start: int
    by_member: int
    by_term: int

    def at(self, text: Text, member: Index, term: Index) -> Index:
        """The address of a term's row."""
        if self.operand.table < 0:
            return text.plus(self.start, text.times(member, self.by_member), text.times(term, self.by_term))
        return self.operand.at(text, text.plus(text.times(member, self.terms), term))


@dataclass(frozen=True)
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
    """Where the frames of a loop are: the first, and how many numbers further on that of the next trip is.

    They overlap: see `frames`. Behind the last is room for one more, which the carried values of the last
    trip enter. Where no way back reads them there is a single frame, in which all trips are run. Of
    straight-line code, the frames are what it keeps; and `sums` over all trips have a row each.
    """

    first: Region
    whole: Region
    stride: int
    sums: Region


class Layout:
    """The regions of all spaces for a number of lanes; tables grow while the program is written.

    They begin at multiples of a vector, and there is at least one between two of them: canaries, so that a
    write beyond a region is noticed. Where numbers are float32, what comes from outside and what is summed
    over all samples is there in float64 too: `doubles` are these regions, counted in doubles.
    """

    def __init__(
        self,
        program: Program,
        lanes: int,
        precision: Precision = DOUBLE,
        strides: Mapping[range, int] = MappingProxyType({}),
    ) -> None:
        self.lanes, self.precision = lanes, precision
        self.regions: dict[Space, Region] = {}
        self.size = precision.vector
        for space in Space:
            size = 0 if space is Space.FRAME else program.sizes[space] * self.width(space)
            self.regions[space] = self._reserve(size)
        self._origin = 0  # the row of FRAME with which the frame begins that we are in
        self.constants, self.plans = program.constants, plans(program)
        self.frames = self._frames(program, strides)
        self.live = self._reserve(lanes)
        self.doubles = {} if precision == DOUBLE else self._doubles(program)
        self.coefficients = self._coefficients(program)
        self._tables: dict[tuple[int, ...], int] = {}
        self._entries: list[int] = []

    def _reserve(self, count: int) -> Region:
        region = Region(self.size, self.size + count)
        vector = self.precision.vector
        self.size = -(-(region.stop + vector) // vector) * vector
        return region

    def _frames(self, program: Program, strides: Mapping[range, int]) -> dict[range, Frames]:
        """The frames of every loop, by their rows; the strides are in rows."""
        found: dict[range, Frames] = {}
        for loop in program.forward:
            if isinstance(loop, Repeat):
                plan = self.plans.get(loop.frame)
                size, stride = len(loop.frame) * self.lanes, strides[loop.frame] * self.lanes
                if plan:
                    size = len(plan.kept) * self.lanes
                    stride = size if plan.back else 0
                whole = self._reserve(size + loop.trips * stride)
                sums = self._reserve(len(plan.in_memory) * self.lanes if plan else 0)
                found[loop.frame] = Frames(Region(whole.start, whole.start + size), whole, stride, sums)
        return found

    def inside(self, loop: Repeat, base: str) -> Layout:
        """The same for what is inside of a loop, whose frame is as far behind `base` as the first is here."""
        found = copy(self)
        first = self.frames[loop.frame].first
        found.regions = {**self.regions, Space.FRAME: first._replace(base=base)}
        found._origin = loop.frame.start
        return found

    def _doubles(self, program: Program) -> dict[Space, Region]:
        ratio, found = DOUBLE.size // self.precision.size, {}
        for space in (Space.WEIGHT, Space.GRADIENT, Space.SHARED_ADJOINT):
            start = self._reserve(ratio * program.sizes[space]).start // ratio
            found[space] = Region(start, start + program.sizes[space])
        return found

    def _coefficients(self, program: Program) -> dict[tuple[float, ...], Region]:
        """A place for those lists of coefficients that are not all the same."""
        found: dict[tuple[float, ...], Region] = {}
        for _, instructions in program.parts():
            for instruction in every(instructions):
                if isinstance(instruction, SumOfProducts) and len(set(instruction.coefficients)) > 1:
                    key = instruction.coefficients
                    found[key] = found.get(key) or self._reserve(len(key))
        return found

    def width(self, space: Space) -> int:
        """How many numbers a row of this space has."""
        return self.lanes if space.wide else 1

    def address(self, space: Space, row: int) -> int:
        """Where a row begins."""
        first = self._origin if space is Space.FRAME else 0
        return self.regions[space].start + (row - first) * self.width(space)

    def operand(self, rows: Rows) -> Operand:
        """The rows as addresses."""
        places, width = rows.places, self.width(rows.space)
        stride = places.step * width if isinstance(places, range) else 0
        table = -1
        if not isinstance(places, range) and len(places) > 1:
            table = self.table(self.address(rows.space, place) for place in places)
        start = self.address(rows.space, places[0])
        return Operand(self.regions[rows.space], width, len(places), start, stride, table)

    def grid(self, rows: Rows, members: int, terms: int) -> Grid:
        """The rows as addresses of members × terms."""
        rule = grid(rows.places, members, terms)
        if rule is None:
            return Grid(self.operand(rows), terms, 0, 0, 0)
        first, by_member, by_term = rule
        width, region = self.width(rows.space), self.regions[rows.space]
        start = self.address(rows.space, first)
        operand = Operand(region, width, len(rows), start, 0)
        return Grid(operand, terms, start, by_member * width, by_term * width)

    def table(self, numbers: Iterable[int]) -> int:
        """Where these whole numbers stand in the tables; equal lists stand there once."""
        key = tuple(numbers)
        if key not in self._tables:
            self._tables[key] = len(self._entries)
            self._entries += key
        return self._tables[key]

    def tables(self) -> np.ndarray:
        """All tables, one behind the other."""
        return np.array([*self._entries, *[0] * self.precision.vector], dtype=np.int32)

    def spans(self) -> Sequence[Region]:
        """All regions, in order; what lies between them is nobody's."""
        ratio = DOUBLE.size // self.precision.size
        doubles = [Region(ratio * start, ratio * stop) for start, stop, _ in self.doubles.values()]
        frames = [region for frames in self.frames.values() for region in (frames.whole, frames.sums)]
        return [*self.regions.values(), *frames, self.live, *doubles, *self.coefficients.values()]
