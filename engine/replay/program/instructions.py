"""The instructions of a program: what they compute, and in which rows of which space.

A row is one scalar of the tape for a whole batch of samples: its lanes. Some rows are the same for
all samples, what depends on parameters and constants alone: they have one lane. Every operand says in
which space its rows are; an instruction whose result has one lane, though an operand has many, sums over
the lanes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import cached_property
from itertools import pairwise, repeat
from typing import Any, ClassVar

import numpy as np

from engine.frozen import frozen
from engine.operation import Operation

__all__ = [
    "Elementwise",
    "LaneProduct",
    "Matrix",
    "MatrixProduct",
    "Pick",
    "PlainInstruction",
    "Reduction",
    "Row",
    "Rows",
    "Scatter",
    "Space",
    "SumOfProducts",
    "as_sums",
    "grid",
    "rows_of",
]


# Of each term the coefficient, and the places of its factors; −1 for none.
Terms = Sequence[tuple[float, int, int]]


class Space(Enum):
    """Where a row lives; the first four have a lane for every sample, the others one lane for all."""

    VALUE = "v"  # the inputs, then everything that depends on them
    ADJOINT = "dv"  # the derivative of the loss by each row of VALUE
    FRAME = "f"  # what a loop computes in one trip: see `repeat`
    FRAME_ADJOINT = "df"
    WEIGHT = "w"  # the parameters, then the held values
    GRADIENT = "dw"
    SHARED = "s"  # what depends on weights and constants alone
    SHARED_ADJOINT = "ds"
    CONSTANT = "c"

    __hash__ = object.__hash__  # a space is itself: quicker than by name, and rolling asks a million times

    @property
    def wide(self) -> bool:
        """Whether a row here has a lane for every sample."""
        return self in _WIDE

    @property
    def adjoint(self) -> Space:
        """The space of the derivatives by the rows of this one."""
        return _ADJOINTS[self]


Row = tuple[Space, int]  # one of them
_WIDE = (Space.VALUE, Space.ADJOINT, Space.FRAME, Space.FRAME_ADJOINT)
_ADJOINTS = {
    Space.VALUE: Space.ADJOINT,
    Space.FRAME: Space.FRAME_ADJOINT,
    Space.WEIGHT: Space.GRADIENT,
    Space.SHARED: Space.SHARED_ADJOINT,
}


@frozen
class Rows:
    """Rows of a space: a range where they lie side by side, else a tuple of places; iterated one by one."""

    space: Space
    places: range | tuple[int, ...]

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Row]:
        return zip(repeat(self.space), self.places)

    def __str__(self) -> str:
        places = self.places
        if len(places) == 1:
            return f"{self.space.value}[{places[0]}]"
        if isinstance(places, range):
            step = "" if places.step == 1 else f":{places.step}"
            return f"{self.space.value}[{places.start}:{places.stop}{step}]"
        return f"{self.space.value}[{places[0]}, {places[1]}, … {len(places)} rows]"

    @property
    def index(self) -> Any:
        """What picks these rows of an array."""
        places = self.places
        if isinstance(places, range) and places.step > 0:
            return slice(places.start, places.stop, places.step)
        return np.array(places, dtype=np.intp)

    @classmethod
    def of(cls, space: Space, places: Iterable[int]) -> Rows:
        """The rows at these places, as a range where that is possible."""
        listed = tuple(places)
        if not listed:
            return cls(space, range(0))
        step = listed[1] - listed[0] if len(listed) > 1 else 1
        if step > 0 and all(b - a == step for a, b in pairwise(listed)):
            return cls(space, range(listed[0], listed[-1] + 1, step))
        return cls(space, listed)


@frozen
class Matrix:
    """Rows of one lane as a matrix: entry (i, j) is at start + i × row_stride + j × column_stride.

    Where the places follow no such rule, they are listed, row by row.
    """

    space: Space
    rows: int
    columns: int
    start: int = 0
    row_stride: int = 0
    column_stride: int = 1
    listed: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = "listed" if self.listed else f"from {self.start} by {self.row_stride}, {self.column_stride}"
        return f"{self.space.value}[{self.rows} × {self.columns} {where}]"

    @cached_property
    def places(self) -> tuple[int, ...]:
        """The places of all entries, row by row."""
        if self.listed:
            return self.listed
        rows, columns = np.arange(self.rows) * self.row_stride, np.arange(self.columns) * self.column_stride
        return tuple((self.start + np.add.outer(rows, columns)).ravel().tolist())

    @property
    def is_once(self) -> bool:
        """Whether every entry stands at a place of its own."""
        if not self.listed and 0 < self.columns * self.column_stride <= self.row_stride:
            return True
        return len(set(self.places)) == self.rows * self.columns

    def transposed(self) -> Matrix:
        """The same entries, with rows and columns exchanged."""
        entries = self.listed
        listed = tuple(entry for j in range(self.columns) for entry in entries[j :: self.columns])
        strides = (self.column_stride, self.row_stride)
        return Matrix(self.space, self.columns, self.rows, self.start, *strides, listed)


@frozen
class MatrixProduct:
    """out[i][t] = bias[i] + Σ_j matrix[i][j] × operand[j][t]; t runs over equal parts of the operand."""

    out: Rows
    matrix: Matrix
    operand: Rows
    bias: Rows | None = None
    accumulate: bool = False


@frozen
class LaneProduct:
    """out[i][j] = Σ over t and lanes of left[i][t] × right[j][t]: the gradient of a matrix."""

    out: Matrix
    left: Rows
    right: Rows
    accumulate: bool = False


@frozen
class SumOfProducts:
    """out[i] = Σ coefficient × left × right over the terms of member i, which end at ends[i].

    Without `right` the terms are single rows; without `coefficients` they are all 1.
    """

    out: Rows
    ends: tuple[int, ...]
    left: Rows
    right: Rows | None = None
    coefficients: tuple[float, ...] = ()
    accumulate: bool = False

    @classmethod
    def of(
        cls, out: Rows, spaces: tuple[Space, Space | None], sums: Sequence[Terms], *, accumulate: bool = False
    ) -> SumOfProducts:
        """The sums of these terms, for each row of `out`, of factors in two spaces, or in one."""
        terms = [term for each in sums for term in each]
        coefficients = tuple([coefficient for coefficient, _, _ in terms])
        return cls(
            out=out,
            ends=tuple(itertools.accumulate(map(len, sums))),
            left=Rows.of(spaces[0], [left for _, left, _ in terms]),
            right=None if spaces[1] is None else Rows.of(spaces[1], [right for _, _, right in terms]),
            coefficients=() if set(coefficients) == {1.0} else coefficients,
            accumulate=accumulate,
        )

    @property
    def uniform(self) -> int:
        """The number of terms where every member has the same, else 0."""
        count = self.ends[0]
        regular = all(end == count * (number + 1) for number, end in enumerate(self.ends))
        return count if regular else 0


@frozen
class Elementwise:
    """out[i] = expression of the operands' rows i; without operands it is a number."""

    out: Rows
    expression: Any
    operands: tuple[Rows, ...]
    accumulate: bool = False

    @property
    def is_seed(self) -> bool:
        """Whether a gradient begins here: not in lanes that only fill a block."""
        return self.out.space is Space.ADJOINT and not self.operands and self.expression != 0.0


