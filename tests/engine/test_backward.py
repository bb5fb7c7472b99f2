"""The chain rule: what is accumulated, what is reset, what is refused, and what happens at kinks."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from engine import Constant, NonFiniteError, Value, dot, gradients, maximum, relu, sqrt, total, where
from engine.backward import _mark, adjoints, slopes
from engine.graph import Node, interior_and_leaves, topological_order

INF = math.inf
# (what, function, point, value, gradient): the conventions, each with its own expected number


def test_leaves_accumulate_and_interior_nodes_are_reset() -> None:
    a = Value(3.0)
    b = a * a
    y = 2 * b
    y.backward()
    assert (a.grad, b.grad) == (12.0, 2.0)
    y.backward()
    assert (a.grad, b.grad) == (24.0, 2.0)


def test_two_outputs_that_share_nodes_add_up() -> None:
    a = Value(3.0)
    b = a * a
    (2 * b).backward()
    (5 * b).backward()
    assert a.grad == 42.0


def test_slopes_are_those_of_backward_and_leave_every_gradient() -> None:
    a, b, unused, held, constant = Value(3.0), Value(2.0), Value(1.0), Value(5.0), Constant(4.0)
    inner = a * b * constant
    inner.backward()
    held.grad = unused.grad = 7.0
    nodes = [a, b, unused, held, constant, inner]
    before = [node.grad for node in nodes]
    assert slopes(inner * held + a, [a, b, unused], Constant) == [41.0, 60.0, 0.0]
    assert [node.grad for node in nodes] == before == [8.0, 12.0, 7.0, 7.0, None, 1.0]
    assert slopes(a, [b, a]) == [0.0, 1.0]
    with pytest.raises(NonFiniteError, match="nan"):
        slopes((a - 3.0) ** 0.5 * (a - 3.0), [a, b])
    assert [node.grad for node in nodes] == before


SLOTS: list[tuple[Callable[[Value], Value], float]] = [
    (lambda a: a + a, 2.0),
    (lambda a: a * a, 6.0),
    (lambda a: a - a, 0.0),
    (lambda a: a * a * a, 27.0),
    (lambda a: dot([a, a], [a, a], a), 13.0),
    (lambda a: total([a, a, a]), 3.0),
    (lambda a: a**a, 27 * (1 + math.log(3))),
]


@pytest.mark.parametrize(("f", "expected"), SLOTS)
def test_every_slot_contributes(f: Callable[[Value], Value], expected: float) -> None:
    a = Value(3.0)
    f(a).backward()
    assert a.grad == pytest.approx(expected, rel=1e-15)


def test_a_diamond_waits_for_both_sides() -> None:
    """Depth-first order alone would hand b's gradient on before d has added to it."""
    a = Value(2.0)
    b = a * 3
    c = b * 5
    d = c + b
    e = d * b
    e.backward()
    assert a.grad == 2 * 18 * 3 * 2


def test_backward_on_a_leaf_adds_one() -> None:
    a = Value(2.0)
    a.backward()
    a.backward()
    assert a.grad == 2.0


def test_reached_leaves_get_zero_and_unreached_ones_nothing() -> None:
    a, b, c = Value(-1.0), Value(2.0), Value(3.0)
    (relu(a) + b).backward()
    assert (a.grad, b.grad, c.grad) == (0.0, 1.0, None)


def test_gradients_belong_to_the_point_where_forward_ran() -> None:
    a = Value(3.0)
    y = a * a
    a.data = 10.0
    y.backward()
    assert (y.data, a.grad) == (9.0, 6.0)


def random_graph(seed: int) -> tuple[Value, list[Value]]:
    """(root, leaves) of a graph of every kind of node: wide, with constants, with operands given twice."""
    draw = random.Random(seed)
    leaves = [Value(draw.gauss(0, 1)) for _ in range(8)]
    values = list(leaves)
    grow: list[Callable[[Value, Value], Value]] = [
        lambda x, y: x * y,
        lambda x, y: x + y,
        lambda x, y: y - x * 0.5,
        lambda x, _: 2.0 - x,
        lambda x, _: x.tanh(),
        lambda x, y: dot([x, y], [y, x], x),
        lambda x, y: dot([x, 0.3], [y, y]),
        lambda x, _: x.relu(),
        lambda x, y: maximum(x, y).sin(),
        lambda x, y: where(x > 0, x, y),
        lambda x, y: total([x, y, x]),
    ]
    for _ in range(draw.randint(1, 120)):
        values.append(draw.choice(grow)(draw.choice(values), draw.choice(values)))
    return total(values[-draw.randint(1, 9) :]), leaves


@pytest.mark.parametrize("seed", range(60))
def test_the_quick_sweep_has_the_order_and_the_bits_of_the_plain_one(seed: int) -> None:
    root, leaves = random_graph(seed)
    plain = adjoints(root, lambda node: node.partials)
    expected = {node: repr(plain.get(node, 0.0)) for node in topological_order(root)}
    interior: list[Node] = []
    marked: list[Node] = []
    unreached = float("-0.0")
    _mark(root, unreached, interior, marked, [], [], [((root,), None)])
    assert (interior, set(marked)) == (interior_and_leaves(root)[0], set(interior_and_leaves(root)[1]))
    assert len(set(marked)) == len(marked)
    for node in topological_order(root):
        assert node.grad is unreached
        node.grad = None
    root.backward()
    assert {node: repr(node.grad) for node in expected if not node.is_constant} == {
        node: found for node, found in expected.items() if not node.is_constant
    }
    once = [leaf.grad for leaf in leaves]
    assert gradients(root, leaves) == [grad or 0.0 for grad in once]
    root.backward()
    assert [leaf.grad for leaf in leaves] == [grad if grad is None else grad + grad for grad in once]


def test_a_gradient_of_minus_zero_is_minus_zero_and_one_that_nothing_reaches_is_zero() -> None:
    x, y = Value(1.0), Value(0.0)
    root = x * -0.0 + where(False, sqrt(y), x * -0.0)  # sqrt's slope at 0 is infinite, and nobody asks for it
    root.backward()
    assert (repr(x.grad), repr(y.grad)) == ("-0.0", "0.0")


def test_an_interrupted_backward_leaves_every_gradient_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = Value(2.0), Value(3.0)
    inner = a * b
    (inner * 2).backward()
    root = inner.tanh() * a

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for stage in ("_sweep", "_settle"):
        monkeypatch.setattr(f"engine.backward.{stage}", interrupted)
        with pytest.raises(KeyboardInterrupt):
            root.backward()
        monkeypatch.undo()
        assert [node.grad for node in (a, b, inner, root)] == [6.0, 4.0, 2.0, None]
    monkeypatch.setattr("engine.backward._mark", half_marked)
    with pytest.raises(KeyboardInterrupt):
        root.backward()
    assert root.grad is None


def half_marked(root: Value, unreached: Any, *_: object) -> None:
    """A walk that is stopped while a node bears its mark and stands in no list."""
    root.grad = unreached
    raise KeyboardInterrupt
