"""Networks: moons, 2-16-16-1 relu with hinge loss, and digits, 64-64-64-10 relu with cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from engine import Value, dot, logsumexp, pick

from .workload import Array, Shapes, Workload, neurons

__all__ = ["digits", "moons", "network"]


def moons(samples: int) -> Workload:
    """Points on two half circles, labels of ±1."""
    draw = np.random.default_rng(samples)
    labels = draw.integers(0, 2, samples) * 2.0 - 1.0
    angle = draw.uniform(0.0, np.pi, samples)
    inputs = np.stack([np.cos(angle) * labels, np.sin(angle) * labels], axis=1)
    inputs += draw.normal(0.0, 0.1, inputs.shape)
    return network(f"moons, batch {samples:,}", (2, 16, 16, 1), 0.5, inputs, labels)


def digits(samples: int) -> Workload:
    """Pictures of 64 numbers, classes from 0 to 9."""
    draw = np.random.default_rng(samples)
    inputs = draw.integers(0, 17, (samples, 64)) / 16.0
    return network(
        f"digits, batch {samples:,}", (64, 64, 64, 10), 0.12, inputs, draw.integers(0, 10, samples)
    )


def network(title: str, sizes: Sequence[int], scale: float, inputs: Array, targets: Array) -> Workload:
    """A network with relu between its layers: hinge loss for one output, cross-entropy for more."""
    shapes = tuple((outputs, inputs + 1) for inputs, outputs in pairwise(sizes))
    count = sum(rows * columns for rows, columns in shapes)
    weights = np.random.default_rng(0).uniform(-scale, scale, count)
    kind = "hinge" if sizes[-1] == 1 else "cross-entropy"
    write = partial(scalar_loss, kind, shapes, weights.tolist())
    return Workload(kind, title, shapes, 0, weights, (inputs, targets), write)


def scalar_loss(
    kind: str, shapes: Shapes, numbers: Sequence[float]
) -> tuple[list[Value], Callable[[Any, Any], Any]]:
    """(the parameters, the loss of one sample as a learner writes it)."""
    weights = [Value(number) for number in numbers]
    layers = neurons(weights, shapes)

    def loss(x: Any, y: Any) -> Any:
        for number, layer in enumerate(layers):
            sums = [dot(row, x, bias) for row, bias in layer]
            x = [s.relu() for s in sums] if number < len(layers) - 1 else sums
        return (1.0 - y * x[0]).relu() if kind == "hinge" else logsumexp(x) - pick(x, y)

    return weights, loss
