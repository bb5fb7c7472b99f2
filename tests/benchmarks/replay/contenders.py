"""Contenders: who takes part in a workload, and whether all have found the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from engine.replay.compiled import Compiled

from . import own_steps
from .workload import Array, Step, Workload, joined

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


@dataclass(frozen=True)
class Contender:
    """An engine's step, and the seconds from its model to its first result: compiling is in them."""

    name: str
    step: Step
    first_call: float
    bits: int = 64
    compiled: Compiled | None = None  # where it is replay


def contenders(work: Workload) -> Iterator[Contender]:
    """Replay first, then all others that are installed and have a step for this workload, in agreement."""
    ours = _replay(work, "auto")
    yield ours
    expected = ours.step()
    if installed("llvmlite"):
        yield _checked(_replay(work, "numpy"), expected)
    for name, package, room, function in PEERS:
        if not package or installed(package):
            make = getattr(import_module(f".{room}", __package__), function)
            contender = _made(name, partial(make, work))
            if contender:
                yield _checked(contender, expected)


def installed(package: str) -> str:
    """The version of a package; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _replay(work: Workload, executor: str) -> Contender:
    start = time.perf_counter()
    step, compiled = own_steps.replayed(work, executor)
    step()
    return Contender(f"replay, {compiled.executor}", step, time.perf_counter() - start, compiled=compiled)


def _made(name: str, make: Callable[[], Step | None], bits: int = 64) -> Contender | None:
    start = time.perf_counter()
    step = make()
    if step is None:
        return None
    step()
    return Contender(name, step, time.perf_counter() - start, bits)


def _checked(contender: Contender, expected: tuple[Any, list[Array]]) -> Contender:
    ensure_agreement(contender.name, contender.step(), expected)
    return contender


def ensure_agreement(
    name: str, found: tuple[Any, list[Array]], expected: tuple[Any, list[Array]], tolerance: float = 1e-9
) -> None:
    """AssertionError unless two losses are the same, and two gradients in relation to the largest part."""
    gradient, wanted = joined(found[1]), joined(expected[1])
    np.testing.assert_allclose(float(found[0]), float(expected[0]), rtol=tolerance, err_msg=name)
    np.testing.assert_allclose(gradient, wanted, rtol=0.0, atol=tolerance * abs(wanted).max(), err_msg=name)
