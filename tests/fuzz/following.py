"""Following: whether replay of a random function does as eager over several calls, or says that it cannot.

The truth is eager, on plain numbers, sample by sample, with a copy of the function of its own; then the same
calls, with the same changes between them, are made of the compiled one.
"""

from __future__ import annotations

import gc
import random
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from engine import NonFiniteError, ReplayError, Value, no_grad
from engine.replay.compiled import compile  # noqa: A004

from .sources import Source, make_source

__all__ = ["EXECUTORS", "Verdict", "fuzz_sources", "verdict_of"]

FOLLOWED, REFUSED, RAISES = "followed", "refused", "raises as eager"
SILENT, FALSE_ALARM, LEFT_BEHIND = "SILENT", "FALSE ALARM", "LEFT BEHIND"
FAILURES = (SILENT, FALSE_ALARM, LEFT_BEHIND)
TOLERANCE = 1e-8
SETTLING = 5  # calls after which comparisons with eager become rare
EXECUTORS = ("numpy", "strict", *(["llvm"] if find_spec("llvmlite") else []))
Columns = tuple[list[Any], ...]


@dataclass(frozen=True)
class Verdict:
    """What became of one function in one executor, and of a failure all that is known."""

    kind: str
    words: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether replay was silently different, or refused what it must follow."""
        return self.kind in FAILURES


@dataclass(frozen=True)
class Truth:
    """Of one call: the losses and the gradient of their sum, or the kinds of error, and the weights."""

    turn: int
    columns: Columns
    weights: list[float]
    losses: list[float]
    gradient: list[float]
    errors: frozenset[type[Exception]]

    def is_met(self, found: Any) -> bool:
        """Whether these are the numbers."""
        pairs = zip(found, (self.losses, self.gradient), strict=True)
        return all(
            np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True) for one, other in pairs
        )


def truths(source: Source) -> Iterator[Truth]:
    """What eager gives, call by call; the parameters make a step after each turn."""
    loss, parameters, change = source.made()
    for turn, batches in enumerate(source.turns):
        if turn:
            change(turn)
        for number, columns in enumerate(batches):
            for _ in range(SETTLING if turn == number == 0 else 1):
                yield _eagerly(loss, parameters, turn, columns)
        _step(parameters)


def _step(parameters: Sequence[Value]) -> None:
    for parameter in parameters:
        parameter.data = round(parameter.data * 0.8 + 0.1, 6)


def _eagerly(loss: Any, parameters: Sequence[Value], turn: int, columns: Columns) -> Truth:
    losses, gradient, errors = [], [0.0] * len(parameters), set()
    for sample in zip(*columns, strict=True):
        for parameter in parameters:
            parameter.grad = None
        try:
            found = loss(*sample)
            found.backward()
        except Exception as error:  # noqa: BLE001  (whatever it is, replay must raise it too)
            errors.add(type(error))
            continue
        losses.append(found.data)
        gradient = [so_far + (p.grad or 0.0) for so_far, p in zip(gradient, parameters, strict=True)]
    for parameter in parameters:
        parameter.grad = None
    return Truth(turn, columns, [p.data for p in parameters], losses, gradient, frozenset(errors))


def verdict_of(source: Source, executor: str) -> Verdict:
    """What replay makes of a function, with this executor."""
    expected = list(truths(source))
    loss, parameters, change = source.made()
    program = compile(loss, parameters, executor)
    raised, turn = False, 0
    is_hidden = any(snippet.hidden for snippet in source.snippets)
    mode = no_grad if source.seed % 5 == 0 else nullcontext
    for number, truth in enumerate(expected):
        if truth.turn != turn:
            _step(parameters)
            turn = truth.turn
            change(turn)
            if is_hidden:
                program.recheck()
        if NonFiniteError in truth.errors:
            continue  # of a gradient that depends on data alone, perhaps: nobody promises which
        try:
            with mode():
                found = program.value_and_gradients(np.array(truth.weights), *_given(source, truth.columns))
        except ReplayError as error:
            return _of_refusal(source, loss, truth, error, is_first=number == 0)
        except Exception as error:  # noqa: BLE001
            if type(error) not in truth.errors:
                return Verdict(SILENT, f"call {number} raises {traceback.format_exc()}\neager has {truth}")
            raised = True
            continue
        if truth.errors or not truth.is_met(found):
            return Verdict(SILENT, f"call {number} gives {found}, eager {truth}")
    return Verdict(RAISES if raised else FOLLOWED)


def _given(source: Source, columns: Columns) -> list[Any]:
    return [np.array(column) for column in columns] if source.seed % 2 else list(columns)


def _of_refusal(source: Source, loss: Any, truth: Truth, error: Exception, *, is_first: bool) -> Verdict:
    """A refusal is right but for what must be followed; and it leaves the function's state as it was."""
    if source.is_honest:
        return Verdict(FALSE_ALARM, f"turn {truth.turn}: {error}")
    if is_first and truth.losses and not truth.errors and all(s.repeatable for s in source.snippets):
        now = loss(*next(zip(*truth.columns, strict=True))).data
        if abs(now - truth.losses[0]) > TOLERANCE:
            return Verdict(
                LEFT_BEHIND, f"after {error}\neager gives {now}, and gave {truth.losses[0]} before"
            )
    return Verdict(REFUSED)


def fuzz_sources(
    seeds: Sequence[int],
    until: float = float("inf"),
    *,
    honest: bool = False,
    executors: Sequence[str] = EXECUTORS,
) -> tuple[Counter[str], list[str]]:
    """(how often what came out, the failures in words): every seed, as long as the clock has not struck.

    Machine code, which takes longest to make, gets every eighth seed.
    """
    counts: Counter[str] = Counter()
    failures: list[str] = []
    with _undisturbed():
        for seed in seeds:
            if time.perf_counter() > until:
                break
            source = make_source(seed, honest=honest)
            for executor in executors:
                if executor == "llvm" and seed % 8:
                    continue
                verdict = verdict_of(source, executor)
                counts[verdict.kind] += 1
                if verdict.is_failure:
                    failures.append(f"seed {seed}, {executor}: {verdict.kind}: {verdict.words}\n{source}")
    return counts, failures


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Inside no warnings, of parameters that are not used and of doubts; the user's `random` is put back."""
    state = random.getstate()
    gc.freeze()  # each recording looks for generators among all objects: only ours are of interest
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        gc.unfreeze()
        random.setstate(state)
