"""This engine: replay by each of its executors, and eager."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from engine import compile  # noqa: A004
from engine.replay.compiled import Compiled
from engine.replay.program.program import Program

from .workload import Step, Workload

__all__ = ["eager", "get_over_the_first", "program_of", "replayed"]

EARLY = 5  # calls in which a sample is compared with eager
MOST_GRAPHS = 100  # samples of a batch for a gear that makes a graph for each


def replayed(
    work: Workload, executor: str = "auto", dtype: str = "float64", threads: int | None = 1
) -> tuple[Step, Compiled]:
    """The step, after its first call, and what was compiled."""
    parameters, loss = work.write()
    compiled = compile(loss, parameters, executor, dtype, threads)

    def step() -> tuple[Any, list[Any]]:
        losses, gradient = compiled.value_and_gradients(work.weights, *work.batch)
        return losses.sum(), [gradient]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # short documents leave places unused
        step()
    return step, compiled


def get_over_the_first(step: Step) -> None:
    """Make those calls that take longer than all others, because a sample is compared with eager."""
    for _ in range(EARLY):
        step()


def program_of(compiled: Compiled) -> Program:
    """The one program of a function that has been called with samples of one shape."""
    [[path]] = compiled._paths.values()
    return path.program


def eager(work: Workload) -> Step | None:
    """One graph per sample, of Values; only for batches that end in finite time."""
    if work.samples > MOST_GRAPHS:
        return None
    parameters, loss = work.write()
    samples = list(zip(*(array.tolist() for array in work.batch), strict=True))

    def step() -> tuple[Any, list[Any]]:
        for parameter in parameters:
            parameter.grad = None
        whole = 0.0
        for sample in samples:
            found = loss(*sample)
            found.backward()
            whole += found.data
        return whole, [np.array([parameter.grad or 0.0 for parameter in parameters])]

    return step
