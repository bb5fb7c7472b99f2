"""The kernels of pick and scatter: sample by sample, a row whose number the data tell.

Many members often have the same index: all entries of a token's embedding. So the index is looked at
once, and then all of them follow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.module import Region
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Pick, Rows, Scatter

__all__ = ["pick", "scatter"]

Visit = Callable[[Sequence[Index], Sequence[Index], Sequence[str]], None]


def pick(text: Text, layout: Layout, instruction: Pick) -> None:
    """Out = the row of the table that the index tells."""
    choice = _Choice(
        text, layout, instruction.index, instruction.out, instruction.table, instruction.from_zero
    )
    table, out = choice.table.region, choice.own.region

    def some(targets: Sequence[Index], sources: Sequence[Index], undefined: Sequence[str]) -> None:
        wrong = text.joined(undefined)
        for target, row in zip(targets, _turned(text, table, sources), strict=True):
            text.store(out, target, text.binary("fadd", row, wrong))

    choice.visit(some)


def scatter(text: Text, layout: Layout, instruction: Scatter) -> None:
    """The way back of pick: nothing is lost where two pick the same row."""
    choice = _Choice(text, layout, instruction.index, instruction.left, instruction.out)
    left = choice.own.region

    def some(sources: Sequence[Index], targets: Sequence[Index], _: Sequence[str]) -> None:
        for target, row in zip(targets, _turned(text, left, sources), strict=True):
            text.store(choice.table.region, target, row, accumulate=True)

    choice.visit(some)


def _turned(text: Text, region: Region, addresses: Sequence[Index]) -> list[str]:
    """As many vectors as there are lanes, with their lanes for vectors."""
    return text.transpose([text.load(region, address) for address in addresses])


class _Choice:
    """Members in groups of one index; where they are, and what they pick."""

    def __init__(
        self, text: Text, layout: Layout, index: Rows, own: Rows, table: Rows, from_zero: bool = False
    ) -> None:
        groups = _by_index(index)
        members = [member for group in groups for member in group]
        self.from_zero = from_zero
        self.text, self.lanes, self.count = text, layout.width(index.space), len(groups[0])
        self.groups, self.members, self.rows = len(groups), len(index), len(table) // len(index)
        self.index = layout.operand(Rows.of(index.space, [index.places[group[0]] for group in groups]))
        self.own = layout.grid(_chosen(own, members), len(groups), self.count)
        self.first = layout.grid(_chosen(table, members), len(groups), self.count)
        self.table, self.places = layout.operand(table), layout.table(members)
        self.distance = _distance(table, len(index))

    def visit(self, some: Visit) -> None:
        """`some(addresses of members, addresses of what lanes pick, undefined)`, for all of both.

        `undefined` is -0 where the index is one, which changes no number that it is added to; else it is nan,
        and a flag was raised. Where neighbors pick neighbors, the same ones in all lanes, they come as
        many members and lanes at once as a vector has lanes, else one by one.
        """
        text, vector = self.text, self.text.vector
        is_run = self.table.width == 1 and self.first.by_term == 1 and self.distance is not None
        size = vector if is_run and self.count % vector == self.lanes % vector == 0 else 1

        def group(number: Index, _: Any) -> None:
            def lanes(block: Index, _: Any) -> None:
                place = text.times(block, size)
                with text.wide(1):
                    found = [self._index(number, text.plus(place, lane)) for lane in range(size)]

                def members(block: Index, _: Any) -> None:
                    term = text.times(block, size)
                    rows = [self.own.at(text, number, text.plus(term, k)) for k in range(size)]
                    chosen = [self._chosen(number, term, which, place) for which, _ in found]
                    some(
                        [text.plus(row, place) for row in rows], chosen, [undefined for _, undefined in found]
                    )

                text.loop(0, self.count // size, members)

            text.loop(0, self.lanes // size, lanes)

        with text.wide(size):
            text.loop(0, self.groups, group)

    def _index(self, group: Index, lane: Index) -> tuple[str, str]:
        text = self.text
        number = text.load_one(self.index.region, text.plus(self.index.at(text, group), lane))
        return _whole(text, number, self.rows, self.from_zero)

    def _chosen(self, number: Index, term: Index, which: str, lane: Index) -> Index:
        """The address of what a member picks."""
        text = self.text
        if self.distance is None:
            member = text.entry(text.plus(self.places, text.times(number, self.count), term))
            start = self.table.at(text, text.plus(text.times(which, self.members), member))
        else:
            further = text.times(which, self.distance * self.table.width)
            start = text.plus(self.first.at(text, number, term), further)
        return text.plus(start, lane) if self.table.width > 1 else start


def _by_index(index: Rows) -> list[list[int]]:
    """The members in groups that have one index; where these are not equally many, each for itself."""
    found: dict[int, list[int]] = defaultdict(list)
    for member, place in enumerate(index.places):
        found[place].append(member)
    groups = list(found.values())
    return groups if len({len(group) for group in groups}) == 1 else [[m] for m in range(len(index))]


def _chosen(rows: Rows, members: Sequence[int]) -> Rows:
    return Rows.of(rows.space, [rows.places[member] for member in members])


def _distance(table: Rows, members: int) -> int | None:
    """How far the rows are from one another that a member can pick, if that is the same for all."""
    places = table.places
    distance = places[members] - places[0] if len(places) > members else 0
    is_regular = all(
        place == places[number % members] + number // members * distance
        for number, place in enumerate(places)
    )
    return distance if is_regular else None


def _whole(text: Text, number: str, rows: int, from_zero: bool) -> tuple[str, str]:
    """(which row a number tells, from the end where it may be negative; -0, or nan where it tells none).

    Whatever the number is, the row is one of those that there are; a flag is raised with the nan.
    """
    which = text.let(f"fptosi {text.scalar} {number} to i64")
    back = text.let(f"sitofp i64 {which} to {text.scalar}")
    is_whole = text.let(f"fcmp oeq {text.scalar} {number}, {back}")
    if not from_zero:
        is_negative = text.let(f"icmp slt i64 {which}, 0")
        which = text.let(f"select i1 {is_negative}, i64 {text.plus(which, rows)}, i64 {which}")
    is_inside = text.let(f"icmp ult i64 {which}, {rows}")
    is_valid = text.let(f"and i1 {is_inside}, {is_whole}")
    divisor = text.select(is_valid, text.number(1.0), text.number(0.0))
    undefined = text.binary("fdiv", text.number(-0.0), divisor)
    return text.let(f"select i1 {is_inside}, i64 {which}, i64 0"), undefined
