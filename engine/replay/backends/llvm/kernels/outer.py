"""The kernel of sums of outer products: the gradient by a matrix, where there are few lanes.

Dot products along few lanes spend more time on folding their sums than on forming them. Here 8 × 8
numbers of the right factor are transposed once, so that a vector holds eight neighbors of the gradient's row,
and serves all rows: each takes what it has, and adds one broadcast number times a vector for every lane.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.replay.backends.llvm.kernels.tiles import cut, over
from engine.replay.backends.llvm.layout import Strided
from engine.replay.backends.llvm.writing.text import Index, Text

__all__ = ["is_for_outer_products", "sum_of_outer_products"]

LANES = 16  # transposed at a time: so many registers hold them, the others the sums
ROWS = 8, 4  # whose sums are formed side by side, at most and at least


def is_for_outer_products(text: Text, columns: int, length: int) -> bool:
    """Whether this kernel is the faster one."""
    return (
        text.module.registers >= 32
        and columns % text.vector == 0
        and length % text.vector == 0
        and length <= 4 * text.vector
    )


def sum_of_outer_products(
    text: Text,
    shape: tuple[int, int, int],
    result: Strided,
    left: Strided,
    right: Strided,
    *,
    accumulate: bool,
) -> None:
    """result[i][j] (+)= Σ_n left[i][n] × right[j][n], for columns j in eights, lanes n in eights."""
    rows, columns, length = shape
    chunks = cut(length, LANES)
    if not accumulate:  # what the first lanes store, the others add to
        chunks = [(first, min(LANES, length - first), 1) for first in range(0, length, LANES)]

    def block(number: Index, _: Sequence[str]) -> None:
        column = text.times(number, text.vector)

        def chunk(first: Index, lanes: int) -> None:
            vectors = _transposed(text, right, column, first, lanes)

            def tile(row: Index, height: int) -> None:
                at, adds = (row, column, first), accumulate or first != 0
                _add_rows(text, result, left, at, height, vectors, adds)

            over(text, cut(rows, *ROWS), tile)

        over(text, chunks, chunk)

    text.loop(0, columns // text.vector, block)


def _transposed(text: Text, right: Strided, column: Index, first: Index, lanes: int) -> list[str]:
    """For each lane a vector of eight columns' numbers."""
    found: list[str] = []
    for offset in range(0, lanes, text.vector):
        start = right.at(text, column, text.plus(first, offset))
        rows = [text.load(right.region, start, line * right.by_row) for line in range(text.vector)]
        found += text.transpose(rows)
    return found


def _add_rows(
    text: Text,
    result: Strided,
    left: Strided,
    at: tuple[Index, Index, Index],
    height: int,
    vectors: Sequence[str],
    adds: bool,
) -> None:
    """Add the outer products of all lanes to a few rows of a block."""
    row, column, first = at
    target, factors, zero = result.at(text, row, column), left.at(text, row, first), text.number(0.0)
    lines = range(height)
    sums = [text.load(result.region, target, line * result.by_row) if adds else zero for line in lines]
    for lane, vector in enumerate(vectors):
        for line in lines:
            factor = text.splat(text.load_one(left.region, factors, line * left.by_row + lane))
            sums[line] = text.fma(factor, vector, sums[line])
    for line in lines:
        text.store(result.region, target, sums[line], offset=line * result.by_row)
