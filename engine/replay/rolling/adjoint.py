"""The way back: the instructions that carry the gradient from the result to the weights.

Linear instructions have structural adjoints: of a matrix product two matrix products, of a gathered sum
another gathered sum (each row adds up its own contributions, so nothing is scattered). The derivatives of the
table's rows come from running their `partials` on symbols.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine import ops
from engine.replay.program.expression import (
    Apply,
    Argument,
    arguments_of,
    partials,
    product,
    renumbered,
)
from engine.replay.program.program import (
    Elementwise,
    Instruction,
    LaneProduct,
    MatrixProduct,
    Pick,
    Reduction,
    Repeat,
    Rows,
    Scatter,
    Space,
    SumOfProducts,
    Transfer,
    as_sums,
    every,
    rows_of,
)

__all__ = ["Adjoint", "Wanted"]

Wanted = dict[Space, set[int]]
Adding = MatrixProduct | LaneProduct | SumOfProducts | Elementwise | Scatter  # what may add to rows
Contribution = tuple[float, int, int]  # the coefficient, the rows of the gradient and of the other factor
Contributions = dict[int, list[Contribution]]  # to each place


class Adjoint:
    """Derives `backward` and `shared_backward`; `wanted` are, by space, the rows on the way to a parameter.

    The first contribution to a row stores, later ones add. Rows of one lane are 0 when a block of samples
    begins; the others hold whatever was there before. What is picked among many adds to a few of them: it
    waits for those that store, so that nobody writes 0 first.
    """

    def __init__(self, wanted: Wanted, *, within: bool = False) -> None:
        """`within` a loop: there whatever is summed over the samples is added to what other trips gave."""
        self._within = within
        self.backward: list[Instruction] = []
        self.shared_backward: list[Instruction] = []
        self._wanted = wanted
        self._touched: dict[Space, set[int]] = defaultdict(set)
        self._waiting: list[Scatter] = []
        self._awaited: dict[Space, set[int]] = defaultdict(set)  # the rows that they add to
        self._part = self.backward

    def derive(self, results: Rows, forward: Sequence[Instruction], shared: Sequence[Instruction]) -> None:
        """Fill both parts, from the first result back to the weights."""
        seed = results.places[0]
        if seed not in self._wanted[Space.VALUE]:
            return
        self.backward.append(Elementwise(Rows(Space.ADJOINT, range(seed, seed + 1)), 1.0, ()))
        self._touched[Space.ADJOINT].add(seed)
        self._visit_all(forward)
        self._part = self.shared_backward
        self._visit_all(shared)

    def _visit_all(self, instructions: Sequence[Instruction]) -> None:
        for instruction in reversed(instructions):
            self._visit(instruction)
        self._scatter()

    def _visit(self, instruction: Instruction) -> None:
        if isinstance(instruction, Repeat):
            self._repeat(instruction)
            return
        out = instruction.out
        if not isinstance(out, Rows) or not self._is_wanted(out):
            return
        upstream = self._upstream(out)
        if upstream is None:
            return
        match instruction:
            case MatrixProduct():
                self._matrix_product(instruction, upstream)
            case SumOfProducts():
                self._sum_of_products(instruction, upstream)
            case Elementwise(_, expression, operands) if operands:
                self._elementwise(expression, operands, upstream, out)
            case Reduction(_, operation, operand):
                (slope,), times = partials(operation, [Argument(0)]), len(operand) // len(out)
                upstream, out = (Rows.of(rows.space, [*rows.places] * times) for rows in (upstream, out))
                self._pass_on(operand, slope, (operand,), upstream, out)
            case Pick(_, index, table) if self._is_wanted(table):
                self._waiting.append(Scatter(Rows(table.space.adjoint, table.places), index, upstream))
                self._awaited[table.space.adjoint].update(table.places)

    def _repeat(self, loop: Repeat) -> None:
        """The loop backwards: its body is the way back of the body."""
        self._scatter()
        finals, outputs = (
            [t for t in map(self._of_adjoint, some) if t and self._is_reached(t.outside)]
            for some in (loop.finals, loop.outputs)
        )
        results = (*finals, *outputs)
        if not results:
            return
        pairs = [
            (into, left)
            for into, left in zip(loop.entering.places, loop.leaving.places, strict=True)
            if into in self._wanted[Space.FRAME]
        ]
        entering = Rows.of(Space.FRAME_ADJOINT, [into for into, _ in pairs])
        leaving = Rows.of(Space.FRAME_ADJOINT, [left for _, left in pairs])
        before, given, steps = (
            [t for t in map(self._of_adjoint, some) if t] for some in (loop.before, loop.given, loop.steps)
        )
        inner = Adjoint(self._wanted, within=True)
        for rows in (leaving, *(transfer.inside for transfer in results)):
            inner._touched[rows.space].update(rows.places)
        inner._visit_all(loop.body)
        for rows in (entering, *(transfer.inside for transfer in (*given, *steps))):
            inner._complete(rows)
        for transfer in (*results, *before, *given, *steps):
            self._complete(transfer.outside)
        for space in (Space.GRADIENT, Space.SHARED_ADJOINT):
            self._touched[space] |= inner._touched[space]
        self._part.append(
            replace(
                loop,
                body=tuple(every(inner.backward)),
                entering=entering,
                leaving=leaving,
                before=tuple(before),
                given=tuple(given),
                steps=tuple(steps),
                finals=tuple(finals),
                outputs=tuple(outputs),
                reverse=True,
            )
        )

    def _of_adjoint(self, transfer: Transfer) -> Transfer | None:
        """The same of the derivatives, of those rows that they are wanted by; None where of none."""
        count = len(transfer.inside)
        kept = [number for number in range(count) if self._is_wanted_outside(transfer, number)]
        if not kept:
            return None
        inside, outside = transfer.inside.places, transfer.outside.places
        parts = range(0, len(outside), count)
        return Transfer(
            Rows.of(Space.FRAME_ADJOINT, [inside[number] for number in kept]),
            Rows.of(Space.ADJOINT, [outside[part + number] for part in parts for number in kept]),
        )

    def _is_wanted_outside(self, transfer: Transfer, number: int) -> bool:
        space, places = transfer.outside.space, transfer.outside.places[number :: len(transfer.inside)]
        is_inside = transfer.inside.places[number] in self._wanted[Space.FRAME]
        return is_inside and not self._wanted[space].isdisjoint(places)

    def _is_reached(self, rows: Rows) -> bool:
        return not self._touched[rows.space].isdisjoint(rows.places)

    def _is_wanted(self, rows: Rows) -> bool:
        return not self._wanted[rows.space].isdisjoint(rows.places)

    def _upstream(self, out: Rows) -> Rows | None:
        """The gradient by the result of an instruction; None where nothing has reached it."""
        rows = Rows(out.space.adjoint, out.places)
        if not self._awaited[rows.space].isdisjoint(rows.places):
            self._scatter()
        touched = self._touched[rows.space]
        if touched.isdisjoint(out.places):
            return None
        self._complete(rows)
        return rows

    def _scatter(self) -> None:
        """Add all that waits."""
        for scatter in self._waiting:
            self._add(scatter)
        self._waiting.clear()
        self._awaited.clear()

    def _complete(self, rows: Rows) -> None:
        """Write 0 to those of these rows that nothing has been written to."""
        touched = self._touched[rows.space]
        if touched.issuperset(rows.places):
            return
        missing = [place for place in dict.fromkeys(rows.places) if place not in touched]
        if missing and rows.space.wide:
            self._part.append(Elementwise(Rows.of(rows.space, missing), 0.0, ()))
        touched.update(missing)

    def _add(self, instruction: Adding) -> None:
        """Append a contribution, which stores where it is the first."""
        rows = rows_of(instruction.out)
        touched = self._touched[rows.space]
        is_first = touched.isdisjoint(rows.places) and self._part is self.backward
        is_first = is_first and not (self._within and not rows.space.wide)
        if isinstance(instruction, Scatter):
            self._complete(Rows.of(rows.space, sorted(set(rows.places))))
        elif not is_first:
            self._complete(rows)
            instruction = replace(instruction, accumulate=True)
        touched.update(rows.places)
        self._part.append(instruction)

    def _matrix_product(self, instruction: MatrixProduct, upstream: Rows) -> None:
        matrix, operand, bias = instruction.matrix, instruction.operand, instruction.bias
        if self._is_wanted(rows_of(matrix)):
            gradient = replace(matrix, space=Space.GRADIENT)
            if matrix.is_once:
                self._add(LaneProduct(gradient, upstream, operand))
            else:
                self._sum_of_products(as_sums(instruction)[-1], upstream, left_only=True)
        if bias is not None:
            positions = range(len(upstream) // len(bias))
            added = [[(1.0, place, -1)] for place in bias.places for _ in positions]
            self._sum_of_products(SumOfProducts.of(instruction.out, (bias.space, None), added), upstream)
        if self._is_wanted(operand):
            back = Rows(operand.space.adjoint, operand.places)
            self._add(MatrixProduct(back, matrix.transposed(), upstream))

    def _sum_of_products(
        self, instruction: SumOfProducts, upstream: Rows, *, left_only: bool = False
    ) -> None:
        left, right = instruction.left, instruction.right
        coefficients = instruction.coefficients or (1.0,) * len(left)
        gradients = [
            upstream.places[member]
            for member, (start, end) in enumerate(zip((0, *instruction.ends), instruction.ends, strict=False))
            for _ in range(start, end)
        ]
        contributions: dict[tuple[Space, Space | None], Contributions] = defaultdict(
            lambda: defaultdict(list)
        )
        factors = [(left, right)] if right is None else [(left, right), (right, left)]
        if left == right:  # squares: once for both factors
            factors, coefficients = factors[:1], tuple(2.0 * factor for factor in coefficients)
        for target, other in factors[:1] if left_only else factors:
            of_place, wanted = (
                contributions[target.space, other.space if other else None],
                self._wanted[target.space],
            )
            others = other.places if other else (-1,) * len(left)
            for place, row, place_of_other, factor in zip(
                target.places, gradients, others, coefficients, strict=True
            ):
                if place in wanted:
                    of_place[place].append((factor, row, place_of_other))
        self._sum(contributions, upstream.space)

    def _sum(self, contributions: dict[tuple[Space, Space | None], Contributions], gradient: Space) -> None:
        """One gathered sum for each space of targets and of other factors."""
        for (target, other), of_place in contributions.items():
            if not of_place:
                continue
            by_count: dict[int, list[int]] = defaultdict(list)
            for place in sorted(of_place):
                by_count[len(of_place[place])].append(place)
            for places in by_count.values() if len(by_count) == 2 else [sorted(of_place)]:  # both uniform
                out, sums = Rows.of(target.adjoint, places), [of_place[place] for place in places]
                self._add(SumOfProducts.of(out, (gradient, other), sums))

    def _elementwise(self, expression: Apply, operands: tuple[Rows, ...], upstream: Rows, out: Rows) -> None:
        # relu's result is positive where its operand is: so nothing needs the operand, which is not stored
        by_result = expression.operation is ops.relu
        slopes = partials(expression.operation, [Argument(-1)] if by_result else expression.operands)
        for operand, slope in zip(expression.operands, slopes, strict=True):
            if isinstance(operand, Argument) and self._is_wanted(operands[operand.number]):
                self._pass_on(operands[operand.number], slope, operands, upstream, out)

    def _pass_on(
        self, target: Rows, slope: Any, operands: tuple[Rows, ...], upstream: Rows, out: Rows
    ) -> None:
        """Gradient times local derivative, to the target; nothing where there is never a path."""
        expression = product(Argument(-2), slope)
        if expression == 0.0:
            return
        available = {-2: upstream, -1: out, **dict(enumerate(operands))}
        used = sorted({argument.number for argument in arguments_of(expression)})
        numbers = {old: new for new, old in enumerate(used)}
        back = Rows(target.space.adjoint, target.places)
        self._add(Elementwise(back, renumbered(expression, numbers), tuple(available[old] for old in used)))
