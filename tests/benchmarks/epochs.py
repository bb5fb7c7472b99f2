"""Training speed: an epoch of `fit` beside the same epoch written for micrograd, on real data.

Both train the same network from the same weights, with the same batches, the squared error and plain
gradient descent, and end with the same weights to 1e-9, which is checked. They take turns in one process,
the cyclic garbage collector on; times are CPU times, and freeing the graphs is part of them. micrograd would
need minutes for an epoch of all digits: an epoch of the first `samples` is timed for both.
"""

from __future__ import annotations

import gc
import importlib
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nn import MLP, SGD, Adam, data, fit

ROUNDS, RATE, BATCH = 3, 0.01, 16


@dataclass(frozen=True)
class Case:
    """A network on the first samples of a data set; targets are one number for each output."""

    name: str
    sizes: list[int]
    samples: int
    epochs: int
    load: Callable[[], data.Dataset]

    def training_set(self) -> tuple[list[list[float]], list[list[float]]]:
        (whole,) = data.standardize(self.load())
        step = len(whole) // self.samples
        chosen = whole.take(range(0, step * self.samples, step))
        outputs = self.sizes[-1]
        if outputs == 1:
            return list(chosen.inputs), [[float(target)] for target in chosen.targets]
        return list(chosen.inputs), [
            [float(target == place) for place in range(outputs)] for target in chosen.targets
        ]


CASES = [
    Case("iris", [8, 3], 150, 3, data.iris),
    Case("breast cancer", [16, 1], 142, 1, data.breast_cancer),
    Case("digits", [32, 10], 32, 1, data.digits),
]


def ours(case: Case, inputs: Any, targets: Any) -> tuple[float, list[float]]:
    """(seconds for an epoch, the weights at the end), through the public `fit`, its checks included."""
    model = fresh(case, inputs)
    begun = time.process_time()
    fit(
        model, inputs, targets, loss="mean_squared_error", optimizer=SGD(RATE), epochs=case.epochs,
        batch_size=BATCH, shuffle=False, progress=False, gear="eager",
    )  # fmt: skip
    return (time.process_time() - begun) / case.epochs, list(model.state().values())


def fresh(case: Case, inputs: Any) -> MLP:
    return MLP(len(inputs[0]), case.sizes, activation="relu", seed=0)


def micrograds(case: Case, inputs: Any, targets: Any) -> tuple[float, list[float]]:
    """(seconds for an epoch, the weights at the end), as one writes it with micrograd."""
    theirs = importlib.import_module("micrograd.nn").MLP(len(inputs[0]), case.sizes)
    for parameter, number in zip(theirs.parameters(), fresh(case, inputs).state().values(), strict=True):
        parameter.data = number
    begun = time.process_time()
    for start in list(range(0, len(inputs), BATCH)) * case.epochs:
        losses = []
        rows = zip(inputs[start : start + BATCH], targets[start : start + BATCH], strict=True)
        for row, target in rows:
            outputs = theirs(row)
            outputs = outputs if isinstance(outputs, list) else [outputs]
            parts = [(output - truth) ** 2 for output, truth in zip(outputs, target, strict=True)]
            losses.append(sum(parts[1:], parts[0]) * (1.0 / len(parts)))
        loss = sum(losses[1:], losses[0]) * (1.0 / len(losses))
        theirs.zero_grad()
        loss.backward()
        for parameter in theirs.parameters():
            parameter.data -= RATE * parameter.grad
    del loss, losses, parts, outputs
    gc.collect()  # its graphs are cycles: only the collector frees them
    return (time.process_time() - begun) / case.epochs, [parameter.data for parameter in theirs.parameters()]


def row(case: Case) -> str:
    """One line of the table."""
    inputs, targets = case.training_set()
    here, there, ratios = [], [], []
    for _ in range(ROUNDS):
        mine, weights = ours(case, inputs, targets)
        yours, same = micrograds(case, inputs, targets)
        worst = max(abs(a - b) for a, b in zip(weights, same, strict=True))
        if worst > 1e-9:
            raise AssertionError(f"{case.name}: the two networks end with weights that differ by {worst}")
        here.append(mine)
        there.append(yours)
        ratios.append(yours / mine)
    shape = "-".join(map(str, [len(inputs[0]), *case.sizes]))
    return (
        f"{case.name:14} {shape:11} {case.samples:8} {1e3 * min(here):11.1f} {1e3 * min(there):13.0f} "
        f"{statistics.median(ratios):8.1f}x"
    )


def memory() -> str:
    """How much more memory is held after 1,000 further steps, with the cyclic collector off."""
    points = data.moons(4, seed=0)
    model, optimizer = MLP(2, [8, 1], seed=0), Adam(0.01)

    def train(steps: int) -> int:
        fit(
            model, points.inputs, points.targets, loss="mean_squared_error", optimizer=optimizer,
            epochs=steps, batch_size=None, progress=False, gear="eager",
        )  # fmt: skip
        return tracemalloc.get_traced_memory()[0]

    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        train(100)
        before = train(100)
        after = train(1000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.enable()
    return (
        f"memory: {(after - before) / 1024:.1f} KiB more after 1,000 further steps, collector off "
        f"(the highest in between: {peak / 1024:.0f} KiB)"
    )


def table() -> str:
    """The table as text."""
    sys.setrecursionlimit(20_000)  # micrograd walks its graph recursively
    names = ("an epoch of", "network", "samples", "here, ms", "micrograd, ms", "ratio")
    head = "{:14} {:11} {:>8} {:>11} {:>13} {:>9}".format(*names)
    return "\n".join([head, *map(row, CASES), memory()])


if __name__ == "__main__":
    print(table())
