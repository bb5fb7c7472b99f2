"""Loops: repeated blocks of collapsed nodes, as a body and what goes into each trip and comes out of it.

A recurrent cell, a time step of an integrator, an iteration of Newton's method: written as a Python loop, it
stands in the tape as often as it is run. What the blocks have in common is found (`periods`), checked
reference by reference (`blocks`), and taken out of the nodes as a Loop.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from engine.replay.program.program import Space
from engine.replay.recording.tape import Leaf, LeafKind
from engine.replay.rolling.blocks import Block, find_block, slots_of
from engine.replay.rolling.collapse import NONE, Collapsed, Loop, Node, Term, operands_of
from engine.replay.rolling.periods import CONSTANT, HELD, INPUT, KIND, VOID, Numbered, numbered
from engine.replay.rolling.simplify import Flat

__all__ = ["with_loops"]


def with_loops(collapsed: Collapsed) -> Collapsed:
    """The same, with loops where blocks repeat, one after the other; what is before and behind stays.

    >>> from engine import Value
    >>> from engine.replay.recording.record import record
    >>> from engine.replay.rolling.collapse import collapse
    >>> from engine.replay.rolling.simplify import simplify
    >>> w = Value(0.5)
    >>> def f(h, x):
    ...     for x_t in x:
    ...         h = (w * h + x_t).tanh()
    ...     return h
    >>> tape = record(f, [w], [1.0, [2.0] * 10])
    >>> found = with_loops(collapse(simplify(tape, tape.outputs)))
    >>> [(loop.trips, len(loop.body.nodes), len(loop.carried)) for loop in found.loops.values()]
    [(10, 2, 1)]
    """
    nodes = numbered(collapsed)
    blocks = _blocks(nodes, 0, len(nodes.places))
    return _Outside(collapsed, nodes).without(blocks) if blocks else collapsed


def _blocks(nodes: Numbered, first: int, last: int) -> list[Block]:
    """The blocks among these nodes, in order: the longest, then those before it and behind it."""
    found = find_block(nodes, first, last)
    if found is None:
        return []
    return [*_blocks(nodes, first, found.start), found, *_blocks(nodes, found.stop, last)]


class _Outside:
    """The nodes of a tape, from which blocks are taken."""

    def __init__(self, collapsed: Collapsed, nodes: Numbered) -> None:
        self.collapsed, self.nodes, self.flat = collapsed, nodes, collapsed.flat
        self._readers = np.repeat(np.arange(len(nodes.places)), np.diff(nodes.offsets))
        number = {place: number for number, place in enumerate(nodes.places)}
        self._results = np.array([number.get(place, NONE) for place in self.flat.outputs])
        self._leaves = {(leaf.kind, leaf.which): place for place, leaf in self.flat.leaves.items()}

    def without(self, blocks: list[Block]) -> Collapsed:
        """The nodes that are left, with a loop for every block."""
        places, nodes = self.nodes.places, dict(self.collapsed.nodes)
        loops: dict[int, Loop] = {}
        ascending: list[int] = []
        done = 0
        for block in blocks:
            ascending += self._spread(places[done : block.start])
            loop = _Cutting(self, block).cut()
            for place in places[block.start : block.stop]:
                del nodes[place]
            for place in loop.results():
                self.flat.spaces[place] = Space.VALUE
            ascending.append(self.flat.new_place(Space.VALUE))
            loops[ascending[-1]] = loop
            done = block.stop
        ascending += self._spread(places[done:])
        ascending = [place for place in ascending if place in nodes or place in loops]
        return self.collapsed._replace(nodes=nodes, descending=ascending[::-1], loops=loops)

    def _spread(self, places: list[int]) -> list[int]:
        """The places; what depends on a loop has a lane for every sample, as each loop has."""
        spaces = self.flat.spaces
        for place in places:
            if spaces[place] is Space.SHARED:
                operands = operands_of(self.collapsed.nodes[place])
                if any(spaces[operand] is Space.VALUE for operand in operands):
                    spaces[place] = Space.VALUE
        return places

    def place(self, ref: int) -> int:
        """The place of what a slot refers to."""
        kind, which = divmod(ref, KIND)
        if kind == 0:
            return self.nodes.places[which]
        if kind == CONSTANT:
            return which
        if kind == INPUT:
            return self._leaves[LeafKind.INPUT, which]
        held, which = divmod(which, HELD)
        return self.flat.parameters + which if held else which

    def read_from(self, block: Block) -> dict[int, set[int]]:
        """{place in the body: the trips} of what is read outside of a block."""
        is_outside = (self._readers < block.start) | (self._readers >= block.stop)
        read = np.concatenate((self.nodes.refs[is_outside], self._results))
        found: dict[int, set[int]] = {}
        for number in np.unique(read[(read >= block.start) & (read < block.stop)]).tolist():
            trip, place = divmod(number - block.start, block.period)
            found.setdefault(place, set()).add(trip)
        return found


class _Cutting:
    """Makes a loop of a block: in the body, the nodes of a trip have the places 0, 1, …, then come leaves."""

    def __init__(self, outside: _Outside, block: Block) -> None:
        self.outside, self.block = outside, block
        self.places = outside.nodes.places[block.start : block.stop]  # of the nodes, trip by trip
        period, middle = block.period, block.trips // 2 * block.period
        first, self.middle = self.places[:period], self.places[middle : middle + period]
        flags = outside.flat.wanted  # in the first trip more may be wanted: what came before it
        wanted = [flags[place] or flags[other] for place, other in zip(self.middle, first, strict=True)]
        self.flat = Flat([None] * period, [()] * period, spaces=[Space.VALUE] * period, wanted=wanted)
        self.nodes: dict[int, Node] = {}
        self.loop = Loop(block.trips, Collapsed(self.nodes, [], self.flat))
        self._is_fixed = (block.refs == block.refs[0]).all(axis=0)
        self._is_one_number = (block.coefficients == block.coefficients[0]).all(axis=0)
        self._known: dict[Hashable, int] = {}
        self._of_trip_before: dict[int, int] = {}  # of a node, the leaf that has what it was

    def cut(self) -> Loop:
        """The loop, complete."""
        slots = slots_of(self.outside.nodes, self.block)
        for place, (own, outer) in enumerate(zip(slots, self.middle, strict=True)):
            node = self.outside.collapsed.nodes[outer]
            if node.operation is not None:
                self._add(place, Node(node.operation, tuple(map(self._operand, own)), ()))
            else:
                self._add(place, Node(None, (), tuple(map(self._term, own[::2]))))
        self._let_leave()
        self._let_out()
        self.loop.body.descending.reverse()
        return self.loop

    def _add(self, place: int, node: Node) -> int:
        self.nodes[place] = node
        self.loop.body.descending.append(place)
        return place

    def _new(self, left: int, right: int = NONE) -> int:
        """A node of the body's own: a product, or a copy."""
        wanted = any(self.flat.wanted[place] for place in (left, right) if place != NONE)
        place = self.flat.new_place(Space.VALUE, wanted=wanted)
        return self._add(place, Node(None, (), (Term(1.0, left, right),)))

    def _input(self, *, wanted: bool) -> int:
        place = self.flat.new_place(Space.VALUE, wanted=wanted)
        self.flat.leaves[place] = Leaf(LeafKind.INPUT, place, 0.0, "")
        return place

    def _term(self, slot: int) -> Term:
        """The term at this slot and the next; a coefficient of its own for each trip becomes a factor."""
        left = self._operand(slot)
        right = NONE if self.block.refs[0, slot + 1] == VOID else self._operand(slot + 1)
        coefficients = self.block.coefficients[:, slot]
        if self._is_one_number[slot]:
            return Term(float(coefficients[0]), left, right)
        product = left if right == NONE else self._new(left, right)
        factor = self._step([self.outside.flat.constant(number) for number in coefficients.tolist()])
        return Term(1.0, factor, product)

    def _operand(self, slot: int) -> int:
        """The place in the body of what a slot refers to."""
        block, refs = self.block, self.block.refs[:, slot]
        if block.inner[slot]:
            return int(refs[0]) - block.start
        if block.moving[slot]:
            trips, place = divmod(int(refs[block.trips - 1]) - block.start, block.period)
            return self._carried(place, tuple(refs[: block.trips - 1 - trips].tolist()))
        if self._is_fixed[slot]:
            return self._fixed(int(refs[0]))
        return self._step([self.outside.place(ref) for ref in refs.tolist()])

    def _carried(self, place: int, history: tuple[int, ...]) -> int:
        """A node of an earlier trip; `history` has what stands for it where there was no such trip yet.

        What is three trips old is carried on from what is two trips old, and so on.
        """
        key = ("carried", place, history)
        if key not in self._known:
            source = place if len(history) == 1 else self._carried(place, history[1:])
            initial = self.outside.place(history[0])
            wanted = self.flat.wanted[source] or self.outside.flat.wanted[initial]
            found = self._known[key] = self._input(wanted=wanted)
            self.loop.carried.append((found, source, initial))
            if len(history) == 1:
                self._of_trip_before.setdefault(place, found)
        return self._known[key]

    def _fixed(self, ref: int) -> int:
        """What is the same in every trip: weights, constants, what depends on them alone; or it is given."""
        if ref not in self._known:
            outer = self.outside.place(ref)
            space, wanted = self.outside.flat.spaces[outer], self.outside.flat.wanted[outer]
            if space is Space.VALUE:
                found = self._input(wanted=wanted)
                self.loop.given.append((found, outer))
                self._note_from_zero(found, [outer])
            else:
                found = self.flat.new_place(space, wanted=wanted)
                if space is Space.SHARED:
                    self.loop.shared.append((found, outer))
                else:
                    leaf = self.flat.leaves[found] = self.outside.flat.leaf(outer)
                    if space is Space.CONSTANT:
                        self.flat.constants[found] = leaf.number
            self._known[ref] = found
        return self._known[ref]

    def _step(self, outers: list[int]) -> int:
        """What is another one in every trip."""
        key = ("step", *outers)
        if key not in self._known:
            wanted = any(self.outside.flat.wanted[outer] for outer in outers)
            found = self._known[key] = self._input(wanted=wanted)
            self.loop.steps.append((found, outers))
            self._note_from_zero(found, outers)
        return self._known[key]

    def _note_from_zero(self, place: int, outers: list[int]) -> None:
        flat = self.outside.flat
        leaves = [flat.leaves.get(outer) for outer in outers]
        if all(
            leaf is not None and leaf.kind is LeafKind.INPUT and leaf.which in flat.from_zero
            for leaf in leaves
        ):
            self.flat.from_zero |= {place}

    def _let_leave(self) -> None:
        """What is carried leaves from a row of its own, which no value comes in to."""
        taken: set[int] = set()
        for number, (entering, node, initial) in enumerate(self.loop.carried):
            leaving = node
            if node in self.flat.leaves or node in taken:
                leaving = self._new(node)
            taken.add(leaving)
            self.loop.carried[number] = (entering, leaving, initial)

    def _let_out(self) -> None:
        """What is read outside: of the last trip only, or the one before it, or else of all of them."""
        block, loop = self.block, self.loop
        last = block.trips - 1
        for place, trips in self.outside.read_from(block).items():
            outsides, leaf = self.places[place :: block.period], self._of_trip_before.get(place)
            if last - 1 in trips and trips <= {last - 1, last} and leaf is not None:
                loop.finals.append((self._new(leaf), outsides[last - 1]))  # what the last trip began with
                trips.remove(last - 1)
            if trips == {last}:
                loop.finals.append((place, outsides[last]))
            elif trips:
                loop.outputs.append((place, outsides))
        results = [leaving for _, leaving, _ in loop.carried]
        results += [place for place, _ in (*loop.outputs, *loop.finals)]
        self.flat.outputs = list(dict.fromkeys(results))
