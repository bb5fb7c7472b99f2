"""Functions of one sample with a loop over time: an integrator, and recurrent cells with a readout."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import Value, dot, sigmoid, tanh

from ..replay.workload import Shapes, Workload, neurons

__all__ = ["STEP", "Loop", "cell", "cell_in_two_parts", "integrator", "lstm"]

STEP = 0.01  # of time, for the integrator
RATES = (1.1, 0.4, 0.1, 0.4)  # of Lotka and Volterra: prey born, eaten; predators fed, dying
Loss = Callable[..., Any]


@dataclass(frozen=True)
class Loop(Workload):
    """A workload that does the same so many times, one after the other."""

    steps: int


def integrator(steps: int, samples: int) -> Loop:
    """Prey and predators by Runge and Kutta's method of order 4; the error at the end."""
    draw = np.random.default_rng(steps)
    begin, end = (draw.uniform(0.5, 2.0, (samples, 2)) for _ in range(2))
    title = f"RK4, {steps:,} steps, batch {samples:,}"

    def write() -> tuple[list[Value], Loss]:
        rates = [Value(rate) for rate in RATES]
        born, eaten, fed, dying = rates

        def slopes(prey: Any, hunters: Any) -> tuple[Any, Any]:
            meetings = prey * hunters
            return born * prey - eaten * meetings, fed * meetings - dying * hunters

        def loss(begin: Any, end: Any) -> Any:
            x, y = begin
            for _ in range(steps):
                a, b = slopes(x, y)
                c, d = slopes(x + STEP / 2 * a, y + STEP / 2 * b)
                e, f = slopes(x + STEP / 2 * c, y + STEP / 2 * d)
                g, h = slopes(x + STEP * e, y + STEP * f)
                x = x + STEP / 6 * (a + 2 * c + 2 * e + g)
                y = y + STEP / 6 * (b + 2 * d + 2 * f + h)
            return (x - end[0]) ** 2 + (y - end[1]) ** 2

        return rates, loss

    return Loop("integrator", title, ((4,),), 1, np.array(RATES), (begin, end), write, steps)


def cell(hidden: int, steps: int, samples: int) -> Loop:
    """h = tanh(weights · [x, h] + bias), a number at a time; what is read of the last h should be y."""
    shapes = ((hidden, 1 + hidden + 1), (1, hidden + 1))

    def make(weights: Sequence[Value]) -> Loss:
        inner, [(row, shift)] = neurons(weights, shapes)

        def loss(xs: Any, y: Any) -> Any:
            h: list[Any] = [0.0] * hidden
            for x in xs:
                h = [tanh(dot(weights, [x, *h], bias)) for weights, bias in inner]
            return (dot(row, h, shift) - y) ** 2

        return loss

    return _recurrent("cell", f"cell of {hidden}", shapes, (steps, samples), make)


def cell_in_two_parts(hidden: int, steps: int, samples: int) -> Loop:
    """The same cell, with the weights of x and those of h in parameters of their own, as torch has them."""
    shapes = ((hidden, 1), (hidden, hidden), (hidden, 1), (1, hidden + 1))

    def make(weights: Sequence[Value]) -> Loss:
        of_x, biases = weights[:hidden], weights[hidden * (hidden + 1) : hidden * (hidden + 2)]
        rows = [weights[hidden * (k + 1) : hidden * (k + 2)] for k in range(hidden)]
        readout, shift = weights[-hidden - 1 : -1], weights[-1]

        def loss(xs: Any, y: Any) -> Any:
            h: list[Any] = [0.0] * hidden
            for x in xs:
                h = [
                    tanh(dot(row, h, weight * x + bias))
                    for row, weight, bias in zip(rows, of_x, biases, strict=True)
                ]
            return (dot(readout, h, shift) - y) ** 2

        return loss

    title = f"cell of {hidden}, in two parts"
    return _recurrent("cell in two parts", title, shapes, (steps, samples), make, len(shapes))


def lstm(hidden: int, steps: int, samples: int) -> Loop:
    """Long short-term memory: three gates and a candidate, each of all [x, h]; read out as above."""
    shapes = (*[(hidden, 1 + hidden + 1)] * 4, (1, hidden + 1))

    def make(weights: Sequence[Value]) -> Loss:
        *gates, [(row, shift)] = neurons(weights, shapes)

        def loss(xs: Any, y: Any) -> Any:
            h: list[Any] = [0.0] * hidden
            c: list[Any] = [0.0] * hidden
            for x in xs:
                enter, keep, show, new = (
                    [dot(weights, [x, *h], bias) for weights, bias in gate] for gate in gates
                )
                c = [
                    sigmoid(k) * old + sigmoid(e) * tanh(n)
                    for k, old, e, n in zip(keep, c, enter, new, strict=True)
                ]
                h = [sigmoid(s) * tanh(memory) for s, memory in zip(show, c, strict=True)]
            return (dot(row, h, shift) - y) ** 2

        return loss

    return _recurrent("lstm", f"LSTM of {hidden}", shapes, (steps, samples), make)


def _recurrent(
    kind: str,
    title: str,
    shapes: Shapes,
    size: tuple[int, int],
    make: Callable[[Sequence[Value]], Loss],
    first_layer: int = 0,
) -> Loop:
    """A cell on made-up sequences, (steps, samples) of them; small weights, so that nothing is chaotic."""
    steps, samples = size
    draw = np.random.default_rng(steps)
    batch = (draw.normal(size=(samples, steps)), draw.normal(size=samples))
    hidden = shapes[0][0]
    weights = draw.uniform(-1.0, 1.0, sum(map(math.prod, shapes))) / np.sqrt(hidden + 1)

    def write() -> tuple[list[Value], Loss]:
        parameters = [Value(number) for number in weights.tolist()]
        return parameters, make(parameters)

    title = f"{title}, {steps} steps, batch {samples}"
    return Loop(kind, title, shapes, first_layer, weights, batch, write, steps)
