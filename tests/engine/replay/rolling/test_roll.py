"""Rolling: what becomes one instruction, and that nothing depends on how nodes happen to be numbered."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from engine import ops
from engine.functions import dot, exp, log_softmax, pick, softmax, total
from engine.replay.backends import strict
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.program import (
    Elementwise,
    MatrixProduct,
    Program,
    Reduction,
    Repeat,
    Space,
    rows_of,
)
from engine.replay.recording.record import record
from engine.replay.recording.selection import BEYOND_ONE, LARGEST
from engine.replay.recording.tape import Tape
from engine.replay.rolling.collapse import NONE, Term, WeightedSum, collapse
from engine.replay.rolling.roll import roll
from engine.replay.rolling.simplify import simplify
from engine.value import Constant, Value


def weights(count: int, seed: int = 0) -> list[Value]:
    generator = random.Random(seed)
    return [Value(generator.uniform(-1, 1), label=f"w[{k}]") for k in range(count)]


def kinds(program: Program) -> list[str]:
    return [type(instruction).__name__ for _, part in program.parts() for instruction in part]


def right(tape: Tape, w: Sequence[Value], samples: Sequence[Sequence[float]]) -> Program:
    """The program of the tape, after a comparison of its results with the strict executor's."""
    program = roll(tape)
    program.verify()
    numbers = [value.data for value in w]
    expected = [strict.gradients(tape, numbers, sample) for sample in samples]
    arrays = [np.array(samples, dtype=float).reshape(len(samples), -1)]
    everything = np.array(numbers + [value.data for value in tape.held])
    executor = NumpyExecutor(program, [arrays[0].shape[1]])
    losses, gradient = executor.gradients(everything, arrays, len(samples))
    assert losses == pytest.approx([loss for loss, _ in expected], rel=1e-12, abs=1e-13)
    assert gradient == pytest.approx(np.sum([g for _, g in expected], axis=0), rel=1e-11, abs=1e-12)
    return program


def layer(
    rows: Sequence[Sequence[Value]], x: Sequence[Any], activation: str, *, joined: bool = True
) -> list[Any]:
    """Neurons whose last weight is the bias."""
    if joined:
        return [getattr(dot(row[:-1], x, row[-1]), activation)() for row in rows]
    return [
        getattr(sum((a * b for a, b in zip(row[:-1], x, strict=True)), row[-1]), activation)() for row in rows
    ]


def test_numbers_that_are_known_are_folded_and_nothing_is_computed_twice() -> None:
    (w,) = weights(1)
    tape = record(lambda x: (x * w + 0.0) * 1.0 + exp(Value(1.0) * 2.0) * 0.0 + x * w + w * x, [w], [2.0])
    flat = simplify(tape, tape.outputs)
    assert flat.operations.count(ops.multiply) <= 3
    right(tape, [w], [[2.0], [3.0]])
    constant = record(lambda x: exp(2.0 * x * 0.0 + w), [w], [2.0])
    right(constant, [w], [[2.0], [3.0]])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("weights_first", [True, False])
def test_a_row_of_weights_is_kept_whole_and_stands_for_its_terms(bias: bool, weights_first: bool) -> None:
    w = [Value(float(k)) for k in range(7)]

    def rows(x: list[Any]) -> list[Any]:
        return [
            dot(*((part, x) if weights_first else (x, part)), *([w[6]] if bias else []))
            for part in (w[:3], w[3:6])
        ]

    tape = record(rows, w, [[1.0, 2.0, 3.0]])
    collapsed = collapse(simplify(tape, tape.outputs))
    first, second = (collapsed.nodes[place].terms for place in collapsed.flat.outputs)
    assert isinstance(first, WeightedSum)
    assert isinstance(second, WeightedSum)
    assert first.values is second.values
    factors = zip(first.weights, first.values, strict=True)
    terms = [Term(1.0, weight, value) for weight, value in factors]
    assert list(first) == terms + [Term(1.0, first.bias, NONE)] * bias
    assert len(first) == 3 + bias


def test_a_sum_by_hand_collapses_into_the_same_as_dot() -> None:
    w = weights(9)
    by_hand = record(lambda x: layer([w], x, "tanh", joined=False)[0], w, [[1.0] * 8])
    joined = record(lambda x: layer([w], x, "tanh")[0], w, [[1.0] * 8])
    collapsed = [collapse(simplify(tape, tape.outputs)) for tape in (by_hand, joined)]
    assert [len(each.nodes) for each in collapsed] == [2, 2]
    samples = [[0.1 * k for k in range(8)], [1.0] * 8]
    assert kinds(right(by_hand, w, samples)) == kinds(right(joined, w, samples))


