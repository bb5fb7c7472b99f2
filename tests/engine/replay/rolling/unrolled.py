"""A program with every trip of its loops written out, in rows of its own: what loops are held against."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from engine.replay.program.program import (
    Elementwise,
    Instruction,
    Matrix,
    PlainInstruction,
    Program,
    Repeat,
    Rows,
    Space,
    SumOfProducts,
)

__all__ = ["unrolled"]

OUTER = {Space.FRAME: Space.VALUE, Space.FRAME_ADJOINT: Space.ADJOINT}


def unrolled(program: Program) -> Program:
    """The same program, with what loops do written as the definition in `repeat` says, event by event."""
    first: dict[range, int] = {}  # of each loop, the row of VALUE where its frame 0 begins
    size = program.sizes[Space.VALUE]
    for instruction in program.forward:
        if isinstance(instruction, Repeat):
            first[instruction.frame] = size
            size += instruction.trips * len(instruction.frame)
    sizes = {**program.sizes, Space.VALUE: size, Space.FRAME: 0, Space.FRAME_ADJOINT: 0}
    sizes[Space.ADJOINT] = size if program.sizes[Space.ADJOINT] else 0

    def flat(instructions: tuple[Instruction, ...]) -> tuple[Instruction, ...]:
        found: list[Instruction] = []
        for instruction in instructions:
            if isinstance(instruction, Repeat):
                found += _Written(instruction, first[instruction.frame]).instructions()
            else:
                found.append(instruction)
        return tuple(found)

    return replace(program, sizes=sizes, forward=flat(program.forward), backward=flat(program.backward))


class _Written:
    """A loop as plain instructions."""

    def __init__(self, loop: Repeat, first: int) -> None:
        self.loop, self.first = loop, first
        self.found: list[PlainInstruction] = []

    def instructions(self) -> list[PlainInstruction]:
        (self._back if self.loop.reverse else self._forward)()
        return self.found

    def _rows(self, rows: Rows, trip: int) -> Rows:
        """Rows of the frame of a trip; others as they are."""
        if rows.space not in OUTER:
            return rows
        start = self.first + trip * len(self.loop.frame) - self.loop.frame.start
        return Rows.of(OUTER[rows.space], [start + place for place in rows.places])

    def _copy(self, out: Rows, source: Rows, *, add: bool = False) -> None:
        for row, place in zip(out.places, source.places, strict=True):
            one = Rows(out.space, range(row, row + 1))
            self.found.append(
                SumOfProducts(one, (1,), Rows(source.space, range(place, place + 1)), accumulate=add)
            )

    def _body(self, trip: int) -> None:
        for plain in self.loop.body:
            changed: dict[str, Any] = {}
            for entry in fields(plain):
                thing = getattr(plain, entry.name)
                if isinstance(thing, Rows):
                    changed[entry.name] = self._rows(thing, trip)
                elif entry.name == "operands":
                    changed[entry.name] = tuple(self._rows(rows, trip) for rows in thing)
                elif isinstance(thing, Matrix):
                    assert thing.space not in OUTER
            self.found.append(replace(plain, **changed))

    def _forward(self) -> None:
        loop = self.loop
        for trip in range(loop.trips):
            if trip:
                self._copy(self._rows(loop.entering, trip), self._rows(loop.leaving, trip - 1))
            for transfer in (*(() if trip else loop.before), *loop.given):
                self._copy(self._rows(transfer.inside, trip), transfer.outside)
            for transfer in loop.steps:
                self._copy(self._rows(transfer.inside, trip), transfer.part(trip))
            self._body(trip)
            for transfer in loop.outputs:
                self._copy(transfer.part(trip), self._rows(transfer.inside, trip))
        for transfer in loop.finals:
            self._copy(transfer.outside, self._rows(transfer.inside, loop.trips - 1))

    def _back(self) -> None:
        loop = self.loop
        ends = [transfer.inside for transfer in (*loop.finals, *loop.outputs)]
        results = sorted({place for rows in (loop.leaving, *ends) for place in rows.places})
        for trip in reversed(range(loop.trips)):
            is_last = trip == loop.trips - 1
            self.found.append(Elementwise(self._rows(Rows.of(Space.FRAME_ADJOINT, results), trip), 0.0, ()))
            if not is_last:
                self._copy(self._rows(loop.leaving, trip), self._rows(loop.entering, trip + 1), add=True)
            for transfer in loop.finals if is_last else ():
                self._copy(self._rows(transfer.inside, trip), transfer.outside, add=True)
            for transfer in loop.outputs:
                self._copy(self._rows(transfer.inside, trip), transfer.part(trip), add=True)
            self._body(trip)
            for transfer in loop.given:
                self._copy(transfer.outside, self._rows(transfer.inside, trip), add=True)
            for transfer in loop.steps:
                self._copy(transfer.part(trip), self._rows(transfer.inside, trip), add=True)
        for transfer in loop.before:
            self._copy(transfer.outside, self._rows(transfer.inside, 0), add=True)
