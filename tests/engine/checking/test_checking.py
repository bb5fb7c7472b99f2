"""The checker is checked: what is wrong must be found and blamed, what is right must pass."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from effort import share
from expressions import (
    DIFFERENTIABLE,
    graphs,
    is_clear,
    points,
    random_expression,
    seeded_expressions,
    values,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.value
import nn
from engine import CheckError, DomainError, Value, gradient, ops, total
from engine.checking import (
    CheckResult,
    Verdict,
    assert_everywhere,
    assert_gradients,
    check_everywhere,
    check_gradients,
    faulty,
)
from engine.checking.blame import local_faults
from engine.checking.expressions import Expression
from engine.checking.identities import SYMMETRIC
from engine.checking.numeric import Estimate, Slope
from engine.checking.plugin import GradientCheck
from engine.checking.strategies import numbers
from engine.checking.verdict import judge
from engine.graph import Node, interior_and_leaves, topological_order
from engine.operation import Operation, choose
from engine.value import make_node

pytest_plugins = ["pytester"]
ROWS = list(ops.TABLE.values())
Partials = Callable[..., tuple[Any, ...]]


def only_row(result: CheckResult) -> Any:
    (row,) = result.rows
    return row


# ── Every row of the table, right and broken ──────────────────────────────────────────────────────


def sample(row: Operation, count: int, seed: int = 0) -> Iterator[list[float]]:
    """Seeded operands from the row's sampling intervals, away from its kinks."""
    draw = random.Random(f"{row.name} {seed}")
    for _ in range(count):
        operands = [draw.uniform(*interval) for interval in row.domain.sample]
        if is_clear(row, operands, 1e-3):
            yield operands


def edges(row: Operation) -> Iterator[list[float]]:
    """Where the numbers are tiny or large, or a kink is: as far as the domain goes."""
    inside = [(low + high) / 2 for low, high in row.domain.sample]
    for number in (1e-7, -1e-7, 1e5, -1e5, 0.0, 1.0, -1.0):
        for slot in range(len(inside)):
            operands = [*inside[:slot], number, *inside[slot + 1 :]]
            if row.domain.contains(*operands):
                yield operands
    yield from (list(kink.at) for kink in row.kinks)


def faults_of(row: Operation, operands: Sequence[float]) -> list[Any]:
    root = make_node(row, [Value(operand) for operand in operands])
    return [blame for _, blame in local_faults(topological_order(root))]


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_the_right_table_has_no_faults(row: Operation) -> None:
    for operands in [*sample(row, share(200)), *edges(row)]:
        try:
            assert faults_of(row, operands) == [], operands
        except DomainError:
            assert row.name == "ratio"  # its own rule divides by what it was given


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_the_right_table_passes(row: Operation) -> None:
    for operands in sample(row, 5, seed=1):
        result = check_gradients(lambda *xs: make_node(row, xs) * 1.5, at=operands)
        assert result, str(result)


def mutants(row: Operation, slot: int) -> Iterator[tuple[str, Partials]]:
    """The rule of one operand, wrong in the ways in which people get it wrong."""

    def changed(change: Callable[[Any], Any]) -> Partials:
        def partials(out: Any, *operands: Any) -> tuple[Any, ...]:
            right = row.partials(out, *operands)
            return (*right[:slot], change(right[slot]), *right[slot + 1 :])

        return partials

    yield "scaled", changed(lambda right: (right or 0.0) * 1.001)
    yield "sign flipped", changed(lambda right: -(right or 0.0))
    yield "zeroed", changed(lambda _: None)
    yield "shifted", changed(lambda right: (right or 0.0) + 1.0)
    yield "result for operand", lambda out, *operands: row.partials(out, *(out for _ in operands))
    yield "operand for result", lambda out, *operands: row.partials(operands[slot], *operands)
    yield "operands swapped", lambda out, *operands: row.partials(out, *reversed(operands))


def tells(row: Operation, partials: Partials, operands: Sequence[float], slot: int) -> bool:
    """Whether the mutant is visibly wrong at this slot here: off saturation, by more than rounding."""
    out = row.evaluate(operands)
    try:
        wrong = partials(out, *operands)[slot] or 0.0
    except (ArithmeticError, ValueError, AttributeError):
        return False
    right = row.partials(out, *operands)[slot] or 0.0
    return math.isfinite(wrong) and abs(wrong - right) > 5e-4 * abs(right) and abs(wrong - right) > 1e-6


