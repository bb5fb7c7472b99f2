"""The composed functions of the face: right at every size of number, and clear about what they cannot do."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import pytest

import engine
from engine import (
    Value,
    clamp,
    dot,
    elu,
    hardtanh,
    leaky_relu,
    log_softmax,
    logsumexp,
    maximum,
    mean,
    norm,
    selu,
    softmax,
    tanh,
    total,
    where,
)

SCALES = [1e-300, 1e-20, 1e-3, 1.0, 30.0, 800.0, 1e5, 1e150]


def exact_logsumexp(xs: Sequence[float]) -> Any:
    return mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(x)) for x in xs))


@pytest.mark.parametrize("scale", SCALES)
def test_sums_of_exponentials_and_squares_at_every_size(scale: float) -> None:
    draw = random.Random(repr(scale))
    for count in (1, 2, 7):
        xs = [scale * draw.uniform(-1, 1) for _ in range(count)]
        leaves = [Value(x) for x in xs]
        with mpmath.workdps(400):
            whole = exact_logsumexp(xs) if scale < 1e100 else max(xs)
            assert logsumexp(leaves).data == pytest.approx(float(whole), rel=4e-15, abs=4e-16)
            if scale < 1e100:
                shares = [float(mpmath.exp(x - whole)) for x in xs]
                logarithms = [float(x - whole) for x in xs]
                assert [p.data for p in softmax(leaves)] == pytest.approx(shares, rel=1e-14, abs=1e-300)
                found = [p.data for p in log_softmax(leaves)]
                assert found == pytest.approx(logarithms, rel=4e-15, abs=4e-16 * max(1.0, scale))
            length = float(mpmath.sqrt(mpmath.fsum(mpmath.mpf(x) ** 2 for x in xs)))
        assert norm(leaves).data == pytest.approx(length, rel=4e-16)


def test_numbers_give_what_values_give() -> None:
    assert tanh(0.5) == tanh(Value(0.5)).data
    assert maximum(1.0, 2.0) == 2.0
    assert [f(-0.5).data for f in (leaky_relu, elu, selu, hardtanh)] == [
        f(Value(-0.5)).data for f in (leaky_relu, elu, selu, hardtanh)
    ]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: clamp(x, 0.0, 1.0), 1.0),
        (hardtanh, 1.0),
        (lambda x: where(x > 1, x * 2, 0.0), 4.0),
        (lambda x: where(False, lambda: 1 / (x - x), x), 2.0),
        (lambda x: mean([x, 4.0]), 3.0),
        (lambda x: total([x, x, 1.0]), 5.0),
        (lambda x: total([]), 0.0),
        (lambda x: dot([x, 3.0], [1.0, x]), 8.0),
        (lambda x: dot([], [], x), 2.0),
    ],
)
def test_values(f: Callable[[Value], Value], expected: float) -> None:
    assert f(Value(2.0)).data == expected


@pytest.mark.parametrize("name", ["mean", "logsumexp", "norm", "softmax", "log_softmax"])
def test_what_needs_a_value_says_so(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} needs at least one value, got none"):
        getattr(engine, name)([])


def test_wrong_numbers_of_operands_are_refused() -> None:
    with pytest.raises(TypeError, match="tanh takes 1 operand, got 2"):
        tanh(Value(1.0), 2.0)
    with pytest.raises(ValueError, match="2 weights, 1 inputs"):
        dot([Value(1.0), Value(2.0)], [Value(1.0)])


def test_the_functions_describe_themselves_from_their_rows() -> None:
    assert tanh.__doc__ == f"the hyperbolic tangent of x.\n\n>>> tanh(0.5)\n{tanh(0.5)!r}"
    assert "Needs x > 0; raises DomainError otherwise." in (engine.log.__doc__ or "")
    assert "At 0.0: a kink" in (engine.relu.__doc__ or "")


@pytest.mark.parametrize("index", [0.5, float("nan"), float("inf")])
def test_a_place_is_a_whole_number(index: float) -> None:
    with pytest.raises(TypeError, match="pick needs a whole number as its index"):
        engine.pick([1.0, 2.0], Value(index))
