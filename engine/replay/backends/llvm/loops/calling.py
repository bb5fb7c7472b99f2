"""A loop of calls: the instructions of the body are functions that are told where the frame is.

A function's third argument, `%v`, is where the frame of this trip begins.
"""

from __future__ import annotations

from collections import Counter

from engine.replay.backends.llvm.instructions import write_functions
from engine.replay.backends.llvm.kernels.fusion import fused
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.loops.moving import Part, add, clear, move
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Repeat, Row, Rows, Space, Transfer

__all__ = ["write_calls"]

IN_FRAME = "ptr %m, ptr %t, ptr %v"
HERE, NEXT, FIRST, LAST = "%v", "%following", "%first", "%last"


def write_calls(
    module: Module, layout: Layout, loop: Repeat, name: str, counts: Counter[Row], *, keeps: bool
) -> None:
    """Write the loop under this name; where it keeps no frames, all trips are run in one."""
    inside = layout.inside(loop, HERE)
    instructions = fused(loop.body, inside, counts)
    body = write_functions(module, inside, instructions, f"{name}_body", parameters=IN_FRAME)
    text = Text(module, name)
    calls = _Calls(text, layout, loop, body, layout.frames[loop.frame].stride if keeps else 0)
    if loop.reverse:
        calls.back()
    else:
        calls.forward()
    text.end()


class _Calls:
    """Writes what happens in one loop; see `Repeat` for the order of events."""

    def __init__(self, text: Text, layout: Layout, loop: Repeat, body: list[str], stride: int) -> None:
        self.text, self.layout, self.loop, self.body, self.stride = text, layout, loop, body, stride
        self.frames = layout.frames[loop.frame]

    def forward(self) -> None:
        """Trip by trip; behind each, what leaves its frame enters the next, also behind the last."""
        text, loop = self.text, self.loop
        self._locate(FIRST, 0)
        self._locate(LAST, loop.trips - 1)
        for transfer in loop.before:
            move(text, self._inside(transfer.inside, FIRST), self._outside(transfer))

        def trip(number: Index, _: object) -> None:
            self._locate(HERE, number)
            self._locate(NEXT, text.plus(number, 1))
            for transfer in loop.given:
                move(text, self._inside(transfer.inside), self._outside(transfer))
            for transfer in loop.steps:
                move(text, self._inside(transfer.inside), self._outside(transfer, number))
            self._call()
            for transfer in loop.outputs:
                move(text, self._outside(transfer, number), self._inside(transfer.inside))
            if loop.entering:
                move(text, self._inside(loop.entering, NEXT), self._inside(loop.leaving))

        text.loop(0, loop.trips, trip)
        for transfer in loop.finals:
            move(text, self._outside(transfer), self._inside(transfer.inside, LAST))

    def back(self) -> None:
        """From the last trip to the first; behind each, the derivatives of the next begin."""
        text, loop = self.text, self.loop
        ends = {place for transfer in (*loop.finals, *loop.outputs) for place in transfer.inside.places}
        others = Rows(Space.FRAME_ADJOINT, tuple(sorted(ends - set(loop.leaving.places))))
        for rows in (loop.leaving, others):
            self._clear(rows)
        for transfer in loop.finals:
            add(text, self._inside(transfer.inside), self._outside(transfer))

        def trip(done: Index, _: object) -> None:
            number = text.minus(loop.trips - 1, done)
            self._locate(HERE, number)
            for transfer in loop.outputs:
                add(text, self._inside(transfer.inside), self._outside(transfer, number))
            self._call()
            for transfer in loop.given:
                add(text, self._outside(transfer), self._inside(transfer.inside))
            for transfer in loop.steps:
                add(text, self._outside(transfer, number), self._inside(transfer.inside))
            if loop.entering:
                move(text, self._inside(loop.leaving), self._inside(loop.entering))
            self._clear(others)

        text.loop(0, loop.trips, trip)
        for transfer in loop.before:
            add(text, self._outside(transfer), self._inside(transfer.inside))

    def _locate(self, name: str, trip: Index) -> None:
        """Where the frame of a trip begins."""
        text, whole = self.text, self.frames.whole
        start = text.checked(whole, text.plus(whole.start, text.times(trip, self.stride)), self.frames.size)
        text.do(f"{name} = getelementptr inbounds {text.scalar}, ptr %m, i64 {start}")

    def _call(self) -> None:
        for name in self.body:
            self.text.do(f"call void @{name}(ptr %m, ptr %t, ptr {HERE})")

    def _clear(self, rows: Rows) -> None:
        if rows:
            clear(self.text, self._inside(rows))

    def _inside(self, rows: Rows, base: str = HERE) -> Part:
        return Part(self.layout.inside(self.loop, base), rows, len(rows))

    def _outside(self, transfer: Transfer, trip: Index | None = None) -> Part:
        """The rows outside of a transfer, or those that belong to a trip."""
        return Part(self.layout, transfer.outside, len(transfer.inside), trip)
