"""The program as a pure JAX function: for accelerators, and for more than one machine.

The instructions, the way back included, are written in JAX's words while JAX traces the function; from there
on all is JAX's: compiling, vmap, many devices. Nothing is written in place: a result is a new block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np

from engine.errors import ReplayError
from engine.replay.backends.jax.functions import functions, in_primitives, reductions
from engine.replay.program.expression import Apply, Argument, Choose
from engine.replay.program.program import (
    Elementwise,
    Fill,
    LaneProduct,
    Matrix,
    MatrixProduct,
    Pick,
    PlainInstruction,
    Program,
    Reduction,
    Rows,
    Scatter,
    Space,
    SumOfProducts,
    every,
    rows_of,
)
from engine.replay.samples import Shape

__all__ = ["Part", "as_jax"]

Array = Any
Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """What is to be run on samples of one shape: a program, and the numbers of the held Values."""

    program: Program
    held: tuple[float, ...]


def as_jax(name: str, parameters: int, parts: Mapping[tuple[Shape, ...], Part]) -> Callable[..., Any]:
    """The function (weights, *batch) -> (losses, gradients), which JAX may compile, map and distribute.

    `weights` has the shape (parameters,), each array of the batch (samples, …) as it was recorded; the losses
    are (samples,), the gradients, (parameters,), are those of their sum. All is computed in the type of the
    weights. Raises ReplayError where JAX is not installed.
    """
    try:
        jnp = import_module("jax.numpy")
    except ImportError as error:
        raise ReplayError(
            "JAX is not installed: pip install jax (or the extra `jax` of this project)"
        ) from error
    known = {
        sizes: Part(in_primitives(part.program), part.held)
        for shape, part in parts.items()
        if (sizes := _sizes_of_all(shape)) is not None
    }

    def function(weights: Any, *batch: Any) -> tuple[Any, Any]:
        weights = jnp.asarray(weights)
        if not jnp.issubdtype(weights.dtype, jnp.floating):
            weights = weights.astype(float)
        arrays = [jnp.asarray(array) for array in batch]
        if weights.shape != (parameters,):
            raise ReplayError(f"weights must have the shape ({parameters},); got {weights.shape}")
        counts = {array.shape[:1] for array in arrays}
        if len(counts) > 1 or () in counts:
            raise ReplayError(f"each array needs one entry per sample; got {[a.shape for a in arrays]}")
        part = known.get(tuple(array.shape[1:] for array in arrays))
        if part is None:
            raise ReplayError(_unknown_shape(name, [array.shape for array in arrays], known))
        return _Run(part, weights, arrays).gradients()

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "(losses, the gradient of their sum) of (weights, *batch)."
    return function


def _unknown_shape(name: str, found: list[Sizes], known: Mapping[tuple[Sizes, ...], Part]) -> str:
    listed = "; ".join(", ".join(str(("samples", *sizes)) for sizes in key) for key in known)
    return (
        f"{name} was not recorded for arrays of the shapes {found}, but for {listed or 'ragged lists only'}; "
        "give to_jax a sample of this shape too"
    )


def _sizes_of_all(shapes: Sequence[Shape]) -> tuple[Sizes, ...] | None:
    found = [_sizes(shape) for shape in shapes]
    return None if None in found else tuple(found)  # type: ignore[arg-type]


def _sizes(shape: Shape) -> Sizes | None:
    """The sizes of an array with samples of this shape; None where they are ragged."""
    if shape == ():
        return ()
    inner = {_sizes(part) for part in shape}
    sizes = inner.pop()
    return None if inner or sizes is None else (len(shape), *sizes)


@dataclass
class _Store:
    """The newest numbers of every row of a space, in blocks of the shape (rows, lanes)."""

    block: Array  # for every row: the number of its block
    offset: Array  # and its place there
    blocks: list[Array] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, first: Array | None) -> _Store:
        """A store of so many rows, the first of which are in the block `first`."""
        if first is None:
            return cls(np.full(size, -1), np.zeros(size, dtype=int))
        return cls(np.zeros(size, dtype=int), np.arange(size), [first])

    def write(self, places: Sequence[int], block: Array) -> None:
        """Let these rows be a new block."""
        listed = np.asarray(places)
        self.block[listed], self.offset[listed] = len(self.blocks), np.arange(len(listed))
        self.blocks.append(block)

    def read(self, places: Sequence[int], join: Callable[[list[Array]], Array]) -> Array:
        """These rows as one array: a slice of a block where possible, slices joined, or gathered."""
        listed = np.asarray(places)
        block, offset = self.block[listed], self.offset[listed]
        cuts = np.flatnonzero((np.diff(block) != 0) | (np.diff(offset) != 1)) + 1
        if len(cuts) < 4:
            runs = [*pairwise((0, *cuts.tolist(), len(listed)))]
            slices = [self.blocks[block[a]][offset[a] : offset[a] + b - a] for a, b in runs]
            return slices[0] if len(slices) == 1 else join(slices)
        used = sorted(set(block.tolist()))
        starts = np.cumsum([0, *(len(self.blocks[number]) for number in used)])
        start_of = np.zeros(len(self.blocks), dtype=int)
        start_of[used] = starts[:-1]
        whole = self.blocks[used[0]] if len(used) == 1 else join([self.blocks[number] for number in used])
        return whole[start_of[block] + offset]


class _Run:
    """One pass over the instructions, while JAX looks on."""

    def __init__(self, part: Part, weights: Array, arrays: Sequence[Array]) -> None:
        self.program = part.program
        self.np = import_module("jax.numpy")
        self.functions, self.reductions = functions(), reductions()
        self.type = weights.dtype
        self.lanes = arrays[0].shape[0] if arrays else 1
        self.stores = self._stores(part, weights, arrays)

    def _stores(self, part: Part, weights: Array, arrays: Sequence[Array]) -> dict[Space, _Store]:
        held = self.np.asarray(part.held, self.type)
        rows = [array.reshape(self.lanes, -1).astype(self.type).T for array in arrays]
        samples = self.np.concatenate(rows)[np.asarray(self.program.inputs, dtype=int)] if rows else None
        sizes = self.program.sizes
        first = {
            Space.WEIGHT: self.np.concatenate((weights, held))[:, None],
            Space.CONSTANT: self.np.asarray(self.program.constants, self.type)[:, None],
            Space.GRADIENT: self.np.zeros((sizes[Space.GRADIENT], 1), self.type),
            Space.SHARED_ADJOINT: self.np.zeros((sizes[Space.SHARED_ADJOINT], 1), self.type),
        }
        stores = {space: _Store.of(size, first.get(space)) for space, size in sizes.items()}
        if samples is not None and len(samples):
            stores[Space.VALUE].write(range(len(samples)), samples)
        return stores

    def gradients(self) -> tuple[Array, Array]:
        """(losses, the gradient of their sum by the weights)."""
        for instruction in every(i for _, part in self.program.parts() for i in part):
            self._run(instruction)
        losses = self._read(Rows(Space.VALUE, self.program.outputs.places[:1]))[0]
        wanted = self._read(Rows(Space.GRADIENT, range(self.program.wanted))) if self.program.wanted else None
        return losses, self.np.zeros(0, self.type) if wanted is None else wanted[:, 0]

    def _run(self, instruction: PlainInstruction) -> None:
        match instruction:
            case Fill(out, number):
                self._write(instruction, self.np.full((len(out), 1), number, self.type))
            case MatrixProduct():
                self._write(instruction, self._matrix_product(instruction))
            case LaneProduct():
                self._write(instruction, self._lane_product(instruction))
            case SumOfProducts():
                self._write(instruction, self._sum_of_products(instruction))
            case Elementwise():
                self._write(instruction, self._elementwise(instruction))
            case Reduction(out, operation, operand):
                terms = self._read(operand)
                terms = terms.reshape(-1, len(out), terms.shape[1])
                self._write(instruction, self.reductions[operation](terms))
            case Pick(_, index, table):
                self._write(instruction, self._pick(index, table, instruction.from_zero))
            case Scatter(out, index, left):
                self._scatter(out, index, self._read(left))

    def _read(self, rows: Rows) -> Array:
        return self.stores[rows.space].read(rows.places, self.np.concatenate)

    def _write(self, instruction: PlainInstruction, result: Array) -> None:
        """Store a result, or add it to what is there; rows of a wide space get all their lanes."""
        out = rows_of(instruction.out)
        if instruction.accumulate:
            result = self._read(out) + result
        if out.space.wide:
            result = self.np.broadcast_to(result, (len(out), self.lanes))
        self.stores[out.space].write(out.places, result)

    def _over_lanes(self, rows: Rows, *operands: Rows) -> bool:
        """Whether the lanes of the operands are to be summed: the result has only one."""
        return not rows.space.wide and any(operand.space.wide for operand in operands)

    def _matrix_product(self, instruction: MatrixProduct) -> Array:
        """Lanes stay an axis of their own, so that an array that is divided along them stays divided."""
        matrix, operand = instruction.matrix, self._read(instruction.operand)
        entries = self._matrix(matrix)
        columns = operand.reshape(matrix.columns, -1, operand.shape[1])
        product = self.np.einsum("rc,ctl->rtl", entries, columns)
        if instruction.bias is not None:
            product = product + self._read(instruction.bias)[:, :, None]
        return product.reshape(len(instruction.out), -1)

    def _matrix(self, matrix: Matrix) -> Array:
        return self._read(rows_of(matrix)).reshape(matrix.rows, matrix.columns)

    def _lane_product(self, instruction: LaneProduct) -> Array:
        out, left, right = instruction.out, self._read(instruction.left), self._read(instruction.right)
        rows = left.reshape(out.rows, -1, left.shape[1])
        columns = right.reshape(out.columns, -1, right.shape[1])
        return self.np.einsum("rtl,ctl->rc", rows, columns).reshape(-1, 1)

    def _sum_of_products(self, instruction: SumOfProducts) -> Array:
        """Ragged sums are filled up to the longest, unless that would be most of the work."""
        members, count, terms = len(instruction.out), instruction.uniform, len(instruction.left)
        counts = np.diff((0, *instruction.ends))
        longest = int(counts.max())
        places = np.arange(terms)
        mask = None
        if not count and members * longest <= 4 * terms:
            along = np.arange(longest)
            mask = along < counts[:, None]
            places = np.where(mask, (np.asarray(instruction.ends) - counts)[:, None] + along, 0).ravel()
            count = longest
        product = self._products(instruction, places)
        if count:
            product = product.reshape(members, count, -1)
            product = product if mask is None else self.np.where(mask[:, :, None], product, 0.0)
            summed = product.sum(1)
        else:
            owners = np.repeat(np.arange(members), counts)
            summed = self.np.zeros((members, product.shape[1]), self.type).at[owners].add(product)
        operands = [rows for rows in (instruction.left, instruction.right) if rows is not None]
        return summed.sum(1, keepdims=True) if self._over_lanes(instruction.out, *operands) else summed

    def _products(self, instruction: SumOfProducts, places: Array) -> Array:
        """coefficient × left × right of the terms with these numbers."""
        product = self._read(_some_of(instruction.left, places))
        if instruction.right is not None:
            product = product * self._read(_some_of(instruction.right, places))
        if instruction.coefficients:
            product = product * np.asarray(instruction.coefficients, self.type)[places][:, None]
        return product

    def _elementwise(self, instruction: Elementwise) -> Array:
        out, operands = instruction.out, instruction.operands
        longest = max(map(len, (out, *operands)))
        arrays = [self._repeated(self._read(rows), longest) for rows in operands]
        result = self._evaluate(instruction.expression, arrays)
        lanes = max((array.shape[1] for array in arrays), default=1)
        result = self.np.broadcast_to(self.np.asarray(result, self.type), (longest, lanes))
        if len(out) < longest:
            result = result.reshape(-1, len(out), lanes).sum(0)
        return result.sum(1, keepdims=True) if self._over_lanes(out, *operands) else result

    def _repeated(self, array: Array, longest: int) -> Array:
        return array if len(array) in (1, longest) else self.np.tile(array, (longest // len(array), 1))

    def _evaluate(self, expression: Any, arrays: Sequence[Array]) -> Any:
        """The array (or number) of an expression."""
        if isinstance(expression, Argument):
            return arrays[expression.number]
        if isinstance(expression, Apply):
            operands = [self._evaluate(operand, arrays) for operand in expression.operands]
            return self.functions[expression.operation](*operands)
        if isinstance(expression, Choose):
            sides = (expression.condition, expression.accepted, expression.otherwise)
            condition, accepted, otherwise = (self._evaluate(side, arrays) for side in sides)
            return self.np.where(condition != 0.0, accepted, otherwise)
        return expression

    def _which(self, index: Rows, choices: int) -> tuple[Array, Array]:
        """Which of so many choices each row and lane picks, and whether there is such a one.

        An index below 0 counts from the end.
        """
        numbers = self._read(index)
        whole = self.np.floor(numbers)
        valid = (numbers == whole) & (whole >= -choices) & (whole < choices)
        return self.np.where(valid, whole, 0.0).astype(int) % choices, valid

    def _pick(self, index: Rows, table: Rows, from_zero: bool) -> Array:
        """Row i picks from its column of the table; nan where there is no such place, which eager refuses."""
        choices = len(table) // len(index)
        which, valid = self._which(index, choices)
        if table.space.wide:  # compared with every choice, so that no lane looks into another's
            columns = self._read(table).reshape(choices, len(index), -1)
            found = self.np.where(self._is_chosen(which, choices), columns, 0.0).sum(0)
        else:
            rows, places = _distinct(table, len(index))
            found = self._read(rows)[self.np.asarray(places)[which, np.arange(len(index))[:, None]], 0]
        if from_zero:
            valid = valid & (self._read(index) >= 0.0)
        return self.np.where(valid, found, np.nan)

    def _is_chosen(self, which: Array, choices: int) -> Array:
        return which == self.np.arange(choices)[:, None, None]

    def _scatter(self, out: Rows, index: Rows, left: Array) -> None:
        choices = len(out) // len(index)
        which, _ = self._which(index, choices)
        rows, places = _distinct(out, len(index))
        if out.space.wide:
            parts = self.np.where(self._is_chosen(which, choices), left, 0.0).reshape(len(out), -1)
            added = self._read(rows).at[places.ravel()].add(parts)
        else:
            chosen = self.np.asarray(places)[which, np.arange(len(index))[:, None]]
            added = self._read(rows).at[chosen, 0].add(left)
        self.stores[out.space].write(rows.places, added)


def _distinct(table: Rows, columns: int) -> tuple[Rows, Array]:
    """The rows of a table, each once, and the place of each entry among them, (choices, columns)."""
    listed, inverse = np.unique(np.asarray(table.places), return_inverse=True)
    return Rows(table.space, tuple(listed.tolist())), inverse.reshape(-1, columns)


def _some_of(rows: Rows, numbers: Array) -> Rows:
    """Those of the rows that have these numbers."""
    return Rows(rows.space, tuple(np.asarray(rows.places)[numbers].tolist()))
