"""Loops over time: which are found, that they are what stood in the tape, that gradients are eager's."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest
from unrolled import unrolled

from engine.functions import cos, dot, maximum, pick, sin, tanh, total
from engine.replay.backends import strict
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.program import Program
from engine.replay.recording.record import record
from engine.replay.recording.tape import Tape
from engine.replay.rolling.collapse import NONE, Collapsed, Loop, Node, collapse
from engine.replay.rolling.loops import with_loops
from engine.replay.rolling.roll import roll
from engine.replay.rolling.simplify import simplify
from engine.value import Value


class Case(NamedTuple):
    """A function, its parameters, and one sample."""

    function: Callable[..., Any]
    weights: list[Value]
    sample: list[Any]

    def tape(self) -> Tape:
        return record(self.function, self.weights, self.sample)


def weights(count: int, seed: int = 1) -> list[Value]:
    generator = random.Random(seed)
    return [Value(generator.uniform(-0.6, 0.6), label=f"w{k}") for k in range(count)]


def numbers(count: int) -> list[float]:
    return [random.Random(count).uniform(-1.0, 1.0) for _ in range(count)]


def cell(trips: int, hidden: int = 3, start: Any = 0.0, *, joined: bool = True) -> Case:
    """h = tanh(W·[x, h] + b), with W and b together row by row; the sum of the last h."""
    w, width = weights(hidden * (hidden + 2)), hidden + 2

    def function(xs: Any) -> Any:
        h = [start] * hidden
        for x in xs:
            rows = [w[k * width : (k + 1) * width] for k in range(hidden)]
            if joined:
                h = [tanh(dot(row[:-1], [x, *h], row[-1])) for row in rows]
            else:
                h = [tanh(total([a * b for a, b in zip(row, [x, *h, 1.0], strict=True)])) for row in rows]
        return total(h)

    return Case(function, w, [numbers(trips)])


def integrator(trips: int, *, each: bool = False) -> Case:
    """Runge and Kutta's method for a pendulum with friction; the loss at the end, or at every step."""
    w = [Value(0.3), Value(1.1)]

    def slopes(angle: Any, speed: Any) -> tuple[Any, Any]:
        return speed, -w[0] * speed - w[1] * sin(angle)

    def function(angle: Any, speed: Any) -> Any:
        loss, h = 0.0, 0.1
        for _ in range(trips):
            a = slopes(angle, speed)
            b = slopes(angle + h / 2 * a[0], speed + h / 2 * a[1])
            c = slopes(angle + h / 2 * b[0], speed + h / 2 * b[1])
            d = slopes(angle + h * c[0], speed + h * c[1])
            angle = angle + h / 6 * (a[0] + 2 * b[0] + 2 * c[0] + d[0])
            speed = speed + h / 6 * (a[1] + 2 * b[1] + 2 * c[1] + d[1])
            loss = loss + (angle - 0.5) ** 2 if each else (angle - 0.5) ** 2
        return loss

    return Case(function, w, [1.0, 0.0])


def scalar(step: Callable[..., Any], trips: int, count: int = 2, start: Any = None) -> Case:
    """s = step(w, s, x, k), from the input or from `start`; `s` is a list of all that was."""
    w = weights(count, 5)

    def function(x: Any) -> Any:
        states = [x if start is None else start(w, x)]
        for k in range(trips):
            states.append(step(w, states, x, k))
        return states[-1]

    return Case(function, w, [0.4])


def delayed(w: Any, states: Any, x: Any, _: int) -> Any:
    return sin(w[0] * states[-1] + w[1] * states[max(-3, -len(states))]) + 0.1 * x


def two_layers(trips: int, *, by_step: bool) -> Case:
    w, u = weights(2 * 3, 3), weights(2 * 4, 4)

    def first(x: Any, h: Any) -> Any:
        return [tanh(dot(w[3 * k : 3 * k + 3], [x, *h])) for k in range(2)]

    def second(h: Any, g: Any) -> Any:
        return [tanh(dot(u[4 * k : 4 * k + 4], [*h, *g])) for k in range(2)]

    def function(xs: Any) -> Any:
        h, g = [0.0, 0.0], [0.0, 0.0]
        layer = []
        for x in xs:
            h = first(x, h)
            layer.append(h)
            if by_step:
                g = second(h, g)
        for h in [] if by_step else layer:
            g = second(h, g)
        return g[0] * g[1]

    return Case(function, w + u, [numbers(trips)])


