"""Operations of one's own are tried when they are defined: each fault is one clear error."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from engine import (
    DomainError,
    Kink,
    NonFiniteError,
    OperationError,
    Value,
    check_gradients,
    choose,
    compile,  # noqa: A004
    custom_operation,
    no_grad,
    remember_lines,
    where,
)

Row = Any
NOISE = random.Random(0)


# ── Faults, each one error ────────────────────────────────────────────────────────────────────────


def square(x: Any) -> Any:
    return x * x


def silu(x: Any) -> Any:
    return x


def softmax(x: Any) -> Any:
    return x


def less(x: Any) -> Any:
    return x


def only_values(x: Any) -> Any:
    return x.exp()


def gives_none(x: Any) -> Any:
    return None


def many(*x: Any) -> Any:
    return sum(x)


def with_default(x: Any, k: float = 2.0) -> Any:
    return k * x


def none() -> float:
    return 1.0


def refuses(x: Any) -> Any:
    raise ValueError("never")


def root(x: Any) -> Any:
    return math.sqrt(x)


def plain(x: Any) -> Any:
    return x.data if isinstance(x, Value) else x


def noisy(x: Any) -> Any:
    return x + 1e-9 * NOISE.random()


FAULTS: list[tuple[Any, dict[str, Any], str]] = [
    (square, {"partials": lambda out, x: (2.0 * math.exp(math.log(abs(x))),)}, "run on floats only"),
    (square, {"partials": lambda out, x: (2.0 * float(x),)}, "run on floats only"),
    (square, {"partials": lambda out, x: (2.0 * x if x > 0 else x + x,)}, "no truth value"),
    (square, {"partials": lambda out, x: (0.0 if x == 0 else 2.0 * x,)}, "not equal or different"),
    (square, {"partials": lambda out, x: (2.0 * plain(x),)}, "not their own derivatives"),
    (square, {"partials": lambda out, x: (2.0 * x, 1.0)}, "1 operand, and its partials gave 2 local"),
    (square, {"partials": lambda out, x: ()}, "1 operand, and its partials gave 0 local"),
    (square, {"partials": lambda out, x: 2.0 * x}, "are a tuple"),
    (square, {"partials": lambda out, x: ("2x",)}, r"gave str \('2x'\) for operand 1"),
    (square, {"partials": lambda x: (2.0 * x,)}, "takes 1 positional argument but 2 were given"),
    (square, {"partials": lambda out: (1.0,)}, "they take out, which is what square gives, and then its"),
    (square, {"partials": 2.0}, "partials must be a function"),
    (square, {"partials": lambda out, x: (x,)}, "measured as .*; looks like: factor 1/2.*surrogate=True"),
    (square, {"partials": lambda out, x: (-2.0 * x,)}, "looks like: the sign"),
    (square, {"partials": lambda out, x: (None,)}, "nothing flows"),
    (square, {"partials": lambda out, x: (x * math.nan,)}, "gave nan for operand 1 .* square has a value"),
    (square, {"partials": lambda out, x: (choose(x > 0.0, 2.0 * x, math.nan),)}, "gave nan for operand 1 at"),
    (silu, {"partials": lambda out, x: (1.0,)}, "the name 'silu' is taken"),
    (softmax, {"partials": lambda out, x: (1.0,)}, "the name 'softmax' is taken"),
    (less, {"partials": lambda out, x: (1.0,)}, "the name 'less' is taken"),
    (lambda x: x, {"partials": lambda out, x: (1.0,)}, "needs a name"),
    (3.0, {"partials": lambda out, x: (1.0,)}, "takes a function"),
    (only_values, {"partials": lambda out, x: (out,)}, "only_values cannot be called with floats"),
    (gives_none, {"partials": lambda out, x: (1.0,)}, "gives_none cannot be called with floats"),
    (many, {"partials": lambda out, *x: (1.0,)}, r"fixed number of operands, .*; got \*x"),
    (with_default, {"partials": lambda out, x, k: (k, x)}, "fixed number of operands"),
    (none, {"partials": lambda out: ()}, "at least one operand"),
    (refuses, {"partials": lambda out, x: (1.0,)}, "hardly anywhere a value"),
    (root, {"partials": lambda out, x: (0.5 / out,), "domain": "x > 0"}, "domain is a Domain or a test"),
    (square, {"partials": lambda out, x: (2.0 * x,), "kinks": ((0.0, 1.0),)}, "a kink is a point with"),
    (square, {"partials": lambda out, x: (2.0 * x,), "kinks": None}, "kinks are points, .*; got None"),
    (
        noisy,
        {"partials": lambda out, x: (1.0,)},
        "noisy gives .* and then .* at .*: draw random numbers before",
    ),
    (square, {"partials": lambda out, x: (2.0 * x,), "symbol": 2}, "symbol is a text"),
    (square, {"partials": lambda out, x: (2.0 * x,), "lowered": lambda x: x}, "lowered is not what square"),
    (
        square,
        {"partials": lambda out, x: (2.0 * x,), "lowered": lambda x: math.pow(x, 2)},
        "to be written with",
    ),
]


@pytest.mark.parametrize(("function", "said", "error"), FAULTS, ids=[fault[2][:40] for fault in FAULTS])
def test_each_fault_is_one_clear_error(function: Any, said: dict[str, Any], error: str) -> None:
    with pytest.raises(OperationError, match=f"(?s){error}"):
        custom_operation(function, **said)


def test_a_wrong_derivative_by_the_second_operand_is_named() -> None:
    def weighted(x: Any, y: Any) -> Any:
        return x * y + y

    with pytest.raises(OperationError, match="the derivative by operand 2 is given as"):
        custom_operation(weighted, partials=lambda out, x, y: (y, x))
    with pytest.raises(OperationError, match="the two operands exchanged"):
        custom_operation(weighted, partials=lambda out, x, y: (x + 1.0, y))


def test_what_may_be_said_in_more_ways_than_one() -> None:
    def ramp(x: float) -> float:
        return x if x > 0 else 0.0

    kinks: list[Any] = [0.0, (0.0,), [0.0], [Kink((0.0,), "flat")]]
    for kink in kinks:
        row: Row = custom_operation(ramp, partials=lambda out, x: (where(x > 0.0, 1.0, 0.0),), kinks=kink)
        assert row.operation.kinks[0].at == (0.0,)
        assert check_gradients(row, [0.0])

    def of_root(x: float) -> float:
        return math.sqrt(x)

    found = custom_operation(of_root, partials=lambda out, x: (0.5 / out,), domain=lambda x: x > 0)
    with pytest.raises(DomainError, match="of_root needs operands in its domain"):
        found(-1.0)
    with pytest.raises(DomainError):
        found(Value(0.0))


def test_what_overflows_on_the_way_is_not_guessed() -> None:
    def inverse(x: float) -> float:
        return 1.0 / math.exp(x)

    found = custom_operation(inverse, partials=lambda out, x: (-out,))
    program = compile(found, [], "strict")
    for x in (1000.0, Value(1000.0)):
        for run in (found, lambda x: program([float(x)])):
            with pytest.raises(DomainError, match=r"inverse\(1000.0\) raises OverflowError; return math.inf"):
                run(x)


def test_where_its_partials_have_no_value_backward_says_so() -> None:
    def own_root(x: float) -> float:
        return math.sqrt(x)

    x = Value(0.0)
    y = custom_operation(own_root, partials=lambda out, x: (0.5 / out,))(x)
    with pytest.raises(NonFiniteError, match="own_root"):
        y.backward()
    assert x.grad is None


def test_where_it_is_defined_does_not_matter() -> None:
    """Within no_grad, where lines are remembered, within a function that is recorded."""

    def defined() -> Row:
        return custom_operation(square, partials=lambda out, x: (2.0 * x,))

    with no_grad():
        assert defined()(3.0) == 9.0
    with remember_lines():
        assert Path(defined()(Value(3.0)).line.rpartition(":")[0]).name == "test_trials.py"
    w = Value(2.0)
    p = compile(lambda x: defined()(x * w), [w])
    assert p.value_and_gradients([2.0], [1.0, 2.0])[1].tolist() == [20.0]


def test_a_derivative_that_is_wrong_at_an_end_of_the_range_is_found() -> None:
    with pytest.raises(OperationError, match="partials of square are wrong: at "):
        custom_operation(square, partials=lambda out, x: (choose(x < -2.5, 3.0 * x, 2.0 * x),))


def test_partials_that_overflow_at_some_points_are_undefined_there_alone() -> None:
    def double(x: Any) -> Any:
        return 2.0 * x

    row = custom_operation(double, partials=lambda out, x: (2.0 + 0.0 / (1.0 + x**800),))
    inside, beyond = Value(0.5), Value(2.9)
    row(inside).backward()
    assert inside.grad == 2.0
    with pytest.raises(NonFiniteError, match="double"):
        row(beyond).backward()
