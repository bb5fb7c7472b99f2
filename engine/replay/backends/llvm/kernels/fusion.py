"""Fusion: what follows a matrix product is done while the product, or its operand, is in registers.

Where the rows do not fit the fastest cache, each pass over them costs as much as a fifth of the product. So
a short elementwise instruction is done tile by tile, and what only it reads is not even stored. A tanh takes
so long that a pass of its own costs nothing beside it, and one loop for all rows is less code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.functions import CURVES, Formula, costs_calls
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.expression import operations_of
from engine.replay.program.program import (
    Elementwise,
    Instruction,
    MatrixProduct,
    Program,
    Repeat,
    Row,
    Rows,
    Space,
    every,
    reads,
)

__all__ = ["Fused", "finishing", "fused", "readers"]


GIVEN = (Space.WEIGHT, Space.GRADIENT, Space.CONSTANT)  # whose rows are not computed, and often very many


class Fused(NamedTuple):
    """An instruction, and the one that is done with it; `is_kept`: whether others read its result too."""

    instruction: Instruction
    finish: Elementwise | None = None
    is_kept: bool = True


def readers(program: Program) -> Counter[Row]:
    """How often each computed row is read: by instructions, by loops going in or out, or as a result."""
    counts = Counter(program.outputs)
    for _, part in program.parts():
        for instruction in part:
            if isinstance(instruction, Repeat):
                leaving = (transfer.inside for transfer in instruction.departing)
                arriving = (transfer.outside for transfer in instruction.arriving)
                for rows in (instruction.entering, instruction.leaving, *leaving, *arriving):
                    counts.update(rows)
        for plain in every(part):
            for rows in reads(plain):
                if rows.space not in GIVEN:
                    counts.update(rows)
    return counts


def fused(instructions: Sequence[Instruction], layout: Layout, counts: Counter[Row]) -> list[Fused]:
    """The instructions, products together with those behind them where that can be; `counts` by `readers`."""
    found: list[Fused] = []
    waiting = list(reversed(instructions))
    while waiting:
        instruction = waiting.pop()
        following = waiting[-1] if waiting else None
        if isinstance(instruction, MatrixProduct) and _can_finish(instruction, following, layout):
            waiting.pop()
            is_kept = any(counts[key] > 1 for key in instruction.out)
            found.append(Fused(instruction, following, is_kept))  # type: ignore[arg-type]
        else:
            found.append(Fused(instruction))
    return found


def _can_finish(product: MatrixProduct, finish: Instruction | None, layout: Layout) -> bool:
    """Whether the second reads what the first makes, number by number, in whole vectors, at little cost."""
    if not isinstance(finish, Elementwise):
        return False
    out, lanes = product.out, layout.width(product.out.space)
    whole = [out, product.operand, finish.out, *finish.operands]
    if not all(isinstance(rows.places, range) and rows.places.step == 1 for rows in whole):
        return False
    is_alike = all(
        len(rows) == len(out) and layout.width(rows.space) == lanes for rows in (finish.out, *finish.operands)
    )
    columns = len(out) // product.matrix.rows * lanes
    others = [product.operand, *(rows for rows in finish.operands if rows != out)]
    return (
        is_alike
        and all(_are_apart(rows, out) for rows in (*others, finish.out))
        and all(_are_apart(rows, finish.out) for rows in others)
        and out in finish.operands
        and not product.matrix.listed
        and columns % layout.precision.vector == 0
        and not costs_calls(finish.expression)
        and CURVES.isdisjoint(operations_of(finish.expression))
    )


def _are_apart(first: Rows, second: Rows) -> bool:
    return first.space is not second.space or set(first.places).isdisjoint(second.places)


def finishing(
    text: Text, layout: Layout, instruction: Elementwise, product: Rows
) -> Callable[[Index, int, str], None]:
    """`finish(address, offset, number)`: the instruction on a vector of the product; where that belongs."""
    start = layout.operand(product).start
    out, operands = layout.operand(instruction.out), [layout.operand(rows) for rows in instruction.operands]

    def finish(address: Index, offset: int, number: str) -> None:
        def argument(place: int) -> str:
            if instruction.operands[place] == product:
                return number
            operand = operands[place]
            return text.load(operand.region, address, offset + operand.start - start)

        found = Formula(text, argument).value(instruction.expression)
        offset += out.start - start
        text.store(out.region, address, found, offset, accumulate=instruction.accumulate)

    return finish
