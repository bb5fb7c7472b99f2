"""explain: one node's chain rule in words, and its gradient as a sum over paths, however many there are."""

from __future__ import annotations

import json
import math
import random

import pytest

from engine import Value, explain, maximum, steps, total
from engine.errors import GraphError
from engine.graph import Node, topological_order
from engine.stepping.explain import explain_in
from engine.stepping.paths import UNCOUNTED, largest_paths


def all_paths(root: Node, node: Node) -> list[float]:
    """Every path's product, by trying them all."""
    if root is node:
        return [1.0]
    return [
        partial * rest
        for parent, partial in zip(root.parents, root.partials, strict=True)
        if partial is not None
        for rest in all_paths(parent, node)
    ]


def random_graph(draw: random.Random) -> tuple[Value, Value]:
    x = Value(draw.uniform(0.5, 2), label="x")
    values = [x, Value(1.5), x.sin()]
    for _ in range(9):
        first, second = draw.choice(values), draw.choice(values[-3:])
        values.append(draw.choice([first * second, first + second, maximum(first, second), second.tanh()]))
    return values[-1], x


@pytest.mark.parametrize("seed", range(40))
def test_paths_are_all_paths_and_their_sum_is_the_gradient(seed: int) -> None:
    root, x = random_graph(random.Random(seed))
    known = sorted((abs(product) for product in all_paths(root, x)), reverse=True)
    paths, count = largest_paths(steps(root), x, limit=10_000)
    assert count == len(known) == sum(path.uses for path in paths)
    each = [abs(path.amount) for path in paths for _ in range(path.uses)]
    assert sorted(each, reverse=True) == pytest.approx(known, rel=1e-12)
    sums = [abs(path.total) for path in paths]
    assert sums == sorted(sums, reverse=True)
    assert len({(path.nodes, path.partials) for path in paths}) == len(paths)
    gradient = steps(root).gradients().get(x, 0.0)
    assert sum(path.total for path in paths) == pytest.approx(gradient, rel=1e-12, abs=1e-15)
    for path in paths:
        assert path.nodes[0] is root
        assert path.nodes[-1] is x
        assert math.prod(path.partials) == pytest.approx(path.amount, rel=1e-12)
        assert path.amount * path.uses == pytest.approx(path.total, rel=1e-12)
    few, same_count = largest_paths(steps(root), x, limit=3)
    assert same_count == count
    assert [abs(path.total) for path in few] == pytest.approx(sums[:3], rel=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_terms_add_up_to_the_gradient_in_the_order_of_backward(seed: int) -> None:
    root, x = random_graph(random.Random(seed))
    told = explain(x, root)
    amounts = [term.amount for term in told.terms if term.amount is not None]
    assert [term.step for term in told.terms] == sorted(term.step for term in told.terms)
    if amounts:
        sofar = amounts[0]
        for amount in amounts[1:]:
            sofar += amount
        assert sofar == told.gradient


def test_a_path_for_each_slot_and_words_for_both() -> None:
    x = Value(3.0, label="x")
    root = x * x
    root.label = "y"
    told = explain(x, root)
    assert told.path_count == 2
    assert str(told).splitlines()[1:] == [
        "if x rises by a little, y rises 6 times as much: d y/d x = 6",
        "each use of x contributes its own gradient times its local derivative:",
        "  step 1, y = x² (operand 1): 1 × 3 = 3",
        "  step 1, y = x² (operand 2): 1 × 3 = 3",
        "  in all: 6",
        "the same as a sum over its 2 paths, the product of the local derivatives along each, largest first:",
        "  y → x: 3, by 2 uses: 6",
    ]


def test_exponentially_many_paths_are_counted_and_capped() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(40):
        y = y + y * 1.0
    told = explain(x, y)
    assert told.path_count == 2**40
    assert len(told.paths) == 8
    assert "a sum over 1,099,511,627,776 paths; the 8 largest of them" in str(told)
    assert "… and the others, together 1.1e+12" in str(told)
    for _ in range(400):
        y = y + y * 1.0
    assert explain(x, y).path_count == UNCOUNTED
    assert "more than 10^18 paths" in str(explain(x, y))


def test_equal_paths_are_one_however_many_they_are() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(40):
        y = y + y
    told = explain(x, y)
    (path,) = told.paths
    assert (told.path_count, path.uses, path.amount, path.total) == (2**40, 2**40, 1.0, 2.0**40)
    assert str(path).endswith(" = 1, by 1,099,511,627,776 uses: 1.1e+12")
    a = Value(2.0)
    assert str(explain(a, a * a)).splitlines()[-1] == "  v1 → a: 2, by 2 uses: 4"
    for _ in range(2000):
        y = y + y
    assert str(explain(x, y)).endswith("by more than 10^18 uses: inf")


def test_many_uses_are_capped_and_the_largest_stay() -> None:
    x = Value(1.0, label="x")
    told = str(explain(x, total([x * float(place) for place in range(20)])))
    assert "x × 19: 1 × 19 = 19" in told
    assert "x × 3" not in told
    assert "… and 12 smaller ones, in all: 190" in told


def test_a_long_path_is_written_by_its_ends() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(10_000):
        y = -y
    (path,) = explain(x, y).paths
    assert len(path.nodes) == 10_001
    assert str(path).startswith("y → v9999 → ")
    assert "more …" in str(path)
    assert str(path).endswith("→ x: −1 × −1 × −1 × −1 × … 9993 more … × −1 × −1 × −1 = 1")


def test_the_rule_at_a_node_with_its_out_its_choice_and_its_constants() -> None:
    x = Value(0.5, label="x")
    h = x.tanh()
    h.label = "h"
    lines = str(explain(h, h * 3.0)).splitlines()
    assert lines[0] == "h = tanh(x) = tanh(0.5) = 0.4621"
    assert lines[2] == "the chain rule: each operand gets h's gradient × its local derivative (out is h)"
    assert lines[3] == "  d h/d x = 1 − out² = 0.7864: 3 × 0.7864 = 2.359"
    above = str(explain(h * 3.0))
    assert "  d v3/d h = 3" in above
    assert "no path" not in above, "a constant operand needs no line of its own"


def test_what_is_not_selected_has_no_path() -> None:
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    root = maximum(x, y)
    assert "no path to y, as x > y" in str(explain(root, root))
    lost = explain(y, root)
    assert (lost.gradient, lost.path_count, lost.paths) == (None, 0, ())
    assert "no path leads from root to it: d root/d y = 0" in str(lost)
    assert "step 1, root = maximum(x, y): no path" in str(lost)


def test_without_a_root_it_is_the_node_alone() -> None:
    x = Value(0.5, label="x")
    h = x.exp()
    before = explain(h)
    assert "its gradient: –, backward has not been here" in str(before)
    assert "d h/d x = out = 1.649" in str(before)
    assert before.paths == ()
    h.backward()
    assert "d h/d x = out = 1.649: 1 × 1.649 = 1.649" in str(explain(h))


def test_at_a_step_what_is_still_to_come_is_said() -> None:
    x = Value(3.0, label="x")
    y = x * 2.0
    told = str(explain_in(steps(y + x), x, at=1))
    assert "step 2, y = x × 2: 1 × 2 = 2, still to come" in told
    assert "step 1, v3 = y + x: 1 × 1 = 1\n" in told


def test_constants_the_root_zero_and_fall() -> None:
    x = Value(3.0, label="x")
    root = x * 2.0
    assert str(explain(root.parents[1], root)) == "2, a constant: it gets no gradient"
    assert "backward starts here: d root/d root = 1" in str(explain(root, root))
    assert "if x rises by a little, v1 falls 1 times as much" in str(explain(x, -x))
    flat = x.sign()
    assert "if x changes by a little, flat stays as it is: d flat/d x = 0" in str(explain(x, flat))


def test_strangers_and_non_values_are_refused() -> None:
    x = Value(1.0, label="x")
    with pytest.raises(GraphError, match="no part of the graph of 'v1'"):
        explain(Value(2.0), x.exp())
    with pytest.raises(TypeError, match="explain takes a Value, got int"):
        explain(3)  # type: ignore[arg-type]


def test_nothing_is_printed_or_written(capsys: pytest.CaptureFixture[str]) -> None:
    x = Value(1.0, label="x")
    root = x.exp() * x
    plain = json.loads(explain(x, root).to_json())
    assert plain["path_count"] == 2
    assert [path["names"] for path in plain["paths"]] == [["root", "x"], ["root", "v1", "x"]]
    assert plain["terms"][0]["user_id"] == "n2"
    assert capsys.readouterr().out == ""
    assert all(node.grad is None for node in topological_order(root))
    assert repr(explain(x, root)) == str(explain(x, root))
