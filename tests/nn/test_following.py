"""fit follows what changes between its epochs, in both gears alike; and it says what it could not follow."""

from __future__ import annotations

import math
import random
import warnings
from array import array
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from engine import DomainError, ReplayError, Value, ceil, compile, floor, log, sign, total  # noqa: A004
from nn import (
    MLP,
    SGD,
    Adam,
    Dropout,
    Layer,
    Module,
    Neuron,
    Sequential,
    TrainingError,
    fit,
    losses,
)
from nn.training.objective import Objective

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


# ── Callbacks change what is trained, and how ─────────────────────────────────────────────────────


def at(number: int, do: Callable[[Any], object]) -> Callable[[Any], None]:
    def callback(epoch: Any) -> None:
        if epoch.number == number:
            do(epoch)

    return callback


CHANGES: dict[str, Callable[[Any], object]] = {
    "freeze": lambda e: e.model.layers[0].freeze(),
    "another layer": lambda e: e.model.layers.__setitem__(0, Layer(2, 4, "relu", seed=7)),
    "one layer more": lambda e: e.model.layers.insert(1, Layer(4, 4, "tanh", seed=7)),
    "another weight": lambda e: e.model.layers[0].neurons[1].weights.__setitem__(0, Value(0.5)),
    "another activation": lambda e: setattr(e.model.layers[0].neurons[1], "_function", lambda x: x.relu()),
    "numbers": lambda e: SGD(1.0).step(e.model.parameters()),
    "state": lambda e: e.model.load_state(small().state()),
    "learning rate": lambda e: setattr(e.optimizer, "schedule", lambda _: 0.5),
    "clipping": lambda e: setattr(e.optimizer, "clip_norm", 1e-3),
    "predict": lambda e: e.model.predict(X),
    "switched to training": lambda e: e.model.train(),
    "gradients": lambda e: total(e.model(X[0])).backward(),
    "compiled": lambda e: compile(lambda x: e.model(x)[0], e.model)(X),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.filterwarnings("ignore:.*does not use")
def test_what_a_callback_changes_is_followed(name: str) -> None:
    history = assert_gears_agree(
        lambda: {"callbacks": [at(2, CHANGES[name])], "metrics": "accuracy", "validation": (X[:4], Y[:4])}
    )
    assert history.gear.startswith("replay")


@pytest.mark.parametrize("gear", GEARS)
def test_what_is_frozen_stays_and_goes_on_when_it_is_unfrozen(gear: str) -> None:
    model, seen = small(), []

    def callback(epoch: Any) -> None:
        seen.append([p.data for p in model.layers[0].named_parameters().values()])
        if epoch.number == 2:
            model.layers[0].freeze()
        if epoch.number == 4:
            model.layers[0].unfreeze()

    optimizer = Adam(0.05)
    history = fit(
        model, X, Y, loss="binary_cross_entropy", optimizer=optimizer, epochs=6, callbacks=[callback],
        progress=False, gear=gear, l2=0.01,
    )  # fmt: skip
    assert seen[1] == seen[2] == seen[3]
    assert seen[0] != seen[1]
    assert seen[3] != seen[4] != seen[5]
    assert len(optimizer.memory["mean"]) == 17
    assert history.ended == "all 6 epochs done"


def test_a_layer_frozen_and_unfrozen_is_trained_alike_in_both_gears() -> None:
    assert_gears_agree(
        lambda: {
            "callbacks": [
                at(2, lambda e: e.model.layers[0].freeze()),
                at(3, lambda e: e.model.layers[1].freeze() or e.model.layers[0].unfreeze()),
                at(4, lambda e: e.model.unfreeze()),
            ],
            "l1": 0.01,
        }
    )


@pytest.mark.parametrize("gear", GEARS)
def test_freezing_everything_is_an_error_that_says_so(gear: str) -> None:
    with pytest.raises(ValueError, match="all are frozen"):
        trained(gear, callbacks=[at(2, lambda e: e.model.freeze())])


class Listed(Module):
    """A module of somebody's own, with its parts in a plain list."""

    def __init__(self) -> None:
        self.steps = [Layer(2, 3, "tanh", seed=0), Layer(3, 1, "sigmoid", seed=1)]

    def __call__(self, inputs: Any) -> Any:
        for step in self.steps:
            inputs = step(inputs)
        return inputs


def test_a_part_in_a_plain_list_is_followed() -> None:
    replace: Callable[[Any], object] = lambda e: e.model.steps.__setitem__(0, Layer(2, 3, "relu", seed=5))
    assert_gears_agree(lambda: {"make": Listed, "callbacks": [at(2, replace)]})


def annealed() -> dict[str, Any]:
    beta = {"now": 0.0}
    return {
        "loss": lambda p, t: cross_entropy(p, t) + beta["now"] * p[0] ** 2,
        "callbacks": [lambda epoch: beta.update(now=0.1 * epoch.number)],
        "epochs": 12,
    }


@pytest.mark.filterwarnings("ignore:fit goes on in eager")
def test_an_annealed_penalty_is_followed() -> None:
    assert_gears_agree(annealed)


def test_an_annealed_value_is_followed_without_recording_anew() -> None:
    def settings() -> dict[str, Any]:
        beta = Value(0.0)
        return {
            "loss": lambda p, t: cross_entropy(p, t) + beta * p[0] ** 2,
            "callbacks": [lambda epoch: setattr(beta, "data", 0.1 * epoch.number)],
            "epochs": 12,
        }

    assert assert_gears_agree(settings).gear.startswith("replay")


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


# ── What is noticed late is told ──────────────────────────────────────────────────────────────────


def unseen() -> tuple[dict[str, Any], Callable[[float], None]]:
    store = {0: 1.0}
    read = partial(store.__getitem__, 0)
    return {"loss": lambda p, t: cross_entropy(p, t) * read()}, partial(store.__setitem__, 0)


def test_what_nothing_watches_is_found_after_the_callbacks() -> None:
    def settings() -> dict[str, Any]:
        how, write = unseen()
        return {**how, "callbacks": [lambda epoch: write(1.0 + epoch.number)], "epochs": 4}

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_gears_agree(settings)


def test_steps_that_cannot_be_trusted_are_in_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn.training.gears.ReplayGear.recheck", lambda self: None)
    how, write = unseen()
    with pytest.warns(UserWarning, match="cannot be trusted"):
        history, _ = trained("auto", **how, callbacks=[at(3, lambda _: write(2.0))], epochs=3000)
    (doubt,) = history.doubts
    first, last = (int(word) for word in doubt.partition("cannot")[0].split() if word.isdigit())
    assert first <= 10 <= last < 9000
    assert history.gear.startswith("replay")


def test_auto_goes_on_in_eager_and_says_why_and_replay_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(epoch: Any) -> None:
        def look(self: Any, *, everything: bool = False) -> str:
            return "the moon was full and is new"

        if epoch.number == 2:
            patch.setattr("engine.replay.recording.watch.Watch.look", look)

    with monkeypatch.context() as patch, pytest.warns(UserWarning, match="goes on in eager.*the moon"):
        history, _ = trained("auto", callbacks=[refuse])
    assert history.gear.startswith("eager: ")
    assert "the moon was full" in history.gear
    assert history.ended == "all 6 epochs done"
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ReplayError, match="the moon"):
            trained("replay", callbacks=[refuse])


