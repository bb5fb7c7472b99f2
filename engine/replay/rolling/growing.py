"""Growing: the last trip of a loop, which lies here and there behind it.

Nodes are in eager's order, which begins with what the result asks for first. So the last trip, which the
result reads, is in another order than those that only the next trip reads; and what a trip computes for the
next one already is not there at all. It is found by what it does, to what.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np

from engine.replay.rolling.blocks import Block, slots_of
from engine.replay.rolling.collapse import Collapsed
from engine.replay.rolling.periods import CONSTANT, KIND, Numbered

__all__ = ["with_more_behind"]

Array = Any
WINDOW = 4  # times the nodes of a trip: so far behind a loop its last trip is looked for
MISSING = 4  # of so many nodes of a trip one may be missing in the last: what only the next trip would read
NOWHERE = -1  # the number of a node that is missing
UNKNOWN, ANY = -2, -3  # instead of a reference: to what is missing, and to a constant
Key = tuple[int, ...]


def with_more_behind(collapsed: Collapsed, nodes: Numbered, blocks: list[Block]) -> list[Block]:
    """The blocks, each with what trips of it are found behind it, before the next block."""
    grown: list[Block] = []
    for block, following in zip_longest(blocks, blocks[1:]):
        limit = following.start if following else len(nodes.places)
        among = range(block.stop, min(limit, block.stop + WINDOW * block.period))
        search = _Search(collapsed, nodes, block, among, grown)
        latest = longer = block
        while longer is not None:
            latest, longer = longer, search.one_more(longer)
        grown.append(latest)
    return grown


class _Slot(NamedTuple):
    """Where a slot of a body points to: `trips` ago, at this place of the body; trips is −1 elsewhere."""

    trips: int
    place: int


class _Search:
    """Looks for further trips of one block among some nodes."""

    def __init__(
        self, collapsed: Collapsed, nodes: Numbered, block: Block, among: range, earlier: list[Block]
    ) -> None:
        self.collapsed, self.nodes, self.start, self.earlier = collapsed, nodes, block.start, earlier
        self.first = block.numbers[0].tolist()
        self.slots = slots_of(nodes, block)
        self.names = nodes.names[block.numbers[block.lying // 2]].tolist()
        self.targets = [_Slot(-1, 0)] * len(block.moving)
        last = block.refs[block.lying - 1] - (block.start + (block.lying - 1) * block.period)
        for slot in np.flatnonzero(block.moving).tolist():
            trip, place = divmod(int(last[slot]), block.period)
            self.targets[slot] = _Slot(-trip, place)
        self.known: dict[Key, int] = {}
        for number in among:
            refs = nodes.refs[nodes.offsets[number] : nodes.offsets[number + 1]].tolist()
            self.known.setdefault((int(nodes.names[number]), *map(_told, refs)), number)

    def one_more(self, block: Block) -> Block | None:
        """The block with one more trip behind; None where there is none."""
        numbers = np.full(block.period, NOWHERE)
        refs, coefficients = block.refs[-1].copy(), block.coefficients[-1].copy()
        missing = 0
        for place, own in enumerate(self.slots):
            expected = [self._expected(block, numbers, slot) for slot in own]
            found = self.known.get((self.names[place], *map(_told, expected)), NOWHERE)
            if found == NOWHERE:
                missing += 1
                if missing * MISSING > block.period or not self._may_be_missing(place):
                    return None
                continue  # what it refers to is told by the other trips
            if found in numbers:
                return None
            numbers[place] = found
            part = slice(self.nodes.offsets[found], self.nodes.offsets[found + 1])
            refs[own.start : own.stop] = self.nodes.refs[part]
            coefficients[own.start : own.stop] = self.nodes.coefficients[part]
        return block._replace(
            numbers=np.vstack((block.numbers, numbers)),
            refs=np.vstack((block.refs, refs)),
            coefficients=np.vstack((block.coefficients, coefficients)),
        )

    def _expected(self, block: Block, numbers: Array, slot: int) -> int:
        """What the slot refers to in the trip behind the last; UNKNOWN where that is missing."""
        trips, place = self.targets[slot]
        if trips >= 0:
            line = numbers if trips == 0 else block.numbers[block.trips - trips]
            return int(line[place]) if line[place] != NOWHERE else UNKNOWN
        before, last = (int(ref) for ref in block.refs[-2:, slot])
        if last == before or last // KIND == CONSTANT:
            return last
        if last // KIND != 0:
            return 2 * last - before
        for other in self.earlier:
            (where, column), *_ = [*np.argwhere(other.numbers == last).tolist(), (NOWHERE, 0)]
            (of_before, _), *_ = [*np.argwhere(other.numbers == before).tolist(), (NOWHERE, 0)]
            if where != NOWHERE:
                following = 2 * where - of_before
                return int(other.numbers[following, column]) if 0 <= following < other.trips else UNKNOWN
        return 2 * last - before if 2 * last - before < self.start else UNKNOWN

    def _may_be_missing(self, place: int) -> bool:
        """Sums of products may: computing one that nobody reads raises nothing."""
        return self.collapsed.nodes[self.nodes.places[self.first[place]]].operation is None


def _told(ref: int) -> int:
    """The reference, by which a node is looked for: constants may be any."""
    return ANY if ref // KIND == CONSTANT else ref
