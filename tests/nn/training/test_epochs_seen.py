"""What is seen of epochs in machine code: gradients that are left, parameters while a schedule runs."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from nn import MLP, SGD, Adam, data, fit
from nn.modules.module import Module
from nn.training.epochs import Epochs

POINTS = data.moons(41, seed=3)


def small() -> MLP:
    return MLP(2, [6, 1], activation="tanh", output="sigmoid", seed=0)


def trained(model: Module, gear: str, optimizer: Any, **settings: Any) -> None:
    told: dict[str, Any] = {"loss": "binary_cross_entropy", "batch_size": 8, "progress": False, **settings}
    fit(model, POINTS.inputs, POINTS.targets, gear=gear, optimizer=optimizer, **told)


def test_the_gradient_that_is_left_is_that_of_the_loss_with_its_penalties(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left, steps, ready = {}, [], Epochs.ready

    def watched(*given: Any) -> Any:
        steps.append(ready(*given))
        return steps[-1]

    monkeypatch.setattr(Epochs, "ready", watched)
    for gear in ("eager", "replay"):
        model = small()
        trained(model, gear, Adam(0.02, clip_norm=0.05), epochs=1, l1=0.01, l2=0.02)
        left[gear] = [parameter.grad for parameter in model.parameters()]
    assert len(steps) == 1
    assert steps[0] is not None
    assert left["replay"] == pytest.approx(left["eager"], rel=1e-9, abs=1e-14)


class Counting(SGD):
    """A rule that is no formula: it counts, once for each number."""

    calls = 0

    def rule(self, number: Any, gradient: Any, rate: float, *memory: Any) -> tuple[Any, ...]:
        self.calls += 1
        return super().rule(number, gradient, rate / (1 + self.calls % 7), *memory)


@pytest.mark.parametrize("kind", [SGD, Counting])
def test_a_schedule_that_looks_at_the_model_sees_it_as_it_is_before_each_step(kind: type[SGD]) -> None:
    found = []
    for gear in ("eager", "replay"):
        model, optimizer = small(), kind(0.1)

        def watching(step: int, model: Module = model) -> float:
            first = model.parameters()[0]
            return 0.1 / (1.0 + step + first.data**2 + (first.grad or 0.0) ** 2)

        optimizer.schedule = watching  # type: ignore[assignment]
        trained(model, gear, optimizer, epochs=2)
        found.append([parameter.data for parameter in model.parameters()])
    assert found[1] == pytest.approx(found[0], rel=1e-9)
