"""Plan: how often, in which portions and in which order the samples are gone through.

>>> plan = Plan(epochs=1, batch_size=2, shuffle=True, seed=0)
>>> plan.keys(1, samples=3) == plan.keys(1, samples=3) != plan.keys(2, samples=3)
True
"""

from __future__ import annotations

import random
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Plan"]

TOGETHER = 100  # steps, of several epochs


@dataclass(frozen=True)
class Plan:
    """What `fit` was told of it; ValueError for numbers that make no sense."""

    epochs: int
    batch_size: int | None
    shuffle: bool
    seed: int

    def __post_init__(self) -> None:
        for name, count in (("epochs", self.epochs), ("batch_size", self.batch_size)):
            if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
                raise ValueError(f"{name} must be a whole number of at least 1, got {count!r}")

    def keys(self, number: int, samples: int) -> Sequence[int]:
        """A number for each sample; sorted by them, the samples are in the order of this epoch.

        They are random: 8 bytes each from a generator of the epoch's own, so that a run that was resumed
        before it has the same.
        """
        if not self.shuffle:
            return range(samples)
        keys = array("Q", random.Random(f"{self.seed}:{number}").randbytes(8 * samples))
        if sys.byteorder == "big":
            keys.byteswap()
        return keys

    def batches(self, samples: int) -> tuple[int, int]:
        """(how many samples a batch has, how many batches an epoch); the last one may be smaller."""
        size = min(self.batch_size or samples, samples)
        return size, -(-samples // size)

    def together(self, number: int, samples: int) -> range:
        """An epoch and those after it that can be taken with it as if they were one: of whole batches.

        >>> Plan(epochs=300, batch_size=10, shuffle=True, seed=0).together(1, samples=50)
        range(1, 21)
        """
        size, steps = self.batches(samples)
        count = 1 if samples % size else max(1, TOGETHER // steps)
        return range(number, min(number + count, self.epochs + 1))
