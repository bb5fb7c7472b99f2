"""How a loop is written: the one place where the ways are told apart."""

from __future__ import annotations

from collections import Counter

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.loops.calling import write_calls
from engine.replay.backends.llvm.loops.trips import write_trips
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.program.program import Repeat, Row

__all__ = ["write_loop"]


def write_loop(
    module: Module, layout: Layout, loop: Repeat, name: str, counts: Counter[Row], *, keeps: bool
) -> None:
    """Write a loop, or its way back, as a function of this name that takes what all instructions take.

    What a loop `keeps` for its way back it keeps in `layout.frames[loop.frame]`; `counts` says how often each
    row is read (`readers`).
    """
    plan = layout.plans.get(loop.frame)
    if plan:
        write_trips(module, layout, plan, loop, name, keeps=keeps)
    else:
        write_calls(module, layout, loop, name, counts, keeps=keeps)
