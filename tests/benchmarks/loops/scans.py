"""JAX: the same functions with lax.scan over time and arrays over samples, as one writes them by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import numpy as jnp

from ..replay import jax_steps
from ..replay.workload import Step
from .functions import STEP, Loop

__all__ = ["jitted"]

Array = Any


def jitted(work: Loop) -> Step:
    """The step as XLA compiles it."""
    return jax_steps.jitted(work, partial(MODELS[work.kind], work.steps))


def _integrator(steps: int, pieces: list[Any], begin: Array, end: Array) -> Array:
    born, eaten, fed, dying = pieces[0]

    def slopes(x: Array, y: Array) -> tuple[Array, Array]:
        meetings = x * y
        return born * x - eaten * meetings, fed * meetings - dying * y

    def step(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        x, y = state
        a, b = slopes(x, y)
        c, d = slopes(x + STEP / 2 * a, y + STEP / 2 * b)
        e, f = slopes(x + STEP / 2 * c, y + STEP / 2 * d)
        g, h = slopes(x + STEP * e, y + STEP * f)
        return (x + STEP / 6 * (a + 2 * c + 2 * e + g), y + STEP / 6 * (b + 2 * d + 2 * f + h)), None

    (x, y), _ = jax.lax.scan(step, (begin[:, 0], begin[:, 1]), None, steps)
    return ((x - end[:, 0]) ** 2 + (y - end[:, 1]) ** 2).sum()


def _cell(_: int, layers: list[Any], xs: Array, y: Array) -> Array:
    (weights, biases), readout = layers
    return _unrolled(weights[:, 0], weights[:, 1:], biases, readout, xs, y)


def _cell_in_two_parts(_: int, pieces: list[Any], xs: Array, y: Array) -> Array:
    of_x, of_h, biases, last = pieces
    return _unrolled(of_x[:, 0], of_h, biases[:, 0], (last[:, :-1], last[:, -1]), xs, y)


def _unrolled(of_x: Array, of_h: Array, biases: Array, readout: Any, xs: Array, y: Array) -> Array:
    def step(h: Array, x: Array) -> tuple[Array, None]:
        return jnp.tanh(x[:, None] * of_x + h @ of_h.T + biases), None

    h, _ = jax.lax.scan(step, jnp.zeros((len(y), len(biases))), xs.T)
    return _error(readout, h, y)


def _lstm(_: int, layers: list[Any], xs: Array, y: Array) -> Array:
    *gates, readout = layers
    weights, biases = (jnp.concatenate(parts) for parts in zip(*gates, strict=True))

    def step(state: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], None]:
        h, c = state
        sums = x[:, None] * weights[:, 0] + h @ weights[:, 1:].T + biases
        enter, keep, show, new = jnp.split(sums, 4, axis=1)
        c = jax.nn.sigmoid(keep) * c + jax.nn.sigmoid(enter) * jnp.tanh(new)
        return (jax.nn.sigmoid(show) * jnp.tanh(c), c), None

    zeros = jnp.zeros((len(y), len(biases) // 4))
    (h, _), _ = jax.lax.scan(step, (zeros, zeros), xs.T)
    return _error(readout, h, y)


def _error(readout: Any, h: Array, y: Array) -> Array:
    weights, shift = readout
    return (((h @ weights.T + shift)[:, 0] - y) ** 2).sum()


MODELS: dict[str, Callable[..., Array]] = {
    "integrator": _integrator,
    "cell": _cell,
    "cell in two parts": _cell_in_two_parts,
    "lstm": _lstm,
}
