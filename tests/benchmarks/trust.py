"""What it costs that replay is never silently different: watching, comparing, counting changes.

Each line has the same thing with and without, in one process and in turns, in CPU time; steps by the least
times, whole trainings by the medians. "Without" is a call that goes straight to the prepared code, a training
that never looks, a network whose parts are in plain lists.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from engine import compile, total  # noqa: A004
from engine.replay.compiled import Compiled
from engine.replay.validity import Validity
from nn import MLP, SGD, data, fit, losses

__all__ = ["lines"]

ROUNDS, CALLS = 200, 50
STEPS = 1000
Call = Callable[[], object]


class Bare(Compiled):
    """A compiled function that believes its recording."""

    def value_and_gradients(self, weights: Any, *arguments: Any, **named: Any) -> Any:
        """What the prepared code gives; as it was before anything was watched."""
        given = (weights, *arguments)
        self._busy.acquire()
        try:
            return self._validity.latest(given) or super().value_and_gradients(weights, *arguments, **named)
        finally:
            self._busy.release()


def seconds_of(call: Call, calls: int) -> float:
    """The mean time of so many calls in a row."""
    begun = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - begun) / calls


def least(with_it: Call, without: Call, calls: int = CALLS) -> tuple[float, float]:
    """The least mean times of both, in turns."""
    found = [(seconds_of(with_it, calls), seconds_of(without, calls)) for _ in range(ROUNDS)]
    return min(pair[0] for pair in found), min(pair[1] for pair in found)


def of_a_step(name: str, model: MLP, loss: Any, batch: tuple[Any, ...]) -> str:
    """One line: a step of value_and_gradients."""

    def of_sample(inputs: Any, target: Any) -> Any:
        return loss(model(inputs), target)

    programs = compile(of_sample, model), Bare(of_sample, model.parameters(), "auto", "float64", None)
    weights = np.array([parameter.data for parameter in model.parameters()])
    calls = [partial(program.value_and_gradients, weights, *batch) for program in programs]
    for call in calls:
        seconds_of(call, 10)
    ours, bare = least(calls[0], calls[1])
    return (
        f"{name:44} {ours * 1e6:8.2f} {bare * 1e6:8.2f} µs   +{(ours - bare) * 1e6:.2f} µs, {ours / bare:.3f}"
    )


def of_training(name: str, sizes: list[int], points: data.Dataset, loss: str, batch_size: int) -> str:
    """One line: a whole training of a thousand steps."""

    def train() -> object:
        model = MLP(len(points.inputs[0]), sizes, activation="tanh", seed=0)
        epochs = STEPS * batch_size // len(points)
        return fit(
            model, points.inputs, points.targets, loss=loss, optimizer=SGD(0.01), epochs=epochs,
            batch_size=batch_size, progress=False,
        )  # fmt: skip

    def believing() -> object:
        kept = Validity.kept
        Validity.kept = lambda _, __, ___, found: found  # type: ignore[method-assign,assignment]
        try:
            return train()
        finally:
            Validity.kept = kept  # type: ignore[method-assign]

    pairs = [(seconds_of(train, 1), seconds_of(believing, 1)) for _ in range(7)]
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    return f"{name:44} {ours * 1e3:8.1f} {bare * 1e3:8.1f} ms   {ours / bare:.3f}"


def of_eager(name: str, sizes: list[int], calls: int) -> str:
    """One line: forward and backward in eager."""
    counted, plain = (MLP(sizes[0], sizes[1:], seed=0) for _ in range(2))
    for layer in plain.layers:
        for neuron in layer.neurons:
            neuron.weights = list(neuron.weights)
        layer.neurons = list(layer.neurons)
    inputs = [0.01 * k for k in range(sizes[0])]
    ours, bare = least(
        lambda: total(counted(inputs)).backward(), lambda: total(plain(inputs)).backward(), calls
    )
    return f"{name:44} {ours * 1e6:8.1f} {bare * 1e6:8.1f} µs   {ours / bare:.3f}"


def lines() -> Iterator[str]:
    """The table, line by line as it is measured."""
    yield f"{'what it costs never to be silently different':44}     with  without"
    moons, digits = data.moons(100, seed=0), data.digits()
    shapes = [("moons, 1 sample", 1), ("moons, 100 samples", 100)]
    for name, count in shapes:
        model = MLP(2, [16, 16, 1], activation="tanh", output="sigmoid", seed=0)
        batch = (np.array(moons.inputs[:count]), np.array(moons.targets[:count], dtype=float))
        yield of_a_step(f"a step of {name}", model, losses.binary_cross_entropy, batch)
    model = MLP(64, [64, 64, 10], seed=0)
    batch = (np.array(digits.inputs[:32]), np.array(digits.targets[:32]))
    yield of_a_step("a step of digits, 32 samples", model, losses.cross_entropy_with_logits, batch)
    yield of_training("fit, moons, 1,000 steps", [16, 16, 1], moons, "binary_cross_entropy_with_logits", 10)
    yield of_training("fit, digits, 1,000 steps", [64, 64, 10], digits, "cross_entropy_with_logits", 32)
    yield of_eager("eager, forward and backward, moons", [2, 16, 16, 1], 20)
    yield of_eager("eager, forward and backward, digits", [64, 64, 64, 10], 1)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line in lines():
            print(line, flush=True)