SLOTS = [(row, slot) for row in ROWS for slot, (low, high) in enumerate(row.domain.sample) if low < high]


@pytest.mark.parametrize(("row", "slot"), SLOTS, ids=[f"{row.name}-{slot}" for row, slot in SLOTS])
def test_every_mutant_is_wrong_and_blamed(row: Operation, slot: int) -> None:
    caught = 0
    for name, partials in mutants(row, slot):
        telling = (operands for operands in sample(row, 40, seed=2) if tells(row, partials, operands, slot))
        operands = next(telling, None)
        if operands is None:
            continue  # the same derivative: the row is symmetric, or flat
        operation = faulty(row, partials)
        result = check_gradients(lambda *xs, op=operation: op(*xs) * 1.5, at=operands)
        assert not result, (name, operands)
        assert result.rows[slot].verdict is Verdict.WRONG, (name, str(result))
        assert result.blame is not None
        assert (result.blame.fault, result.blame.operation) == ("local derivative", row.name), str(result)
        caught += 1
    assert caught >= 1


def test_random_graphs_raise_no_false_alarm() -> None:
    skipped = 0
    for expression in seeded_expressions(share(150)):
        result = check_gradients(expression, at=expression.at)
        assert result, f"{expression}\n{result}"
        skipped += len(result.skipped)
    assert skipped <= 3


@settings(max_examples=share(40))
@given(graphs())
def test_hypothesis_graphs_raise_no_false_alarm(graph: Expression) -> None:
    assert_gradients(graph, at=graph.at)


def test_a_fault_deep_in_a_graph_is_found_by_name() -> None:
    tanh = faulty(ops.tanh, lambda out, x: (1.0005 * (1 - out * out),))

    def loss(w: Value, x: Value) -> Value:
        hidden = tanh(w * x)
        hidden.label = "hidden"
        return (hidden * w + x) ** 2

    result = check_gradients(loss, at=[0.4, -1.2])
    assert [row.verdict for row in result.rows] == [Verdict.WRONG] * 2
    assert result.blame is not None
    assert (result.blame.operation, result.blame.label) == ("tanh", "hidden")
    assert result.blame.operands == (0.4 * -1.2,)
    assert "test_checking.py" in result.blame.line
    assert "approximate constant" in result.blame.cause


@pytest.mark.parametrize(
    ("partials", "cause"),
    [
        (lambda out, x: (2.0 * (1 - out * out),), "factor 2"),
        (lambda out, x: (0.5 * (1 - out * out),), "factor 1/2"),
        (lambda out, x: (out * out - 1,), "the sign"),
        (lambda out, x: (None,), "nothing flows: the derivative is 0 or None"),
        (lambda out, x: (1 - x * x,), "the input used where the output belongs"),
        (lambda out, x: (0.9995 * (1 - out * out),), "an approximate constant (ratio 0.9995)"),
        (lambda out, x: (1.37 * (1 - out * out),), "no common slip (ratio 1.37)"),
    ],
)
def test_likely_causes(partials: Partials, cause: str) -> None:
    result = check_gradients(faulty(ops.tanh, partials), at=[0.6])
    assert result.blame is not None
    assert result.blame.cause == cause


def test_more_likely_causes() -> None:
    sine = check_gradients(faulty(ops.sin, lambda out, x: (ops.cos(out),)), at=[0.6])
    assert sine.blame is not None
    assert sine.blame.cause == "the output used where the input belongs"
    product = check_gradients(faulty(ops.multiply, lambda out, x, y: (x, y)), at=[0.6, -2.0])
    assert product.blame is not None
    assert product.blame.cause == "the two operands exchanged"
    quotient = check_gradients(faulty(ops.divide, lambda out, x, y: (1 / x, -out / y)), at=[0.6, 2.0])
    assert quotient.blame is not None
    assert quotient.blame.cause == "the two operands exchanged"


# ── Fixed cases: what other checkers let through, or trip over ────────────────────────────────────


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: 1e-6 * x.sin(), 0.7),
        (lambda x: x**3, 1e5),
        (lambda x: x.sqrt(), 1e-7),
        (lambda x: x.exp(), 20.0),
        (lambda x: (1 / x).sin(), 0.01),
        (lambda x: (3 * x).tanh() * (-x * x).exp(), 0.7),
        (lambda x: 1e200 * x, 1e-200),
        (lambda x: x.log(), 1e-300),
    ],
)
def test_hard_points_are_measured_exactly(f: Callable[[Value], Value], at: float) -> None:
    row = only_row(check_gradients(f, at=[at]))
    assert row.verdict is Verdict.OK
    assert row.relative < 1e-11


