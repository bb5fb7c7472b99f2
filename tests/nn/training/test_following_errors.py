"""Errors while training stay what they are, and a trial that is refused leaves nothing behind."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from gears import GEARS, X, Y, assert_gears_agree, at, cross_entropy, small, trained

from engine import DomainError, ReplayError, Value, log, sqrt
from nn import SGD, Module, TrainingError, fit

# ── Errors stay what they are ─────────────────────────────────────────────────────────────────────


def test_a_callback_may_return_anything() -> None:
    for answer in ([1.0], array("d", [1.0]), "no", 0, None):
        history, _ = trained("auto", callbacks=[lambda _, answer=answer: answer], epochs=2)
        assert history.ended == "all 2 epochs done"
    assert len(trained("auto", callbacks=[lambda epoch: epoch.number == 1])[0]) == 1


class OwnError(Exception):
    pass


@pytest.mark.parametrize("gear", GEARS)
@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("mine"), DomainError("mine", "log", [0.0]), ReplayError("mine"), OwnError("mine")],
)
def test_an_error_of_a_callback_stays_what_it_is(gear: str, error: Exception) -> None:
    def callback(_: Any) -> None:
        raise error

    with pytest.raises(type(error), match="mine") as raised:
        trained(gear, callbacks=[callback])
    assert raised.value is error


class Times(Module):
    """One weight, which is 1."""

    def __init__(self) -> None:
        self.weight = Value(1.0)

    def __call__(self, inputs: Any, /) -> Any:
        return self.weight * inputs[0]


@pytest.mark.parametrize(
    ("loss", "targets", "settings"),
    [
        (lambda out, y: out * 1.5e308, [0.0, 0.0], {}),
        (lambda out, y: out * y - y, [1.5e308] * 3, {}),  # the mean of the gradients is finite
        (lambda out, y: out * y - y, [1.5e308] * 3 + [-1.5e308] * 3, {"batch_size": 3}),
        (lambda out, y: (out * y - y) * 2.0, [1.2e308] * 4, {"optimizer": SGD(0.1, clip_norm=1.0)}),
        (lambda out, y: log(out * y[0]) + sqrt(out * y[1]), [[1.0, 0.0], [1.0, 1.0], [-1.0, 1.0]], {}),
        (lambda out, y: sqrt(out * y), [1.0, 1.0, 0.0], {"batch_size": 1}),
    ],
    ids=["sum of losses", "of gradients", "two batches", "clipped", "the first error", "later"],
)
def test_beyond_the_range_of_floats_both_gears_go_as_far_and_say_the_same(
    loss: Any, targets: Any, settings: dict[str, Any]
) -> None:
    found = []
    for gear in GEARS:
        model = Times()
        chosen: dict[str, Any] = {"optimizer": SGD(1e-300), "epochs": 2, **settings}
        try:
            said = fit(model, [[1.0]] * len(targets), targets, loss=loss, gear=gear, progress=False, **chosen)
        except TrainingError as error:
            said = error  # type: ignore[assignment]
        found.append(f"{said}, {model.weight.data!r}, {model.weight.grad!r}")
    assert found[0] == found[1]


@pytest.mark.parametrize("gear", GEARS)
def test_control_c_in_a_callback_ends_training(gear: str) -> None:
    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    history, _ = trained(gear, callbacks=[at(2, interrupt)])
    assert history.ended.startswith("interrupted")
    assert len(history) == 2


def test_control_c_while_code_is_made_ends_training_as_at_any_other_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.replay.comparison.roll", interrupted)
    model = small()
    before = model.state()
    history = fit(model, X, Y, loss="binary_cross_entropy", progress=False)
    assert history.ended == "interrupted in epoch 1"
    assert model.state() == before
    assert not model.training


@pytest.mark.filterwarnings("ignore:.*past the graph", "ignore:.*does not use")
@pytest.mark.parametrize("gear", ["eager", "auto", "replay"])
@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (lambda p, t: -(t * math.log(p[0]) + (1 - t) * math.log(1 - p[0])), TypeError),
        (lambda p, t: (float(p[0]) - t) ** 2, TypeError),
        (lambda p, t: Value((p[0].data - t) ** 2), ValueError),
        (lambda p, t: Value(1.0), ValueError),
        (lambda p, t: Value(0.5) * t, ValueError),
    ],
)
def test_a_loss_cut_off_from_the_graph_is_an_error_before_the_first_step(
    gear: str, loss: Any, kind: type[Exception]
) -> None:
    model = small()
    before = model.state()
    with pytest.raises((kind, ReplayError) if gear == "replay" else kind):
        fit(model, X, Y, loss=loss, epochs=3, progress=False, gear=gear)
    assert model.state() == before


@pytest.mark.parametrize("gear", GEARS)
def test_a_loss_that_ignores_some_samples_is_no_such_loss(gear: str) -> None:
    def masked(p: Any, t: Any) -> Any:
        return cross_entropy(p, t) if t > 0 else Value(0.0)

    history, _ = trained(gear, loss=masked, batch_size=1, shuffle=False)
    assert history["loss"][-1] < history["loss"][0]


# ── A trial that is refused leaves nothing behind ─────────────────────────────────────────────────


def noisy() -> dict[str, Any]:
    generator = random.Random(3)
    return {"loss": lambda p, t: cross_entropy(p, t) * (1.0 + 0.1 * generator.random())}


def noisy_globally() -> dict[str, Any]:
    random.seed(5)
    return {"loss": lambda p, t: cross_entropy(p, t) * (1.0 + 0.1 * random.random())}


def counting() -> dict[str, Any]:
    calls = [0]

    def loss(p: Any, t: Any) -> Any:
        calls[0] += 1
        return cross_entropy(p, t) * (1.0 + 1.0 / calls[0])

    return {"loss": loss}


def keeping_a_mean() -> dict[str, Any]:
    state = {"mean": 0.0}

    def loss(p: Any, t: Any) -> Any:
        state["mean"] = 0.9 * state["mean"] + 0.1 * t
        return cross_entropy(p, t) * (1.0 + state["mean"])

    return {"loss": loss}


def reading_a_gradient() -> dict[str, Any]:
    kept: dict[str, Any] = {}

    def make() -> Module:
        kept["model"] = small()
        return kept["model"]  # type: ignore[no-any-return]

    def loss(p: Any, t: Any) -> Any:
        bias = kept["model"].layers[0].neurons[0].bias
        return cross_entropy(p, t) * (1.0 + abs(bias.grad or 0.0))

    return {"make": make, "loss": loss}


@pytest.mark.parametrize("describe", [noisy, noisy_globally, counting, keeping_a_mean, reading_a_gradient])
def test_what_cannot_be_replayed_is_as_if_nobody_had_tried(describe: Callable[[], dict[str, Any]]) -> None:
    state = random.getstate()
    try:
        history = assert_gears_agree(describe)
    finally:
        random.setstate(state)
    assert history.gear.startswith("eager: ")
    with pytest.raises(ReplayError):
        trained("replay", **describe())
    random.setstate(state)
