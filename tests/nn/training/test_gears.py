"""Gears: fit takes the same steps replayed as node by node, and says which gear it was and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine import Value, dot
from nn import MLP, SGD, Adam, AdamW, Dropout, Layer, RMSProp, Sequential, data, fit
from nn.modules.module import Module
from nn.training.optimizers import Optimizer
from nn.training.stepping import Stepping


def trained(gear: str, epochs: int, **settings: Any) -> tuple[Any, MLP]:
    points = data.moons(40, seed=3)
    targets = [2 * target - 1 for target in points.targets]
    model = MLP(2, [6, 1], activation="tanh", seed=0)
    chosen = {"loss": "hinge", "optimizer": SGD(0.05), "batch_size": 16, "progress": False, **settings}
    return fit(model, points.inputs, targets, epochs=epochs, gear=gear, **chosen), model


def numbers(model: Module) -> list[float]:
    return [parameter.data for parameter in model.parameters()]


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: SGD(0.05),
        lambda: SGD(0.02, momentum=0.9, nesterov=True, clip_value=0.5),
        lambda: RMSProp(0.01, weight_decay=0.01),
        lambda: Adam(0.02, clip_norm=0.3),
        lambda: AdamW(0.02),
    ],
)
def test_both_gears_agree_after_a_hundred_epochs(optimizer: Callable[[], Optimizer]) -> None:
    eager, first = trained("eager", 100, optimizer=optimizer())
    replay, second = trained("replay", 100, optimizer=optimizer())
    assert numbers(second) == pytest.approx(numbers(first), rel=1e-9, abs=1e-9)
    assert replay["loss"] == pytest.approx(eager["loss"], rel=1e-9, abs=1e-9)
    assert (eager.gear, replay.gear[:6]) == ("eager", "replay")


@pytest.mark.parametrize(
    ("load", "sizes", "output", "loss", "scaled"),
    [
        (data.iris, [4, 3], "linear", "cross_entropy_with_logits", False),
        (data.iris, [4, 3], "softmax", "categorical_cross_entropy", False),
        (data.breast_cancer, [3, 1], "sigmoid", "binary_cross_entropy", False),
        (data.breast_cancer, [3, 1], "linear", "binary_cross_entropy_with_logits", False),
        (data.diabetes, [3, 1], "linear", "mean_squared_error", True),
        (data.diabetes, [3, 1], "linear", "mean_absolute_error", True),
        (data.diabetes, [3, 1], "linear", "huber", True),
        (data.digits, [4, 10], "linear", "cross_entropy_with_logits", False),
    ],
)
def test_both_gears_agree_on_the_data_of_the_demos(
    load: Any, sizes: list[int], output: Any, loss: str, scaled: bool
) -> None:
    pytest.importorskip("sklearn")
    (points,) = data.standardize(load())
    chosen = points.take(range(0, len(points), max(1, len(points) // 25)))
    targets = [target / 100.0 for target in chosen.targets] if scaled else chosen.targets
    found = []
    for gear in ("eager", "replay"):
        model = MLP(len(chosen.inputs[0]), sizes, activation="tanh", output=output, seed=1)
        history = fit(
            model,
            chosen.inputs,
            targets,
            loss=loss,
            optimizer=Adam(0.01),
            epochs=100,
            l2=1e-3,
            l1=1e-4,
            gear=gear,
            progress=False,
        )
        assert history.gear.startswith(gear)
        found.append((numbers(model), history["loss"]))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-9, abs=1e-9)
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-9, abs=1e-9)


def test_validation_metrics_gradients_and_optimizer_are_left_as_in_eager() -> None:
    more = {"metrics": ["accuracy"], "validation": 0.25, "loss": "hinge"}
    first, second = Adam(0.02), Adam(0.02)
    eager, one = trained("eager", 5, optimizer=first, **more)
    replay, other = trained("replay", 5, optimizer=second, **more)
    assert list(replay.columns) == list(eager.columns)
    for name, column in eager.columns.items():
        assert replay[name] == pytest.approx(column, rel=1e-9)
    slopes = [[parameter.grad for parameter in model.parameters()] for model in (one, other)]
    assert slopes[1] == pytest.approx(slopes[0], rel=1e-9, abs=1e-12)
    assert second.steps_done == first.steps_done
    for name, remembered in first.state()["memory"].items():
        assert second.state()["memory"][name] == pytest.approx(remembered, rel=1e-9, abs=1e-15)


def test_a_run_can_change_gear_in_the_middle(tmp_path: Any) -> None:
    whole, model = trained("eager", 6, optimizer=Adam(0.02))
    path = tmp_path / "run.json"
    trained("replay", 3, optimizer=Adam(0.02), checkpoint=path)
    resumed, other = trained("eager", 6, optimizer=Adam(0.02), checkpoint=path, resume=True)
    assert numbers(other) == pytest.approx(numbers(model), rel=1e-9)
    assert resumed["loss"] == pytest.approx(whole["loss"], rel=1e-9)


def test_frozen_layers_stay_as_they_are() -> None:
    found = []
    for gear in ("eager", "replay"):
        model = MLP(2, [4, 1], activation="tanh", seed=0)
        model.layers[0].freeze()
        before = [value.data for value in model.layers[0].named_parameters().values()]
        points = data.moons(20, seed=3)
        fit(
            model,
            points.inputs,
            points.targets,
            loss="mean_squared_error",
            epochs=5,
            gear=gear,
            progress=False,
        )
        assert [value.data for value in model.layers[0].named_parameters().values()] == before
        assert {value.grad for value in model.layers[0].named_parameters().values()} == {0.0}
        found.append(numbers(model))
    assert found[1] == pytest.approx(found[0], rel=1e-9)


def test_an_epoch_goes_once_through_all_samples_in_an_order_that_is_the_same_in_both_gears() -> None:
    seen: dict[str, list[list[int]]] = {}
    for gear in ("eager", "replay"):
        orders: list[list[int]] = []
        seen[gear] = orders
        with pytest.MonkeyPatch.context() as patch:

            def epoch(
                self: Stepping, order: Any, size: int, orders: Any = orders, whole: Any = Stepping.epoch
            ) -> Any:
                orders.append([int(place) for place in order])
                return whole(self, order, size)

            patch.setattr(Stepping, "epoch", epoch)
            trained(gear, 3)
    assert seen["eager"] == seen["replay"]
    assert all(sorted(order) == list(range(40)) for order in seen["eager"])
    assert len({tuple(order) for order in seen["eager"]}) == 3


class Branching(Module):
    """A model with a Python if, and one with a look at a number."""

    def __init__(self, *, leaks: bool) -> None:
        self.weights = [Value(0.5), Value(-0.5)]
        self.leaks = leaks

    def __call__(self, inputs: Any, /) -> Any:
        score = dot(self.weights, inputs)
        if self.leaks and float(score) > 0.0:
            return [score * 2.0]
        return [score * score if score > 0.2 else score]


def test_a_model_with_branches_is_replayed_too() -> None:
    points = data.moons(20, seed=3)
    found = []
    for gear in ("eager", "auto"):
        model = Branching(leaks=False)
        history = fit(model, points.inputs, points.targets, loss="huber", epochs=5, gear=gear, progress=False)
        found.append(numbers(model))
    assert history.gear.startswith("replay")
    assert found[1] == pytest.approx(found[0], rel=1e-9)


def test_what_cannot_be_recorded_runs_in_eager_and_says_why() -> None:
    points = data.moons(12, seed=3)
    history = fit(
        Branching(leaks=True), points.inputs, points.targets, loss="huber", epochs=1, progress=False
    )
    assert history.gear.startswith("eager: float() of a recorded value")
    dropped = Sequential(Layer(2, 3, "tanh", seed=0), Dropout(0.5, seed=0), Layer(3, 1, "linear", seed=1))
    history = fit(dropped, points.inputs, points.targets, loss="huber", epochs=1, progress=False)
    assert history.gear.startswith("replay")  # Dropout is no reason: its masks come in as data


def test_ctrl_c_keeps_the_steps_that_were_done() -> None:
    def stop(epoch: Any) -> None:
        if epoch.number == 3:
            raise KeyboardInterrupt

    history, model = trained("replay", 10, optimizer=Adam(0.02), callbacks=[stop])
    _, until_then = trained("eager", 3, optimizer=Adam(0.02))
    assert history.ended == "interrupted in epoch 4"
    assert numbers(model) == pytest.approx(numbers(until_then), rel=1e-9)


def test_an_unknown_gear_is_refused_before_anything_changes() -> None:
    with pytest.raises(ValueError, match="'auto', 'eager', 'replay'"):
        trained("turbo", 1)


@pytest.mark.parametrize(
    "loss", ["binary_cross_entropy", "binary_cross_entropy_with_logits", "hinge", "huber"]
)
def test_a_loss_of_two_classes_goes_one_way_and_so_runs_as_machine_code(loss: str) -> None:
    points = data.moons(12, seed=3)
    model = MLP(
        2, [3, 1], activation="tanh", output="sigmoid" if loss.endswith("entropy") else "linear", seed=0
    )
    targets = [2 * target - 1 for target in points.targets] if loss == "hinge" else points.targets
    history = fit(model, points.inputs, targets, loss=loss, epochs=1, progress=False)
    assert history.gear.startswith("replay (llvm): 1 path,")
