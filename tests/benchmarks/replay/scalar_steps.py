"""Engines of single numbers, on moons: ddx-ad, which compiles a graph through LLVM, and micrograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from .workload import Step, Workload, neurons

__all__ = ["ddx", "micrograd"]

MOST_GRAPHS = 1000  # samples of a batch for an engine that makes a graph for each


def ddx(work: Workload) -> Step | None:
    """A batch per call; its compiler is for graphs of moons' size."""
    if work.kind != "hinge":
        return None
    library = import_module("ddx")
    inputs, targets = work.batch
    count, width = len(work.weights), inputs.shape[1]

    def model() -> Any:
        weights = [library.var(f"w{k}") for k in range(count)]
        x = [library.param(f"x{k}") for k in range(width)]
        score = _score(neurons(weights, work.shapes), x, lambda s: library.max(s, 0.0))
        return library.max(1.0 - library.param("y") * score, 0.0)

    function = library.equation(model).compile()

    def step() -> tuple[Any, list[Any]]:
        points = np.empty((count + width + 1, work.samples))
        points[:count] = work.weights[:, None]
        points[count:-1] = inputs.T
        points[-1] = targets
        losses, slopes = function.jacobian(points)
        return losses.sum(), [slopes.sum(axis=-1)]

    return step


def micrograd(work: Workload) -> Step | None:
    """One graph per sample; only for batches that end in finite time."""
    if work.kind != "hinge" or work.samples > MOST_GRAPHS:
        return None
    scalar = import_module("micrograd.engine").Value
    weights = [scalar(number) for number in work.weights.tolist()]
    layers = neurons(weights, work.shapes)
    samples = list(zip(*(array.tolist() for array in work.batch), strict=True))

    def step() -> tuple[Any, list[Any]]:
        for weight in weights:
            weight.grad = 0.0
        whole = 0.0
        for x, y in samples:
            loss = (1.0 - y * _score(layers, x, lambda s: s.relu())).relu()
            loss.backward()
            whole += loss.data
        return whole, [np.array([weight.grad for weight in weights])]

    return step


def _score(layers: list[Any], x: Sequence[Any], relu: Callable[[Any], Any]) -> Any:
    """The network's one output, with the engine's operators."""
    for number, layer in enumerate(layers):
        sums = [sum((w * v for w, v in zip(row, x, strict=True)), bias) for row, bias in layer]
        x = [relu(s) for s in sums] if number < len(layers) - 1 else sums
    return x[0]
