"""Runs: small instructions around a loop, one after the other, as straight-line code of their own.

The first and the last step of a loop over time often stand beside it, for they lack something or have
something more. A kernel for each of their instructions would take longer to make than the whole loop.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.loops.lanes import Lanes
from engine.replay.backends.llvm.loops.straight import StraightLine
from engine.replay.backends.llvm.plans import Run, width_of_block, written
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.backends.llvm.writing.text import Exact, Index
from engine.replay.program.program import Row, Space, reads

__all__ = ["write_run"]


def write_run(
    module: Module, layout: Layout, run: Run, name: str, counts: Counter[Row], *, once: bool
) -> None:
    """Write a run as a function of this name; what nobody else reads, by `counts` of all, is not stored.

    It is done `once` for all samples, where all rows have one lane; else rows of one lane are sums of many.
    """
    own = Counter(row for each in run for rows in reads(each) for row in rows)
    sums = [] if once else dict.fromkeys(row for row in written(run) if not row[0].wide)
    text = Exact(module, name, spills=True)
    width = 1 if once else width_of_block(layout.lanes, text.vector)

    def block(number: Index, _: Any) -> None:
        lanes = Lanes(text, layout, text.times(number, width))

        def made(row: Row, found: str) -> None:
            is_read = counts[row] > own[row] or row[0] is Space.GRADIENT
            if row not in sums and is_read:
                lanes.store(row, found)

        def load(row: Row) -> str:
            return text.number(0.0) if row in sums else lanes.load(row)

        line = StraightLine(text, load, {}, made)
        line.run(run)
        line.finish()
        for row in sums:
            lanes.store(row, line.value(row), accumulate=True)

    with text.wide(width):
        text.loop(0, 1 if once else layout.lanes // width, block)
    text.end()
