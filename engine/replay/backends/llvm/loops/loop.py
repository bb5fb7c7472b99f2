"""How a loop is written: the one place where the ways are told apart."""

from __future__ import annotations

from collections import Counter

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.loops.calling import write_calls
from engine.replay.backends.llvm.loops.trips import write_trips
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.program.program import Repeat, Space

__all__ = ["unkept", "write_loop"]


def unkept(name: str) -> str:
    """What a loop forward is called where it keeps no frames, for nobody will read them."""
    return f"{name}_unkept"


def write_loop(
    module: Module, layout: Layout, loop: Repeat, name: str, counts: Counter[tuple[Space, int]]
) -> None:
    """Write a loop, or its way back, as a function of this name; forward also one that keeps no frames.

    Both take the buffer and the tables, as all instructions do. What a loop keeps for its way back it keeps
    in `layout.frames[loop.frame]`; `counts` says how often each row is read (`readers`).
    """
    names, plan = (name, unkept(name)), layout.plans.get(loop.frame)
    if plan:
        write_trips(module, layout, plan, loop, names)
    else:
        write_calls(module, layout, loop, names, counts)
