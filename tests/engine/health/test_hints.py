"""Every rewrite is the same function as what it replaces, and keeps digits where that loses them."""

from __future__ import annotations

import inspect
import random

import pytest
from truth import Exact, many

from engine import Value, mean
from engine.graph import topological_order
from engine.health.hints import REWRITES, Written, hint
from engine.wording import display_names

# Where each shape loses digits: operands near these, in the order of its parameters.
LOSSY: dict[tuple[str, ...], list[tuple[float, ...]]] = {
    ("x",): [(1e-7,), (15.0,), (1e-9,), (1.5707,)],
    ("x", "y"): [(1e8 + 1, 1e8), (3.0 + 1e-9, 3.0)],
    ("x", "c"): [(1e12, 1.0)],
    ("b", "c"): [(1e8, 1.0), (-1e8, 1.0)],
}


def written(node: Value) -> str:
    return hint(node, display_names(topological_order(node)))


def off(formula: Written, numbers: tuple[float, ...]) -> float:
    """The relative error of the formula on floats."""
    many.dps = 100
    exact = formula(*(Exact(many.mpf(number)) for number in numbers)).number
    return float(abs(many.mpf(formula(*numbers)) - exact) / abs(exact)) if exact else 0.0


@pytest.mark.parametrize("place", range(len(REWRITES)))
def test_a_rewrite_is_the_same_function(place: int) -> None:
    shape, rewrite = REWRITES[place]
    many.dps = 60
    draw = random.Random(place)
    for _ in range(10):
        count = len(inspect.signature(shape).parameters)
        numbers = [draw.uniform(0.1, 0.9) + 2.0 * (count - 1 - n) for n in range(count)]  # b² > c
        operands = [Exact(many.mpf(number)) for number in numbers]
        first, second = shape(*operands).number, rewrite(*operands).number
        assert abs(first - second) <= abs(first) * many.mpf(10) ** -14, "to the digits of floats inside"


@pytest.mark.parametrize("place", range(len(REWRITES)))
def test_a_rewrite_keeps_digits_where_the_shape_loses_them(place: int) -> None:
    shape, rewrite = REWRITES[place]
    found = []
    for numbers in LOSSY[tuple(inspect.signature(shape).parameters)]:
        try:
            found.append((off(shape, numbers), off(rewrite, numbers)))
        except (ValueError, ZeroDivisionError):
            continue  # not in the domain, or the other sign of b
    assert any(before > 1e-11 and after < 1e-14 for before, after in found), found


@pytest.mark.parametrize("place", range(len(REWRITES)))
def test_a_shape_is_found_in_a_graph(place: int) -> None:
    """As it stands, and the terms of a sum the other way round."""
    shape, _ = REWRITES[place]
    names = list(inspect.signature(shape).parameters)
    first = 0.5 if len(names) == 1 else 2.5
    operands = [Value(first - 0.25 * number, label=name) for number, name in enumerate(names)]
    assert written(shape(*operands))


def test_the_same_in_other_words() -> None:
    x, y = Value(0.5, label="x"), Value(0.6, label="y")
    a, b, c = Value(1.0, label="a"), Value(8.0, label="b"), Value(2.0, label="c")
    cosine = "2 × sin(x ÷ 2)²"
    assert written(1 - x.cos()) == written(-x.cos() + 1) == cosine
    assert written(x.cos() - 1) == written(x.cos() + (-1)) == f"−({cosine})"
    assert written(1 - x.tanh() * x.tanh()) == written(1 - x.tanh() ** 2) == "1 ÷ cosh(x)²"
    assert written((b**2 - 4 * a * c).sqrt() - b) == written(-b + (b * b - 4 * a * c).sqrt())
    assert written((x + y).exp() - 1) == "expm1(x + y)"
    z = x + y
    z.label = "z"
    assert written(z.exp() - 1) == "expm1(z)"


def test_what_is_no_disaster_gets_no_hint() -> None:
    x, y = Value(0.5, label="x"), Value(0.6, label="y")
    for harmless in (x - y, (x * x).sqrt() - x, 1 + x.cos(), x.exp() + 1, x * y, x.tanh(), 2 - x.cos()):
        assert written(harmless) == ""
    assert written(mean([x * x, y * y]) - mean([x, x]) ** 2) == ""
    assert "subtract the mean" in written(mean([x * x, y * y]) - mean([x, y]) ** 2)
    assert "subtract the mean" in written((x * x + y * y) / 2 - ((x + y) / 2) ** 2)
