"""Panels: a few vectors' worth of columns of a right factor whose lanes lie side by side, transposed.

The gradient by a matrix sums over lanes. As dot products along them it spends more time on folding its sums
than on forming them, unless there are many. In a panel the neighbors of a lane are columns of the result
instead, and the product is one like any other. A panel stays in the fastest cache, and all rows use it; of
few lanes, it is one vector wide and stays in registers.
"""

from __future__ import annotations

from engine.frozen import frozen
from engine.replay.backends.llvm.layout import Strided
from engine.replay.backends.llvm.writing.module import Region
from engine.replay.backends.llvm.writing.text import Index, Text

__all__ = ["MOST_HELD", "MOST_LANES", "Panel"]

MOST_LANES = 32  # of a panel: of more, dot products along them are as quick, or quicker
MOST_HELD = 16  # and of one in registers, of which the sums need as many


@frozen
class Panel:
    """Entry (lane, column) of a copy, of those columns that were packed last; or `held`, a vector a lane."""

    source: Strided
    region: Region
    most: int  # vectors of columns; 0 for one that is held
    held: list[str]

    @classmethod
    def of(cls, text: Text, source: Strided, length: int, most: int) -> Panel:
        """An empty one for so many lanes and at most so many vectors of columns, where a function begins."""
        size = length * most * text.vector
        base = text.let(f"alloca [{size} x {text.scalar}], align 64")
        return cls(source, Region(0, size, base), most, [])

    def at(self, text: Text, lane: Index, _: Index) -> Index:
        """The address of a lane's first column."""
        return text.times(lane, self.most * text.vector)

    def pack(self, text: Text, column: Index, vectors: int, length: int) -> None:
        """Fill it with so many vectors of columns: a square of as many lanes as columns at a time."""
        vector, by_row = text.vector, self.source.by_row

        def square(lane: Index, offset: Index) -> list[str]:
            start = self.source.at(text, text.plus(column, offset), lane)
            lines = [text.load(self.source.region, start, line * by_row) for line in range(vector)]
            return text.transpose(lines)

        def stored(lane: Index, step: Index) -> None:
            offset = text.times(step, vector)
            target = text.plus(self.at(text, lane, column), offset)
            for line, found in enumerate(square(lane, offset)):
                text.store(self.region, target, found, offset=line * self.most * vector)

        def lanes(number: Index) -> None:
            lane = text.times(number, vector)
            text.loop(0, vectors, lambda step, _: stored(lane, step))

        if self.most:
            text.loop(0, length // vector, lambda number, _: lanes(number))
        else:
            self.held[:] = [each for lane in range(0, length, vector) for each in square(lane, 0)]
