"""Multiply-adds: how many of them the products of a program need, counted in its instructions."""

from __future__ import annotations

from engine.replay.program.program import (
    Instruction,
    LaneProduct,
    MatrixProduct,
    Program,
    SumOfProducts,
    reads,
    rows_of,
)

__all__ = ["multiply_adds"]


def multiply_adds(program: Program, samples: int) -> int:
    """Those of all matrix products and sums of products of a step; what else it does is not counted.

    An instruction of which some operand has a lane for every sample is done for every sample.
    """
    return sum(
        _terms(instruction) * (samples if _is_wide(instruction) else 1)
        for _, instructions in program.parts()
        for instruction in instructions
    )


def _terms(instruction: Instruction) -> int:
    """The products that an instruction adds up for one sample."""
    match instruction:
        case MatrixProduct(_, matrix, operand):
            return matrix.rows * len(operand)
        case LaneProduct(out, left):
            return len(left) * out.columns
        case SumOfProducts(out, _, left, right) if right and len(left) > len(out):
            return len(left)
    return 0


def _is_wide(instruction: Instruction) -> bool:
    return any(rows.space.wide for rows in (rows_of(instruction.out), *reads(instruction)))
