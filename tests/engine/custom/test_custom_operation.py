"""Operations of one's own: the same everywhere as the table's, and tried out when they are defined."""

from __future__ import annotations

import copy
import io
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import (
    Domain,
    DomainError,
    ReplayError,
    Value,
    check_gradients,
    choose,
    compile,  # noqa: A004
    cos,
    custom_operation,
    draw,
    erfc,
    exp,
    explain,
    forward_steps,
    gradients,
    hessian,
    jvp,
    log,
    no_grad,
    ops,
    steps,
    to_source,
    walk,
    where,
)
from engine.checking import Verdict
from engine.formula import Formula, write
from engine.graph import topological_order
from nn import MLP

ROOT = Path(__file__).parents[3]
EXECUTORS = ["strict", "numpy", *(["llvm", "llvm-checked"] if find_spec("llvmlite") else []), "auto"]
Row = Any


@custom_operation(partials=lambda out, x: (3.0 * x * x,))
def cube(x: Any) -> Any:
    """x to the third power."""
    return x * x * x


@custom_operation(partials=lambda out, x: (cos(x),))
def sine_of_c(x: float) -> float:
    """The sine, by a function of floats."""
    return math.sin(x)


@custom_operation(partials=lambda out, x, y, z: (y * z, x * z, x * y))
def triple(x: Any, y: Any, z: Any) -> Any:
    """x times y times z."""
    return x * y * z


@custom_operation(partials=lambda out, x: (1.0 / x,), domain=Domain("x > 0", lambda x: x > 0, ((0.1, 9.0),)))
def own_log(x: Any) -> Any:
    """The natural logarithm."""
    return log(x)


@custom_operation(partials=lambda out, x: (2.0 * x,), domain=lambda x: (x > -0.5) & (x < 9.0))
def tight(x: Any) -> Any:
    """x squared, where its formula has more numbers than its domain."""
    return x * x


@custom_operation(partials=lambda out, x: (choose(x > 0.0, 2.0 * x, None),), kinks=(0.0,))
def half_square(x: Any) -> Any:
    """x squared where it is positive."""
    return choose(x > 0.0, x * x, 0.0)


@custom_operation(partials=lambda out, x: (1.0,), surrogate=True)
def straight_through(x: float) -> float:
    """Rounded, with the slope of the identity."""
    return float(round(x))


