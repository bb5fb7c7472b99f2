"""Every row of the table, by itself: what is tested here, a new row is tested for by being there."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator, Sequence
from itertools import product
from operator import add, mod, mul, sub, truediv
from typing import Any

import pytest

import engine
from engine import DomainError, Value, no_grad, ops
from engine.backward import adjoints, local_values
from engine.operation import Operation
from engine.value import make_node

ROWS = list(ops.TABLE.values())
SMOOTH = [row for row in ROWS if not row.flat]
REFUSED: dict[str, list[tuple[float, ...]]] = {
    "divide": [(1.0, 0.0), (0.0, 0.0), (math.inf, math.inf)],
    "ratio": [(0.0, 0.0)],
    "power": [(0.0, -1.0), (-8.0, 1 / 3), (-2.0, 0.5)],
    "remainder": [(1.0, 0.0), (math.inf, 1.0), (-math.inf, -2.0)],
    "log": [(0.0,), (-1.0,)],
    "log1p": [(-1.0,), (-2.0,)],
    "log2": [(0.0,), (-1.0,)],
    "log10": [(0.0,), (-1.0,)],
    "sqrt": [(-1.0,), (-5e-324,)],
    "sin": [(math.inf,)],
    "cos": [(-math.inf,)],
    "tan": [(math.inf,)],
    "sinc": [(math.inf,)],
    "sinc_slope": [(-math.inf,)],
    "asin": [(2.0,), (-1.0000000000000002,)],
    "acos": [(2.0,)],
    "acosh": [(0.5,)],
    "atanh": [(1.0,), (-1.0,), (2.0,)],
    "clamp": [(0.0, 1.0, -1.0)],
    "lgamma": [(0.0,), (-1.0,), (-30.0,)],
    "digamma": [(0.0,), (-1.0,), (-math.inf,)],
    "polygamma": [(1.0, 0.0), (2.0, -3.0), (0.5, 1.0), (-1.0, 1.0), (101.0, 1.0), (math.inf, 1.0)],
}


def points(row: Operation, count: int, seed: int = 0) -> Iterator[list[float]]:
    """Seeded operands from the row's own sampling intervals."""
    draw = random.Random(f"{row.name} {seed}")
    for _ in range(count):
        yield [draw.uniform(*interval) for interval in row.domain.sample]


def moved(numbers: list[float], slot: int, step: float) -> list[float]:
    return [x + step * (i == slot) for i, x in enumerate(numbers)]


def central(f: Any, numbers: list[float], slot: int) -> float:
    """Richardson's combination of two central differences: an error of order step⁴."""
    step = 1e-3 * max(1e-2, min(abs(numbers[slot]), 1.0))
    wide, narrow = (
        (f(moved(numbers, slot, h)) - f(moved(numbers, slot, -h))) / (2 * h) for h in (step, step / 2)
    )
    return float(narrow + (narrow - wide) / 3)


def smooth_here(row: Operation, numbers: list[float], slot: int) -> bool:
    if row.side is None:
        return True
    ends = (moved(numbers, slot, h) for h in (-1e-2, 1e-2))
    return all(row.side(*end) == row.side(*numbers) for end in ends)


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_partials_agree_with_differences(row: Operation) -> None:
    checked = 0
    for numbers in points(row, 40):
        partials = row.partials(row.evaluate(numbers), *numbers)
        assert len(partials) == len(numbers)
        for slot, partial in enumerate(partials):
            if smooth_here(row, numbers, slot) and not (row is ops.where and slot == 0):
                expected = central(row.evaluate, numbers, slot)
                assert (partial or 0.0) == pytest.approx(expected, rel=1e-7, abs=1e-8)
                checked += 1
    assert checked >= 30


