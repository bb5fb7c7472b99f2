"""Every row of the table, right and broken, and faults of backward itself: what is wrong is named."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from effort import share
from expressions import is_clear

import engine.value
from engine import DomainError, Value, ops
from engine.checking import Verdict, check_gradients, faulty
from engine.checking.blame import local_faults
from engine.graph import Node, interior_and_leaves, topological_order
from engine.operation import Operation
from engine.value import make_node

ROWS = list(ops.TABLE.values())


Partials = Callable[..., tuple[Any, ...]]


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
    assert "test_blame.py" in result.blame.line
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
