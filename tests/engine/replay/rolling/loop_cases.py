"""Functions with loops over time, as people write them, each with parameters and a sample."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

from engine.functions import cos, dot, floor, pick, sigmoid, sin, tanh, total
from engine.replay.recording.record import record
from engine.replay.recording.tape import Tape
from engine.value import Value

__all__ = [
    "Case",
    "both_directions",
    "branching",
    "cell",
    "deep",
    "delayed",
    "in_windows",
    "integrator",
    "irregular",
    "looking_back",
    "lstm",
    "of_early_trips",
    "of_neighbors",
    "of_samples",
    "parameter_carried_in",
    "parameter_in_front",
    "picked",
    "prey_and_hunters",
    "scalar",
    "scored",
    "two_layers",
]


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


def prey_and_hunters(trips: int) -> Case:
    """Heun's method: what a step computes of its new state is the next step's, and the last has none."""
    w = weights(4)

    def slopes(x: Any, y: Any) -> tuple[Any, Any]:
        return w[0] * x - w[1] * x * y, w[3] * x * y - w[2] * y

    def function(x: Any, y: Any) -> Any:
        for _ in range(trips):
            a = slopes(x, y)
            b = slopes(x + 0.1 * a[0], y + 0.1 * a[1])
            x, y = x + 0.05 * (a[0] + b[0]), y + 0.05 * (a[1] + b[1])
        return x * x + y

    return Case(function, w, [1.0, 0.5])


def lstm(trips: int, hidden: int = 2) -> Case:
    w, width = weights(4 * hidden * (hidden + 2)), hidden + 2

    def function(xs: Any) -> Any:
        h: list[Any] = [0.0] * hidden
        c: list[Any] = [0.0] * hidden
        for x in xs:
            rows = [w[k * width : (k + 1) * width] for k in range(4 * hidden)]
            i, f, o, g = (
                [dot(row[:-1], [x, *h], row[-1]) for row in rows[k * hidden :][:hidden]] for k in range(4)
            )
            parts = zip(f, c, i, g, strict=True)
            c = [sigmoid(f) * c + sigmoid(i) * tanh(g) for f, c, i, g in parts]
            h = [sigmoid(o) * tanh(c) for o, c in zip(o, c, strict=True)]
        return total(h)

    return Case(function, w, [numbers(trips)])


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


def in_windows(trips: int) -> Case:
    """The second of two loops reads each state of the first in two trips; eager's order makes them one."""
    w = weights(6)

    def function(xs: Any) -> Any:
        h, g = 0.25, 0.5
        states = []
        for x in xs:
            h = tanh(w[0] * h + w[1] * x)
            states.append(h)
        for before, now in pairwise(states):
            g = tanh(w[2] * g + w[3] * before + w[4] * now)
        return g * w[5]

    return Case(function, w, [numbers(trips)])


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


def parameter_in_front(trips: int) -> Case:
    """Of two states one depends on a parameter before the first step, and on the inputs alone behind it."""
    w = weights(2)

    def function(xs: Any) -> Any:
        a, b, loss = w[0] * 1.5, 0.4, 0.0
        for x in xs:
            b, a = sin(b + tanh(a * x)), 0.9 * x
            loss = loss + b * b
        return loss + a * w[1]

    return Case(function, w, [numbers(trips)])


def parameter_carried_in(trips: int) -> Case:
    """A state that is a parameter before the first step; behind it no gradient goes through it any more."""
    w = weights(2)

    def function(xs: Any) -> Any:
        a, b = w[0], 0.4
        for x in xs:
            b, a = sin(b + tanh(a * x)), floor(3.0 * a) + 0.3 * x
        return b * w[1]

    return Case(function, w, [numbers(trips)])


def of_early_trips(trips: int) -> Case:
    """All steps but the first read what the second has made."""
    w = weights(2)

    def function(xs: Any) -> Any:
        state, made = xs[-1], []
        for k, x in enumerate(xs):
            made.append((tanh if k else cos)(w[1] * x))
            state = w[0] * state + made[-1] * made[min(k, 1)]
        return sin(state)

    return Case(function, w, [numbers(trips)])


def looking_back(first: int, second: int, place: Callable[[int], int]) -> Case:
    """Two loops one after the other; step k of the second reads what both have made, at `place(k)`."""
    w = weights(5)

    def function(xs: Any) -> Any:
        made, before, state = [], xs[-1], xs[0]
        for x in xs[:first]:
            made.append(tanh(x * w[1]))
            before = w[2] * before + made[-1] * made[0]
        for k, x in enumerate(xs[first:]):
            made.append(cos(x * w[3]))
            state = w[4] * state + made[-1] * made[place(k)]
        return before * w[0] + state

    return Case(function, w, [numbers(first + second)])


def scored(trips: int) -> Case:
    """A state that depends on no parameter, and what is made of it at every step."""
    w = weights(1)

    def function(x: Any) -> Any:
        loss = 0.0
        for _ in range(trips):
            x = sin(x + 0.5)
            loss = loss + tanh(w[0] * x)
        return loss

    return Case(function, w, [0.4])


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
    return Case(function, w + table, [[draw.randrange(count) for _ in range(trips)] for count in (10, 3)])


def branching(w: Any, states: Any, _: Any, __: int) -> Any:
    s = states[-1] * w[0] + 0.3 * sin(states[-1])
    return s * 0.5 if s > 10.0 else s


def deep(layers: int, width: int = 3) -> Case:
    w = weights(layers * width * width)

    def function(x: Any) -> Any:
        h = list(x)
        for k in range(layers):
            h = [tanh(dot(w[width * (width * k + row) :][:width], h)) for row in range(width)]
        return total(h)

    return Case(function, w, [numbers(width)])


def of_samples(count: int) -> Case:
    """Many samples in one graph: side by side, and their losses are one sum."""
    w = weights(3)

    def function(xs: Any) -> Any:
        loss = 0.0
        for x in xs:
            loss = loss + (tanh(w[0] * x + w[1]) * w[2] - 0.5) ** 2
        return loss

    return Case(function, w, [numbers(count)])


def of_neighbors(count: int) -> Case:
    """Each step looks at the input before its own, which is carried on, and nothing goes further."""
    w = weights(2)

    def function(xs: Any) -> Any:
        last, loss = xs[0], 0.0
        for x in xs:
            loss, last = loss + sin(w[0] * x * last), tanh(w[1] * x)
        return loss

    return Case(function, w, [numbers(count)])


def irregular(count: int) -> Case:
    w, draw = weights(4), random.Random(8)
    plan = [(draw.randrange(4), draw.random() < 0.5, draw.randrange(4)) for _ in range(count)]

    def function(x: Any) -> Any:
        states = [x, *w]
        for number, is_wave, other in plan:
            states.append((sin if is_wave else tanh)(states[-1 - number] * states[-1 - other]))
        return states[-1]

    return Case(function, w, [0.5])
