"""The fuzzer's judge of float32: as far from eager as its roundings allow, and refusing what eager refuses.

What a rounding may decide (which side of a kink a number is on, whether it is inside a domain) is run, for
the addresses, but its results are not judged: nobody can say what they should be.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine import EngineError, ReplayError
from engine.replay.compiled import Compiled, compile  # noqa: A004
from engine.replay.recording.record import record

from .cases import Case
from .outcomes import Outcome, Sample, eager, eager_at
from .roundings import Bounds, U, bounds

__all__ = ["wrong_in_float32"]

LARGEST = float(np.finfo(np.float32).max)
MOST = 17  # samples of a case that are judged: a vector full, and one more


def wrong_in_float32(case: Case) -> list[str]:
    """What is wrong, in words; nothing where a program is refused in float32."""
    program = compile(case.function, case.parameters, "llvm-checked", "float32")
    try:
        return _wrong(program, case)
    except ReplayError as error:
        return [] if "cannot be run in float32" in str(error) else [f"float32: {error!r}"]


def _wrong(program: Compiled, case: Case) -> list[str]:
    samples = case.samples
    draw = random.Random(len(samples))
    count = len(program.parameters)
    directions = [[draw.choice((-1.0, 1.0)) for _ in range(count)]]
    directions += [[float(k == j) for k in range(count)] for j in draw.sample(range(count), min(count, 2))]
    judged: list[tuple[Sample, tuple[float, list[float]], Bounds]] = []
    found: list[str] = []
    for sample in samples:
        outcome = eager(case, sample)
        bound = _bounds(program, sample, outcome, directions) if len(judged) < MOST else None
        if isinstance(outcome, tuple) and bound is not None:
            judged.append((sample, outcome, bound))
        else:
            result = _outcome(program, [sample])
            if isinstance(outcome, type) and not isinstance(result, outcome):
                marginal = any(
                    eager_at(case, *near) is not outcome for near in _nearby(program, sample, draw)
                )
                found += [] if marginal else [f"float32: {result!r} where eager raises {outcome.__name__}"]
    for number in (len(judged), 1, len(judged)) if judged else ():
        found += _too_far(program, judged[:number], directions)
    return found


def _weights(program: Compiled) -> list[float]:
    return [parameter.data for parameter in program.parameters]


def _outcome(program: Compiled, samples: Sequence[Sample]) -> Any:
    """(losses, gradient), or the error."""
    try:
        return program.value_and_gradients(_weights(program), *map(list, zip(*samples, strict=True)))
    except ReplayError:
        raise
    except (EngineError, IndexError) as error:
        return error


def _bounds(
    program: Compiled, sample: Sample, outcome: Outcome, directions: Sequence[Sequence[float]]
) -> Bounds | None:
    """How far the results of a sample may be off; None where that cannot be said."""
    if not isinstance(outcome, tuple) or max(map(abs, (outcome[0], *outcome[1]))) > LARGEST:
        return None
    tape = record(program.function, program.parameters, sample)
    try:
        return bounds(tape, _weights(program), list(_flat(sample)), directions)
    except (EngineError, ArithmeticError):  # the gradient's own graph overflows, or leaves a domain
        return None


def _flat(sample: Any) -> Iterator[float]:
    for entry in sample:
        if isinstance(entry, (list, tuple)):
            yield from _flat(entry)
        else:
            yield entry


def _too_far(
    program: Compiled,
    judged: Sequence[tuple[Sample, tuple[float, list[float]], Bounds]],
    directions: Sequence[Sequence[float]],
) -> list[str]:
    """Which results are farther from eager's than roundings explain."""
    result = _outcome(program, [sample for sample, _, _ in judged])
    if isinstance(result, Exception):
        return [f"float32, {len(judged)} samples: {result!r}"]
    losses, gradient = result
    if losses.dtype != np.float32 or gradient.dtype != np.float32:
        return [f"float32: {losses.dtype} and {gradient.dtype}"]
    found = []
    for place, (_, (loss, _), bound) in enumerate(judged):
        if not abs(float(losses[place]) - loss) <= bound.loss:
            found.append(f"float32, loss {losses[place]} not {loss}, at most {bound.loss} off")
    wanted = np.sum([slope for _, (_, slope), _ in judged], axis=0)
    for k, direction in enumerate(directions):
        off = float(np.dot(direction, gradient - wanted))
        summed = 2.0 * len(judged) * U * sum(bound.sizes[k] for _, _, bound in judged)
        limit = summed + sum(bound.gradient[k] for _, _, bound in judged)
        if not abs(off) <= limit:
            found.append(f"float32, {len(judged)} samples, gradient {off} off along {k}, limit {limit}")
    return found


def _nearby(program: Compiled, sample: Sample, draw: random.Random) -> Iterator[tuple[list[float], Sample]]:
    """Points a few roundings away."""

    def nudged(entry: Any) -> Any:
        if isinstance(entry, (list, tuple)):
            return [nudged(one) for one in entry]
        return entry if isinstance(entry, int) else entry * (1.0 + draw.uniform(-4.0, 4.0) * U)

    for _ in range(16):
        yield [nudged(number) for number in _weights(program)], tuple(nudged(sample))
