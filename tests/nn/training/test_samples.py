"""What people give to fit, evaluate and predict: data sets, names of classes, weights."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from training import noisy, repeated, three, train

from nn import MLP, SGD, Adam, data, evaluate

GEARS = ["eager", "replay"]


# ── Weights are repetitions ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("gear", GEARS)
@pytest.mark.parametrize(
    "optimizer", [lambda: SGD(0.3, momentum=0.5), lambda: Adam(0.05)], ids=["sgd", "adam"]
)
@pytest.mark.parametrize("settings", [{}, {"l2": 0.01}], ids=["plain", "penalty"])
def test_a_weight_of_3_is_the_same_sample_three_times(
    gear: str, optimizer: Callable[[], Any], settings: dict[str, Any]
) -> None:
    inputs, targets = noisy(23)
    counts = [random.Random(k).randrange(4) for k in range(23)]
    assert 0 in counts
    told = {"batch_size": None, "shuffle": False, "gear": gear, "epochs": 30, **settings}
    one, other = three(), three()
    first = train(one, inputs, targets, sample_weight=counts, optimizer=optimizer(), **told)
    rows, truths = repeated(inputs, counts), repeated(targets, counts)
    second = train(other, rows, truths, optimizer=optimizer(), **told)
    assert first.gear.partition(" ")[0].rstrip(":") == gear
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-12)
    assert list(one.state().values()) == pytest.approx(list(other.state().values()), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("gear", GEARS)
def test_only_the_ratio_of_weights_counts_and_equal_ones_change_no_bit(gear: str) -> None:
    inputs, targets = noisy(20)
    plain, equal, thirds = three(), three(), three()
    train(plain, inputs, targets, gear=gear)
    train(equal, inputs, targets, gear=gear, sample_weight=[7] * 20)
    assert plain.state() == equal.state()
    one = three()
    train(one, inputs, targets, gear=gear, sample_weight=[1 + k % 2 for k in range(20)])
    train(thirds, inputs, targets, gear=gear, sample_weight=[(1 + k % 2) / 3 for k in range(20)])
    assert list(one.state().values()) == pytest.approx(list(thirds.state().values()), rel=1e-12)


@pytest.mark.parametrize("gear", GEARS)
def test_a_weight_of_0_leaves_a_sample_out_whatever_it_is(gear: str) -> None:
    inputs, targets = noisy(12)
    one, other = three(), three()
    train(one, inputs, targets, gear=gear, batch_size=4)
    train(
        other, [*inputs, [1e308, 1e308]], [*targets, 0], gear=gear, batch_size=4, sample_weight=[1] * 12 + [0]
    )
    assert one.state() == other.state()


@pytest.mark.parametrize("gear", GEARS)
@pytest.mark.parametrize("batch_size", [4, None])
def test_weights_of_classes_are_weights_of_their_samples(gear: str, batch_size: int | None) -> None:
    inputs, targets = noisy(30)
    for weights in ({0: 2.0, 1: 0.5}, {2: 0}, "balanced"):
        shares = {k: 10 / targets.count(k) for k in range(3)} if weights == "balanced" else weights
        assert isinstance(shares, dict)
        one, other = three(), three()
        told = {"gear": gear, "batch_size": batch_size}
        train(one, inputs, targets, class_weight=weights, **told)
        train(other, inputs, targets, sample_weight=[shares.get(t, 1.0) for t in targets], **told)
        assert list(one.state().values()) == pytest.approx(list(other.state().values()), rel=1e-12)


@pytest.mark.parametrize("loss", ["cross_entropy_with_logits", "mean_squared_error"])
def test_both_gears_count_samples_alike(loss: str) -> None:
    inputs, targets = noisy(31)
    truths: list[Any] = [[float(t == k) for k in range(3)] for t in targets]
    weights = [random.Random(k).random() + 0.1 * (k % 2) for k in range(31)]
    told: dict[str, Any] = {"batch_size": 7, "loss": loss, "sample_weight": weights, "l1": 0.01, "epochs": 20}
    one, other = three(), three()
    first = train(one, inputs, truths, gear="eager", validation=0.3, metrics=["accuracy"], **told)
    second = train(other, inputs, truths, gear="replay", validation=0.3, metrics=["accuracy"], **told)
    for name in first:
        assert first[name] == pytest.approx(second[name], rel=1e-10)
    assert list(one.state().values()) == pytest.approx(list(other.state().values()), rel=1e-9, abs=1e-12)


def test_weights_of_classes_go_by_name_and_with_those_of_samples() -> None:
    inputs, targets = noisy(30)
    names = ["abc"[target] for target in targets]
    one, other = three(), three()
    by_hand = [(5.0 if name == "b" else 1.0) * (1 + k % 3) for k, name in enumerate(names)]
    train(one, inputs, names, class_weight={"b": 5}, sample_weight=[1 + k % 3 for k in range(30)])
    train(other, inputs, names, sample_weight=by_hand)
    assert list(one.state().values()) == pytest.approx(list(other.state().values()), rel=1e-12)


def test_balanced_counts_what_samples_count() -> None:
    inputs, targets = noisy(30)
    counts = [1 + k % 3 for k in range(30)]
    told = {"batch_size": None, "shuffle": False, "class_weight": "balanced"}
    one, other = three(), three()
    train(one, inputs, targets, sample_weight=counts, **told)
    train(other, repeated(inputs, counts), repeated(targets, counts), **told)
    assert list(one.state().values()) == pytest.approx(list(other.state().values()), rel=1e-9)


def test_samples_that_are_set_aside_keep_their_weights() -> None:
    inputs, targets = noisy(40)
    counts = [1 + k % 3 for k in range(40)]
    model = three()
    history = train(model, inputs, targets, validation=0.25, sample_weight=counts, epochs=1)
    _, rest = data.Dataset("all", inputs, list(range(40))).split(0.25, seed=0)
    places = repeated(rest.targets, [counts[k] for k in rest.targets])
    again = evaluate(
        model, [inputs[k] for k in places], [targets[k] for k in places], loss="cross_entropy_with_logits"
    )
    assert history["validation loss"] == pytest.approx([again["loss"]], rel=1e-12)


@pytest.mark.parametrize(
    ("told", "error", "words"),
    [
        ({"sample_weight": [1.0]}, ValueError, "expected 8 sample weights"),
        ({"sample_weight": [-1.0] + [1.0] * 7}, ValueError, "0 or more; got -1.0"),
        ({"sample_weight": [0.0] * 8}, ValueError, "all are 0"),
        ({"sample_weight": [float("nan")] * 8}, ValueError, r"sample_weight\[0\]\[0\] is nan"),
        ({"sample_weight": ["a"] * 8}, TypeError, "is no number"),
        ({"sample_weight": 3.0}, TypeError, "must be a list"),
        ({"class_weight": {5: 1.0}}, ValueError, r"names 5, and the classes are \[0, 1, 2\]"),
        ({"class_weight": {"a": 1.0}}, ValueError, "'a' is none of the classes"),
        ({"class_weight": {0: -1.0}}, ValueError, "0 or more"),
        ({"class_weight": "even"}, ValueError, "'balanced' or"),
        ({"class_weight": {0: 1.0}, "loss": "mean_squared_error"}, ValueError, "is for classes"),
    ],
)
def test_wrong_weights_are_told_before_anything_changes(
    told: dict[str, Any], error: type[Exception], words: str
) -> None:
    model = three() if "loss" not in told else MLP(2, [1], seed=0)
    before = model.state()
    inputs, _ = noisy(8)
    with pytest.raises(error, match=words):
        train(model, inputs, [0, 1, 2, 0, 1, 2, 0, 1], **told)
    assert model.state() == before
    assert model.schema is None


def test_one_hot_targets_have_classes_too() -> None:
    inputs, targets = noisy(20)
    hot = [[int(target == k) for k in range(3)] for target in targets]
    one, other = three(), three()
    train(one, inputs, hot, class_weight={1: 3.0})
    train(other, inputs, targets, class_weight={1: 3.0})
    assert list(one.state().values()) == pytest.approx(list(other.state().values()), rel=1e-12)
    with pytest.raises(ValueError, match=r"one class for each sample; targets\[0\]"):
        train(three(), inputs, [[0.5, 0.5, 0.0]] * 20, class_weight={1: 3.0})
