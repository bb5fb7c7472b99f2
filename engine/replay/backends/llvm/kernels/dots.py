"""The kernel of dot products: sums along the lanes, of which the gradient by a matrix is made.

A tile of 4 × 4 dot products needs eight vectors for sixteen multiply-adds. Only at the end are the sixteen
accumulators folded to sixteen numbers: eight at a time by three rounds of shuffles and additions, so that
four neighbors are stored at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.frozen import frozen
from engine.replay.backends.llvm.kernels.tiles import cut, over
from engine.replay.backends.llvm.layout import Operand, Strided
from engine.replay.backends.llvm.writing.text import Index, Text

__all__ = ["dots"]


def dots(
    text: Text,
    shape: tuple[int, int, int],
    result: Strided,
    left: Strided,
    right: Strided,
    bias: Operand | None = None,
    *,
    accumulate: bool,
) -> None:
    """result[i][j] (+)= bias[i] + Σ_n left[i][n] × right[j][n], the n side by side: dot products in tiles."""
    rows, columns, length = shape
    many = text.module.registers >= 32
    most_rows, most_columns = ((4, 4) if many else (2, 3)) if columns > 1 else (8 if many else 4, 1)

    def line(row: Index, height: int) -> None:
        def tile(column: Index, breadth: int) -> None:
            dots = _Dots(text, result, left, right, bias, height, breadth, accumulate)
            dots.compute(row, column, length)

        over(text, cut(columns, most_columns), tile)

    over(text, cut(rows, most_rows), line)


@frozen
class _Dots:
    """A tile of dot products along the lanes."""

    text: Text
    result: Strided
    left: Strided
    right: Strided
    bias: Operand | None
    height: int
    breadth: int
    accumulate: bool

    def compute(self, row: Index, column: Index, length: int) -> None:
        """Sum along the lanes, fold each vector to a number, eight at a time, and store them."""
        text = self.text
        count = self.height * self.breadth
        lefts = [self.left.at(text, text.plus(row, line), 0) for line in range(self.height)]
        rights = [self.right.at(text, text.plus(column, line), 0) for line in range(self.breadth)]

        def along(number: Index, so_far: Sequence[str], mask: str = "") -> list[str]:
            offset = text.times(number, text.vector)
            a = [text.load(self.left.region, text.plus(start, offset), mask=mask) for start in lefts]
            b = [text.load(self.right.region, text.plus(start, offset), mask=mask) for start in rights]
            pairs = [(x, y) for x in a for y in b]
            return [text.fma(x, y, z) for (x, y), z in zip(pairs, so_far, strict=True)]

        sums = text.loop(0, length // text.vector, along, [text.number(0.0)] * count)
        if length % text.vector:
            sums = along(length // text.vector, sums, text.first(length % text.vector))
        sums = [*sums, *[text.number(0.0)] * (-count % text.vector)]
        folded = [text.totals(sums[k : k + text.vector]) for k in range(0, len(sums), text.vector)]
        for line in range(self.height):
            self._store(folded, row, column, line)

    def _store(self, folded: Sequence[str], row: Index, column: Index, line: int) -> None:
        """One row of the tile: as a vector where it fills one of four, else number by number."""
        text, first, vector = self.text, line * self.breadth, self.text.vector
        target = self.result.at(text, text.plus(row, line), column)
        source = folded[first // vector]
        if self.breadth == 4 and self.result.by_column == 1 and self.bias is None:
            lanes = [first % vector + lane for lane in range(4)]
            four = text.shuffle(source, source, lanes)
            with text.wide(4):
                text.store(self.result.region, target, four, accumulate=self.accumulate)
            return
        for place in range(self.breadth):
            which = first + place
            found = text.let(f"extractelement {text.type} {folded[which // vector]}, i64 {which % vector}")
            address = text.plus(target, place * self.result.by_column)
            with text.wide(1):
                if self.bias is not None:
                    bias_at = self.bias.at(text, text.plus(row, line))
                    found = text.binary("fadd", found, text.load_one(self.bias.region, bias_at))
                text.store(self.result.region, address, found, accumulate=self.accumulate)
