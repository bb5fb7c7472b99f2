"""What is measured: hard points, kinks, edges, jumps and branches."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from checked import only_row

from engine import Value, ops
from engine.checking import Verdict, check_gradients, faulty
from engine.checking.numeric import Estimate, Slope
from engine.checking.verdict import judge

# ── Fixed cases: what other checkers let through, or trip over ────────────────────────────────────


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: 1e-6 * x.sin(), 0.7),
        (lambda x: x**3, 1e5),
        (lambda x: x.sqrt(), 1e-7),
        (lambda x: x.exp(), 20.0),
        (lambda x: (1 / x).sin(), 0.01),
        (lambda x: (3 * x).tanh() * (-x * x).exp(), 0.7),
        (lambda x: 1e200 * x, 1e-200),
        (lambda x: x.log(), 1e-300),
    ],
)
def test_hard_points_are_measured_exactly(f: Callable[[Value], Value], at: float) -> None:
    row = only_row(check_gradients(f, at=[at]))
    assert row.verdict is Verdict.OK
    assert row.relative < 1e-11


def test_twice_a_tiny_gradient_is_caught() -> None:
    sine = faulty(ops.sin, lambda out, x: (2.0 * ops.cos(x),))
    assert only_row(check_gradients(lambda x: 1e-6 * sine(x), at=[0.7])).verdict is Verdict.WRONG


def test_half_a_thousandth_is_caught_in_a_cubic() -> None:
    power = faulty(ops.power, lambda out, x, y: (1.0005 * y * x ** (y - 1.0), None))
    result = check_gradients(lambda x: power(x, 3.0), at=[2.0])
    assert only_row(result).verdict is Verdict.WRONG


def test_saturation_is_not_called_wrong() -> None:
    assert only_row(check_gradients(lambda x: x.tanh(), at=[18.0])).verdict is Verdict.UNRELIABLE
    assert only_row(check_gradients(lambda x: x.tanh(), at=[25.0])).verdict is Verdict.OK
    assert not check_gradients(lambda x: x.tanh(), at=[18.0], strict=True)


# ── Kinks, edges, jumps, branches ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("f", "at", "left", "right"),
    [
        (lambda x: x.relu(), [0.0], 0.0, 1.0),
        (abs, [0.0], -1.0, 1.0),
        (lambda x: ops.maximum(x, 1.0), [1.0], 0.0, 1.0),
        (lambda x: ops.minimum(x, 1.0), [1.0], 1.0, 0.0),
        (lambda x: x.clamp(0.0, 1.0), [0.0], 0.0, 1.0),
        (lambda x: x.clamp(0.0, 1.0), [1.0], 1.0, 0.0),
        (lambda x: x.leaky_relu(0.25), [0.0], 0.25, 1.0),
        (lambda x: ops.hypot(x, 0.0), [0.0], -1.0, 1.0),
        (lambda x: (x * 2.0 - 2.0).relu().exp(), [1.0], 0.0, 2.0),
    ],
)
def test_at_a_kink_any_slope_between_will_do(
    f: Callable[[Value], Value], at: list[float], left: float, right: float
) -> None:
    result = check_gradients(f, at=at)
    row = only_row(result)
    assert result
    assert row.verdict is Verdict.KINK
    assert (row.left, row.right) == (pytest.approx(left), pytest.approx(right))
    for beside in (-1e-9, 1e-9):
        row = only_row(check_gradients(f, at=[at[0] + beside]))
        assert row.verdict is Verdict.OK
        assert row.numeric == pytest.approx(left if beside < 0 else right, abs=1e-7)


def test_a_kink_names_its_operation() -> None:
    def f(x: Value) -> Value:
        hidden = x.relu()
        hidden.label = "h2"
        return hidden

    result = check_gradients(f, at=[0.0])
    assert only_row(result).note == "relu 'h2' at 0"
    assert "passed: 1 of 1 right, 1 kink accepted" in str(result)


def test_a_slope_outside_those_at_the_kink_fails() -> None:
    relu = faulty(ops.relu, lambda out, x: (-0.5,))
    result = check_gradients(relu, at=[0.0])
    assert only_row(result).verdict is Verdict.WRONG
    assert result.blame is not None
    assert result.blame.operation == "relu"


def test_conventions_that_do_not_add_up_are_told() -> None:
    row = only_row(check_gradients(lambda x: x.relu() - (-x).relu(), at=[0.0]))
    assert row.verdict is Verdict.OUTSIDE
    assert "conventions at kinks do not add up (relu at 0)" in row.note


def test_maximum_of_the_same_node_is_smooth() -> None:
    row = only_row(check_gradients(lambda x: ops.maximum(x, x), at=[0.3]))
    assert (row.verdict, row.analytic) == (Verdict.OK, 1.0)


@pytest.mark.parametrize(
    ("f", "at"), [(lambda x: x.sqrt(), 0.0), (lambda x: x.asin(), 1.0), (lambda x: x.acosh(), 1.0)]
)
def test_infinite_slope_at_the_edge_of_a_domain(f: Callable[[Value], Value], at: float) -> None:
    row = only_row(check_gradients(f, at=[at]))
    assert (row.verdict, row.analytic, row.numeric) == (Verdict.EDGE, math.inf, math.inf)


def test_finite_slope_at_the_edge_of_a_domain() -> None:
    row = only_row(check_gradients(lambda x: x**2.5 + x, at=[0.0]))
    assert (row.verdict, row.numeric) == (Verdict.EDGE, pytest.approx(1.0))


@pytest.mark.parametrize("f", [lambda x: x.floor(), lambda x: x.ceil() + x, lambda x: (x - 1.0).sign()])
def test_a_jump_is_skipped_and_said(f: Callable[[Value], Value]) -> None:
    result = check_gradients(f, at=[1.0])
    assert not result
    assert only_row(result).verdict is Verdict.DISCONTINUOUS
    assert "UNDECIDED: 0 of 1 right, 1 skipped" in str(result)
    assert not check_gradients(f, at=[1.0], strict=True)


def test_a_branch_in_python_is_named_with_its_line() -> None:
    def f(x: Value) -> Value:
        if x > 1.0:
            return 2.0 * x - 1.0
        return x * x * x

    row = only_row(check_gradients(f, at=[1.0]))
    assert row.verdict is Verdict.KINK
    assert (row.left, row.right) == (pytest.approx(3.0), pytest.approx(2.0))
    assert row.note.startswith("branch in Python code at test_slopes.py:")
    for beside in (1.0 - 1e-9, 1.0 + 1e-9):
        assert only_row(check_gradients(f, at=[beside])).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: x.cos(), math.pi),
        (lambda x: x.exp() - x, 0.0),
        (lambda x: x * (-x).exp(), 1.0),
        (lambda x: (x - 1.3) ** 2 * 3.7 + x.exp() - math.exp(1.3) * x, 1.3),
    ],
)
def test_a_slope_of_0_is_decided(f: Callable[[Value], Value], at: float) -> None:
    assert only_row(check_gradients(f, at=[at])).verdict is Verdict.OK
    shifted = check_gradients(lambda x: f(x) + x.data * 1e-3, at=[at])  # and a small one is not taken for it
    assert shifted.failed


def test_a_slope_that_noise_covers_is_not_taken_for_0() -> None:
    assert check_gradients(lambda x: Value(1e8 + 1e-9 * x.data) + 1e-9 * x, at=[1.0]).undecided
    assert check_gradients(lambda x: Value(round(x.data, 2)) + 0.0 * x, at=[1.234]).failed


def test_numbers_that_contradict_each_other_are_never_ok() -> None:
    for analytic, numeric, error in [(-2.0, 1.9, 0.4), (3.0, 1.0, 0.5), (1.0, -1.0, 0.3), (1.01, 1.0, 2e-3)]:
        slope = Slope("smooth", Estimate(numeric, error))
        assert judge(slope, analytic) is Verdict.UNRELIABLE
    assert judge(Slope("smooth", Estimate(1.9, 0.4)), 2.1) is Verdict.OK
    assert judge(Slope("smooth", Estimate(1.9, 0.01)), 2.1) is Verdict.WRONG
    sides = Slope("kink", left=Estimate(0.0, 0.1), right=Estimate(1.0, 0.1))
    assert [judge(sides, x) for x in (1.05, 1.5, 3.0)] == [Verdict.KINK, Verdict.UNRELIABLE, Verdict.OUTSIDE]


def test_a_function_that_does_not_change_over_a_tiny_input_is_measured_all_the_same() -> None:
    for x in (7e-73, -1e-300, 5e-324):
        row = only_row(check_gradients(lambda x: x.exp() + x.sin(), at=[x]))
        assert (row.verdict, row.numeric) == (Verdict.OK, pytest.approx(2.0, rel=1e-9))
