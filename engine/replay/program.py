"""Program: a tape re-rolled into a few coarse instructions, each over many rows at once.

A row is one scalar of the tape for a whole batch of samples: its lanes. Some rows are the same for
all samples, what depends on parameters and constants alone: they have one lane. Every operand says in
which space its rows are; an instruction whose result has one lane, though an operand has many, sums over
the lanes. The way back is written in the same instructions as the way there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from itertools import pairwise
from typing import Any

from engine.errors import ReplayError
from engine.operation import Operation

__all__ = [
    "Elementwise",
    "Fill",
    "Instruction",
    "LaneProduct",
    "Matrix",
    "MatrixProduct",
    "Pick",
    "Program",
    "Reduction",
    "Rows",
    "Scatter",
    "Space",
    "SumOfProducts",
    "grid",
]


class Space(Enum):
    """Where a row lives; the first two have a lane for every sample, the others one lane for all."""

    VALUE = "v"  # the inputs, then everything that depends on them
    ADJOINT = "dv"  # the derivative of the loss by each row of VALUE
    WEIGHT = "w"  # the parameters, then the held values
    GRADIENT = "dw"
    SHARED = "s"  # what depends on weights and constants alone
    SHARED_ADJOINT = "ds"
    CONSTANT = "c"

    __hash__ = object.__hash__  # a space is itself: quicker than by name, and rolling asks a million times

    @property
    def wide(self) -> bool:
        """Whether a row here has a lane for every sample."""
        return self in (Space.VALUE, Space.ADJOINT)

    @property
    def adjoint(self) -> Space:
        """The space of the derivatives by the rows of this one."""
        return {Space.VALUE: Space.ADJOINT, Space.WEIGHT: Space.GRADIENT, Space.SHARED: Space.SHARED_ADJOINT}[
            self
        ]


@dataclass(frozen=True)
class Rows:
    """Rows of a space: a range where they lie side by side, else a tuple of places."""

    space: Space
    places: range | tuple[int, ...]

    def __len__(self) -> int:
        return len(self.places)

    def __str__(self) -> str:
        places = self.places
        if len(places) == 1:
            return f"{self.space.value}[{places[0]}]"
        if isinstance(places, range):
            step = "" if places.step == 1 else f":{places.step}"
            return f"{self.space.value}[{places.start}:{places.stop}{step}]"
        return f"{self.space.value}[{places[0]}, {places[1]}, … {len(places)} rows]"

    @classmethod
    def of(cls, space: Space, places: Iterable[int]) -> Rows:
        """The rows at these places, as a range where that is possible."""
        listed = tuple(places)
        step = listed[1] - listed[0] if len(listed) > 1 else 1
        if step > 0 and all(b - a == step for a, b in pairwise(listed)):
            return cls(space, range(listed[0], listed[-1] + 1, step))
        return cls(space, listed)


@dataclass(frozen=True)
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

    def places(self) -> list[int]:
        """The places of all entries, row by row."""
        if self.listed:
            return list(self.listed)
        along = [column * self.column_stride for column in range(self.columns)]
        return [self.start + row * self.row_stride + j for row in range(self.rows) for j in along]

    def transposed(self) -> Matrix:
        """The same entries, with rows and columns exchanged."""
        entries = self.places() if self.listed else []
        listed = tuple(entry for j in range(self.columns) for entry in entries[j :: self.columns])
        strides = (self.column_stride, self.row_stride)
        return Matrix(self.space, self.columns, self.rows, self.start, *strides, listed)


@dataclass(frozen=True)
class Fill:
    """Out = number."""

    out: Rows
    number: float
    accumulate: bool = False


@dataclass(frozen=True)
class MatrixProduct:
    """out[i][t] = bias[i] + Σ_j matrix[i][j] × operand[j][t]; t runs over equal parts of the operand."""

    out: Rows
    matrix: Matrix
    operand: Rows
    bias: Rows | None = None
    accumulate: bool = False


@dataclass(frozen=True)
class LaneProduct:
    """out[i][j] = Σ over t and lanes of left[i][t] × right[j][t]: the gradient of a matrix."""

    out: Matrix
    left: Rows
    right: Rows
    accumulate: bool = False


@dataclass(frozen=True)
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

    @property
    def uniform(self) -> int:
        """The number of terms where every member has the same, else 0."""
        count = self.ends[0]
        regular = all(end == count * (number + 1) for number, end in enumerate(self.ends))
        return count if regular else 0


@dataclass(frozen=True)
class Elementwise:
    """out[i] = expression of the operands' rows i; a shorter operand repeats, a shorter out sums repeats."""

    out: Rows
    expression: Any
    operands: tuple[Rows, ...]
    accumulate: bool = False


