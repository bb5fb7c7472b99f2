"""The kernels of pick and scatter: sample by sample, a row whose number the data tell.

Many members often have the same index: all entries of a token's embedding. So the index is looked at
once, and then all of them follow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Pick, Rows, Scatter

__all__ = ["pick", "scatter"]

Visit = Callable[[Index, Index, str], None]


def pick(text: Text, layout: Layout, instruction: Pick) -> None:
    """Out = the row of the table that the index tells."""
    choice = _Choice(
        text, layout, instruction.index, instruction.out, instruction.table, instruction.from_zero
    )

    def one(target: Index, source: Index, undefined: str) -> None:
        found = text.load(choice.table.region, source)
        text.store(choice.own.region, target, text.binary("fadd", found, undefined))

    choice.visit(one)


def scatter(text: Text, layout: Layout, instruction: Scatter) -> None:
    """The way back of pick: nothing is lost where two pick the same row."""
    choice = _Choice(text, layout, instruction.index, instruction.left, instruction.out)

    def one(source: Index, target: Index, _: str) -> None:
        text.store(choice.table.region, target, text.load(choice.own.region, source), accumulate=True)

    choice.visit(one)


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

    def visit(self, one: Visit) -> None:
        """`one(address of a member's lane, address of what it picks, undefined)`, for all of them.

        `undefined` is -0 where the index is one, which changes no number that it is added to; else it is nan,
        and a flag was raised.
        """
        text = self.text

        def group(number: Index, _: Any) -> None:
            def lane(place: Index, _: Any) -> None:
                index = text.load(self.index.region, text.plus(self.index.at(text, number), place))
                which, undefined = _whole(text, index, self.rows, self.from_zero)

                def member(term: Index, _: Any) -> None:
                    own = text.plus(self.own.at(text, number, term), place)
                    one(own, self._chosen(number, term, which, place), undefined)

                text.loop(0, self.count, member)

            text.loop(0, self.lanes, lane)

        with text.wide(1):
            text.loop(0, self.groups, group)

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
