"""Derivatives of any order and in both modes, against exact values."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

from engine import (
    GraphError,
    Value,
    check_gradients,
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
    no_grad,
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


class Line:
    """A module of somebody's own: whatever has parameters."""

    def __init__(self) -> None:
        self.slope, self.offset = Value(2.0, label="slope"), Value(0.5, label="offset")

    def parameters(self) -> list[Value]:
        return [self.slope, self.offset]

    def __call__(self, x: Value | float) -> Value:
        return self.slope * x + self.offset


LINE = Line()
SHAPES: list[tuple[Callable[..., Value], Any, Any]] = [
    (lambda x: x * x, 3.0, 6.0),
    (lambda x, y: x * y, (2.0, 3.0), [3.0, 2.0]),
    (lambda x, y: x * y, np.array([2.0, 3.0]), [3.0, 2.0]),
    (lambda x, y: x * y, iter([2, 3]), [3.0, 2.0]),
    (lambda x: x[0] * x[1], [[2.0, 3.0]], [[3.0, 2.0]]),
    (lambda w, b: w[0] * w[1] + b, [np.array([2.0, 3.0]), 0.5], [[3.0, 2.0], 1.0]),
    (lambda m: m[0][1] * m[1][0], [[[1.0, 2.0], [3.0, 4.0]]], [[[0.0, 3.0], [2.0, 0.0]]]),
    (lambda a, b: a * b, {"b": 2.0, "a": 3.0}, {"b": 3.0, "a": 2.0}),
    (lambda p: p["w"][0] * p["b"], [{"w": [2.0], "b": 3.0}], [{"w": [3.0], "b": 2.0}]),
    (lambda: LINE(3.0) ** 2, LINE, [39.0, 13.0]),
    (lambda line: line(3.0) ** 2, LINE, [39.0, 13.0]),
    (lambda line, x: line(x), [LINE, 3.0], [[3.0, 1.0], 2.0]),
    (lambda: LINE(3.0) ** 2, LINE.parameters(), [39.0, 13.0]),
    (lambda line: line["a"](3.0), [{"a": LINE}], [{"a": [3.0, 1.0]}]),
]


@pytest.mark.parametrize(("f", "at", "expected"), SHAPES, ids=range(len(SHAPES)))
def test_a_gradient_has_the_shape_of_its_point(f: Callable[..., Value], at: Any, expected: Any) -> None:
    assert gradient(f, at) == expected
    assert LINE.slope.grad is None


@pytest.mark.parametrize(("f", "at", "_"), SHAPES[4:9], ids=range(4, 9))
def test_hvp_and_jvp_take_a_direction_of_the_points_shape(f: Callable[..., Value], at: Any, _: Any) -> None:
    slopes = gradient(f, at)
    _, along = jvp(f, at, slopes)
    assert along == pytest.approx(sum(x * x for x in flat(slopes)))
    products = hvp(f, at, slopes)
    count, entries = len(flat(slopes)), flat(hessian(f, at))
    rows = [entries[row * count : (row + 1) * count] for row in range(count)]
    expected = [sum(h * d for h, d in zip(row, flat(slopes), strict=True)) for row in rows]
    assert flat(products) == pytest.approx(expected)


def flat(shaped: Any) -> list[float]:
    if isinstance(shaped, dict):
        shaped = list(shaped.values())
    return [x for part in shaped for x in flat(part)] if isinstance(shaped, list) else [shaped]


def test_a_direction_of_another_shape_is_refused() -> None:
    for direction in ([2.0, 3.0], [[2.0], 3.0], [[2.0, 3.0, 4.0]], [{"a": 1.0}]):
        with pytest.raises(ValueError, match="a direction for 2 inputs has 2 numbers"):
            jvp(lambda x: x[0] * x[1], [[2.0, 3.0]], direction)


def test_points_that_are_none_are_refused() -> None:
    x = Value(1.0, label="x")
    y = x * 2.0
    y.label = "x2"
    with pytest.raises(ValueError, match="'x2' is computed by multiply"):
        gradient(lambda a: a, [y])
    with pytest.raises(ValueError, match="twice"):
        gradient(lambda a, b: a * b, [x, x])
    with pytest.raises(TypeError, match="str"):
        gradient(lambda a: a, ["1"])
    with pytest.raises(ValueError, match="empty"):
        gradient(lambda: x, [])


