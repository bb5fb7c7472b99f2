"""Rows: which jobs, on which data, and how many times as fast as the others they are to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nn import data

__all__ = ["EPOCH", "JOBS", "MEMORY", "Job", "digits", "wide"]

Array = Any
MEMORY = 1.5  # how many times scikit-learn's peak memory ours may be, where a row says so
EPOCH = 1.5  # how many times what its program's steps take alone an epoch of fit may take


@dataclass(frozen=True)
class Job:
    """A network of these sizes, trained on the data for so many epochs; `bars` are for the others by name."""

    name: str
    title: str
    load: Callable[[], tuple[Array, Array]]
    sizes: tuple[int, ...]
    batch: int
    epochs: int
    bars: Mapping[str, float] = field(default_factory=dict)
    memory: float | None = None


def digits() -> tuple[Array, Array]:
    """1,797 handwritten digits, 64 numbers from 0 to 1 each, and which they are."""
    found = data.digits()
    return np.array(found.inputs) / 16.0, np.array(found.targets)


def wide() -> tuple[Array, Array]:
    """6,000 made-up pictures of 784 numbers, of 10 kinds: what all of a kind have, and noise."""
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 10, 6000)
    return draw.normal(0.0, 1.0, (10, 784))[targets] + draw.normal(0.0, 4.0, (6000, 784)), targets


def _digits(epochs: int, bars: Mapping[str, float]) -> Job:
    title = f"digits, 64-64-64-10, batch 32, {epochs} epoch{'s' if epochs > 1 else ''}"
    return Job(f"digits-{epochs}", title, digits, (64, 64, 64, 10), 32, epochs, bars)


def _wide(epochs: int, bars: Mapping[str, float], memory: float | None) -> Job:
    title = f"6,000 × 784, 784-128-10, batch 64, {epochs} epochs"
    return Job(f"wide-{epochs}", title, wide, (784, 128, 10), 64, epochs, bars, memory)


JOBS = (
    _digits(1, {}),
    _digits(30, {"scikit-learn": 1.0, "torch": 3.5}),
    _digits(300, {"scikit-learn": 5.0, "torch": 10.0}),
    _wide(4, {}, None),
    _wide(20, {"scikit-learn": 1.8, "torch": 2.5}, MEMORY),
)
