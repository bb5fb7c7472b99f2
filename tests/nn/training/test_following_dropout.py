"""Dropout in replay: the masks of eager, and what a callback changes of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from gears import GEARS, X, Y, assert_gears_agree, at

from nn import SGD, Dropout, Layer, Module, Neuron, Sequential, fit

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
