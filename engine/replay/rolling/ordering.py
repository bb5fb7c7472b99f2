"""In which order the members of groups, and the inputs, lie best: as those who read them ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.replay.recording.tape import LeafKind
from engine.replay.rolling.collapse import NONE, Collapsed, Loop, Node, Term, operands_of
from engine.replay.rolling.groups import Group, groups
from engine.replay.rolling.simplify import Flat

__all__ = ["Plan", "by_slot", "ordered"]


@dataclass
class Plan:
    """The groups in the order in which they run, members and inputs as they lie, and the bodies of loops."""

    collapsed: Collapsed
    groups: list[Group]
    inputs: list[int]
    bodies: Mapping[int, Plan]


def ordered(collapsed: Collapsed) -> Plan:
    """The plan of a tape, or of the body of a loop."""
    bodies = {place: ordered(loop.body) for place, loop in collapsed.loops.items()}
    found = groups(collapsed)
    return Plan(collapsed, found, _put_in_order(collapsed, found, bodies), bodies)


def _put_in_order(collapsed: Collapsed, found: list[Group], bodies: Mapping[int, Plan]) -> list[int]:
    """Order the members of each group as its consumers ask for them; returns the inputs, ordered so too."""
    flat = collapsed.flat
    rank: dict[int, int] = {}
    for place in flat.outputs:
        rank.setdefault(place, len(rank))
    for group in reversed(found):
        if group.signature[0] == "loop":
            (loop,) = group.members
            demands = _demands_of_loop(collapsed.loops[loop], bodies[loop].inputs)
        else:
            if group.matrix:
                _order_matrix(flat, group, rank)
            else:
                group.members.sort(key=rank.__getitem__)
            demands = _demands(collapsed, group)
        for place in demands:
            rank.setdefault(place, len(rank))
    return [place for place in rank if _is_input(flat, place)]


def _demands_of_loop(loop: Loop, inputs: Sequence[int]) -> Iterable[int]:
    """What a loop reads in its first trip, in the order of the frame, and what it reads trip by trip."""
    first = {place: outside for place, _, outside in loop.carried} | dict(loop.given)
    yield from (first[place] for place in inputs if place in first)
    steps = dict(loop.steps)
    by_trip = [steps[place] for place in inputs if place in steps]
    yield from (outsides[trip] for trip in range(loop.trips) for outsides in by_trip)
    yield from (outside for _, outside in loop.shared)


def _is_input(flat: Flat, place: int) -> bool:
    return place in flat.leaves and flat.leaves[place].kind is LeafKind.INPUT


def _order_matrix(flat: Flat, group: Group, rank: dict[int, int]) -> None:
    """Rows by their weights, so that these follow a rule; columns as the consumers ask for them."""
    by_entry = {(parts.weights, parts.values): place for place, parts in group.matrix.items()}
    firsts = {row[0] for row in group.rows}
    told_apart = 1 if len(firsts) == len(group.rows) else len(group.rows[0])  # by so many weights
    group.rows.sort(key=lambda row: [_weight_number(flat, place) for place in row[:told_apart]])
    first = group.rows[0]
    group.columns.sort(key=lambda column: rank[by_entry[first, column]])
    group.members[:] = [by_entry[row, column] for row in group.rows for column in group.columns]


def _weight_number(flat: Flat, place: int) -> tuple[bool, int]:
    leaf = flat.leaf(place)
    return leaf.kind is LeafKind.HELD, leaf.which


def _demands(collapsed: Collapsed, group: Group) -> Iterable[int]:
    """The operands of a group, in the order in which they would best lie."""
    if group.matrix:
        for term in range(len(group.columns[0])):
            yield from (column[term] for column in group.columns)
        yield from _by_factor([group.matrix[member].rest for member in group.members])
    elif group.signature[0] == "sum":
        yield from _by_factor([[*collapsed.nodes[member].terms] for member in group.members])
    else:
        yield from by_slot(collapsed.nodes, group)


def by_slot(nodes: Mapping[int, Node], group: Group) -> Iterable[int]:
    """The first operands of all members, then the second ones, …; where there are fewer, the last again."""
    operands = [tuple(operands_of(nodes[member])) for member in group.members]
    longest = max(map(len, operands))
    return (places[min(slot, len(places) - 1)] for slot in range(longest) for places in operands)


def _by_factor(sums: Sequence[Sequence[Term]]) -> Iterable[int]:
    """The first factors of all first terms, then their second factors, then the next terms."""
    for slot in range(max(map(len, sums))):
        terms = [terms[slot] for terms in sums if slot < len(terms)]
        yield from (term.left for term in terms)
        yield from (term.right for term in terms if term.right != NONE)
