"""The table over the whole range of floats, and to the last digits."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import product

import mpmath
import pytest

import engine
from engine import Value, derivative, ops, sinc
from engine.backward import adjoints, local_values
from engine.graph import interior_and_leaves
from engine.operation import Operation
from engine.value import make_node


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
