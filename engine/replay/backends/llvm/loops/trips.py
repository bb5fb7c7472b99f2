"""Loops of straight-line code: what is carried from trip to trip stays in registers.

A block of lanes goes through all trips, then the next one; see `plans` for what is kept of a trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.loops.lanes import Lanes
from engine.replay.backends.llvm.loops.straight import StraightLine
from engine.replay.backends.llvm.plans import Plan, by_trip, width_of_block
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.backends.llvm.writing.text import Exact, Index
from engine.replay.program.program import Repeat, Row, Transfer

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
        self._slots = {row: slot for slot, row in enumerate(plan.kept)}
        self._starts: dict[Index, Index] = {}  # of what a trip keeps

    def load_in(self, trip: Index, transfer: Transfer, number: int) -> str:
        """The row outside that belongs to one inside in a trip."""
        return self.load_of(transfer.outside, self._in_trip(transfer, trip, number))

    def store_in(
        self, trip: Index, transfer: Transfer, number: int, found: str, *, accumulate: bool = False
    ) -> None:
        """Store or add the row outside that belongs to one inside in a trip."""
        which = self._in_trip(transfer, trip, number)
        self.store_of(transfer.outside, which, found, accumulate=accumulate)

    def _in_trip(self, transfer: Transfer, trip: Index, number: int) -> Index:
        return self.text.plus(self.text.times(trip, len(transfer.inside)), number)

    def source(self, row: Row, trip: Index) -> str:
        """A row that the forward body reads in a trip and does not make."""
        if not row[0].wide:
            return self.load(row)
        transfer, number = self.plan.sources[row]
        return self.load_in(0 if transfer in self.plan.forward.given else trip, transfer, number)

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
    before = {inside: block.load(outside) for inside, outside in _pairs(loop.before)}
    outputs = by_trip(loop.outputs)

    def trip(number: Index, carried: Sequence[str]) -> list[str]:
        def made(row: Row, found: str) -> None:
            if keeps:
                block.keep(row, number, found)
            for inside, transfer, place in outputs:
                if inside == row:
                    block.store_in(number, transfer, place, found)

        known = dict(zip(loop.entering, carried, strict=True))
        for row, found in known.items():
            made(row, found)
        line = StraightLine(block.text, lambda row: block.source(row, number), known, made)
        lines.append(line)
        line.run(loop.body)
        line.finish()
        return list(map(line.value, loop.leaving))

    block.text.loop(0, loop.trips, trip, [before[row] for row in loop.entering])
    for inside, outside in _pairs(loop.finals):
        block.store(outside, lines[0].value(inside))


class _Back:
    """The way back, where the derivatives of carried values are carried, and sums over all trips."""

    def __init__(self, block: _Block) -> None:
        self.block, self.text, self.plan, self.loop = block, block.text, block.plan, block.loop
        finals = [inside for inside, _ in _pairs(self.loop.finals)]
        self.carried = list(dict.fromkeys((*self.loop.leaving, *finals)))

    def write(self) -> None:
        """Load the derivatives by what the last trip ended with, go through the trips, add what is owed."""
        text, loop, sums = self.text, self.loop, self.plan.sums
        zero, last = text.number(0.0), dict[Row, str]()
        for inside, outside in _pairs(loop.finals):
            self._add(last, inside, self.block.load(outside))
        first = [*(last.get(row, zero) for row in self.carried), *[zero] * len(sums)]
        lines: list[StraightLine] = []
        after = text.loop(0, loop.trips, lambda number, carried: self._trip(number, carried, lines), first)
        for inside, outside in _pairs(loop.before):
            self.block.store(outside, lines[0].value(inside), accumulate=True)
        for owed_to, total in zip(sums, after[len(self.carried) :], strict=True):
            self.block.store(owed_to, total, accumulate=True)

    def _trip(self, number: Index, carried: Sequence[str], lines: list[StraightLine]) -> list[str]:
        text, loop, block = self.text, self.loop, self.block
        trip = text.minus(loop.trips - 1, number)
        known = dict(zip((*self.carried, *self.plan.sums), carried, strict=True))
        for inside, transfer, place in by_trip(loop.outputs):
            self._add(known, inside, block.load_in(trip, transfer, place))
        line = StraightLine(text, lambda row: block.read(row, trip), known)
        lines.append(line)
        line.run(loop.body)
        for inside, outside in _pairs(loop.given):
            line.add(outside, line.value(inside))
        for inside, transfer, place in by_trip(loop.steps):
            block.store_in(trip, transfer, place, line.value(inside), accumulate=True)
        entering, zero = dict(zip(loop.leaving, loop.entering, strict=True)), text.number(0.0)
        derivatives = [line.value(entering[row]) if row in entering else zero for row in self.carried]
        return [*derivatives, *map(line.value, self.plan.sums)]

    def _add(self, known: dict[Row, str], row: Row, found: str) -> None:
        known[row] = self.text.binary("fadd", known[row], found) if row in known else found


def _pairs(transfers: Iterable[Transfer]) -> list[tuple[Row, Row]]:
    """The rows inside, and outside, of transfers that have as many of both."""
    return [pair for each in transfers for pair in zip(each.inside, each.outside, strict=True)]
