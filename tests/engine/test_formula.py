"""Formulas as text: as few parentheses as possible, and none too few."""

from __future__ import annotations

import math
import random

import pytest

from engine import ops
from engine.formula import Formula, derivative_texts, number_text, write
from engine.operation import Operation

INFIX = [ops.add, ops.subtract, ops.multiply, ops.divide, ops.power, ops.negate]


def test_a_plain_formula_read_by_python_has_the_value_it_describes() -> None:
    draw = random.Random(2)
    for _ in range(500):
        numbers = {name: draw.uniform(0.5, 1.5) for name in "abc"}
        parts: list[tuple[Formula, float]] = [(Formula(n, plain=True), x) for n, x in numbers.items()]
        parts.append((write(ops.negate, [2.0], plain=True), -2.0))
        for _ in range(6):
            row = draw.choice(INFIX)
            chosen = [draw.choice(parts) for _ in range(row.arity or 0)]
            operands = [value for _, value in chosen]
            if row.domain.contains(*operands) and abs(value := row.evaluate(operands)) < 1e6:
                parts.append((write(row, [text for text, _ in chosen], plain=True), value))
        text, value = parts[-1]
        assert eval(text.text, {}, numbers) == pytest.approx(value, rel=1e-12), text  # noqa: S307  (our own text)


@pytest.mark.parametrize(
    ("row", "operands", "texts"),
    [
        (ops.tanh, ["x"], ("1 − out²",)),
        (ops.sigmoid, ["x"], ("out × (1 − out)",)),
        (ops.multiply, ["a", "b"], ("b", "a")),
        (ops.divide, ["a", "b"], ("1 ÷ b", "−out ÷ b")),
        (ops.relu, ["x"], ("1 if x > 0 else no path",)),
    ],
)
def test_derivatives_write_themselves(row: Operation, operands: list[str], texts: tuple[str, ...]) -> None:
    assert derivative_texts(row, operands) == texts


def test_constants_simplify() -> None:
    x = Formula("x")
    assert str(ops.power.partials(Formula("out"), x, 2.0)[0]) == "2 × x"
    assert str(ops.power.partials(Formula("out"), x, 3.0)[0]) == "3 × x²"


def test_numbers() -> None:
    assert [number_text(x) for x in (0.0, -0.0, 1.0, -0.25, 1e-9, None, math.inf)] == [
        "0", "0", "1", "−0.25", "1e−09", "–", "inf",
    ]  # fmt: skip
    assert number_text(-0.5, plain=True) == "-0.5"