@pytest.mark.parametrize("row", SMOOTH, ids=repr)
def test_second_derivatives_agree_with_differences(row: Operation) -> None:
    """The same partials, run on Values and differentiated again."""
    for numbers in points(row, 10, seed=1):
        leaves = [Value(number) for number in numbers]
        first = adjoints(make_node(row, leaves), local_values)
        for slot, leaf in enumerate(leaves):
            if not smooth_here(row, numbers, slot) or (row is ops.where and slot == 0):
                continue
            slope = first.get(leaf, 0.0)
            found = 0.0
            if isinstance(slope, Value):
                found = adjoints(slope, lambda node: node.partials).get(leaf, 0.0)

            def partial(at: list[float], slot: int = slot) -> float:
                return float(row.partials(row.evaluate(at), *at)[slot] or 0.0)

            assert found == pytest.approx(central(partial, numbers, slot), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_a_node_has_the_rows_number_and_partials(row: Operation) -> None:
    """The quick methods of Value and the plain `make_node` give the same bits."""
    for numbers in points(row, 20, seed=2):
        leaves = [Value(number) for number in numbers]
        plain = make_node(row, leaves)
        assert plain.data == row.evaluate(numbers)
        assert plain.partials == row.partials(plain.data, *numbers)
        assert plain.parents == tuple(leaves)
        assert plain.operation is row
        quick = quick_way(row, leaves)
        if quick is not None:
            assert (quick.data, quick.partials) == (plain.data, plain.partials)
            assert quick.operation is row
        with no_grad():
            for node in filter(None, (quick_way(row, leaves), make_node(row, leaves))):
                assert (node.data, node.partials, node.parents) == (plain.data, (), ())
                assert node.operation is None


@pytest.mark.parametrize("way", [add, sub, mul, truediv, pow, mod], ids=lambda way: way.__name__)
@pytest.mark.parametrize("number", [3.0, 3, True, "3"], ids=repr)
def test_a_number_as_an_operand_is_the_same_within_no_grad(way: Any, number: Any) -> None:
    def outcome(first: Any, second: Any) -> str:
        try:
            return repr(way(first, second).data)
        except TypeError as error:
            return str(error)

    x = Value(2.5)
    expected = [outcome(x, number), outcome(number, x), outcome(x, x)]
    with no_grad():
        assert [outcome(x, number), outcome(number, x), outcome(x, x)] == expected
        assert number in (True, "3") or not (way(x, number).parents or way(number, x).parents)


STRANGE = [
    math.nan,
    math.inf,
    -math.inf,
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    1.0,
    -1.0,
    0.5,
    1000.0,
    -1000.0,
    1e308,
    -1e308,
]


@pytest.mark.parametrize("row", [row for row in ROWS if row.arity in (1, 2)], ids=repr)
def test_strange_numbers_take_the_quick_way_as_they_take_the_plain_one(row: Operation) -> None:
    """The same bits, or the same refusal; a quick method must notice what is out of the ordinary."""

    def outcome(make: Any, numbers: Sequence[float]) -> list[str]:
        try:
            node = make(row, [Value(number) for number in numbers])
        except DomainError as error:
            return [str(error)]
        return [] if node is None else [*map(repr, (node.data, *node.partials))]

    for numbers in product(STRANGE, repeat=row.arity or 1):
        plain, found = outcome(make_node, numbers), outcome(quick_way, numbers)
        with no_grad():
            for way in (make_node, quick_way):
                assert outcome(way, numbers)[:1] in (plain[:1], []), numbers
        if found:  # else there is no quick way
            assert found[0] == plain[0], numbers
            # one formula without a number makes all that is plain undefined; a quick method may know some
            assert all(b in (a, "nan") for a, b in zip(found, plain, strict=True)), numbers


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 100, 101])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("places", [(), (0,), (1,), (16,)], ids=repr)
def test_a_dot_of_any_length_has_the_bits_of_the_plain_node(
    count: int, biased: bool, places: tuple[int, ...]
) -> None:
    """Written out or in a loop, with a plain number in some place or none."""
    draw = random.Random(count)
    operands: list[Any] = [Value(draw.gauss(0, 1)) for _ in range(2 * count + biased)]
    for place in [place for place in places if place < len(operands)]:
        operands[place] = 0.5
    bias = operands[-1] if biased else None
    quick = engine.dot(operands[:count], operands[count : 2 * count], bias)
    plain = make_node(ops.dot, operands)
    assert (repr(quick.data), quick.partials) == (repr(plain.data), plain.partials)
    assert [p for p in quick.parents if not p.is_constant] == [x for x in operands if isinstance(x, Value)]
    assert quick.operation is ops.dot
    assert quick.grad is None


def quick_way(row: Operation, leaves: list[Value]) -> Value | None:
    """The operator or method that users call, where there is one for these operands."""
    dunder = {
        "add": "__add__", "subtract": "__sub__", "multiply": "__mul__", "divide": "__truediv__",
        "power": "__pow__", "negate": "__neg__", "abs": "__abs__", "round": "__round__",
        "remainder": "__mod__",
    }.get(row.name, row.name)  # fmt: skip
    method = getattr(leaves[0], dunder, None)
    if method is None or row.name in ("where", "ratio", "clamp"):
        return None
    result: Value = method(*leaves[1:])
    return result if all(isinstance(leaf, Value) for leaf in leaves) else None


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_inside_the_domain_is_a_number_and_outside_is_refused(row: Operation) -> None:
    for numbers in points(row, 40, seed=3):
        assert row.domain.contains(*numbers)
        assert math.isfinite(row.evaluate(numbers))
    for numbers_outside in REFUSED.get(row.name, []):
        with pytest.raises(DomainError, match=f"^{row.name} needs") as caught:
            row.evaluate(numbers_outside)
        assert caught.value.operands == numbers_outside
        assert caught.value.operation == row.name


def test_every_limited_domain_is_tested_from_outside() -> None:
    limited = {row.name for row in ROWS if row.domain.words != "a number"}
    assert limited <= set(REFUSED)


@pytest.mark.parametrize("row", [row for row in ROWS if row.commutative], ids=repr)
def test_commutative_rows_commute(row: Operation) -> None:
    for numbers in points(row, 20, seed=4):
        assert row.evaluate(numbers) == pytest.approx(row.evaluate(numbers[::-1]), rel=1e-15)


@pytest.mark.parametrize("row", [row for row in ROWS if row.flat], ids=repr)
def test_flat_rows_have_an_explicit_zero(row: Operation) -> None:
    for numbers in points(row, 20, seed=5):
        assert row.partials(row.evaluate(numbers), *numbers) == (0.0,)


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_nan_flows_through(row: Operation) -> None:
    """A nan that the user put in is accepted; only one that arises from numbers is refused."""
    for numbers in points(row, 1, seed=6):
        slots = range(1, len(numbers)) if row is ops.where else range(len(numbers))
        for slot in slots:
            with_nan = [math.nan if i == slot else x for i, x in enumerate(numbers)]
            if row in (ops.clamp, ops.leaky_relu, ops.elu, ops.where) and slot > 0:
                continue  # these use one of their operands only
            assert math.isnan(row.evaluate(with_nan)), (row, slot)


def test_every_row_can_be_reached_from_the_face() -> None:
    hidden = {
        "ratio",
        "complement",
        "exp_times",
        "normal_distribution",
        "sinc_slope",
    }  # inside the table's formulas
    operators = {"remainder", "add", "subtract", "multiply", "divide", "negate", "power", "abs", "round"}
    for name in ops.TABLE:
        if name not in hidden | operators:
            assert name in engine.__all__, name


def test_there_is_one_of_each_row() -> None:
    assert copy.deepcopy(ops.tanh) is ops.tanh
    assert copy.copy(ops.absolute) is ops.absolute
