"""Long rows: those beside a loop that follow its trips, such as inputs by trip, go behind all others.

Then what lies before them lies there whatever the length is, and most code is the same for all (`symbolic`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from engine.replay.backends.llvm.writing.symbolic import Symbolic
from engine.replay.program.program import (
    Instruction,
    Program,
    Repeat,
    Row,
    Rows,
    Space,
    every,
    reads,
    rows_of,
    with_rows,
)

__all__ = ["NOTHING_LONG", "Long", "long_rows_last"]

# The spaces whose rows may follow the trips, and which of them have their rows in the same order.
ORDERS = {Space.VALUE: Space.VALUE, Space.ADJOINT: Space.VALUE, Space.CONSTANT: Space.CONSTANT}


class Long(NamedTuple):
    """What follows the trips of a loop: in each space all rows from one on, and of some of them the trip."""

    starts: Mapping[Space, int]
    trips: Mapping[Row, int]

    def counts_trips(self, rows: Rows) -> bool:
        """Whether there are more of these rows in a longer sequence."""
        return _count_of_trips(rows, self.trips) > 1


NOTHING_LONG = Long({}, {})


def long_rows_last(program: Program, widths: Sequence[int]) -> tuple[Program, Long]:
    """The same program, those rows last that follow the trips of a loop, which are symbolic.

    `widths` are the numbers of each argument, whose rows stay together. Of a row before the last input that
    is none, `inputs` tells −1.
    """
    if not program.has_loops:
        return program, NOTHING_LONG
    trips, slots, starts = _trips(program), dict[Space, list[int]](), dict[Space, int]()
    long = _together(program, widths, set(trips))
    for space, order in ORDERS.items():
        rows = range(program.sizes[order])
        short, last = [[row for row in rows if ((order, row) in long) is it] for it in (False, True)]
        slots[space] = [0] * len(rows)
        starts[space] = min(len(short), program.sizes[space])  # without a gradient there are no adjoints
        for slot, row in enumerate((*short, *last)):
            slots[space][row] = slot

    def moved(old: Rows) -> Rows:
        if old.space not in ORDERS:
            return old
        return Rows.of(old.space, [slots[old.space][place] for place in old.places])

    def one(instruction: Instruction) -> list[Instruction]:
        found = with_rows(instruction, moved)
        if isinstance(found, Repeat):
            name = f"{found.trips} trips of {found.frame.start}"
            found = replace(found, trips=Symbolic(found.trips, name))
        return [found]

    fed = {slots[Space.VALUE][row]: number for row, number in enumerate(program.inputs)}
    constants = dict(zip(slots[Space.CONSTANT], program.constants, strict=True))
    changed = replace(
        program.mapped(one),
        inputs=tuple(fed.get(slot, -1) for slot in range(1 + max(fed, default=-1))),
        outputs=moved(program.outputs),
        constants=tuple(constants[slot] for slot in range(len(constants))),
    )
    return changed, Long(starts, {(space, slots[space][row]): trip for (space, row), trip in trips.items()})


def _trips(program: Program) -> dict[Row, int]:
    """The rows that a loop steps through, and those that are made of such row by row; the trip of each."""
    found: dict[Row, int] = {}
    for loop in program.forward:
        for transfer in (*loop.steps, *loop.outputs) if isinstance(loop, Repeat) else ():
            for number, row in enumerate(_ordered(transfer.outside)):
                found.setdefault(row, number // len(transfer.inside))
    before = -1
    while before < (before := len(found)):
        for instruction in (each for _, part in program.parts() for each in part):
            if not isinstance(instruction, Repeat):
                _step_through(found, [*reads(instruction), rows_of(instruction.out)])
    return found


def _step_through(trips: dict[Row, int], listed: Sequence[Rows]) -> None:
    """Where some rows of an instruction are by trip, others are too: as many, or so many for each of them."""
    for rows in listed:
        count = _count_of_trips(rows, trips)
        for other in listed if count > 1 else ():
            size = len(other)
            is_like = size % len(rows) == 0 or (len(rows) % size == 0 and size >= count)
            if is_like and len(set(other.places)) == size:
                for number, row in enumerate(_ordered(other)):
                    trips.setdefault(row, number * count // size)


def _together(program: Program, widths: Sequence[int], long: set[Row]) -> set[Row]:
    """These rows, and all that are read or written together with one of them."""
    listed = [program.outputs]
    for instruction in (each for _, part in program.parts() for each in part):
        if isinstance(instruction, Repeat):
            listed += [transfer.outside for transfer in instruction.transfers]
        for each in every([instruction]):
            listed += [*reads(each), rows_of(each.out)]
    for first, width in zip(accumulate(widths, initial=0), widths, strict=False):
        fed = [row for row, number in enumerate(program.inputs) if first <= number < first + width]
        listed.append(Rows.of(Space.VALUE, fed))
    groups, count = [set(_ordered(rows)) for rows in listed], -1
    while count < (count := len(long)):
        for group in groups:
            if not long.isdisjoint(group):
                long |= group
    return long


def _ordered(rows: Rows) -> list[Row]:
    """The rows, named by the space that decides about their order; none where they stay where they are."""
    return [(ORDERS[rows.space], place) for place in rows.places] if rows.space in ORDERS else []


def _count_of_trips(rows: Rows, trips: Mapping[Row, int]) -> int:
    return len({trips.get(row, -1) for row in _ordered(rows)} - {-1})
