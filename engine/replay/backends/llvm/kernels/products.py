"""The kernels of matrix products, blocked for the registers.

A product's time goes into moving numbers, unless each one that is loaded is used several times while it is
in a register. So a tile of the result is kept in registers for the whole sum: its rows × its vectors are
accumulators, each step loads one vector per column and broadcasts one number per row, and every loaded vector
serves all rows. With 32 registers of 512 bits 6 × 4 accumulators, 4 vectors and a broadcast number fit.

For example 16 rows of 108 lanes, 13 vectors and half a one: three tiles of 4 vectors, one of 1 and one of
which 4 lanes are live; below the first three, four tiles of 4 rows, below the others two of 8: alike where
that can be (see `cut`). In a tile of 6 × 4 a term costs 4 vectors loaded and 6 numbers broadcast for 24
multiply-adds, and 24 + 4 + 1 registers are in use.

Forward and the gradient by the operand are one kernel: a matrix is transposed by exchanging its strides. The
gradient by the matrix sums over the lanes instead: these are transposed (`panels`), or many (`dots`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.frozen import frozen
from engine.replay.backends.llvm.kernels.dots import dots
from engine.replay.backends.llvm.kernels.fusion import finishing
from engine.replay.backends.llvm.kernels.panels import MOST_LANES, Panel
from engine.replay.backends.llvm.kernels.sums import sum_of_products
from engine.replay.backends.llvm.kernels.tiles import cut, over
from engine.replay.backends.llvm.layout import Layout, Operand, Strided
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Elementwise, LaneProduct, Matrix, MatrixProduct, as_sums

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
    matrix = instruction.matrix
    out, operand = layout.operand(instruction.out), layout.operand(instruction.operand)
    is_solid = out.is_solid and operand.is_solid and not matrix.listed
    columns = out.count // matrix.rows * out.width
    weights, bias = _strided(layout, matrix), layout.operand(instruction.bias) if instruction.bias else None
    shape = (matrix.rows, columns, matrix.columns)
    if is_solid and columns > 1:
        result = Strided(out.region, out.start, columns, 1)
        given = Strided(operand.region, operand.start, columns, 1)
        finish = finishing(text, layout, end, instruction.out) if end else None
        ends = _Ends(instruction.accumulate, finish, is_kept)
        _product(text, shape, result, weights, given, bias, ends)
    elif is_solid and matrix.row_stride == 1 and bias is None:  # (matrix @ column)ᵀ = row @ matrixᵀ
        result, row = Strided(out.region, out.start, 0, 1), Strided(operand.region, operand.start, 0, 1)
        transposed = Strided(weights.region, weights.start, weights.by_column, 1)
        shape = (1, matrix.rows, matrix.columns)
        _product(text, shape, result, row, transposed, None, _Ends(instruction.accumulate))
    elif is_solid and weights.by_column == 1:
        result, vector = Strided(out.region, out.start, 1, 0), Strided(operand.region, operand.start, 0, 1)
        dots(text, shape, result, weights, vector, bias, accumulate=instruction.accumulate)
    else:
        for part in as_sums(instruction):
            sum_of_products(text, layout, part)


def lane_product(text: Text, layout: Layout, instruction: LaneProduct) -> None:
    """out[i][j] = Σ left[i] × right[j] over their parts and lanes; what follows no rule is a gathered sum."""
    out, left, right = instruction.out, layout.operand(instruction.left), layout.operand(instruction.right)
    if out.listed or not (left.is_solid and right.is_solid):
        sum_of_products(text, layout, *as_sums(instruction))
        return
    result, accumulate = _strided(layout, out), instruction.accumulate
    length = left.count // out.rows * left.width
    shape = (out.rows, out.columns, length)
    if length == 1 and result.by_column == 1:  # an outer product
        column = Strided(left.region, left.start, 1, 0)
        row = Strided(right.region, right.start, 0, 1)
        _product(text, shape, result, column, row, None, _Ends(accumulate))
        return
    rows, columns = Strided(left.region, left.start, length, 1), Strided(right.region, right.start, length, 1)
    are_whole = out.columns % text.vector == 0 and length % text.vector == 0
    if are_whole and result.by_column == 1 and length <= MOST_LANES and text.module.registers >= 32:
        panel = Panel.of(text, columns, length, max(MANY_REGISTERS))
        _product(text, shape, result, rows, panel, None, _Ends(accumulate))
        return
    dots(text, shape, result, rows, columns, accumulate=accumulate)


def _strided(layout: Layout, matrix: Matrix) -> Strided:
    start = layout.address(matrix.space, matrix.start)
    return Strided(layout.regions[matrix.space], start, matrix.row_stride, matrix.column_stride)


class _Ends(NamedTuple):
    """How a tile begins, with what is there or 0; what is done with it at last, and whether it is stored."""

    accumulate: bool
    finish: Callable[[Index, int, str], None] | None = None
    is_kept: bool = True


def _product(
    text: Text,
    shape: tuple[int, int, int],
    result: Strided,
    left: Strided,
    right: Strided | Panel,
    bias: Operand | None,
    ends: _Ends,
) -> None:
    """result[i][n] (+)= bias[i] + Σ_j left[i][j] × right[j][n], the columns n side by side."""
    rows, columns, terms = shape
    rows_of_tile = MANY_REGISTERS if text.module.registers >= 32 else FEW_REGISTERS
    vector, widest = text.vector, max(rows_of_tile)

    def tiles(column: Index, width: int) -> None:
        vectors = -(-width // vector)
        most = rows_of_tile[vectors]
        if isinstance(right, Panel):
            right.pack(text, column, vectors, terms)

        def of_height(height: int) -> _Tile:
            return _Tile(text, result, left, right, bias, height, vectors, text.first(width), ends)

        sizes = cut(rows, most, max(4, most // 2))
        over(text, sizes, lambda row, height: of_height(height).compute(row, column, terms))

    whole = columns // vector * vector
    narrowest = 2 if isinstance(right, Panel) else widest - 1
    over(text, cut(whole, vector * widest, vector * narrowest, vector), tiles)
    if columns > whole:
        tiles(whole, columns - whole)


@frozen
class _Tile:
    """A block of the result that stays in registers while its sum is formed."""

    text: Text
    result: Strided
    left: Strided
    right: Strided | Panel
    bias: Operand | None
    height: int
    vectors: int
    mask: str
    ends: _Ends

    def compute(self, row: Index, column: Index, terms: int) -> None:
        """Begin with what is there and the bias, add all terms, store."""
        text, target = self.text, self.result.at(self.text, row, column)
        lines, steps = range(self.height), range(self.vectors)
        offsets = [line * self.result.by_row + text.vector * step for line in lines for step in steps]

        def add(term: Index, so_far: Sequence[str]) -> list[str]:
            return self._add(row, column, term, so_far)

        sums = text.loop(0, terms, add, self._begin(row, target, offsets))
        for offset, found in zip(offsets, sums, strict=True):
            if self.ends.is_kept:
                text.store(self.result.region, target, found, offset, self.mask)
            if self.ends.finish is not None:
                self.ends.finish(target, offset, found)

    def _begin(self, row: Index, target: Index, offsets: Sequence[int]) -> list[str]:
        text = self.text
        if self.ends.accumulate:
            return [text.load(self.result.region, target, offset, self.mask) for offset in offsets]
        if self.bias is None:
            return [text.number(0.0)] * len(offsets)
        numbers = map(text.splat, self.bias.ones(text, row, self.height))
        return [number for number in numbers for _ in range(self.vectors)]

    def _add(self, row: Index, column: Index, term: Index, so_far: Sequence[str]) -> list[str]:
        text = self.text
        factors = self.left.at(text, row, term)
        source = self.right.at(text, term, column)
        offsets = [text.vector * step for step in range(self.vectors)]
        given = [text.load(self.right.region, source, offset, self.mask) for offset in offsets]
        found: list[str] = []
        for line in range(self.height):
            factor = text.splat(text.load_one(self.left.region, factors, line * self.left.by_row))
            found += [
                text.fma(factor, vector, so_far[line * self.vectors + step])
                for step, vector in enumerate(given)
            ]
        return found
