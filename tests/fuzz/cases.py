"""Random functions of one sample, with parameters and samples to run them on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from engine import (
    Value,
    clamp,
    dot,
    log_softmax,
    logsumexp,
    maximum,
    mean,
    minimum,
    no_grad,
    norm,
    pick,
    softmax,
    total,
    where,
)
from engine.checking.expressions import random_expression

__all__ = ["Case", "make_case", "network_case", "sequence_case"]

ACTIVATIONS = ("relu", "tanh", "sigmoid", "softplus", "silu", "gelu", "mish", "softsign", "exp", "abs")


@dataclass
class Case:
    """A function of one sample, its parameters, and samples to run it on."""

    name: str
    function: Callable[..., Any]
    parameters: list[Value]
    samples: list[tuple[Any, ...]]


def parameters(draw: random.Random, count: int, scale: float = 0.7) -> list[Value]:
    return [Value(draw.gauss(0.0, scale), label=f"w[{k}]") for k in range(count)]


def expression_case(draw: random.Random) -> Case:
    """A random expression, some of whose inputs are data, some parameters; samples lie around its point."""
    inputs = draw.randint(1, 5)
    expression = random_expression(draw, inputs, draw.choice([3, 8, 20, 60]))
    wanted = [draw.random() < 0.6 for _ in range(inputs)]
    w = [Value(number) for number, is_wanted in zip(expression.at, wanted, strict=True) if is_wanted]
    w += [Value(0.5)] * (not w)

    def function(x: Any) -> Any:
        data, weights = iter(x), iter(w)
        given = [next(weights) if is_wanted else next(data) for is_wanted in wanted]
        result = expression(*given)
        return result + w[0] * 0.25 if draw_extra else result

    draw_extra = draw.random() < 0.3
    point = [number for number, is_wanted in zip(expression.at, wanted, strict=True) if not is_wanted]
    spread = draw.choice([0.0, 1e-3, 0.3])
    samples = [
        ([n + draw.gauss(0.0, spread) for n in point] + [1.0],) for _ in range(draw.choice([1, 2, 3, 7]))
    ]
    return Case("expression", function, w, samples)


def network(
    draw: random.Random, sizes: Sequence[int], w: list[Value]
) -> Callable[[Sequence[Any]], list[Any]]:
    """A network of these sizes, its sums by hand or with dot, its weights in one of several orders."""
    by_hand, bias_first = draw.random() < 0.4, draw.random() < 0.3
    activations = [draw.choice(ACTIVATIONS) for _ in sizes]
    layers = []
    for inputs, outputs in pairwise(sizes):
        rows = []
        for _ in range(outputs):
            row = parameters(draw, inputs + 1, 1.0 / math.sqrt(inputs))
            w += row
            rows.append((row[1:], row[0]) if bias_first else (row[:-1], row[-1]))
        layers.append(rows)

    def run(x: Sequence[Any]) -> list[Any]:
        values = list(x)
        for number, rows in enumerate(layers):
            if by_hand:
                sums = [sum((a * b for a, b in zip(row, values, strict=True)), bias) for row, bias in rows]
            else:
                sums = [dot(row, values, bias) for row, bias in rows]
            last = number == len(layers) - 1
            values = sums if last else [getattr(s, activations[number])() for s in sums]
        return values

    return run


def network_case(draw: random.Random) -> Case:
    """A network of odd sizes with one of the usual losses, with or without L2; or a batch in one graph."""
    sizes = [draw.randint(1, 9) for _ in range(draw.randint(2, 4))]
    w: list[Value] = []
    run = network(draw, sizes, w)
    loss_kind = draw.choice(["hinge", "squared", "classes", "margin"])
    penalty = draw.random() < 0.4
    if draw.random() < 0.2:
        w += parameters(draw, 1)  # which nothing uses

    def loss(x: Any, y: Any) -> Any:
        scores = run(x)
        if loss_kind == "hinge":
            found = (1.0 - (y - 0.5) * scores[0]).relu()
        elif loss_kind == "squared":
            found = mean([(s - y) ** 2 for s in scores])
        elif loss_kind == "classes":
            found = -pick(log_softmax(scores), y)
        else:
            found = logsumexp(scores) - pick(scores, y) + norm(scores) * 0.1 + max_margin(scores)
        return found + 0.01 * sum(p * p for p in w) if penalty else found

    count = draw.choice([1, 2, 3, 5, 8, 17, 65])
    points = [[draw.gauss(0, 1) for _ in range(sizes[0])] for _ in range(count)]
    labels = [draw.randrange(sizes[-1]) for _ in range(count)]
    if draw.random() < 0.2:
        batch = list(zip(points, labels, strict=True))
        return Case("batch in one graph", lambda: total([loss(x, y) for x, y in batch]) / count, w, [()])
    return Case(f"network {sizes} {loss_kind}", loss, w, list(zip(points, labels, strict=True)))


def max_margin(scores: Sequence[Any]) -> Any:
    best = scores[0]
    for score in scores[1:]:
        best = maximum(best, score)
    return best * 0.3


def sequence_case(draw: random.Random) -> Case:
    """Tokens looked up, attended to and carried along; samples of unequal lengths."""
    vocabulary, width = draw.randint(2, 5), draw.randint(1, 4)
    w: list[Value] = []
    table = [parameters(draw, width) for _ in range(vocabulary)]
    w += [value for row in table for value in row]
    query, key = network(draw, [width, width], w), network(draw, [width, width], w)
    mixing, head = network(draw, [2 * width, width], w), network(draw, [width, vocabulary], w)
    gains = parameters(draw, width)
    w += gains
    attends, causal, detached = draw.random() < 0.7, draw.random() < 0.5, draw.random() < 0.3

    def normalized(x: Sequence[Any]) -> list[Any]:
        scale = (mean([v * v for v in x]) + 1e-3) ** -0.5
        if detached:
            with no_grad():
                scale = scale * 1.0
        return [v * scale * gain for v, gain in zip(x, gains, strict=True)]

    def loss(tokens: Any, targets: Any) -> Any:
        rows = [normalized(pick(table, token)) for token in tokens]
        state, losses = [v * 0.0 for v in rows[0]], []
        queries, keys = [query(row) for row in rows], [key(row) for row in rows]
        for place, target in enumerate(targets):
            row = rows[place]
            if attends:
                seen = range(place + 1) if causal else range(len(rows))
                weights = softmax([dot(queries[place], keys[k]) * 0.5 for k in seen])
                row = [
                    total([a * rows[k][d] for a, k in zip(weights, seen, strict=True)]) for d in range(width)
                ]
            state = [s.tanh() + r for s, r in zip(mixing([*state, *row]), row, strict=True)]
            losses.append(-pick(log_softmax(head(state)), target))
        return mean(losses)

    lengths = draw.choice([[3], [1, 2], [4, 2, 4, 1, 2]])
    samples = []
    for length in lengths * draw.choice([1, 3]):
        text = [draw.randrange(vocabulary) for _ in range(length + 1)]
        samples.append((text[:-1], text[1:]))
    return Case("sequence", loss, w, samples)


def branches_case(draw: random.Random) -> Case:
    """Python's own if, while and max beside where, clamp and minimum."""
    w = parameters(draw, 6)
    threshold, side = draw.gauss(0, 1), draw.random() < 0.5

    def loss(x: Any, y: Any) -> Any:
        a, b = x[0] * w[0] + w[1], x[1] * w[2]
        if a > threshold:
            a = a * b if side else a - b
        steps = 0
        while b < 1.0 and steps < 3:
            b, steps = b * 1.5 + 0.5 + w[3] * 0.1, steps + 1
        if y == 1:
            b = minimum(b, x[0] * w[4])
        chosen = where((a > b) | (a < -1.0), a * w[5], lambda: b * 2.0) if side else where(a > b, a * w[5], b)
        return clamp(chosen, -2.0, 3.0) + max(a, b) * 0.5 + abs(a) * x[0]

    samples = [
        ([draw.gauss(0, 1), draw.gauss(0, 1)], draw.choice([0, 1])) for _ in range(draw.choice([1, 5, 12]))
    ]
    return Case("branches", loss, w, samples)


CASES = (expression_case, expression_case, network_case, sequence_case, branches_case)


def make_case(seed: int) -> Case:
    draw = random.Random(seed)
    return draw.choice(CASES)(draw)
