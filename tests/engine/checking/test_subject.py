"""What can be checked: shapes of the point, parameters, samples, vectors, orders."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checked import layered
from expressions import DIFFERENTIABLE, random_expression

import nn
from engine import Value, ops, total
from engine.checking import Verdict, check_gradients, faulty
from engine.checking.identities import SYMMETRIC


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": 0}, "at least 1"),
        ({"samples": 0}, "at least 1"),
        ({"only": "z"}, "only='z' fits no input; there are 1: x"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_gradients(lambda x: x, at=[1.0], **options)


def test_wrong_points_are_refused() -> None:
    x = Value(1.0, label="x")
    with pytest.raises(ValueError, match="the same leaf twice"):
        check_gradients(lambda a, b: a * b, at=[x, x])
    with pytest.raises(ValueError, match="computed by add"):
        check_gradients(lambda a: a, at=[x + 1.0])
    with pytest.raises(ValueError, match="nothing to check"):
        check_gradients(lambda: x, at=[])
    with pytest.raises(TypeError, match="str"):
        check_gradients(lambda a: a, at=["1"])


# ── What can be checked: shapes of `at`, parameters, samples, vectors, orders ─────────────────────


@pytest.mark.parametrize(
    ("f", "at", "names"),
    [
        (lambda a, b: a * b, [2.0, -3.0], ["a", "b"]),
        (lambda a, b: a * b, (2.0, -3.0), ["a", "b"]),
        (lambda a: a * a, 2.0, ["a"]),
        (lambda *xs: xs[0] * xs[1], [2, -3], ["x[0]", "x[1]"]),
        (lambda w, b: w[0] * w[1] + b, [[1.0, 2.0], 0.5], ["w[0]", "w[1]", "b"]),
        (
            lambda m: m[0][1] * m[1][0],
            [[[1.0, 2.0], [3.0, 4.0]]],
            ["m[0][0]", "m[0][1]", "m[1][0]", "m[1][1]"],
        ),
        (lambda a, b: a * b, {"b": 2.0, "a": 3.0}, ["b", "a"]),
        (lambda p: p["w"].exp(), [{"w": 2.0}], ["p['w']"]),
        (lambda a, b: a * b, [Value(2.0, label="left"), 3.0], ["left", "b"]),
    ],
)
def test_shapes_of_the_point(f: Callable[..., Value], at: Any, names: list[str]) -> None:
    result = check_gradients(f, at=at)
    assert result, str(result)
    assert [row.input for row in result.rows] == names


def test_parameters_are_moved_and_put_back() -> None:
    w, b = Value(0.5, label="w"), Value(-0.2, label="b")
    w.grad = 7.0
    result = check_gradients(lambda: w * 3.0 + b.tanh(), at=[w, b])
    assert result
    assert [row.input for row in result.rows] == ["w", "b"]
    assert (w.data, w.grad, b.data, b.grad) == (0.5, 7.0, -0.2, None)


def test_parameters_are_put_back_after_an_error() -> None:
    w = Value(0.5)

    def f() -> Value:
        if w.data != 0.5:
            raise RuntimeError
        return w * 2.0

    with pytest.raises(RuntimeError):
        check_gradients(f, at=[w])
    assert w.data == 0.5


def test_a_network_is_checked_by_its_parameters() -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    result = check_gradients(lambda: (model([0.5, -1.0])[0] - 0.3) ** 2, at=model.parameters())
    assert result, str(result)
    assert [row.input for row in result.rows] == [parameter.label for parameter in model.parameters()]
    assert result.rows[0].input == "layers[0].neurons[0].weights[0]"


def test_a_generator_of_parameters() -> None:
    leaves = [Value(1.0), Value(2.0)]
    assert check_gradients(lambda: leaves[0] * leaves[1], at=iter(leaves))


def test_only_some_inputs() -> None:
    weights = [0.1 * place for place in range(5)]

    def names(only: Any) -> list[str]:
        result = check_gradients(lambda w, b: total(w).sin() * b, at=[weights, 0.5], only=only)
        assert result
        return [row.input for row in result.rows]

    assert names("w[3]") == ["w[3]"]
    assert names("w") == [f"w[{place}]" for place in range(5)]
    assert names(["b", 0]) == ["w[0]", "b"]


def test_a_sample_has_a_share_of_every_layer_and_a_direction() -> None:
    leaves, f = layered()
    result = check_gradients(f, at=leaves, samples=6)
    assert result
    inputs = [row.input for row in result.rows]
    assert inputs[-1] == "one direction through all"
    assert [sum(name.startswith(f"layers[{layer}]") for name in inputs) for layer in range(3)] == [2, 2, 2]
    assert "sampled from 210 inputs" in str(result)
    assert [row.input for row in check_gradients(f, at=leaves, samples=6).rows] == inputs
    assert [row.input for row in check_gradients(f, at=leaves, samples=6, seed=1).rows] != inputs


def test_many_inputs_are_sampled_unasked_and_a_fault_is_found_all_the_same() -> None:
    leaves, _ = layered()
    exp = faulty(ops.exp, lambda out, x: (out * 1.01,))

    def f() -> Value:
        return total([*(leaf.tanh() for leaf in leaves[:-1]), exp(leaves[-1])])

    result = check_gradients(f, at=leaves)
    assert len(result.rows) == 51
    assert not result
    assert result.blame is not None
    assert result.blame.operation == "exp"
    assert "again: check_gradients(f, at=…" in str(result)


def test_a_vector_function_is_checked_output_by_output() -> None:
    result = check_gradients(lambda x, y: [x * y, x + y.sin(), x], at=[1.0, 2.0])
    assert result
    assert [row.input for row in result.rows[:3]] == ["x → [0]", "y → [0]", "x → [1]"]
    assert any("<J v, w>" in identity.name for identity in result.identities)


def test_orders_and_symmetry() -> None:
    result = check_gradients(lambda x, y: (x * y).sin() * x.tanh(), at=[0.7, -0.4], order=3)
    assert result, str(result)
    assert [row.order for row in result.rows] == [1, 1, 2, 2, 3, 3]
    assert any("symmetric" in identity.name for identity in result.identities)


def test_a_second_derivative_that_is_cut_is_found() -> None:
    exp = faulty(ops.exp, lambda out, x: (math.exp(x),))
    assert check_gradients(exp, at=[0.5])
    result = check_gradients(exp, at=[0.5], order=2)
    assert [row.verdict for row in result.rows] == [Verdict.OK, Verdict.CUT]


def test_second_derivatives_that_are_not_symmetric_are_found() -> None:
    product = faulty(ops.multiply, lambda out, x, y: (y, float(x)))
    assert check_gradients(product, at=[0.5, 2.0])
    result = check_gradients(product, at=[0.5, 2.0], order=2)
    assert not result
    assert [same.name for same in result.identities if not same.holds] == [SYMMETRIC]
    assert "x[1], x[0]: 0 and 1" in str(result)


@pytest.mark.parametrize("seed", range(12))
def test_third_derivatives_of_random_graphs(seed: int) -> None:
    expression = random_expression(random.Random(seed), size=4, operations=DIFFERENTIABLE)
    result = check_gradients(expression, at=expression.at, order=3)
    assert result, f"{expression}\n{result}"


def test_second_order_rows_are_second_derivatives_or_say_along_what() -> None:
    one = check_gradients(lambda a: a * a * a, at=[2.0], order=3)
    assert one
    assert [row.analytic for row in one.rows] == [12.0, 12.0, 6.0]
    assert "along" not in str(one)
    two = check_gradients(lambda x, y: x * x * y, at=[2.0, 3.0], order=2)
    ((dx, dy),) = two.directions
    assert [row.analytic for row in two.rows[2:]] == [pytest.approx(6 * dx + 4 * dy), pytest.approx(4 * dx)]
    assert f"order 2: the derivative of the gradient along ({dx:g}, {dy:g})" in str(two)


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x, y: x * y, np.array([1.0, 2.0])),
        (lambda x: x[0] * x[1], [[2.0, 3.0]]),
        (lambda x: x[0] * x[1], (np.array([2.0, 3.0]),)),
        (lambda m: m[0][1] * m[1][0], [np.array([[1.0, 2.0], [3.0, 4.0]])]),
        (lambda p: p["w"][0] * p["b"], [{"w": np.array([2.0]), "b": 3.0}]),
    ],
)
def test_vectors_and_arrays(f: Callable[..., Value], at: Any) -> None:
    assert check_gradients(f, at=at, order=2)


def test_a_module_is_a_point() -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)

    def loss() -> Value:
        return (model([0.5, -1.0])[0] - 0.3) ** 2

    result = check_gradients(loss, model)
    assert [row.input for row in result.rows] == [parameter.label for parameter in model.parameters()]
    assert result
    assert check_gradients(lambda net: net([0.5, -1.0])[0] ** 2, model)
    assert check_gradients(lambda net, x: net(x)[0], [model, [0.5, -1.0]])
