"""A small network trained in both gears, which must agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nn import MLP, Adam, Module, fit, losses

X = [[0.1 * i, 1 - 0.1 * i] for i in range(10)]
Y = [0, 1, 0, 1, 1, 0, 1, 0, 1, 1]
GEARS = ("eager", "auto")
cross_entropy = losses.binary_cross_entropy


def small() -> MLP:
    return MLP(2, [4, 1], activation="tanh", output="sigmoid", seed=0)


def trained(gear: str, make: Callable[[], Module] = small, **how: Any) -> tuple[Any, list[float]]:
    """(the history, the parameters at the end)."""
    model = make()
    settings = {"optimizer": Adam(0.05), "loss": "binary_cross_entropy", "epochs": 6, "batch_size": 4, **how}
    history = fit(model, X, Y, progress=False, gear=gear, **settings)
    return history, [parameter.data for parameter in model.named_parameters().values()]


def assert_gears_agree(describe: Callable[[], dict[str, Any]]) -> Any:
    """Both gears, each with fresh settings; returns the history of "auto"."""
    eager, eager_numbers = trained("eager", **describe())
    auto, auto_numbers = trained("auto", **describe())
    for name in eager:
        assert auto[name] == pytest.approx(eager[name], rel=1e-9, abs=1e-12), name
    assert auto_numbers == pytest.approx(eager_numbers, rel=1e-9, abs=1e-12)
    assert auto.ended == eager.ended
    assert not auto.doubts
    return auto


def at(number: int, do: Callable[[Any], object]) -> Callable[[Any], None]:
    def callback(epoch: Any) -> None:
        if epoch.number == number:
            do(epoch)

    return callback
