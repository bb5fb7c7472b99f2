"""In which order the members of groups, and the inputs, lie best: as those who read them ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.replay.recording.tape import LeafKind
from engine.replay.rolling.collapse import NONE, Collapsed, Node, Term
from engine.replay.rolling.groups import Group, operands_of
from engine.replay.rolling.simplify import Flat

__all__ = ["by_slot", "put_in_order"]


def put_in_order(collapsed: Collapsed, found: list[Group]) -> list[int]:
    """Order the members of each group as its consumers ask for them; returns the inputs, ordered so too."""
    flat = collapsed.flat
    rank: dict[int, int] = {}
    for place in flat.outputs:
        rank.setdefault(place, len(rank))
    for group in reversed(found):
        if group.matrix:
            _order_matrix(flat, group, rank)
        else:
            group.members.sort(key=rank.__getitem__)
        for place in _demands(collapsed, group):
            rank.setdefault(place, len(rank))
    return [place for place in rank if _is_input(flat, place)]


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
    leaf = flat.leaves[place]
    return leaf.kind is LeafKind.HELD, leaf.which


def _demands(collapsed: Collapsed, group: Group) -> Iterable[int]:
    """The operands of a group, in the order in which they would best lie."""
    if group.matrix:
        for term in range(len(group.columns[0])):
            yield from (column[term] for column in group.columns)
        yield from _by_factor([group.matrix[member].rest for member in group.members])
    elif group.signature[0] == "sum":
        yield from _by_factor([collapsed.nodes[member].terms for member in group.members])
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
