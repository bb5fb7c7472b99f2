"""Algebra: what sympy says of a graph and its derivatives is what the engine computes, row for row."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from engine import (
    GraphError,
    Value,
    formula,
    latex,
    log_softmax,
    maximum,
    mean,
    ops,
    softmax,
    steps,
    symbolic,
)
from engine.operation import Domain, Operation

sympy = pytest.importorskip("sympy")
symbols = import_module("engine.algebra.symbols")
ROWS = list(ops.TABLE.values())


def points(row: Operation, count: int) -> Iterator[list[float]]:
    """Operands from where the row takes samples."""
    draw = random.Random(row.name)
    for _ in range(count):
        arity = row.arity or 5
        samples = [row.domain.sample[place % len(row.domain.sample)] for place in range(arity)]
        operands = [draw.uniform(low, high) for low, high in samples]
        if row.domain.contains(*operands):
            yield operands


def leaves(numbers: list[float]) -> list[Value]:
    return [Value(number, label=f"x{place}") for place, number in enumerate(numbers)]


def at(expression: Any, inputs: list[Value]) -> float:
    """The expression's number at the inputs, exactly, then rounded."""
    numbers = {sympy.Symbol(x.label, real=True): sympy.Rational(x.data) for x in inputs}
    found = sympy.sympify(expression).subs(numbers)
    return float(sympy.N(found, 30))


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_values_and_derivatives_are_those_of_backward(row: Operation) -> None:
    """The expressions are made at one point, and have the numbers of all."""
    written: Any = None
    for numbers in points(row, 6):
        inputs = leaves(numbers)
        node: Any = row(*inputs)
        written = written or [symbolic(node), *(symbolic(node, wrt=x) for x in inputs)]
        if not symbols.knows(row):  # it is said to be a function of its own name
            assert str(written[0]).startswith(f"{row.name}(x0")
            return
        assert at(written[0], inputs) == pytest.approx(node.data, rel=1e-12, abs=1e-14)
        node.backward()
        for x, slope in zip(inputs, written[1:], strict=True):
            assert at(slope, inputs) == pytest.approx(x.grad, rel=1e-12, abs=1e-14), x.label


KINKS = [(row, kink) for row in ROWS if symbols.knows(row) for kink in row.kinks]


@pytest.mark.parametrize(("row", "kink"), KINKS, ids=lambda thing: getattr(thing, "name", ""))
def test_at_a_kink_the_convention_is_in_the_expression(row: Operation, kink: Any) -> None:
    inputs = leaves([*kink.at])
    node: Any = row(*inputs)
    slopes = row.slopes(node.data, kink.at)
    for x, slope in zip(inputs, slopes, strict=True):
        if slope is None or math.isfinite(slope):
            found = sympy.sympify(symbolic(node, wrt=x)).subs(
                {sympy.Symbol(leaf.label, real=True): sympy.Rational(leaf.data) for leaf in inputs}
            )
            assert found == sympy.nan or float(found) == pytest.approx(slope or 0.0)


@pytest.mark.parametrize("name", ["abs", "maximum", "minimum", "where", "clamp", "relu", "leaky_relu", "elu"])
def test_kinked_rows_have_both_branches(name: str) -> None:
    row = ops.TABLE[name]
    inputs = leaves(next(points(row, 5)))
    node: Any = row(*inputs)
    x = inputs[1] if name == "where" else inputs[0]
    assert symbolic(node, wrt=x).has(sympy.Piecewise, sympy.sign)


def test_text_of_values_and_derivatives() -> None:
    w, x, b, y = (Value(v, label=n) for v, n in zip((0.5, 2.0, 0.1, 1.0), "wxby", strict=True))
    loss = ((w * x + b).tanh() - y) ** 2
    loss.label = "loss"
    assert formula(loss) == "(y - tanh(b + w*x))**2"
    derivative = sympy.sympify(formula(loss, wrt=w), {name: sympy.Symbol(name, real=True) for name in "wxby"})
    assert sympy.simplify(derivative - symbolic(loss, wrt=w)) == 0
    assert (
        latex(loss, wrt=y)
        == r"\frac{\partial loss}{\partial y} = 2 \left(y - \tanh{\left(b + w x \right)}\right)"
    )
    assert latex(loss) == r"loss = \left(y - \tanh{\left(b + w x \right)}\right)^{2}"


def test_what_a_notebook_gets() -> None:
    x = Value(0.5, label="x")
    text: Any = formula(x.exp() * x)
    assert text == "x*exp(x)"
    assert text._repr_latex_() == r"$\displaystyle x e^{x}$"


