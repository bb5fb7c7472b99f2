"""Validity: whether what was recorded is still what the function does, before and after every call.

Before a call a quick test looks at what the function reads; after it, now and then, at all of it, and at what
eager gives for one sample. What has changed is recorded anew at once. What was noticed late leaves a doubt
behind: so many calls gave numbers that cannot be trusted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

from engine.frozen import frozen
from engine.replay.backends.interface import Call
from engine.replay.recordings import Recordings
from engine.replay.samples import Batch
from engine.replay.spot_checks import SpotChecks

__all__ = ["Doubt", "Validity", "nothing"]

LOOKING = 100  # times what it costs to look at what hardly ever changes, until it is looked at again


@frozen
class Doubt:
    """A change that was noticed late: what it was, and how many calls before gave what cannot be trusted."""

    what: str
    calls: int

    def __str__(self) -> str:
        calls = "the call before" if self.calls == 1 else f"up to {self.calls:,} calls before"
        return f"{self.what}; what {calls} gave cannot be trusted"


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

    def kept(self, run: Callable[[list[Batch]], Any], call: list[Batch], found: Any) -> Any:
        """What was found, if all that is read is as it was, and eager agrees; else what is found anew.

        ReplayError where eager does not agree even then.
        """
        if self.recordings.has_compared:  # in this call, which has recorded, or one shortly before
            self.recordings.has_compared = False
            self._agreed(found[0] if isinstance(found, tuple) else found)
            self.checks.passed(0.0)
            return found
        if perf_counter() < self.due or self.holds(lambda: call, found):
            return found
        found = run(call)
        again = self._compared(call, found)
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
            what = self._compared(call(), found, calls)
        if what:
            self._doubt(what, self.calls - calls)
            return False
        self.due = min(self.checks.due, perf_counter() + LOOKING * (looked - start))
        return True

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