def both_directions(trips: int) -> Case:
    w = weights(6, 6)

    def function(xs: Any) -> Any:
        there, back = [], []
        h, g = Value(0.1), w[5]
        for x, y in zip(xs, reversed(xs), strict=True):
            h, g = tanh(w[0] * h + w[1] * x), sin(w[2] * g + w[3] * y)
            there.append(h)
            back.append(g)
        return total([a * b for a, b in zip(there, reversed(back), strict=True)]) + there[3] * w[4]

    return Case(function, w, [numbers(trips)])


def picked(trips: int) -> Case:
    """A cell over letters: what each stands for is picked from a table; the loss is at every step."""
    w, table = weights(4), weights(10, 2)

    def function(letters: Any, targets: Any) -> Any:
        h, loss = 0.0, 0.0
        for letter, target in zip(letters, targets, strict=True):
            h = tanh(w[0] * h + w[1] * pick(table, letter) + w[2])
            loss = loss + pick([h, h * w[3], -h], target) ** 2
        return loss

    draw = random.Random(3)
    return Case(
        function,
        w + table,
        [[draw.randrange(10) for _ in range(trips)], [draw.randrange(3) for _ in range(trips)]],
    )


def branching(w: Any, states: Any, _: Any, __: int) -> Any:
    s = states[-1] * w[0] + 0.3 * sin(states[-1])
    return s * 0.5 if s > 10.0 else s


