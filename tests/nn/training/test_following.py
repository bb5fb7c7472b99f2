"""fit follows what changes between its epochs, in both gears alike; and it says what it could not follow."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from gears import GEARS, X, Y, assert_gears_agree, at, cross_entropy, small, trained

from engine import ReplayError, Value, ceil, compile, floor, log, sign, total  # noqa: A004
from nn import SGD, Adam, EarlyStopping, Layer, Module, TrainingError, fit
from nn.training.objective import Objective

# ── Callbacks change what is trained, and how ─────────────────────────────────────────────────────


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


def test_what_a_metric_changes_is_followed_too() -> None:
    def settings() -> dict[str, Any]:
        kept: dict[str, Any] = {}

        def make() -> Module:
            kept["model"] = small()
            return kept["model"]  # type: ignore[no-any-return]

        def halving(*_: Any) -> float:
            for parameter in kept["model"].parameters():
                parameter.data *= 0.5
            return 0.0

        return {"make": make, "metrics": [halving]}

    assert assert_gears_agree(settings).gear.startswith("replay")


@pytest.mark.parametrize("by", ["metric", "stopping"])
def test_what_a_metric_or_a_stopping_of_ones_own_changes_at_the_optimizer_is_followed(by: str) -> None:
    def settings() -> dict[str, Any]:
        optimizer = Adam(0.05)

        class Stopping(EarlyStopping):
            def saw(self, epoch: Any) -> None:
                super().saw(epoch)
                optimizer.beta1 = 0.5

        def changing(*_: Any) -> float:
            optimizer.beta1 = 0.5
            optimizer.memory = {name: [0.0] * len(column) for name, column in optimizer.memory.items()}
            return 0.0

        own: dict[str, Any] = {"metrics": [changing]} if by == "metric" else {"early_stopping": Stopping(9)}
        return {"optimizer": optimizer, **own}

    assert assert_gears_agree(settings).gear.startswith("replay")


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
    monkeypatch.setattr("engine.replay.validity.SPACING", 20)  # often enough on a busy machine, too
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
        "engine.replay.validity.SPACING", 1e9
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
