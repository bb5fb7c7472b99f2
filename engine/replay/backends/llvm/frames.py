"""Frames: which rows of a loop are kept for its way back, and in which order, so that little is kept.

The frames of successive trips overlap. Frame k begins `stride` rows behind frame k − 1; its first rows, as
many as the stride, are those that the way back reads, and the others lie where later frames will have their
first. Where a value leaves a trip is where it enters the next, if that can be: then nothing is moved.

Say h' = tanh(w · [x, h]) of two numbers, with x and h as f[0:3], the product as f[3:5] and h' as f[5:7]. The
way back reads x, h and h'. A frame gets f[0:3] for x and h, the stride is 3, and f[4:6] for h', since these
are f[1:3] of the next frame; and f[6:8] for the product, which nobody reads any more when the next begins.

Rows beside a loop that follow its trips, such as inputs by trip, go behind all others: then what lies before
them lies there whatever the length is, and most code is the same for all (`symbolic`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, count
from typing import NamedTuple

from engine.replay.backends.llvm.writing.symbolic import Symbolic
from engine.replay.program.program import (
    Instruction,
    PlainInstruction,
    Program,
    Repeat,
    Rows,
    Space,
    SumOfProducts,
    every,
    grid,
    reads,
    rows_of,
    with_rows,
)

__all__ = ["NOTHING_LONG", "Long", "compact", "long_rows_last"]

Block = tuple[int, ...]  # rows that belong together
Places = range | tuple[int, ...]
Slots = dict[int, int]  # of each row of a frame, its number in the new order
Row = tuple[Space, int]

# The spaces whose rows may follow the trips, and which of them have their rows in the same order.
ORDERS = {Space.VALUE: Space.VALUE, Space.ADJOINT: Space.VALUE, Space.CONSTANT: Space.CONSTANT}


def compact(program: Program) -> tuple[Program, dict[range, int]]:
    """The same program, the rows of FRAME in another order, and the stride of each loop's frames, in rows.

    The stride is 0 where there is no way back.
    """
    backs = {loop.frame: loop for loop in program.backward if isinstance(loop, Repeat)}
    slots: Slots = {}
    frames: dict[range, range] = {}
    strides: dict[range, int] = {}
    for loop in program.forward:
        if not isinstance(loop, Repeat):
            continue
        start = max((frame.stop for frame in frames.values()), default=0)
        own, stride = {row: row - loop.frame.start for row in loop.frame}, 0
        if loop.frame in backs:
            own, stride = _Order(loop, backs[loop.frame]).slots()
        frame = range(start, start + 1 + max(own.values()))
        slots.update((row, start + slot) for row, slot in own.items())
        frames[loop.frame], strides[frame] = frame, stride
    if not frames:
        return program, {}

    def rows(old: Rows) -> Rows:
        return Rows.of(old.space, [slots[p] for p in old.places]) if old.space is Space.FRAME else old

    def one(each: Instruction) -> list[Instruction]:
        if not isinstance(each, Repeat):
            return [each]
        return [replace(with_rows(each, rows), frame=frames[each.frame])]

    sizes = {**program.sizes, Space.FRAME: max(frame.stop for frame in strides)}
    return replace(program.mapped(one), sizes=sizes), strides


class _Order:
    """Finds the order of the rows of one frame; blocks, whose rows follow rules together, stay whole."""

    def __init__(self, loop: Repeat, back: Repeat) -> None:
        self.block: dict[int, Block] = {row: (row,) for row in loop.frame}
        self.rules: dict[int, list[Rule]] = defaultdict(list)  # by one of their rows
        for rule in (rule for one in (*loop.body, *back.body) for rule in _rules(one)):
            self.rules[rule.places[0]].append(rule)
            self._join(rule.places)
        read = {
            row for i in back.body for rows in reads(i) if rows.space is Space.FRAME for row in rows.places
        }
        self.kept = {self.block[row] for row in read}
        self.entering = dict(zip(loop.leaving.places, loop.entering.places, strict=True))

    def slots(self) -> tuple[Slots, int]:
        """(of each row its slot, the stride): what is kept or enters; what leaves; what lasts for a trip."""
        found: Slots = {}
        blocks = dict.fromkeys(self.block.values())
        enter = {self.block[row] for row in self.entering.values()}
        leave = {block for block in blocks if block not in enter and self._enters_as_it_is(block)}
        for block in blocks:
            if block in enter | self.kept and block not in leave:
                _place(self._shape(block), max(found.values(), default=-1) + 1, found)
        stride = max(found.values(), default=-1) + 1
        taken = {stride + found[row] for row in self.entering.values()}
        for block in blocks:
            if block in leave:
                found.update((row, stride + found[self.entering[row]]) for row in block)
            elif block[0] not in found:
                shape = self._shape(block)
                start = next(s for s in count(stride) if taken.isdisjoint(s + at for at in shape.values()))
                _place(shape, start, found)
                taken.update(found[row] for row in block)
        return found, stride

    def _join(self, places: Places) -> None:
        joined = tuple(sorted({row for place in places for row in self.block[place]}))
        self.block.update(dict.fromkeys(joined, joined))

    def _shape(self, block: Block) -> Slots:
        """How far behind the first its rows come to lie: side by side, where all rules are followed so."""
        close = {row: distance for distance, row in enumerate(block)}
        return close if self._are_followed(block, close) else {row: row - block[0] for row in block}

    def _are_followed(self, block: Block, slots: Mapping[int, int]) -> bool:
        return all(rule.is_followed(slots) for row in block for rule in self.rules[row])

    def _enters_as_it_is(self, block: Block) -> bool:
        """Whether the rows of a block enter the next trip where rows of one block are, by the same rules."""
        targets = [self.entering[row] for row in block if row in self.entering]
        if len(targets) < len(block) or len({self.block[row] for row in targets}) > 1:
            return False
        shape = self._shape(self.block[targets[0]])
        return self._are_followed(block, {row: shape[self.entering[row]] for row in block})


class Rule(NamedTuple):
    """Rows that lie at two distances, from member to member and from term to term."""

    places: Places
    members: int
    terms: int

    def is_followed(self, slots: Mapping[int, int]) -> bool:
        """Whether they do so where they are now; a range goes upwards, too."""
        found = grid(tuple(slots[place] for place in self.places), self.members, self.terms)
        return found is not None and (self.members > 1 or found[2] > 0)


def _rules(instruction: PlainInstruction) -> Iterator[Rule]:
    """The rules that rows of FRAME follow in an instruction: then no table tells where they are."""
    for rows in (*reads(instruction), rows_of(instruction.out)):
        if rows.space is not Space.FRAME:
            continue
        if isinstance(rows.places, range):
            yield Rule(rows.places, 1, len(rows))
        elif isinstance(instruction, SumOfProducts) and instruction.uniform:
            members, terms = len(instruction.out), instruction.uniform
            if len(rows) == members * terms and grid(rows.places, members, terms):
                yield Rule(rows.places, members, terms)


def _place(shape: Slots, start: int, found: Slots) -> None:
    found.update((row, start + distance) for row, distance in shape.items())


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
        slots[space], starts[space] = [0] * len(rows), len(short)
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
