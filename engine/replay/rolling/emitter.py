"""Emitter: every node gets its row, every group its instruction.

What does not lie side by side is copied there by an instruction of its own. The body of a loop is laid out in
the same way, as rows of its own, which are then rows of the frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, compress
from typing import Any

from engine.replay.program.expression import Apply, Argument
from engine.replay.program.program import (
    Elementwise,
    Instruction,
    Matrix,
    MatrixProduct,
    Pick,
    PlainInstruction,
    Reduction,
    Repeat,
    Rows,
    Space,
    SumOfProducts,
    Transfer,
    grid,
    with_rows,
)
from engine.replay.recording.tape import LeafKind
from engine.replay.rolling.adjoint import Wanted
from engine.replay.rolling.collapse import NONE, Term
from engine.replay.rolling.frames import transfers
from engine.replay.rolling.groups import Group
from engine.replay.rolling.ordering import Plan, by_slot

__all__ = ["Emitter"]


class Emitter:
    """Gives every node its row and writes the instructions, group by group."""

    def __init__(self, plan: Plan, parameters: int, around: Emitter | None = None) -> None:
        """`around` is the emitter of what is around a loop, where the plan is that of its body."""
        self.plan, self.parameters = plan, parameters
        self.flat, self.nodes = plan.collapsed.flat, plan.collapsed.nodes
        self.sizes = {Space.VALUE: 0, Space.SHARED: 0, Space.FRAME: 0}
        self.address: dict[int, int] = {}
        self.constants: list[float] = around.constants if around else []
        self._constant_rows: dict[str, int] = around._constant_rows if around else {}
        self.wanted: Wanted = defaultdict(set)
        self.forward: list[Instruction] = []
        self.shared_forward: list[Instruction] = []
        self.inputs = self._leaves(plan.inputs)

    def _leaves(self, inputs: list[int]) -> list[int]:
        """Addresses for all leaves; the inputs are the first rows of VALUE."""
        numbers: list[int] = []
        address, wanted = self.address, self.flat.wanted
        for place in inputs:
            address[place] = len(numbers)
            if wanted[place]:
                self.wanted[Space.VALUE].add(len(numbers))
            numbers.append(self.flat.leaves[place].which)
        self.sizes[Space.VALUE] = len(numbers)
        weights = self.wanted[Space.WEIGHT]
        rows = range(self.flat.weights)
        address.update(zip(rows, rows, strict=True))
        weights.update(compress(rows, wanted))
        for place, (kind, which, number, _) in self.flat.leaves.items():
            if kind is LeafKind.CONSTANT:
                address[place] = self._constant(number)
            elif kind is not LeafKind.INPUT:
                address[place] = row = which + self.parameters if kind is LeafKind.HELD else which
                if wanted[place]:
                    weights.add(row)
        return numbers

    def emit_all(self) -> None:
        """Rows for all nodes, and the instructions that fill them."""
        for group in self.plan.groups:
            if group.signature[0] == "loop":
                self._emit_loop(group.members[0])
            else:
                self._emit(group)

    def _constant(self, number: float) -> int:
        row = self._constant_rows.setdefault(number.hex(), len(self.constants))
        if row == len(self.constants):
            self.constants.append(number)
        return row

    def _new_rows(self, varying: bool, wanted: Sequence[bool]) -> Rows:
        """Rows at the end of VALUE or SHARED."""
        space = Space.VALUE if varying else Space.SHARED
        start = self.sizes[space]
        self.sizes[space] += len(wanted)
        self.wanted[space].update(start + offset for offset, is_wanted in enumerate(wanted) if is_wanted)
        return Rows(space, range(start, start + len(wanted)))

    def _write(self, instruction: PlainInstruction) -> None:
        narrow = isinstance(instruction.out, Rows) and not instruction.out.space.wide
        (self.shared_forward if narrow else self.forward).append(instruction)

    def _emit(self, group: Group) -> None:
        """Rows for the members, and the instructions that fill them."""
        emitters = {
            "matrix": self._emit_matrix,
            "elementwise": self._emit_elementwise,
            "reduction": self._emit_reduction,
            "pick": self._emit_pick,
            "sum": self._emit_sum,
        }
        out = emitters[group.signature[0]](group)
        self.address.update(zip(group.members, out.places, strict=True))

    def _rows_for(self, group: Group) -> Rows:
        return self._new_rows(group.varying, [self.flat.wanted[member] for member in group.members])

    def _emit_sum(self, group: Group) -> Rows:
        out = self._rows_for(group)
        self._emit_sums(out, [self.nodes[member].terms for member in group.members])
        return out

    def _emit_reduction(self, group: Group) -> Rows:
        first = self.nodes[group.members[0]]
        operand = self._side_by_side([*by_slot(self.nodes, group)], group.varying)
        out = self._rows_for(group)
        assert first.operation is not None  # noqa: S101  (a reduction is one)
        self._write(Reduction(out, first.operation, operand))
        return out

    def _emit_elementwise(self, group: Group) -> Rows:
        """An operand that is one constant for all members goes into the expression."""
        operation = self.nodes[group.members[0]].operation
        slots = zip(*(self.nodes[member].operands for member in group.members), strict=True)
        rows: list[Rows] = []
        inside: list[Any] = []
        for places in slots:
            constant = self.flat.constants.get(places[0])
            if constant is not None and len(set(places)) == 1:
                inside.append(constant)
                continue
            inside.append(Argument(len(rows)))
            rows.append(self._side_by_side(places, group.varying))
        out = self._rows_for(group)
        assert operation is not None  # noqa: S101  (the group is elementwise)
        self._write(Elementwise(out, Apply(operation, tuple(inside)), tuple(rows)))
        return out

    def _emit_matrix(self, group: Group) -> Rows:
        """One matrix product, and what is left of the sums added to it."""
        slots = [column[term] for term in range(len(group.columns[0])) for column in group.columns]
        operand = self._side_by_side(slots, group.varying)
        out = self._rows_for(group)
        matrix = _matrix([list(map(self.address.__getitem__, row)) for row in group.rows])
        positions = len(group.columns)
        parts = [group.matrix[member] for member in group.members]
        biases = [part.bias for part in parts]
        repeated = [bias for bias in biases[::positions] for _ in range(positions)]
        rest = [list(part.rest) for part in parts]
        bias = None
        if biases[0] != NONE and repeated == biases:
            bias = Rows.of(Space.WEIGHT, [self.address[place] for place in biases[::positions]])
        elif biases[0] != NONE:
            rest = [[*terms, Term(1.0, place, NONE)] for terms, place in zip(rest, biases, strict=True)]
        self._write(MatrixProduct(out, matrix, operand, bias))
        if any(rest):
            self._emit_sums(out, rest, accumulate=True)
        return out

    def _emit_pick(self, group: Group) -> Rows:
        nodes = [self.nodes[member] for member in group.members]
        index = Rows.of(Space.VALUE, [self.address[node.operands[0]] for node in nodes])
        slots = [node.operands[1 + place] for place in range(len(nodes[0].operands) - 1) for node in nodes]
        spaces = {self.flat.spaces[place] for place in slots}
        if len(spaces) == 1 and spaces != {Space.CONSTANT}:
            table = Rows.of(spaces.pop(), [self.address[place] for place in slots])
        else:
            table = self._side_by_side(slots, group.varying)
        out = self._rows_for(group)
        self._write(Pick(out, index, table, from_zero=group.signature[-1]))
        return out

    def _emit_loop(self, place: int) -> None:
        """The body laid out as rows of a frame; rows for what comes out, and how it all is moved."""
        loop, plan = self.plan.collapsed.loops[place], self.plan.bodies[place]
        inner = Emitter(plan, self.parameters, self)
        inner.address.update((leaf, self.address[outside]) for leaf, outside in loop.shared)
        inner.emit_all()
        start = self.sizes[Space.FRAME]
        frame = range(start, start + inner.sizes[Space.VALUE])
        self.sizes[Space.FRAME] = frame.stop
        row = {leaf: start + address for leaf, address in inner.address.items()}

        def in_frame(rows: Rows) -> Rows:
            if rows.space is not Space.VALUE:
                return rows
            return Rows.of(Space.FRAME, [start + place for place in rows.places])

        self.wanted[Space.FRAME].update(start + row for row in inner.wanted[Space.VALUE])
        carried = sorted(loop.carried, key=lambda pair: row[pair[0]])
        before = self._arriving([(row[leaf], [outside]) for leaf, _, outside in carried])
        given = self._arriving([(row[leaf], [outside]) for leaf, outside in loop.given])
        steps = self._arriving([(row[leaf], outsides) for leaf, outsides in loop.steps])
        self.forward.append(
            Repeat(
                trips=loop.trips,
                frame=frame,
                body=with_rows(tuple(inner.forward), in_frame),
                entering=Rows.of(Space.FRAME, [row[leaf] for leaf, _, _ in carried]),
                leaving=Rows.of(Space.FRAME, [row[node] for _, node, _ in carried]),
                before=before,
                given=given,
                steps=steps,
                finals=self._departing([(row[node], [outside]) for node, outside in loop.finals]),
                outputs=self._departing([(row[node], outsides) for node, outsides in loop.outputs]),
            )
        )

    def _arriving(self, moves: list[tuple[int, list[int]]]) -> tuple[Transfer, ...]:
        """How rows of a frame get what is at these places outside, one for each trip or one for all."""
        rows: list[tuple[int, Rows]] = []
        for row, places in moves:
            rows.append((row, self._rows_outside(places)))
        return transfers(sorted(rows, key=lambda pair: pair[0]))

    def _rows_outside(self, places: list[int]) -> Rows:
        """The rows of these nodes; in VALUE, where a gradient is owed to them or they lie here and there."""
        spaces = {self.flat.spaces[place] for place in places}
        is_owed = any(self.flat.wanted[place] for place in places)
        if len(spaces) > 1 or (is_owed and spaces != {Space.VALUE}):
            return self._copied(places, True)
        return Rows.of(spaces.pop(), [self.address[place] for place in places])

    def _copied(self, places: Sequence[int], varying: bool) -> Rows:
        """New rows, side by side, with what stands in those of these nodes."""
        copy = self._new_rows(varying, [self.flat.wanted[place] for place in places])
        self._emit_sums(copy, [(Term(1.0, place, NONE),) for place in places])
        return copy

    def _departing(self, moves: list[tuple[int, list[int]]]) -> tuple[Transfer, ...]:
        """New rows, trip by trip, for what comes out of a frame."""
        moves = sorted(moves)
        trips = len(moves[0][1]) if moves else 0
        wanted = [any(self.flat.wanted[place] for place in places) for _, places in moves]
        out = self._new_rows(True, wanted * trips)
        for number, (_, places) in enumerate(moves):
            self.address.update(zip(places, out.places[number :: len(moves)], strict=True))
        return transfers(
            [
                (row, Rows(out.space, out.places[number :: len(moves)]))
                for number, (row, _) in enumerate(moves)
            ]
        )

    def _emit_sums(self, out: Rows, sums: Sequence[Iterable[Term]], *, accumulate: bool = False) -> None:
        """One instruction for each pair of spaces that the terms have their factors in."""
        kinds: dict[tuple[Space, Space | None], dict[int, list[Term]]] = {}
        for member, terms in enumerate(sums):
            for term in terms:
                spaces, addressed = self._addressed(term)
                kinds.setdefault(spaces, {}).setdefault(member, []).append(addressed)
        covering = sorted(kinds.items(), key=lambda item: -len(item[1]))
        if not accumulate and (not covering or len(covering[0][1]) < len(out)):
            self._write(Elementwise(out, 0.0, ()))
            accumulate = True
        for spaces, members in covering:
            filled = Rows.of(out.space, [out.places[member] for member in members])
            self._write(SumOfProducts.of(filled, spaces, [*members.values()], accumulate=accumulate))
            accumulate = True

    def _addressed(self, term: Term) -> tuple[tuple[Space, Space | None], Term]:
        """The spaces of a term's factors and the term, with their rows; the narrower factor comes first."""
        coefficient, *factors = term
        spaces = [self.flat.spaces[place] for place in factors if place != NONE]
        rows = [self.address[place] for place in factors if place != NONE]
        if len(rows) == 1:
            return (spaces[0], None), Term(coefficient, rows[0], NONE)
        if spaces[0] is Space.VALUE and spaces[1] is not Space.VALUE:
            spaces, rows = spaces[::-1], rows[::-1]
        return (spaces[0], spaces[1]), Term(coefficient, *rows)

    def _side_by_side(self, places: Sequence[int], varying: bool) -> Rows:
        """The rows of these nodes as a range; copied into new rows where they do not lie so."""
        spaces = {self.flat.spaces[place] for place in places}
        found = Rows.of(self.flat.spaces[places[0]], [self.address[place] for place in places])
        is_range = isinstance(found.places, range) and found.places.step == 1
        return found if len(spaces) == 1 and is_range else self._copied(places, varying)

    def results(self) -> Rows:
        """The rows of the results, side by side in VALUE."""
        places = self.flat.outputs
        are_values = all(self.flat.spaces[place] is Space.VALUE for place in places)
        if are_values and len(set(places)) == len(places):
            return self._side_by_side(places, True)
        return self._copied(places, True)


def _matrix(places: list[list[int]]) -> Matrix:
    """The matrix of weights at these places: by strides where they follow a rule, else listed."""
    rows, columns = len(places), len(places[0])
    listed = tuple(chain.from_iterable(places))
    start, by_row, by_column = grid(listed, rows, columns) or (0, 0, 0)
    if by_row <= 0 or by_column <= 0:
        return Matrix(Space.WEIGHT, rows, columns, listed=listed)
    return Matrix(Space.WEIGHT, rows, columns, start, by_row if rows > 1 else columns * by_column, by_column)