@dataclass(frozen=True)
class Reduction:
    """out[i] = operation(operand[0][i], operand[1][i], …): one of the table's rows for many operands."""

    out: Rows
    operation: Operation
    operand: Rows
    accumulate: bool = False


@dataclass(frozen=True)
class Pick:
    """out[i] = table[k][i], where k is the number in row i of index; counted from the end where negative."""

    out: Rows
    index: Rows
    table: Rows
    accumulate: bool = False


@dataclass(frozen=True)
class Scatter:
    """table[k][i] += left[i], where k is the number in row i of index: the way back of Pick."""

    out: Rows
    index: Rows
    left: Rows
    accumulate: bool = True


Instruction = Fill | MatrixProduct | LaneProduct | SumOfProducts | Elementwise | Reduction | Pick | Scatter


def grid(places: range | tuple[int, ...], members: int, terms: int) -> tuple[int, int, int] | None:
    """(start, step from member to member, step from term to term) where listed terms follow such a rule."""
    by_term = places[1] - places[0] if terms > 1 else 1
    by_member = places[terms] - places[0] if members > 1 else 1
    expected = (places[0] + m * by_member + t * by_term for m in range(members) for t in range(terms))
    return (
        (places[0], by_member, by_term)
        if all(a == b for a, b in zip(places, expected, strict=True))
        else None
    )


