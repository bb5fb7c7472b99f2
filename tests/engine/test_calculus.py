"""Derivatives of any order and in both modes, against exact values."""

from __future__ import annotations

import math
import random

import mpmath
import pytest

from engine import (
    GraphError,
    Value,
    derivative,
    dot,
    exp,
    gradient,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    log,
    logsumexp,
    norm,
    sin,
    tanh,
    total,
)


def rosenbrock(x: Value, y: Value) -> Value:
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


@pytest.mark.parametrize("order", range(5))
def test_derivatives_of_tanh_of_sin_x_times_x(order: int) -> None:
    found = derivative(lambda x: tanh(sin(x) * x), order)(0.7).data
    with mpmath.workdps(60):
        exact = mpmath.diff(lambda x: mpmath.tanh(mpmath.sin(x) * x), mpmath.mpf(0.7), order)
    assert found == pytest.approx(float(exact), rel=1e-9)


def test_high_orders_of_elementary_functions() -> None:
    assert derivative(exp, 6)(1.0).data == pytest.approx(math.e, rel=1e-15)
    assert derivative(log, 5)(2.0).data == pytest.approx(24 / 2**5, rel=1e-14)
    assert derivative(lambda x: x**7, 7)(1.3).data == pytest.approx(math.factorial(7), rel=1e-13)
    assert derivative(sin, 4)(0.3).data == pytest.approx(math.sin(0.3), rel=1e-14)


@pytest.mark.parametrize("order", [-1, 1.5])
def test_orders_are_whole_and_not_negative(order: float) -> None:
    with pytest.raises(ValueError, match="whole number"):
        derivative(sin, order)  # type: ignore[arg-type]


def test_gradient_and_hessian_of_rosenbrock() -> None:
    x, y = -1.2, 1.0
    assert gradient(rosenbrock, [x, y]) == pytest.approx(
        [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)], rel=1e-14
    )
    exact = [[2 - 400 * (y - 3 * x * x), -400 * x], [-400 * x, 200.0]]
    for row, expected in zip(hessian(rosenbrock, [x, y]), exact, strict=True):
        assert row == pytest.approx(expected, rel=1e-14)


def test_hvp_is_the_hessian_times_the_direction() -> None:
    def f(*x: Value) -> Value:
        return logsumexp(x) * norm(x) + dot(x, x[::-1]).tanh() + total(x).sin()

    draw = random.Random(3)
    at = [draw.gauss(0, 1) for _ in range(5)]
    direction = [draw.gauss(0, 1) for _ in range(5)]
    matrix = hessian(f, at)
    expected = [sum(h * d for h, d in zip(row, direction, strict=True)) for row in matrix]
    assert hvp(f, at, direction) == pytest.approx(expected, rel=1e-12)
    for i in range(5):
        for j in range(i):
            assert matrix[i][j] == pytest.approx(matrix[j][i], rel=1e-12)


def test_forward_and_reverse_mode_agree() -> None:
    """The dot-product test: <J v, u> = <v, Jᵀ u> for random v and u."""

    def f(x: Value, y: Value, z: Value) -> list[Value]:
        return [tanh(x * y) + z, sin(x) / (2 + z), y**2.5 * x]

    draw = random.Random(4)
    for _ in range(20):
        at = [draw.uniform(0.5, 2) for _ in range(3)]
        v, u = ([draw.gauss(0, 1) for _ in range(3)] for _ in range(2))
        _, forward = jvp(f, at, v)
        reverse = jacobian(f, at)
        left = sum(a * b for a, b in zip(forward, u, strict=True))
        right = sum(u[i] * reverse[i][j] * v[j] for i in range(3) for j in range(3))
        assert left == pytest.approx(right, rel=1e-12)


def test_jvp_of_a_scalar_function_and_of_unused_inputs() -> None:
    assert jvp(rosenbrock, [1.0, 1.0], [1.0, 0.0]) == (0.0, 0.0)
    assert jvp(lambda x, _: x * x, [3.0, 1.0], [0.0, 1.0]) == (9.0, 0.0)


def test_directions_of_the_wrong_length_are_refused() -> None:
    for function in (jvp, hvp):
        with pytest.raises(ValueError, match="2 inputs has 2 numbers, got 1"):
            function(rosenbrock, [1.0, 2.0], [1.0])


def test_gradients_leave_every_grad_alone() -> None:
    a = Value(2.0)
    y = a * a
    a.grad = 7.0
    assert gradients(y, [a, y]) == [4.0, 1.0]
    (slope,) = gradients(y, [a], create_graph=True)
    assert slope.data == 4.0
    assert (a.grad, y.grad) == (7.0, None)


def test_gradients_of_what_does_not_reach_the_output_are_zero() -> None:
    a, b = Value(2.0), Value(3.0)
    assert gradients(a * a, [b]) == [0.0]
    (slope,) = gradients(a * a, [b], create_graph=True)
    assert slope.data == 0.0


def test_a_seed_scales() -> None:
    a = Value(2.0)
    assert gradients(a * a, [a], seed=3.0) == [12.0]
    assert gradients(a * a, [a], seed=3.0, create_graph=True)[0].data == 12.0


def test_formulas_are_not_run_again_on_changed_leaves() -> None:
    a = Value(3.0, label="a")
    y = a * a
    a.data = 10.0
    assert gradients(y, [a]) == [6.0]
    with pytest.raises(GraphError, match=r"'a' = 10\.0") as caught:
        gradients(y, [a], create_graph=True)
    assert caught.value.label == "a"


def test_higher_orders_respect_what_was_not_selected() -> None:
    x = Value(-1.0)
    (slope,) = gradients(x.relu() * x, [x], create_graph=True)
    assert slope.data == 0.0
    assert derivative(lambda x: x.relu() * x, 2)(2.0).data == 2.0


def test_a_constant_exponent_has_all_orders_at_negative_numbers() -> None:
    x = Value(-2.0)
    (slope,) = gradients(x**3, [x], create_graph=True)
    slope.backward()
    assert (slope.data, x.grad) == (12.0, -12.0)