def test_twice_a_tiny_gradient_is_caught() -> None:
    sine = faulty(ops.sin, lambda out, x: (2.0 * ops.cos(x),))
    assert only_row(check_gradients(lambda x: 1e-6 * sine(x), at=[0.7])).verdict is Verdict.WRONG


def test_half_a_thousandth_is_caught_in_a_cubic() -> None:
    power = faulty(ops.power, lambda out, x, y: (1.0005 * y * x ** (y - 1.0), None))
    result = check_gradients(lambda x: power(x, 3.0), at=[2.0])
    assert only_row(result).verdict is Verdict.WRONG


def test_saturation_is_not_called_wrong() -> None:
    assert only_row(check_gradients(lambda x: x.tanh(), at=[18.0])).verdict is Verdict.UNRELIABLE
    assert only_row(check_gradients(lambda x: x.tanh(), at=[25.0])).verdict is Verdict.OK
    assert not check_gradients(lambda x: x.tanh(), at=[18.0], strict=True)


# ── Kinks, edges, jumps, branches ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("f", "at", "left", "right"),
    [
        (lambda x: x.relu(), [0.0], 0.0, 1.0),
        (abs, [0.0], -1.0, 1.0),
        (lambda x: ops.maximum(x, 1.0), [1.0], 0.0, 1.0),
        (lambda x: ops.minimum(x, 1.0), [1.0], 1.0, 0.0),
        (lambda x: x.clamp(0.0, 1.0), [0.0], 0.0, 1.0),
        (lambda x: x.clamp(0.0, 1.0), [1.0], 1.0, 0.0),
        (lambda x: x.leaky_relu(0.25), [0.0], 0.25, 1.0),
        (lambda x: ops.hypot(x, 0.0), [0.0], -1.0, 1.0),
        (lambda x: (x * 2.0 - 2.0).relu().exp(), [1.0], 0.0, 2.0),
    ],
)
def test_at_a_kink_any_slope_between_will_do(
    f: Callable[[Value], Value], at: list[float], left: float, right: float
) -> None:
    result = check_gradients(f, at=at)
    row = only_row(result)
    assert result
    assert row.verdict is Verdict.KINK
    assert (row.left, row.right) == (pytest.approx(left), pytest.approx(right))
    for beside in (-1e-9, 1e-9):
        row = only_row(check_gradients(f, at=[at[0] + beside]))
        assert row.verdict is Verdict.OK
        assert row.numeric == pytest.approx(left if beside < 0 else right, abs=1e-7)


def test_a_kink_names_its_operation() -> None:
    def f(x: Value) -> Value:
        hidden = x.relu()
        hidden.label = "h2"
        return hidden

    result = check_gradients(f, at=[0.0])
    assert only_row(result).note == "relu 'h2' at 0"
    assert "passed: 1 of 1 right, 1 kink accepted" in str(result)


def test_a_slope_outside_those_at_the_kink_fails() -> None:
    relu = faulty(ops.relu, lambda out, x: (-0.5,))
    result = check_gradients(relu, at=[0.0])
    assert only_row(result).verdict is Verdict.WRONG
    assert result.blame is not None
    assert result.blame.operation == "relu"


def test_conventions_that_do_not_add_up_are_told() -> None:
    row = only_row(check_gradients(lambda x: x.relu() - (-x).relu(), at=[0.0]))
    assert row.verdict is Verdict.OUTSIDE
    assert "conventions at kinks do not add up (relu at 0)" in row.note


def test_maximum_of_the_same_node_is_smooth() -> None:
    row = only_row(check_gradients(lambda x: ops.maximum(x, x), at=[0.3]))
    assert (row.verdict, row.analytic) == (Verdict.OK, 1.0)


@pytest.mark.parametrize(
    ("f", "at"), [(lambda x: x.sqrt(), 0.0), (lambda x: x.asin(), 1.0), (lambda x: x.acosh(), 1.0)]
)
def test_infinite_slope_at_the_edge_of_a_domain(f: Callable[[Value], Value], at: float) -> None:
    row = only_row(check_gradients(f, at=[at]))
    assert (row.verdict, row.analytic, row.numeric) == (Verdict.EDGE, math.inf, math.inf)


