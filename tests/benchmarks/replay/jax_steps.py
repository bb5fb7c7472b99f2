"""JAX: jit of value_and_grad; its arrays are made once and stay, and it answers in the calling thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp

from .language import EPSILON, HEADS, SIZE
from .workload import Step, Workload

__all__ = ["jitted"]

Array = Any


def jitted(work: Workload, model: Callable[..., Any] | None = None) -> Step:
    """The step as XLA compiles it; `model` is one that is not among those below."""
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # handing it to a thread costs 20 to 30 µs
    both = jax.jit(jax.value_and_grad(model or MODELS[work.kind]))
    pieces = jax.tree.map(jnp.asarray, work.pieces())
    batch = [jnp.asarray(array) for array in work.batch]

    def step() -> tuple[Any, list[Any]]:
        loss, found = jax.block_until_ready(both(pieces, *batch))
        return loss, found

    return step


def _linear(x: Array, weights: Array, biases: Array) -> Array:
    return x @ weights.T + biases


def _network(layers: list[Any], x: Array) -> Array:
    for layer in layers[:-1]:
        x = jax.nn.relu(_linear(x, *layer))
    return _linear(x, *layers[-1])


def _hinge(layers: list[Any], x: Array, y: Array) -> Array:
    return jax.nn.relu(1.0 - y * _network(layers, x)[:, 0]).sum()


def _cross_entropy(layers: list[Any], x: Array, y: Array) -> Array:
    return _surprise(_network(layers, x), y).sum()


def _surprise(scores: Array, chosen: Array) -> Array:
    picked = jnp.take_along_axis(scores, chosen[..., None], -1)[..., 0]
    return jax.nn.logsumexp(scores, -1) - picked


def _language(pieces: list[Any], letters: Array, following: Array, shares: Array) -> Array:
    letter, place, before, inside, after, attention, output, wide, narrow, head = pieces
    documents, length = letters.shape
    width = SIZE // HEADS

    x = _norm(letter[letters] + place[:length], before)
    asked = _linear(_norm(x, inside), *attention).reshape(documents, length, 3, HEADS, width)
    query, key, value = asked.transpose(2, 0, 3, 1, 4)
    later = jnp.triu(jnp.full((length, length), -jnp.inf, x.dtype), 1)
    odds = jax.nn.softmax(query @ key.swapaxes(-1, -2) * width**-0.5 + later, -1)
    mixed = (odds @ value).transpose(0, 2, 1, 3).reshape(documents, length, SIZE)
    x = x + _linear(mixed, *output)
    x = x + _linear(jax.nn.relu(_linear(_norm(x, after), *wide)), *narrow)
    return (_surprise(_linear(x, *head), following) * shares).sum()


def _norm(x: Array, gains: Array) -> Array:
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPSILON) * gains


MODELS: dict[str, Callable[..., Array]] = {
    "hinge": _hinge,
    "cross-entropy": _cross_entropy,
    "language": _language,
}
