"""The kernels of pick and scatter: sample by sample, a row whose number the data tell.

Many members often ask by the same number: all entries of a token's embedding. So the number is looked at
once, and then all of them follow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from engine.replay.llvm_layout import Layout
from engine.replay.llvm_rows import put
from engine.replay.llvm_text import Index, Text
from engine.replay.program import Pick, Rows, Scatter

__all__ = ["pick", "scatter"]

Visit = Callable[[Index, Index, str], None]


def pick(text: Text, layout: Layout, instruction: Pick) -> None:
    """Out = the row of the table that the index tells."""
    out, table = layout.operand(instruction.out), layout.operand(instruction.table)

    def one(target: Index, source: Index, undefined: str) -> None:
        found = text.binary("fadd", text.load_one(table.region, source), undefined)
        put(text, out, target, found, accumulate=instruction.accumulate)

    _visit_all(text, layout, instruction.index, instruction.out, instruction.table, one)


def scatter(text: Text, layout: Layout, instruction: Scatter) -> None:
    """The way back of pick: nothing is lost where two pick the same row."""
    out, left = layout.operand(instruction.out), layout.operand(instruction.left)

    def one(source: Index, target: Index, _: str) -> None:
        put(text, out, target, text.load_one(left.region, source), accumulate=True)

    _visit_all(text, layout, instruction.index, instruction.left, instruction.out, one)


def _visit_all(text: Text, layout: Layout, index: Rows, own: Rows, table: Rows, visit: Visit) -> None:
    """`visit(address of a member, address of what it picks, undefined)` for all members and lanes.

    `undefined` is -0 where the index is one, which changes no number that it is added to; else it is nan, and
    a flag was raised.
    """
    groups = _by_index(index)
    count = len(groups[0])
    members = [member for group in groups for member in group]
    numbers = layout.operand(Rows.of(index.space, [index.places[group[0]] for group in groups]))
    owns = layout.grid(_chosen(own, members), len(groups), count)
    firsts = layout.grid(_chosen(table, members), len(groups), count)
    rows, distance = len(table) // len(index), _distance(table, len(index))
    width, picked = layout.width(table.space), layout.operand(table)
    places = layout.table(members)

    def group(number: Index, _: Any) -> None:
        def lane(place: Index, _: Any) -> None:
            asked = text.load_one(numbers.region, text.plus(numbers.at(text, number), place))
            which, undefined = _whole(text, asked, rows)
            offset = place if width > 1 else 0
            further = text.plus(text.times(which, (distance or 0) * width), offset)

            def member(term: Index, _: Any) -> None:
                if distance is None:
                    own_number = text.entry(text.plus(places, text.times(number, count), term))
                    row = text.plus(text.times(which, len(index)), own_number)
                    chosen = text.plus(picked.at(text, row), offset)
                else:
                    chosen = text.plus(firsts.at(text, number, term), further)
                visit(text.plus(owns.at(text, number, term), place), chosen, undefined)

            text.loop(0, count, member)

        text.loop(0, layout.width(index.space), lane)

    with text.wide(1):
        text.loop(0, len(groups), group)


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


def _whole(text: Text, number: str, rows: int) -> tuple[str, str]:
    """(which row a number tells, from the end where it is negative; -0, or nan where it tells none).

    Whatever the number is, the row is one of those that there are; a flag is raised with the nan.
    """
    which = text.let(f"fptosi {text.scalar} {number} to i64")
    back = text.let(f"sitofp i64 {which} to {text.scalar}")
    is_whole = text.let(f"fcmp oeq {text.scalar} {number}, {back}")
    is_negative = text.let(f"icmp slt i64 {which}, 0")
    which = text.let(f"select i1 {is_negative}, i64 {text.plus(which, rows)}, i64 {which}")
    is_inside = text.let(f"icmp ult i64 {which}, {rows}")
    is_valid = text.let(f"and i1 {is_inside}, {is_whole}")
    divisor = text.select(is_valid, text.number(1.0), text.number(0.0))
    undefined = text.binary("fdiv", text.number(-0.0), divisor)
    return text.let(f"select i1 {is_inside}, i64 {which}, i64 0"), undefined