def test_finite_slope_at_the_edge_of_a_domain() -> None:
    row = only_row(check_gradients(lambda x: x**2.5 + x, at=[0.0]))
    assert (row.verdict, row.numeric) == (Verdict.EDGE, pytest.approx(1.0))


@pytest.mark.parametrize("f", [lambda x: x.floor(), lambda x: x.ceil() + x, lambda x: (x - 1.0).sign()])
def test_a_jump_is_skipped_and_said(f: Callable[[Value], Value]) -> None:
    result = check_gradients(f, at=[1.0])
    assert not result
    assert only_row(result).verdict is Verdict.DISCONTINUOUS
    assert "UNDECIDED: 0 of 1 right, 1 skipped" in str(result)
    assert not check_gradients(f, at=[1.0], strict=True)


def test_a_branch_in_python_is_named_with_its_line() -> None:
    def f(x: Value) -> Value:
        if x > 1.0:
            return 2.0 * x - 1.0
        return x * x * x

    row = only_row(check_gradients(f, at=[1.0]))
    assert row.verdict is Verdict.KINK
    assert (row.left, row.right) == (pytest.approx(3.0), pytest.approx(2.0))
    assert row.note.startswith("branch in Python code at test_checking.py:")
    for beside in (1.0 - 1e-9, 1.0 + 1e-9):
        assert only_row(check_gradients(f, at=[beside])).verdict is Verdict.OK


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": 0}, "at least 1"),
        ({"samples": 0}, "at least 1"),
        ({"only": "z"}, "only='z' fits no input; there are 1: x"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_gradients(lambda x: x, at=[1.0], **options)


def test_wrong_points_are_refused() -> None:
    x = Value(1.0, label="x")
    with pytest.raises(ValueError, match="the same leaf twice"):
        check_gradients(lambda a, b: a * b, at=[x, x])
    with pytest.raises(ValueError, match="computed by add"):
        check_gradients(lambda a: a, at=[x + 1.0])
    with pytest.raises(ValueError, match="nothing to check"):
        check_gradients(lambda: x, at=[])
    with pytest.raises(TypeError, match="str"):
        check_gradients(lambda a: a, at=["1"])


# ── Faults of backward itself ─────────────────────────────────────────────────────────────────────

Sweep = Callable[[list[Node], list[Node], Node], None]


def fresh(nodes: Sequence[Node]) -> None:
    for node in nodes:
        node.grad = 0.0


def assigning(interior: list[Node], leaves: list[Node], root: Node) -> None:
    fresh(interior + leaves)
    root.grad = 1.0
    for node in reversed(interior):
        for parent, slope in zip(node.parents, node.partials, strict=True):
            if slope is not None:
                parent.grad = node.grad * slope


def accumulating(interior: Sequence[Node], slots: Callable[[Node], slice] = lambda _: slice(None)) -> None:
    for node in interior:
        for parent, slope in list(zip(node.parents, node.partials, strict=True))[slots(node)]:
            if slope is not None:
                parent.grad += node.grad * slope


def in_wrong_order(interior: list[Node], leaves: list[Node], root: Node) -> None:
    fresh(interior + leaves)
    root.grad = 1.0
    middle = interior[:-1]
    accumulating([root, *middle])


def losing_last_slots(interior: list[Node], leaves: list[Node], root: Node) -> None:
    fresh(interior + leaves)
    root.grad = 1.0
    accumulating(interior[::-1], lambda node: slice(len(node.parents) - 1 or 1))


def keeping_stale_gradients(interior: list[Node], leaves: list[Node], root: Node) -> None:
    for node in interior + leaves:
        node.grad = node.grad or 0.0
    root.grad = 1.0
    accumulating(interior[::-1])


def overwriting_leaves(interior: list[Node], leaves: list[Node], root: Node) -> None:
    fresh(interior + leaves)
    root.grad = 1.0
    accumulating(interior[::-1])


def with_sweep(monkeypatch: pytest.MonkeyPatch, sweep: Sweep) -> None:
    def backward(root: Node, **_: Any) -> None:
        sweep(*interior_and_leaves(root), root)

    monkeypatch.setattr(engine.value, "backward", backward)


def shared(a: Value, b: Value) -> Value:
    c = a * b
    return (a + c * c.exp() + b).sin()


@pytest.mark.parametrize(
    ("sweep", "fault", "cause"),
    [
        (assigning, "accumulation", "assigned, not accumulated"),
        (in_wrong_order, "accumulation", "is that slot lost, or the order not topological?"),
        (losing_last_slots, "accumulation", "is that slot lost, or the order not topological?"),
        (keeping_stale_gradients, "second backward", "contributed again"),
        (overwriting_leaves, "second backward", "overwritten"),
    ],
)
def test_faults_of_accumulation(
    monkeypatch: pytest.MonkeyPatch, sweep: Sweep, fault: str, cause: str
) -> None:
    with_sweep(monkeypatch, sweep)
    result = check_gradients(shared, at=[0.3, 0.5])
    assert not result
    assert result.blame is not None
    assert result.blame.fault == fault
    assert cause in result.blame.cause
    assert any(not identity.holds for identity in result.identities)


# ── What can be checked: shapes of `at`, parameters, samples, vectors, orders ─────────────────────


@pytest.mark.parametrize(
    ("f", "at", "names"),
    [
        (lambda a, b: a * b, [2.0, -3.0], ["a", "b"]),
        (lambda a, b: a * b, (2.0, -3.0), ["a", "b"]),
        (lambda a: a * a, 2.0, ["a"]),
        (lambda *xs: xs[0] * xs[1], [2, -3], ["x[0]", "x[1]"]),
        (lambda w, b: w[0] * w[1] + b, [[1.0, 2.0], 0.5], ["w[0]", "w[1]", "b"]),
        (
            lambda m: m[0][1] * m[1][0],
            [[[1.0, 2.0], [3.0, 4.0]]],
            ["m[0][0]", "m[0][1]", "m[1][0]", "m[1][1]"],
        ),
        (lambda a, b: a * b, {"b": 2.0, "a": 3.0}, ["b", "a"]),
        (lambda p: p["w"].exp(), [{"w": 2.0}], ["p['w']"]),
        (lambda a, b: a * b, [Value(2.0, label="left"), 3.0], ["left", "b"]),
    ],
)
def test_shapes_of_the_point(f: Callable[..., Value], at: Any, names: list[str]) -> None:
    result = check_gradients(f, at=at)
    assert result, str(result)
    assert [row.input for row in result.rows] == names


def test_parameters_are_moved_and_put_back() -> None:
    w, b = Value(0.5, label="w"), Value(-0.2, label="b")
    w.grad = 7.0
    result = check_gradients(lambda: w * 3.0 + b.tanh(), at=[w, b])
    assert result
    assert [row.input for row in result.rows] == ["w", "b"]
    assert (w.data, w.grad, b.data, b.grad) == (0.5, 7.0, -0.2, None)


def test_parameters_are_put_back_after_an_error() -> None:
    w = Value(0.5)

    def f() -> Value:
        if w.data != 0.5:
            raise RuntimeError
        return w * 2.0

    with pytest.raises(RuntimeError):
        check_gradients(f, at=[w])
    assert w.data == 0.5


def test_a_network_is_checked_by_its_parameters() -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    result = check_gradients(lambda: (model([0.5, -1.0])[0] - 0.3) ** 2, at=model.parameters())
    assert result, str(result)
    assert [row.input for row in result.rows] == [parameter.label for parameter in model.parameters()]
    assert result.rows[0].input == "layers[0].neurons[0].weights[0]"


def test_a_generator_of_parameters() -> None:
    leaves = [Value(1.0), Value(2.0)]
    assert check_gradients(lambda: leaves[0] * leaves[1], at=iter(leaves))


def test_only_some_inputs() -> None:
    weights = [0.1 * place for place in range(5)]

    def names(only: Any) -> list[str]:
        result = check_gradients(lambda w, b: total(w).sin() * b, at=[weights, 0.5], only=only)
        assert result
        return [row.input for row in result.rows]

    assert names("w[3]") == ["w[3]"]
    assert names("w") == [f"w[{place}]" for place in range(5)]
    assert names(["b", 0]) == ["w[0]", "b"]


def layered(seed: int = 0) -> tuple[list[Value], Callable[[], Value]]:
    draw = random.Random(seed)
    leaves = [
        Value(draw.uniform(-1.0, 1.0), label=f"layers[{layer}].neurons[{neuron}].weights[{place}]")
        for layer in range(3)
        for neuron in range(10)
        for place in range(7)
    ]
    return leaves, lambda: total(leaf.tanh() * (place % 7) for place, leaf in enumerate(leaves))


def test_a_sample_has_a_share_of_every_layer_and_a_direction() -> None:
    leaves, f = layered()
    result = check_gradients(f, at=leaves, samples=6)
    assert result
    inputs = [row.input for row in result.rows]
    assert inputs[-1] == "one direction through all"
    assert [sum(name.startswith(f"layers[{layer}]") for name in inputs) for layer in range(3)] == [2, 2, 2]
    assert "sampled from 210 inputs" in str(result)
    assert [row.input for row in check_gradients(f, at=leaves, samples=6).rows] == inputs
    assert [row.input for row in check_gradients(f, at=leaves, samples=6, seed=1).rows] != inputs


def test_many_inputs_are_sampled_unasked_and_a_fault_is_found_all_the_same() -> None:
    leaves, _ = layered()
    exp = faulty(ops.exp, lambda out, x: (out * 1.01,))

    def f() -> Value:
        return total([*(leaf.tanh() for leaf in leaves[:-1]), exp(leaves[-1])])

    result = check_gradients(f, at=leaves)
    assert len(result.rows) == 51
    assert not result
    assert result.blame is not None
    assert result.blame.operation == "exp"
    assert "again: check_gradients(f, at=…" in str(result)


def test_a_vector_function_is_checked_output_by_output() -> None:
    result = check_gradients(lambda x, y: [x * y, x + y.sin(), x], at=[1.0, 2.0])
    assert result
    assert [row.input for row in result.rows[:3]] == ["x → [0]", "y → [0]", "x → [1]"]
    assert any("<J v, w>" in identity.name for identity in result.identities)


def test_orders_and_symmetry() -> None:
    result = check_gradients(lambda x, y: (x * y).sin() * x.tanh(), at=[0.7, -0.4], order=3)
    assert result, str(result)
    assert [row.order for row in result.rows] == [1, 1, 2, 2, 3, 3]
    assert any("symmetric" in identity.name for identity in result.identities)


def test_a_second_derivative_that_is_cut_is_found() -> None:
    exp = faulty(ops.exp, lambda out, x: (math.exp(x),))
    assert check_gradients(exp, at=[0.5])
    result = check_gradients(exp, at=[0.5], order=2)
    assert [row.verdict for row in result.rows] == [Verdict.OK, Verdict.CUT]


def test_second_derivatives_that_are_not_symmetric_are_found() -> None:
    product = faulty(ops.multiply, lambda out, x, y: (y, float(x)))
    assert check_gradients(product, at=[0.5, 2.0])
    result = check_gradients(product, at=[0.5, 2.0], order=2)
    assert not result
    assert [same.name for same in result.identities if not same.holds] == [SYMMETRIC]
    assert "x[1], x[0]: 0 and 1" in str(result)


@pytest.mark.parametrize("seed", range(12))
def test_third_derivatives_of_random_graphs(seed: int) -> None:
    expression = random_expression(random.Random(seed), size=4, operations=DIFFERENTIABLE)
    result = check_gradients(expression, at=expression.at, order=3)
    assert result, f"{expression}\n{result}"


# ── The result, and how it is told ────────────────────────────────────────────────────────────────


def test_the_report_of_a_failure() -> None:
    tanh = faulty(ops.tanh, lambda out, x: (0.5 * (1 - out * out),))

    def loss(w: Value, b: Value) -> Value:
        hidden = tanh(w)
        hidden.label = "h1"
        return hidden + b.relu()

    lines = str(check_gradients(loss, at=[0.31, 0.0], seed=7)).splitlines()
    assert lines[0] == (
        "gradient check FAILED: 1 of 2 wrong, 1 kink accepted, 0 skipped    (160 evaluations, seed 7)"
    )
    assert lines[1].split() == ["input", "analytic", "numeric", "±", "error", "relative", "verdict"]
    assert lines[2].startswith("w      0.4548688  0.9097376")
    assert lines[2].endswith("5.0e-01  WRONG  ratio 0.5")
    assert lines[3].endswith("kink  relu at 0")
    assert lines[4].startswith("first wrong operation: tanh 'h1' (n1, test_checking.py:")
    assert lines[5] == "  of 0.31   local derivative: analytic 0.4548688, numeric 0.9097376"
    assert lines[6] == "  looks like: factor 1/2"
    assert lines[7] == "again: check_gradients(loss, at=…, only='w', seed=7)"


def test_no_line_is_wider_than_a_terminal() -> None:
    leaves, f = layered()
    for result in (
        check_gradients(f, at=leaves, samples=12),
        check_gradients(lambda x: x + math.exp(x), at=[Value(1e-5, label="x" * 60)]),
    ):
        lines = [line for line in str(result).splitlines() if not line.startswith("again")]
        assert max(map(len, lines)) <= 100


def test_to_json() -> None:
    found = json.loads(check_gradients(lambda x: x.relu(), at=[0.0]).to_json())
    assert found["ok"] is True
    assert found["rows"][0]["verdict"] == "kink"
    assert found["rows"][0]["numeric"] == "nan"


def test_worst_is_the_row_furthest_off() -> None:
    product = faulty(ops.multiply, lambda out, x, y: (y, 3.0 * x))
    worst = check_gradients(product, at=[0.5, 2.0]).worst
    assert worst is not None
    assert (worst.input, worst.verdict) == ("x[1]", Verdict.WRONG)


def test_assert_gradients_raises_the_report() -> None:
    tanh = faulty(ops.tanh, lambda out, x: (1.0,))
    with pytest.raises(AssertionError) as caught:
        assert_gradients(tanh, at=[0.3])
    assert isinstance(caught.value, CheckError)
    assert str(caught.value).startswith("gradient check FAILED")
    assert caught.value.result.blame.operation == "tanh"
    assert_gradients(lambda x: x.tanh(), at=[0.3])


def test_checking_needs_neither_pytest_nor_hypothesis() -> None:
    code = "import sys, engine.checking; print(sorted({'pytest', 'hypothesis'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


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
        (lambda x: x.cos(), math.pi),
        (lambda x: x.exp() - x, 0.0),
        (lambda x: x * (-x).exp(), 1.0),
        (lambda x: (x - 1.3) ** 2 * 3.7 + x.exp() - math.exp(1.3) * x, 1.3),
    ],
)
def test_a_slope_of_0_is_decided(f: Callable[[Value], Value], at: float) -> None:
    assert only_row(check_gradients(f, at=[at])).verdict is Verdict.OK
    shifted = check_gradients(lambda x: f(x) + x.data * 1e-3, at=[at])  # and a small one is not taken for it
    assert shifted.failed


