"""Validity: whether what was recorded is still what the function does, before and after every call.

Before a call a quick test looks at what the function reads; after it, now and then, at all of it, and at what
eager gives for one sample: no list of what a function may read is complete, there are files, clocks, objects
of C. Each is done in the first calls, and then whenever 200 times has passed what it cost: half a percent of
the time, whatever the function. What has changed is recorded anew at once. What was noticed late leaves a
doubt behind: so many calls gave numbers that cannot be trusted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from engine.frozen import frozen
from engine.modes import collector_paused
from engine.replay.backends.interface import Call
from engine.replay.comparison import agree
from engine.replay.eager import Original
from engine.replay.recordings import Recordings
from engine.replay.samples import Batch

__all__ = ["Doubt", "SpotChecks", "Validity", "nothing"]

Array = Any
FIRST_CALLS = 4  # all of which are compared; the one that records, where it does: see comparison.py
AGAIN = 16  # comparisons of the same, one after the other, until it is believed that nothing else comes
SPACING = 200  # times its own cost until the next comparison, and until all that is read is looked at again
GOLDEN = (5.0**0.5 - 1.0) / 2.0  # steps by it come everywhere, evenly
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}


@frozen
class Doubt:
    """A change that was noticed late: what it was, and how many calls before gave what cannot be trusted."""

    what: str
    calls: int

    def __str__(self) -> str:
        calls = "the call before" if self.calls == 1 else f"up to {self.calls:,} calls before"
        return f"{self.what}; what {calls} gave cannot be trusted"


class SpotChecks:
    """When to compare, and what came of it."""

    def __init__(self, dtype: str = "float64") -> None:
        self.dtype, self.tolerance = dtype, TOLERANCE[dtype]
        self.agreed = 0  # calls, each with something else
        self.due = 0.0
        self._turn = 0.0
        self._compared: Any = None  # the weights and the sample of the last time
        self._again = 0  # comparisons since, of the same

    def soon(self) -> None:
        """Compare at the next calls again."""
        self.due, self.agreed, self._compared, self._again = 0.0, 0, None, 0

    def passed(self, cost: float, calls: int = 1) -> None:
        """So many calls were compared; this took so many seconds."""
        self.agreed += calls
        is_early = self.agreed < FIRST_CALLS and self._again < AGAIN
        self.due = 0.0 if is_early else perf_counter() + SPACING * cost

    def of(self, original: Original, call: Sequence[Batch], rows: Sequence[Any], calls: int = 1) -> str:
        """How eager differs at one sample of a call, another one each time; "" where it does not.

        `rows` are what was returned for each sample, in order. The same sample with the same weights again is
        none of the first calls, for it shows nothing new: who tries a function out on one does not know how
        it is with others.
        """
        start = perf_counter()
        self._turn = (self._turn + GOLDEN) % 1.0
        number = int(self._turn * len(rows))
        replayed = np.atleast_1d(rows[number]).tolist()
        batch, place = _found(call, number)
        compared = batch.weights.tobytes(), batch.numbers(place)
        is_known, self._compared = compared == self._compared, compared
        self._again = self._again + 1 if is_known else 0
        try:
            with collector_paused():
                wanted = original.results(batch, place)
        except Exception as error:  # noqa: BLE001  (replay had a number: whatever it is, it is a difference)
            found: Any = f"{type(error).__name__} ({error})"
        else:
            if self._agree(wanted, replayed):
                self.passed(perf_counter() - start, 0 if is_known else calls)
                return ""
            found = wanted[0] if len(wanted) == 1 else wanted[:3]
        theirs = replayed[0] if len(replayed) == 1 else replayed[:3]
        return f"sample {number} gives {found} when it is run, and {theirs!r} when it is replayed"

    def _agree(self, wanted: list[float], replayed: list[float]) -> bool:
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite there
            rounded = np.array(wanted).astype(self.dtype)
        return agree(rounded.astype(float), replayed, self.tolerance)


def _found(call: Sequence[Batch], number: int) -> tuple[Batch, int]:
    """The batch that a sample is in, and its place there."""
    for batch in call:
        place = number if batch.places is None else int(np.searchsorted(batch.places, number))
        if place < len(batch) and (batch.places is None or batch.places[place] == number):
            return batch, place
    raise IndexError(number)


def nothing(_: Any) -> None:
    """The call before anything is prepared."""


class Validity:
    """Of the recordings of one function, and of the calls that are prepared for.

    `recordings.watch.same()` is to be asked before every call, and if it says no `look`; `calls` to be
    counted, and `kept` to be asked after those calls that come when `due` has passed on the clock of
    `perf_counter`.
    """

    def __init__(self, recordings: Recordings, checks: SpotChecks) -> None:
        self.recordings, self.checks = recordings, checks
        self.ready: dict[tuple[Any, ...], Call] = {}  # by the form of weights and arguments
        self.latest: Call = nothing
        self.doubts: list[Doubt] = []
        self.due = 0.0
        self.calls = 0  # since the last that was compared
        self._served = 0  # samples before those, since the function was recorded
        self._size = 1  # samples of a call

    def before_a_call(self) -> None:
        """Record anew what has changed; of what is read, all is looked at."""
        watch = self.recordings.watch
        if not (watch.same() and watch.same_seldom()):
            self.look()
        self.calls += 1

    def look(self) -> None:
        """Something may have changed; where it has, forget what was recorded."""
        what = self.recordings.watch.look()
        if what:
            self._renew(what)

    def recheck(self) -> None:
        """At the next calls look at everything, and compare."""
        self.due = 0.0
        self.checks.soon()

    def reset(self) -> None:
        """Forget everything."""
        self.recordings.reset()
        self._forget()

    def kept(self, run: Callable[[list[Batch]], Any], call: Callable[[], list[Batch]], found: Any) -> Any:
        """What was found, if all that is read is as it was, and eager agrees; else what is found anew.

        `call` gives the samples: in most calls nobody asks for them. ReplayError where eager does not agree
        even then.
        """
        if self.recordings.has_compared:  # in this call, which has recorded, or one shortly before
            self.recordings.has_compared = False
            self._agreed(found[0] if isinstance(found, tuple) else found)
            self.checks.passed(0.0)
            return found
        if perf_counter() < self.due or self.holds(call, found):
            return found
        batches = call()
        found = run(batches)
        again = self._compared(batches, found)
        if again:
            self.recordings.give_up(
                f"{again}; it depends on something that nothing notices (a file, a clock, …): make that "
                "an argument, or do without replay"
            )
        return found

    def holds(self, call: Callable[[], list[Batch]], found: Any, calls: int = 1) -> bool:
        """Whether all that is read is as it was, and eager agrees with what was found in this call.

        It stands for so many, between which nothing of the user's has run. Where it does not hold, those
        before are in doubt, and what was recorded is forgotten.
        """
        start = perf_counter()
        unchanged = self.recordings.watch.same_seldom()
        looked = perf_counter()
        compares = looked >= self.checks.due
        what = "" if unchanged and not compares else self.recordings.watch.look(everything=compares)
        if compares and not what:
            what = self._compared(call(), found, calls) or self._changed()
        if what:
            self._doubt(what, self.calls - calls)
            return False
        now = perf_counter()
        self.due = min(self.checks.due, now + SPACING * ((looked if compares else now) - start))
        return True

    def _changed(self) -> str:
        """What the run of one sample has just changed of what is read: with many, it would have shown."""
        watch = self.recordings.watch
        return "" if watch.same() and watch.same_seldom() else watch.look()

    def _compared(self, call: list[Batch], found: Any, calls: int = 1) -> str:
        """How eager differs from what was found at one sample, "" where it does not."""
        rows = found[0] if isinstance(found, tuple) else found
        difference = self.checks.of(self.recordings.original, call, rows, calls)
        if not difference:
            self._agreed(rows)
        return difference

    def _agreed(self, rows: Any) -> None:
        """The calls until now have served."""
        self._size = len(rows)
        self._served, self.calls = self._served + self.calls * self._size, 0

    def _doubt(self, what: str, earlier: int) -> None:
        """Say of how many calls the numbers cannot be trusted, and begin anew."""
        if earlier > 0:
            self.doubts.append(Doubt(what, earlier))
            warnings.warn(f"{self.recordings.name}: {self.doubts[-1]}", UserWarning, stacklevel=4)
        self._renew(what)

    def _renew(self, what: str) -> None:
        """Forget what was recorded, and compare soon."""
        served = self._served + self.calls * self._size
        self._forget()
        self.recordings.forget(what, served)

    def _forget(self) -> None:
        self.ready.clear()
        self.latest = nothing
        self.calls = self._served = 0
        self.recheck()
