"""A block of lanes that goes through all trips: what it reads and writes outside, and what it keeps."""

from __future__ import annotations

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.loops.lanes import Lanes
from engine.replay.backends.llvm.plans import Plan, Row
from engine.replay.backends.llvm.writing.text import Exact, Index
from engine.replay.program.program import Repeat, Space, Transfer

__all__ = ["Block"]


class Block(Lanes):
    """Lanes that go through all trips; what the next trip keeps is `%stride` further on."""

    def __init__(self, text: Exact, layout: Layout, plan: Plan, loop: Repeat, offset: Index) -> None:
        super().__init__(text, layout, offset)
        self.plan, self.loop = plan, loop
        self._frames = layout.frames[loop.frame].whole
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

    def is_kept(self, row: Row) -> bool:
        """Whether the way back reads this row where the trip has stored it."""
        return row in self._slots

    def keep(self, row: Row, trip: Index, found: str) -> None:
        """Store a row of a trip."""
        self.text.store(self._frames, self._kept(row, trip), found)

    def read(self, row: Row, trip: Index) -> str:
        """A row that the way back reads in a trip: what was stored, or what the forward body read."""
        if self.is_kept(row):
            return self.text.load(self._frames, self._kept(row, trip))
        return self.source(row, trip)

    def _kept(self, row: Row, trip: Index) -> Index:
        if trip not in self._starts:
            start = self.text.let(f"mul i64 %stride, {trip}")
            self._starts[trip] = self.text.plus(start, self.offset, self._frames.start)
        return self.text.plus(self._starts[trip], self._slots[row] * self.layout.lanes)