def test_a_slope_that_noise_covers_is_not_taken_for_0() -> None:
    assert check_gradients(lambda x: Value(1e8 + 1e-9 * x.data) + 1e-9 * x, at=[1.0]).undecided
    assert check_gradients(lambda x: Value(round(x.data, 2)) + 0.0 * x, at=[1.234]).failed


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


def test_numbers_that_contradict_each_other_are_never_ok() -> None:
    for analytic, numeric, error in [(-2.0, 1.9, 0.4), (3.0, 1.0, 0.5), (1.0, -1.0, 0.3), (1.01, 1.0, 2e-3)]:
        slope = Slope("smooth", Estimate(numeric, error))
        assert judge(slope, analytic) is Verdict.UNRELIABLE
    assert judge(Slope("smooth", Estimate(1.9, 0.4)), 2.1) is Verdict.OK
    assert judge(Slope("smooth", Estimate(1.9, 0.01)), 2.1) is Verdict.WRONG
    sides = Slope("kink", left=Estimate(0.0, 0.1), right=Estimate(1.0, 0.1))
    assert [judge(sides, x) for x in (1.05, 1.5, 3.0)] == [Verdict.KINK, Verdict.UNRELIABLE, Verdict.OUTSIDE]


def test_a_function_that_does_not_change_over_a_tiny_input_is_measured_all_the_same() -> None:
    for x in (7e-73, -1e-300, 5e-324):
        row = only_row(check_gradients(lambda x: x.exp() + x.sin(), at=[x]))
        assert (row.verdict, row.numeric) == (Verdict.OK, pytest.approx(2.0, rel=1e-9))


