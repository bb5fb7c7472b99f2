"""Matrices whose entries follow no rule as a whole are cut into blocks that do: for them are quick kernels.

The weights of a cell's input and those of its state, as parameters of their own, are two blocks of columns of
one matrix; those of several gates are blocks of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import sub
from typing import NamedTuple

from engine.replay.program.program import (
    LaneProduct,
    Matrix,
    MatrixProduct,
    PlainInstruction,
    Program,
    Rows,
    Space,
)

__all__ = ["Block", "blocks", "in_blocks"]

LEAST = 4  # entries of a block, on average; smaller ones are not worth an instruction of their own


class Block(NamedTuple):
    """Some neighboring rows and columns of a matrix, as a matrix by strides."""

    matrix: Matrix
    rows: slice
    columns: slice


def in_blocks(program: Program) -> Program:
    """The program with the products by listed matrices cut into products by blocks, where these are large."""
    return program.mapped(_cut, inside=True)


def _cut(instruction: PlainInstruction) -> Sequence[PlainInstruction]:
    if isinstance(instruction, MatrixProduct) and instruction.matrix.listed:
        return _cut_product(instruction) or [instruction]
    if isinstance(instruction, LaneProduct) and instruction.out.listed:
        found = blocks(instruction.out)
        return [_of_block(instruction, block) for block in found] or [instruction]
    return [instruction]


def _cut_product(product: MatrixProduct) -> list[MatrixProduct]:
    """The first of the blocks side by side stores, or adds to what there was; the others add to that."""
    found: list[MatrixProduct] = []
    begun: set[int] = set()
    for block in blocks(product.matrix):
        is_first = block.rows.start not in begun
        begun.add(block.rows.start)
        bias = None
        if product.bias is not None and is_first:
            bias = Rows(product.bias.space, product.bias.places[block.rows])
        found.append(
            MatrixProduct(
                _of_rows(product.out, product.matrix.rows, block.rows),
                block.matrix,
                _of_rows(product.operand, product.matrix.columns, block.columns),
                bias,
                accumulate=product.accumulate or not is_first,
            )
        )
    return found


def _of_block(product: LaneProduct, block: Block) -> LaneProduct:
    left = _of_rows(product.left, product.out.rows, block.rows)
    right = _of_rows(product.right, product.out.columns, block.columns)
    return LaneProduct(block.matrix, left, right, product.accumulate)


def _of_rows(rows: Rows, parts: int, chosen: slice) -> Rows:
    """Those rows that belong to some of so many equal parts."""
    size = len(rows) // parts
    return Rows(rows.space, rows.places[chosen.start * size : chosen.stop * size])


def blocks(matrix: Matrix) -> list[Block]:
    """The blocks of a listed matrix, the smallest first; none where there are too many.

    >>> from engine.replay.program.program import Space
    >>> listed = (0, 2, 3, 4, 1, 5, 6, 7)  # of each of two rows the weight of the input, then of three states
    >>> for block in blocks(Matrix(Space.WEIGHT, 2, 4, listed=listed)):
    ...     print(block.matrix, block.columns)
    w[2 × 1 from 0 by 1, 1] slice(0, 1, None)
    w[2 × 3 from 2 by 3, 1] slice(1, 4, None)
    """
    width = matrix.columns
    rows = [matrix.listed[start : start + width] for start in range(0, len(matrix.listed), width)]
    found: list[Block] = []
    first = 0
    for runs, alike in groupby(rows, _runs):
        group = list(alike)
        starts = [[row[run.start] for run, _ in runs] for row in group]
        for down in _slices([tuple(map(sub, there, here)) for here, there in pairwise(starts)]):
            chosen = slice(first + down.start, first + down.stop)
            found += [_block(matrix.space, rows, chosen, across) for across, _ in runs]
        first += len(group)
    is_regular = all(block.matrix.row_stride > 0 and block.matrix.column_stride > 0 for block in found)
    if not is_regular or len(found) * LEAST > len(matrix.listed):
        return []
    return sorted(found, key=lambda block: block.matrix.rows * block.matrix.columns)


def _block(space: Space, rows: Sequence[Sequence[int]], down: slice, across: slice) -> Block:
    places = [row[across] for row in rows[down]]
    (start, *others), height, width = places[0], len(places), len(places[0])
    by_column = others[0] - start if others else 1
    by_row = places[1][0] - start if height > 1 else width * by_column
    return Block(Matrix(space, height, width, start, by_row, by_column), down, across)


def _runs(places: Sequence[int]) -> list[tuple[slice, int]]:
    """Neighbors that are equally far from one another, and how far the last is from the first."""
    runs = _slices([there - here for here, there in pairwise(places)])
    return [(run, places[run.stop - 1] - places[run.start]) for run in runs]


def _slices(steps: Sequence[object]) -> list[slice]:
    """Where things with these steps between them are cut; a step that does not repeat is a cut.

    >>> _slices([1, 1, 8, 1, 1, 1])
    [slice(0, 3, None), slice(3, 7, None)]
    >>> _slices([8, 1, 1]), _slices([1, 1, 8, 8])
    ([slice(0, 1, None), slice(1, 4, None)], [slice(0, 3, None), slice(3, 5, None)])
    """
    if len(steps) <= 1:
        return [slice(0, len(steps) + 1)]
    edges, done, is_open = [0], 0, False
    for _, group in groupby(steps):
        count = len(list(group))
        if count == 1 or is_open:
            edges.append(done + 1)
        is_open = count > 1
        done += count
    return [slice(a, b) for a, b in pairwise([*edges, done + 1])]
