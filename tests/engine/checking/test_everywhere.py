"""The worst point is searched for; strategies and the pytest plugin."""

from __future__ import annotations

from typing import Any

import pytest
from expressions import is_clear, points, values
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import CheckError, Value, ops
from engine.checking import assert_everywhere, check_everywhere, faulty
from engine.checking.plugin import GradientCheck
from engine.checking.strategies import numbers
from engine.operation import Operation, choose

ROWS = list(ops.TABLE.values())


pytest_plugins = ["pytester"]


# ── Strategies and the pytest plugin ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("row", ROWS, ids=repr)
@settings(max_examples=10)
@given(data=st.data())
def test_points_lie_in_the_domain_away_from_kinks(row: Operation, data: Any) -> None:
    operands = data.draw(points(row))
    assert row.domain.contains(*operands)
    assert is_clear(row, operands, 1e-3)


@given(values(0.0, 1.0))
def test_values_are_leaves(value: Value) -> None:
    assert 0.0 <= value.data <= 1.0
    assert value.operation is None


TEST_FILE = """
import pytest
from engine import Value, ops
from engine.value import make_node
import dataclasses

def test_right(gradcheck):
    gradcheck(lambda x: x.tanh(), at=[0.3])

@pytest.mark.gradcheck(order=2, samples=1)
def test_options(gradcheck):
    gradcheck(lambda x, y: x * y, at=[0.3, 0.5])

def test_wrong(gradcheck):
    tanh = dataclasses.replace(ops.tanh, partials=lambda out, x: (1.0,))
    gradcheck(lambda x: make_node(tanh, [x]), at=[0.3])
"""


def test_the_pytest_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST_FILE)
    found = pytester.runpytest_inprocess(
        "-p", "engine.checking.plugin", "--strict-markers", "--gradcheck-seed", "5"
    )
    found.assert_outcomes(passed=2, failed=1)
    found.stdout.fnmatch_lines(["*gradient check FAILED*seed 5*", "*first wrong operation: tanh*"])
    found.stdout.no_fnmatch_line("*raise CheckError*")


# ── Everywhere ────────────────────────────────────────────────────────────────────────────────────


def test_everywhere_is_content_with_what_is_right() -> None:
    found = check_everywhere(
        lambda x, y: (x * y).tanh() + x.sin(), st.tuples(numbers(), numbers()), examples=40
    )
    assert found
    assert found.points >= 40
    assert str(found).startswith("gradient checks passed: ")


def test_everywhere_finds_the_corner_where_it_is_wrong() -> None:
    """Right below 2 and wrong above: hypothesis finds it, and the simplest such point."""
    square = faulty(ops.multiply, lambda out, x, y: (y, choose(x > 2.0, 1.05, 1.0) * x))
    found = check_everywhere(lambda x: square(x, x) + x, st.tuples(numbers(-5.0, 5.0)))
    assert not found
    assert 2.0 < found.at[0] <= 3.0
    assert "the simplest that fails is at=" in str(found)
    assert found.worst.blame is not None
    with pytest.raises(CheckError, match="the simplest that fails"):
        assert_everywhere(lambda x: square(x, x) + x, st.tuples(numbers(-5.0, 5.0)))


def test_everywhere_leaves_out_where_there_is_no_value_and_says_so() -> None:
    found = check_everywhere(lambda x: x.log(), st.tuples(numbers(-1.0, 3.0)), examples=30)
    assert found
    assert found.outside > 0
    with pytest.raises(ValueError, match=r"no point at which f can be checked.*log needs x > 0"):
        check_everywhere(lambda x: x.log(), st.tuples(numbers(-2.0, -1.0)), examples=5)


def test_everywhere_undecided() -> None:
    found = check_everywhere(lambda x: x.floor(), st.tuples(st.integers(-3, 3)), examples=5)
    assert not found
    assert found.undecided == found.points
    assert "UNDECIDED" in str(found)
    assert "passed" not in str(found)


def test_the_fixture_searches_too() -> None:
    check = GradientCheck({"seed": 3})
    check(lambda x: x.tanh(), at=[0.3])
    check.everywhere(lambda x: x.tanh(), st.tuples(numbers()), examples=10)
    tanh = faulty(ops.tanh, lambda out, x: (1.0,))
    with pytest.raises(CheckError, match="the simplest that fails"):
        check.everywhere(tanh, st.tuples(numbers()), examples=10)
