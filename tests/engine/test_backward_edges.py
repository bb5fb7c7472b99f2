"""Where derivatives are infinite, undefined or cut: what flows, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from engine import (
    NonFiniteError,
    Value,
    asin,
    atan2,
    cbrt,
    clamp,
    elu,
    exp,
    floor,
    gradients,
    hardtanh,
    hypot,
    leaky_relu,
    log,
    log_softmax,
    logsumexp,
    maximum,
    minimum,
    norm,
    relu,
    remember_lines,
    selu,
    sign,
    softmax,
    sqrt,
    tanh,
    total,
    where,
)
from engine.wording.conventions import conventions

INF = math.inf


EDGES: list[tuple[str, Callable[..., Any], tuple[float, ...], float, tuple[float, ...]]] = [
    ("relu at 0", relu, (0.0,), 0.0, (0.0,)),
    ("abs at 0", abs, (0.0,), 0.0, (0.0,)),
    ("maximum at a tie", maximum, (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("minimum at a tie", minimum, (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("maximum with itself", lambda x: maximum(x, x), (2.0,), 2.0, (1.0,)),
    ("maximum(x, 0) at 0", lambda x: maximum(x, 0.0), (0.0,), 0.0, (0.5,)),
    ("clamp at its low end", lambda x: clamp(x, 0.0, 1.0), (0.0,), 0.0, (0.0,)),
    ("clamp at its high end", lambda x: clamp(x, 0.0, 1.0), (1.0,), 1.0, (0.0,)),
    ("leaky_relu at 0", leaky_relu, (0.0,), 0.0, (0.01,)),
    ("hardtanh at 1", hardtanh, (1.0,), 1.0, (0.0,)),
    ("elu at 0", elu, (0.0,), 0.0, (1.0,)),
    ("selu at 0", selu, (0.0,), 0.0, (1.0507009873554805,)),
    ("sqrt at 0", sqrt, (0.0,), 0.0, (INF,)),
    ("sqrt at -0", sqrt, (-0.0,), 0.0, (INF,)),
    ("asin at 1", asin, (1.0,), math.pi / 2, (INF,)),
    ("cbrt at 0", cbrt, (0.0,), 0.0, (INF,)),
    ("sign at 0", sign, (0.0,), 0.0, (0.0,)),
    ("floor at 1", floor, (1.0,), 1.0, (0.0,)),
    ("x**0 at 0", lambda x: x**0, (0.0,), 1.0, (0.0,)),
    ("x**1 at 0", lambda x: x**1, (0.0,), 0.0, (1.0,)),
    ("x**2 at 0", lambda x: x**2, (0.0,), 0.0, (0.0,)),
    ("x**0.5 at 0", lambda x: x**0.5, (0.0,), 0.0, (INF,)),
    ("x**3 at -2, a constant exponent", lambda x: x**3, (-2.0,), -8.0, (12.0,)),
    ("x**y at (0, 2)", lambda x, y: x**y, (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("x**y at (0, 0)", lambda x, y: x**y, (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("hypot at the origin", hypot, (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("norm at the origin", lambda x, y: norm([x, y]), (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("where(x > 0, sqrt x, 0) at 0", lambda x: where(x > 0, sqrt(x), 0.0), (0.0,), 0.0, (0.0,)),
    ("where with a thunk at -1", lambda x: where(x > 0, lambda: log(x), 0.0), (-1.0,), 0.0, (0.0,)),
    ("logsumexp with one -inf", lambda x, y: logsumexp([x, y]), (-INF, 0.0), 0.0, (0.0, 1.0)),
    ("tanh at 800", tanh, (800.0,), 1.0, (0.0,)),
    ("exp at 1000", exp, (1000.0,), INF, (INF,)),
    ("relu at nan", lambda x, y: relu(x) * 0 + y, (1.0, 2.0), 2.0, (0.0, 1.0)),
]


@pytest.mark.parametrize(("what", "f", "at", "value", "slopes"), EDGES, ids=[edge[0] for edge in EDGES])
def test_edges(
    what: str, f: Callable[..., Any], at: tuple[float, ...], value: float, slopes: tuple[float, ...]
) -> None:
    inputs = [Value(number) for number in at]
    output = f(*inputs)
    output.backward() if isinstance(output, Value) else Value(output).backward()
    assert output.data == value
    assert tuple(x.grad or 0.0 for x in inputs) == slopes


def test_relu_of_nan_is_nan() -> None:
    assert math.isnan(relu(Value(math.nan)).data)


@pytest.mark.parametrize(
    ("f", "at", "value"),
    [
        (lambda x, y: x**y, (-2.0, 3.0), -8.0),
        (atan2, (0.0, 0.0), 0.0),
        (lambda x, y: logsumexp([x, y]), (-INF, -INF), -INF),
    ],
)
def test_what_has_no_sensible_derivative_raises_only_in_backward(
    f: Callable[..., Value], at: tuple[float, ...], value: float
) -> None:
    inputs = [Value(number) for number in at]
    output = f(*inputs)
    assert output.data == value
    with pytest.raises(NonFiniteError):
        output.backward()
    assert [x.grad for x in inputs] == [None, None]


@pytest.mark.parametrize("last", [relu, lambda x: 2.0 - relu(x) - 2.0, lambda x: where(False, x, 0.0)])
def test_a_nan_that_no_leaf_would_hear_of_is_refused(last: Callable[[Value], Value]) -> None:
    x = Value(-1.0)
    behind = last(x)  # hands nothing down
    with pytest.raises(NonFiniteError, match="times its local derivative inf"):
        (sqrt(behind) * 0.0).backward()
    assert behind.grad is None


def test_a_gradient_that_would_be_nan_raises_and_touches_nothing() -> None:
    x, w = Value(0.0, label="x"), Value(1.0, label="w")
    (w * 2).backward()
    squares = x * x
    length = sqrt(squares)
    y = length * w
    interior = [squares.grad, length.grad, y.grad]
    with pytest.raises(NonFiniteError, match="hypot or norm") as caught:
        y.backward()
    assert caught.value.node is squares  # inf × 0 happens when sqrt's infinite slope meets 2x = 0
    assert (x.grad, w.grad) == (None, 2.0)
    assert [squares.grad, length.grad, y.grad] == interior


@pytest.mark.parametrize("unreached_first", [False, True])
def test_who_makes_a_nan_is_never_a_node_that_nothing_reaches(unreached_first: bool) -> None:
    z, q = Value(0.0), Value(0.0)
    parts = [where(False, sqrt(z), Value(1.0)), sqrt(q) * 0.0]  # both roots have an infinite slope
    with pytest.raises(NonFiniteError) as caught:
        total(parts if unreached_first else reversed(parts)).backward()
    assert caught.value.node.parents == (q,)


def test_the_first_number_that_went_bad_is_named_with_its_line() -> None:
    with remember_lines():
        high = Value(1000.0, label="high")
        exponential = high.exp()
        odds = 1 / exponential
    with pytest.raises(NonFiniteError) as caught:
        odds.backward()
    assert caught.value.cause is exponential
    assert "exp = inf (made at " in str(caught.value)
    assert "test_backward_edges.py:" in str(caught.value)
    assert "'high'" in str(caught.value)
    assert "log_softmax" in str(caught.value)
    assert high.grad is None


def test_infinite_gradients_pass() -> None:
    x = Value(0.0)
    sqrt(x).backward()
    assert x.grad == INF


def test_opposite_infinities_meeting_are_refused() -> None:
    x = Value(0.0, label="x")
    with pytest.raises(NonFiniteError, match="infinite gradients of both signs"):
        (sqrt(x) - sqrt(x)).backward()
    assert x.grad is None


def test_softmax_at_extremes() -> None:
    logits = [Value(1000.0), Value(-1000.0), Value(0.0)]
    probabilities = softmax(logits)
    assert [p.data for p in probabilities] == [1.0, 0.0, 0.0]
    log_softmax(logits)[1].backward()
    assert [logit.grad for logit in logits] == [-1.0, 1.0, 0.0]


def test_the_conventions_are_printed_from_the_rows() -> None:
    lines = conventions().splitlines()
    assert "| relu(0) | 0 | no path | a kink: the subgradient of smallest magnitude |" in lines
    assert "| maximum(1, 1) | 1 | 0.5, 0.5 | a tie: split evenly between the operands |" in lines
    assert any(line.startswith("| atan2(0, 0) | 0 | undefined, undefined |") for line in lines)


@pytest.mark.parametrize("gradient", [2.0, -0.5, 3, 0.0, INF])
def test_backward_from_a_gradient_of_ones_own(gradient: float) -> None:
    x, y = Value(3.0), Value(-2.0)
    root = x * x + y
    root.backward()
    root.backward(gradient)
    assert (root.grad, x.grad, y.grad) == (gradient, 6.0 + 6.0 * gradient, 1.0 + gradient)


def test_a_gradient_that_is_no_number_is_refused() -> None:
    x = Value(3.0)
    root = x * x
    with pytest.raises(ValueError, match="got nan"):
        root.backward(gradient=math.nan)
    with pytest.raises(TypeError, match="str"):
        root.backward(gradient="1")  # type: ignore[arg-type]
    with pytest.raises(NonFiniteError, match="times its local derivative inf"):
        sqrt(Value(0.0)).backward(0.0)
    assert x.grad is None


def test_what_is_detached_hands_nothing_down() -> None:
    x = Value(3.0)
    straight_through = x + (floor(x * 1.1) - x).detach()
    assert straight_through.data == 3.0
    (straight_through * x).backward()
    assert x.grad == 6.0
    assert x.detach().parents == ()


@pytest.mark.parametrize("flat", [floor, sign, round])
def test_what_is_flat_hands_nothing_down_to_an_infinite_slope(flat: Callable[[Value], Value]) -> None:
    x = Value(0.0)
    node = flat(sqrt(x))
    (node * 2.0).backward()
    assert (x.grad, node.partials) == (0.0, (0.0,))
    assert gradients(node * 2.0, [x]) == [0.0]
