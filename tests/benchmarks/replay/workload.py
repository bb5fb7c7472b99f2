"""Workload: a function of single numbers, its weights, and a batch of samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine import Value

__all__ = ["Array", "Shapes", "Step", "Workload", "cut", "joined", "neurons"]

Array = Any
Step = Callable[[], tuple[Any, list[Any]]]  # (the sum of the losses, the gradient in pieces)
Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Workload:
    """What all engines compute: the sum of the losses of a batch, and its gradient by the weights.

    `write` gives the parameters and the loss of one sample as a learner writes it. The weights lie one after
    the other, in arrays of these `shapes`; from number `first_layer` on these are layers, and a row is a
    neuron: its weights, and at the end its bias. `kind` tells the engines which model it is.
    """

    kind: str
    title: str
    shapes: Shapes
    first_layer: int
    weights: Array
    batch: tuple[Array, ...]
    write: Callable[[], tuple[Sequence[Value], Callable[..., Any]]]

    @property
    def samples(self) -> int:
        """How many samples the batch has."""
        return len(self.batch[0])

    def in_float32(self) -> Workload:
        """The same, in numbers of 32 bits."""
        narrow = [array.astype(np.float32) if array.dtype == np.float64 else array for array in self.batch]
        return replace(self, weights=self.weights.astype(np.float32), batch=tuple(narrow))

    def pieces(self) -> list[Any]:
        """The weights as arrays, those of layers as pairs of a matrix and its biases."""
        arrays = list(cut(self.weights, self.shapes))
        layers = [(layer[:, :-1].copy(), layer[:, -1].copy()) for layer in arrays[self.first_layer :]]
        return [array.copy() for array in arrays[: self.first_layer]] + layers


def cut(weights: Array, shapes: Shapes) -> Iterator[Array]:
    """The arrays of these shapes that lie one after the other."""
    start = 0
    for shape in shapes:
        size = math.prod(shape)
        yield weights[start : start + size].reshape(shape)
        start += size


def neurons(weights: Sequence[Any], shapes: Shapes) -> list[list[tuple[list[Any], Any]]]:
    """For each layer of a network the (weights, bias) of its neurons, for engines without arrays."""
    places = cut(np.arange(len(weights)), shapes)
    return [
        [([weights[k] for k in row[:-1]], weights[row[-1]]) for row in layer.tolist()] for layer in places
    ]


def joined(pieces: Sequence[Any]) -> Array:
    """The pieces of a gradient as one array, in the order of the weights; a pair is a layer's."""
    flat = [np.hstack([p[0], np.asarray(p[1])[:, None]]) if isinstance(p, tuple) else p for p in pieces]
    return np.concatenate([np.asarray(piece).ravel() for piece in flat])
