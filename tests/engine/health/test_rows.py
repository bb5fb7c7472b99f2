"""Every row of the table on balls: the exact result and the exact local derivatives lie inside, always."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise

import pytest
from truth import FUNCTIONS, Exact, many

from engine import ops
from engine.health.ball import Ball
from engine.health.enclosure import Numbers
from engine.health.floats import Floats
from engine.health.many_digits import ManyDigits, knows
from engine.operation import Operation, choose

floats = import_module("engine.health.floats")
ROWS = list(ops.TABLE.values())
BOUNDED = [row for row in ROWS if row.ulp != math.inf]
SPREADS = (0.0, 1e-15, 1e-8, 1e-2, 3.0)  # radii, relative to the number
SIZES = (1.0, 1.0, 1e-3, 1e-8, 1e-150, 40.0)


def points(row: Operation, count: int, seed: int) -> Iterator[list[float]]:
    """Operands from where the row takes samples, much smaller and larger ones, and its kinks."""
    draw = random.Random(f"{row.name} {seed}")
    for number in range(count):
        if row.kinks and number % 5 == 0:
            kink = draw.choice(row.kinks).at
            operands = [x * draw.choice((1.0, 1.0 + 1e-12, 1.0 - 1e-9)) for x in kink]
        else:
            arity = row.arity or draw.randrange(1, 6)
            samples = [row.domain.sample[place % len(row.domain.sample)] for place in range(arity)]
            operands = [draw.uniform(low, high) * draw.choice(SIZES) for low, high in samples]
        if draw.random() < 0.1:
            operands[-1] = operands[0]
        if draw.random() < 0.2:  # where a row may be less regular than where it takes samples
            operands[-1] = -operands[-1]
        if row.domain.contains(*operands):
            yield operands


def inside(ball: Ball, draw: random.Random) -> Exact:
    """A number in the ball, now and then at its end."""
    share = draw.choice((-1.0, 1.0, draw.uniform(-1.0, 1.0)))
    return Exact(many.mpf(ball.mid) + many.mpf(ball.rad) * many.mpf(share))


def holds(ball: Ball | None, exact: object) -> bool:
    """Whether the ball has the exact number inside; None, no path, is 0."""
    if ball is None:
        return exact is None
    number = many.mpf(0) if exact is None else Exact.of(exact)
    if number != number or not isinstance(number, many.mpf):
        return not ball.rad < math.inf
    error = abs(many.mpf(ball.mid) - number)
    return (
        not ball.rad < math.inf or error <= many.mpf(ball.rad) + abs(number) * many.mpf(10) ** -100
    )  # its own


def outside(row: Operation, numbers: Numbers, count: int, seed: int = 0) -> Iterator[str]:
    """What is not inside the ball that it should be in."""
    many.dps = 120
    draw = random.Random(f"inside {row.name} {seed}")
    for operands in points(row, count, seed):
        spread = draw.choice(SPREADS)
        exact_ones = [numbers.exact(x) for x in operands]
        balls = [numbers.made(b.mid, abs(b.mid) * (spread * draw.random()), numbers.zero) for b in exact_ones]
        operands_exact = [inside(operand, draw) for operand in balls]
        if draw.random() < 0.1:  # the same node twice
            balls[-1], operands_exact[-1] = balls[0], operands_exact[0]
        ball, partials = numbers.node(row, balls)
        if not row.domain.contains(*(operand.number for operand in operands_exact)):
            continue
        try:
            out = operands_exact[0].apply(row, operands_exact)
            slopes = row.partials(out, *operands_exact)
        except (ArithmeticError, ValueError):
            continue  # a slope that does not exist
        if not holds(ball, out):
            yield f"{row.name}{tuple(balls)} = {ball}, exactly {many.nstr(out.number, 20)}"
        for place, (partial, slope) in enumerate(zip(partials, slopes, strict=True)):
            if not holds(partial, slope):
                yield f"slope {place} of {row.name}{tuple(balls)} = {partial}, exactly {slope}"


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_what_is_exact_lies_inside(row: Operation) -> None:
    """Or the row says nothing of its rounding, and the ball says that nothing is known."""
    if row.ulp == math.inf:
        operands = next(points(row, 20, 1))
        ball, _ = Floats().node(row, [Floats().exact(x) for x in operands])
        assert ball.rad == math.inf
        return
    assert row.name in FUNCTIONS, "tests/truth.py needs its function in many digits"
    assert not list(outside(row, Floats(), 150))


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_the_same_around_numbers_of_many_digits(row: Operation) -> None:
    """Or there are none of this row, which is said too."""
    if not knows(row):
        operands = next(points(row, 20, 1))
        ball, _ = ManyDigits(128).node(row, [ManyDigits(128).exact(x) for x in operands])
        assert not ball.rad < math.inf
        return
    assert row.name in FUNCTIONS, "tests/truth.py needs its function in many digits"
    assert not list(outside(row, ManyDigits(128), 30))


@pytest.mark.parametrize("row", BOUNDED, ids=repr)
def test_the_midpoint_is_what_eager_computes(row: Operation) -> None:
    numbers = Floats()
    for operands in points(row, 60, 2):
        ball, partials = numbers.node(row, [numbers.exact(x) for x in operands])
        out = row.evaluate(operands)
        assert ball.mid == out
        for partial, slope in zip(partials, row.slopes(out, operands), strict=True):
            assert (partial is None) == (slope is None)
            assert slope is None or slope != slope or partial.mid == slope


@pytest.mark.parametrize("row", [row for row in BOUNDED if row.steepest < math.inf], ids=repr)
def test_no_slope_is_steeper_than_the_row_says(row: Operation) -> None:
    for operands in points(row, 400, 3):
        slopes = row.slopes(row.evaluate(operands), operands)
        assert all(abs(slope) <= row.steepest for slope in slopes if slope is not None), operands


@pytest.mark.parametrize("row", [row for row in BOUNDED if row.arity], ids=repr)
def test_where_a_row_says_that_it_is_monotone_it_is(row: Operation) -> None:
    """Along each operand, the others fixed, the results rise or fall, but for their roundings."""
    draw = random.Random(row.name)
    for operands in points(row, 60, 4):
        place = draw.randrange(len(operands))
        moved = sorted(operands[place] + abs(operands[place]) * draw.uniform(-0.5, 0.5) for _ in range(4))
        line = [[*operands[:place], x, *operands[place + 1 :]] for x in moved]
        pieces = {row.monotone(*point) if row.domain.contains(*point) else None for point in line}
        if None in pieces or len(pieces) > 1:
            continue
        results = [row.evaluate(point) for point in line]
        if not all(map(math.isfinite, results)):
            continue
        steps = [b - a for a, b in pairwise(results)]
        noise = 16 * 2.0**-52 * max(map(abs, results))
        assert all(step >= -noise for step in steps) or all(step <= noise for step in steps), line


@pytest.mark.parametrize("numbers", [Floats(), ManyDigits(128)], ids=["floats", "many digits"])
def test_a_choice_with_a_branch_of_which_nothing_is_known(numbers: Numbers) -> None:
    near = numbers.made(numbers.zero, numbers.exact(1e-300).mid, numbers.zero)
    unknown = near / numbers.exact(0.0)
    assert not choose(near > 0.0, unknown, 0.0).rad < math.inf
    assert not choose(near > 0.0, 0.0, unknown).rad < math.inf


# ── The tests above find what is wrong ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["exp", "tanh", "power", "erfc", "logsumexp"])
def test_a_row_that_claims_too_much_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floats, "rounding", lambda *_: 0.0)
    assert list(outside(ops.TABLE[name], Floats(), 100))


def test_a_product_without_its_last_term_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: Ball, other: Ball) -> Ball:
        numbers = self.numbers
        return numbers.made(self.mid * other.mid, abs(self.mid) * other.rad, numbers.zero)

    monkeypatch.setattr(Ball, "__mul__", careless)
    assert list(outside(ops.multiply, Floats(), 50))
