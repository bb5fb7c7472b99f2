"""A small network and samples to train it on."""

from __future__ import annotations

import random
from typing import Any

from nn import MLP, Module, fit
from nn.training.history import History


def noisy(count: int, seed: int = 0) -> tuple[list[list[float]], list[int]]:
    rng = random.Random(seed)
    return [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(count)], [
        rng.randrange(3) for _ in range(count)
    ]


def train(model: Module, inputs: Any, targets: Any = None, **told: Any) -> History:
    settings: dict[str, Any] = {"loss": "cross_entropy_with_logits", "epochs": 5, "progress": False}
    return fit(model, inputs, targets, **{**settings, **told})


def three() -> MLP:
    return MLP(2, [4, 3], activation="tanh", seed=0)


def repeated(members: list[Any], counts: list[int]) -> list[Any]:
    return [member for member, count in zip(members, counts, strict=True) for _ in range(count)]
