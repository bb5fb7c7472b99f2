"""One function at one point, examined: each input measured and judged, and each doubt cleared up by blame."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from engine import modes
from engine.checking.blame import (
    Blame,
    accumulation_faults,
    depending_on,
    is_at_kink,
    local_faults,
    replay,
)
from engine.checking.identities import (
    dot_product,
    gradient_by_backward,
    random_direction,
    second_backward,
    symmetry,
)
from engine.checking.numeric import Probe, Slope, examine, step_scale
from engine.checking.report import ALL, Identity, Row
from engine.checking.signature import at_operands, crossing
from engine.checking.subject import Run, Subject
from engine.checking.verdict import DOUBTFUL, Verdict, judge
from engine.graph import Node, topological_order

__all__ = ["Examination", "moved", "plain_direction"]

UNDEFINED = (ArithmeticError, ValueError)
WIDE = 0.1  # the scale of an input that is 0, and of one so small that f does not change over it


@dataclass(frozen=True, slots=True)
class Line:
    """A straight way through the space of inputs, on which input i moves by `weights[i]` times t."""

    name: str
    start: float
    scale: float
    weights: dict[int, float]

    def inputs(self, numbers: Sequence[float], t: float) -> list[float]:
        """The inputs at t; at `start` they are the numbers of the point."""
        moved = list(numbers)
        for place, weight in self.weights.items():
            moved[place] += (t - self.start) * weight
        return moved


def scaled_direction(numbers: Sequence[float], random_numbers: random.Random) -> list[float]:
    """A random direction in which every input moves in proportion to its own scale."""
    lengths = random_direction(len(numbers), random_numbers)
    return [length * step_scale(x) for length, x in zip(lengths, numbers, strict=True)]


def plain_direction(numbers: Sequence[float], random_numbers: random.Random) -> tuple[float, ...]:
    """A random direction of numbers that are short to print; for a single input 1, its own."""
    if len(numbers) == 1:
        return (1.0,)
    return tuple(float(f"{x:.2g}") for x in scaled_direction(numbers, random_numbers))


def moved(numbers: Sequence[float], random_numbers: random.Random) -> tuple[float, ...]:
    """Another point, a few hundredths away on the scale of each number."""
    lengths = scaled_direction(numbers, random_numbers)
    return tuple(float(f"{x + 0.04 * length:.4g}") for x, length in zip(numbers, lengths, strict=True))


def _coordinate(subject: Subject, place: int) -> Line:
    x = subject.numbers[place]
    return Line(subject.names[place], x, step_scale(x), {place: 1.0})


class Examination:
    """A function (or, for `order` above 1, a derivative of it along directions) at its point.

    Looks at the inputs at `places` and, with `direction`, along a random direction through all of them.
    `blame` is the first fault found, once `rows` has been asked for.
    """

    def __init__(
        self, subject: Subject, places: Sequence[int], order: int, seed: int, *, direction: bool
    ) -> None:
        self.subject = subject
        self.places = places
        self.order = order
        self.random_numbers = random.Random(f"{seed}, order {order}")
        self.blame: Blame | None = None
        self.sound = True  # whether there is a function with a derivative here at all
        self.lines = [_coordinate(subject, place) for place in places]
        if direction:
            lengths = scaled_direction(subject.numbers, self.random_numbers)
            self.lines.append(Line(ALL, 0.0, 1.0, dict(enumerate(lengths))))

    def rows(self) -> list[Row]:
        """A row for each input and each output; what f itself raises at the point comes through."""
        try:
            return self._rows()
        except UNDEFINED as error:
            if self.order == 1:
                raise
            return self._all_rows(Verdict.UNRELIABLE, f"no derivative of order {self.order}: {error}")

    def _rows(self) -> list[Row]:
        first, second = (self.subject.run(self.subject.numbers) for _ in range(2))
        data = [[output.data for output in run.outputs] for run in (first, second)]
        if repr(data[0]) != repr(data[1]) or first.signature != second.signature:
            shown = " then ".join(", ".join(f"{x:.6g}" for x in numbers[:3]) for numbers in data)
            return self._all_rows(Verdict.UNSTEADY, f"f gives {shown}")
        if not all(map(math.isfinite, data[0])):
            return self._all_rows(Verdict.UNRELIABLE, f"f is {', '.join(map(repr, data[0]))} here")
        rows = []
        for output in range(len(first.outputs)):
            rows += self._rows_of_output(first, output)
        return rows

    def _all_rows(self, verdict: Verdict, note: str) -> list[Row]:
        self.sound = False
        nan = math.nan
        return [Row(line.name, nan, nan, math.inf, verdict, note, order=self.order) for line in self.lines]

    def _rows_of_output(self, run: Run, output: int) -> list[Row]:
        root = run.outputs[output]
        gradient = gradient_by_backward(root, run.leaves)
        in_graph = set(topological_order(root))
        rows = [self._row(run, output, line, gradient, in_graph) for line in self.lines]
        if any(row.verdict in DOUBTFUL for row in rows):
            rows = self._settled(rows, output)
        return rows

    def _row(
        self, run: Run, output: int, line: Line, gradient: Sequence[float | None], in_graph: set[Node]
    ) -> Row:
        numbers = self.subject.numbers
        analytic = sum((gradient[place] or 0.0) * weight for place, weight in line.weights.items())
        probe = self.subject.probe(lambda t: line.inputs(numbers, t), output)
        slope = examine(probe, line.start, line.scale)
        verdict = judge(slope, analytic)
        if line.scale < WIDE and verdict is Verdict.UNRELIABLE:
            slope, verdict = self._as_at_0(probe, line, slope, analytic)
        note = self._note(line, slope)
        if not any(run.leaves[place] in in_graph for place in line.weights):
            verdict, note = self._without_a_path(line, slope, probe, output, (verdict, note))
        name = f"{line.name} → [{output}]" if run.vector else line.name
        estimate = slope.estimate
        error = estimate.error if slope.kind != "kink" else max(slope.left.error, slope.right.error)
        left, right = slope.left.value, slope.right.value
        return Row(name, analytic, estimate.value, error, verdict, note, left, right, self.order)

    def _as_at_0(self, probe: Probe, line: Line, slope: Slope, analytic: float) -> tuple[Slope, Verdict]:
        """The slope of an input so small that f does not change over it, by the steps that are taken at 0.

        It is right where it cannot be told from that at 0, by less than f could show over such a step.
        """
        wider, here = examine(probe, line.start, WIDE), probe(line.start)
        if here is None or not wider.estimate.error < slope.estimate.error:
            return slope, Verdict.UNRELIABLE
        is_no_more_than_noise = wider.estimate.error <= 1e-9 * abs(here.value) / WIDE
        if wider.estimate.agrees(analytic) and is_no_more_than_noise:
            return wider, Verdict.OK
        return wider, judge(wider, analytic)

    def _without_a_path(
        self, line: Line, slope: Slope, probe: Probe, output: int, judged: tuple[Verdict, str]
    ) -> tuple[Verdict, str]:
        """The verdict and its note where no input that moves is in the graph.

        Either f does not use them, or a Python branch goes another way here, or the graph is cut.
        """
        verdict, note = judged
        steps = (0.0, 0.05 * line.scale, -0.05 * line.scale, 1e-3 * line.scale, -1e-3 * line.scale)
        samples = [probe(line.start + step) for step in steps]
        is_still = len({sample.value for sample in samples if sample is not None}) == 1
        if slope.kind == "smooth" and is_still:
            return (Verdict.UNUSED if self.order == 1 else Verdict.OK), ""
        branches = note.startswith(BRANCH)
        if slope.kind == "jump" and branches:
            return verdict, note
        if slope.kind == "kink" and branches:
            sides = ((slope.left, -slope.nearest), (slope.right, slope.nearest))
            moving = [step for side, step in sides if abs(side.value) > side.error]
            if all(self._reaches(line, line.start + step, output) for step in moving):
                return verdict, note
        return Verdict.CUT, CUT_WORDS

    def _reaches(self, line: Line, t: float, output: int) -> bool:
        """Whether an input that moves is in the graph that f makes at t."""
        run = self.subject.run(line.inputs(self.subject.numbers, t))
        in_graph = set(topological_order(run.outputs[output]))
        return any(run.leaves[place] in in_graph for place in line.weights)

    def _note(self, line: Line, slope: Slope) -> str:
        """Which operation is at its kink, jump or edge, or which comparison flips beside the point."""
        if slope.kind == "smooth":
            return ""
        numbers = self.subject.numbers
        with modes.remember_lines():
            here = self.subject.run(numbers)
            for step in (-slope.nearest, slope.nearest):
                try:
                    there = self.subject.run(line.inputs(numbers, line.start + step))
                except UNDEFINED:
                    continue
                if words := crossing(here.outputs, here.signature, there.signature, here.lines):
                    return words
        return ""

    def _settled(self, rows: Sequence[Row], output: int) -> list[Row]:
        """The rows, each doubt about one decided: wrong, cut, or nobody's fault but the measurement's."""
        with modes.remember_lines():
            run = self.subject.run(self.subject.numbers)
        root = run.outputs[output]
        gradient_by_backward(root, run.leaves)
        ordered = topological_order(root)
        faults = list(local_faults(ordered)) or list(accumulation_faults(ordered))
        settled = list(rows)
        for place, (row, line) in enumerate(zip(rows, self.lines, strict=True)):
            if row.verdict not in DOUBTFUL:
                continue
            touched = depending_on(ordered, [run.leaves[moved] for moved in line.weights])
            fault = next((blame for node, blame in faults if node in touched), None)
            if fault is None:
                settled[place] = self._decided(row, line, ordered, touched, run, output)
            else:
                ratio = row.analytic / (row.numeric or math.nan)
                note = f"ratio {ratio:.7g}" if math.isfinite(ratio) else row.note
                settled[place] = replace(row, verdict=Verdict.WRONG, note=note)
                self.blame = self.blame or replace(fault, others=len(faults) - 1)
        return settled

    def _decided(
        self, row: Row, line: Line, ordered: Sequence[Node], touched: set[Node], run: Run, output: int
    ) -> Row:
        """The verdict on a row that no fault explains."""
        if not self._explains(line, ordered, run, output):
            return replace(row, verdict=Verdict.CUT, note=CUT_WORDS)
        surrogate = next((n for n in ordered if n in touched and n.operation and n.operation.surrogate), None)
        if surrogate is not None:
            note = f"{at_operands(surrogate)} has another derivative on purpose"
            return replace(row, verdict=Verdict.SURROGATE, note=note)
        if row.verdict is Verdict.UNRELIABLE:
            return row
        kinked = [node for node in ordered if node in touched and is_at_kink(node)]
        if kinked:
            note = f"conventions at kinks do not add up ({at_operands(kinked[0])}); move the point"
            return replace(row, verdict=Verdict.OUTSIDE, note=note)
        note = "each operation is right by itself: the measurement is in doubt"
        return replace(row, verdict=Verdict.UNRELIABLE, note=note)

    def _explains(self, line: Line, ordered: Sequence[Node], run: Run, output: int) -> bool:
        """Whether the recorded graph, run again beside the point, gives what f gives there."""
        base = ordered[-1]._data
        probe = self.subject.probe(lambda t: line.inputs(self.subject.numbers, t), output)
        for step in (0.01 * line.scale, -0.01 * line.scale):
            inputs = line.inputs(self.subject.numbers, line.start + step)
            sample = probe(line.start + step)
            again = replay(ordered, dict(zip(run.leaves, inputs, strict=True)))
            if sample is None or again is None or sample.signature != run.signature:
                continue
            if abs(again - sample.value) > 1e-6 * abs(sample.value - base) + 1e-12 * abs(base):
                return False
        return True

    def identities(self, *, symmetric: bool) -> list[Identity]:
        """What holds between the derivatives without any measuring; `symmetric` looks at second ones too."""
        if not self.sound:
            return []
        found: list[Identity | None] = []
        with suppress(*UNDEFINED):  # infinite derivatives of both signs may meet: nothing to compare then
            run = self.subject.run(self.subject.numbers)
            found.append(dot_product(run, self.random_numbers))
            for output in run.outputs:
                same, blame = second_backward(output, run.leaves)
                self.blame = self.blame or blame
                found.append(same)
            meant = any(n.operation and n.operation.surrogate for n in topological_order(run.outputs[0]))
            if symmetric and not run.vector and not meant:
                found.append(symmetry(self.subject, self.places))
        return [identity for identity in found if identity is not None]


BRANCH = "branch in Python code"
CUT_WORDS = "f depends on it past the graph: float(), .data or math.* in f? no_grad?"
