"""lgamma, digamma and polygamma: rows like any other, whose numbers are held against mpmath's."""

from __future__ import annotations

import math
import random

import mpmath
import numpy as np
import pytest

from engine import (
    DomainError,
    ReplayError,
    Value,
    check_gradients,
    compile,  # noqa: A004
    digamma,
    explain,
    gradients,
    lgamma,
    ops,
    where,
)
from engine.special.gamma import MOST, polygamma

draw = random.Random(0)
POSITIVE = [1e-300, 1e-100, 1e-8, 1.0, 1.4616321449683622, 14.999999, 15.0, 30.0, 300.0, 1e5, 1e100, 1e300]
POSITIVE += [draw.uniform(0.0, 20.0) for _ in range(60)]
NEGATIVE = [-1e-8, -0.25, -0.5, -0.75, -1.0 + 1e-9, -5.0 - 1e-9, -30.25]
NEGATIVE += [-draw.uniform(0.0, 20.0) for _ in range(60)]


@pytest.mark.parametrize("order", [0, 1, 2, 3, 7, 20, 100])
def test_right_wherever_there_is_a_value(order: int) -> None:
    """For a higher order poles of both signs nearly cancel below 0: right to so many of their units."""
    with mpmath.workdps(60):
        for x in [*POSITIVE, *NEGATIVE]:
            if x > 0 or order <= 20:
                exact = mpmath.psi(order, mpmath.mpf(x))
                found = polygamma(float(order), x)
                size = abs(exact) + (1 + mpmath.log1p(abs(x)) if order == 0 else 0)
                if abs(exact) >= mpmath.mpf(2) ** 1024:
                    assert found == math.copysign(math.inf, exact), x
                else:
                    assert abs(mpmath.mpf(found) - exact) <= (8 + 2 * order) * 2.0**-52 * size + 1e-323, x


@pytest.mark.parametrize("x", [0.3, 2.5, -2.75])
def test_derivatives_of_every_order(x: float) -> None:
    leaf = Value(x)
    found: Value = lgamma(leaf)
    for expected in (digamma(x), *(polygamma(float(order), x) for order in (1, 2, 3))):
        (found,) = gradients(found, [leaf], create_graph=True)
        assert found.data == expected


def test_it_is_drawn_explained_checked_and_replayed_like_any_other() -> None:
    x = Value(2.5, label="x")
    assert "digamma(x)" in str(explain(x.lgamma()))
    assert check_gradients(lambda x: x.lgamma() + x.digamma() + ops.polygamma(2.0, x), [0.7]).ok
    batch = np.array([0.5, 1.0, 2.0])

    def f(a: Value) -> Value:
        return (a * x).lgamma() + a.digamma()

    p = compile(f, [x])
    assert p.executor in ("numpy", "llvm")
    losses, gradient = p.value_and_gradients([2.5], batch)
    assert p.executor == "numpy"  # which alone can call a row's own forward
    assert losses == pytest.approx([math.lgamma(2.5 * a) + digamma(a) for a in batch], rel=1e-14)
    assert gradient == pytest.approx([sum(a * digamma(2.5 * a) for a in batch)], rel=1e-14)
    with pytest.warns(UserWarning, match="run by NumPy, not by LLVM: there is no machine code for lgamma"):
        compile(f, [x], executor="llvm")(batch)
    with pytest.raises(ReplayError, match="cannot be run in float32: there is no machine code for lgamma"):
        compile(f, [x], dtype="float32")(batch)


def test_a_pole_is_refused_in_replay_too() -> None:
    x = Value(1.0)
    p = compile(lambda a: where(a > -9.0, 1.0, (a * x).lgamma()), [x], executor="numpy")
    assert p([0.5, 2.0]).tolist() == [1.0, 1.0]
    with pytest.raises(
        DomainError, match=r"lgamma needs x that is not 0 and no negative whole number; got -3\.0"
    ):
        p([0.5, -3.0])


@pytest.mark.parametrize("order", [-1.0, 0.5, MOST + 1.0, math.inf])
def test_orders_are_whole_and_not_too_large(order: float) -> None:
    with pytest.raises(DomainError, match="polygamma needs a whole order up to 100"):
        ops.polygamma(order, 1.0)


@pytest.mark.parametrize(
    "x", [1.0 + 1e-15, 1.0 - 1e-9, 2.0 - 1e-12, 2.0 + 1e-5, 0.51, 0.75, 1.47, 2.49, 2.72, 7.3, 19.9]
)
def test_lgamma_keeps_its_digits_where_it_is_nearly_0(x: float) -> None:
    with mpmath.workdps(50):
        exact = mpmath.loggamma(mpmath.mpf(x))
        assert abs(mpmath.mpf(ops.lgamma(x)) / exact - 1) < 2e-15
    assert (ops.lgamma(1.0), ops.lgamma(2.0)) == (0.0, 0.0)
