"""What a Value accepts, refuses, prints, compares and copies; the rules of research on semantics as tests."""

from __future__ import annotations

import copy
import math
import pydoc
import threading
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, assert_type

import numpy as np
import pytest

from engine import DomainError, GraphError, Value, dot, log, no_grad, remember_lines, tanh, total
from engine.value import Constant


@pytest.mark.parametrize("number", [3, 3.0, Fraction(6, 2), np.float32(3), np.float64(3), np.int64(3)])
def test_real_numbers_are_accepted_as_floats(number: Any) -> None:
    for value in (Value(number), Value(1.0) * number, number * Value(1.0)):
        assert type(value) is Value
        assert type(value.data) is float
        assert value.data == 3.0


def test_there_is_one_class_and_help_on_a_value_begins_with_what_it_is() -> None:
    x = Value(2.0)
    with remember_lines():
        remembered = x * x
    for value in (x, x * x, 2.0 / x, x.tanh(), tanh(x), dot([x], [x]), total([x, x]), copy.copy(x)):
        assert type(value) is Value
    assert isinstance(remembered, Value)
    text = pydoc.plain(pydoc.render_doc(x * x))
    assert text.startswith("Python Library Documentation: Value in module engine.value object")
    assert text.index("A number in a computation graph.") < text.index("Methods defined here")


def test_type_checkers_and_editors_know_what_a_method_takes() -> None:
    """mypy says so if it no longer refuses the two lines that are ignored here."""
    x = Value(2.0)
    assert_type(x * 3.0, Value)
    assert_type(3 - x, Value)
    assert_type(x.tanh(), Value)
    with pytest.raises(TypeError):
        x * "3"  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        x.tanh(3.0)  # type: ignore[call-arg]


