"""Epochs between which nobody looks are taken together: with the numbers of those taken one by one."""

from __future__ import annotations

from typing import Any

import pytest
from gears import GEARS, X, Y

from engine import Value
from nn import MLP, SGD, Adam, Module, TrainingError, fit
from nn.plan import Plan


def trained(gear: str, *, looks: bool, **how: Any) -> tuple[Any, ...]:
    model = MLP(2, [4, 1], activation="tanh", output="sigmoid", seed=0)
    settings: dict[str, Any] = {"loss": "binary_cross_entropy", "optimizer": Adam(0.05), "epochs": 33, **how}
    callbacks = [lambda _: None] if looks else []
    history = fit(model, X, Y, gear=gear, progress=False, callbacks=callbacks, **settings)
    return history.columns, history.ended, model.state(), [p.grad for p in model.parameters()]


@pytest.mark.parametrize("gear", GEARS)
@pytest.mark.parametrize(
    "how",
    [
        {"batch_size": 5},
        {"batch_size": None, "l2": 0.01},
        {"batch_size": 4},
        {"batch_size": 1, "shuffle": False, "optimizer": "rmsprop"},
    ],
    ids=["two batches", "one", "a smaller one", "ten"],
)
def test_no_bit_depends_on_whether_somebody_looks(gear: str, how: dict[str, Any]) -> None:
    assert trained(gear, looks=False, **how) == trained(gear, looks=True, **how)


class Times(Module):
    def __init__(self) -> None:
        self.weight = Value(1.0)

    def __call__(self, inputs: Any, /) -> Any:
        return self.weight * inputs[0]


@pytest.mark.parametrize("gear", GEARS)
@pytest.mark.parametrize("size", [1, 2])
def test_a_breakdown_is_told_in_its_epoch(gear: str, size: int) -> None:
    """The weight is 1e60 times as large after every step, and its square is too large at the fourth."""
    with pytest.raises(TrainingError, match=f"epoch {2 * size}: the loss is inf"):
        fit(
            Times(), [[1.0]] * 2, [0.0] * 2, loss=lambda out, _: out * out, optimizer=SGD(5e59), gear=gear,
            batch_size=size, progress=False,
        )  # fmt: skip


def test_after_control_c_rows_and_weights_are_of_the_same_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("nn.progress.Bar.stepped", interrupted)
        rows, ended, *numbers = trained("auto", looks=False, batch_size=5, epochs=90)
    count = len(rows["loss"])
    assert ended == f"interrupted in epoch {count + 1}"
    assert trained("auto", looks=False, batch_size=5, epochs=count)[2:] == tuple(numbers)


def test_the_bar_says_which_epoch_is_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def set_description(bar: Any, desc: str = "", **_: Any) -> None:
        said.append(desc.partition("/")[0])

    monkeypatch.setattr("nn.progress.tqdm.set_description", set_description)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fit(MLP(2, [1], seed=0), X, Y, loss="mean_squared_error", epochs=3, batch_size=5, gear="eager")
    assert list(dict.fromkeys(said)) == ["epoch 1", "epoch 2", "epoch 3"]


def test_so_many_epochs_go_together() -> None:
    plan = Plan(epochs=120, batch_size=32, shuffle=True, seed=0)
    assert plan.together(1, samples=32) == range(1, 101)
    assert plan.together(101, samples=32) == range(101, 121)
    assert plan.together(5, samples=33) == range(5, 6)  # its last batch is smaller
    assert plan.together(5, samples=64 * 100) == range(5, 6)
