"""Binding: an instruction becomes a few calls of NumPy, on views and buffers that are made beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from engine import ops
from engine.replay.backends.arrays import COMPARISONS
from engine.replay.backends.numpy.functions import function_of, reduce_into
from engine.replay.backends.numpy.repeating import run_back, run_forward
from engine.replay.backends.numpy.storing import choose_places, count_into, store_listed
from engine.replay.program.expression import Apply, Argument
from engine.replay.program.program import (
    Elementwise,
    Instruction,
    LaneProduct,
    Matrix,
    MatrixProduct,
    Pick,
    Program,
    Reduction,
    Repeat,
    Rows,
    Scatter,
    Space,
    SumOfProducts,
)

__all__ = ["Array", "Binder", "Call"]

Array = Any  # np.ndarray of float64, unless said otherwise
Call = Callable[[], Any]


class Binder:
    """Turns instructions into calls on views of the buffers."""

    def __init__(self, program: Program, narrow: dict[Space, Array], lanes: int) -> None:
        self.lanes = lanes
        self.base = dict(narrow)
        for space in Space:
            if space.wide:
                self.base[space] = np.zeros((program.sizes[space], lanes))
        self._frames: dict[range, Array] = {}  # of every loop, one for each trip, where a way back needs them
        if any(isinstance(instruction, Repeat) for instruction in program.backward):
            loops = [one for one in program.forward if isinstance(one, Repeat)]
            self._frames = {loop.frame: np.empty((loop.trips, len(loop.frame), lanes)) for loop in loops}
        self._scratch: list[Array] = []
        self._taken = 0
        self._calls: list[Call] = []
        self._known: dict[Any, Array] = {}  # parts of the instruction's expression that are computed already
        self._chosen: dict[Any, Array] = {}

    def bind(self, instructions: Sequence[Instruction], *, together: bool = False) -> list[Call]:
        """The calls that do what the instructions say.

        `together` means that all are expressions of the same rows, and none writes what they read: what one
        has computed is no other's work.
        """
        self._calls = []
        for number, instruction in enumerate(instructions):
            if number == 0 or not together:
                self._taken = 0
                self._known.clear()
            self._bind_one(instruction)
        return self._calls

    def _bind_one(self, instruction: Instruction) -> None:
        match instruction:
            case MatrixProduct():
                self._matrix_product(instruction)
            case LaneProduct():
                self._lane_product(instruction)
            case SumOfProducts():
                self._sum_of_products(instruction)
            case Elementwise():
                self._elementwise(instruction)
            case Reduction():
                operand = self.view(instruction.operand).reshape(
                    -1, len(instruction.out), self._width(instruction.operand)
                )
                self._do(reduce_into, instruction.operation, operand, self.view(instruction.out))
            case Pick():
                self._pick(instruction)
            case Scatter():
                self._scatter(instruction)
            case Repeat():
                self._repeat(instruction)

    def _repeat(self, loop: Repeat) -> None:
        """The calls of the body are made once; what one trip picks is not what another picks."""
        calls, chosen = self._calls, self._chosen
        self._chosen = {}
        body = self.bind(loop.body)
        self._calls, self._chosen = calls, chosen
        run = run_back if loop.reverse else run_forward
        self._do(run(loop, self.base, body, self._frames.get(loop.frame)))

    def _do(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        self._calls.append(partial(function, *arguments, **named))

    def _width(self, rows: Rows) -> int:
        return self.lanes if rows.space.wide else 1

    def _temporary(self, shape: tuple[int, ...]) -> Array:
        """A buffer that lasts until the next instruction."""
        size = int(np.prod(shape))
        if self._taken == len(self._scratch):
            self._scratch.append(np.empty(size))
        elif self._scratch[self._taken].size < size:
            self._scratch[self._taken] = np.empty(size)
        buffer = self._scratch[self._taken][:size].reshape(shape)
        self._taken += 1
        return buffer

    def view(self, rows: Rows) -> Array:
        """The rows as an array (rows, lanes): a view where they are a range, else gathered when run."""
        base = self.base[rows.space]
        if isinstance(rows.places, range):
            return base[rows.index]
        gathered = self._temporary((len(rows), base.shape[1]))
        self._do(base.take, rows.index, axis=0, out=gathered, mode="clip")
        return gathered

    def _finish(self, out: Rows, result: Array, *, accumulate: bool) -> None:
        """Store or add a result to the rows of `out`."""
        if not isinstance(out.places, range):
            self._do(store_listed, self.base[out.space], out.index, result, accumulate)
        elif accumulate:
            target = self.view(out)
            self._do(np.add, target, result, target)
        else:
            self._do(np.copyto, self.view(out), result)

    def _target(self, out: Rows, shape: tuple[int, ...], *, accumulate: bool) -> tuple[Array, bool]:
        """Where a result can be computed: in its rows themselves (then True), or in a buffer."""
        if isinstance(out.places, range) and not accumulate:
            rows = self.view(out)
            if rows.shape == shape or out.places.step == 1:
                return rows.reshape(shape), True
        return self._temporary(shape), False

    def _matrix(self, matrix: Matrix) -> Array:
        base = self.base[matrix.space]
        if matrix.listed:
            gathered = self._temporary((matrix.rows, matrix.columns))
            self._do(
                base[:, 0].take, np.array(matrix.listed).reshape(gathered.shape), out=gathered, mode="clip"
            )
            return gathered
        size = base.itemsize
        strides = (matrix.row_stride * size, matrix.column_stride * size)
        return as_strided(base[matrix.start :, 0], (matrix.rows, matrix.columns), strides)

    def _matrix_product(self, instruction: MatrixProduct) -> None:
        out, matrix = instruction.out, instruction.matrix
        operand = self.view(instruction.operand).reshape(matrix.columns, -1)
        target, done = self._target(out, (matrix.rows, operand.shape[1]), accumulate=instruction.accumulate)
        self._do(np.matmul, self._matrix(matrix), operand, target)
        if instruction.bias is not None:
            bias = self.view(instruction.bias)
            self._do(np.add, target, bias, target)
        if not done:
            self._finish(out, target.reshape(len(out), -1), accumulate=instruction.accumulate)

    def _lane_product(self, instruction: LaneProduct) -> None:
        out = instruction.out
        left = self.view(instruction.left).reshape(out.rows, -1)
        right = self.view(instruction.right).reshape(out.columns, -1).T
        if not out.listed and not instruction.accumulate:
            self._do(np.matmul, left, right, self._matrix(out))
            return
        product = self._temporary((out.rows, out.columns))
        self._do(np.matmul, left, right, product)
        if out.listed:
            rows = Rows(out.space, out.listed)
            self._finish(rows, product.reshape(-1, 1), accumulate=instruction.accumulate)
        else:
            target = self._matrix(out)
            self._do(np.add, target, product, target)

    def _sum_of_products(self, instruction: SumOfProducts) -> None:
        out, count = instruction.out, instruction.uniform
        members, terms = (len(out), count) if count else (1, len(instruction.left))
        operands = [rows for rows in (instruction.left, instruction.right) if rows is not None]
        width, own = max(map(self._width, operands)), self._width(out)
        target, done = self._temporary((len(out), min(width, own))), False  # narrow terms go to all lanes
        if width >= own:
            target, done = self._target(out, (len(out), own), accumulate=instruction.accumulate)
        place = target[:, None] if count == 1 and width <= own else None
        term = self._terms(instruction, members, terms, place)
        if place is not None:
            done, target = done and term is place, term[:, 0]
        elif not count:
            sums = self._temporary((len(out), width)) if width > own else target
            self._do(np.add.reduceat, term[0], np.array((0, *instruction.ends[:-1])), 0, None, sums)
            term = sums[:, None]
        if width > own:
            self._do(np.add.reduce, term, (1, 2), None, target[:, 0])
        elif count > 1:
            self._do(np.add.reduce, term, 1, None, target)
        if not done:
            self._finish(out, target, accumulate=instruction.accumulate)

    def _terms(
        self, instruction: SumOfProducts, members: int, terms: int, target: Array | None = None
    ) -> Array:
        """The products to be summed, as an array (members, terms, lanes); computed into the target."""
        operands = [rows for rows in (instruction.left, instruction.right) if rows is not None]
        product, *factors = [self.view(rows).reshape(members, terms, -1) for rows in operands]
        if instruction.coefficients:
            numbers = np.array(instruction.coefficients)
            is_one = len(set(instruction.coefficients)) == 1  # then it is quicker as a number
            factors.append(np.array(numbers[0]) if is_one else numbers.reshape(members, terms, 1))
        for factor in factors:
            shape = np.broadcast_shapes(product.shape, factor.shape)
            into = target if target is not None and target.shape == shape else self._temporary(shape)
            self._do(np.multiply, product, factor, into)
            product = into
        return product

    def _elementwise(self, instruction: Elementwise) -> None:
        out = instruction.out
        arrays = [self.view(rows) for rows in instruction.operands]
        wide = any(rows.space.wide for rows in instruction.operands)
        shape = (len(out), self.lanes if wide else self._width(out))
        if wide and not out.space.wide:
            result, summed = self._temporary(shape), self._temporary((len(out), 1))
            self._evaluate(instruction.expression, arrays, result)
            self._do(np.add.reduce, result, 1, None, summed[:, 0])
            self._finish(out, summed, accumulate=instruction.accumulate)
            return
        target, done = self._target(out, shape, accumulate=instruction.accumulate)
        self._evaluate(instruction.expression, arrays, target)
        if not done:
            self._finish(out, target, accumulate=instruction.accumulate)

    def _evaluate(self, expression: Any, arrays: Sequence[Array], out: Array | None = None) -> Any:
        """The array (or number) of an expression; computed into `out` where that is given."""
        if isinstance(expression, Argument):
            found: Any = arrays[expression.number]
        elif not isinstance(expression, Apply):
            found = expression
        elif expression in self._known:
            found = self._known[expression]
        else:
            compute = self._where if expression.operation is ops.where else self._apply
            found = self._known[expression] = compute(expression, arrays, out)
        if out is not None and found is not out:
            self._do(np.copyto, out, found)
        return found

    def _apply(self, expression: Apply, arrays: Sequence[Array], out: Array | None) -> Array:
        operands = [self._evaluate(operand, arrays) for operand in expression.operands]
        shape = np.broadcast_shapes(*(np.shape(operand) for operand in operands))
        target = out if out is not None and out.shape == shape else self._temporary(shape)
        function = function_of(expression.operation)
        if isinstance(function, np.ufunc):  # which are quicker with an array than with a float
            operands = [np.asarray(operand) for operand in operands]
        self._do(function, *operands, out=target)
        return target

    def _where(self, expression: Apply, arrays: Sequence[Array], out: Array | None) -> Array:
        """Both sides, and by the condition one of them; 1 or 0 times one where the other is no path."""
        test, *sides = expression.operands
        accepted, otherwise = (self._evaluate(side, arrays) for side in sides)
        condition = self._condition(test, arrays)
        shape = np.broadcast_shapes(*(np.shape(each) for each in (condition, accepted, otherwise)))
        target = out if out is not None and out.shape == shape else self._temporary(shape)
        if isinstance(test, Apply) and isinstance(otherwise, float) and otherwise == 0.0:
            self._do(np.multiply, accepted, condition, target)
        else:
            self._do(function_of(ops.where), condition, accepted, otherwise, target)
        return target

    def _condition(self, expression: Any, arrays: Sequence[Array]) -> Array:
        """The bits of a comparison, by which to choose is quicker; or numbers, of which some are positive."""
        if not (isinstance(expression, Apply) and expression.operation in COMPARISONS):
            return self._evaluate(expression, arrays)
        operands = [np.asarray(self._evaluate(operand, arrays)) for operand in expression.operands]
        bits = np.empty(np.broadcast_shapes(*(operand.shape for operand in operands)), dtype=bool)
        self._do(function_of(expression.operation), *operands, out=bits)
        return bits

    def _pick(self, instruction: Pick) -> None:
        which = self._which(instruction.index, instruction.table)
        flat = self.base[instruction.table.space].reshape(-1)
        self._do(flat.take, which, out=self.view(instruction.out), mode="clip")

    def _scatter(self, instruction: Scatter) -> None:
        out = instruction.out
        which, left = self._which(instruction.index, out), self.view(instruction.left)
        flat = self.base[out.space].reshape(-1)
        if not out.space.wide:
            self._do(count_into, flat, which, left)
        elif len(set(out.places)) == len(out):
            self._do(store_listed, flat, which, left, True)
        else:
            self._do(np.add.at, flat, which, left)

    def _which(self, index: Rows, table: Rows) -> Array:
        """What each row and lane picks, as numbers in the flat space of the table; both ways share them."""
        key = (index, table.places, table.space.wide)
        if key not in self._chosen:
            places = np.array(table.places).reshape(-1, len(index))
            lanes = np.arange(self.lanes) if table.space.wide else np.zeros(1, dtype=np.intp)
            width = self.lanes if table.space.wide else 1
            which = self._chosen[key] = np.zeros((len(index), self.lanes), dtype=np.intp)
            self._do(choose_places, self.view(index), (places * width).reshape(-1), lanes, which)
        return self._chosen[key]
