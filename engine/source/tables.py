"""A large graph as tables that a short loop reads: one case for each kind of node, whatever their number.

    KINDS     which case a node is, in topological order
    OPERANDS  the places of all nodes' operands, one after the other
    FIXED     the numbers of leaves that are not given

The place of a node: given leaves first, then fixed ones, then the others. `v` has the numbers, `g` the
gradients, and `r` tells to which of them a path led.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.graph import Node
from engine.operation import Operation
from engine.source.loops import LOOPS, Case, Table
from engine.source.names import safe
from engine.source.plan import Plan, partials_of
from engine.source.straight import about, ways
from engine.source.symbol import Writer
from engine.wording import display_names

__all__ = ["Tables"]

Kind = tuple[
    Operation, int, tuple[bool, ...]
]  # the row, the number of operands, which of them want a gradient


class Tables:
    """Writes a graph as tables and the loops that read them."""

    def __init__(self, plan: Plan, writer: Writer) -> None:
        self.plan, self.writer = plan, writer

    def text(self, *, gradients: bool) -> str:
        """The whole file."""
        plan, loop = self.plan, LOOPS[self.writer.language.title]
        order = (*plan.given, *plan.fixed, *plan.interior)
        place = {node: number for number, node in enumerate(order)}
        kinds = {kind: number for number, kind in enumerate(dict.fromkeys(map(self._kind, plan.interior)))}
        names = display_names(order)
        given = ", ".join(safe(names[node]) for node in plan.given[:8]) + (
            ", …" if len(plan.given) > 8 else ""
        )
        table = Table(
            cases=[self._case(*kind) for kind in kinds],
            kinds=[kinds[self._kind(node)] for node in plan.interior],
            operands=[place[parent] for node in plan.interior for parent in node.parents],
            fixed=[self.writer.language.number(node._data) for node in plan.fixed],
            given=len(plan.given),
            roots=[place[root] for root in plan.roots],
        )
        body = loop.write(table, gradients)
        notes = about(given, gradients=gradients) + f"\n{len(order):,} nodes, as tables that a loop reads."
        return self.writer.language.around(notes, [*self.writer.called(body), *body])

    def _kind(self, node: Node) -> Kind:
        assert node.operation is not None  # noqa: S101  (interior)
        wanted = tuple(parent in self.plan.moving for parent in node.parents)
        return node.operation, len(node.parents), wanted

    def _case(self, operation: Operation, count: int, wanted: Sequence[bool]) -> Case:
        """What one kind of node computes, and what it contributes to each of its operands."""
        read = LOOPS[self.writer.language.title].read
        operands = [self.writer.symbol(read(slot)) for slot in range(count)]
        out, upstream = self.writer.symbol("out"), self.writer.symbol("u")
        forward = self.writer.write(operation, operands).text
        partials = partials_of(operation, out, operands)
        backward = []
        for slot, (partial, wants) in enumerate(zip(partials, wanted, strict=True)):
            for conditions, side in ways(partial, []) if wants else ():
                holds = conditions[0] if conditions else None
                for condition in conditions[1:]:
                    holds = holds & condition if holds is not None else None
                backward.append((slot, holds.text if holds is not None else "", (upstream * side).text))
        return Case(operation, count, forward, backward)
