"""health(root): bounds that hold, the classic disasters, where digits are lost, and what cannot be told."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from bounds import errors, holds, leaf
from effort import share
from expressions import build, seeded_expressions
from truth import FUNCTIONS, exact_passes, many

from engine import Value, atan2, health, maximum, mean, ops, remember_lines, softmax, total, where
from engine.health.levels import FULL
from engine.health.many_digits import knows

# ── Random graphs ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("avoid", [1e-3, 0.0])
@pytest.mark.parametrize("digits", [0, 17])
def test_no_error_of_a_random_graph_exceeds_its_bound(avoid: float, digits: int) -> None:
    count = share(40 if digits else 120)
    for expression in seeded_expressions(count, inputs=3, size=40, seed=11, avoid=avoid):
        root, _ = build(expression)
        assert holds(health(root, digits=digits)), str(expression)


def of_all_sizes(seed: int) -> Value:
    """A small graph on numbers from 1e-150 to 1e100, two of which are nearly the same."""
    draw = random.Random(f"sizes {seed}")
    nodes = [Value(draw.choice((-1, 1)) * 10 ** draw.uniform(-150, 100)) for _ in range(3)]
    nodes += [
        Value(nodes[0].data * (1 + 2.0 ** -draw.randrange(20, 53))),
        Value(float(draw.randrange(-3, 4))),
    ]
    for _ in range(12):
        row = draw.choice([row for row in ops.TABLE.values() if row.name in FUNCTIONS])
        operands = [draw.choice(nodes) for _ in range(row.arity or 3)]
        with suppress(ArithmeticError, ValueError):
            made: Any = row(*operands)
            if math.isfinite(made.data):
                nodes.append(made)
    return nodes[-1]


def test_numbers_of_all_sizes() -> None:
    for seed in range(share(150)):
        root = of_all_sizes(seed)
        found = health(root, digits=0 if seed % 3 else 17, limit=256)
        with suppress(ArithmeticError, ValueError):  # where the truth is no number
            assert all(
                error <= bound or error != error or not math.isfinite(float(error))
                for part in errors(found, digits=700)
                for bound, error in part
                if bound < math.inf
            ), seed


def test_the_first_level_is_seldom_wide_and_the_second_is_the_error() -> None:
    """Medians of bound ÷ true error, over the gradients of inputs."""
    ratios: dict[int, list[float]] = {0: [], 17: []}
    known = [row for row in ops.TABLE.values() if knows(row)]
    for expression in seeded_expressions(60, inputs=3, size=60, seed=12, operations=known):
        root, inputs = build(expression)
        _, exact = exact_passes(root)
        for digits, found in ratios.items():
            bounds = health(root, digits=digits)
            for one in inputs:
                error = abs(many.mpf(bounds[one].gradient) - exact.get(one, 0))
                if error:
                    found.append(float(bounds[one].gradient_bound / error))
    assert statistics.median(ratios[0]) < 50
    assert 1.0 <= statistics.median(ratios[17]) < 2
    assert max(ratios[17]) < 2


# ── The classic disasters ─────────────────────────────────────────────────────────────────────────


def one_minus_cosine() -> Value:
    return 1 - leaf(1e-6, "x").cos()


def one_minus_cosine_by_square() -> Value:
    x = leaf(1e-5, "x")
    return (1 - x.cos()) / x**2


def log_of_one_plus() -> Value:
    return (1 + leaf(1.1e-10, "x")).log()


def exp_minus_one() -> Value:
    return leaf(1.1e-10, "x").exp() - 1


def difference_of_roots() -> Value:
    x = leaf(1e12, "x")
    return (x + 1).sqrt() - x.sqrt()


def variance_in_one_pass() -> Value:
    xs = [leaf(1e6 + 0.1 * i, f"x{i}") for i in range(10)]
    return mean([x * x for x in xs]) - mean(xs) ** 2


def quadratic() -> Value:
    a, b, c = leaf(1.0, "a"), leaf(1e8, "b"), leaf(1.0, "c")
    return (-b + (b * b - 4 * a * c).sqrt()) / (2 * a)


def difference_of_squares() -> Value:
    a, b = leaf(1e8 + 1, "a"), leaf(1e8, "b")
    return a * a - b * b


def one_minus_tanh_squared() -> Value:
    return 1 - leaf(18.0, "x").tanh() ** 2


def one_minus_erf() -> Value:
    return 1 - leaf(5.0, "x").erf()


def log_of_one_minus_sigmoid() -> Value:
    return (1 - leaf(20.0, "x").sigmoid()).log()


DISASTERS: dict[Callable[[], Value], tuple[str, float, str]] = {  # blamed, digits lost there, what to write
    one_minus_cosine: ("subtract", 12.6, "2 × sin(x ÷ 2)²"),
    one_minus_cosine_by_square: ("subtract", 10.6, "2 × sin(x ÷ 2)²"),
    log_of_one_plus: ("log", 10.0, "log1p(x)"),
    exp_minus_one: ("subtract", 10.3, "expm1(x)"),
    difference_of_roots: ("subtract", 12.6, "1 ÷ (sqrt(x + 1) + sqrt(x))"),
    variance_in_one_pass: ("subtract", 13.4, "the mean of (x − mean)²: subtract the mean before squaring"),
    quadratic: ("add", 16.1, "−(4 × a × c) ÷ (sqrt(b² − 4 × a × c) + b)"),
    difference_of_squares: ("subtract", 8.0, "(a − b) × (a + b)"),
    one_minus_tanh_squared: ("subtract", 15.4, "1 ÷ cosh(x)²"),
    one_minus_erf: ("subtract", 12.1, "erfc(x)"),
    log_of_one_minus_sigmoid: ("subtract", 9.0, "sigmoid(−x)"),
}


@pytest.mark.parametrize("disaster", DISASTERS, ids=lambda disaster: disaster.__name__)
@pytest.mark.parametrize("digits", [0, 12])
def test_the_classic_disasters(disaster: Callable[[], Value], digits: int) -> None:
    operation, lost, hint = DISASTERS[disaster]
    root = disaster()
    found = health(root, digits=digits)
    assert holds(found)
    assert found[root].digits < 9
    assert found.blamed is not None
    assert found.blamed.operation is ops.TABLE[operation]
    assert found[found.blamed].lost == pytest.approx(lost, abs=0.05)
    assert found.hint == hint
    assert f"write {hint}" in str(found)


def test_softmax_without_a_shift_is_as_right_as_with_one_until_it_overflows() -> None:
    numbers = [leaf(100.0, "a"), leaf(101.5, "b"), leaf(99.0, "c")]
    exponentials = [number.exp() for number in numbers]
    for root in (exponentials[0] / total(exponentials), softmax(numbers)[0]):
        found = health(root)
        assert holds(found)
        assert min(found[root].digits, *(found[number].gradient_digits for number in numbers)) > 14
    infinite = health(leaf(800.0, "x").exp() * 0.5)
    assert infinite[infinite.root].bound == math.inf
    assert "no bound is known" in str(infinite)


def test_a_ruined_gradient_of_a_right_value_is_said_and_where() -> None:
    x = leaf(18.0, "x")
    found = health(x.tanh())
    assert found[found.root].digits > 15
    assert found[x].gradient_digits < 2
    assert "digits are lost in d v1/d x = 1 − out², where v1 = tanh(x)" in str(found)
    b = quadratic()
    assert "lost where the parts of the gradient of b are added up" in str(health(b))


def test_the_line_of_code_is_named_where_it_was_remembered() -> None:
    with remember_lines():
        root = one_minus_cosine()
    assert "test_health.py:" in str(health(root))
    assert "test_health.py:" not in str(health(one_minus_cosine()))


def test_what_is_right_is_said_to_be() -> None:
    x = leaf(0.5, "x")
    found = health(x * x + 1)
    assert found[found.root].bound == 0.0
    assert found[x].gradient_digits == FULL
    assert found.blamed is None
    assert "every digit is right" in str(found)
    assert found.bits == 0


# ── Branches ──────────────────────────────────────────────────────────────────────────────────────


def test_a_branch_is_undecided_only_where_it_is() -> None:
    x = leaf(0.1, "x")
    sure = (x * 3 - 0.2).relu()
    assert not health(sure, digits=0)[sure].undecided
    tie = leaf(3.0, "y")
    exact = (tie * tie - 9).relu()
    assert not health(exact, digits=0)[exact].undecided, "3 × 3 − 9 is exactly 0"
    unsure = (leaf(0.3, "z").sin() - math.sin(0.3)).relu()
    first = health(unsure, digits=0)
    assert first[unsure].undecided
    assert "undecided: " in str(first)
    second = health(unsure)
    assert not second[unsure].undecided
    assert holds(first)
    assert holds(second)


def test_where_no_path_leads_in_exact_numbers_either_the_gradient_is_0() -> None:
    """exp(0.5) rounds to this constant, and is less: relu is flat there, which only more digits can tell."""
    x = leaf(0.5, "x")
    root = (x.exp() - 1.6487212707001282).relu()
    first, second = health(root, digits=0), health(root)
    assert (first[root].undecided, second[root].undecided) == (True, False)
    assert (first[x].gradient_bound > 1, second[x].gradient_bound) == (True, 0.0)


def test_the_same_number_twice_is_a_tie_and_no_doubt() -> None:
    x = leaf(0.3, "x").sin()
    root = maximum(x, x)
    found = health(root, digits=0)
    assert not found[root].undecided
    assert found[x].gradient_bound < 1e-15


def test_a_branch_that_exact_numbers_take_otherwise_is_said() -> None:
    """0.1 × 3 − 0.3 is 5.6e-17 in floats, and 2.8e-17 for the same floats exactly; so move a little."""
    x = leaf(0.1, "x")
    y = x * 3
    root = (y - 0.30000000000000004).relu() + (0.30000000000000004 - y).relu()
    found = health(root, digits=17)
    assert holds(found)
    astray = [node for node in found if found[node].astray]
    assert astray
    assert "astray: " in str(found)
    assert found[x].gradient_bound >= 3.0


@pytest.mark.parametrize(
    "jump",
    [
        lambda x: x.floor(),
        lambda x: (x - 2).sign(),
        lambda x: round(x - 1.5),
        lambda x: where(Value(1.0) * (x - 2), 1.0, 5.0),
        lambda x: atan2((x - 2), -1.0),
        lambda x: atan2(x - 2, x - 2),
        lambda x: abs(x - 2) * 3,
    ],
)
def test_a_jump_that_may_lie_in_between_is_inside_the_bound(jump: Callable[[Value], Value]) -> None:
    third = leaf(1.0, "x") / 3
    two = third + third + third + (leaf(0.1, "a") + 0.2 + 0.7)  # 2, but for roundings
    for nudge in (-2e-16, 0.0, 2.3e-16, 4.5e-16):
        assert holds(health(jump(two + nudge), digits=0))
        assert holds(health(jump(two + nudge)))
