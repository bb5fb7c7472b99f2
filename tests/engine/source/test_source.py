"""Source code in other languages: eager's numbers, infinities and nans, for every row and random graphs."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from effort import share
from expressions import build, seeded_expressions
from running import INSTALLED, run

from engine import EngineError, GraphError, Value, dot, log, maximum, ops, relu, to_source, where
from engine.backward import adjoints
from engine.graph import Node, topological_order
from engine.operation import Operation
from engine.source.languages import LANGUAGES
from engine.source.writing import LARGEST
from engine.value import make_node

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, math.inf, -math.inf, math.nan, 750.0, -750.0, 1e300, 5e-324)
CLOSE = 1e-12

needs = {
    language: pytest.mark.skipif(not installed, reason=f"{language} is not installed")
    for language, installed in INSTALLED.items()
}
every_language = pytest.mark.parametrize(
    "language", [pytest.param(name, marks=needs[name]) for name in LANGUAGES]
)


def again(root: Node, leaves: Sequence[Node], point: Sequence[float]) -> list[float]:
    """What eager has at another point, the value and the gradients; nan where it refuses.

    The gradients are those of `adjoints`, the chain rule in eight lines: `backward` refuses all where one
    derivative is undefined, also where it flows into none of these leaves.
    """
    new = {leaf: Value(number) for leaf, number in zip(leaves, point, strict=True)}
    nodes: dict[Node, Value] = dict(new)
    for node in topological_order(root):
        if node.operation is not None:
            try:
                nodes[node] = make_node(node.operation, [nodes[parent] for parent in node.parents])
            except EngineError:
                nodes[node] = Value(math.nan)  # which a selection may leave aside
        elif node not in nodes:
            nodes[node] = node  # type: ignore[assignment]
    result = nodes[root]
    if result.data != result.data:
        return [math.nan] * (len(leaves) + 1)
    reached = adjoints(result, lambda node: node.paths)
    return [result.data, *(reached.get(new[leaf], 0.0) for leaf in leaves)]


def agree(found: Sequence[float], expected: Sequence[float], *, what: str) -> None:
    """The same infinities; nan where eager refuses; else within CLOSE of the largest gradient."""
    size = max((abs(x) for x in expected[1:] if math.isfinite(x)), default=0.0)
    if expected[0] != expected[0]:
        assert found[0] != found[0], f"{what}: a value where eager refuses"
        return
    assert found[0] == expected[0] or abs(found[0] - expected[0]) <= CLOSE * abs(expected[0]), what
    undefined = any(x != x for x in expected[1:])
    assert undefined == any(x != x for x in found[1:]), f"{what}: {found}, {expected}"
    for mine, theirs in zip(found[1:], expected[1:], strict=True):  # one undefined makes all of a row's so
        close = mine == theirs or abs(mine - theirs) <= CLOSE * size
        assert theirs != theirs or close, f"{what}: {found}, {expected}"


def intervals_of(row: Operation) -> list[tuple[float, float]]:
    """Where a row is tried, operand by operand."""
    sample = row.domain.sample
    return [sample[k % len(sample)] for k in range(row.arity if row.arity is not None else 5)]


def points_of(row: Operation) -> list[list[float]]:
    """Where a row is tried: inside its domain, at its kinks, and at special numbers."""
    draw = random.Random(row.name)
    sample = intervals_of(row)
    inside = [[draw.uniform(*interval) for interval in sample] for _ in range(40)]
    kinks = [list(kink.at) for kink in row.kinks if len(kink.at) == len(sample)]
    special = [[draw.choice(SPECIAL) for _ in sample] for _ in range(60)]
    return inside + kinks + special


UNWRITTEN = {ops.lgamma, ops.digamma, ops.polygamma}  # which are no formulas of other rows
WRITTEN = [row for row in ops.TABLE.values() if row not in UNWRITTEN]


@every_language
@pytest.mark.parametrize("row", sorted(UNWRITTEN, key=repr), ids=repr)
def test_what_is_no_formula_is_refused(row: Operation, language: str) -> None:
    leaves = [Value(1.0) for _ in range(row.arity or 1)]
    with pytest.raises(GraphError, match=f"{row.name} cannot be written in .*; give the operation lowered="):
        to_source(make_node(row, leaves), language, leaves)


@every_language
def test_every_row(language: str, tmp_path: Path) -> None:
    cases: list[Any] = []
    graphs: list[Any] = []
    for row in WRITTEN:
        leaves = [Value((low + high) / 2) for low, high in intervals_of(row)]
        root = make_node(row, leaves)
        graphs.append((row, root, leaves, points_of(row)))
        if language == "jax":  # its compiler makes numbers that are not normal 0
            graphs[-1][3][:] = [point for point in graphs[-1][3] if 5e-324 not in point]
        cases.append((to_source(root, language, leaves), graphs[-1][3]))
    for (row, root, leaves, points), answers in zip(graphs, run(language, cases, tmp_path), strict=True):
        for point, answer in zip(points, answers, strict=True):
            agree(answer, again(root, leaves, point), what=f"{row.name}{point}")


@every_language
@pytest.mark.parametrize("form", ["lines", "tables"])
def test_random_graphs(language: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if form == "tables":
        monkeypatch.setattr("engine.source.writing.LARGEST", 0)
    count = share(200 if form == "lines" else 50)
    if language == "jax":  # which compiles each for seconds
        count //= 10
    cases: list[Any] = []
    graphs: list[Any] = []
    for expression in seeded_expressions(count, inputs=3, size=25, seed=11, operations=WRITTEN):
        root, leaves = build(expression)
        draw = random.Random(len(graphs))
        points = [
            [leaf.data for leaf in leaves],
            *([draw.uniform(0.1, 2.0) for _ in leaves] for _ in range(3)),
        ]
        graphs.append((expression, root, leaves, points))
        cases.append((to_source(root, language, leaves), points))
    if language == "c" and form == "tables":  # each has tables of the same names: one program for each
        answers = [run(language, [case], tmp_path)[0] for case in cases[:10]]
    else:
        answers = run(language, cases, tmp_path)
    for (expression, root, leaves, points), found in zip(graphs, answers, strict=False):
        for point, answer in zip(points, found, strict=True):
            agree(answer, again(root, leaves, point), what=f"{expression} at {point}")


@pytest.mark.parametrize("language", ["python", pytest.param("c", marks=needs["c"])])
def test_sums_products_and_choices_have_eagers_bits(language: str, tmp_path: Path) -> None:
    draw = random.Random(5)
    leaves = [Value(draw.uniform(-2, 2), label=name) for name in "abcd"]
    nodes: list[Value] = list(leaves)
    for _ in range(120):
        one, other = draw.choice(nodes), draw.choice(nodes)
        kinds = [one + other, one * other, one - other, relu(one), maximum(one, other), -one * 0.25]
        nodes.append(draw.choice([*kinds, where(one > other, one, other)]))
    root = nodes[-1] + nodes[-2] * nodes[-3]
    points = [[leaf.data for leaf in leaves]]
    (answers,) = run(language, [(to_source(root, language, leaves), points)], tmp_path)
    assert answers == [again(root, leaves, points[0])]


def test_a_given_order_and_leaves_that_the_root_does_not_need() -> None:
    a, b, absent = Value(2.0, label="a"), Value(3.0, label="b"), Value(9.0, label="absent")
    names: dict[str, object] = {}
    exec(to_source(a * b * b, "python", [b, absent, a]), names)
    assert names["value_and_gradients"]([3.0, 9.0, 2.0]) == (18.0, [12.0, 0.0, 9.0])  # type: ignore[operator]
    exec(to_source(a * b * b, "python", [a]), names)  # b is written down as it is
    assert names["value_and_gradients"]([10.0]) == (90.0, [9.0])  # type: ignore[operator]


def test_the_root_may_be_a_leaf() -> None:
    names: dict[str, object] = {}
    a = Value(2.0, label="a")
    exec(to_source(a, "python"), names)
    assert names["value_and_gradients"]([7.0]) == (7.0, [1.0])  # type: ignore[operator]


def test_several_roots_without_gradients() -> None:
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    names: dict[str, object] = {}
    exec(to_source([a * b, a + b], "python", [a, b], gradients=False), names)
    assert names["values"]([4.0, 5.0]) == [20.0, 9.0]  # type: ignore[operator]
    with pytest.raises(GraphError, match="gradients are those of one root; got 2 roots"):
        to_source([a, b], "python")


def test_what_is_no_leaf_is_refused() -> None:
    a = Value(2.0, label="a")
    inside = a * a
    inside.label = "square"
    with pytest.raises(GraphError, match="leaf 0 of to_source is square = multiply of others, not a leaf"):
        to_source(inside + 1.0, "js", [inside])
    with pytest.raises(GraphError, match="leaf 1 of to_source is a, which was given before"):
        to_source(inside, "js", [a, a])
    with pytest.raises(ValueError, match="there is no language 'rust' here; choose 'js'"):
        to_source(a, "rust")


@pytest.mark.parametrize(
    "label", ["*/ int x;", "a\nb", "</script>", "é", "while", "op_log", "2nd", "", "a\\", "d_x", "π π"]
)
def test_labels_are_names_and_never_code(label: str, tmp_path: Path) -> None:
    x, other = Value(2.0, label=label), Value(3.0, label="x")
    root = log(x) * other + x
    root.label = label
    for language in ("python", *(name for name in ("js", "c") if INSTALLED[name])):
        text = to_source(root, language, [x, other])
        assert "</script" not in text
        (answers,) = run(language, [(text, [[2.0, 3.0]])], tmp_path)
        agree(answers[0], again(root, [x, other], [2.0, 3.0]), what=text)


def test_the_text_says_what_an_operation_needs_and_the_users_names() -> None:
    w, x = Value(0.5, label="layers[0].weights[1]"), Value(2.0, label="x")
    loss = log(w * x)
    loss.label = "loss"
    text = to_source(loss, "c")
    assert "const double layers_0_weights_1 = leaves[0];" in text
    assert "needs x > 0, else nan" in text
    assert "-ffp-contract=off" in text


def test_only_the_functions_that_are_called_are_there() -> None:
    x = Value(2.0, label="x")
    assert "op_" not in to_source(x * x + 1.0, "js")
    assert "op_divide" not in to_source(x * x + 1.0, "c")


@every_language
def test_ten_thousand_nodes(language: str, tmp_path: Path) -> None:
    draw = random.Random(0)
    leaves = [Value(draw.uniform(-1, 1)) for _ in range(200)]
    total = Value(0.0)
    count = 10_000 if language != "jax" else 1_000
    for number in range(count // 4):
        weights, inputs = draw.sample(leaves, 4), draw.sample(leaves, 4)
        total = total + (dot(weights, inputs) - leaves[number % 200]).tanh() * 0.01
    text = to_source(total, language)
    assert len(text) < 1_000_000
    order = [leaf for leaf in topological_order(total) if leaf.operation is None and not leaf.is_constant]
    (answers,) = run(language, [(text, [[leaf._data for leaf in order]])], tmp_path)
    agree(answers[0], again(total, order, [leaf._data for leaf in order]), what="many nodes")
    assert len(topological_order(total)) > LARGEST
