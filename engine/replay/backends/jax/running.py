"""Runner: plain instructions on the rows of stores, while JAX looks on."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce
from importlib import import_module
from typing import Any

import numpy as np

from engine.replay.backends.arrays import REDUCTIONS
from engine.replay.backends.jax.functions import functions
from engine.replay.backends.jax.storing import Store
from engine.replay.program.expression import Apply, Argument
from engine.replay.program.program import (
    Elementwise,
    LaneProduct,
    Matrix,
    MatrixProduct,
    Pick,
    PlainInstruction,
    Reduction,
    Rows,
    Scatter,
    Space,
    SumOfProducts,
    rows_of,
)

__all__ = ["Runner"]

Array = Any


class Runner:
    """Runs instructions on samples in so many lanes; all is computed in one type."""

    def __init__(self, stores: dict[Space, Store], dtype: Any, lanes: int) -> None:
        self.stores, self.type, self.lanes = stores, dtype, lanes
        self.np = import_module("jax.numpy")
        self.functions = functions()

    def read(self, rows: Rows) -> Array:
        """The rows as an array (rows, lanes), or (rows, 1) where they are the same for all samples."""
        if not len(rows):
            return self.np.zeros((0, self.lanes if rows.space.wide else 1), self.type)
        return self.stores[rows.space].read(rows.places, self.np.concatenate)

    def write(self, rows: Rows, result: Array) -> None:
        """Let the rows be this; rows of a wide space get all their lanes."""
        if not len(rows):
            return
        if rows.space.wide:
            result = self.np.broadcast_to(result, (len(rows), self.lanes))
        self.stores[rows.space].write(rows.places, result)

    def add(self, rows: Rows, result: Array) -> None:
        """Add to what is there; to a row that is mentioned several times, all that is for it."""
        distinct, places = _distinct(rows, 1)
        if len(distinct) < len(rows):
            rows, result = distinct, self.read(distinct).at[places[:, 0]].add(result)
        else:
            result = self.read(rows) + result
        self.write(rows, result)

    def run(self, instruction: PlainInstruction) -> None:
        """Run one instruction."""
        match instruction:
            case MatrixProduct():
                self._finish(instruction, self._matrix_product(instruction))
            case LaneProduct():
                self._finish(instruction, self._lane_product(instruction))
            case SumOfProducts():
                self._finish(instruction, self._sum_of_products(instruction))
            case Elementwise():
                self._finish(instruction, self._elementwise(instruction))
            case Reduction(out, operation, operand):
                terms = self.read(operand)
                terms = terms.reshape(-1, len(out), terms.shape[1])
                self._finish(instruction, REDUCTIONS[operation](self.np, terms))
            case Pick(_, index, table):
                self._finish(instruction, self._pick(index, table, instruction.from_zero))
            case Scatter(out, index, left):
                self._scatter(out, index, self.read(left))

    def _finish(self, instruction: PlainInstruction, result: Array) -> None:
        """Store a result, or add it to what is there."""
        out = rows_of(instruction.out)
        self.write(out, self.read(out) + result if instruction.accumulate else result)

    def _over_lanes(self, rows: Rows, *operands: Rows) -> bool:
        """Whether the lanes of the operands are to be summed: the result has only one."""
        return not rows.space.wide and any(operand.space.wide for operand in operands)

    def _matrix_product(self, instruction: MatrixProduct) -> Array:
        """Lanes stay an axis of their own, so that an array that is divided along them stays divided."""
        matrix, operand = instruction.matrix, self.read(instruction.operand)
        entries = self._matrix(matrix)
        columns = operand.reshape(matrix.columns, -1, operand.shape[1])
        product = self.np.einsum("rc,ctl->rtl", entries, columns)
        if instruction.bias is not None:
            product = product + self.read(instruction.bias)[:, :, None]
        return product.reshape(len(instruction.out), -1)

    def _matrix(self, matrix: Matrix) -> Array:
        return self.read(rows_of(matrix)).reshape(matrix.rows, matrix.columns)

    def _lane_product(self, instruction: LaneProduct) -> Array:
        out, left, right = instruction.out, self.read(instruction.left), self.read(instruction.right)
        rows = left.reshape(out.rows, -1, left.shape[1])
        columns = right.reshape(out.columns, -1, right.shape[1])
        return self.np.einsum("rtl,ctl->rc", rows, columns).reshape(-1, 1)

    def _sum_of_products(self, instruction: SumOfProducts) -> Array:
        members, count = len(instruction.out), instruction.uniform
        operands = [rows for rows in (instruction.left, instruction.right) if rows is not None]
        product = reduce(operator.mul, map(self.read, operands))
        if instruction.coefficients:
            product = product * np.asarray(instruction.coefficients, self.type)[:, None]
        if count:
            summed = product.reshape(members, count, -1).sum(1)
        else:
            owners = np.repeat(np.arange(members), np.diff((0, *instruction.ends)))
            zeros = self.np.zeros((members, product.shape[1]), self.type)
            summed = zeros.at[owners].add(product, indices_are_sorted=True)
        return summed.sum(1, keepdims=True) if self._over_lanes(instruction.out, *operands) else summed

    def _elementwise(self, instruction: Elementwise) -> Array:
        out, operands = instruction.out, instruction.operands
        arrays = [self.read(rows) for rows in operands]
        result = self._evaluate(instruction.expression, arrays)
        lanes = max((array.shape[1] for array in arrays), default=1)
        result = self.np.broadcast_to(self.np.asarray(result, self.type), (len(out), lanes))
        return result.sum(1, keepdims=True) if self._over_lanes(out, *operands) else result

    def _evaluate(self, expression: Any, arrays: Sequence[Array]) -> Any:
        """The array (or number) of an expression."""
        if isinstance(expression, Argument):
            return arrays[expression.number]
        if isinstance(expression, Apply):
            operands = [self._evaluate(operand, arrays) for operand in expression.operands]
            return self.functions[expression.operation](*operands)
        return expression

    def _which(self, index: Rows, choices: int) -> tuple[Array, Array]:
        """Which of so many choices each row and lane picks, and whether there is such a one.

        An index below 0 counts from the end.
        """
        numbers = self.read(index)
        whole = self.np.floor(numbers)
        valid = (numbers == whole) & (whole >= -choices) & (whole < choices)
        return self.np.where(valid, whole, 0.0).astype(int) % choices, valid

    def _pick(self, index: Rows, table: Rows, from_zero: bool) -> Array:
        """Row i picks from its column of the table; nan where there is no such place, which eager refuses."""
        choices = len(table) // len(index)
        which, valid = self._which(index, choices)
        if table.space.wide:  # compared with every choice, so that no lane looks into another's
            columns = self.read(table).reshape(choices, len(index), -1)
            found = self.np.where(self._is_chosen(which, choices), columns, 0.0).sum(0)
        else:
            rows, places = _distinct(table, len(index))
            found = self.read(rows)[self.np.asarray(places)[which, np.arange(len(index))[:, None]], 0]
        if from_zero:
            valid = valid & (self.read(index) >= 0.0)
        return self.np.where(valid, found, np.nan)

    def _is_chosen(self, which: Array, choices: int) -> Array:
        return which == self.np.arange(choices)[:, None, None]

    def _scatter(self, out: Rows, index: Rows, left: Array) -> None:
        choices = len(out) // len(index)
        which, _ = self._which(index, choices)
        rows, places = _distinct(out, len(index))
        if out.space.wide:
            parts = self.np.where(self._is_chosen(which, choices), left, 0.0).reshape(len(out), -1)
            added = self.read(rows).at[places.ravel()].add(parts)
        else:
            chosen = self.np.asarray(places)[which, np.arange(len(index))[:, None]]
            added = self.read(rows).at[chosen, 0].add(left)
        self.write(rows, added)


def _distinct(table: Rows, columns: int) -> tuple[Rows, Array]:
    """The rows of a table, each once, and the place of each entry among them, (choices, columns)."""
    listed, inverse = np.unique(np.asarray(table.places), return_inverse=True)
    return Rows(table.space, tuple(listed.tolist())), inverse.reshape(-1, columns)