# ── Dropout ───────────────────────────────────────────────────────────────────────────────────────


class Twice(Module):
    """One Dropout that is used twice, and one that is not reached by every path."""

    def __init__(self) -> None:
        self.first, self.last = Layer(2, 5, "tanh", seed=0), Neuron(5, "sigmoid", seed=1)
        self.dropout = Dropout(0.3, seed=4)

    def __call__(self, inputs: Any) -> Any:
        return [self.last(self.dropout(self.dropout(self.first(inputs))))]


def shared_generator() -> Sequential:
    generator = random.Random(3)
    return Sequential(
        Layer(2, 5, "tanh", seed=0), Dropout(0.3, seed=generator), Layer(5, 4, "relu", seed=1),
        Dropout(0.6, seed=generator), Layer(4, 1, "sigmoid", seed=2),
    )  # fmt: skip


DROPPING: dict[str, Callable[[], Module]] = {
    "one": lambda: Sequential(
        Dropout(0.2, seed=0), Layer(2, 3, "tanh", seed=0), Layer(3, 1, "sigmoid", seed=1)
    ),
    "rate 0": lambda: Sequential(Layer(2, 3, "tanh", seed=0), Dropout(0.0), Layer(3, 1, "sigmoid", seed=1)),
    "a generator shared": shared_generator,
    "used twice": Twice,
}


@pytest.mark.parametrize("name", DROPPING)
def test_dropout_trains_in_replay_with_the_masks_of_eager(name: str) -> None:
    history = assert_gears_agree(
        lambda: {
            "make": DROPPING[name],
            "metrics": "accuracy",
            "l2": 0.01,
            "optimizer": SGD(0.1, momentum=0.9),
        }
    )
    assert history.gear.startswith("replay")


