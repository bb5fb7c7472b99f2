"""The tape and its strict executor: the same bits as eager, on everything that can be recorded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from engine import ops
from engine.errors import DomainError, NonFiniteError
from engine.functions import dot, log_softmax, logsumexp, maximum, mean, minimum, pick, softmax, total, where
from engine.replay.backends import strict
from engine.replay.compiled import Compiled
from engine.replay.recording.record import record
from engine.replay.recording.tape import Tape
from engine.value import Constant, Value


def network(
    w: Sequence[Value], x: Sequence[Any], sizes: Sequence[int], activation: str, joined: bool
) -> list[Any]:
    place, layer = 0, list(x)
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        sums = []
        for _ in range(outputs):
            weights, bias = w[place : place + inputs], w[place + inputs]
            place += inputs + 1
            by_hand = sum((v * h for v, h in zip(weights, layer, strict=True)), bias)
            sums.append(dot(weights, layer, bias) if joined else by_hand)
        last = number == len(sizes) - 2
        layer = sums if last else [getattr(s, activation)() for s in sums]
    return layer


def hinge(w: Sequence[Value], x: Any, y: Any) -> Any:
    return (1.0 - y * network(w, x, [3, 4, 1], "relu", joined=True)[0]).relu()


def tanh_by_hand(w: Sequence[Value], x: Any, y: Any) -> Any:
    score = network(w, x, [3, 4, 1], "tanh", joined=False)[0]
    return (score - y) ** 2 + 0.01 * sum(p * p for p in w)


def classes(w: Sequence[Value], x: Any, y: Any) -> Any:
    return -pick(log_softmax(network(w, x, [3, 5, 3], "sigmoid", joined=True)), y)


def attention(w: Sequence[Value], x: Any, y: Any) -> Any:
    query, key = x[0] * w[0] + w[1], [v * w[2] - w[3] for v in x]
    weights = softmax([query * k / 2.0 for k in key])
    mixed = sum(a * (v * w[4]) for a, v in zip(weights, x, strict=True))
    return logsumexp([mixed, w[5], y * 1.0]) + mean(weights) ** 0.5


def selections(w: Sequence[Value], x: Any, y: Any) -> Any:
    a, b = x[0] * w[0], x[1] * w[1]
    chosen = where((a > b) & (a < 5.0), a * a, b / (w[2] + 9.0))
    return maximum(chosen, minimum(a, x[2])) + a.clamp(-1.0, 0.5) * abs(b) + total([a, b, a, 3.0]) - y


def branches(w: Sequence[Value], x: Any, y: Any) -> Any:
    step = x[0] * w[0]
    while step < 3.0:
        step = step * 2.0 + 1.0
    return step * w[1] if y > 0 else step / (w[2] + 9.0)


FUNCTIONS = [hinge, tanh_by_hand, classes, attention, selections, branches]


def sample(generator: random.Random) -> list[Any]:
    return [[generator.uniform(-1, 1) for _ in range(3)], generator.choice([0, 1, 2])]


def flat(one: Sequence[Any]) -> list[float]:
    return [*one[0], one[1]]


def eager(f: Callable[..., Any], w: Sequence[Value], one: Sequence[Any]) -> tuple[float, list[float]]:
    for parameter in w:
        parameter.grad = None
    loss = f(w, [Constant(v) for v in one[0]], one[1])
    loss.backward()
    return loss.data, [p.grad or 0.0 for p in w]


@pytest.mark.parametrize("f", FUNCTIONS)
def test_bit_for_bit_as_eager(f: Callable[..., Any]) -> None:
    generator = random.Random(1)
    w = [Value(generator.uniform(-1, 1), label=f"w[{k}]") for k in range(40)]
    tapes: dict[Any, Tape] = {}
    for _ in range(30):
        one = sample(generator)
        tape = record(lambda x, y: f(w, x, y), w, one)
        tapes.setdefault(tuple(outcome for _, outcome in tape.guards), tape)
        known = tapes[tuple(outcome for _, outcome in tape.guards)]
        weights = [parameter.data for parameter in w]
        assert strict.gradients(known, weights, flat(one)) == eager(f, w, one)


@pytest.mark.parametrize("operation", list(ops.TABLE.values()), ids=lambda operation: operation.name)
def test_every_row_of_the_table(operation: Any) -> None:
    generator = random.Random(operation.name)
    for _ in range(5):
        point = [generator.uniform(*interval) for interval in operation.domain.sample]
        w = [Value(number) for number in point]
        tape = record(lambda w=w: operation(*w) * 1.5, w, [])
        loss = operation(*w) * 1.5
        loss.backward()
        assert strict.gradients(tape, point, []) == (loss.data, [p.grad or 0.0 for p in w])


def test_eagers_errors() -> None:
    w = Value(1.0, label="w")
    tape = record(lambda x: (x * w).log(), [w], [1.0])
    with pytest.raises(DomainError, match="log needs x > 0"):
        strict.gradients(tape, [1.0], [-1.0])
    roots = record(lambda x: (x * w).sqrt() * 0.0, [w], [1.0])
    with pytest.raises(NonFiniteError):
        strict.gradients(roots, [1.0], [0.0])


def test_what_is_not_selected_has_no_path() -> None:
    w = Value(0.0)
    tape = record(lambda x: where(x > 0, w.sqrt(), x * 2.0), [w], [1.0])
    assert strict.gradients(tape, [0.0], [-1.0]) == (-2.0, [0.0])


def test_a_tape_reads_well() -> None:
    w, b = Value(2.0, label="w"), Value(1.0, label="b")
    tape = record(lambda x: (x[0] * w + b).relu() if x[1] > 0 else w, [w, b], [[1.0, 2.0]])
    assert str(tape).splitlines() == [
        "tape of 4 instructions: 2 inputs, 2 parameters, 1 constant, 1 guard",
        "  v5 = multiply(x0, w)",
        "  v6 = add(v5, b)",
        "  v7 = relu(v6)",
        "  v8 = greater(x1, 0.0)",
        "  guard: v8 is True",
        "  return v7",
    ]


def test_a_long_tape_is_abridged() -> None:
    w = Value(2.0)
    text = str(record(lambda x: sum([x * w] * 500), [w], [1.0]))
    assert len(text.splitlines()) < 50
    assert "more" in text


def test_unused_parameters_are_known() -> None:
    w = [Value(1.0), Value(2.0), Value(3.0)]
    assert record(lambda x: x * w[1], w, [1.0]).unused == (0, 2)


def test_leaves_of_every_kind_have_their_numbers() -> None:
    w, held = [Value(2.0), Value(3.0)], Value(5.0)
    tape = record(lambda x: held + w[1] * x + 0.5 * w[0], w, [7.0])
    held.data = 11.0
    expected = {"input": 70.0, "parameter": (20.0, 30.0), "held value": 11.0, "constant": 0.5}
    found = tape.numbers_of_leaves([20.0, 30.0, 11.0], [70.0])
    for (kind, which, _, _), number in zip(tape.leaves, found, strict=True):
        wanted = expected[kind.value]
        assert number == (wanted[which] if isinstance(wanted, tuple) else wanted)
    p = Compiled(lambda x: held * x + w[0], w[:1], "strict", "float64", None)
    assert p([2.0]).tolist() == [24.0]
    held.data = 1.0
    assert p([2.0]).tolist() == [4.0]
