"""Steps: training in machine code, many steps in one call, as long as what was recorded holds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from engine.errors import ReplayError
from engine.replay.backends.interface import Taken, Training, batch_of
from engine.replay.paths import Path
from engine.replay.program.rule import Formula, Rule
from engine.replay.recording.randomness import Generators
from engine.replay.recording.watch import Watch
from engine.replay.samples import Batch
from engine.replay.validity import Validity

__all__ = ["Steps"]

Array = Any
SLOPES = (0.0, 1.0, -1.0, 1e-8, -3e-5, 250.0, -0.3, 2.0, 0.007)  # that a made rule is tried on
TOLERANCE = 1e-12


class Steps:
    """Steps of one rule on batches of one size, samples chosen by number; made by `Compiled.steps`.

    Making them is a trial of the rule, which leaves nothing behind: ValueError, or what it raises itself,
    where it is no formula; ReplayError where steps are better taken one by one.

    `most` is how many to ask for at once: what a call may take before it can be interrupted, in counted work.
    """

    def __init__(
        self,
        formula: Formula,
        remembers: int,
        size: int,
        columns: Sequence[Array | None],
        validity: Validity,
        busy: threading.RLock,
        call: Callable[[Sequence[Any]], list[Batch]],
    ) -> None:
        self.size, self._columns = size, columns
        self._validity, self._busy, self._call = validity, busy, call
        self._watch = Watch(formula)
        draws = not self._watch.packages <= {"engine", "nn"}  # whose rules do not
        self._generators = Generators(formula, self._watch.generators) if draws else None
        if self._watch.refusal:
            raise ValueError(f"the rule {self._watch.refusal}")
        try:
            self.rule = Rule.of(formula, remembers)
        finally:
            what = self._changed()
        if what:
            raise ValueError(f"the rule changes what it reads ({what})")
        paths = validity.recordings.all()
        if len(paths) != 1 or not paths[0].is_plain or not isinstance(paths[0].executor, Training):
            raise ReplayError("steps are taken one by one: a function with branches, or no machine code")
        self._path: Path = paths[0]
        if not self._path.allows(columns):
            raise ReplayError("steps are taken one by one: some sample picks a place that is none")
        trainer = self._path.executor.trainer(self.rule, size, columns)  # type: ignore[attr-defined]
        if trainer is None:
            raise ReplayError("steps are taken one by one: each is long enough")
        self._trainer, self.most = trainer, trainer.most

    def _changed(self) -> str:
        """What a trial of the rule has changed, in words; it is as it was now."""
        what = self._watch.look(everything=True)
        self._watch.put_back()
        if self._generators:
            what = what or self._generators.moved()
            self._generators.put_back()
        return what

    @property
    def has_same_rule(self) -> bool:
        """Whether what the formula reads is what it was."""
        return not self._watch.look(everything=True)

    @property
    def holds(self) -> bool:
        """Whether what was recorded is still what these steps are made of."""
        paths = self._validity.recordings.all()
        return len(paths) == 1 and paths[0] is self._path

    def run(
        self,
        weights: Array,
        memory: Sequence[Array],
        order: Array,
        rates: Sequence[float],
        first: int,
        others: Sequence[Array] = (),
    ) -> Taken | None:
        """A step for each rate, the number of the first being given, on the samples at these places.

        Fewer steps, or none, where one of them needs a closer look; None where what was recorded does not
        hold any more. `others` are the arguments that come in order. Nothing given is changed.
        """
        with self._busy:
            validity = self._validity
            if not validity.recordings.watch.same():
                validity.look()
            if not self.holds:
                return None
            scalars = [self.rule.of_step(rate, first + number) for number, rate in enumerate(rates)]
            everything = self._path.with_held(weights)
            taken: Taken = self._trainer.run(everything, memory, order, scalars, others)
            if not taken.steps:
                return taken
            validity.calls += taken.steps
            if perf_counter() >= validity.due:
                called = partial(self._first, weights, order, others)
                if not validity.holds(called, taken.losses[: self.size], taken.steps):
                    return None
            return taken

    def _first(self, weights: Array, order: Array, others: Sequence[Array]) -> list[Batch]:
        """What the first step was called with."""
        return self._call((weights, *batch_of(self._columns, order, slice(self.size), others)))

    def agrees(self, weights: Array, rates: Sequence[float], moved: Callable[..., list[Array]]) -> bool:
        """Whether the made rule does in its first steps what `moved(weights, slopes)` does, time after time.

        That gives the new weights, and all that is remembered of them.
        """
        mine = [weights, *(np.zeros_like(weights) for _ in self.rule.updated[1:])]
        try:
            with np.errstate(all="ignore"):
                for number, rate in enumerate(rates, 1):
                    slopes = number * np.resize(SLOPES, len(weights))
                    theirs = moved(mine[0], slopes)
                    scalars = (1.0, *self.rule.of_step(rate, number))
                    mine = self._trainer.move(mine[0], mine[1:], slopes, scalars)
                    if not all(_are_close(*pair) for pair in zip(mine, theirs, strict=True)):
                        return False
            return True
        finally:
            if what := self._changed():
                raise ValueError(f"the rule changes what it reads ({what})")


def _are_close(one: Array, other: Array) -> bool:
    return np.allclose(one, other, TOLERANCE, TOLERANCE * np.abs(one).max(), equal_nan=True)
