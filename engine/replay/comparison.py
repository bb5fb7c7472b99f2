"""A path is recorded, and compared with eager before anybody sees a number of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.errors import DomainError, NonFiniteError, ReplayError
from engine.replay.backends import strict
from engine.replay.backends.interface import Executor
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.eager import Original
from engine.replay.paths import Path, Stats
from engine.replay.program.program import Program
from engine.replay.recording.record import record, with_numbers
from engine.replay.recording.tape import Tape
from engine.replay.rolling.roll import roll
from engine.replay.samples import Batch

__all__ = ["MakeExecutor", "agree", "new_path", "try_types"]

Array = Any
MakeExecutor = Callable[[Tape, Program, Sequence[int]], Executor]
MOST_CANDIDATES = 64  # samples from either end of a batch, among which some are looked for to compare
MOST_LANES = 32  # samples that are enough for code that was made for more
UNLIKE = 1e-6  # of 1 + the largest entry of a gradient: more is no rounding


def new_path(original: Original, batch: Batch, place: int, make_executor: MakeExecutor, wanted: str) -> Path:
    """The path that one sample of the batch takes, compared with eager on it and on others that take it too.

    `wanted` is what will be asked for first, "outputs" or "gradients". Raises what eager raises for these
    samples; ReplayError for what cannot be followed.
    """
    start = time.perf_counter()
    tape = _recorded(original, batch, place)
    recorded = time.perf_counter()
    program = roll(tape, gradient=tape.single)
    program.verify()
    rolled = time.perf_counter()
    executor = make_executor(tape, program, batch.widths)
    if not tape.guards:  # else only some of the samples go this way
        executor.prepare(wanted if tape.single else "outputs", len(batch))
    path = Path(
        original=original,
        tape=tape,
        program=program,
        executor=executor,
        guards=_executor_of(tape, _guard_places(tape), batch),
        checks=_executor_of(tape, tape.checks, batch),
        types={batch.whole},
        limits=tape.index_inputs(),
        stats=Stats(
            nodes=len(tape),
            instructions=len(program),
            paths=1,
            record_seconds=recorded - start,
            roll_seconds=rolled - recorded,
            compile_seconds=time.perf_counter() - rolled,
        ),
    )
    path.was_compared = _compare(path, batch, place, "" if tape.guards else wanted)
    return path


def try_types(path: Path, batch: Batch) -> bool:
    """Whether the path is good for data of these types, int or float, too: tried on samples, if not known.

    `type(x)` is a question that a tracer does not hear.
    """
    if batch.whole in path.types:
        return True
    if path.tape.asks_types:
        return False
    path.types.add(batch.whole)
    try:
        others = _others(path, batch, -1)
        if others:
            _compare(path, batch, others[0])
    except ReplayError:
        path.types.discard(batch.whole)
        return False
    except Exception:  # noqa: BLE001  (of a sample: it is met again when that is run)
        path.types.discard(batch.whole)
    return True


def _recorded(original: Original, batch: Batch, place: int) -> Tape:
    """The tape of one sample; raises what eager raises for it, else ReplayError."""
    try:
        return record(
            original.function,
            original.parameters,
            batch.sample(place),
            batch.weights,
            batch.count,
            batch.names,
        )
    except ReplayError:
        raise
    except Exception as error:
        original.results(batch, place)
        raise ReplayError(
            f"{original.name} raises {type(error).__name__} ({error}) when it is recorded, and nothing when "
            "it is run, on plain numbers or else on Values; replay cannot follow what it does there"
        ) from error


def _guard_places(tape: Tape) -> tuple[int, ...]:
    """The places of the guards; then of their computed operands, which show whether they have a value."""
    first = len(tape.leaves)
    guards = [place for place, _ in tape.guards]
    instructions = [tape.instructions[place - first] for place in guards if place >= first]
    operands = {operand for instruction in instructions for operand in instruction.operands}
    return (*guards, *sorted(operand for operand in operands if operand >= first))


def _executor_of(tape: Tape, places: tuple[int, ...], batch: Batch) -> Executor | None:
    """What computes the numbers at these places, if there are any."""
    return NumpyExecutor(roll(tape, places, gradient=False), batch.widths) if places else None


def _compare(path: Path, batch: Batch, place: int, made: str = "") -> bool:
    """Raise ReplayError when the function, run as it stands, does not do as the tape does.

    On the sample recorded, with its gradient, this finds what a tracer cannot answer as a number would:
    `type(x)` and `x is`. On others it finds what was frozen. Where code for "outputs" or "gradients" is
    `made`, it is asked first; if it disagrees, or cannot say, the tape decides, number by number. A wrong
    gradient by the code is refused although the tape is right: of later calls only the results are compared.
    Returns whether the code has agreed everywhere.
    """
    others = _others(path, batch, place)
    places = others if path.tape.single else [place, *others]
    with with_numbers(path.original.parameters, batch.weights):  # once, and not for each run
        agreed = not path.tape.single or _compare_gradient(path, batch, [place, *others], made)
        return _compare_results(path, batch, places, made) and agreed


def _compare_gradient(path: Path, batch: Batch, places: list[int], made: str) -> bool:
    try:
        loss, slopes = path.original.gradient(batch, places[0])
        found = _by_code(path, made, batch, places[:1]) if made == "gradients" else None
        if found and agree([loss, *slopes], np.append(found[0][:1], found[1])):
            _ensure_lanes_apart(path, batch, places, found[1])
            return True
        replayed, gradient = strict.gradients(path.tape, batch.weights.tolist(), batch.numbers(places[0]))
        _ensure_agree(path, [loss, *slopes], [replayed, *gradient], places[0])
        if found:
            _ensure_like(path, np.array(slopes), found[1])
    except NonFiniteError:
        pass  # of a gradient: who wants one will meet it
    return False


def _ensure_lanes_apart(path: Path, batch: Batch, places: list[int], first: Array) -> None:
    """ReplayError unless the gradient of different samples is the mean of theirs, the first one's given.

    Three that take turns are never in each other's place where lanes are moved by a power of two.
    """
    together = _by_code(path, "gradients", batch, places)
    alone = [first, *(found[1] for p in places[1:] if (found := _by_code(path, "gradients", batch, [p])))]
    if together and len(alone) == len(places):
        lanes = _lanes(batch)
        turns = np.bincount(np.resize(np.arange(len(places)), lanes), minlength=len(places))
        _ensure_like(path, turns @ np.array(alone) / lanes, together[1])


def _ensure_like(path: Path, wanted: Array, found: Array) -> None:
    """ReplayError where a gradient by the code that was made is another one, and not by its last digits."""
    with np.errstate(invalid="ignore", over="ignore"):
        wrong = abs(wanted - found) > UNLIKE * (1.0 + abs(wanted).max(initial=0.0))
    if wrong.any():
        place = int(wrong.argmax())
        raise ReplayError(
            f"{path.tape.name}, run by {path.executor.name}, has {found[place]} as a gradient where eager "
            f"has {wanted[place]}: a fault of replay itself; executor='strict' does without what was made"
        )


def _compare_results(path: Path, batch: Batch, places: list[int], made: str) -> bool:
    found = _by_code(path, made, batch, places)
    agreed = not places or found is not None
    for number, place in enumerate(places):
        eagerly = path.original.results(batch, place)
        if found and agree(eagerly, np.atleast_1d(found[0].T[number])):
            continue
        agreed = False
        try:
            numbers = strict.numbers(path.tape, batch.weights.tolist(), batch.numbers(place))
        except (DomainError, LookupError, TypeError):
            continue  # when its turn comes, it is run eagerly
        _ensure_agree(path, eagerly, [numbers[output] for output in path.tape.outputs], place)
    return agreed


def _by_code(path: Path, made: str, batch: Batch, places: list[int]) -> tuple[Array, Array] | None:
    """(the results of these samples, the mean of their gradients) by the code that was made for the batch.

    It runs as many samples as suit it, these again and again. None where there is no such code, where it is
    not as accurate, or cannot say.
    """
    executor = path.executor
    if not (made and places and executor.watches and executor.dtype == "float64"):
        return None
    taken = batch.take(np.resize(places, _lanes(batch)))
    given = path.with_held(batch.weights), taken.arrays, len(taken)
    try:
        if made == "outputs" or not path.tape.single:
            return executor.outputs(*given), batch.weights
        losses, gradient = executor.gradients(*given)
        return losses, gradient / len(taken)
    except FloatingPointError:
        return None


def _lanes(batch: Batch) -> int:
    """How many samples the code is tried with."""
    return min(len(batch), MOST_LANES)


def _others(path: Path, batch: Batch, place: int) -> list[int]:
    """Other samples that go this way: the first and the last."""
    count = len(batch)
    ends = {*range(min(count, MOST_CANDIDATES)), *range(max(0, count - MOST_CANDIDATES), count)}
    candidates = np.array(sorted(ends - {place}), dtype=int)
    if not candidates.size:
        return []
    taken = candidates[path.matches(batch.take(candidates))].tolist()
    return sorted({*taken[:1], *taken[-1:]})


def _ensure_agree(path: Path, eagerly: Sequence[float], replayed: Sequence[float], place: int) -> None:
    if agree(eagerly, replayed):
        return
    pairs = zip(eagerly, replayed, strict=False)
    one, other = next((pair for pair in pairs if not agree(*pair)), (eagerly[:3], replayed[:3]))
    raise ReplayError(
        f"{path.tape.name} gives {one} when it is run on sample {place}, and {other} when it is replayed: it "
        "depends on something besides its inputs and parameters (randomness, a counter, numbers read "
        "elsewhere), which should be an input; or it asks for `type(x)`, or whether `x is` something"
    )


def agree(eager: Any, replayed: Any, tolerance: float = 1e-9) -> bool:
    """Whether two numbers, or rows of as many, are the same but for rounding.

    nan and infinities are like themselves.

    >>> import math
    >>> agree(1.0, 1.0 + 1e-12), agree([1.0, 2.0], [1.0]), agree([1.0, math.nan], [1.0, math.nan])
    (True, False, True)
    """
    ours, theirs = np.asarray(eager), np.asarray(replayed)
    if ours.shape != theirs.shape:
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        near = abs(ours - theirs) <= tolerance * (1.0 + abs(ours))
    return bool((near | (ours == theirs) | ((ours != ours) & (theirs != theirs))).all())