def test_second_order_rows_are_second_derivatives_or_say_along_what() -> None:
    one = check_gradients(lambda a: a * a * a, at=[2.0], order=3)
    assert one
    assert [row.analytic for row in one.rows] == [12.0, 12.0, 6.0]
    assert "along" not in str(one)
    two = check_gradients(lambda x, y: x * x * y, at=[2.0, 3.0], order=2)
    ((dx, dy),) = two.directions
    assert [row.analytic for row in two.rows[2:]] == [pytest.approx(6 * dx + 4 * dy), pytest.approx(4 * dx)]
    assert f"order 2: the derivative of the gradient along ({dx:g}, {dy:g})" in str(two)


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x, y: x * y, np.array([1.0, 2.0])),
        (lambda x: x[0] * x[1], [[2.0, 3.0]]),
        (lambda x: x[0] * x[1], (np.array([2.0, 3.0]),)),
        (lambda m: m[0][1] * m[1][0], [np.array([[1.0, 2.0], [3.0, 4.0]])]),
        (lambda p: p["w"][0] * p["b"], [{"w": np.array([2.0]), "b": 3.0}]),
    ],
)
def test_vectors_and_arrays(f: Callable[..., Value], at: Any) -> None:
    assert check_gradients(f, at=at, order=2)


def test_a_module_is_a_point() -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)

    def loss() -> Value:
        return (model([0.5, -1.0])[0] - 0.3) ** 2

    result = check_gradients(loss, model)
    assert [row.input for row in result.rows] == [parameter.label for parameter in model.parameters()]
    assert result
    assert check_gradients(lambda net: net([0.5, -1.0])[0] ** 2, model)
    assert check_gradients(lambda net, x: net(x)[0], [model, [0.5, -1.0]])


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


