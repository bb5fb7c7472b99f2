"""Multiply-adds: how many of them the products of a program need, counted in its instructions."""

from __future__ import annotations

from engine.replay.program.program import (
    LaneProduct,
    MatrixProduct,
    PlainInstruction,
    Program,
    Repeat,
    SumOfProducts,
    reads,
    rows_of,
)

__all__ = ["multiply_adds"]


def multiply_adds(program: Program, samples: int) -> int:
    """Those of all matrix products and sums of products of a step; what else it does is not counted.

    An instruction of which some operand has a lane for every sample is done for every sample; a loop's
    body is done in every trip.
    """
    found = 0
    for _, instructions in program.parts():
        for instruction in instructions:
            trips, body = (
                (instruction.trips, instruction.body)
                if isinstance(instruction, Repeat)
                else (1, (instruction,))
            )
            found += trips * sum(_terms(one) * (samples if _is_wide(one) else 1) for one in body)
    return found


def _terms(instruction: PlainInstruction) -> int:
    """The products that an instruction adds up for one sample."""
    match instruction:
        case MatrixProduct(_, matrix, operand):
            return matrix.rows * len(operand)
        case LaneProduct(out, left):
            return len(left) * out.columns
        case SumOfProducts(out, _, left, right) if right and len(left) > len(out):
            return len(left)
    return 0


def _is_wide(instruction: PlainInstruction) -> bool:
    return any(rows.space.wide for rows in (rows_of(instruction.out), *reads(instruction)))
