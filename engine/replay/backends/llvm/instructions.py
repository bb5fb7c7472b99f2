"""A function of machine code for every instruction, or for two that are done together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    if isinstance(fused.instruction, MatrixProduct):
        matrix_product(text, layout, fused.instruction, fused.finish, is_kept=fused.is_kept)
    else:
        _KERNELS[type(fused.instruction)](text, layout, fused.instruction)


_KERNELS: dict[type, Callable[[Text, Layout, Any], None]] = {
    LaneProduct: lane_product,
    SumOfProducts: sum_of_products,
    Elementwise: elementwise,
    Reduction: reduction,
    Pick: pick,
    Scatter: scatter,
}