JUNK: list[tuple[Any, str]] = [
    ("3", "str"), (None, "NoneType"), ([1.0], "list"), (1j, "complex"), (Decimal(3), "Decimal"),
    (np.array([1.0, 2.0]), "ndarray"), (np.array(1.0), "ndarray"), ({}, "dict"), (b"3", "bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("junk", "name"), JUNK, ids=[name for _, name in JUNK])
def test_what_is_no_number_is_a_type_error(junk: Any, name: str) -> None:
    x = Value(2.0)

    def assign() -> None:
        x.data = junk

    attempts: list[Callable[[], Any]] = [
        lambda: Value(junk), assign, lambda: x + junk, lambda: junk + x, lambda: x * junk, lambda: junk * x,
        lambda: x**junk, lambda: junk**x, lambda: x - junk, lambda: x / junk, lambda: dot([x], [junk]),
        lambda: total([x, junk]), lambda: x < junk,
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(TypeError, match=rf"accepted|expected a Value.*got {name}|unsupported"):
            attempt()
    assert x.data == 2.0


@pytest.mark.parametrize("flag", [True, np.bool_(True)])
def test_flags_are_refused_with_a_hint(flag: Any) -> None:
    with pytest.raises(TypeError, match=r"float\(flag\)"):
        Value(flag)
    with pytest.raises(TypeError, match="where"):
        Value(1.0) + flag


def test_too_large_whole_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        Value(10**400)


def test_a_foreign_class_is_asked_for_its_reflected_method() -> None:
    class Foreign:
        def __radd__(self, other: object) -> str:
            return "mine"

    mine: Any = Value(1.0) + Foreign()
    assert mine == "mine"


def test_errors_name_operation_operand_and_label() -> None:
    p = Value(-1.0, label="p")
    with pytest.raises(DomainError, match=r"log needs x > 0; got -1\.0 \(operand 'p'\)") as caught:
        p.log()
    assert (caught.value.operation, caught.value.operands, caught.value.labels) == ("log", (-1.0,), ("p",))
    with pytest.raises(ValueError, match=r"sqrt needs x >= 0; got -1\.0 \(operand 'p'\)"):
        p.sqrt()
    with pytest.raises(DomainError, match=r"divide needs a divisor other than 0; got 1\.0, 0\.0"):
        1 / Value(0)
    with pytest.raises(DomainError, match="cbrt"):
        Value(-8) ** (1 / 3)
    with pytest.raises(DomainError, match="subtract needs a result that is a number; got inf, inf"):
        Value(math.inf) - Value(math.inf)


def test_equality_is_identity_and_order_is_by_value() -> None:
    a, b = Value(3.0), Value(3.0)
    assert a == a
    assert a != b
    number: Any = 3.0
    with pytest.warns(UserWarning, match="never are"):
        assert a != number
    assert a in [b, a]
    assert len({a, b}) == 2
    assert a <= b
    assert a >= b
    assert not a < b
    assert a > 2
    assert 2 < a  # noqa: SIM300
    assert not Value(math.nan) < 1
    assert not Value(0.0)
    assert bool(a)


def test_text_shows_data_gradient_and_label_and_never_an_address() -> None:
    a = Value(2.0, label="a")
    assert repr(a) == "Value(2.0, grad=–, label='a')"
    (a * a).backward()
    assert repr(a) == "Value(2.0, grad=4.0, label='a')"
    assert str(Value(1.5)) == "Value(1.5, grad=–)"
    assert f"{a:.3f} {a}" == "2.000 Value(2.0, grad=4.0, label='a')"
    assert float(a) == 2.0


def test_python_numbers_protocols() -> None:
    a, b = Value(2.0), Value(-3.5)
    assert (+a) is a
    assert [(-b).data, abs(b).data, round(b).data, math.floor(b).data, math.ceil(b).data] == [
        3.5,
        3.5,
        -4,
        -4,
        -3,
    ]
    assert [(2 - a).data, (2 / a).data, (2**a).data, (2 * a).data, (2 + a).data] == [0, 1, 4, 4, 4]
    assert math.exp(Value(0.0)) == 1.0
    with pytest.raises(TypeError, match="floor"):
        a // 2
    assert [(b % a).data, (7 % a).data, (b % -2).data, (b % 2).partials] == [0.5, 1.0, -1.5, (1.0, None)]
    with pytest.raises(TypeError, match="floor"):
        divmod(a, b)
    with pytest.raises(TypeError, match="format"):
        round(a, 2)
    with pytest.raises(TypeError):
        int(a)  # type: ignore[call-overload]


def test_sum_adds_no_node_for_its_start() -> None:
    a, b = Value(1.0), Value(2.0)
    whole: Any = sum([a, b])
    assert whole.parents == (a, b)
    assert sum([a]) is a


def test_operands_are_kept_in_order_and_twice() -> None:
    a, b = Value(2.0), Value(3.0)
    assert (a - b).parents == (a, b)
    assert (a * a).parents == (a, a)
    assert dot([a, a], [b, a], b).parents == (a, a, b, a, b)


def test_dot_keeps_its_own_operands() -> None:
    weights, inputs = [Value(2.0)], [Value(3.0)]
    y = dot(weights, inputs)
    inputs[0] = Value(100.0)
    weights.append(Value(1.0))
    y.backward()
    assert weights[0].grad == 3.0


def test_plain_numbers_become_constants_that_want_no_gradient() -> None:
    a = Value(2.0)
    y = 3.0 * a
    constant = y.parents[0]
    assert type(constant) is Constant
    y.backward()
    assert constant.grad is None
    assert a.grad == 3.0


def test_only_the_data_of_leaves_can_be_set() -> None:
    a = Value(2.0, label="a")
    a.data = 5
    assert a.data == 5.0
    y = a * 2
    with pytest.raises(GraphError, match="set the data of a leaf"):
        y.data = 1.0


def test_no_grad_keeps_no_operands_in_this_thread_only() -> None:
    a = Value(2.0)
    elsewhere: list[Value] = []
    with no_grad():
        inside = [a * 3, a.tanh(), dot([a], [a]), tanh(a)]
        worker = threading.Thread(target=lambda: elsewhere.append(a * 3))
        worker.start()
        worker.join()
    assert [y.parents for y in inside] == [()] * 4
    assert elsewhere[0].parents != ()
    assert (a * 3).parents != ()

    @no_grad()
    def predict() -> Value:
        return a * 2

    assert predict().parents == ()


def test_lines_are_remembered_where_asked_for() -> None:
    with remember_lines():
        y = Value(2.0) * 3
        z = log(y)
    for node in (y, z):
        assert node.line is not None
        assert "test_value.py:" in node.line
        assert (copy.copy(node).line, copy.deepcopy(node).line) == (node.line, node.line)
        assert isinstance(node, Value)
    assert ((z + 1).line, repr(y)) == (None, "Value(6.0, grad=–)")
    assert (Value(2.0) * 3).line is None
