"""A small network, points, and a short training."""

from typing import Any

from nn import MLP, Adam, History, data, fit

POINTS = data.moons(40, seed=0)


def small(seed: int = 0) -> MLP:
    return MLP(2, [4, 1], activation="tanh", output="sigmoid", seed=seed)


def train(model: Any, **settings: Any) -> History:
    chosen: dict[str, Any] = {
        "loss": "binary_cross_entropy",
        "optimizer": Adam(0.05),
        "epochs": 6,
        "batch_size": 16,
        "progress": False,
    }
    count = settings.pop("inputs", len(POINTS))
    return fit(model, POINTS.inputs[:count], POINTS.targets[:count], **{**chosen, **settings})
