"""Random expressions over the whole table: backward is finite differences, forward mode, and itself again."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from expressions import DIFFERENTIABLE, Expression, build, graphs, random_expression, seeded_expressions
from hypothesis import given, settings

from engine import Value, gradients, jvp, ops
from engine.backward import adjoints
from engine.checking.numeric import Sample, examine, step_scale
from engine.checking.signature import signature_of
from engine.graph import interior_and_leaves, topological_order


def by_backward(expression: Expression) -> list[float]:
    root, inputs = build(expression)
    root.backward()
    return [x.grad or 0.0 for x in inputs]


def measured(expression: Expression, slot: int, of: str = "value") -> tuple[float, float]:
    """The derivative of the value, or of the gradient's sum, by one input: (number, possible error)."""

    def probe(t: float) -> Sample | None:
        moved = [*expression.at[:slot], t, *expression.at[slot + 1 :]]
        try:
            root, inputs = build(Expression(tuple(moved), expression.steps))
            result = root if of == "value" else total_slope(root, inputs)
        except ValueError:
            return None
        return Sample(result.data, signature_of([root], [])) if math.isfinite(result.data) else None

    estimate = examine(probe, expression.at[slot], step_scale(expression.at[slot])).estimate
    return estimate.value, 10.0 * estimate.error


def total_slope(root: Value, inputs: Sequence[Value]) -> Value:
    slopes = gradients(root, inputs, create_graph=True)
    return sum(slopes[1:], slopes[0])


@given(graphs(inputs=3))
def test_gradient_is_finite_differences(graph: Expression) -> None:
    for slot, gradient in enumerate(by_backward(graph)):
        value, error = measured(graph, slot)
        assert gradient == pytest.approx(value, rel=1e-6, abs=error + 1e-9)


@settings(max_examples=25)
@given(graphs(inputs=2, size=5, operations=DIFFERENTIABLE))
def test_second_derivative_is_finite_differences(graph: Expression) -> None:
    root, inputs = build(graph)
    try:
        second = gradients(total_slope(root, inputs), inputs)
    except ValueError:
        return  # the point is at the edge of a derivative's domain
    for slot, derivative in enumerate(second):
        value, error = measured(graph, slot, of="slope")
        assert derivative == pytest.approx(value, rel=1e-5, abs=error + 1e-7)


@given(graphs(inputs=3))
def test_three_ways_down_and_one_up_agree(graph: Expression) -> None:
    root, inputs = build(graph)
    down = by_backward(graph)
    found = adjoints(root, lambda node: node.partials)
    assert [found.get(x, 0.0) for x in inputs] == down
    assert gradients(root, inputs) == down
    for slot in range(len(inputs)):
        direction = [float(slot == other) for other in range(len(inputs))]
        _, up = jvp(graph, at=graph.at, direction=direction)
        largest = max((abs(node.grad or 0.0) for node in topological_order(root)), default=0.0)
        assert up == pytest.approx(down[slot], rel=1e-9, abs=1e-9 * (1.0 + largest))


@given(graphs())
def test_numbers_and_values_compute_the_same(graph: Expression) -> None:
    assert build(graph)[0].data == graph(*graph.at)


@given(graphs())
def test_gradient_with_graph_is_gradient(graph: Expression) -> None:
    root, inputs = build(graph)
    with_graph = [slope.data for slope in gradients(root, inputs, create_graph=True)]
    assert with_graph == pytest.approx(by_backward(graph), rel=1e-12, abs=1e-300)


@given(graphs())
def test_second_backward_doubles(graph: Expression) -> None:
    root, inputs = build(graph)
    root.backward()
    once = [x.grad or 0.0 for x in inputs]
    root.backward()
    assert [x.grad for x in inputs] == [2.0 * grad for grad in once]


def test_every_operation_turns_up() -> None:
    met = {name for expression in seeded_expressions(400) for name, _ in expression.steps}
    assert {row.name for row in DIFFERENTIABLE} <= met


def test_inputs_are_all_used_and_nodes_are_shared() -> None:
    shared = 0
    for expression in seeded_expressions(50, inputs=3):
        root, inputs = build(expression)
        assert set(inputs) <= set(topological_order(root))
        interior, _ = interior_and_leaves(root)
        consumers = [parent for node in interior for parent in node.parents]
        shared += len(consumers) > len(set(consumers))
    assert shared > 40


def test_seeded_expressions_are_the_same_again() -> None:
    assert list(seeded_expressions(5)) == list(seeded_expressions(5))
    assert list(seeded_expressions(5)) != list(seeded_expressions(5, seed=1))


def test_expression_prints_as_a_program() -> None:
    expression = Expression(at=(0.5,), steps=(("tanh", (0,)), ("power", (1, 2.0))))
    assert str(expression) == "v0 = 0.5\nv1 = tanh(v0)\nv2 = power(v1, 2)"
    assert eval(repr(expression), {"Expression": Expression}) == expression  # noqa: S307  (our own repr)


def test_an_expression_of_few_operations() -> None:
    expression = random_expression(random.Random(3), operations=[ops.add, ops.tanh])
    assert {name for name, _ in expression.steps} <= {"add", "tanh", "total"}
