"""Panels: a few vectors' worth of columns of a right factor whose lanes lie side by side, transposed.

The gradient by a matrix sums over lanes. As dot products along them it spends more time on folding its sums
than on forming them, unless there are many. In a panel the neighbors of a lane are columns of the result
instead, and the product is one like any other. A panel stays in the fastest cache, and all rows use it.
"""

from __future__ import annotations

from engine.frozen import frozen
from engine.replay.backends.llvm.layout import Strided
from engine.replay.backends.llvm.writing.module import Region
from engine.replay.backends.llvm.writing.text import Index, Text

__all__ = ["MOST_LANES", "Panel"]

MOST_LANES = 32  # of a panel: of more, dot products along them are as quick, or quicker


@frozen
class Panel:
    """Entry (lane, column) of a copy, of those columns that were packed last."""

    source: Strided
    region: Region
    most: int  # vectors of columns

    @classmethod
    def of(cls, text: Text, source: Strided, length: int, most: int) -> Panel:
        """An empty one for so many lanes and at most so many vectors of columns, where a function begins."""
        size = length * most * text.vector
        base = text.let(f"alloca [{size} x {text.scalar}], align 64")
        return cls(source, Region(0, size, base), most)

    def at(self, text: Text, lane: Index, _: Index) -> Index:
        """The address of a lane's first column."""
        return text.times(lane, self.most * text.vector)

    def pack(self, text: Text, column: Index, vectors: int, length: int) -> None:
        """Fill it with so many vectors of columns: a square of as many lanes as columns at a time."""
        vector, by_row = text.vector, self.source.by_row

        def square(number: Index, step: Index) -> None:
            lane, offset = text.times(number, vector), text.times(step, vector)
            start = self.source.at(text, text.plus(column, offset), lane)
            lines = [text.load(self.source.region, start, line * by_row) for line in range(vector)]
            target = text.plus(self.at(text, lane, column), offset)
            for line, found in enumerate(text.transpose(lines)):
                text.store(self.region, target, found, offset=line * self.most * vector)

        def lanes(number: Index, _: object) -> None:
            text.loop(0, vectors, lambda step, _: square(number, step))

        text.loop(0, length // vector, lanes)
