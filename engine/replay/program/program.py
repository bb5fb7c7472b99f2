"""Program: a tape re-rolled into a few coarse instructions, each over many rows at once.

What is the same for all samples is computed once; the way back is written in the same instructions as the
way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from engine.errors import ReplayError
from engine.replay.program.expression import Argument, substituted
from engine.replay.program.instructions import (
    Elementwise,
    Fill,
    Instruction,
    LaneProduct,
    Matrix,
    MatrixProduct,
    Pick,
    Reduction,
    Rows,
    Scatter,
    Space,
    SumOfProducts,
    grid,
)

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
    "describe",
    "grid",
    "reads",
    "rows_of",
]


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
            names = {number: Argument(number, str(rows)) for number, rows in enumerate(operands)}
            what = repr(substituted(expression, names))
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
            is_biased = bias is None or (len(bias) == matrix.rows and not instruction.accumulate)
            fits = is_biased and len(out) * matrix.columns == len(operand) * matrix.rows
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
