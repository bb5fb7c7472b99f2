"""Spot checks: of the calls really made, now and then one sample is run eagerly, and its result compared.

No list of what a function may read is complete: a file, a clock, an object of C. So what was returned for one
sample is compared with eager in the first calls, and then whenever 200 times has passed what it cost: half a
percent of the time, whatever the function. That is late, by as long, for what nothing else notices.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.modes import collector_paused
from engine.replay.comparison import agree
from engine.replay.eager import Original
from engine.replay.samples import Batch

__all__ = ["SpotChecks"]

Array = Any
FIRST_CALLS = 4  # all of which are compared; the one that records, where it does: see comparison.py
SPACING = 200  # times its own cost until the next one
GOLDEN = (5.0**0.5 - 1.0) / 2.0  # steps by it come everywhere, evenly
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}


class SpotChecks:
    """When to compare, and what came of it."""

    def __init__(self, dtype: str = "float64") -> None:
        self.dtype, self.tolerance = dtype, TOLERANCE[dtype]
        self.agreed = 0
        self.due = 0.0
        self._turn = 0.0

    def soon(self) -> None:
        """Compare at the next calls again."""
        self.due, self.agreed = 0.0, 0

    def passed(self, cost: float, calls: int = 1) -> None:
        """So many calls were compared; this took so many seconds."""
        self.agreed += calls
        self.due = 0.0 if self.agreed < FIRST_CALLS else time.perf_counter() + SPACING * cost

    def of(self, original: Original, call: Sequence[Batch], rows: Sequence[Any], calls: int = 1) -> str:
        """How eager differs at one sample of a call, another one each time; "" where it does not.

        `rows` are what was returned for each sample, in order.
        """
        start = time.perf_counter()
        self._turn = (self._turn + GOLDEN) % 1.0
        number = int(self._turn * len(rows))
        replayed = np.atleast_1d(rows[number]).tolist()
        try:
            with collector_paused():
                wanted = self._eager(original, call, number)
        except Exception as error:  # noqa: BLE001  (replay had a number: whatever it is, it is a difference)
            found: Any = f"{type(error).__name__} ({error})"
        else:
            if self._agree(wanted, replayed):
                self.passed(time.perf_counter() - start, calls)
                return ""
            found = wanted[0] if len(wanted) == 1 else wanted[:3]
        theirs = replayed[0] if len(replayed) == 1 else replayed[:3]
        return f"sample {number} gives {found} when it is run, and {theirs!r} when it is replayed"

    def _eager(self, original: Original, call: Sequence[Batch], number: int) -> list[float]:
        for batch in call:
            place = number if batch.places is None else int(np.searchsorted(batch.places, number))
            if place < len(batch) and (batch.places is None or batch.places[place] == number):
                return original.results(batch, place)
        raise IndexError(number)

    def _agree(self, wanted: list[float], replayed: list[float]) -> bool:
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite there
            rounded = np.array(wanted).astype(self.dtype)
        return agree(rounded.astype(float), replayed, self.tolerance)
