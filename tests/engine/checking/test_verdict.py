"""Functions that are at fault themselves: neither vain passes nor false accusations."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from checked import only_row

from engine import CheckError, DomainError, Value
from engine.checking import Verdict, assert_gradients, check_gradients

# ── Functions that are at fault themselves ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "f",
    [
        lambda x: Value(math.exp(x)),
        math.exp,
        lambda x: x + math.exp(x),
        lambda x: x.data * x.sin(),
        lambda x: x * 2.0 - 1.0 if x.data > 1.0 else x * 3.0 - 2.0,
    ],
)
def test_a_cut_graph_is_told_from_a_wrong_derivative(f: Callable[[Value], Value]) -> None:
    result = check_gradients(f, at=[1.0])
    assert not result
    assert only_row(result).verdict is Verdict.CUT
    assert "float()" in str(result)
    assert result.blame is None


def test_an_unused_input_passes_with_a_word() -> None:
    result = check_gradients(lambda x, y: x * 2.0, at=[1.0, 2.0])
    assert result
    assert [row.verdict for row in result.rows] == [Verdict.OK, Verdict.UNUSED]


def test_chance_is_not_deterministic() -> None:
    draw = random.Random(0)
    result = check_gradients(lambda x: x * draw.random(), at=[1.0])
    assert not result
    assert only_row(result).verdict is Verdict.UNSTEADY


def test_an_infinite_function_is_not_decided() -> None:
    row = only_row(check_gradients(lambda x: x * 1e200 * 1e200, at=[1.0]))
    assert (row.verdict, row.note) == (Verdict.UNRELIABLE, "f is inf here")


def test_errors_of_the_function_come_through() -> None:
    with pytest.raises(DomainError):
        check_gradients(lambda x: x.log(), at=[-1.0])
    with pytest.raises(TypeError, match="str"):
        check_gradients(lambda x: "3", at=[-1.0])


# ── Neither vain passes nor false accusations ─────────────────────────────────────────────────────


def hinge(x: Value) -> Value:
    return x * 2.0 if x > 0 else Value(0.0)


@pytest.mark.parametrize(
    ("f", "at", "verdict", "left", "right"),
    [
        (lambda x, y: max(x, y) * 1, [1.0, 1.0], Verdict.KINK, 0.0, 1.0),
        (lambda x, y: min(x, y) + 0.0, [1.0, 1.0], Verdict.KINK, 1.0, 0.0),
        (lambda x, y: sorted([y, x])[1] * 2.0, [1.0, 1.0], Verdict.KINK, 0.0, 2.0),
        (hinge, [0.0], Verdict.KINK, 0.0, 2.0),
        (lambda x: Value(0.0) if x < 1.0 else (x - 1.0) * 3.0, [1.0], Verdict.KINK, 0.0, 3.0),
        (lambda x: Value(1.0) if x > 0 else Value(0.0), [0.0], Verdict.DISCONTINUOUS, None, None),
    ],
)
def test_an_input_that_is_on_the_other_side_of_a_python_branch(
    f: Callable[..., Value], at: list[float], verdict: Verdict, left: float | None, right: float | None
) -> None:
    """Where Python chooses, what is not chosen is not in the graph; that is no mistake."""
    result = check_gradients(f, at=at)
    rows = [row for row in result.rows if row.verdict is verdict]
    assert rows, str(result)
    assert bool(result) is (verdict is Verdict.KINK)
    if left is not None:
        found = {(round(row.left, 6), round(row.right, 6)) for row in rows}
        assert (left, right) in found


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: Value(math.exp(x)) if x > 0 else Value(1.0), [0.0]),  # cut, and branching
        (lambda x, y: Value(float(max(x, y))), [1.0, 1.0]),
        (lambda x: Value(abs(float(x))), [0.0]),  # central differences of it are exactly 0
        (lambda x: Value(float(x) ** 2), [0.0]),
    ],
)
def test_what_is_cut_is_not_excused_by_a_branch_or_by_symmetry(
    f: Callable[..., Value], at: list[float]
) -> None:
    result = check_gradients(f, at=at)
    assert Verdict.CUT in [row.verdict for row in result.rows], str(result)
    assert not result


def wave(x: Value) -> Value:
    return (1e6 * x).sin() if x > 1.0 else (1e6 * x).sin() + 5.0


@pytest.mark.parametrize(
    ("f", "at", "advice"),
    [
        (wave, 1.0, "off the jump"),
        (lambda x: x.floor(), 2.0, "off the jump"),
        (lambda x: x.tanh(), 18.0, "where f is finite"),
        (lambda x: x * 1e200 * 1e200, 1.0, "where f is finite"),
    ],
)
def test_a_check_that_decided_nothing_is_undecided(
    f: Callable[[Value], Value], at: float, advice: str
) -> None:
    result = check_gradients(f, at=[at])
    assert not result
    assert result.undecided == (1,)
    assert not result.failed
    text = str(result)
    assert text.startswith("gradient check UNDECIDED")
    assert "passed" not in text
    assert "choose a point" in text
    assert advice in text
    with pytest.raises(CheckError, match="UNDECIDED"):
        assert_gradients(f, at=[at])


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: x * x, 1e-300),
        (lambda x: x * x * x + x * 0.0, 1e-110),
        (lambda x: (-x * x).exp(), 27.0),
        (lambda x: x.sigmoid(), -744.0),
        (lambda x: (1e10 * x).sin() * x, 1.0),
        (lambda x: x.sin(), 1e12),
        (lambda x: x.cos() + x, -1e14),
    ],
)
def test_nobody_is_accused_of_underflow_or_of_waves_shorter_than_the_steps(
    f: Callable[[Value], Value], at: float
) -> None:
    result = check_gradients(f, at=[at])
    assert not result.failed
    assert result.blame is None
    assert all(identity.holds for identity in result.identities)


def test_where_something_is_decided_the_rest_is_skipped_and_said() -> None:
    result = check_gradients(lambda x, y: x.floor() + y * y, at=[1.0, 2.0])
    assert result
    assert "1 of 2 right, 1 skipped" in str(result)


def test_an_order_of_which_nothing_was_decided_is_told() -> None:
    result = check_gradients(lambda x: x.relu(), at=[0.0], order=2)
    assert not result
    assert result.undecided == (2,)
    assert "about order 2" in str(result)
