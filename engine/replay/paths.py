"""Path: one way through a function's branches, recorded, rolled, and run on the samples that take it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import ReplayError
from engine.replay.backends import strict
from engine.replay.backends.interface import Call, Executor, Preparing, form_of
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.program import Program
from engine.replay.recording.record import as_eager, record
from engine.replay.recording.tape import Tape
from engine.replay.rolling.roll import roll
from engine.replay.samples import Batch
from engine.value import Value

__all__ = ["Path", "Stats", "combined"]

Array = Any


@dataclass(frozen=True)
class Stats:
    """What was recorded: sizes, and the seconds to record, to roll and to make the executor."""

    nodes: int = 0
    instructions: int = 0
    paths: int = 0
    record_seconds: float = 0.0
    roll_seconds: float = 0.0
    compile_seconds: float = 0.0

    def __add__(self, other: Stats) -> Stats:
        return Stats(
            self.nodes + other.nodes,
            self.instructions + other.instructions,
            self.paths + other.paths,
            self.record_seconds + other.record_seconds,
            self.roll_seconds + other.roll_seconds,
            self.compile_seconds + other.compile_seconds,
        )

    def __str__(self) -> str:
        seconds = self.record_seconds + self.roll_seconds + self.compile_seconds
        paths = f"{self.paths} path{'' if self.paths == 1 else 's'}"
        return f"{paths}, {self.nodes:,} nodes as {self.instructions:,} instructions in {seconds:.2g} s"


@dataclass
class Path:
    """A tape, its program, and the executors of both: the results', and the guards' where there are any."""

    tape: Tape
    program: Program
    executor: Executor
    guards: Executor | None
    limits: dict[int, int]  # {input that tells a place: how many places there are}
    stats: Stats

    @classmethod
    def record(
        cls,
        function: Callable[..., Any],
        parameters: Sequence[Value],
        weights: Array,
        batch: Batch,
        place: int,
        make_executor: Callable[[Tape, Program, Sequence[int]], Executor],
    ) -> Path:
        """The path that one sample of the batch takes, compared with eager on another that takes it too."""
        start = time.perf_counter()
        tape = record(function, parameters, batch.sample(place), weights.tolist())
        tape.verify()
        recorded = time.perf_counter()
        program = roll(tape, gradient=tape.single)
        program.verify()
        rolled = time.perf_counter()
        runner = make_executor(tape, program, batch.widths)
        if not tape.guards:  # else only some of the samples go this way
            runner.prepare(len(batch))
        guards = None
        if tape.guards:
            conditions = roll(tape, tuple(place for place, _ in tape.guards), gradient=False)
            guards = NumpyExecutor(conditions, batch.widths)
        seconds = (recorded - start, rolled - recorded, time.perf_counter() - rolled)
        path = cls(
            tape, program, runner, guards, tape.index_inputs(), Stats(len(tape), len(program), 1, *seconds)
        )
        path._compare_with_eager(function, parameters, weights, batch, place)
        return path

    def _compare_with_eager(
        self,
        function: Callable[..., Any],
        parameters: Sequence[Value],
        weights: Array,
        batch: Batch,
        place: int,
    ) -> None:
        """Raise ReplayError when the function, run again on another sample, does not do as the tape does.

        This finds what recording cannot see: randomness, a counter, data that came in by a side door.
        """
        others = np.delete(np.arange(len(batch)), place)
        taken = others[self.matches(weights, batch.take(others))] if len(others) else others
        other = int(taken[-1]) if len(taken) else place
        self._check_indices(batch.take([other]))
        numbers = strict.numbers(self.tape, weights, batch.numbers(other))
        replayed = [numbers[output] for output in self.tape.outputs]
        eager = as_eager(function, parameters, batch.given(other), weights.tolist())
        if len(eager) != len(replayed) or not all(map(_agree, eager, replayed)):
            raise ReplayError(
                f"{self.tape.name} gives {eager[:3]} when it is run on sample {other}, and {replayed[:3]} "
                "when it is replayed: it depends on something besides its inputs and parameters "
                "(randomness, a counter, numbers read elsewhere); make that an input"
            )

    @property
    def watches(self) -> bool:
        """Whether the executor itself finds what is wrong, which is then looked at more closely."""
        return self.executor.watches

    def ensure_loss(self) -> None:
        """Raise ReplayError where the function returns a list, which has no gradient."""
        if not self.tape.single:
            raise ReplayError(f"{self.tape.name} returns a list; a gradient needs a function with one result")

    def ensure_like(self, other: Path) -> None:
        """Raise ReplayError where two ways through the function have results of different form."""
        if (self.tape.single, len(self.tape.outputs)) != (other.tape.single, len(other.tape.outputs)):
            forms = f"{_form(other.tape)} for some samples and {_form(self.tape)} for others"
            raise ReplayError(f"{self.tape.name} returns {forms}")

    def matches(self, weights: Array, batch: Batch) -> Array:
        """For each sample, whether it takes this way: whether every guard sees what it saw."""
        if self.guards is None:
            return np.ones(len(batch), dtype=bool)
        valid = self._valid_indices(batch)
        outcomes = np.array([outcome for _, outcome in self.tape.guards])
        found = np.zeros(len(batch), dtype=bool)
        if valid.any():
            inside = batch if valid.all() else batch.take(valid)
            with np.errstate(all="ignore"):
                seen = self.guards.outputs(self._all_weights(weights), inside.arrays, len(inside))
            found[valid] = ((seen != 0.0) == outcomes[:, None]).all(axis=0)
        return found

    def outputs(self, weights: Array, batch: Batch) -> Array:
        """The results, (outputs, samples); raises what eager raises."""
        if not self.watches:
            self._check_indices(batch)
        return self._rounded(self._careful_outputs(self._all_weights(weights), batch))

    def gradients(self, weights: Array, batch: Batch) -> tuple[Array, Array]:
        """(losses, the gradient of their sum); raises what eager raises."""
        if not self.watches:
            self._check_indices(batch)
        losses, gradient = self._careful_gradients(self._all_weights(weights), batch)
        return self._rounded(losses), self._rounded(gradient)

    def prepared(self, name: str, samples: int, given: Sequence[Array]) -> Call | None:
        """`outputs` or `gradients` for arrays like these, (weights, *arguments).

        It raises FloatingPointError where the careful way has to find out what is wrong. None where the
        executor cannot prepare, or where other samples may go another way.
        """
        if not isinstance(self.executor, Preparing) or self.guards is not None:
            return None
        form = form_of((self._all_weights(given[0]), *given[1:]))
        call = self.executor.call(name, samples, form)
        if not self.tape.held:
            return call
        return lambda given: call((self._all_weights(given[0]), *given[1:]))

    def _all_weights(self, weights: Array) -> Array:
        """The weights, and after them the numbers that held Values have now."""
        if not self.tape.held:
            return weights
        return np.concatenate((weights, [value._data for value in self.tape.held]))

    def _rounded(self, found: Array) -> Array:
        """In the executor's type, where some were computed in float64; what is too large becomes infinite."""
        if found.dtype == self.executor.dtype:
            return found
        with np.errstate(over="ignore"):
            return found.astype(self.executor.dtype)

    def _careful_outputs(self, weights: Array, batch: Batch) -> Array:
        """As `_careful_gradients`, forward only."""
        try:
            if self.watches:
                return self.executor.outputs(weights, batch.arrays, len(batch))
            with np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
                found = self.executor.outputs(weights, batch.arrays, len(batch))
                if math.isfinite(found.sum()):
                    return found
        except FloatingPointError:
            self._check_indices(batch)
        if len(batch) == 1:
            numbers = strict.numbers(self.tape, weights, batch.numbers(0))
            return np.array([[numbers[output]] for output in self.tape.outputs])
        half = len(batch) // 2
        parts = [
            self._careful_outputs(weights, batch.take(part)) for part in (slice(half), slice(half, None))
        ]
        return np.concatenate(parts, axis=1)

    def _careful_gradients(self, weights: Array, batch: Batch) -> tuple[Array, Array]:
        """Run at full speed; where an overflow, a division by 0 or a nan turns up, find the sample.

        That one is run as eager would, in float64, which raises, or has the right numbers where matrix code
        has nan: behind an operand that was not selected.
        """
        try:
            if self.watches:
                return self.executor.gradients(weights, batch.arrays, len(batch))
            with np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
                losses, gradient = self.executor.gradients(weights, batch.arrays, len(batch))
                if math.isfinite(np.add.reduce(losses) + np.add.reduce(gradient)):
                    return losses, gradient
        except FloatingPointError:
            self._check_indices(batch)
        if len(batch) == 1:
            loss, found = strict.gradients(self.tape, weights, batch.numbers(0))
            return np.array([loss]), np.array(found)
        half = len(batch) // 2
        first = self._careful_gradients(weights, batch.take(slice(half)))
        second = self._careful_gradients(weights, batch.take(slice(half, None)))
        with np.errstate(over="ignore", invalid="ignore"):  # as eager adds
            total = np.add(first[1], second[1], dtype=np.float64)
        return np.concatenate((first[0], second[0])), total

    def _valid_indices(self, batch: Batch) -> Array:
        """For each sample, whether its indices are whole numbers inside their lists."""
        valid = np.ones(len(batch), dtype=bool)
        for number, limit in self.limits.items():
            column = batch.column(number)
            valid &= (column >= -limit) & (column < limit) & (column == np.floor(column))
        return valid

    def _check_indices(self, batch: Batch) -> None:
        """Raise IndexError or TypeError, as eager does, for a sample that tells a place outside its list."""
        for number, limit in self.limits.items():
            column = batch.column(number)
            if column.min() >= -limit and column.max() < limit and _is_whole(column):
                continue
            place = int(np.flatnonzero(~self._valid_indices(batch))[0])
            index = column[place]
            kind = IndexError if index == math.floor(index) else TypeError
            raise kind(f"sample {place} picks place {index!r} of a list of {limit}")

    def __str__(self) -> str:
        return f"{self.tape}\n\n{self.program}"


def _is_whole(column: Array) -> bool:
    return column.dtype.kind in "iu" or bool((column == np.floor(column)).all())


def _agree(eager: float, replayed: float) -> bool:
    both_odd = eager == replayed or (eager != eager and replayed != replayed)
    return both_odd or abs(eager - replayed) <= 1e-9 * (1.0 + abs(eager))


def _form(tape: Tape) -> str:
    return "one Value" if tape.single else f"a list of {len(tape.outputs)}"


def combined(parts: Sequence[tuple[Batch, Array]], *, single: bool) -> Any:
    """The results of all parts in the order in which the samples were given.

    (samples,) or (samples, results); a list of arrays where samples have different numbers of results.
    """
    if len(parts) == 1 and parts[0][0].places is None:
        found = parts[0][1]
        return found[0] if single else found.T
    count = sum(len(batch) for batch, _ in parts)
    rows: Array = np.empty(count, dtype=object)
    for batch, found in parts:
        places = range(count) if batch.places is None else batch.places
        for place, row in zip(places, found.T, strict=True):
            rows[place] = row
    if len({len(found) for _, found in parts}) > 1:
        return list(rows)
    stacked = np.stack(list(rows))
    return stacked[:, 0] if single else stacked
