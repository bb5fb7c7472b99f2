"""What health says is shown in steps, explanations and drawings, which do not know it."""

from __future__ import annotations

from typing import Any

import pytest

from engine import Value, check_gradients, draw, explain, health, steps


@pytest.fixture
def root() -> Value:
    x = Value(1e-5, label="x")
    y = (1 - x.cos()) / x**2
    y.label = "y"
    return y


def test_in_steps(root: Value) -> None:
    shown = steps(root, marks=health(root))
    assert shown[3].remark == (
        "its number: 7.1 of 16 digits are right; its gradient: every digit is right; "
        "10.6 digits are lost here"
    )
    assert str(shown[3]).endswith(f"\n  {shown[3].remark}")
    assert shown[3].remark in shown.to_json()
    assert "digits" not in str(steps(root))
    assert "remark" not in steps(root).to_json()


def test_in_explanations(root: Value) -> None:
    difference = root.parents[0]
    words = "its number: 7.1 of 16 digits are right"
    assert words in str(explain(difference, root, marks=health(root)))
    assert words in str(explain(difference, marks=health(root)))
    assert words not in str(explain(difference, root))


def test_in_drawings(root: Value) -> None:
    drawing = draw(root, marks=health(root))
    assert "digits all | none" in drawing.source, "x itself is exact, its gradient has no digit"
    assert "digits 7.1 | all" in drawing.source
    assert "blue all, orange none" in drawing.source
    assert 'class="leaf negative s4"' in drawing.source
    assert 'class="operation positive s4"' in drawing.source
    assert "digits" not in draw(root).source
    with pytest.raises(ValueError, match="leave one of them out"):
        draw(root, marks=health(root), expand=True)


def test_many_nodes_in_one_box_say_the_worst() -> None:
    xs = [Value(0.1 * i, label=f"layers[0].neurons[0].weights[{i}]") for i in range(5)]
    bad = Value(18.0, label="layers[0].neurons[0].bias")
    neuron = sum((x * 0.5 for x in xs), bad).tanh()
    source = draw(neuron, "neurons", marks=health(neuron)).source
    assert "digits" in source
    assert "negative" in source


@pytest.mark.parametrize(
    ("marks", "words"),
    [(3, "got 3"), (health, r"write health\(root\)"), ("health", "got 'health'")],
    ids=["a number", "the function", "a name"],
)
def test_marks_that_say_nothing_of_nodes_are_refused_at_once(marks: Any, words: str) -> None:
    root = Value(2.0) * Value(3.0)
    for show in (steps, explain, draw):
        with pytest.raises(TypeError, match=words):
            show(root, marks=marks)


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        (3, "marks is a function of a Value, such as health; got 3"),
        (abs, "marks say something"),
        (lambda _: None, "got None"),
    ],
)
def test_what_a_check_is_given_as_marks_is_a_function_that_makes_some(marks: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        check_gradients(lambda x: x * x, at=[1.0], marks=marks)