@dataclass(frozen=True)
class Program:
    """Coarse instructions in four parts: for all samples at once, per sample, and the way back of both.

    `inputs` tells which input feeds the rows 0, 1, … of VALUE; `outputs` are rows of VALUE. `sizes` has the
    number of rows of each space. `wanted` counts the weights whose gradient is wanted, the first ones.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: Rows
    constants: tuple[float, ...]
    sizes: dict[Space, int]
    wanted: int
    shared_forward: tuple[Instruction, ...]
    forward: tuple[Instruction, ...]
    backward: tuple[Instruction, ...] = ()
    shared_backward: tuple[Instruction, ...] = ()

    def __len__(self) -> int:
        """How many instructions there are, both ways."""
        return sum(len(part) for _, part in self.parts())

    def parts(self) -> list[tuple[str, Sequence[Instruction]]]:
        """The four parts in the order in which they run, with their names."""
        return [
            ("once, forward", self.shared_forward),
            ("per sample, forward", self.forward),
            ("per sample, backward", self.backward),
            ("once, backward", self.shared_backward),
        ]

    def verify(self) -> None:
        """Raise ReplayError unless all rows exist, lengths fit, and nothing is read before it is written."""
        written: dict[Space, set[int]] = {space: set() for space in Space}
        written[Space.VALUE] = set(range(len(self.inputs)))
        for space in (Space.WEIGHT, Space.CONSTANT, Space.GRADIENT, Space.SHARED_ADJOINT):
            written[space] = set(range(self.sizes[space]))
        for part, instructions in self.parts():
            for number, instruction in enumerate(instructions):
                where = f"{part}, instruction {number}: {describe(instruction)}"
                _verify_shape(instruction, where)
                for rows in reads(instruction):
                    _ensure(
                        set(rows.places) <= written[rows.space], f"{where} reads what is not written: {rows}"
                    )
                out = rows_of(instruction.out)
                inside = all(0 <= place < self.sizes[out.space] for place in out.places)
                _ensure(inside, f"{where} writes outside {out.space.name}")
                is_once = len(set(out.places)) == len(out) or isinstance(instruction, Scatter)
                _ensure(is_once, f"{where} writes a row twice")
                written[out.space].update(out.places)
        _ensure(set(self.outputs.places) <= written[Space.VALUE], "an output is never written")

    def __str__(self) -> str:
        rows = ", ".join(f"{size:,} {space.name.lower()}" for space, size in self.sizes.items() if size)
        lines = [f"program of {len(self):,} instructions; rows: {rows}"]
        for title, instructions in self.parts():
            if instructions:
                lines += [f"  {title}", *(f"    {describe(i)}" for i in instructions)]
        return "\n".join([*lines, f"  return {self.outputs}"])


def rows_of(thing: Rows | Matrix) -> Rows:
    """The rows that an operand mentions."""
    return thing if isinstance(thing, Rows) else Rows(thing.space, tuple(thing.places()))


def reads(instruction: Instruction) -> list[Rows]:
    """The rows that an instruction reads; its own out too, where it accumulates."""
    found: list[Rows] = []
    for entry in fields(instruction):
        thing = getattr(instruction, entry.name)
        if entry.name != "out" or instruction.accumulate:
            things = thing if entry.name == "operands" else (thing,)
            found += [rows_of(one) for one in things if isinstance(one, (Rows, Matrix))]
    return found


def describe(instruction: Instruction) -> str:
    """The instruction as a line of text."""
    sign = "+=" if instruction.accumulate else "="
    match instruction:
        case Fill(out, number):
            what = repr(number)
        case MatrixProduct(out, matrix, operand, bias):
            what = f"{matrix} @ {operand}" + (f" + {bias}" if bias else "")
        case LaneProduct(_, left, right):
            out, what = instruction.out, f"{left} @ {right}ᵀ"  # type: ignore[assignment]
        case SumOfProducts(out, ends, left, right, coefficients):
            terms = f"{len(left) // len(ends)} terms" if instruction.uniform else f"{len(left)} terms, ragged"
            what = (
                f"Σ {left}" + (f" × {right}" if right else "") + (f", {terms}" if terms != "1 terms" else "")
            )
            what += (
                f", times {coefficients[0]:.4g}{' …' if len(set(coefficients)) > 1 else ''}"
                if coefficients
                else ""
            )
        case Elementwise(out, expression, operands):
            what = f"{expression!r} of {', '.join(map(str, operands))}"
        case Reduction(out, operation, operand):
            what = f"{operation.name} of {operand}"
        case Pick(out, index, table):
            what = f"pick {index} of {table}"
        case Scatter(out, index, left):
            what = f"{left} to the places {index}"
    return f"{out} {sign} {what}"


def _verify_shape(instruction: Instruction, where: str) -> None:
    """The lengths of operands and result fit."""
    match instruction:
        case MatrixProduct(out, matrix, operand, bias):
            fits = len(out) * matrix.columns == len(operand) * matrix.rows and (
                not bias or len(bias) == matrix.rows
            )
        case LaneProduct(out, left, right):
            fits = len(left) * out.columns == len(right) * out.rows
        case SumOfProducts(out, ends, left, right, coefficients):
            lengths = {len(left), ends[-1], len(right) if right else ends[-1], len(coefficients) or ends[-1]}
            fits = len(out) == len(ends) and len(lengths) == 1 and list(ends) == sorted(set(ends))
        case Elementwise(out, _, operands):
            longest = max(map(len, (out, *operands)))
            fits = all(longest % len(rows) == 0 for rows in (out, *operands))
        case Reduction(out, _, operand):
            fits = len(operand) % len(out) == 0
        case Pick(out, index, table):
            fits = len(index) == len(out) and len(table) % len(out) == 0
        case Scatter(out, index, left):
            fits = len(index) == len(left) and len(out) % len(left) == 0
        case Fill():
            fits = True
    _ensure(fits, f"{where}: lengths do not fit")


def _ensure(holds: bool, what: str) -> None:
    if not holds:
        raise ReplayError(f"this program is not sound: {what}")
