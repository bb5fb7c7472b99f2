"""Language: the GPT of the lesson, one layer of 16 numbers with 4 heads, on documents of equal length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from demos.gpt import CONTEXT, GPT, HEADS, LETTERS, SIZE, make_loss
from engine import Value

from .workload import Shapes, Workload

__all__ = ["CONTEXT", "EPSILON", "HEADS", "LETTERS", "SIZE", "language"]

SHAPES: Shapes = (
    (len(LETTERS), SIZE),
    (CONTEXT, SIZE),
    *[(SIZE,)] * 3,  # the gains of the norms
    (3 * SIZE, SIZE + 1),  # queries, keys and values: three layers of the model, one matrix for the others
    (SIZE, SIZE + 1),
    (4 * SIZE, SIZE + 1),
    (SIZE, 4 * SIZE + 1),
    (len(LETTERS), SIZE + 1),
)
EPSILON = GPT(0).norms[0].epsilon


def language(length: int, documents: int) -> Workload:
    """Letters, the letters that follow, and how much each place counts: (documents, length)."""
    draw = np.random.default_rng(length)
    letters, following = (draw.integers(0, len(LETTERS), (documents, length)) for _ in range(2))
    shares = np.full((documents, length), 1.0 / length)
    weights = np.array([parameter.data for parameter in GPT(0).parameters()])
    weights += draw.normal(0.0, 0.1, len(weights))
    title = f"GPT, {documents} document{'s' if documents > 1 else ''} of {length} letters"
    return Workload("language", title, SHAPES, 5, weights, (letters, following, shares), scalar_loss(weights))


def scalar_loss(weights: Any) -> Callable[[], tuple[Sequence[Value], Callable[..., Any]]]:
    """Writes the parameters and the loss of one document."""

    def write() -> tuple[Sequence[Value], Callable[..., Any]]:
        model = GPT(0)
        parameters = model.parameters()
        for parameter, number in zip(parameters, weights.tolist(), strict=True):
            parameter.data = number
        return parameters, make_loss(model)

    return write