@custom_operation(
    partials=lambda out, x: (exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi),),
    symbol="Φ",
    lowered=lambda x: 0.5 * erfc(-x / math.sqrt(2.0)),
)
def gaussian(x: float) -> float:
    """The normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


# ── Everywhere ────────────────────────────────────────────────────────────────────────────────────


def test_eager_in_values_and_in_numbers() -> None:
    x = Value(2.0, label="x")
    y = cube(x)
    y.backward()
    assert (y.data, x.grad, y.partials) == (8.0, 12.0, (12.0,))
    assert cube(3) == 27.0
    assert triple(x, 3, 0.5).data == 3.0
    with no_grad():
        assert cube(x).parents == ()
    with pytest.raises(TypeError, match="cube takes 1 operand, got 2"):
        cube(x, 1.0)
    with pytest.raises(TypeError, match="str"):
        cube("2")  # type: ignore[call-overload]
    assert copy.deepcopy(y).operation is y.operation


def test_all_orders_and_forward_mode() -> None:
    x = Value(2.0)
    found: Value = cube(x)
    for expected in (12.0, 12.0, 6.0):
        (found,) = gradients(found, [x], create_graph=True)
        assert float(found) == expected
    assert hessian(lambda a, b: cube(a * b), [1.0, 2.0]) == [[48.0, 36.0], [36.0, 12.0]]
    twice: Callable[[Value], Value] = lambda x: sine_of_c(x) * 2.0
    assert jvp(twice, [0.0], [1.0]) == (0.0, 2.0)


@pytest.mark.parametrize("order", [1, 2])
def test_the_checker_measures_it(order: int) -> None:
    def f(a: Value, b: Value) -> Value:
        return cube(a) * sine_of_c(b) + triple(a, b, b) + own_log(a) + half_square(b) + gaussian(a * b)

    assert check_gradients(f, [0.7, -1.3], order=order)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_at_a_kink_any_slope_between_is_accepted(slope: float) -> None:
    def own_relu(x: float) -> float:
        return x if x > 0 else 0.0

    def partials(out: Any, x: Any) -> Any:
        return (choose(x > 0.0, 1.0, choose(x < 0.0, None, slope)),)

    (row,) = check_gradients(custom_operation(own_relu, partials=partials, kinks=[0.0]), [0.0]).rows
    assert row.verdict is Verdict.KINK
    assert row.note == "own_relu at 0"


def test_words_and_pictures() -> None:
    x = Value(2.0, label="x")
    y = cube(x) * gaussian(x)
    y.label = "y"
    assert "3 × x × x = 12" in str(explain(cube(x)))
    assert "= cube(x) = 8" in "\n".join(map(str, steps(y)))
    assert "Φ(x) = Φ(2)" in "\n".join(map(str, forward_steps(y)))
    assert "Φ" in draw(y).source
    assert "x * x * x" in to_source(y, "python", [x])


def test_a_walk_stops_at_it() -> None:
    x = Value(2.0, label="x")
    told = io.StringIO()
    walk(cube(x) * 2.0, stdin=io.StringIO("break cube\ncontinue\nquit\n"), stdout=told)
    assert "cube(x)" in told.getvalue()
    assert "is no node" not in told.getvalue()


def test_a_symbol_between_two_operands() -> None:
    @custom_operation(partials=lambda out, x, y: (2.0 * y, 2.0 * x), symbol="⊙")
    def twice(x: Any, y: Any) -> Any:
        return 2.0 * x * y

    row: Any = twice
    a, b = Formula("a"), Formula("b")
    assert str(write(row.operation, [a + b, a]) + b) == "(a + b) ⊙ a + b"
    assert str(write(row.operation, [Formula("a", plain=True), 2.0], plain=True)) == "twice(a, 2.0)"
    assert "a ⊙ b = 1 ⊙ 2" in str(forward_steps(row(Value(1.0, label="a"), Value(2.0, label="b"))))


# ── In replay ─────────────────────────────────────────────────────────────────────────────────────

X = np.array([0.3, -1.0, 2.0])


def agrees(f: Callable[[Any], Any], w: list[Value], executor: str) -> str:
    """The executor that ran the function with eager's numbers."""
    losses, slopes, total = [], [], [0.0] * len(w)
    for number in X:
        for parameter in w:
            parameter.grad = None
        loss = f(float(number))
        loss.backward()
        losses.append(loss.data)
        slopes = [parameter.grad or 0.0 for parameter in w]
        total = [a + b for a, b in zip(total, slopes, strict=True)]
    p = compile(f, w, executor=executor)
    found, gradient = p.value_and_gradients([v.data for v in w], X)
    assert found == pytest.approx(losses, rel=1e-12)
    assert gradient == pytest.approx(total, rel=1e-12)
    return p.executor


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_formula_runs_on_every_executor(executor: str) -> None:
    a, b = Value(0.5), Value(2.0)

    def f(x: Any) -> Any:
        return triple(x, a, b) + cube(a * x) + half_square(x - b) + own_log(x * x + a) + gaussian(x * a)

    ran = agrees(f, [a, b], executor)
    assert ran == ("llvm" if executor == "auto" and find_spec("llvmlite") else executor)


@pytest.mark.parametrize("executor", ["strict", "numpy", "auto"])
def test_a_function_of_floats_is_called_by_numpy(executor: str) -> None:
    a = Value(0.5)
    ran = agrees(lambda x: sine_of_c(x * a) + straight_through(a * x), [a], executor)
    assert ran == ("strict" if executor == "strict" else "numpy")


@pytest.mark.skipif(find_spec("llvmlite") is None, reason="llvmlite is not installed")
def test_who_asks_for_machine_code_is_told_why_there_is_none() -> None:
    a = Value(0.5)
    with pytest.warns(UserWarning, match="run by NumPy, not by LLVM: there is no machine code for sine_of_c"):
        compile(lambda x: sine_of_c(x * a), [a], executor="llvm")(X)


