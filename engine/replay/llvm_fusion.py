"""Fusion: an elementwise instruction behind a matrix product is done while the product is in registers.

Where the rows do not fit the fastest cache, each pass over them costs as much as a fifth of the product. What
only the fused instruction reads is not even stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from engine.replay.llvm_functions import Formula, costs_calls
from engine.replay.llvm_layout import Layout
from engine.replay.llvm_text import Index, Text
from engine.replay.program import Elementwise, Instruction, MatrixProduct, Program, Rows, Space, reads

__all__ = ["Fused", "finishing", "fused"]


class Fused(NamedTuple):
    """An instruction, and the one that is done with it; `is_kept`: whether others read its result too."""

    instruction: Instruction
    finish: Elementwise | None = None
    is_kept: bool = True


def fused(program: Program, layout: Layout) -> list[list[Fused]]:
    """The four parts of a program, each product together with the elementwise instruction behind it."""
    parts = [list(part) for _, part in program.parts()]
    counts = Counter(
        row for part in parts for instruction in part for rows in reads(instruction) for row in _keys(rows)
    )
    counts.update(_keys(program.outputs))
    found: list[list[Fused]] = []
    for part in parts:
        found.append([])
        waiting = list(reversed(part))
        while waiting:
            instruction = waiting.pop()
            if waiting and _can_fuse(instruction, waiting[-1], layout):
                finish = waiting.pop()
                assert isinstance(finish, Elementwise)  # noqa: S101  (else they cannot be fused)
                is_kept = any(counts[key] > 1 for key in _keys(_result(instruction)))
                found[-1].append(Fused(instruction, finish, is_kept))
            else:
                found[-1].append(Fused(instruction))
    return found


def _result(instruction: Instruction) -> Rows:
    assert isinstance(instruction.out, Rows)  # noqa: S101
    return instruction.out


def _keys(rows: Rows) -> list[tuple[Space, int]]:
    return [(rows.space, place) for place in rows.places]


def _can_fuse(product: Instruction, finish: Instruction, layout: Layout) -> bool:
    """Whether the second reads what the first makes, number by number, in whole vectors, at little cost."""
    if not isinstance(product, MatrixProduct) or not isinstance(finish, Elementwise):
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
    )


def _are_apart(first: Rows, second: Rows) -> bool:
    return first.space is not second.space or set(first.places).isdisjoint(second.places)


def finishing(
    text: Text, layout: Layout, instruction: Elementwise, product: Rows
) -> Callable[[Index, str], None]:
    """`finish(address, number)`: the instruction on a vector of the product, and where that belongs."""
    start = layout.operand(product).start
    out, operands = layout.operand(instruction.out), [layout.operand(rows) for rows in instruction.operands]

    def finish(address: Index, number: str) -> None:
        def argument(place: int) -> str:
            if instruction.operands[place] == product:
                return number
            operand = operands[place]
            return text.load(operand.region, text.plus(address, operand.start - start))

        found = Formula(text, argument).value(instruction.expression)
        target = text.plus(address, out.start - start)
        if instruction.accumulate:
            found = text.binary("fadd", text.load(out.region, target), found)
        text.store(out.region, target, found)

    return finish