# ── 500 functions broken on purpose, and 500 honest ones, in all the new forms ────────────────────


def in_some_form(f: Callable[..., Any], at: Sequence[float], form: int) -> tuple[Callable[..., Any], Any]:
    """The function and its point: as arguments, a vector, an array, a dictionary, a module, with branches."""
    if form == 1:
        return (lambda xs: f(*xs)), [list(at)]
    if form == 2:
        return f, np.array(at)
    if form == 3:
        return (lambda p: f(*p["inputs"])), [{"inputs": list(at)}]
    if form == 4:
        holder = Holder(at)
        return (lambda: f(*holder.leaves)), holder
    if form == 5:
        return (lambda *xs: max(f(*xs), Value(-1e300)) * 1.0), list(at)
    return f, list(at)


class Holder:
    """A module of somebody's own."""

    def __init__(self, at: Sequence[float]) -> None:
        self.leaves = [Value(x, label=f"p{k}") for k, x in enumerate(at)]

    def parameters(self) -> list[Value]:
        return self.leaves


def broken(expression: Expression, draw: random.Random) -> Callable[..., Value]:
    """The expression with one of its operations' derivatives a tenth too large."""
    places = [place for place, (name, _) in enumerate(expression.steps) if not ops.TABLE[name].flat]
    place = draw.choice(places)

    def run(*inputs: Value) -> Value:
        numbers: list[Any] = list(inputs)
        for at, (name, operands) in enumerate(expression.steps):
            row, given = ops.TABLE[name], [numbers[o] if isinstance(o, int) else o for o in operands]
            if at == place:
                wrong = faulty(row, lambda out, *xs, row=row: tuple(
                    None if slope is None else 1.1 * slope for slope in row.partials(out, *xs)
                ))  # fmt: skip
                numbers.append(wrong(*given))
            else:
                numbers.append(make_node(row, given))
        result: Value = numbers[-1]
        return result

    return run