@frozen
class Reduction:
    """out[i] = operation(operand[0][i], operand[1][i], …): one of the table's rows for many operands."""

    out: Rows
    operation: Operation
    operand: Rows
    accumulate: ClassVar[bool] = False


@frozen
class Pick:
    """out[i] = table[k][i], where k is the number in row i of index.

    A negative k counts from the end, unless places are told from 0 on.
    """

    out: Rows
    index: Rows
    table: Rows
    from_zero: bool = False
    accumulate: ClassVar[bool] = False


@frozen
class Scatter:
    """table[k][i] += left[i], where k is the number in row i of index: the way back of Pick."""

    out: Rows
    index: Rows
    left: Rows
    accumulate: ClassVar[bool] = True


PlainInstruction = MatrixProduct | LaneProduct | SumOfProducts | Elementwise | Reduction | Pick | Scatter


def grid(places: range | tuple[int, ...], members: int, terms: int) -> tuple[int, int, int] | None:
    """(start, step from member to member, step from term to term) where listed terms follow such a rule."""
    by_term = places[1] - places[0] if terms > 1 else 1
    by_member = places[terms] - places[0] if members > 1 else 1
    for member in range(members):
        start = places[0] + member * by_member
        expected = range(start, start + terms * by_term, by_term) if by_term else (start,) * terms
        if tuple(places[member * terms : (member + 1) * terms]) != tuple(expected):
            return None
    return places[0], by_member, by_term


def rows_of(thing: Rows | Matrix) -> Rows:
    """The rows that an operand mentions."""
    return thing if isinstance(thing, Rows) else Rows(thing.space, thing.places)


def as_sums(instruction: MatrixProduct | LaneProduct) -> list[SumOfProducts]:
    """The same as gathered sums: of the bias, if there is one, and of the products."""
    begun = instruction.accumulate
    if isinstance(instruction, LaneProduct):
        out, left, right = instruction.out, instruction.left, instruction.right
        rows, columns, count = range(out.rows), range(out.columns), len(left) // out.rows
        lefts: list[Sequence[int]] = [left.places[row * count : (row + 1) * count] for row in rows]
        rights = [right.places[column * count : (column + 1) * count] for column in columns]
        sums = [_products(lefts[row], rights[column]) for row in rows for column in columns]
        return [SumOfProducts.of(rows_of(out), (left.space, right.space), sums, accumulate=begun)]
    matrix, operand, bias = instruction.matrix, instruction.operand, instruction.bias
    rows, positions, listed = range(matrix.rows), range(len(instruction.out) // matrix.rows), matrix.places
    lefts = [listed[row * matrix.columns : (row + 1) * matrix.columns] for row in rows]
    rights = [operand.places[position :: len(positions)] for position in positions]
    sums = [_products(lefts[row], rights[position]) for row in rows for position in positions]
    begun = begun or bias is not None
    product = SumOfProducts.of(instruction.out, (matrix.space, operand.space), sums, accumulate=begun)
    if bias is None:
        return [product]
    biases: list[Terms] = [[(1.0, bias.places[row], -1)] for row in rows for _ in positions]
    return [SumOfProducts.of(instruction.out, (bias.space, None), biases), product]


def _products(left: Sequence[int], right: Sequence[int]) -> Terms:
    return [(1.0, *factors) for factors in zip(left, right, strict=True)]
