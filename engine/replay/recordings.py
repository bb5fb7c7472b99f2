"""Recordings: the known ways through a function's branches, as long as all that it reads stays as it was.

A recording is a trial. Where it is refused, or the function raises, all that it changed is put back:
attributes, containers, variables, generators of random numbers.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from engine.errors import ReplayError
from engine.modes import collector_paused
from engine.replay.comparison import MakeExecutor, agree, new_path, try_types
from engine.replay.eager import Original
from engine.replay.paths import Path, Stats
from engine.replay.recording.randomness import Generators
from engine.replay.recording.watch import Watch
from engine.replay.samples import Batch

__all__ = ["Recordings"]

Array = Any
Split = list[tuple[Batch, Path]]
MOST_PATHS = 64  # ways through a function's branches that are recorded before it is refused
MOST_UNPAID = 5  # recordings in a row that cost more than eager would have
PER_NODE, PER_INSTRUCTION = 100, 10_000  # what recording costs, in nodes that eager computes: an estimate
NOTHING = Watch(None)  # that is watched before anything is recorded


class _SomethingChanged(Exception):  # noqa: N818  (caught here, always)
    """While another way was recorded, it was seen that what the first ones were recorded with has changed."""


class Recordings:
    """The paths of a function, by the shape of its samples and the names of its arguments.

    `watch` tells whether all that the function reads is as it was.
    """

    def __init__(self, original: Original, make_executor: MakeExecutor) -> None:
        self.original, self.name = original, original.name
        self.paths: dict[tuple[Any, ...], list[Path]] = {}
        self.wanted = "outputs"  # or "gradients": what a new path is asked for first
        self.has_compared = False  # what is recorded now, with eager: the very code that runs
        self._make_executor = make_executor
        self.watch = NOTHING
        self._generators: Generators | None = None
        self._unpaid = 0
        self._has_warned = False
        self._given_up = ""

    def all(self) -> list[Path]:
        """Every path."""
        return [path for paths in self.paths.values() for path in paths]

    def forget(self, what: str, served: int) -> None:
        """Drop all paths, because of this change; they have served so many samples.

        ReplayError, from now on, where it goes on like this: recording again and again costs more than eager.
        That is told by counting, and not by the clock, so that it is told alike in every run.
        """
        stats = self.stats
        cost = PER_NODE * stats.nodes + PER_INSTRUCTION * stats.instructions
        self._unpaid = self._unpaid + 1 if served * stats.nodes < cost * stats.paths else 0
        self._drop()
        if self._unpaid >= MOST_UNPAID:
            self.give_up(
                f"it reads what changes again and again ({what}), and recording it anew each time takes "
                "longer than eager does; make that an argument of the function, one number for all samples, "
                "as in p(x, y, beta=0.3), or a Value whose .data changes"
            )

    def give_up(self, why: str) -> None:
        """Raise ReplayError, now and whenever something is to be recorded, until `reset`."""
        self._drop()
        self._given_up = f"{self.name} cannot be replayed: {why}"
        raise ReplayError(self._given_up)

    def reset(self) -> None:
        """Forget everything."""
        self._drop()
        self._unpaid, self._given_up = 0, ""

    def _drop(self) -> None:
        self.paths.clear()
        self.watch = NOTHING

    # ── Which sample goes which way ───────────────────────────────────────────────────────────────

    def split(self, batch: Batch) -> Split:
        """The samples by the way that each takes through the function's branches; records what is new."""
        if self._given_up:
            raise ReplayError(self._given_up)
        try:
            for _ in range(MOST_UNPAID):
                try:
                    return self._split(batch)
                except _SomethingChanged:
                    self._drop()
        finally:
            self._generators = None
        raise ReplayError(f"{self.name} changes what it reads, each time that another sample comes")

    def _split(self, batch: Batch) -> Split:
        key = (batch.names, batch.shape)
        paths = self.paths.get(key, [])
        if not paths:
            self._record(batch, 0, paths)
            self.paths[key] = paths
        if paths[0].takes_all and try_types(paths[0], batch):
            return [(batch, paths[0])]
        waiting = np.arange(len(batch))
        found: Split = []
        number = 0
        while waiting.size:
            if number == len(paths):
                self._record(batch, int(waiting[0]), paths)
            path = paths[number]
            number += 1
            if not try_types(path, batch):
                continue
            holds = path.matches(batch.take(waiting))
            if holds.any():
                found.append((batch.take(waiting[holds]), path))
            waiting = waiting[~holds]
        return found

    # ── Recording ─────────────────────────────────────────────────────────────────────────────────

    def _record(self, batch: Batch, place: int, paths: list[Path]) -> None:
        if len(paths) == MOST_PATHS:
            raise ReplayError(
                f"{self.name} took more than {MOST_PATHS} different ways through its branches; write the "
                "decisions as where(…), maximum(…), relu(…), which are decided anew for every sample"
            )
        with collector_paused():
            path = self._tried(batch, place)
        if paths:
            path.ensure_like(paths[0])
        elif path.tape.single and path.takes_all:
            self._warn_of_unused(path)
        self.has_compared = path.was_compared and not paths
        paths.append(path)

    def _tried(self, batch: Batch, place: int) -> Path:
        """The path of a sample; where the function has changed what it reads, once more.

        A cache that fills itself in the first call is honest; what changes every time is refused.
        """
        is_first = self.watch is NOTHING
        before = Watch(self.original.function, self.original.parameters) if is_first else self.watch
        if before.refusal:
            raise ReplayError(f"{self.name} {before.refusal}")
        if not is_first and before.look(everything=True):
            raise _SomethingChanged
        self._generators = self._generators or Generators(self.original.function, before.generators)
        try:
            watch, path = self._settled(before, batch, place)
        except BaseException as error:
            what, moved = before.look(everything=True), self._generators.moved()
            before.put_back()
            self._generators.put_back()
            if isinstance(error, ReplayError) and not error.where:
                self._explain(what, moved)
            raise
        if not is_first and watch is not before:
            raise _SomethingChanged
        self.watch = watch
        return path

    def _settled(self, before: Watch, batch: Batch, place: int) -> tuple[Watch, Path]:
        """The path, and what its function reads, which recording it has not changed."""
        watch, what = before, ""
        for last in (False, True):
            try:
                path = new_path(self.original, batch, place, self._make_executor, self.wanted)
                watch.add([value for value, _ in path.tape.read])
                what = watch.look(everything=True)
                if not what:
                    break
            except ReplayError as error:
                what = watch.look(everything=True)
                if last or error.where or not what:
                    raise
            watch = Watch(self.original.function, self.original.parameters)
        if what or (self._generators and self._generators.moved()):
            raise ReplayError(f"{self.name} cannot be recorded: {what}")  # explained where it is caught
        if watch is not before and _makes_a_difference(before, watch, self.original, batch, place):
            raise ReplayError(f"{self.name} changes what it reads")  # the same
        return watch, path

    def _explain(self, what: str, moved: str) -> None:
        """Raise a ReplayError that says why no two runs of the function are alike, where that is known."""
        if moved:
            raise ReplayError(
                f"{self.name} draws random numbers ({moved}), and replay would freeze this randomness; draw "
                "the numbers before, and pass them as arguments"
            )
        if what:
            raise ReplayError(
                f"{self.name} changes what it reads ({what}), which a replay would not do; return it, make "
                "it an argument, or a Value"
            )

    def _warn_of_unused(self, path: Path) -> None:
        """Once, and not for every length of a text."""
        unused = path.tape.unused
        if not unused or self._has_warned:
            return
        self._has_warned = True
        named = ", ".join(self.original.parameters[k].label or f"parameter {k}" for k in unused[:3])
        more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
        text = f"{self.name} does not use {named}{more}: the gradient is 0 there"
        warnings.warn(text, UserWarning, stacklevel=7)

    @property
    def stats(self) -> Stats:
        """What has been recorded so far."""
        return sum((path.stats for path in self.all()), Stats())


def _makes_a_difference(before: Watch, after: Watch, original: Original, batch: Batch, place: int) -> bool:
    """Whether the first run, from the state before, gives other results than the next: no honest cache.

    A function that keeps its last sample does; one that keeps what it would compute again does not; and what
    another thread has changed is not changed again.
    """
    before.put_back()
    first = original.results(batch, place)
    changes = bool(before.look(everything=True))
    after.put_back()
    return changes and not agree(first, original.results(batch, place))