@pytest.mark.parametrize("form", range(6))
def test_honest_functions_in_every_form_pass(form: int) -> None:
    for expression in seeded_expressions(share(20), seed=form):
        result = check_gradients(*in_some_form(expression, expression.at, form))
        assert result, f"{expression}\n{result}"


@pytest.mark.parametrize("form", range(6))
def test_faults_in_every_form_is_found(form: int) -> None:
    draw = random.Random(form)
    for expression in seeded_expressions(share(20), seed=100 + form):
        wrong = broken(expression, draw)
        right = gradient(expression, list(expression.at))
        found = gradient(wrong, list(expression.at))
        if not any(abs(a - b) > 1e-3 * abs(b) for a, b in zip(found, right, strict=True)):
            continue  # nothing of it reaches an input here
        result = check_gradients(*in_some_form(wrong, expression.at, form))
        assert not result, f"{expression}\n{result}"


def test_the_fixture_searches_too() -> None:
    check = GradientCheck({"seed": 3})
    check(lambda x: x.tanh(), at=[0.3])
    check.everywhere(lambda x: x.tanh(), st.tuples(numbers()), examples=10)
    tanh = faulty(ops.tanh, lambda out, x: (1.0,))
    with pytest.raises(CheckError, match="the simplest that fails"):
        check.everywhere(tanh, st.tuples(numbers()), examples=10)
