"""PyTorch: its tensors are made once and stay; of several ways to write a model, the quickest we know."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from .language import EPSILON, HEADS, SIZE
from .workload import Step, Workload

__all__ = ["compiled", "eager"]

Tensor = Any


def eager(work: Workload) -> Step:
    """Operation by operation, as everybody runs it."""
    return _step(work, MODELS[work.kind])


def compiled(work: Workload) -> Step | None:
    """Through torch.compile, which needs a C++ compiler; a warning and None where that does not work."""
    step = _step(work, torch.compile(MODELS[work.kind], dynamic=False))
    try:
        step()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        warnings.warn(f"torch.compile does not work here: {reason}", UserWarning, stacklevel=2)
        return None
    return step


def _step(work: Workload, model: Callable[..., Tensor]) -> Step:
    torch.set_num_threads(1)
    pieces = [
        tuple(_leaf(part) for part in piece) if isinstance(piece, tuple) else _leaf(piece)
        for piece in work.pieces()
    ]
    leaves = [leaf for piece in pieces for leaf in (piece if isinstance(piece, tuple) else (piece,))]
    batch = [torch.from_numpy(array) for array in work.batch]

    def step() -> tuple[Any, list[Any]]:
        loss = model(pieces, *batch)
        found = iter(torch.autograd.grad(loss, leaves))
        return loss.item(), [
            (next(found), next(found)) if isinstance(piece, tuple) else next(found) for piece in pieces
        ]

    return step


def _leaf(array: Any) -> Tensor:
    return torch.from_numpy(array).requires_grad_()


def _network(layers: list[Any], x: Tensor) -> Tensor:
    for weights, biases in layers[:-1]:
        x = torch.relu(functional.linear(x, weights, biases))
    return functional.linear(x, *layers[-1])


def _hinge(layers: list[Any], x: Tensor, y: Tensor) -> Tensor:
    return torch.relu(1.0 - y * _network(layers, x)[:, 0]).sum()


def _cross_entropy(layers: list[Any], x: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(_network(layers, x), y, reduction="sum")


def _language(pieces: list[Any], letters: Tensor, following: Tensor, shares: Tensor) -> Tensor:
    letter, place, before, inside, after, attention, output, wide, narrow, head = pieces
    documents, length = letters.shape
    linear = functional.linear

    x = _norm(functional.embedding(letters, letter) + place[:length], before)
    asked = linear(_norm(x, inside), *attention).view(documents, length, 3, HEADS, SIZE // HEADS)
    query, key, value = asked.permute(2, 0, 3, 1, 4).unbind()
    mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    x = x + linear(mixed.transpose(1, 2).reshape(documents, length, SIZE), *output)
    x = x + linear(torch.relu(linear(_norm(x, after), *wide)), *narrow)
    scores = linear(x, *head).flatten(0, 1)
    surprises = functional.cross_entropy(scores, following.flatten(), reduction="none")
    return (surprises * shares.flatten()).sum()


def _norm(x: Tensor, gains: Tensor) -> Tensor:
    return functional.rms_norm(x, (SIZE,), gains, EPSILON)


MODELS: dict[str, Callable[..., Tensor]] = {
    "hinge": _hinge,
    "cross-entropy": _cross_entropy,
    "language": _language,
}
