"""Recording: what is kept, what is guarded, what is refused, and that nothing of the user's is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.calculus import derivative, gradient, gradients
from engine.errors import ReplayError
from engine.functions import maximum, pick, softmax, total, where
from engine.modes import no_grad, remember_lines
from engine.replay.backends import strict
from engine.replay.compiled import Compiled
from engine.replay.recording.record import record
from engine.replay.recording.tape import LeafKind
from engine.value import Value


def operations(tape: Any) -> list[str]:
    return [instruction.operation.name for instruction in tape.instructions]


def test_inputs_parameters_held_values_and_constants_are_told_apart() -> None:
    w, frozen = Value(2.0, label="w"), Value(5.0, label="frozen")
    tape = record(lambda x: x[0] * w + x[1] * frozen + 3.0, [w], [[1.0, 4.0]])
    assert [leaf.kind for leaf in tape.leaves] == [
        LeafKind.PARAMETER,
        LeafKind.HELD,
        LeafKind.INPUT,
        LeafKind.INPUT,
        LeafKind.CONSTANT,
    ]
    frozen.data = 7.0
    assert strict.numbers(tape, [2.0], [1.0, 4.0])[tape.outputs[0]] == 33.0


def test_labels_come_along() -> None:
    w = Value(2.0, label="w")

    def f(x: Any) -> Value:
        product: Value = x * w
        product.label = "product"
        return product

    assert record(f, [w], [1.0]).instructions[0].label == "product"


def test_parameters_are_followed_through_arithmetic_among_themselves() -> None:
    w = [Value(1.0), Value(2.0)]
    tape = record(lambda x: x + sum(p * p for p in w) + w[0].tanh(), w, [1.0])
    assert operations(tape).count("multiply") == 2
    assert "tanh" in operations(tape)


def test_an_if_leaves_a_guard_and_where_does_not() -> None:
    w = Value(1.0)
    assert record(lambda x: x * w if x * w > 0 else -x, [w], [2.0]).guards[0][1] is True
    assert record(lambda x: x * w if x * w > 0 else -x, [w], [-2.0]).guards[0][1] is False
    assert record(lambda x: where(x > 0, x * w, -x), [w], [2.0]).guards == ()


def test_thunks_are_called_only_when_chosen_so_they_leave_a_guard() -> None:
    w = Value(1.0)
    tape = record(lambda x: where(x > 0, lambda: (x * w).log() * 2.0, 0.0), [w], [-2.0])
    assert "log" not in operations(tape)
    assert tape.guards[0][1] is False


@pytest.mark.parametrize(
    "condition",
    [
        lambda x: x > 1.0,
        lambda x: x >= 1.0,
        lambda x: x < 1.0,
        lambda x: x <= 1.0,
        lambda x: 1.0 < x,  # noqa: SIM300
        lambda x: (x > 0.0) & (x < 1.0),
        lambda x: (x > 5.0) | (x < 1.0),
    ],
)
@pytest.mark.parametrize("number", [-1.0, 0.5, 1.0, 2.0])
def test_conditions_are_decided_anew_for_every_sample(condition: Callable[[Any], Any], number: float) -> None:
    w = Value(3.0)

    def f(x: Any) -> Value:
        return where(condition(x), x * w, x - w)

    tape = record(f, [w], [0.25])
    assert strict.numbers(tape, [3.0], [number])[tape.outputs[0]] == f(Value(number)).data


def test_truth_tests_sorting_and_max_leave_guards() -> None:
    w = Value(1.0)
    assert len(record(lambda x: x * w if x else w, [w], [2.0]).guards) == 1
    assert len(record(lambda x: max(x[0] * w, x[1] * w, x[2] * w), [w], [[1.0, 2.0, 3.0]]).guards) == 2
    assert len(record(lambda x: x if (x * w > 0) == True else w, [w], [2.0]).guards) == 1  # noqa: E712


def test_a_label_can_be_compared_with_a_number() -> None:
    w = Value(1.0)
    tape = record(lambda x, y: x * w if y == 1 else -x * w, [w], [2.0, 1])
    assert tape.guards[0][1] is True


def test_the_maximum_of_a_softmax_is_found_anew() -> None:
    w = [Value(1.0), Value(2.0), Value(3.0)]
    tape = record(lambda x: softmax([p * x for p in w])[0], w, [1.0])
    assert "largest" in operations(tape)
    assert strict.numbers(tape, [1.0, 2.0, 3.0], [-900.0])[tape.outputs[0]] == 1.0


def test_what_no_grad_hides_is_recorded_without_a_path() -> None:
    w = Value(3.0)

    def f(x: Any) -> Any:
        with no_grad():
            scale = x * w + 1.0
        return x * w / scale

    tape = record(f, [w], [2.0])
    graph = f(Value(5.0))
    graph.backward()
    assert strict.gradients(tape, [3.0], [5.0]) == (graph.data, [w.grad])


def test_no_grad_hides_where_and_functions_but_not_what_is_picked() -> None:
    w = [Value(3.0), Value(4.0)]

    def f(x: Any) -> Any:
        with no_grad():
            hidden = where(x > 1.0, w[0] * 2.0, w[1]) + total([w[0], x]) + maximum(w[1], x)
            seen = pick(w, x)
        return hidden * w[0] + seen

    tape = record(f, w, [1])
    assert strict.gradients(tape, [3.0, 4.0], [1.0]) == (40.0, [12.0, 1.0])
    assert strict.gradients(tape, [3.0, 4.0], [0.0]) == (36.0, [12.0, 0.0])


def test_pick_follows_an_integer_input_into_lists_and_rows() -> None:
    table = [[Value(float(10 * row + column)) for column in range(2)] for row in range(3)]
    parameters = [value for row in table for value in row]
    tape = record(lambda token: total(pick(table, token)), parameters, [1])
    for token in (0, 1, 2, -1):
        loss, gradient = strict.gradients(tape, [p.data for p in parameters], [token])
        assert loss == sum(value.data for value in table[token])
        assert gradient == [1.0 if p in table[token] else 0.0 for p in parameters]


@pytest.mark.parametrize("index", [0.5, float("nan"), float("inf")])
def test_an_index_that_is_no_whole_number_is_refused_as_pick_refuses_it(index: float) -> None:
    parameters = [Value(1.0), Value(2.0)]
    with pytest.raises(TypeError, match=f"pick needs a whole number as its index, got {index!r}"):
        record(lambda token: pick(parameters, token), parameters, [index])


def test_the_plain_number_of_a_held_value_is_read() -> None:
    w, held = Value(3.0), Value(2.0)
    tape = record(lambda x: x * w * float(held), [w], [1.0])
    assert tape.read == ((held, 2.0),)
    assert tape.held == ()


def test_a_leaf_that_the_function_makes_is_a_number_of_its_own() -> None:
    w = Value(3.0)
    tape = record(lambda x: Value(2.0) * x * w * Value(5.0).data, [w], [1.0])
    assert (tape.held, tape.read) == ((), ())
    assert record(lambda x: x * w if Value(2.0) > 1.0 else x, [w], [1.0]).guards == ()


def test_what_was_computed_outside_stays_what_it_was() -> None:
    w, held = Value(3.0), Value(2.0)
    doubled = held * 2.0
    tape = record(lambda x: x * w * doubled, [w], [1.0])
    held.data = 10.0
    assert strict.numbers(tape, [1.0], [1.0])[tape.outputs[0]] == 4.0 == doubled.data
    outside = w * 2.0
    with pytest.raises(ReplayError, match="outside of this call"):
        record(lambda x: x * outside, [w], [1.0])


def test_a_result_may_be_a_list_a_leaf_or_a_constant_value() -> None:
    w = Value(2.0)
    assert not record(lambda x: [x * w, x], [w], [1.0]).single
    assert record(lambda x: w, [w], [1.0]).instructions == []
    assert strict.gradients(record(lambda x: w, [w], [1.0]), [2.0], [1.0]) == (2.0, [1.0])
    assert strict.gradients(record(lambda x: maximum(Value(1.0), 2.0), [w], [1.0]), [2.0], [1.0]) == (
        2.0,
        [0.0],
    )


def test_what_is_recorded_while_lines_are_remembered_is_followed_too() -> None:
    w = Value(3.0, label="w")
    with remember_lines():
        tape = record(lambda x: x * w if x > 0 else x + w, [w], [2.0])
    assert [step.operation.name for step in tape.instructions] == ["multiply", "greater"]


def test_what_is_detached_is_recorded_without_a_path() -> None:
    w = Value(3.0)
    tape = record(lambda x: (x * w).detach() * w, [w], [2.0])
    assert strict.gradients(tape, [3.0], [5.0]) == (45.0, [15.0])


def test_a_recording_inside_no_grad_has_its_gradients() -> None:
    w = Value(3.0)
    with no_grad():
        tape = record(lambda x: (x * w) ** 2, [w], [2.0])
    assert strict.gradients(tape, [3.0], [2.0]) == (36.0, [24.0])


def test_a_derivative_inside_a_recording() -> None:
    w = Value(3.0)
    p = Compiled(lambda x: x * derivative(lambda t: t * w * t)(x), [w], "numpy", "float64", None)
    losses, gradient = p.value_and_gradients([3.0], [1.0, 2.0])
    assert (losses.tolist(), gradient.tolist()) == ([6.0, 24.0], [10.0])


@pytest.mark.parametrize(
    "numbers", [lambda x, w: gradients(x * w, [w])[0], lambda x, w: gradient(lambda t: t * w, [x])[0]]
)
def test_derivatives_that_are_numbers_are_followed_and_cut_off(numbers: Callable[..., float]) -> None:
    w = Value(3.0)
    tape = record(lambda x: x * w * numbers(x, w), [w], [2.0])
    w.data = 4.0
    wanted = 5.0 * w * numbers(5.0, w)
    wanted.backward()
    assert strict.gradients(tape, [4.0], [5.0]) == (wanted.data, [w.grad])
    with pytest.raises(ReplayError, match="plain number"):
        record(lambda x: x * w * int(numbers(x, w)), [w], [2.0], counts=lambda _: 1000)
