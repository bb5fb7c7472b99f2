"""Contenders: who takes part in a workload, and whether all have found the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from engine.replay.compiled import Compiled

from . import cores, own_steps
from .workload import Step, Workload, joined

__all__ = ["PACKAGES", "Contender", "contenders", "ensure_agreement", "installed"]

PACKAGES = ("numpy", "llvmlite", "torch", "jax", "ddx-ad", "micrograd")
PEERS = (  # (name, the package that it needs, room, function)
    ("torch", "torch", "torch_steps", "eager"),
    ("torch.compile", "torch", "torch_steps", "compiled"),
    ("jax.jit", "jax", "jax_steps", "jitted"),
    ("ddx-ad", "ddx-ad", "scalar_steps", "ddx"),
    ("micrograd", "micrograd", "scalar_steps", "micrograd"),
    ("eager", "", "own_steps", "eager"),
)
NARROW = ("torch", "jax.jit")  # who is tried in float32 too
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}  # of the loss, and of the largest part of the gradient
DIVIDED = 1e-3  # seconds of a step from which on replay divides a batch among cores
Result = tuple[Any, list[Any]]


@dataclass(frozen=True)
class Contender:
    """An engine's step, and the seconds from its model to its first result: compiling is in them."""

    name: str
    dtype: str
    step: Step
    first_call: float
    compiled: Compiled | None = None  # where it is replay
    cores: int = 1

    @property
    def title(self) -> str:
        """Its name, with the type of its numbers where that is not float64."""
        return self.name if self.dtype == "float64" else f"{self.name}, {self.dtype}"


def contenders(work: Workload) -> Iterator[Contender]:
    """Replay first, then all others that are installed and have a step for this workload, in agreement."""
    ours = _replay(work, "auto")
    yield ours
    expected = ours.step()
    has_machine_code = bool(installed("llvmlite"))
    if has_machine_code:
        yield _checked(_replay(work, "numpy"), expected)
    yield from _peers(work, "float64", expected)
    if has_machine_code:
        yield _checked(_replay(work, "auto", "float32"), expected)
    yield from _peers(work.in_float32(), "float32", expected)
    if has_machine_code and len(cores.ALL) > 1 and _seconds(ours.step) >= DIVIDED:
        yield _checked(_on_all_cores(work), expected)


def installed(package: str) -> str:
    """The version of a package; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _replay(work: Workload, executor: str, dtype: str = "float64", threads: int | None = 1) -> Contender:
    start = time.perf_counter()
    step, compiled = own_steps.replayed(work, executor, dtype, threads)
    seconds = time.perf_counter() - start
    return Contender(f"replay, {compiled.executor}", dtype, step, seconds, compiled)


def _on_all_cores(work: Workload) -> Contender:
    with cores.all_cores():
        replay = _replay(work, "auto", threads=None)

    def step() -> Result:
        with cores.all_cores():
            return replay.step()

    count = len(cores.ALL)
    return replace(replay, name=f"{replay.name}, all {count} cores", step=step, cores=count)


def _seconds(step: Step) -> float:
    """The shortest of a few calls."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def _peers(work: Workload, dtype: str, expected: Result) -> Iterator[Contender]:
    for name, package, room, function in PEERS:
        if (package and not installed(package)) or (dtype == "float32" and name not in NARROW):
            continue
        make: Callable[[Workload], Step | None] = getattr(import_module(f".{room}", __package__), function)
        start = time.perf_counter()
        step = make(work)
        if step is None:
            continue
        found = step()
        contender = Contender(name, dtype, step, time.perf_counter() - start)
        ensure_agreement(contender.title, found, expected, TOLERANCE[dtype])
        yield contender


def _checked(contender: Contender, expected: Result) -> Contender:
    ensure_agreement(contender.title, contender.step(), expected, TOLERANCE[contender.dtype])
    return contender


def ensure_agreement(name: str, found: Result, expected: Result, tolerance: float = 1e-9) -> None:
    """AssertionError unless two losses are the same, and two gradients in relation to the largest part."""
    gradient, wanted = joined(found[1]), joined(expected[1])
    np.testing.assert_allclose(float(found[0]), float(expected[0]), rtol=tolerance, err_msg=name)
    np.testing.assert_allclose(gradient, wanted, rtol=0.0, atol=tolerance * abs(wanted).max(), err_msg=name)
