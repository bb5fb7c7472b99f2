"""Walking: each node once, operands first, the first operand first, at any depth."""

from __future__ import annotations

import random

from engine import Value, dot, total
from engine.graph import interior_and_leaves, names, topological_order


def test_operands_come_before_their_node_and_each_node_once() -> None:
    draw = random.Random(1)
    for trial in range(50):
        values = [Value(draw.random()) for _ in range(4)]
        for _ in range(60):
            x, y = draw.choice(values), draw.choice(values)
            values.append(draw.choice([x + y, x.sin(), total([x, y, x, y])]))
        order = topological_order(values[-1])
        place = {node: i for i, node in enumerate(order)}
        assert len(place) == len(order), trial
        assert order[-1] is values[-1]
        for node in order:
            assert all(place[parent] < place[node] for parent in node.parents)
        interior, leaves = interior_and_leaves(values[-1])
        assert [node for node in order if node.parents] == interior
        assert set(leaves) == {node for node in order if not node.parents}


def test_the_first_operand_comes_first() -> None:
    a, b, c = (Value(1.0, label=name) for name in "abc")
    assert [node.label for node in topological_order((a - b) * c) if node.label] == ["a", "b", "c"]
    assert [node.label for node in topological_order(dot([c, a], [b, b])) if node.label] == ["c", "a", "b"]


def test_a_leaf_alone_is_a_graph() -> None:
    a = Value(1.0)
    assert topological_order(a) == [a]
    assert interior_and_leaves(a) == ([], [a])


def test_names_are_labels_or_places() -> None:
    a = Value(1.0, label="a")
    assert list(names(topological_order(a * a + 2)).values()) == ["a", "v1", "v2", "v3"]


def test_wide_graphs_are_walked_in_linear_time() -> None:
    """Each operand of a wide node is looked at once, though all of them are interior."""
    leaves = [Value(1.0) for _ in range(20_000)]
    root = total([leaf * leaf for leaf in leaves])
    assert len(topological_order(root)) == 40_001
