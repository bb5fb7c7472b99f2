"""The kernels of matrix products, blocked for the registers.

A product's time goes into moving numbers, unless each one that is loaded is used several times while it is
in a register. So a tile of the result is kept in registers for the whole sum: its rows × its vectors are
accumulators, each step loads one vector per column and broadcasts one number per row, and every loaded vector
serves all rows. With 32 registers of 512 bits 6 × 4 accumulators, 4 vectors and a broadcast number fit.

For example 16 rows of 104 lanes, 13 vectors: one tile of 4 vectors and three of 3 (see `_columns`); below
the first, tiles of 6, 5 and 5 rows, below the others two of 8. In a tile of 8 × 3 a term costs 3 vectors
loaded and 8 numbers broadcast for 24 multiply-adds, and 24 + 3 + 1 registers are in use.

Forward and the gradient by the operand are one kernel: a matrix is transposed by exchanging its strides. The
gradient by the matrix sums over the lanes instead (`dots`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.replay.backends.llvm.kernels.dots import dots
from engine.replay.backends.llvm.kernels.fusion import finishing
from engine.replay.backends.llvm.kernels.outer import is_for_outer_products, sum_of_outer_products
from engine.replay.backends.llvm.kernels.sums import sum_of_products
from engine.replay.backends.llvm.kernels.tiles import tiles
from engine.replay.backends.llvm.layout import Layout, Operand, Strided
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Elementwise, LaneProduct, Matrix, MatrixProduct, Rows, SumOfProducts

__all__ = ["lane_product", "matrix_product"]

# The most rows of a tile, by its vectors: for 32 registers that hold a whole vector, and for fewer.
MANY_REGISTERS = {1: 14, 2: 12, 3: 8, 4: 6}
FEW_REGISTERS = {1: 6}


def matrix_product(
    text: Text,
    layout: Layout,
    instruction: MatrixProduct,
    end: Elementwise | None = None,
    *,
    is_kept: bool = True,
) -> None:
    """out = matrix @ operand + bias, perhaps with another instruction at its end; see `fusion`.

    What follows no rule is a gathered sum.
    """
    matrix, out, operand = (
        instruction.matrix,
        layout.operand(instruction.out),
        layout.operand(instruction.operand),
    )
    if matrix.listed or not (out.is_solid and operand.is_solid):
        for part in _as_sums(instruction):
            sum_of_products(text, layout, part)
        return
    columns = out.count // matrix.rows * out.width
    weights = _strided(layout, matrix)
    bias = layout.operand(instruction.bias) if instruction.bias else None
    result = Strided(out.region, out.start, columns, 1)
    given = Strided(operand.region, operand.start, columns, 1)
    if columns > 1:
        shape = (matrix.rows, columns, matrix.columns)
        finish = finishing(text, layout, end, instruction.out) if end else None
        ends = _Ends(instruction.accumulate, finish, is_kept)
        _product(text, shape, result, weights, given, bias, ends)
    elif (
        matrix.row_stride == 1 and bias is None
    ):  # (matrix @ column)ᵀ = row @ matrixᵀ, along the matrix's rows
        row, transposed = (
            Strided(given.region, given.start, 0, 1),
            Strided(weights.region, weights.start, weights.by_column, 1),
        )
        flat = Strided(result.region, result.start, 0, 1)
        _product(
            text,
            (1, matrix.rows, matrix.columns),
            flat,
            row,
            transposed,
            None,
            _Ends(instruction.accumulate),
        )
    elif weights.by_column == 1:
        vector = Strided(given.region, given.start, 0, 1)
        shape = (matrix.rows, 1, matrix.columns)
        flat = Strided(result.region, result.start, 1, 0)
        dots(text, shape, flat, weights, vector, bias, accumulate=instruction.accumulate)
    else:
        for part in _as_sums(instruction):
            sum_of_products(text, layout, part)


def lane_product(
    text: Text, layout: Layout, instruction: LaneProduct, sums: SumOfProducts | None = None
) -> None:
    """out[i][j] = Σ left[i] × right[j] over their parts and lanes; perhaps the sums of left[i] too.

    What follows no rule is a gathered sum.
    """
    length = len(instruction.left) // instruction.out.rows * layout.width(instruction.left.space)
    outer = is_for_outer_products(text, instruction.out.columns, length)
    if sums and (length == 1 or outer or text.module.registers < 32):
        sum_of_products(text, layout, sums)
        sums = None
    out, left, right = instruction.out, layout.operand(instruction.left), layout.operand(instruction.right)
    if out.listed or not (left.is_solid and right.is_solid):
        sum_of_products(text, layout, _lane_sums(instruction))
        return
    result = _strided(layout, out)
    if length == 1 and result.by_column == 1:  # an outer product
        column = Strided(left.region, left.start, 1, 0)
        row = Strided(right.region, right.start, 0, 1)
        shape = (out.rows, out.columns, 1)
        _product(text, shape, result, column, row, None, _Ends(instruction.accumulate))
        return
    rows, columns = Strided(left.region, left.start, length, 1), Strided(right.region, right.start, length, 1)
    shape = (out.rows, out.columns, length)
    if result.by_column == 1 and outer:
        sum_of_outer_products(text, shape, result, rows, columns, accumulate=instruction.accumulate)
        return
    together = layout.operand(sums.out) if sums else None
    dots(text, shape, result, rows, columns, None, together, accumulate=instruction.accumulate)


def _strided(layout: Layout, matrix: Matrix) -> Strided:
    start = layout.address(matrix.space, matrix.start)
    return Strided(layout.regions[matrix.space], start, matrix.row_stride, matrix.column_stride)


def _as_sums(instruction: MatrixProduct) -> list[SumOfProducts]:
    """The same product as gathered sums: of weight × value, and of the bias."""
    out, matrix, operand = instruction.out, instruction.matrix, instruction.operand
    terms, positions = matrix.columns, len(out) // matrix.rows
    entries = matrix.places()
    members = [(row, position) for row in range(matrix.rows) for position in range(positions)]
    left = [entries[row * terms + term] for row, _ in members for term in range(terms)]
    right = [operand.places[term * positions + position] for _, position in members for term in range(terms)]
    ends = tuple(terms * (number + 1) for number in range(len(out)))
    weights, values = Rows.of(matrix.space, left), Rows.of(operand.space, right)
    product = SumOfProducts(out, ends, weights, values, (), instruction.accumulate)
    if instruction.bias is None:
        return [product]
    bias = Rows.of(instruction.bias.space, [instruction.bias.places[row] for row, _ in members])
    return [product, SumOfProducts(out, tuple(range(1, len(out) + 1)), bias, accumulate=True)]


def _lane_sums(instruction: LaneProduct) -> SumOfProducts:
    out, left, right = instruction.out, instruction.left, instruction.right
    length = len(left) // out.rows
    entries = [(row, column) for row in range(out.rows) for column in range(out.columns)]
    lefts = [left.places[row * length + part] for row, _ in entries for part in range(length)]
    rights = [right.places[column * length + part] for _, column in entries for part in range(length)]
    ends = tuple(length * (number + 1) for number in range(len(entries)))
    target = Rows(out.space, tuple(out.places()))
    return SumOfProducts(
        target, ends, Rows.of(left.space, lefts), Rows.of(right.space, rights), (), instruction.accumulate
    )


def _columns(count: int, vector: int, rows_of_tile: dict[int, int]) -> list[tuple[int, int, int, int]]:
    """(start, vectors, how many such tiles, live lanes) for the columns of a product.

    >>> _columns(104, 8, MANY_REGISTERS)  # 13 vectors
    [(0, 4, 1, 8), (32, 3, 3, 8)]
    >>> _columns(100, 8, MANY_REGISTERS)  # 12, and a remainder of 4 lanes
    [(0, 4, 3, 8), (96, 1, 1, 4)]
    """
    full, rest = divmod(count, vector)
    found: list[tuple[int, int, int, int]] = []
    if full:
        divided = tiles(full, min(full, max(rows_of_tile)))
        found += [(vector * start, vectors, number, vector) for start, vectors, number in divided]
    if rest:
        found.append((vector * full, 1, 1, rest))
    return found


class _Ends(NamedTuple):
    """How a tile begins, with what is there or 0; what is done with it at last, and whether it is stored."""

    accumulate: bool
    finish: Callable[[Index, str], None] | None = None
    is_kept: bool = True


def _product(
    text: Text,
    shape: tuple[int, int, int],
    result: Strided,
    left: Strided,
    right: Strided,
    bias: Operand | None,
    ends: _Ends,
) -> None:
    """result[i][n] (+)= bias[i] + Σ_j left[i][j] × right[j][n], the columns n side by side."""
    rows, columns, terms = shape
    rows_of_tile = MANY_REGISTERS if text.module.registers >= 32 else FEW_REGISTERS
    for first_column, vectors, column_tiles, live in _columns(columns, text.vector, rows_of_tile):
        for first_row, height, row_tiles in tiles(rows, rows_of_tile[vectors]):
            tile = _Tile(text, result, left, right, bias, height, vectors, live, ends)

            def over_rows(
                number: Index, column: Index, tile: _Tile = tile, first: int = first_row, terms: int = terms
            ) -> None:
                tile.compute(text.plus(first, text.times(number, tile.height)), column, terms)

            def over_columns(
                number: Index,
                _: Any,
                first: int = first_column,
                step: int = vectors * text.vector,
                count: int = row_tiles,
                body: Callable[[Index, Index], None] = over_rows,
            ) -> None:
                column = text.plus(first, text.times(number, step))
                text.loop(0, count, lambda k, _: body(k, column))

            text.loop(0, column_tiles, over_columns)


@dataclass(frozen=True)
class _Tile:
    """A block of the result that stays in registers while its sum is formed."""

    text: Text
    result: Strided
    left: Strided
    right: Strided
    bias: Operand | None
    height: int
    vectors: int
    live: int
    ends: _Ends

    def compute(self, row: Index, column: Index, terms: int) -> None:
        """Begin with what is there and the bias, add all terms, store."""
        text, steps = self.text, range(self.vectors)
        targets = [
            text.plus(self.result.at(text, row, column), line * self.result.by_row, text.vector * step)
            for line in range(self.height)
            for step in steps
        ]
        sums = text.loop(
            0, terms, lambda j, so_far: self._add(row, column, j, so_far), self._begin(row, targets)
        )
        for target, found in zip(targets, sums, strict=True):
            if self.ends.is_kept:
                text.store(self.result.region, target, found, self.live)
            if self.ends.finish is not None:
                self.ends.finish(target, found)

    def _begin(self, row: Index, targets: Sequence[Index]) -> list[str]:
        text = self.text
        if self.ends.accumulate:
            return [text.load_live(self.result.region, target, self.live) for target in targets]
        if self.bias is None:
            return [text.number(0.0)] * len(targets)
        lines = [self.bias.at(text, text.plus(row, line)) for line in range(self.height)]
        numbers = [text.splat(text.load_one(self.bias.region, address)) for address in lines]
        return [number for number in numbers for _ in range(self.vectors)]

    def _add(self, row: Index, column: Index, term: Index, so_far: Sequence[str]) -> list[str]:
        text = self.text
        source = self.right.at(text, term, column)
        given = [
            text.load_live(self.right.region, text.plus(source, text.vector * step), self.live)
            for step in range(self.vectors)
        ]
        factors = self.left.at(text, row, term)
        found: list[str] = []
        for line in range(self.height):
            address = text.plus(factors, line * self.left.by_row)
            factor = text.splat(text.load_one(self.left.region, address))
            found += [
                text.fma(factor, vector, so_far[line * self.vectors + step])
                for step, vector in enumerate(given)
            ]
        return found
