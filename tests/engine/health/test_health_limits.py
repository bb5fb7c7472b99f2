"""What health cannot tell, and that it says so."""

from __future__ import annotations

import builtins
import math
from fractions import Fraction
from typing import Any

import pytest
from bounds import holds, leaf

from engine import GraphError, Value, custom_operation, health, hypot, logsumexp, norm, ops
from engine.operation import Domain, Operation

# ── What cannot be told ───────────────────────────────────────────────────────────────────────────


def test_a_row_of_ones_own_has_no_bound_and_it_is_said() -> None:
    mine = Operation(
        "mine", 1, lambda x: x * 1.5, lambda out, x: (1.5,), "mine", Domain("", lambda _: True, ())
    )
    x = leaf(0.1, "x")
    root: Any = mine(x * 3)
    found = health(root)
    assert found[root].bound == math.inf
    assert found[root.parents[0]].bound < 1e-15
    assert "no numbers of many digits for mine" in str(found)


def test_a_row_of_ones_own_that_is_lowered_has_bounds() -> None:
    """Those of what it is lowered to; the surrogate's too, whose partials tell nothing of its values."""

    @custom_operation(partials=lambda out, x: (3 * x * x,), lowered=lambda x: x * x * x)
    def cube(x: float) -> float:
        """The cube of x."""
        return x**3

    @custom_operation(partials=lambda out, x: (1.0,), lowered=ops.floor, surrogate=True)
    def stairs(x: float) -> float:
        """Floor, with the slope of a straight line."""
        return math.floor(x)

    @custom_operation(partials=lambda out, x: (0.0,), lowered=ops.floor)
    def flat_stairs(x: float) -> float:
        """Floor, which does not say that it jumps."""
        return math.floor(x)

    x = leaf(0.1, "x")
    for limit in (0, 1024):
        found = health(cube(x * 3), digits=17, limit=limit)
        assert 0 < found[found.root].bound < 1e-16
        assert 0 < found[x].gradient_bound < 1e-15
    third = leaf(1.0, "t") / 3
    for jumps in (stairs, flat_stairs):
        step = jumps(third + third + third)
        assert health(step, digits=0)[step].bound >= 1.0, "three thirds may be less than 1"
        assert health(step)[step].bound >= 1.0


@pytest.mark.parametrize("limit", [0, 1024])
def test_what_ones_own_forward_is_off_from_its_formula_counts(limit: int) -> None:
    @custom_operation(partials=lambda out, x: (3 * x * x,), lowered=lambda x: x * x * x)
    def table(x: float) -> float:
        """The cube of x, as good as a trial of it asks for, and no better."""
        return x**3 * (1 + 9e-13)

    root = table(leaf(0.3, "x") * 1.1)
    off = float(abs(Fraction(root.data) - (Fraction(0.3) * Fraction(1.1)) ** 3))
    assert off <= health(root, digits=17, limit=limit)[root].bound < 1.001 * off


def test_the_limit_is_said() -> None:
    """x ← 4x(1 − x) doubles its error at every step, and its ball grows by more."""
    x: Any = leaf(0.3, "x")
    for _ in range(150):
        x = 4 * x * (1 - x)
    found = health(x, limit=256)
    assert "(not settled with 256 bits)" in str(found)
    assert holds(found)
    settled = health(x)
    assert settled.settled
    assert holds(settled)
    assert settled.bits == 512


def test_without_mpmath_the_first_level_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("engine.health.many_digits"):
            raise ModuleNotFoundError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    found = health(1 - leaf(1e-6, "x").cos())
    assert "(mpmath, which has numbers of more digits, is not installed)" in str(found)
    assert 0 < found[found.root].digits < 4


def test_stale_graphs_and_strangers_are_refused() -> None:
    x = leaf(2.0, "x")
    y = x.tanh() * 3
    x.data = 1.0
    with pytest.raises(GraphError, match="has changed since the graph was made"):
        health(y)
    with pytest.raises(TypeError, match="health takes a Value"):
        health(3.0)  # type: ignore[arg-type]


def test_nobodys_grad_is_touched() -> None:
    x = leaf(0.5, "x")
    y = x.tanh() * x
    health(y)
    assert (x.grad, y.grad) == (None, None)


def test_a_leaf_alone_a_nan_and_an_infinity() -> None:
    x = leaf(0.1, "x")
    assert health(x)[x].bound == 0.0
    for strange in (math.nan, math.inf):
        root = leaf(strange, "x") * 2
        assert health(root)[root].bound == math.inf


def test_a_bound_of_what_is_too_small_for_a_float_is_not_0() -> None:
    """erfc(195) is 1e-16517: 0 in floats, and so is every product with it."""
    x = leaf(195.0, "x")
    y = x.erfc()
    found = health(y * y, digits=0)
    assert found[y].bound > 0
    assert found[x].gradient_bound > 0
    assert holds(found)


def test_a_guess_of_0_is_no_proof() -> None:
    """exp(−800) is 0 in floats and 4e-348 exactly, where hypot has slope 1, not that of its kink."""
    x = leaf(-800.0, "x")
    for root in (hypot(x.exp(), 0.0), norm([x.exp(), x.exp()])):
        found = health(root, digits=0)
        assert found[root].bound > 0
        assert found[root.parents[0]].gradient_bound >= 0.5
        assert holds(found)
        assert holds(health(root))


def test_deep_graphs_are_no_matter() -> None:
    x: Any = leaf(0.1, "x")
    for _ in range(20_000):
        x = x + 1e-3
    found = health(x, digits=0)
    assert found[x].digits > 10


def test_a_gradient_may_reach_a_node_only_in_exact_numbers() -> None:
    """Eager takes relu's flat side where exact numbers take the other: its 0 is wrong by the slope."""
    x = leaf(0.1, "x")
    root = ((x * 3 - 0.30000000000000004) * -7).relu() + ((x * 3 - 0.30000000000000004) * 7).relu()
    assert holds(health(root))
    assert holds(health(logsumexp([root, x])))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("limit", wrong) for wrong in ("a", -1, 1.5, True)),
        *(("digits", wrong) for wrong in ("a", -1, True, math.nan)),
    ],
)
def test_digits_and_limits_that_are_none_are_refused(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*; got {wrong!r}"):
        health(Value(1.0) * 2, **{name: wrong})


def test_digits_and_limits_may_be_numbers_of_any_kind() -> None:
    numpy = pytest.importorskip("numpy")
    wanted = str(health(Value(1.0) * 2, digits=12, limit=256))
    for limit in (numpy.int64(256), numpy.int32(256)):
        assert str(health(Value(1.0) * 2, limit=limit)) == wanted
    kinds: list[Any] = [numpy.float32(12), numpy.int64(12), Fraction(12)]
    for digits in kinds:
        assert str(health(Value(1.0) * 2, digits=digits, limit=256)) == wanted
