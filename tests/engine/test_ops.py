"""Every row of the table, by itself: what is tested here, a new row is tested for by being there."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from operator import add, mod, mul, sub, truediv
from typing import Any

import mpmath
import pytest

import engine
from engine import DomainError, Value, derivative, no_grad, ops, sinc
from engine.backward import adjoints, local_values
from engine.graph import interior_and_leaves
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


def test_what_ieee_754_says_of_overflow() -> None:
    inf = math.inf
    assert [ops.exp(1000.0), ops.exp2(2000.0), ops.expm1(1000.0), ops.cosh(-1000.0)] == [inf] * 4
    assert [ops.sinh(-1000.0), ops.sinh(1000.0)] == [-inf, inf]
    assert [ops.power(1e200, 2.0), ops.power(-1e200, 2.0), ops.power(-1e200, 3.0)] == [inf, inf, -inf]
    assert ops.multiply(1e200, 1e200) == inf
    assert ops.exp(-1000.0) == 0.0
    assert ops.sigmoid(-1000.0) == 0.0
    assert ops.sigmoid(1000.0) == 1.0


MPMATH = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "log": mpmath.log, "log1p": mpmath.log1p, "sqrt": mpmath.sqrt,
    "tanh": mpmath.tanh, "sin": mpmath.sin, "erf": mpmath.erf, "erfc": mpmath.erfc, "asinh": mpmath.asinh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)), "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "cbrt": mpmath.cbrt, "log2": lambda x: mpmath.log(x, 2),
    "hypot": mpmath.hypot, "log10": mpmath.log10,
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "exp2": lambda x: mpmath.power(2, x), "atan": mpmath.atan, "cosh": mpmath.cosh,
}  # fmt: skip
SIZES = [
    5e-324,
    1e-300,
    1e-200,
    1e-100,
    1e-17,
    1e-8,
    1e-3,
    0.3,
    1.0,
    2.5,
    30.0,
    300.0,
    700.0,
    1e5,
    1e100,
    1e300,
]


@pytest.mark.parametrize("name", MPMATH)
def test_right_over_the_whole_range_of_floats(name: str) -> None:
    row = ops.TABLE[name]
    for size in SIZES:
        for x in (size, -size):
            numbers = (x, size / 2)[: row.arity or 1]
            if not row.domain.contains(*numbers) or (name == "sin" and size > 1e5):
                continue
            if (name == "cbrt" and x < 0) or (name in ("erfc", "gelu") and size > 1e5):
                continue  # where mpmath takes the complex root, or gives up
            # gelu divides x by √2 first: it is right for an argument within an ulp of x
            condition = 1.0 + x * x if name == "gelu" else 1.0
            with mpmath.workdps(700):
                exact = mpmath.mpf(MPMATH[name](*map(mpmath.mpf, numbers)))
                found = row.evaluate(numbers)
                if abs(exact) >= mpmath.mpf(2) ** 1024:
                    assert math.isinf(found), (name, numbers)
                else:
                    error = abs(mpmath.mpf(found) - exact)
                    assert error <= 4e-15 * condition * abs(exact) + 1e-323, (name, numbers, found)


def test_many_operands_without_overflow() -> None:
    assert ops.logsumexp(1000.0, 1000.0) == 1000.0 + math.log(2.0)
    assert ops.logsumexp(-1000.0, -1000.0) == pytest.approx(-1000.0 + math.log(2.0), rel=1e-15)
    assert ops.logsumexp(-math.inf, 0.0) == 0.0
    assert ops.norm(3e200, 4e200) == pytest.approx(5e200, rel=1e-15)
    assert ops.norm(3e-200, 4e-200) == pytest.approx(5e-200, rel=1e-15)
    assert ops.hypot(3e200, 4e200) == pytest.approx(5e200, rel=1e-15)


def test_dot_has_the_bits_of_the_loop_it_replaces() -> None:
    draw = random.Random(0)
    for count in (1, 2, 7, 64):
        w, x = ([draw.gauss(0, 1) for _ in range(count)] for _ in range(2))
        bias = draw.gauss(0, 1)
        acc = bias
        for wi, xi in zip(w, x, strict=True):
            acc = acc + wi * xi
        assert ops.dot(*w, *x, bias) == acc
        leaves = [Value(number) for number in (*w, *x, bias)]
        node = leaves[-1]
        for i in range(count):
            node = node + leaves[i] * leaves[count + i]
        assert node.data == acc


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


# ── To the last digits ────────────────────────────────────────────────────────────────────────────


def second(row: Operation, x: float) -> float:
    leaf = Value(x)
    slope = adjoints(make_node(row, [leaf]), local_values)[leaf]
    return float(adjoints(slope, lambda node: node.paths)[leaf])


TINY = [1e-310, 1e-160, 1e-20, 1e-8, 1e-3, 0.3, 0.5, 0.51, 0.9, 1.0 - 2.0**-53]


@pytest.mark.parametrize("x", [sign * size for size in TINY for sign in (1.0, -1.0)])
def test_second_derivatives_of_inverse_functions_keep_their_digits(x: float) -> None:
    with mpmath.workdps(60):
        u = 1 - mpmath.mpf(x) ** 2
        exact = {ops.asin: x / u**1.5, ops.acos: -x / u**1.5, ops.atanh: 2 * x / u**2}
        for row, wanted in exact.items():
            assert second(row, x) == pytest.approx(float(wanted), rel=2e-15), row


@pytest.mark.parametrize("shift", [0.0, 3.7, -1e3, 1e8, -1e16, 1e300])
def test_logsumexp_and_its_family_do_not_depend_on_a_shift(shift: float) -> None:
    near = [Value(0.0), Value(shift) - shift, Value(math.log(2.0))]  # shares of 1, 1 and 2 quarters
    far = [Value(shift), Value(shift)]
    for logits, shares in ((near, [0.25, 0.25, 0.5]), (far, [0.5, 0.5])):
        whole = make_node(ops.logsumexp, logits)
        assert whole.partials == pytest.approx(shares, rel=1e-15)
        assert [p.data for p in engine.softmax(logits)] == pytest.approx(shares, rel=1e-15)
        logs = engine.log_softmax(logits)
        assert [p.data for p in logs] == pytest.approx(list(map(math.log, shares)), rel=4e-16)
        found = engine.gradients(logs[0], logits)
        assert found == pytest.approx([1.0 - shares[0], *(-share for share in shares[1:])], rel=1e-15)
        slopes = engine.gradients(whole, logits, create_graph=True)
        for i, slope in enumerate(slopes):
            row = [shares[i] * ((i == j) - share) for j, share in enumerate(shares)]
            assert engine.gradients(slope, logits) == pytest.approx(row, rel=2e-15)


def test_what_is_minus_infinite_has_no_share_and_no_path() -> None:
    inf = math.inf
    never = [Value(-inf), Value(-inf)]
    x = Value(2.0)
    inner = make_node(ops.logsumexp, never)
    whole = make_node(ops.logsumexp, [inner, x])
    assert (whole.data, whole.partials) == (2.0, (None, 1.0))
    whole.backward()
    assert [each.grad for each in (*never, x)] == [0.0, 0.0, 1.0]
    (slope,) = engine.gradients(whole * whole, [x], create_graph=True)
    assert (slope.data, engine.gradients(slope, [*never, x])) == (4.0, [0.0, 0.0, 2.0])
    assert engine.softmax([Value(-inf), x])[0].data == 0.0
    engine.log_softmax([Value(-inf), x])[1].backward()


def test_a_dynamic_program_in_logarithms_has_the_derivatives_of_the_one_in_numbers() -> None:
    """Forward probabilities of a chain in which most transitions are impossible: of log 0."""
    draw = random.Random(1)
    steps = [[[draw.choice([0.0, draw.random()]) for _ in range(3)] for _ in range(3)] for _ in range(4)]
    weights = [[[Value(x) for x in row] for row in step] for step in steps]
    state: list[Value] = [Value(1.0), Value(0.0), Value(0.0)]
    for step in weights:
        state = [engine.total(s * row[k] for s, row in zip(state, step, strict=True)) for k in range(3)]
    engine.log(engine.total(state)).backward()
    expected = [w.grad for step in weights for row in step for w in row if w.data > 0]
    logs = [[[Value(math.log(x) if x else -math.inf) for x in row] for row in step] for step in steps]
    alpha = [Value(0.0), Value(-math.inf), Value(-math.inf)]
    for step in logs:
        alpha = [engine.logsumexp([a + row[k] for a, row in zip(alpha, step, strict=True)]) for k in range(3)]
    engine.logsumexp(alpha).backward()
    found = [
        (w.grad or 0.0) / math.exp(w.data)
        for step in logs for row in step for w in row if w.data > -math.inf
    ]  # fmt: skip
    assert found == pytest.approx(expected, rel=1e-13)


def test_a_small_share_of_logsumexp_is_not_lost_beside_1() -> None:
    assert ops.logsumexp(0.0, -40.0) == math.log1p(math.exp(-40.0))
    assert ops.logsumexp(-800.0, 0.0, 0.0) == math.log(2.0)


@pytest.mark.parametrize("x", [-0.5, 2.0, 0.0, -3.0])
@pytest.mark.parametrize("exponent", [2, 3, 1, 0])
def test_a_power_with_a_constant_exponent_evaluates_no_logarithm(x: float, exponent: int) -> None:
    leaf = Value(x)
    slope = adjoints(leaf**exponent, local_values).get(leaf, 0.0)
    for order in range(1, exponent + 1):
        coefficient = math.perm(exponent, order)
        assert float(slope) == pytest.approx(coefficient * x ** (exponent - order))
        names = {str(node.operation) for node in interior_and_leaves(slope)[0]} if order < exponent else set()
        assert "<operation log>" not in names
        slope = adjoints(slope, local_values).get(leaf, 0.0) if isinstance(slope, Value) else 0.0
    assert float(slope) == 0.0


def test_the_remainder_is_pythons() -> None:
    for x, y in product(
        (7.0, -7.0, 0.3, 1.0, -1e-20, 0.0, -0.0, 1e17, 5.5), (2.0, -2.0, 0.1, 1e-3, math.inf, 3.0)
    ):
        assert repr(ops.remainder(x, y)) == repr(x % y)
        if math.isfinite(y):
            assert ops.remainder.partials(x % y, x, y) == (1.0, -float(Fraction(x) // Fraction(y)))


def test_sinc_is_exact_at_whole_numbers_and_its_slope_near_0() -> None:
    assert [ops.sinc(float(k)) for k in (-3, -1, 0, 1, 2, 10**15)] == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    for x in (1e-300, 1e-9, 2e-9, 1e-4, 0.3, 0.41, 0.999, 7.25, -123.4):
        with mpmath.workdps(700):
            z = mpmath.pi * x
            slope = (mpmath.cos(z) - mpmath.sin(z) / z) / x
            bend = -(mpmath.pi**2) * mpmath.sin(z) / z - 2 * slope / x
        assert ops.sinc.partials(ops.sinc(x), x)[0] == pytest.approx(float(slope), rel=4e-15)
        assert second(ops.sinc, x) == pytest.approx(float(bend), rel=2e-14)


@pytest.mark.parametrize("order", [3, 4, 5])
@pytest.mark.parametrize("x", [1e-300, -1e-160, 1e-20, 1e-8, -1e-5, 1e-3, 0.05, 0.39])
def test_further_derivatives_of_sinc_near_0(order: int, x: float) -> None:
    with mpmath.workdps(60):
        terms = [
            (-1) ** k
            * mpmath.pi ** (2 * k)
            / mpmath.factorial(2 * k + 1)
            * mpmath.ff(2 * k, order)
            * mpmath.mpf(x) ** (2 * k - order)
            for k in range((order + 1) // 2, 40)
        ]
        exact = float(sum(terms))
    assert derivative(sinc, order=order)(x).data == pytest.approx(exact, rel=1e-12, abs=0.0)


@pytest.mark.parametrize("x", [-37.5, -30.1, -20.3, -8.7, -3.3, -0.8, 0.9, 5.0])
def test_gelu_far_below_0(x: float) -> None:
    with mpmath.workdps(60):
        exact = mpmath.mpf(x) * mpmath.erfc(-mpmath.mpf(x) / mpmath.sqrt(2)) / 2
        slope = mpmath.diff(lambda t: t * mpmath.erfc(-t / mpmath.sqrt(2)) / 2, mpmath.mpf(x))
        assert abs(mpmath.mpf(ops.gelu(x)) / exact - 1) < 1e-15
        assert abs(mpmath.mpf(ops.gelu.partials(ops.gelu(x), x)[0]) / slope - 1) < (
            2e-14 if x == -0.8 else 1e-15
        )


@pytest.mark.parametrize(
    ("x", "y"), [(26.3, -26.3), (-0.1, 0.1), (1e300, -1e300), (1e-200, 1e200), (0.0, 5.0)]
)
def test_exp_of_a_product_rounds_once(x: float, y: float) -> None:
    with mpmath.workdps(60):
        exact = mpmath.exp(mpmath.mpf(x) * mpmath.mpf(y))
        assert abs(mpmath.mpf(ops.exp_times(x, y)) - exact) <= mpmath.mpf(2) ** -52 * exact + mpmath.mpf(
            "5e-324"
        )
