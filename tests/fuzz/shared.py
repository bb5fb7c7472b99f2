"""Batches cut into segments and shared by threads, given as arrays, again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any

import numpy as np

from engine.replay.backends import segments
from engine.replay.compiled import compile  # noqa: A004

from .cases import Case

__all__ = ["wrong_when_shared"]

SAMPLES = 37  # several blocks of 8 lanes, the last one not full
THREADS = 3
TOLERANCE = 1e-10


def wrong_when_shared(case: Case, known: Sequence[tuple[Any, tuple[float, list[float]]]]) -> list[str]:
    """What is wrong, in words; `known` are samples and eager's losses and gradients of them."""
    alike = [pair for pair in known if _shape(pair[0]) == _shape(known[0][0])]
    if not alike or not case.samples[0]:
        return []
    samples, outcomes = zip(*islice(cycle(alike), SAMPLES), strict=True)
    columns = [np.array(column) for column in zip(*samples, strict=True)]
    weights = np.array([parameter.data for parameter in case.parameters])
    with _small_segments():
        found = list(_results(case, weights, columns))
    losses = np.array([loss for loss, _ in outcomes])
    slope = np.sum([gradient for _, gradient in outcomes], axis=0)
    words = []
    for loss, gradient in found[1:]:
        if not np.array_equal(loss, found[0][0]) or not np.array_equal(gradient, found[0][1]):
            words.append("shared: the second call has not the bits of the first")
    for name, each, expected in (("losses", found[0][0], losses), ("gradient", found[0][1], slope)):
        if np.isfinite(expected).all() and not _close(each, expected):
            words.append(f"shared: {name} {each} not {expected}")
    return words


def _results(case: Case, weights: Any, columns: list[Any]) -> Iterator[tuple[Any, Any]]:
    """The results of the same batch twice, after one of two samples, for which the code is made."""
    program = compile(case.function, case.parameters, "llvm-checked", threads=THREADS)
    program.value_and_gradients(weights, *(column[:2] for column in columns))
    for _ in range(2):
        yield program.value_and_gradients(weights, *columns)


def _close(found: Any, expected: Any) -> bool:
    return bool(abs(found - expected).max() <= TOLERANCE * max(1.0, abs(expected).max()))


def _shape(argument: Any) -> Any:
    return tuple(map(_shape, argument)) if isinstance(argument, list | tuple) else ()


@contextmanager
def _small_segments() -> Iterator[None]:
    before = segments.WORTHWHILE, segments.LEAST
    segments.WORTHWHILE = segments.LEAST = 1
    try:
        yield
    finally:
        segments.WORTHWHILE, segments.LEAST = before
