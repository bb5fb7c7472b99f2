"""Losses against torch where it is installed, and against stored exact values (50 digits) everywhere."""

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine import Value
from nn import losses

GOLDEN = json.loads((Path(__file__).parent / "golden" / "losses.json").read_text(encoding="utf-8"))
CASES = [(name, case) for name, cases in GOLDEN.items() for case in cases]


def value_and_gradient(name: Any, predictions: Any, target: Any) -> Any:
    nodes = [Value(x) for x in predictions]
    loss = losses.LOSSES[name](nodes, target)
    loss.backward()
    return loss.data, [node.grad or 0.0 for node in nodes]


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_values_and_gradients_are_the_exact_ones(name: Any, case: Any) -> None:
    value, gradient = value_and_gradient(name, case["predictions"], case["target"])
    assert value == pytest.approx(float(case["value"]), rel=1e-12, abs=1e-15)
    assert gradient == pytest.approx([float(g) for g in case["gradient"]], rel=1e-12, abs=1e-15)


def test_every_loss_has_stored_values() -> None:
    assert set(GOLDEN) == set(losses.LOSSES)


def torch_loss(torch: Any, name: Any, predictions: Any, target: Any) -> Any:
    functional = torch.nn.functional
    numbers = torch.tensor(predictions, dtype=torch.float64, requires_grad=True)
    if name in ("categorical_cross_entropy", "cross_entropy_with_logits"):
        truth = torch.tensor(target, dtype=torch.float64 if isinstance(target, list) else torch.int64)
        scores = numbers.log() if name == "categorical_cross_entropy" else numbers
        if name == "categorical_cross_entropy":
            loss = (
                functional.nll_loss(scores[None], truth[None]) if truth.ndim == 0 else -(scores * truth).sum()
            )
        else:
            loss = functional.cross_entropy(scores[None], truth[None])
    else:
        truth = torch.tensor(target, dtype=torch.float64)
        loss = {
            "mean_squared_error": functional.mse_loss,
            "mean_absolute_error": functional.l1_loss,
            "huber": functional.huber_loss,
            "hinge": lambda p, t: (1 - p * t).clamp(min=0).mean(),
            "binary_cross_entropy": functional.binary_cross_entropy,
            "binary_cross_entropy_with_logits": functional.binary_cross_entropy_with_logits,
        }[name](numbers, truth)
    loss.backward()
    return loss.item(), numbers.grad.tolist()


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_values_and_gradients_equal_torch(name: Any, case: Any) -> None:
    torch = pytest.importorskip("torch")
    value, gradient = value_and_gradient(name, case["predictions"], case["target"])
    expected, expected_gradient = torch_loss(torch, name, case["predictions"], case["target"])
    assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert gradient == pytest.approx(expected_gradient, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("logit", [-1000.0, 1000.0])
@pytest.mark.parametrize("target", [0, 1])
def test_losses_are_stable_at_a_thousand(logit: Any, target: Any) -> None:
    node = Value(logit)
    loss = losses.binary_cross_entropy_with_logits(node, target)
    loss.backward()
    wrong = (logit > 0) != bool(target)
    assert (loss.data, node.grad) == ((1000.0, math.copysign(1.0, logit)) if wrong else (0.0, 0.0))

    logits = [Value(logit), Value(0.0)]
    loss = losses.cross_entropy_with_logits(logits, target)
    loss.backward()
    assert loss.data == (1000.0 if (logit > 0) == bool(target) else 0.0)
    assert all(math.isfinite(node.grad or 0.0) for node in logits)

    node = Value(logit)
    loss = losses.binary_cross_entropy(node.sigmoid(), target)
    loss.backward()
    assert loss.data == pytest.approx(100.0 if wrong else 0.0, abs=1e-12)  # as torch: log is at least -100
    assert node.grad == 0.0


@pytest.mark.parametrize("name", ["mean_squared_error", "mean_absolute_error", "huber"])
@pytest.mark.parametrize("size", [-1000.0, 1000.0])
def test_regression_losses_at_a_thousand(name: Any, size: Any) -> None:
    value, (gradient,) = value_and_gradient(name, [size], 0.0)
    sign = math.copysign(1.0, size)
    expected = {"mean_squared_error": (1e6, 2000.0 * sign), "mean_absolute_error": (1000.0, sign)}
    assert (value, gradient) == expected.get(name, (999.5, sign))


def test_many_samples_give_the_mean_of_the_single_ones() -> None:
    rows = [[0.2, 0.8], [0.7, 0.3], [0.5, 0.5]]
    single = [
        losses.categorical_cross_entropy([Value(x) for x in row], y).data
        for row, y in zip(rows, (1, 0, 0), strict=True)
    ]
    whole = losses.categorical_cross_entropy([[Value(x) for x in row] for row in rows], [1, 0, 0])
    assert whole.data == pytest.approx(sum(single) / 3, rel=1e-15)


def test_one_hot_and_class_numbers_agree() -> None:
    row = [0.1, 0.2, 0.7]
    for name in ("categorical_cross_entropy", "cross_entropy_with_logits"):
        by_number, by_share = value_and_gradient(name, row, 2), value_and_gradient(name, row, [0, 0, 1])
        assert by_number[0] == pytest.approx(by_share[0])
        assert by_number[1] == pytest.approx(by_share[1])


def test_penalties() -> None:
    weights = [Value(-2.0), Value(0.5)]
    (losses.l1_penalty(weights, 0.1) + losses.l2_penalty(weights, 0.01)).backward()
    assert [weight.grad for weight in weights] == pytest.approx([-0.1 - 0.04, 0.1 + 0.01])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: losses.mean_squared_error([Value(1.0)], [1.0, 2.0]), "1 and 2 targets"),
        (lambda: losses.mean_squared_error([], []), "at least one prediction"),
        (lambda: losses.categorical_cross_entropy([Value(0.5), Value(0.5)], 2), "from 0 to 1"),
        (
            lambda: losses.categorical_cross_entropy([Value(0.5), Value(0.5)], [1.0]),
            "2 predictions, 1 shares",
        ),
        (
            lambda: losses.cross_entropy_with_logits([[Value(0.5), Value(0.5)]], [0, 1]),
            "1 predictions, 2 targets",
        ),
        (lambda: losses.huber(Value(1.0), 1.0, delta=0.0), "delta > 0"),
        (
            lambda: losses.loss_function("crossentropy"),
            "unknown loss 'crossentropy'.*cross_entropy_with_logits",
        ),
    ],
)
def test_misuse_is_told(call: Any, words: Any) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_a_loss_with_settings_keeps_its_name() -> None:
    assert losses.loss_name(partial(losses.huber, delta=2.0)) == "huber"
    assert losses.huber(Value(3.0), 0.0, delta=2.0).data == 4.0