def test_jax_runs_a_formula_and_refuses_another() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed (the extra `jax`)")
    a = Value(0.5)
    p = compile(lambda x: cube(x * a) + gaussian(a), [a])
    losses, gradient = p.value_and_gradients([0.5], X)
    found = jax.jit(p.to_jax())(np.array([0.5]), X)
    assert np.asarray(found[0]) == pytest.approx(losses, rel=1e-5)
    assert np.asarray(found[1]) == pytest.approx(gradient, rel=1e-5)
    with pytest.raises(ReplayError, match="sine_of_c is computed by its own forward"):
        compile(lambda x: sine_of_c(x * a), [a]).to_jax(X)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("operation", [own_log, tight], ids=["own_log", "tight"])
def test_its_domain_ends_in_replay_as_in_eager(operation: Any, executor: str) -> None:
    a = Value(1.0, label="a")
    for f in (lambda x: operation(x * a), lambda x: where(x > 5.0, operation(x * a), 1.0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            p = compile(f, [a], executor=executor)
            assert p([0.5, 2.0]) == pytest.approx([f(0.5).data, f(2.0).data])
            with pytest.raises(DomainError, match=r"needs .*; got -1\.0"):
                p([0.5, -1.0])


def test_it_does_not_matter_which_came_first() -> None:
    code = """
from engine import Value, custom_operation
{}
@custom_operation(partials=lambda out, x: (2.0 * x,))
def square(x):
    return x * x
{}
w = Value(3.0)
from engine import compile
print(compile(lambda x: square(x * w), [w]).value_and_gradients([3.0], [1.0, 2.0]))
"""
    first, second = (
        subprocess.run(
            [sys.executable, "-c", code.format(*lines)], capture_output=True, text=True, cwd=ROOT, check=True
        ).stdout
        for lines in (("import engine.replay.compiled", ""), ("", "import engine.replay.compiled"))
    )
    assert first == second == "(array([ 9., 36.]), array([30.]))\n"


def test_an_activation_of_ones_own() -> None:
    model = MLP(2, [3, 1], activation=half_square, seed=0)
    (out,) = model([0.5, -1.0])
    assert any(node.operation is half_square.operation for node in topological_order(out))  # type: ignore[attr-defined]
    assert check_gradients(lambda: model([0.5, -1.0])[0], at=model.parameters())


# ── Surrogates ────────────────────────────────────────────────────────────────────────────────────


def test_a_surrogate_is_called_one_and_not_wrong() -> None:
    x = Value(0.3, label="x")
    y = straight_through(x) * 2.0
    y.backward()
    assert x.grad == 2.0
    assert "= 1, as a surrogate" in str(explain(straight_through(x)))
    assert "as a surrogate" in "\n".join(map(str, steps(y)))
    result = check_gradients(lambda a, b: straight_through(a) * b + a * b, [0.3, 2.0], order=2)
    assert result
    assert [row.verdict for row in result.rows[:2]] == [Verdict.SURROGATE, Verdict.OK]
    assert "by a surrogate" in str(result)
    assert "straight_through at 0.3 has another derivative on purpose" in str(result)


def test_beside_a_surrogate_what_is_wrong_is_still_blamed() -> None:
    wrong = replace(ops.tanh, partials=lambda out, x: (1.0 - x * x,))
    result = check_gradients(lambda x: wrong(straight_through(x) + x), [0.4])
    assert not result
    assert result.blame is not None
    assert result.blame.operation == "tanh"


def test_it_may_be_defined_again_and_says_what_it_is() -> None:
    again = custom_operation(lambda_named("cube"), partials=lambda out, x: (1.0,))
    assert again(2.0) == 2.0
    assert cube(2.0) == 8.0
    assert cube.__doc__ == "x to the third power."
    assert cube.operation.doc == "x to the third power"  # type: ignore[attr-defined]
    assert repr(cube.operation) == "<operation cube>"  # type: ignore[attr-defined]


def lambda_named(name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        return x

    function.__name__ = name
    return function
