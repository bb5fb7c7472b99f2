"""What a recording refuses, what it leaves as it was, and what it is told of threads and modes."""

from __future__ import annotations

import math
import pickle
import threading
from copy import copy, deepcopy
from typing import Any

import numpy as np
import pytest

from engine.errors import DomainError, ReplayError
from engine.functions import dot, maximum, pick, softmax, where
from engine.modes import no_grad
from engine.replay.backends import strict
from engine.replay.recording.record import record
from engine.replay.recording.tape import LeafKind
from engine.value import Constant, Value

HELD = Value(1.5)


def cleared(w: Value) -> Value:
    w.grad = 0.0
    return w


def changed(w: Value) -> Value:
    w.data = 3.0
    return w


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x, w: w * float(x * w), r"float\(\) of a recorded value"),
        (lambda x, w: w * math.sin(x), "engine's own function"),
        (lambda x, w: x * float(w), "float"),
        (lambda x, w: w * f"{w:.1f}".count("1"), "plain number"),
        (lambda x, w: {w.data: w}[8.0], "plain number"),
        (lambda x, w: x * int(w.data), "plain number"),
        (lambda x, w: [w, w][int(x)] * x, r"pick\(values, index\)"),
        (lambda x, w: w if x + 1.0 == 2.0 else x, "plain number"),
        (lambda x, w: pick([w, w], x * w), "only an input"),
        (lambda x, w: w * changed(w), "must not change its parameters"),
        (lambda x, w: where(~(x > 0), w, x), "opposite comparison"),
        (lambda x, w: copy(w) * x, "a copy of a recorded value"),
        (lambda x, w: (x * w).backward(), "gives the gradients"),
        (lambda x, w: 3.0, "returned float"),
        (lambda x, w: [], "empty list"),
        (lambda x, w: {"loss": x * w}, "returned dict; return a Value, or a list of Values"),
        (lambda x, w: [[x * w]], "returned list; return a Value"),
        (lambda x, w: x * cleared(w), r"sets gradients, .* call zero_grad\(\) outside"),
        (lambda x, w: None, "returned NoneType"),
    ],
)
def test_what_cannot_be_followed_is_refused_and_nothing_is_changed(f: Any, words: str) -> None:
    w = Value(1.0, label="w")
    with pytest.raises(ReplayError, match=words):
        record(lambda x: f(x, w), [w], [1.0], weights=[8.0], counts=lambda _: 1000)
    assert type(w) is Value
    assert (w.data, w.grad, float(w), bool(w > 0), w.label) == (1.0, None, 1.0, True, "w")


def test_the_line_of_the_user_is_named() -> None:
    w = Value(1.0)

    def leaking(x: Any) -> Any:
        return w * math.exp(x)

    with pytest.raises(ReplayError) as raised:
        record(leaking, [w], [1.0], counts=lambda _: 1000)
    assert "test_record_refusals.py" in raised.value.where
    assert "return w * math.exp(x)" in raised.value.where


def test_a_refusal_that_is_swallowed_comes_back_at_the_end() -> None:
    w = Value(1.0)

    def stubborn(x: Any) -> Any:
        try:
            return w * float(w)
        except ReplayError:
            return w * 1.0

    with pytest.raises(ReplayError, match="float"):
        record(stubborn, [w], [1.0])


def test_a_comparison_of_values_from_elsewhere_leaves_a_guard() -> None:
    w, switch = Value(1.0), Value(1.0)
    tape = record(lambda x: x * w if switch > 0 else x, [w], [1.0])
    assert strict.follows(tape, [1.0], [5.0])
    switch.data = -1.0
    assert not strict.follows(tape, [1.0], [5.0])


def test_a_guard_is_computed_from_its_operands_up() -> None:
    w = Value(1.0)
    tape = record(lambda x: x * w if (x * w + 1.0).tanh() * w > 0 else x, [w], [1.0])
    assert strict.follows(tape, [1.0], [5.0])
    assert not strict.follows(tape, [1.0], [-5.0])


def test_a_computed_value_never_equals_a_number_as_in_eager() -> None:
    w = Value(1.0)
    with pytest.warns(UserWarning, match="same object"):
        tape = record(lambda x: w if x * w == 1.0 else x, [w], [1.0])
    assert strict.numbers(tape, [7.0], [5.0])[tape.outputs[0]] == 5.0


def test_the_data_of_a_value_is_followed_and_cut_off() -> None:
    w, held = Value(3.0), Value(2.0)
    tape = record(lambda x: x * w * w.data * held.data, [w], [1.0])
    held.data = 10.0
    assert strict.gradients(tape, [4.0], [5.0]) == (800.0, [200.0])
    assert tape.read == ()


def test_a_copy_of_a_parameter_is_refused_however_it_is_made() -> None:
    w = Value(3.0)
    for copied in (copy, deepcopy, lambda value: pickle.loads(pickle.dumps(value))):  # noqa: S301
        with pytest.raises(ReplayError):
            record(lambda x, made=copied: made(w) * x, [w], [1.0])


def test_gradients_are_on_in_a_recording_whatever_the_callers_mode() -> None:
    w = Value(3.0)
    with no_grad():
        tape = record(lambda x: x * w * w, [w], [2.0])
    assert strict.gradients(tape, [3.0], [2.0]) == (18.0, [12.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: Value(0.0) + x * w,
        lambda x, w: sum([w * x, w], Value(0.0)),
        lambda x, w: HELD * x + w * 0.0,
        lambda x, w: x * HELD + w * 0.0,
        lambda x, w: softmax([0.1, x, 0.3])[1] + w * 0.0,
        lambda x, w: dot([HELD, w], [x, x], HELD),
        lambda x, w: Constant(2.0) - x + w,
        lambda x, w: 2.0 ** (Value(0.5) * x) + w,
        lambda x, w: maximum(HELD, x) + w,
        lambda x, w: Value(x) * w,
        lambda x, w: np.float64(2.0) * x * w,
        lambda x, w: np.float64(2.0) * (x * w),
        lambda x, w: x % w + w % (x + 10.0),
    ],
)
def test_whoever_stands_on_the_left_what_is_done_is_heard(f: Any) -> None:
    w = Value(3.0)
    tape = record(lambda x: f(x, w), [w], [2.0], counts=lambda _: 1000)
    for number in (2.0, -1.0, 0.5):
        assert strict.numbers(tape, [3.0], [number])[tape.outputs[0]] == f(number, w).data


def test_errors_of_the_function_pass_through_and_parameters_are_restored() -> None:
    w = Value(1.0)
    with pytest.raises(DomainError):
        record(lambda x: (x * w).log(), [w], [-1.0])
    with pytest.raises(ZeroDivisionError):
        record(lambda x: x * w * (1 / 0), [w], [-1.0])
    assert type(w) is Value


def test_another_thread_computes_on_undisturbed() -> None:
    w = Value(2.0)
    results: list[Any] = []

    def elsewhere() -> None:
        y = w * 3.0
        results.extend([float(y), float(w), w.data, bool(w > 1.0), type(y) is Value, type(w > 1.0)])

    def f(x: Any) -> Any:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return x * w

    record(f, [w], [1.0])
    assert results == [6.0, 2.0, 2.0, True, True, bool]


def test_subclasses_of_value_can_be_parameters() -> None:
    class Parameter(Value):
        __slots__ = ("extra",)

    w = Parameter(2.0)
    tape = record(lambda x: x * w, [w], [3.0])
    assert type(w) is Parameter
    assert tape.leaves[0].kind is LeafKind.PARAMETER
