"""Record once, replay a thousand times

A graph of scalars is easy to read and slow to run: every number is an object. But the graph is the same for
every sample, so it is enough to build it once, and then to run it for all samples together. `compile` records
a function of one sample as a tape, one line per node; it finds the lines that do the same work, and
rolls them into a few instructions on whole rows of numbers: what was written as neurons becomes matrix
products. The answers stay those of the scalars.

Notice: a neuron's tape has a line for every node, but a whole network's program is no longer than that of a
small one. A Python `if` is recorded too: each side becomes a tape of its own, with a guard that tells which
samples belong to it. What cannot be followed is refused, with the line it stands in.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from timeit import repeat
from typing import Any

from demos.place import heading
from engine import ReplayError, Value, compile, dot  # noqa: A004  (as re.compile is)


def weights(count: int, seed: int) -> list[Value]:
    """Named leaves with small random numbers."""
    draw = random.Random(seed)
    return [Value(draw.uniform(-0.5, 0.5), label=f"w[{k}]") for k in range(count)]


def network(sizes: Sequence[int], w: list[Value]) -> Callable[[Sequence[Any]], Any]:
    """The output of a tanh network of scalar neurons with these sizes; the last layer has one neuron."""

    def run(x: Sequence[Any]) -> Any:
        place = 0
        for inputs, outputs in pairwise(sizes):
            rows = [w[place + k * (inputs + 1) :][: inputs + 1] for k in range(outputs)]
            x = [dot(row[:-1], x, bias=row[-1]).tanh() for row in rows]
            place += outputs * (inputs + 1)
        return x[0]

    return run


def one_neuron() -> None:
    """The tape and the program of (tanh(w0·x0 + w1·x1 + w2) − y)²."""
    heading("One neuron: its tape, and the program that the tape becomes")
    w = weights(3, seed=1)
    program = compile(lambda x, y: ((x[0] * w[0] + x[1] * w[1] + w[2]).tanh() - y) ** 2, w)
    program([[1.0, 2.0], [3.0, 4.0]], [1.0, -1.0])
    print(program)


def a_network(samples: int = 200) -> dict[str, float]:
    """A network of 33 neurons as a program; replay beside eager, measured here and now."""
    heading("A network 2-16-16-1: many more nodes, hardly more instructions")
    sizes = (2, 16, 16, 1)
    w = weights(sum((a + 1) * b for a, b in pairwise(sizes)), seed=2)
    run = network(sizes, w)

    def loss(x: Any, y: Any) -> Any:
        return (run(x) - y) ** 2

    draw = random.Random(3)
    points = [[draw.gauss(0, 1), draw.gauss(0, 1)] for _ in range(samples)]
    labels = [1.0 if a * b > 0 else -1.0 for a, b in points]
    program = compile(loss, w)
    numbers = [value.data for value in w]
    program.value_and_gradients(numbers, points, labels)
    print(program)
    start = time.perf_counter()
    for x, y in zip(points, labels, strict=True):
        loss(x, y).backward()
    eager = time.perf_counter() - start
    _, replayed = program.value_and_gradients(numbers, points, labels)
    replay = min(repeat(lambda: program.value_and_gradients(numbers, points, labels), number=1, repeat=9))
    gradient = [value.grad for value in w]
    apart = max(abs(a - b) for a, b in zip(gradient, replayed, strict=True)) / max(map(abs, gradient))
    times = f"eager {eager * 1e3:.1f} ms, replay {replay * 1e3:.2f} ms, {eager / replay:.0f} times as fast"
    print(f"\n{samples} samples, loss and gradient: {times};")
    print(f"the largest difference is {apart:.0e} of the gradient")
    return {"apart": apart, "faster": eager / replay, "instructions": program.stats.instructions}


def a_branch() -> int:
    """What a Python `if` on a value becomes: two tapes, each with its guard."""
    heading("A Python if: both sides are recorded, and every sample goes its own way")
    w = weights(2, seed=4)
    program = compile(lambda x: x * w[0] if x * w[1] > 0.1 else (x - w[0]) ** 2, w)
    print(f"losses: {program([-2.0, -1.0, 1.0, 2.0])}")
    print(program)
    return program.stats.paths


def a_refusal() -> str:
    """What is said of a function that takes a number out of the graph."""
    heading("What cannot be followed is refused")
    (w,) = weights(1, seed=5)
    try:
        compile(lambda x: w * round(float(x * w), 2), [w])([1.0])
    except ReplayError as error:
        print(error)
        return str(error)
    return ""


def main() -> dict[str, float]:
    """Run the lesson."""
    one_neuron()
    facts = a_network()
    facts["paths"] = a_branch()
    facts["refused"] = float("float()" in a_refusal())
    return facts


if __name__ == "__main__":
    main()
