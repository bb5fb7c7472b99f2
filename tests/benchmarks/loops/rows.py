"""Rows: which loops of which sizes, and their bars: how many times as fast as jax.jit they are to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .functions import Loop, cell, cell_in_two_parts, integrator, lstm

__all__ = ["LOOPS", "NETWORKS", "READY", "Network", "Row"]

READY = 1.5  # seconds from the function to its first result, for every loop


@dataclass(frozen=True)
class Row:
    """A loop, its name on the command line, and its bar, where it has one."""

    name: str
    make: Callable[[], Loop]
    bar: float | None = None


LOOPS = (
    Row("rk4-100", partial(integrator, 100, 64), 10.0),
    Row("rk4-100-batch-1000", partial(integrator, 100, 1000), 4.0),
    Row("rk4-1000", partial(integrator, 1000, 64), 8.0),
    Row("rk4-3000", partial(integrator, 3000, 64)),
    Row("cell-8-60", partial(cell, 8, 60, 32), 5.0),
    Row("cell-8-300", partial(cell, 8, 300, 32), 5.0),
    Row("cell-8-60-two-parts", partial(cell_in_two_parts, 8, 60, 32)),
    Row("cell-32-60", partial(cell, 32, 60, 32), 2.0),
    Row("cell-64-20", partial(cell, 64, 20, 32), 1.5),
    Row("lstm-6-60", partial(lstm, 6, 60, 32)),
    Row("lstm-16-60", partial(lstm, 16, 60, 32)),
)


@dataclass(frozen=True)
class Network:
    """A network without a loop, to be ready soon too: its layers, a batch, and its bar in seconds."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    bar: float


NETWORKS = (
    Network("digits", (64, 64, 64, 10), 32, 0.25),
    Network("784-128-10", (784, 128, 10), 64, 1.5),
)
