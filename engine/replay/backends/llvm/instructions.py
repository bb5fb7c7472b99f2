"""A function of machine code for every instruction, or for two that are done together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from engine.replay.backends.llvm.kernels.fusion import Fused
from engine.replay.backends.llvm.kernels.picks import pick, scatter
from engine.replay.backends.llvm.kernels.products import lane_product, matrix_product
from engine.replay.backends.llvm.kernels.rows import elementwise, reduction
from engine.replay.backends.llvm.kernels.sums import sum_of_products
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.lines import PARAMETERS
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.backends.llvm.writing.text import Text
from engine.replay.program.program import (
    Elementwise,
    LaneProduct,
    MatrixProduct,
    Pick,
    Reduction,
    Scatter,
    SumOfProducts,
)

__all__ = ["write_functions"]


def write_functions(
    module: Module,
    layout: Layout,
    instructions: Iterable[Fused],
    name: str,
    *,
    parameters: str = PARAMETERS,
    adds: bool = False,
) -> list[str]:
    """Write functions called `name` and a number, with these parameters; gives their names.

    Where it `adds`, what is given to rows that all samples share is added to what others gave.
    """
    names: list[str] = []
    for number, fused in enumerate(instructions):
        names.append(f"{name}_{number}")
        text = Text(module, names[-1], parameters)
        _write(text, layout, _adding(fused) if adds else fused)
        text.end()
    return names


def _adding(fused: Fused) -> Fused:
    """The same, adding where it stores to rows that all samples share."""
    return fused._replace(instruction=_added(fused.instruction), finish=_added(fused.finish))


def _added(instruction: Any) -> Any:
    stores = instruction is not None and not instruction.out.space.wide and not instruction.accumulate
    return replace(instruction, accumulate=True) if stores else instruction


def _write(text: Text, layout: Layout, fused: Fused) -> None:
    instruction, finish, is_kept = fused
    match instruction:
        case MatrixProduct():
            matrix_product(text, layout, instruction, finish, is_kept=is_kept)
        case LaneProduct():
            lane_product(text, layout, instruction)
        case SumOfProducts():
            sum_of_products(text, layout, instruction)
        case Elementwise():
            elementwise(text, layout, instruction)
        case Reduction():
            reduction(text, layout, instruction)
        case Pick():
            pick(text, layout, instruction)
        case Scatter():
            scatter(text, layout, instruction)
