"""What people write by mistake, or bring with them from elsewhere, with the whole answer that it gets."""

from __future__ import annotations

import pickle
import re
import warnings
from typing import Any

import numpy as np
import pytest

from engine import GraphError, Value

X: Any = Value(0.5)
PAIR: Any = np.array([1.0, 2.0])
NAMES = {"np": np, "x": X, "pair": PAIR, "Value": Value}
EXPECTED = "expected a Value, int, float or another real number, got "
LEAVES = "does not know Values and would leave the graph; "
MADE_OF = "a Value is made of a number and a label, a str"
ITSELF = "What it was computed from is remembered by itself: write a + b, or Value(number) for a leaf"
OWN = "the engine has functions of its own: exp, log, tanh and others"
ARRAY = f"{EXPECTED}ndarray (array([1., 2.])); "
ONE_BY_ONE = f"{ARRAY}compute with its numbers one by one: "

ANSWERS = {
    "Value(2.0, (), '+')": f"{MADE_OF}; got () and '+' after the number. {ITSELF}",
    "Value(2.0, ())": f"{MADE_OF}; got () after the number. {ITSELF}",
    "np.exp(x)": f"np.exp {LEAVES}write x.exp(), or exp(x) with `from engine import exp`",
    "np.arctan(x)": f"np.arctan {LEAVES}write atan(x)",
    "np.maximum(x, 0.0)": f"np.maximum {LEAVES}write maximum(x, y) with `from engine import maximum`",
    "np.heaviside(x, 1)": f"np.heaviside {LEAVES}{OWN}",
    "pair * x": f"{ONE_BY_ONE}[x * value for x in array.tolist()]",
    "x - pair": f"{ONE_BY_ONE}[value - x for x in array.tolist()]",
    "x / np.array(2.0)": f"{EXPECTED}ndarray (array(2.)); take its number: value / array.item()",
    "Value(np.array(3.0))": f"{EXPECTED}ndarray (array(3.)); take its number: Value(array.item())",
    "Value(pair)": (f"{ARRAY}make a list of Values of it: [Value(x) for x in array.tolist()]"),
    "Value([1.0, 2.0])": (
        f"{EXPECTED}list ([1.0, 2.0]); a Value is one number; "
        "make a list of Values: [Value(x) for x in numbers]"
    ),
    "x * x.grad": (
        f"{EXPECTED}NoneType (None); a gradient is None until it was computed: call backward() first"
    ),
}


@pytest.mark.parametrize("slip", ANSWERS)
def test_the_answer_says_what_was_wrong_and_the_line_to_write(slip: str) -> None:
    with pytest.raises(TypeError) as caught:
        eval(slip, dict(NAMES))  # noqa: S307  (our own lines)
    assert str(caught.value) == ANSWERS[slip]


@pytest.mark.parametrize(("line", "outcome"), [("x == 0", False), ("x != 0", True)])
def test_a_comparison_with_a_number_is_by_identity_and_warned_of(line: str, outcome: bool) -> None:
    with pytest.warns(UserWarning, match="compare the numbers") as heard:
        assert eval(line, dict(NAMES)) is outcome  # noqa: S307
    assert str(heard[0].message) == (
        "== and != ask whether a Value and 0 are the same object, which they never are; "
        "compare the numbers: value.data == 0"
    )
    assert heard[0].filename == "<string>"


def test_the_warning_comes_once_for_each_line_and_not_for_nodes() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("default")
        for _ in range(3):
            assert not X == 1  # noqa: SIM201
    assert len(heard) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert X == X
        assert Value(0.5) != X
        assert X in [Value(0.5), X]
        assert {X: 1}[X] == 1
        assert X != "0.5"
        assert X != None  # noqa: E711


@pytest.mark.parametrize("scalar", [np.float64(2.0), np.float32(2.0), np.int64(2)])
def test_numpy_scalars_compute_as_floats_do(scalar: Any) -> None:
    x = Value(0.5)
    for found, wanted in (
        (scalar + x, 2 + x), (scalar - x, 2 - x), (scalar * x, 2 * x), (scalar / x, 2 / x), (scalar**x, 2**x),
    ):  # fmt: skip
        assert type(found) is Value
        assert (found.data, found.partials) == (wanted.data, wanted.partials)
    assert (scalar < x, scalar <= x, scalar > x, scalar >= x) == (False, False, True, True)


def test_a_step_by_hand_needs_no_question_for_type_checkers() -> None:
    """mypy (make check) accepts the line that everybody writes; before `backward` Python refuses it."""
    w = Value(0.5)
    with pytest.raises(TypeError, match="NoneType"):
        w.data -= 0.1 * w.grad
    assert w.data == 0.5
    (w * w).backward()
    w.data -= 0.1 * w.grad
    assert w.data == 0.4
    assert w.grad is not None


@pytest.mark.parametrize(("label", "named"), [("", "(multiply)"), ("loss", "(multiply 'loss')")])
def test_a_computed_node_is_called_by_its_label_where_it_has_one(label: str, named: str) -> None:
    node = Value(1.0) * 2.0
    node.label = label
    with pytest.raises(GraphError, match=re.escape(f"a computed node {named} cannot be set")):
        node.data = 3.0
    with pytest.raises(TypeError, match=re.escape(f"this is a computed node {named};")):
        pickle.dumps(node)
