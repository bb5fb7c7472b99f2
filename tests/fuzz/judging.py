"""Every executor against eager: what is wrong, in words."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from engine import EngineError
from engine.replay.compiled import compile  # noqa: A004

from .cases import Case, make_case
from .float32 import wrong_in_float32
from .outcomes import eager
from .shared import wrong_when_shared

__all__ = ["disagreements", "fuzz"]

EXECUTORS = ("numpy", "strict", *(["llvm-checked", "shared", "float32"] if find_spec("llvmlite") else []))
TOLERANCE = 1e-10


def disagreements(case: Case, executors: Sequence[str] = EXECUTORS) -> list[str]:
    """What is wrong with replay on this case, in words."""
    expected = [eager(case, sample) for sample in case.samples]
    good = [sample for sample, found in zip(case.samples, expected, strict=True) if isinstance(found, tuple)]
    known = [found for found in expected if isinstance(found, tuple)]
    found: list[str] = []
    for executor in executors:
        if executor == "float32":
            found += wrong_in_float32(case)
            continue
        if executor == "shared":
            found += wrong_when_shared(case, list(zip(good, known, strict=True)))
            continue
        program = compile(case.function, case.parameters, executor)
        if good:
            found += wrong_results(program, executor, good, known)
        for sample, outcome in zip(case.samples, expected, strict=True):
            if isinstance(outcome, type):
                found += wrong_refusals(program, executor, sample, outcome)
    return found


def run(program: Any, samples: Sequence[tuple[Any, ...]]) -> Any:
    weights = [parameter.data for parameter in program.parameters]
    return program.value_and_gradients(weights, *map(list, zip(*samples, strict=True)))


def wrong_results(
    program: Any, executor: str, samples: list[Any], known: Sequence[tuple[float, list[float]]]
) -> list[str]:
    """Whether the program agrees with eager: on all samples, on the first alone, and again."""
    found = []
    for count in (len(samples), 1, len(samples)):
        losses, gradient = run(program, samples[:count])
        wanted = np.array([loss for loss, _ in known[:count]])
        slope = np.zeros(len(program.parameters))
        for _, part in known[:count]:
            slope += part
        if executor == "strict" and count == 1:
            same = losses[0] == wanted[0] and (gradient == slope).all()
        else:
            same = close(losses, wanted) and close(gradient, slope)
        if not same:
            found.append(
                f"{executor}, {count} samples: loss {losses} not {wanted}, gradient {gradient} not {slope}"
            )
    return found


def close(found: Any, wanted: Any) -> bool:
    if np.isinf(wanted).any():
        return bool(np.array_equal(np.isinf(found), np.isinf(wanted)))
    return bool(abs(found - wanted).max() <= TOLERANCE * max(1.0, abs(wanted).max()))


def wrong_refusals(program: Any, executor: str, sample: Any, outcome: type[Exception]) -> list[str]:
    try:
        result = run(program, [sample])
    except (EngineError, IndexError) as error:
        return (
            []
            if isinstance(error, outcome)
            else [f"{executor}: {error!r} where eager raises {outcome.__name__}"]
        )
    return [f"{executor}: {result} where eager raises {outcome.__name__}"]


def fuzz(
    seeds: Sequence[int], until: float = math.inf, executors: Sequence[str] = EXECUTORS
) -> tuple[int, list[str]]:
    """(how many cases were tried, what was wrong): every seed, as long as the clock has not struck."""
    count, found = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # parameters that are not used are on purpose
        for seed in seeds:
            if time.perf_counter() > until:
                break
            case = make_case(seed)
            try:
                found += [f"seed {seed}, {case.name}: {words}" for words in disagreements(case, executors)]
            except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
                found.append(f"seed {seed}, {case.name}: {error!r}")
            count += 1
    return count, found
