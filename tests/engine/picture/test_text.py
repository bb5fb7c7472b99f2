"""Text pictures: formulas with as few parentheses as possible, trees with each node once."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import pytest

from engine import Value, dot, tanh, total
from engine.formula import number_text
from engine.picture.text import formula, tree

A, B, C = (Value(number, label=name) for name, number in (("a", 2.0), ("b", -3.0), ("c", 5.0)))


@pytest.mark.parametrize(
    ("root", "text"),
    [
        (A + B * C, "a + b × c"),
        ((A + B) * C, "(a + b) × c"),
        (A - (B - C), "a − (b − c)"),
        (A - B - C, "a − b − c"),
        (A / (B * C), "a ÷ (b × c)"),
        (-(A + B), "−(a + b)"),
        ((-A) ** 2, "(−a)²"),
        (-(A**2), "−a²"),
        (C ** (A + B), "c**(a + b)"),
        ((A * B + 10).tanh() ** 2, "tanh(a × b + 10)²"),
        (A * -4.0, "a × −4"),
        (A * A, "a²"),
        (dot([A, B], [B, 2.0], C) * 2, "(c + a × b + b × 2) × 2"),
        (total([A, B, C]).exp(), "exp(a + b + c)"),
        (A, "a"),
    ],
)
def test_formulas_have_only_the_parentheses_they_need(root: Value, text: str) -> None:
    assert formula(root) == text


@pytest.mark.parametrize("seed", range(60))
def test_plain_formulas_are_python_and_give_the_same_number(seed: int) -> None:
    """What is written, read again by Python, is the same computation to the last bit."""
    draw = random.Random(seed)
    values: list[Any] = [A, B, C]
    for _ in range(8):
        x, y = draw.choice(values), draw.choice([*values, 2.0, -3.0])
        values.append(draw.choice([x + y, x - y, y - x, x * y, x / (y * y + 1), -x, x.tanh(), x**2, x**3]))
    known = {"a": A, "b": B, "c": C, "tanh": tanh}
    again = eval(formula(values[-1], limit=10_000, ascii_only=True), {}, known)  # noqa: S307  (our own text)
    assert again.data == values[-1].data


def test_a_formula_is_capped_and_its_long_parts_stand_by_name() -> None:
    y = A
    for _ in range(60):
        y = y * y + B
    text = formula(y, limit=80)
    assert len(text) <= 80
    assert re.search(r"v\d+", text)
    chain = A
    for _ in range(10_000):
        chain = chain * 1.5
    assert len(formula(chain)) <= 200


def test_labeled_parts_can_stand_by_their_label() -> None:
    product = A * B
    product.label = "product"
    root = product + C
    assert formula(root) == "a × b + c"
    assert formula(root, expand=False) == "product + c"
    assert formula(product, expand=False) == "a × b"


def test_a_tree_shows_a_shared_node_once() -> None:
    shared = A * B
    shared.label = "shared"
    drawn = tree(shared + shared * A, width=80)
    assert drawn.splitlines() == [
        "v4 = shared + v3 = −18, grad –",
        "├─ shared = a × b = −6, grad –",
        "│  ├─ a = 2, grad –",
        "│  └─ b = −3, grad –",
        "└─ v3 = shared × a = −12, grad –",
        "   ├─ shared, shown above",
        "   └─ a, shown above",
    ]


def test_a_tree_of_a_dag_grows_with_its_nodes_not_its_paths() -> None:
    y = A
    for _ in range(40):
        y = y + y
    assert len(tree(y, width=400, limit=1000).splitlines()) == 81


def test_gradients_are_shown_when_they_are_there_and_a_zero_is_a_zero() -> None:
    x = Value(2.0, label="x")
    root = x * x
    assert tree(x) == "x = 2, grad –"
    root.backward()
    assert tree(root).splitlines()[1] == "├─ x = 2, grad 4"
    flat = Value(1.5, label="y")
    flat.floor().backward()
    assert tree(flat) == "y = 1.5, grad 0"
    assert tree(root, gradients={root: 1.0}).splitlines()[1] == "├─ x = 2, grad –"


def test_the_current_node_is_marked() -> None:
    root = (A + B) * C
    lines = tree(root, current=root.parents[0]).splitlines()
    assert [line[:2] for line in lines] == ["  ", "> ", "  ", "  ", "  "]


def test_lines_fit_the_width_in_both_alphabets() -> None:
    x = Value(2.0, label="a rather long name for an x")
    y = x
    for _ in range(30):
        y = (y * x).tanh()
    for ascii_only in (False, True):
        drawn = tree(y, width=40, ascii_only=ascii_only)
        assert max(map(len, drawn.splitlines())) <= 40
        assert drawn.isascii() == ascii_only


def test_what_is_left_out_is_counted() -> None:
    wide = total([Value(float(place)) for place in range(50)])
    lines = tree(wide).splitlines()
    assert lines[-2] == "└─ … 41 more operands"
    assert lines[-1] == "… 41 more nodes; a tree of one of the nodes shows what is below it"
    chain = A
    for _ in range(10_000):
        chain = chain.tanh()
    drawn = tree(chain, width=80)
    assert len(drawn.splitlines()) <= 61
    assert "more nodes" in drawn.splitlines()[-1]


def test_numbers_are_written_as_everywhere() -> None:
    assert tree(Value(-1e-7, label="x")) == f"x = {number_text(-1e-7)}, grad –"
    assert tree(Value(math.inf, label="x")) == "x = inf, grad –"


def test_labels_cannot_break_a_line() -> None:
    assert tree(Value(1.0, label="two\nlines")) == "two�lines = 1, grad –"