CUBE = Value(2.0) ** 3
BASE: Any = CUBE.parents[0]


@pytest.mark.parametrize(
    ("find", "expected"),
    [
        (lambda: gradient(lambda x, y: x * x * y, [2.0, 3.0]), [12.0, 4.0]),
        (lambda: hessian(lambda x, y: x * x * y, [2.0, 3.0]), [[6.0, 4.0], [4.0, 0.0]]),
        (lambda: hvp(lambda x, y: x * x * y, [2.0, 3.0], [1.0, 0.0]), [6.0, 4.0]),
        (lambda: jvp(lambda x, y: x * x * y, [2.0, 3.0], [1.0, 0.0]), (12.0, 12.0)),
        (lambda: jacobian(lambda x, y: [x * y, x], [2.0, 3.0]), [[3.0, 2.0], [1.0, 0.0]]),
        (lambda: derivative(lambda x: x**3, 2)(2.0).data, 12.0),
        (lambda: derivative(lambda t: derivative(lambda x: x**3)(t) * t)(2.0).data, 36.0),
        (lambda: [g.data for g in gradients(CUBE, [BASE], create_graph=True)], [12.0]),
        (lambda: bool(check_gradients(lambda x: x * x, [2.0], order=2)), True),
    ],
)
def test_who_asks_for_a_derivative_inside_no_grad_gets_it(find: Callable[[], Any], expected: Any) -> None:
    assert find() == expected
    with no_grad():
        assert find() == expected
    assert no_grad()(find)() == expected


def test_what_was_made_inside_no_grad_has_no_derivative_that_could_be_0() -> None:
    x = Value(3.0)
    with no_grad():
        y = x * x
        assert gradients(x, [x]) == [1.0]
        with pytest.raises(GraphError, match="inside no_grad"):
            gradients(y, [x])
        assert not derivative(lambda t: t * t)(x).parents
    assert derivative(lambda t: t * t)(x).parents


class Straight(NamedTuple):
    slope: Any
    offsets: Any


def test_named_tuples_are_points_and_so_are_their_gradients() -> None:
    def f(line: Straight, x: Value) -> Any:
        return line.slope * x + line.offsets[0] * line.offsets[1]

    at = [Straight(2.0, [3.0, 5.0]), 7.0]
    assert gradient(f, at) == [Straight(7.0, [5.0, 3.0]), 2.0]
    assert hvp(f, at, at) == [Straight(7.0, [5.0, 3.0]), 2.0]
    assert jvp(f, at, [Straight(1.0, [0.0, 0.0]), 0.0]) == (29.0, 7.0)
    assert gradient(f, tuple(at)) == gradient(f, at)
    assert gradient(lambda x, y: x * y, range(2, 4)) == [3.0, 2.0]


@pytest.mark.parametrize(
    ("f", "at", "advice"),
    [
        (lambda x: x[0] * x[1], [1.0, 2.0], "write at=[[…]]"),
        (lambda x, y: x[0] * y, [[1.0], 2.0, 3.0], "write at=[[…]]"),
        (lambda p: p["a"] * p["b"], {"a": 1.0, "b": 2.0}, "write at=[{…}]"),
        (lambda x, *, k: x * k, [1.0, 2.0], "an entry for each argument"),
    ],
)
@pytest.mark.parametrize("what", [gradient, hessian, jacobian])
def test_what_a_function_takes_and_the_point_has_not_is_told(
    what: Callable[..., Any], f: Callable[..., Any], at: Any, advice: str
) -> None:
    with pytest.raises(TypeError, match=re.escape(advice)):
        what(f, at)


def test_errors_of_the_function_itself_stay_what_they_are() -> None:
    with pytest.raises(TypeError, match=r"^mine$"):
        gradient(mine, [1.0])
    x = Value(2.0)
    for output, wrt in [(x * x, x), (4.0, [x])]:
        with pytest.raises(TypeError, match=re.escape("gradients(loss, [x])")):
            gradients(output, wrt)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="for one output: gradient"):
        jacobian(lambda x: x * x, [1.0])


def mine(_: Value) -> Value:
    raise TypeError("mine")
