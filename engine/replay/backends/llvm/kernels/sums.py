"""The kernel of gathered sums: out[i] = Σ coefficient × left × right, where the terms of i are anywhere.

For many lanes a vector holds eight lanes of one row. Everything that attention, residuals, copies and their
ways back do is done here, and nothing is scattered: every member adds up its own terms, always in the same
order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.replay.backends.llvm.kernels.neighbors import sum_of_neighbors
from engine.replay.backends.llvm.kernels.tiles import cut, over
from engine.replay.backends.llvm.layout import Layout, Operand
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import SumOfProducts

__all__ = ["sum_of_products"]

UNROLLED = 4  # terms that are written one after the other; more are looped over


def sum_of_products(text: Text, layout: Layout, instruction: SumOfProducts) -> None:
    """Member by member."""
    rows = (instruction.out, instruction.left, instruction.right or instruction.left)
    lanes = max(layout.width(each.space) for each in rows)
    if lanes == 1 and len(instruction.out) >= text.vector:
        sum_of_neighbors(text, layout, instruction)
        return
    out = layout.operand(instruction.out)
    terms = _Terms(text, layout, instruction)
    if out.width < lanes:
        _summed_over_lanes(text, instruction, out, terms)
        return

    def member(number: Index, _: Any) -> None:
        bounds = terms.bounds(number)

        def part(vector: Index, _: Any) -> None:
            offset = text.times(vector, text.width)
            (found,) = terms.totals([number], bounds, offset, [""])
            address = text.plus(out.at(text, number), offset)
            text.store(out.region, address, found, accumulate=instruction.accumulate)

        text.loop(0, out.width // text.width, part)

    with text.wide(text.vector if out.width > 1 else 1):
        text.loop(0, out.count, member)


def _summed_over_lanes(text: Text, instruction: SumOfProducts, out: Operand, terms: _Terms) -> None:
    """Rows of one lane from terms of many: several at a time, for one sum waits for its last addition."""

    def members(first: Index, size: int) -> None:
        numbers = [text.plus(first, more) for more in range(size)]
        bounds = terms.bounds(first)

        def along(vector: Index, so_far: list[str]) -> list[str]:
            return terms.totals(numbers, bounds, text.times(vector, text.width), so_far)

        sums = text.loop(0, terms.lanes // text.vector, along, [text.number(0.0)] * size)
        for number, found in zip(numbers, text.folded(list(map(terms.scaled, sums))), strict=True):
            with text.wide(1):
                text.store(out.region, out.at(text, number), found, accumulate=instruction.accumulate)

    over(text, cut(out.count, text.vector if terms.uniform else 1), members)


class _Terms:
    """The terms of all members, as addresses: by rules where there are any, else by tables."""

    def __init__(self, text: Text, layout: Layout, instruction: SumOfProducts) -> None:
        self.text, self.uniform = text, instruction.uniform
        members = len(instruction.ends)
        listed = [instruction.left] if instruction.right is None else [instruction.left, instruction.right]
        if self.uniform > UNROLLED:
            self.uniform = layout.count(*listed) // layout.count(instruction.out)
        self.factors = [
            layout.grid(rows, members, self.uniform) if self.uniform else layout.operand(rows)
            for rows in listed
        ]
        self.lanes = max(layout.width(rows.space) for rows in (instruction.out, *listed))
        self.ends = -1 if self.uniform else layout.table((0, *instruction.ends))
        different = len(set(instruction.coefficients)) > 1
        self.coefficients = layout.coefficients[instruction.coefficients] if different else None
        self.coefficient = instruction.coefficients[0] if instruction.coefficients and not different else 1.0
        self.sums_lanes = layout.width(instruction.out.space) < self.lanes

    def bounds(self, member: Index) -> tuple[Index, Index]:
        """The first term of a member and the one behind its last."""
        if self.uniform:
            return 0, self.uniform
        entry = self.text.plus(self.ends, member)
        return self.text.entry(entry), self.text.entry(self.text.plus(entry, 1))

    def totals(
        self, members: Sequence[Index], bounds: tuple[Index, Index], offset: Index, so_far: Sequence[str]
    ) -> list[str]:
        """The sums of members' terms, at lanes from an offset on, added to what there is so far.

        Several go side by side, term by term, where all have equally many.
        """
        text, found = self.text, list(so_far)

        def add(term: Index, carried: Sequence[str]) -> list[str]:
            each = zip(members, carried, strict=True)
            return [self._add(member, term, offset, number) for member, number in each]

        if self.uniform and self.uniform <= UNROLLED:
            for term in range(self.uniform):
                found = add(term, found)
        else:
            found = text.loop(*bounds, add, [number or text.number(0.0) for number in found])
        return found if self.sums_lanes else list(map(self.scaled, found))

    def scaled(self, number: str) -> str:
        """Times the coefficient, where all terms have the same."""
        if self.coefficient == 1.0:
            return number
        return self.text.binary("fmul", number, self.text.literal(self.coefficient))

    def _add(self, member: Index, term: Index, offset: Index, so_far: str) -> str:
        text = self.text
        factors: list[str] = []
        if self.coefficients is not None:
            number = text.plus(text.times(member, self.uniform), term) if self.uniform else term
            address = text.plus(self.coefficients.start, number)
            factors.append(text.splat(text.load_one(self.coefficients, address)))
        factors += [self._load(operand, member, term, offset) for operand in self.factors]
        return text.with_product(so_far, *factors)

    def _load(self, operand: Operand, member: Index, term: Index, offset: Index) -> str:
        """A factor; one that is the same for all lanes is spread over them."""
        text = self.text
        address = operand.at(text, member, term) if self.uniform else operand.at(text, term)
        if operand.width < self.lanes:
            return text.splat(text.load_one(operand.region, address))
        return text.load(operand.region, text.plus(address, offset))
