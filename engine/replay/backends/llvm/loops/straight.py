"""Straight-line code: instructions row by row, without a loop, every row a vector in a register.

Where a body is small, that is several times faster than a kernel for each instruction: nothing is written to
memory only to be read again, and what does not depend on one another is computed side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.operation import Operation
from engine.replay.backends.llvm.kernels.rows import REDUCTIONS
from engine.replay.backends.llvm.writing.functions import Formula
from engine.replay.backends.llvm.writing.text import Exact, Index
from engine.replay.program.program import (
    Elementwise,
    LaneProduct,
    MatrixProduct,
    PlainInstruction,
    Reduction,
    Row,
    SumOfProducts,
    as_sums,
)

__all__ = ["Made", "StraightLine", "nothing"]

Made = Callable[[Row, str], None]
_Term = tuple[str, ...]  # a number, or the two factors of a product


def nothing(_: Row, __: str) -> None:
    """For rows that are needed by nobody else."""


class StraightLine:
    """The rows that are in registers, and what instructions make of them, at the width of the text.

    `load` gives a row that no instruction has written. A row of one lane that is a sum over lanes is a vector
    too, lane by lane: whoever began it sums its lanes at last.

    A sum is written when it is read; `made` is told of every row then.
    """

    def __init__(
        self,
        text: Exact,
        load: Callable[[Row], str],
        known: Mapping[Row, str],
        made: Made = nothing,
    ) -> None:
        self._text, self._load, self._made, self._known = text, load, made, dict(known)
        self._sums: dict[Row, list[_Term]] = {}

    def value(self, row: Row) -> str:
        """The register that a row is in."""
        if row in self._sums:
            self._known[row] = self._summed(self._sums.pop(row))
            self._made(row, self._known[row])
        elif row not in self._known:
            self._known[row] = self._load(row)
        return self._known[row]

    def run(self, instructions: Iterable[PlainInstruction]) -> None:
        """Write instructions, row after row."""
        for instruction in instructions:
            self._run(instruction)

    def finish(self) -> None:
        """Write the sums that nothing has read."""
        for row in list(self._sums):
            self.value(row)

    def add(self, row: Row, number: str) -> None:
        """Add to a row."""
        self._put(row, [(number,)], accumulate=True)

    def _run(self, instruction: PlainInstruction) -> None:
        match instruction:
            case MatrixProduct() | LaneProduct():
                for part in as_sums(instruction):
                    self._sum_of_products(part)
            case SumOfProducts():
                self._sum_of_products(instruction)
            case Elementwise():
                self._elementwise(instruction)
            case Reduction(out, operation, operand):
                for number, row in enumerate(out):
                    found = self._reduced(operation, list(operand)[number :: len(out)])
                    self._put(row, [(found,)], accumulate=False)

    # ── Sums ───────────────────────────────────────────────────────────────────────────────────────

    def _put(self, row: Row, terms: list[_Term], *, accumulate: bool) -> None:
        """The sum of these terms, and of what there is, becomes the number of a row."""
        if accumulate:
            terms = [*(self._sums.get(row) or [(self.value(row),)]), *terms]
        self._sums[row] = terms
        if not row[0].wide:
            self.value(row)  # now, for nothing else will read it

    def _summed(self, terms: Sequence[_Term]) -> str:
        """The sum of terms; a number before a product, to which it can be added."""
        text, found = self._text, ""
        if len(terms) > 1 and len(terms[0]) > len(terms[1]):
            terms = [terms[1], terms[0], *terms[2:]]
        for term in terms:
            found = text.with_product(found, *term)
        return found or text.number(0.0)

    # ── Instructions ───────────────────────────────────────────────────────────────────────────────

    def _sum_of_products(self, instruction: SumOfProducts) -> None:
        sides = [list(rows) for rows in (instruction.left, instruction.right) if rows is not None]
        coefficients, start = instruction.coefficients or (1.0,) * len(instruction.left), 0
        for out, stop in zip(instruction.out, instruction.ends, strict=True):
            terms = []
            for number in range(start, stop):
                factors = [self.value(side[number]) for side in sides]
                terms.append(self._with_coefficient(coefficients[number], factors))
            self._put(out, terms, accumulate=instruction.accumulate)
            start = stop

    def _with_coefficient(self, coefficient: float, factors: list[str]) -> _Term:
        """A coefficient of 1 is left out, one of -1 is a sign."""
        text = self._text
        if coefficient == 1.0:
            return tuple(factors)
        if len(factors) == 1 and coefficient != -1.0:
            return text.literal(coefficient), *factors
        first, *other = factors
        if coefficient == -1.0:
            return text.let(f"fneg {text.type} {first}"), *other
        return text.binary("fmul", text.literal(coefficient), first), *other

    def _elementwise(self, instruction: Elementwise) -> None:
        for out, *operands in zip(instruction.out, *instruction.operands, strict=True):
            given = [self.value(row) for row in operands]
            found = Formula(self._text, given.__getitem__).value(instruction.expression)
            terms: list[_Term] = [] if instruction.expression == 0.0 else [(found,)]  # to begin a sum
            self._put(out, terms, accumulate=instruction.accumulate)

    def _reduced(self, operation: Operation, operand: Sequence[Row]) -> str:
        given = [self.value(row) for row in operand]

        def term(number: Index) -> str:
            assert isinstance(number, int)  # noqa: S101  (unrolled)
            return given[number]

        with self._text.unrolled():
            return REDUCTIONS[operation](self._text, len(given), term)