@pytest.mark.parametrize("width", [1, 2, 5, 12])
@pytest.mark.parametrize("joined", [True, False])
def test_a_layer_is_one_matrix_product_of_any_width(width: int, joined: bool) -> None:
    w = weights(width * 4 + 3 * (width + 1))
    first = [w[4 * k : 4 * k + 4] for k in range(width)]
    rest = w[width * 4 :]
    second = [rest[(width + 1) * k : (width + 1) * (k + 1)] for k in range(3)]

    def f(x: Any) -> Any:
        return total(layer(second, layer(first, x, "tanh", joined=joined), "exp", joined=joined))

    program = right(record(f, w, [[1.0, 2.0, 3.0]]), w, [[0.1, 0.2, 0.3], [1.0, -1.0, 0.5]])
    assert sum(isinstance(i, MatrixProduct) for i in program.forward) == 2
    assert len(program) < 20


def shuffled(values: Sequence[Value], seed: int) -> list[Value]:
    found = list(values)
    random.Random(seed).shuffle(found)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_parameters_in_any_order(seed: int) -> None:
    w = weights(4 * 5 + 6)
    rows = [w[5 * k : 5 * k + 5] for k in range(4)]
    mixed = shuffled(w, seed)

    def f(x: Any) -> Any:
        return sum(a * b for a, b in zip(layer(rows, x, "tanh"), w[20:], strict=False)) + w[24] * w[25]

    program = right(record(f, mixed, [[1.0] * 4]), mixed, [[0.1, 0.2, 0.3, 0.4], [1.0, -1.0, 0.5, 2.0]])
    assert sum(isinstance(i, MatrixProduct) for i in program.forward) <= 3


def test_one_weight_in_many_places_of_a_matrix() -> None:
    w = weights(3)

    def convolution(x: Any) -> Any:
        windows = [x[k : k + 3] for k in range(6)]
        return total([dot(w, window).tanh() for window in windows])

    def symmetric(x: Any) -> Any:
        rows = [[w[0], w[1]], [w[1], w[2]], [w[2], w[2]]]
        return total([dot(row, [v.tanh() * w[0] for v in x[:2]]).exp() for row in rows])

    samples = [[0.1 * k for k in range(8)], [0.5 - 0.1 * k for k in range(8)]]
    program = right(record(convolution, w, [samples[0]]), w, samples)
    assert kinds(program).count("MatrixProduct") == 1
    right(record(symmetric, w, [samples[0]]), w, samples)


def test_what_depends_on_parameters_alone_is_computed_once() -> None:
    w = weights(20)

    def f(x: Any) -> Any:
        return (x * w[0]).tanh() + 0.01 * sum(p * p for p in w) + w[3].exp() * x

    program = right(record(f, w, [1.0]), w, [[0.5], [1.5], [-2.0]])
    assert len(program.shared_forward) >= 2
    assert len(program.shared_backward) >= 2
    written = {rows_of(i.out).space for i in program.forward if not isinstance(i, Repeat)}
    assert Space.WEIGHT not in written


def test_shared_sums_that_are_subtracted() -> None:
    w = weights(2)
    right(record(lambda x: x * w[0] + w[1] - (w[1] + w[1]) - 2.0 * (w[0] + 1.0), w, [1.0]), w, [[0.5], [2.0]])


def test_a_whole_batch_in_one_graph_rolls_into_as_few_instructions() -> None:
    w = weights(4 * 3 + 5)
    hidden, output = [w[3 * k : 3 * k + 3] for k in range(4)], [w[12:]]
    generator = random.Random(3)
    points = [[generator.gauss(0, 1), generator.gauss(0, 1)] for _ in range(60)]
    targets = [generator.choice([-1.0, 1.0]) for _ in range(60)]

    def loss(x: Any, y: Any) -> Any:
        return (1.0 - y * layer(output, layer(hidden, x, "tanh"), "tanh")[0]).relu()

    tape = record(lambda: total([loss(x, y) for x, y in zip(points, targets, strict=True)]) / 60.0, w, [])
    program = right(tape, w, [[]])
    assert len(tape) > 700
    assert len(program) < 40


def test_attention_of_any_length_rolls() -> None:
    w = weights(6)
    sizes = []
    for length in (2, 5, 9):

        def f(x: Any, length: int = length) -> Any:
            keys, mixed = [v * w[0] + w[1] for v in x], []
            for place in range(length):
                scores = softmax([x[place] * w[2] * key for key in keys[: place + 1]])
                mixed.append(total([s * v * w[3] for s, v in zip(scores, x, strict=False)]))
            return total([(m - v) ** 2 for m, v in zip(mixed, x, strict=True)])

        samples = [[0.3 * k - 1.0 for k in range(length)], [0.5 - 0.2 * k for k in range(length)]]
        sizes.append(len(right(record(f, w, [samples[0]]), w, samples)))
    assert sizes[2] < sizes[0] + 45


