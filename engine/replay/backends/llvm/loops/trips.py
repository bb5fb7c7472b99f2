"""Loops of straight-line code: what is carried from trip to trip stays in registers.

A block of lanes goes through all trips, then the next one; see `plans` for what is kept of a trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.loops.lanes import Lanes
from engine.replay.backends.llvm.loops.straight import StraightLine
from engine.replay.backends.llvm.plans import Plan, Row, width_of_block
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.backends.llvm.writing.text import Exact, Index
from engine.replay.program.program import Repeat, Space, Transfer

__all__ = ["write_trips"]


def write_trips(module: Module, layout: Layout, plan: Plan, loop: Repeat, name: str, *, keeps: bool) -> None:
    """Write the loop under this name; what it keeps of its trips changes no bit of what it computes."""
    text = Exact(module, name, spills=True)
    width = width_of_block(layout.lanes, text.vector)

    def block(number: Index, _: Any) -> None:
        lanes = _Block(text, layout, plan, loop, text.times(number, width))
        if loop.reverse:
            _Back(lanes).write()
        else:
            _forward(lanes, keeps=keeps)

    with text.wide(width):
        text.loop(0, layout.lanes // width, block)
    text.end()


class _Block(Lanes):
    """Lanes that go through all trips."""

    def __init__(self, text: Exact, layout: Layout, plan: Plan, loop: Repeat, offset: Index) -> None:
        super().__init__(text, layout, offset)
        self.plan, self.loop = plan, loop
        self._frames = layout.frames[loop.frame]
        self._slots = {(Space.FRAME, row): slot for slot, row in enumerate(plan.kept)}
        self._starts: dict[Index, Index] = {}  # of what a trip keeps

    def load_of(self, transfer: Transfer, trip: Index, number: int) -> str:
        """The row outside that belongs to one inside in a trip."""
        return self.load(transfer.outside, self._in_trip(transfer, trip, number))

    def store_of(
        self, transfer: Transfer, trip: Index, number: int, found: str, *, accumulate: bool = False
    ) -> None:
        """Store or add the row outside that belongs to one inside in a trip."""
        self.store(transfer.outside, found, self._in_trip(transfer, trip, number), accumulate=accumulate)

    def _in_trip(self, transfer: Transfer, trip: Index, number: int) -> Index:
        return self.text.plus(self.text.times(trip, len(transfer.inside)), number)

    def source(self, row: Row, trip: Index) -> str:
        """A row that the forward body reads in a trip and does not make."""
        space, place = row
        if not space.wide:
            return self.load_row(row)
        transfer, number = self.plan.sources[place]
        if transfer in self.plan.forward.given:
            return self.load(transfer.outside, number)
        return self.load_of(transfer, trip, number)

    def keep(self, row: Row, trip: Index, found: str) -> None:
        """Store a row of a trip that the way back reads."""
        if row in self._slots:
            self.text.store(self._frames.whole, self._kept(row, trip), found)

    def read(self, row: Row, trip: Index) -> str:
        """A row that the way back reads in a trip: what was stored, or what the forward body read."""
        if row in self._slots:
            return self.text.load(self._frames.whole, self._kept(row, trip))
        return self.source(row, trip)

    def _kept(self, row: Row, trip: Index) -> Index:
        if trip not in self._starts:
            start = self.text.times(trip, self._frames.stride)
            self._starts[trip] = self.text.plus(start, self.offset, self._frames.whole.start)
        return self.text.plus(self._starts[trip], self._slots[row] * self.layout.lanes)


def _forward(block: _Block, *, keeps: bool) -> None:
    """Load what the first trip begins with, go through the trips, store what the last one ends with."""
    loop, lines = block.loop, list[StraightLine]()
    before = {
        row: block.load(transfer.outside, number)
        for transfer in loop.before
        for number, row in enumerate(transfer.inside.places)
    }
    outputs = [
        ((Space.FRAME, row), transfer, number)
        for transfer in loop.outputs
        for number, row in enumerate(transfer.inside.places)
    ]

    def trip(number: Index, carried: Sequence[str]) -> list[str]:
        def made(row: Row, found: str) -> None:
            if keeps:
                block.keep(row, number, found)
            for inside, transfer, place in outputs:
                if inside == row:
                    block.store_of(transfer, number, place, found)

        known = {(Space.FRAME, row): each for row, each in zip(loop.entering.places, carried, strict=True)}
        for row, found in known.items():
            made(row, found)
        line = StraightLine(block.text, lambda row: block.source(row, number), known, made)
        lines.append(line)
        line.run(loop.body)
        line.finish()
        return [line.value((Space.FRAME, row)) for row in loop.leaving.places]

    block.text.loop(0, loop.trips, trip, [before[row] for row in loop.entering.places])
    for transfer in loop.finals:
        for number, row in enumerate(transfer.inside.places):
            block.store(transfer.outside, lines[0].value((Space.FRAME, row)), number)


class _Back:
    """The way back, where the derivatives of carried values are carried, and sums over all trips."""

    def __init__(self, block: _Block) -> None:
        self.block, self.text, self.plan, self.loop = block, block.text, block.plan, block.loop
        finals = [row for transfer in self.loop.finals for row in transfer.inside.places]
        self.carried = list(dict.fromkeys((*self.loop.leaving.places, *finals)))

    def write(self) -> None:
        """Load the derivatives by what the last trip ended with, go through the trips, add what is owed."""
        text, loop, sums = self.text, self.loop, self.plan.sums
        zero, last = text.number(0.0), dict[int, str]()
        for transfer in loop.finals:
            for number, row in enumerate(transfer.inside.places):
                found = self.block.load(transfer.outside, number)
                last[row] = text.binary("fadd", last[row], found) if row in last else found
        first = [*(last.get(row, zero) for row in self.carried), *[zero] * len(sums)]
        lines: list[StraightLine] = []
        after = text.loop(0, loop.trips, lambda number, carried: self._trip(number, carried, lines), first)
        for transfer in loop.before:
            for number, row in enumerate(transfer.inside.places):
                owed = lines[0].value((Space.FRAME_ADJOINT, row))
                self.block.store(transfer.outside, owed, number, accumulate=True)
        for owed_to, total in zip(sums, after[len(self.carried) :], strict=True):
            self.block.store_row(owed_to, total, accumulate=True)

    def _trip(self, number: Index, carried: Sequence[str], lines: list[StraightLine]) -> list[str]:
        text, loop, block = self.text, self.loop, self.block
        trip = text.minus(loop.trips - 1, number)
        line = StraightLine(text, lambda row: block.read(row, trip), self._begin(trip, carried))
        lines.append(line)
        line.run(loop.body)
        for transfer in loop.given:
            for place, row in zip(transfer.outside.places, transfer.inside.places, strict=True):
                line.add((transfer.outside.space, place), line.value((Space.FRAME_ADJOINT, row)))
        for transfer in loop.steps:
            for place, row in enumerate(transfer.inside.places):
                owed = line.value((Space.FRAME_ADJOINT, row))
                block.store_of(transfer, trip, place, owed, accumulate=True)
        entering, zero = dict(zip(loop.leaving.places, loop.entering.places, strict=True)), text.number(0.0)
        derivatives = [
            line.value((Space.FRAME_ADJOINT, entering[row])) if row in entering else zero
            for row in self.carried
        ]
        return [*derivatives, *map(line.value, self.plan.sums)]

    def _begin(self, trip: Index, carried: Sequence[str]) -> dict[Row, str]:
        """The rows that are in registers when the body of a trip begins."""
        rows = [*((Space.FRAME_ADJOINT, row) for row in self.carried), *self.plan.sums]
        known = dict(zip(rows, carried, strict=True))
        for transfer in self.loop.outputs:
            for number, place in enumerate(transfer.inside.places):
                row, found = (Space.FRAME_ADJOINT, place), self.block.load_of(transfer, trip, number)
                known[row] = self.text.binary("fadd", known[row], found) if row in known else found
        return known
