"""Panels: a few vectors' worth of columns of a right factor whose lanes lie side by side, transposed.

The gradient by a matrix sums over lanes. As dot products along them it spends more time on folding its sums
than on forming them, unless there are many. In a panel the neighbors of a lane are columns of the result
instead, and the product is one like any other. A panel stays in the fastest cache, and all rows use it.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.replay.backends.llvm.layout import Strided
from engine.replay.backends.llvm.writing.module import Region
from engine.replay.backends.llvm.writing.text import Index, Text

__all__ = ["MOST_LANES", "Panel"]

MOST_LANES = 64  # of a panel: with four vectors of columns it has 16 kB


@dataclass(frozen=True)
class Panel:
    """Entry (lane, column) of a copy, of those columns that were packed last."""

    source: Strided
    region: Region
    by_row: int

    @classmethod
    def of(cls, text: Text, source: Strided, length: int, most: int) -> Panel:
        """An empty one for so many lanes and at most so many vectors of columns, where a function begins."""
        size = length * most * text.vector
        base = text.let(f"alloca [{size} x {text.scalar}], align 64")
        return cls(source, Region(0, size, base), most * text.vector)

    def at(self, text: Text, lane: Index, _: Index) -> Index:
        """The address of a lane's first column."""
        return text.times(lane, self.by_row)

    def pack(self, text: Text, column: Index, vectors: int, length: int) -> None:
        """Fill it with so many vectors of columns: a square of as many lanes as columns at a time."""
        vector = text.vector

        def square(lane: Index, offset: Index) -> None:
            start = self.source.at(text, text.plus(column, offset), lane)
            lines = [
                text.load(self.source.region, start, line * self.source.by_row) for line in range(vector)
            ]
            target = text.plus(self.at(text, lane, column), offset)
            for line, found in enumerate(text.transpose(lines)):
                text.store(self.region, target, found, offset=line * self.by_row)

        def lanes(number: Index) -> None:
            lane = text.times(number, vector)
            text.loop(0, vectors, lambda step, _: square(lane, text.times(step, vector)))

        text.loop(0, length // vector, lambda number, _: lanes(number))