def test_different_constants_do_not_split_a_group() -> None:
    w = weights(6)

    def f(x: Any) -> Any:
        return total([(x * p + 0.1 * k).leaky_relu(0.01 * k) * (k + 1.0) for k, p in enumerate(w)])

    program = right(record(f, w, [1.0]), w, [[0.5], [-0.5]])
    assert sum(isinstance(i, Elementwise) for i in program.forward) == 1


def test_labels_of_several_positions_are_one_pick() -> None:
    w = weights(12)

    def f(x: Any) -> Any:
        rows = [log_softmax([x[0] * p for p in w[4 * k : 4 * k + 4]]) for k in range(3)]
        return -total([pick(row, x[k + 1]) for k, row in enumerate(rows)])

    program = right(record(f, w, [[1.0, 0, 1, 2]]), w, [[0.5, 3, 2, 1], [1.5, 0, -1, 3]])
    assert kinds(program).count("Pick") == 1
    reductions = [i.operation for i in program.forward if isinstance(i, Reduction)]
    assert reductions == [LARGEST, BEYOND_ONE]  # of all positions at once


@pytest.mark.parametrize("operation", list(ops.TABLE.values()), ids=lambda operation: operation.name)
def test_every_row_of_the_table_on_rows_of_samples(operation: Any) -> None:
    generator = random.Random(operation.name)
    intervals = operation.domain.sample
    point = [generator.uniform(*interval) for interval in intervals]
    w = [Value(number) for number in point]
    tape = record(lambda x: operation(*[p + v for p, v in zip(w, x, strict=True)]) * 1.5, w, [[0.0] * len(w)])
    samples = [
        [generator.uniform(*interval) - number for interval, number in zip(intervals, point, strict=True)]
        for _ in range(9)
    ]
    right(tape, w, samples)


def test_constants_of_the_graph_are_folded() -> None:
    (w,) = weights(1)
    tape = record(lambda x: x * w * (Constant(2.0).exp() + Constant(1.0)), [w], [1.0])
    computed = [operation for operation in simplify(tape, tape.outputs).operations if operation]
    assert computed == [ops.multiply, ops.multiply]
    right(tape, [w], [[1.0], [2.0]])


def test_a_bias_of_its_own_for_every_position() -> None:
    w = weights(2 * 3 + 6)
    rows, biases = [w[:3], w[3:6]], w[6:]

    def f(x: Any) -> Any:
        windows = [x[:3], x[1:4], x[2:5]]
        sums = [
            dot(row, window) + biases[3 * i + t]
            for i, row in enumerate(rows)
            for t, window in enumerate(windows)
        ]
        return total([s.tanh() for s in sums])

    samples = [[0.1, -0.2, 0.3, 0.4, 1.0], [1.0, 0.5, -0.5, 0.2, 0.1]]
    right(record(f, w, [samples[0]]), w, samples)


def test_a_pick_among_values_weights_and_constants() -> None:
    w = weights(2)

    def f(x: Any) -> Any:
        return pick([w[0], x[0] * w[1], Constant(3.0), w[0]], x[1]) * pick(
            [Constant(1.0), Constant(2.0)], x[2]
        )

    samples = [[0.5, k, j] for k in range(4) for j in range(2)]
    right(record(f, w, [samples[0]]), w, samples)


def test_rows_picked_twice_from_one_table_add_up() -> None:
    w = weights(3)

    def f(x: Any) -> Any:
        row = [(x[0] * p).tanh() for p in w]
        return pick(row, x[1]) * pick(row, x[2])

    samples = [[0.5, j, k] for j in range(3) for k in range(3)]
    right(record(f, w, [samples[0]]), w, samples)


def test_conditions_can_be_results() -> None:
    (w,) = weights(1)
    tape = record(lambda x: [x * w] if x * w > 0 and x > 2.0 else [x], [w], [9.0 * (1 if w.data > 0 else -1)])
    program = roll(tape, tuple(place for place, _ in tape.guards), gradient=False)
    program.verify()
    assert program.backward == ()


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: w[0],
        lambda x, w: x,
        lambda x, w: Value(3.0),
        lambda x, w: w[0] * w[1],
        lambda x, w: (x * w[0]).sign() * 2.0,
        lambda x, w: total([w[0]] * 7),
        lambda x, w: x * x,
    ],
)
def test_results_that_hardly_compute(function: Callable[..., Any]) -> None:
    w = weights(2)
    right(record(lambda x: function(x, w), w, [2.0]), w, [[2.0], [3.0], [4.0]])
