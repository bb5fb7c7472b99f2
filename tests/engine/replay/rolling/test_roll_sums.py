"""Sums, gains, quotients and picks: what they become, and only where it is exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from test_roll import kinds, right, weights

from engine.functions import dot, log_softmax, logsumexp, pick, softmax, total
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.program import Elementwise, SumOfProducts
from engine.replay.recording.record import record
from engine.replay.rolling.roll import roll
from engine.replay.rolling.simplify import is_power_of_two


def test_sums_that_repeat_their_terms() -> None:
    w = weights(3)

    def f(x: Any) -> Any:
        a, b = x[0] * w[0], x[1] * w[1]
        return total([a, b, a, a * b, b * a, a - b, -(a + b)]) - (a - (b - w[2])) * 0.5

    program = right(record(f, w, [[1.0, 2.0]]), w, [[1.0, 2.0], [0.5, -1.0]])
    assert any(isinstance(i, SumOfProducts) for i in program.forward)


def test_gains_are_one_instruction_and_not_a_product_each() -> None:
    """Every weight times the values of its own place in each of many lists, as a norm with gains has it."""
    w = weights(12)
    tape = record(
        lambda x: total((x[12 * row + k] * w[k]).tanh() for row in range(9) for k in range(12)),
        w,
        [[0.1] * 108],
    )
    program = right(tape, w, [[0.01 * k - 0.5 for k in range(108)]])
    assert kinds(program).count("MatrixProduct") == 0
    assert len(program) < 12


def test_the_largest_of_lists_of_any_length_are_one_instruction() -> None:
    w = weights(3)
    tape = record(
        lambda x: total(softmax([x[k] * w[k % 3] for k in range(end)])[0] * w[1] for end in range(1, 8)),
        w,
        [[0.1 * k for k in range(7)]],
    )
    program = right(tape, w, [[0.3 * k - 1.0 for k in range(7)], [2.0 - k for k in range(7)]])
    assert kinds(program).count("Reduction") == 1


def test_quotients_share_the_reciprocal_of_their_divisor() -> None:
    w = weights(6)
    tape = record(lambda x: dot(softmax([a * b for a, b in zip(w, x, strict=True)]), w), w, [[1.0] * 6])
    program = right(tape, w, [[0.1 * k for k in range(6)], [1.0, -1.0] * 3])
    divisions = [
        each for each in program.forward if isinstance(each, Elementwise) and "/" in repr(each.expression)
    ]
    assert [len(each.out) for each in divisions] == [1]
    alone = record(lambda x: x * w[0] / (x + w[1]), w[:2], [2.0])
    assert [
        repr(e.expression) for e in right(alone, w[:2], [[2.0], [3.0]]).forward if isinstance(e, Elementwise)
    ] == ["x0 / x1"]


def test_a_label_is_picked_before_what_is_taken_from_all_is_taken() -> None:
    w = weights(8)

    def loss(x: Sequence[Any], y: Any) -> Any:
        return -pick(log_softmax([a * b for a, b in zip(w, x, strict=True)]), y)

    program = right(record(loss, w, [[1.0] * 8, 3]), w, [[0.1 * k for k in range(8)] + [5.0], [1.0] * 9])
    sums = [each for each in program.forward if isinstance(each, SumOfProducts)]
    sums = [each for each in sums if each.right or each.uniform > 1]  # others are copies
    assert [len(each.out) for each in sums] == [8, 1]  # products; one of them, less the largest, less the sum


def test_a_divisor_is_made_a_factor_only_where_both_are_exact() -> None:
    for number in (0.5, -4.0, 2.0**999, 2.0**-999):
        assert is_power_of_two(number)
    for number in (0.0, 3.0, 0.1, 2.0**1000, -(2.0**-1000), 2.0**-1030, math.inf, -math.inf, math.nan):
        assert not is_power_of_two(number)
    w = weights(1)
    tape = record(lambda x: x * w[0] / 2.0**-1030, w, [2.0**-1025])  # whose reciprocal would be infinite
    found = NumpyExecutor(roll(tape), (1,)).outputs(np.array([1.0]), [np.array([[2.0**-1025], [0.0]])], 2)
    assert found.tolist() == [[32.0, 0.0]]
    tape = record(
        lambda x: 2.0**1020 * (x * w[0] - x * x) / 2.0**10, w, [1.0]
    )  # as a factor of each term inf − inf
    found = NumpyExecutor(roll(tape), (1,)).outputs(np.array([8.0]), [np.array([[8.0]])], 1)
    assert found.tolist() == [[0.0]]


def test_a_factor_of_a_sum_is_a_coefficient_and_keeps_no_matrix_from_being_one() -> None:
    w = weights(8)
    squares = record(lambda x: total([(a * b) ** 2 for a, b in zip(w, x, strict=True)]) / 8.0, w, [[1.0] * 8])
    by_hand = record(
        lambda x: 0.5 * sum(a.exp() * a for a in [b * c for b, c in zip(w, x, strict=True)]), w, [[1.0] * 8]
    )
    samples = [[0.1 * k for k in range(8)], [1.0] * 8]
    for tape in (squares, by_hand):
        sums = [each for each in right(tape, w, samples).forward if isinstance(each, SumOfProducts)]
        assert [len(each.out) for each in sums if each.coefficients] == [1]
    rows = [w[:4], w[4:]]
    scaled = record(lambda x: total([(0.5 * dot(row, x)).tanh() for row in rows]), w, [[1.0] * 4])
    assert kinds(right(scaled, w, [sample[:4] for sample in samples]))[0] == "MatrixProduct"
    huge = record(lambda x: (x * w[0] + x) * 0.5, w[:1], [1.0])  # is infinite in eager before it is halved
    with np.errstate(over="ignore"):
        found = NumpyExecutor(roll(huge), (1,)).outputs(np.array([1.0]), [np.array([[1.2e308]])], 1)
    assert found.tolist() == [[math.inf]]
    inexact = record(lambda x: (x * w[0] + x * x) / 3.0 + x / 0.0625, w[:1], [2.0])
    right(inexact, w[:1], [[2.0], [-3.0]])


def test_what_is_picked_among_many_is_added_where_something_stands() -> None:
    w = weights(4)

    def loss(x: Sequence[Any], y: Any) -> Any:
        chosen = [a * b for a, b in zip(w, x, strict=True)]
        return logsumexp(chosen) - pick(chosen, y)

    program = right(record(loss, w, [[1.0] * 4, 3]), w, [[0.1, 0.2, 0.3, 0.4, 2.0], [1.0] * 5])
    assert "Scatter" in kinds(program)
    zeros = [each for each in program.backward if isinstance(each, Elementwise) and each.expression == 0.0]
    assert zeros == []


def test_a_pick_among_differences_to_several_numbers_is_one_among_the_differences() -> None:
    w = weights(4)

    def f(x: Any) -> Any:
        return pick([x[0] * w[0] - x[1] * w[1], x[1] * w[2] - x[0] * w[3]], x[2])

    right(record(f, w, [[1.0, 2.0, 0]]), w, [[3.0, -1.0, 1], [0.5, 2.0, 0]])
