"""What is right to the last digits in eager is so in replay: shifts, minus infinity, far tails."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from engine import Value, degrees, gelu, log_softmax, logsumexp, pick, sinc, softmax, total
from engine.replay.compiled import Compiled

EXECUTORS = ["strict", "numpy", "llvm"]


def outcome(
    f: Callable[..., Any], weights: Sequence[float], executor: str, *samples: Sequence[float]
) -> tuple[list[float], list[float]]:
    """(losses, the gradient of their sum)."""
    w = [Value(x) for x in weights]
    p = Compiled(lambda *x: f(w, *x), w, executor, "float64", None)
    losses, gradient = p.value_and_gradients(weights, *samples)
    return losses.tolist(), gradient.tolist()


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("shift", [0.0, 1e3, 1e8, 1e16, -1e300])
def test_a_common_shift_changes_nothing(executor: str, shift: float) -> None:
    at, third = [shift] * 3, 1.0 / 3.0
    _, gradient = outcome(lambda w, x: logsumexp([w[0] + x, w[1] + x, w[2]]), at, executor, [0.0])
    assert gradient == pytest.approx([third] * 3, rel=1e-15)
    losses, gradient = outcome(lambda w, k: -pick(log_softmax(w), k), at, executor, [1.0])
    assert losses == pytest.approx([math.log(3.0)], rel=1e-15)
    assert gradient == pytest.approx([third, third - 1.0, third], rel=1e-15)
    losses, gradient = outcome(lambda w, k: pick(softmax(w), k), at, executor, [2.0])
    assert losses == pytest.approx([third], rel=1e-15)
    assert gradient == pytest.approx([-1.0 / 9.0, -1.0 / 9.0, 2.0 / 9.0], rel=1e-15)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_is_minus_infinite_has_no_share(executor: str) -> None:
    found = outcome(
        lambda w, x: logsumexp([logsumexp(w[:2]), w[2] * x]), [-math.inf, -math.inf, 2.0], executor, [1.0]
    )
    assert found == ([2.0], [0.0, 0.0, 1.0])


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("chosen", [total, lambda row: pick(row, 1) + row[2]], ids=["all", "picked"])
def test_the_largest_is_subtracted_before_logarithms_are_added(
    executor: str, chosen: Callable[[list[Value]], Value]
) -> None:
    def f(w: list[Value], x: Any, k: Any) -> Any:
        rows = [log_softmax([v * x for v in w]), log_softmax([v + x for v in w])]
        return total([chosen(row) for row in rows]) + pick(rows[0], k) + pick(rows[1], k)

    losses, gradient = outcome(f, at := [1e6, 1e6 + 1.0, 1e6 - 2.0], executor, [0.3, 1.5], [0.0, 2.0])
    w = [Value(x) for x in at]
    wanted = [f(w, 0.3, 0), f(w, 1.5, 2)]
    total(wanted).backward()
    assert losses == pytest.approx([loss.data for loss in wanted], rel=1e-13)
    assert gradient == pytest.approx([v.grad for v in w], rel=1e-13)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_small_loss_keeps_its_digits(executor: str) -> None:
    losses, _ = outcome(lambda w, x: -log_softmax([w[0] * x, w[1]])[0], [40.0, 0.0], executor, [1.0])
    assert losses == pytest.approx([math.log1p(math.exp(-40.0))], rel=1e-12)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda w, x: (w[0] * x) % 3.0 + 7.5 % w[1], [1.5, 2.0]),
        (lambda w, x: sinc(w[0] * x) * degrees(w[1]), [0.3, 0.2]),
        (lambda w, x: gelu(w[0] * x) * w[1].asin() * w[1].atanh(), [6.0, 1e-9]),
        (lambda w, x: (w[0] * x).erf() + w[1].acos(), [0.7, 0.1]),
        (lambda w, x: w[0] ** 3 * x - w[1] ** -2, [-0.5, -2.0]),
    ],
)
def test_new_rows_and_formulas_are_eagers(executor: str, f: Callable[..., Value], at: list[float]) -> None:
    samples = [1.0, -4.2, 0.37]
    losses, gradient = outcome(f, at, executor, samples)
    w = [Value(x) for x in at]
    for x, loss in zip(samples, losses, strict=True):
        found = f(w, x)
        found.backward()
        assert loss == pytest.approx(found.data, rel=1e-12)
    assert gradient == pytest.approx([value.grad for value in w], rel=1e-12)
