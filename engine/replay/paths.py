"""Path: one way through a function's branches, recorded, rolled, and run on the samples that take it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from operator import add
from typing import Any, NoReturn

import numpy as np

from engine.errors import DomainError, ReplayError
from engine.frozen import frozen
from engine.replay.backends import strict
from engine.replay.backends.interface import Call, Executor, form_of
from engine.replay.eager import Original
from engine.replay.program.program import Program
from engine.replay.recording.tape import Tape
from engine.replay.samples import Batch

__all__ = ["Path", "Stats", "combined"]

Array = Any
UNDEFINED = (FloatingPointError, DomainError)  # of the executors of arrays, and of the strict one


@frozen
class Stats:
    """What was recorded: sizes, and the seconds to record, to roll and to make the executor."""

    nodes: int = 0
    instructions: int = 0
    paths: int = 0
    record_seconds: float = 0.0
    roll_seconds: float = 0.0
    compile_seconds: float = 0.0

    def __add__(self, other: Stats) -> Stats:
        return Stats(*map(add, astuple(self), astuple(other)))

    def __str__(self) -> str:
        seconds = self.record_seconds + self.roll_seconds + self.compile_seconds
        paths = f"{self.paths} path{'' if self.paths == 1 else 's'}"
        return f"{paths}, {self.nodes:,} nodes as {self.instructions:,} instructions in {seconds:.2g} s"


@dataclass
class Path:
    """A tape, its program, and the executors: of the results, and of guards and checks where there are
    any.
    """

    original: Original
    tape: Tape
    program: Program
    executor: Executor
    guards: Executor | None  # gives the outcomes, then the operands that were computed
    checks: Executor | None
    types: set[tuple[bool, ...]]  # for each argument, whether its numbers are whole ones, as far as tried
    limits: dict[int, range]  # {input that tells a place: the places that there are}
    stats: Stats
    was_compared: bool = False  # the executor itself, with eager

    def ensure_loss(self) -> None:
        """Raise ReplayError where the function returns a list, which has no gradient."""
        if not self.tape.single:
            raise ReplayError(f"{self.tape.name} returns a list; a gradient needs a function with one result")

    def ensure_like(self, other: Path) -> None:
        """Raise ReplayError where two ways through the function have results of different form."""
        if (self.tape.single, len(self.tape.outputs)) != (other.tape.single, len(other.tape.outputs)):
            forms = f"{_form(other.tape)} for some samples and {_form(self.tape)} for others"
            raise ReplayError(f"{self.tape.name} returns {forms}")

    @property
    def takes_all(self) -> bool:
        """Whether all samples of its shape go this way."""
        return self.guards is None

    @property
    def is_plain(self) -> bool:
        """Whether running the program is all there is to do."""
        return self.guards is None and self.checks is None

    def matches(self, batch: Batch) -> Array:
        """For each sample, whether it takes this way: whether every guard sees what it saw.

        Where a guard has no answer for a sample, what eager raises for it is raised.
        """
        if self.guards is None:
            return np.ones(len(batch), dtype=bool)
        valid = self._valid_indices(batch)
        found = np.zeros(len(batch), dtype=bool)
        if valid.any():
            inside = batch if valid.all() else batch.take(valid)
            found[valid] = self._matches(inside)
        return found

    def _matches(self, batch: Batch) -> Array:
        outcomes = np.array([outcome for _, outcome in self.tape.guards])
        try:
            seen = self._watched(self.guards, batch)
        except FloatingPointError:
            if len(batch) == 1:  # guard after guard: later ones need no value
                return np.array([self._alone(strict.follows, batch)])
            return np.concatenate([self._matches(part) for part in _halves(batch)])
        return ((seen[: len(outcomes)] != 0.0) == outcomes[:, None]).all(axis=0)

    def _watched(self, executor: Any, batch: Batch) -> Array:
        """What it gives; FloatingPointError where something has no value, or nan is among it."""
        with np.errstate(divide="raise", invalid="raise", over="ignore", under="ignore"):
            seen: Array = executor.outputs(self.with_held(batch.weights), batch.arrays, len(batch))
        if np.isnan(seen).any():
            raise FloatingPointError
        return seen

    def _alone(self, run: Callable[..., Any], batch: Batch) -> Any:
        """What the tape gives for the one sample, run number by number; raises what eager raises."""
        try:
            return run(self.tape, batch.weights, batch.numbers(0))
        except (DomainError, LookupError, TypeError) as error:
            self._raise_as_eager(batch, error)

    def _raise_as_eager(self, batch: Batch, error: Exception) -> NoReturn:
        """Raise what eager raises for the one sample; ReplayError where it raises nothing."""
        self.original.results(batch, 0)
        raise ReplayError(
            f"{self.tape.name} catches an error for some samples ({error}), which replay cannot follow; "
            "write where(condition, lambda: ..., ...) in the place of try"
        ) from error

    def _ensure_defined(self, batch: Batch) -> None:
        """Raise what eager raises where what no result needs has no value."""
        if self.checks is None:
            return
        try:
            self._watched(self.checks, batch)
        except FloatingPointError:
            if len(batch) == 1:
                self._alone(strict.numbers, batch)
                return
            for part in _halves(batch):
                self._ensure_defined(part)

    def outputs(self, batch: Batch) -> Array:
        """The results, (outputs, samples); raises what eager raises."""
        return self._found("outputs", batch)[0]

    def gradients(self, batch: Batch) -> tuple[Array, Array]:
        """(losses, the gradient of their sum); raises what eager raises."""
        losses, gradient = self._found("gradients", batch)
        return losses, gradient

    def _found(self, name: str, batch: Batch) -> tuple[Array, ...]:
        if not self.executor.watches:
            self._check_indices(batch)
        self._ensure_defined(batch)
        return tuple(map(self._rounded, self._careful(name, batch)))

    def prepared(self, name: str, samples: int, given: Sequence[Array]) -> Call | None:
        """`outputs` or `gradients` for arrays like these, (weights, *arguments).

        It raises FloatingPointError where the careful way has to find out what is wrong. None where the
        executor cannot prepare, or where other samples may go another way.
        """
        prepare = getattr(self.executor, "call", None)  # of those that are `Preparing`; to ask so takes 30 µs
        if prepare is None or not self.is_plain:
            return None
        call: Call = prepare(name, samples, form_of((self.with_held(given[0]), *given[1:])))
        if not self.tape.held:
            return call
        return lambda given: call((self.with_held(given[0]), *given[1:]))

    def with_held(self, weights: Array) -> Array:
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

    def _careful(self, name: str, batch: Batch) -> tuple[Array, ...]:
        """Run at full speed; where an overflow, a division by 0 or a nan turns up, find the sample.

        That one is run eagerly, in float64: it raises, or has the right numbers where matrix code has nan,
        behind an operand that was not selected.
        """
        try:
            if self.executor.watches:
                return self._run(name, batch)
            with np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
                found = self._run(name, batch)
                if math.isfinite(sum(np.add.reduce(each, axis=None) for each in found)):
                    return found
        except UNDEFINED:
            self._check_indices(batch)
        if len(batch) == 1 and name == "outputs":
            return (np.array(self.original.results(batch, 0))[:, None],)
        if len(batch) == 1:
            loss, gradient = self.original.gradient(batch, 0)
            return np.array([loss]), np.array(gradient)
        first, second = (self._careful(name, part) for part in _halves(batch))
        results = np.concatenate((first[0], second[0]), axis=-1)
        with np.errstate(over="ignore", invalid="ignore"):  # as eager adds
            return results, *(
                np.add(*pair, dtype=np.float64) for pair in zip(first[1:], second[1:], strict=True)
            )

    def _run(self, name: str, batch: Batch) -> tuple[Array, ...]:
        found = getattr(self.executor, name)(self.with_held(batch.weights), batch.arrays, len(batch))
        return found if isinstance(found, tuple) else (found,)

    def allows(self, columns: Sequence[Array | None]) -> bool:
        """Whether all of these samples can be given to an executor that does not look at indices itself."""
        if self.executor.watches or not self.limits:
            return True
        arrays = tuple([column.reshape(len(column), -1) for column in columns if column is not None])
        return bool(self._valid_indices(Batch((), arrays)).all())

    def _valid_indices(self, batch: Batch) -> Array:
        """For each sample, whether its indices are whole numbers inside their lists."""
        valid = np.ones(len(batch), dtype=bool)
        for number, places in self.limits.items():
            valid &= _are_inside(batch.column(number), places)
        return valid

    def _check_indices(self, batch: Batch) -> None:
        """Raise what eager raises for a sample that tells a place outside its list."""
        for number, places in self.limits.items():
            column = batch.column(number)
            inside = _are_inside(column, places)
            if inside.all():
                continue
            place = int(np.argmin(inside))
            what = f"sample {place} picks place {column[place].item()!r} of a list of {places.stop}"
            try:
                self._raise_as_eager(batch.take([place]), IndexError(what))
            except (IndexError, TypeError) as error:
                raise type(error)(f"{what}: {error}") from error

    def __str__(self) -> str:
        return f"{self.tape}\n\n{self.program}"


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    half = len(batch) // 2
    return batch.take(slice(half)), batch.take(slice(half, None))


def _are_inside(column: Array, places: range) -> Array:
    """Which of these numbers are whole ones that tell a place."""
    return (column >= places.start) & (column < places.stop) & (column == np.floor(column))


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