DROPOUT_CHANGES: dict[str, Callable[[Any], object]] = {
    "rate": lambda e: setattr(e.model.layers[1], "rate", 0.6),
    "off": lambda e: setattr(e.model.layers[1], "rate", 0.0),
    "generator": lambda e: setattr(e.model.layers[1], "rng", random.Random(99)),
    "another": lambda e: e.model.layers.__setitem__(1, Dropout(0.1, seed=8)),
    "one more": lambda e: e.model.layers.insert(0, Dropout(0.1, seed=8)),
    "none": lambda e: e.model.layers.__delitem__(slice(1, 4, 2)),
    "frozen": lambda e: e.model.layers[0].freeze(),
}


@pytest.mark.parametrize("name", DROPOUT_CHANGES)
def test_a_dropout_that_a_callback_changes_is_followed(name: str) -> None:
    change = DROPOUT_CHANGES[name]
    history = assert_gears_agree(lambda: {"make": shared_generator, "callbacks": [at(2, change)]})
    assert history.gear.startswith("replay")


def test_the_generators_of_dropout_are_left_as_eager_leaves_them() -> None:
    states = []
    for gear in GEARS:
        model = shared_generator()
        fit(model, X, Y, loss="binary_cross_entropy", epochs=3, batch_size=4, progress=False, gear=gear)
        states.append(model.layers[1].rng.getstate())
    assert states[0] == states[1]


def test_dropout_that_draws_another_number_for_some_samples_is_trained_in_eager() -> None:
    class Sometimes(Twice):
        def __call__(self, inputs: Any) -> Any:
            hidden = self.first(inputs)
            return [self.last(self.dropout(hidden) if inputs[0] > 0.45 else hidden)]

    history = assert_gears_agree(lambda: {"make": Sometimes})
    assert history.gear.startswith("eager: Dropout draws")


def test_a_breakdown_is_still_a_breakdown() -> None:
    for gear in GEARS:
        with pytest.raises(TrainingError, match="broke down in epoch 1"):
            trained(gear, loss=lambda p, t: log(p[0] - t * 1.0))


# ── Every protection carries something ────────────────────────────────────────────────────────────


def freezing() -> dict[str, Any]:
    return {"callbacks": [at(2, lambda e: e.model.layers[0].freeze())]}


def changed_unseen() -> dict[str, Any]:
    how, write = unseen()
    callbacks = [lambda epoch: write(1.0 + epoch.number)]
    return {**how, "callbacks": callbacks, "epochs": 4, "batch_size": 1}  # more steps than the first ones


ABLATIONS: dict[str, tuple[str, Any, Callable[[], dict[str, Any]]]] = {
    "ask again what is trained": ("nn.training.gears.Objective.follow_model", lambda _: False, freezing),
    "compare after callbacks": ("nn.training.gears.ReplayGear.recheck", lambda _: None, changed_unseen),
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_without_a_protection_a_training_turns_silent(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, instead, describe = ABLATIONS[name]
    monkeypatch.setattr(
        "engine.replay.spot_checks.SPACING", 1e9
    )  # after the first calls, by chance it is not found
    assert_gears_agree(describe)
    wanted, _ = trained("eager", **describe())
    init = Objective.__init__

    def made(self: Any, *given: Any) -> None:  # the first question is asked all the same
        with monkeypatch.context() as patch:
            patch.setattr(Objective, "follow_model", follow_model)
            init(self, *given)

    follow_model = Objective.follow_model
    monkeypatch.setattr(Objective, "__init__", made)
    monkeypatch.setattr(place, instead)
    found, _ = trained("auto", **describe())
    assert found["loss"] != pytest.approx(wanted["loss"], rel=1e-6)


@pytest.mark.parametrize("gear", GEARS)
@pytest.mark.parametrize("flat", [floor, ceil, sign, round])
def test_a_loss_that_is_flat_everywhere_trains_nothing(gear: str, flat: Callable[[Value], Value]) -> None:
    with pytest.raises(ValueError, match="flat: floor, ceil, sign"):
        trained(gear, loss=lambda p, t: flat(3.0 * p[0]) * 2.0 - t)
    history, numbers = trained(gear, loss=lambda p, t: (flat(3.0 * p[0]) - t) * p[0])  # but this has a slope
    assert numbers != trained(gear, epochs=1)[1]
    assert len(history["loss"]) == 6