CASES: dict[str, tuple[Case, list[tuple[int, int, int]]]] = {  # with (trips, nodes of the body, carried)
    "cell": (cell(12), [(11, 6, 3)]),
    "cell from numbers": (cell(12, start=0.5), [(11, 6, 3)]),
    "cell from a held value": (cell(12, start=Value(0.25)), [(11, 6, 3)]),
    "cell by hand": (cell(12, 2, joined=False), [(11, 4, 2)]),
    "integrator": (integrator(12), [(11, 17, 2)]),
    "integrator, a loss each step": (integrator(20, each=True), [(19, 19, 2)]),
    "Newton": (scalar(lambda w, s, x, k: s[-1] - (s[-1] ** 3 - w[0]) / (3.0 * s[-1] ** 2), 12), [(12, 6, 1)]),
    "Verlet": (
        scalar(lambda w, s, x, k: 2.0 * s[-1] - s[-2 % -len(s)] - w[0] * s[-1] * 0.01, 30),
        [(29, 3, 2)],
    ),
    "three trips ago": (scalar(delayed, 20), [(17, 4, 3)]),
    "given": (scalar(lambda w, s, x, k: tanh(s[-1] * w[0] + x * w[1]), 12), [(12, 2, 1)]),
    "from a parameter": (
        scalar(lambda w, s, x, k: tanh(s[-1] * x), 12, start=lambda w, x: w[0]),
        [(12, 2, 1)],
    ),
    "of parameters only": (
        scalar(lambda w, s, x, k: sin(s[-1] * w[1]), 12, start=lambda w, x: w[0]),
        [(12, 2, 1)],
    ),
    "numbers by step": (scalar(lambda w, s, x, k: sin(s[-1] * (k + 1.5)) + x * (k + 0.5), 20), [(18, 3, 1)]),
    "an early state": (
        scalar(lambda w, s, x, k: sin(s[-1] * w[0]) if k < 19 else s[-1] * s[3], 20),
        [(19, 2, 1)],
    ),
    "largest": (scalar(lambda w, s, x, k: maximum(s[-1] * w[0], cos(s[-1])), 12), [(12, 3, 1)]),
    "guards": (scalar(branching, 20), [(20, 2, 1)]),
    "layer by layer": (two_layers(12, by_step=False), [(11, 4, 2), (11, 4, 2)]),
    "step by step": (two_layers(12, by_step=True), [(11, 4, 2), (11, 4, 2)]),
    "both directions": (both_directions(12), [(11, 2, 1), (11, 2, 1)]),
    "picked": (picked(12), [(11, 7, 1)]),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found_is_what_stands_in_the_tape_and_its_gradient_is_eagers(name: str) -> None:
    case, expected = CASES[name]
    tape = case.tape()
    assert found(tape) == expected
    ensure_same(tape)
    ensure_right(tape, case, 3)


def found(tape: Tape) -> list[tuple[int, int, int]]:
    loops = with_loops(collapse(simplify(tape, tape.outputs))).loops.values()
    return [(loop.trips, len(loop.body.nodes), len(loop.carried)) for loop in loops]


def ensure_right(tape: Tape, case: Case, samples: int) -> Program:
    """The program, after a comparison with the strict executor; so is it with its loops written out."""
    program = roll(tape)
    flat = [number for entry in case.sample for number in (entry if isinstance(entry, list) else [entry])]
    rows = [[x if isinstance(x, int) else x * (1.0 + 0.1 * k) for x in flat] for k in range(samples)]
    w = [value.data for value in case.weights]
    expected = [strict.gradients(tape, w, row) for row in rows]
    everything, array = np.array(w + [value.data for value in tape.held]), np.array(rows, dtype=float)
    for version in (program, unrolled(program)):
        version.verify()
        executor = NumpyExecutor(version, [len(flat)])
        for _ in range(2):  # nothing is left of the call before
            losses, gradient = executor.gradients(everything, [array], samples)
            assert losses == pytest.approx([loss for loss, _ in expected], rel=1e-12, abs=1e-13)
            assert gradient == pytest.approx(np.sum([g for _, g in expected], axis=0), rel=1e-11, abs=1e-12)
    return program


def ensure_same(tape: Tape) -> None:
    """Every node that is left, and every result of a loop, is the same expression of leaves as before."""
    plain = collapse(simplify(tape, tape.outputs))
    terms = _Terms(plain)
    for place in reversed(plain.descending):
        terms.of_node(place, plain.nodes[place])
    before = dict(terms.known)
    looped = with_loops(plain)
    terms.known = {place: name for place, name in before.items() if place in plain.flat.leaves}
    for place in reversed(looped.descending):
        if place in looped.loops:
            terms.of_loop(looped.loops[place])
        else:
            terms.of_node(place, looped.nodes[place])
    places = [place for place in looped.nodes if place in before] + plain.flat.outputs
    assert [terms.known[place] for place in places] == [before[place] for place in places]


class _Terms:
    """Gives equal expressions of leaves equal names, whatever they are called in a tape or a body."""

    def __init__(self, collapsed: Collapsed) -> None:
        self.flat = collapsed.flat
        self.known: dict[int, int] = {}
        self._names: dict[Hashable, int] = {}
        for place, leaf in self.flat.leaves.items():
            self.known[place] = self.leaf(place)
            assert leaf is not None

    def name(self, key: Hashable) -> int:
        return self._names.setdefault(key, len(self._names))

    def leaf(self, place: int) -> int:
        leaf = self.flat.leaves[place]
        return self.name((leaf.kind, leaf.which, leaf.number))

    def of_node(self, place: int, node: Node) -> None:
        self.known[place] = self.expression(node, self.known, self.flat.constants)

    def expression(self, node: Node, names: Mapping[int, int], constants: Mapping[int, float]) -> int:
        """A constant factor is a coefficient; a sum of one term with the coefficient 1 is that term."""
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
            terms.append(
                (coefficient, inner[0] if len(inner) == 1 else self.name(("product", *sorted(inner))))
            )
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1.0 else self.name(("sum", *terms))

    def of_loop(self, loop: Loop) -> None:
        """Trip by trip; a constant of a step is one of the outer tape's, which has its own names."""
        flat = self.flat
        for place in (outside for _, outsides in loop.steps for outside in outsides):
            if place in flat.leaves:
                self.known.setdefault(place, self.leaf(place))
        carried = {leaf: self.known[initial] for leaf, _, initial in loop.carried}
        fixed = {place: self.known[outside] for place, outside in (*loop.given, *loop.shared)}
        for place, leaf in loop.body.flat.leaves.items():
            if place not in {*carried, *fixed, *dict(loop.steps)}:
                fixed[place] = self.name((leaf.kind, leaf.which, leaf.number))
        for trip in range(loop.trips):
            steps = {place: outsides[trip] for place, outsides in loop.steps}
            names = {**fixed, **carried, **{place: self.known[outside] for place, outside in steps.items()}}
            constants = dict(loop.body.flat.constants)
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
