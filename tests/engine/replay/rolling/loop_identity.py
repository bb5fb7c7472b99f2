"""Whether loops are what stood in a tape: every node has a name, by what it is as an expression of leaves."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from engine.replay.recording.tape import Tape
from engine.replay.rolling.collapse import NONE, Collapsed, Loop, Node, collapse
from engine.replay.rolling.loops import with_loops
from engine.replay.rolling.simplify import simplify

__all__ = ["ensure_same"]


def ensure_same(tape: Tape) -> None:
    """Every node that is left, and every result of a loop, is the same expression of leaves as before."""
    plain = collapse(simplify(tape, tape.outputs))
    terms = _Terms(plain)
    for place in reversed(plain.descending):
        terms.of_node(place, plain.nodes[place])
    before = dict(terms.known)
    looped = with_loops(plain)
    terms.known = {place: name for place, name in before.items() if place in leaves(plain)}
    for place in reversed(looped.descending):
        if place in looped.loops:
            terms.of_loop(looped.loops[place])
        else:
            terms.of_node(place, looped.nodes[place])
    places = [place for place in looped.nodes if place in before] + plain.flat.outputs
    assert [terms.known[place] for place in places] == [before[place] for place in places]


def leaves(collapsed: Collapsed) -> set[int]:
    """The places of all leaves."""
    return {*range(collapsed.flat.weights), *collapsed.flat.leaves}


class _Terms:
    """Gives equal expressions of leaves equal names, whatever they are called in a tape or a body."""

    def __init__(self, collapsed: Collapsed) -> None:
        self.flat = collapsed.flat
        self.known: dict[int, int] = {}
        self._names: dict[Hashable, int] = {}
        self._sums: dict[int, list[tuple[float, int]]] = {}
        for place in leaves(collapsed):
            self.known[place] = self.leaf(place)

    def name(self, key: Hashable) -> int:
        return self._names.setdefault(key, len(self._names))

    def leaf(self, place: int) -> int:
        leaf = self.flat.leaf(place)
        return self.name((leaf.kind, leaf.which, leaf.number))

    def of_node(self, place: int, node: Node) -> None:
        self.known[place] = self.expression(node, self.known, self.flat.constants)

    def expression(self, node: Node, names: Mapping[int, int], constants: Mapping[int, float]) -> int:
        """A constant factor is a coefficient; a sum in a sum is its terms; one term alone is that term."""
        if node.operation is not None:
            return self.name((node.operation, *(names[operand] for operand in node.operands)))
        terms: list[tuple[float, int]] = []
        for number, left, right in node.terms:
            coefficient, factors = number, [place for place in (left, right) if place != NONE]
            for place in factors if len(factors) == 2 else []:
                if place in constants:
                    coefficient *= constants[place]
                    factors.remove(place)
                    break
            inner = [names[place] for place in factors]
            name = inner[0] if len(inner) == 1 else self.name(("product", *sorted(inner)))
            terms += self._sums.get(name, [(1.0, name)]) if coefficient == 1.0 else [(coefficient, name)]
        if len(terms) == 1 and terms[0][0] == 1.0:
            return terms[0][1]
        name = self.name(("sum", *sorted(terms)))
        self._sums[name] = terms
        return name

    def of_loop(self, loop: Loop) -> None:
        """Trip by trip; a constant of a step is one of the outer tape's, which has its own names."""
        flat = self.flat
        for place in (outside for _, outsides in loop.steps for outside in outsides):
            if place in flat.leaves:
                self.known.setdefault(place, self.leaf(place))
        carried = {leaf: self.known[initial] for leaf, _, initial in loop.carried}
        numbers = {leaf: flat.constants[i] for leaf, _, i in loop.carried if i in flat.constants}
        fixed = {place: self.known[outside] for place, outside in (*loop.given, *loop.shared)}
        for place, leaf in loop.body.flat.leaves.items():
            if place not in {*carried, *fixed, *dict(loop.steps)}:
                fixed[place] = self.name((leaf.kind, leaf.which, leaf.number))
        for trip in range(loop.trips):
            steps = {place: outsides[trip] for place, outsides in loop.steps}
            names = {**fixed, **carried, **{place: self.known[outside] for place, outside in steps.items()}}
            constants = loop.body.flat.constants | ({} if trip else numbers)
            constants |= {
                p: flat.constants[outside] for p, outside in steps.items() if outside in flat.constants
            }
            for place in reversed(loop.body.descending):
                names[place] = self.expression(loop.body.nodes[place], names, constants)
            carried = {leaf: names[node] for leaf, node, _ in loop.carried}
            for place, outsides in loop.outputs:
                self.known[outsides[trip]] = names[place]
        for place, outside in loop.finals:
            self.known[outside] = names[place]