def test_a_step_is_the_chain_rule() -> None:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    loss = (a * b).tanh()
    loss.label = "loss"
    assert latex(steps(loss)[0]) == r"\frac{\partial loss}{\partial loss} = 1"
    first, second = (latex(step) for step in steps(loss)[1:])
    assert r"\frac{\partial loss}{\partial v_{2}} &= 1 - loss^{2} = 2.458 \cdot 10^{-5}" in first
    assert r"\frac{\partial v_{2}}{\partial a} &= b = -3" in second
    assert r"\overline{a} &\mathrel{+}= 2.458 \cdot 10^{-5} \cdot (-3) = -7.373 \cdot 10^{-5}" in second


def test_softmax_with_cross_entropy_is_p_minus_y() -> None:
    logits = [Value(number, label=f"z{place}") for place, number in enumerate((0.1, 0.7, -0.4))]
    loss = -log_softmax(logits)[1]
    for place, z in enumerate(logits):
        expected = symbolic(softmax(logits)[place]) - int(place == 1)
        assert sympy.simplify(symbolic(loss, wrt=z) - expected) == 0


def test_least_squares_solves_itself() -> None:
    """Where the derivatives of the mean squared error are 0 lie the slope and intercept of every textbook."""
    w, b = Value(0.0, label="w"), Value(0.0, label="b")
    xs, ys = [1.0, 2.0, 4.0], [2.0, 3.0, 7.0]
    loss = mean([(w * x + b - y) ** 2 for x, y in zip(xs, ys, strict=True)])
    unknowns = [sympy.Symbol(name, real=True) for name in "wb"]
    (found,) = sympy.linsolve([symbolic(loss, wrt=w), symbolic(loss, wrt=b)], unknowns)
    assert found == (sympy.Rational(12, 7), 0)


def test_constants_are_what_they_are_printed_as_and_nothing_is_cut() -> None:
    x = Value(1.0, label="x")
    assert symbolic(x * 0.1) == sympy.Symbol("x", real=True) / 10
    assert str(symbolic(x * 0.12345678901234567)).startswith("0.1234567890123456")
    assert "log(2)" in formula(x.exp2(), wrt=x), "a constant of the table is itself"
    assert "sqrt(pi)" in formula(x.erf(), wrt=x)


def test_unlabeled_leaves_are_called_as_the_variables_are_or_by_their_place() -> None:
    a, b = Value(1.0), Value(2.0)
    assert formula(a * b + 1) == "a*b + 1"
    assert formula(a * b + 1, names=False) == "v0*v1 + 1"
    assert str(symbolic(a * b + 1)) == "a*b + 1"
    assert latex(a * b + 1, wrt=a).endswith("{\\partial a} = b")


def test_by_an_inner_node_and_by_what_no_path_reaches() -> None:
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    inner = a * b
    root = inner.exp()
    assert formula(root, wrt=inner) == "exp(a*b)"
    assert formula(maximum(a, b) * 0 + a, wrt=b) in ("0", "Piecewise((0, True))")
    with pytest.raises(GraphError, match="no part of the graph"):
        symbolic(inner, wrt=root)


def test_an_operation_of_ones_own_is_a_function_of_its_name() -> None:
    mine = Operation(
        "mine", 1, lambda x: x * 1.5, lambda out, x: (1.5,), "mine", Domain("", lambda _: True, ())
    )
    x = Value(1.0, label="x")
    root: Any = mine(x) ** 2
    assert str(symbolic(root)) == "mine(x)**2"
    assert formula(root, wrt=x) == "3*mine(x)"


def test_too_much_to_read_is_refused() -> None:
    x: Any = Value(1.0, label="x")
    for _ in range(30):
        x = x * 0.5 + 1
    with pytest.raises(GraphError, match="has 60 operations"):
        symbolic(x, limit=50)
    assert symbolic(x).free_symbols
    with pytest.raises(TypeError, match="takes a Value"):
        formula(3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a step"):
        latex(3.0)


def test_without_sympy_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(import_module("sys").modules, "sympy", None)
    with pytest.raises(ModuleNotFoundError, match="pip install sympy"):
        formula(Value(1.0))


def test_no_formula_is_stated_where_that_of_its_row_reads_the_same() -> None:
    operands = sympy.symbols("x y z", real=True)
    for operation in ROWS:
        if operation in symbols._FUNCTIONS and operation.lowered is not None:
            given = operands[: operation.arity]
            lowered = symbols.expression_of(operation.lowered(*map(symbols.Symbolic, given)))
            assert lowered != symbols.applied(operation, given), operation
