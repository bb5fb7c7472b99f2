"""Steps of training in machine code: bit for bit those taken one by one; where one goes wrong it stops."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from engine import ReplayError, Value, compile, dot, log, pick  # noqa: A004
from engine.replay.program.rule import Rule

SAMPLES, WIDTH = 29, 3
DRAW = np.random.default_rng(5)
X, Y = DRAW.normal(size=(SAMPLES, WIDTH)), DRAW.integers(0, 2, SAMPLES)
ORDER = DRAW.permutation(SAMPLES)
HELD = Value(0.5)


def recorded(executor: str = "llvm-checked", size: int = 8) -> tuple[Any, Any]:
    """A program of 13 parameters, some in the weights' odd places, and where they are."""
    draw = random.Random(1)
    w = [Value(draw.uniform(-1, 1)) for _ in range(13)]

    def loss(x: Any, y: Any) -> Any:
        hidden = [dot(w[4 * k : 4 * k + 3], x, w[4 * k + 3]).tanh() for k in range(3)]
        return (total(hidden) * w[12] * HELD - y) ** 2

    def total(values: Any) -> Any:
        return values[0] + values[1] * values[2]

    program, numbers = compile(loss, w, executor), np.array([value.data for value in w])
    program.value_and_gradients(numbers, X[:size], Y[:size])
    return program, numbers


RULES: dict[str, tuple[int, Callable[..., Any]]] = {
    "plain": (0, lambda w, g, rate, step, **_: [w - rate * g]),
    "momentum": (1, lambda w, g, rate, step, v, **_: [w - rate * (0.9 * v + g), 0.9 * v + g]),
    "roots": (
        2,
        lambda w, g, rate, step, m, s, **_: [
            w - rate * (m / (1.0 - 0.9**step)) / ((s / (1.0 - 0.99**step)) ** 0.5 + 1e-8),
            0.9 * m + 0.1 * g,
            0.99 * s + 0.01 * g * g,
        ],
    ),
    "constant": (1, lambda w, g, rate, step, v, **_: [w * 0.5, 3.0]),
}


def one_by_one(program: Any, weights: Any, name: str, size: int, rates: list[float]) -> list[Any]:
    """The state after steps by NumPy, the losses of all samples and the last gradient."""
    remembers, rule = RULES[name]
    state = [weights, *[np.zeros(len(weights))] * remembers]
    losses: list[Any] = []
    for step, rate in enumerate(rates):
        batch = ORDER[step * size : (step + 1) * size]
        found, gradient = program.value_and_gradients(state[0], X[batch], Y[batch])
        gradient = gradient * (1.0 / len(batch))
        state = [each + 0.0 * state[0] for each in rule(state[0], gradient, rate, step + 1, *state[1:])]
        losses.append(found)
    return [*state, np.concatenate(losses), gradient]


@pytest.mark.parametrize("size", [8, SAMPLES, 1])
@pytest.mark.parametrize("name", RULES)
def test_many_steps_in_one_call_are_those_taken_one_by_one_bit_for_bit(name: str, size: int) -> None:
    program, weights = recorded(size=size)
    remembers, formula = RULES[name]
    steps = program.steps(formula, remembers, size, [X, Y])
    rates = [0.1 / (1 + k) for k in range(-(-SAMPLES // size))]
    memory, before = [np.zeros(len(weights))] * remembers, weights.copy()
    taken: Any = steps.run(weights, memory, ORDER, rates, 1)
    found = [taken.weights, *taken.memory, taken.losses, taken.gradient]
    for ours, expected in zip(found, one_by_one(program, weights, name, size, rates), strict=True):
        assert np.array_equal(ours, expected)
    assert taken.steps == len(rates)
    assert np.array_equal(weights, before)
    assert not any(column.any() for column in memory)


@pytest.mark.parametrize(("inputs", "hidden", "size"), [(8, 16, 16), (40, 24, 64), (32, 10, 24)])
def test_steps_of_a_network_are_those_taken_one_by_one_bit_for_bit(
    inputs: int, hidden: int, size: int
) -> None:
    draw = np.random.default_rng(inputs)
    sizes = [(hidden, inputs), (24, hidden)]
    layers = [[[Value(each) for each in draw.normal(0, 0.5, n + 1)] for _ in range(m)] for m, n in sizes]
    w = [each for layer in layers for neuron in layer for each in neuron]

    def loss(x: Any, y: Any) -> Any:
        for layer in layers:
            x = [dot(neuron[:-1], x, neuron[-1]).tanh() for neuron in layer]
        return sum(((each - y) ** 2 for each in x[1:]), x[0] * x[3])

    samples = 3 * size - 5
    x, y, order = draw.normal(size=(samples, inputs)), draw.normal(size=samples), draw.permutation(samples)
    program, weights = compile(loss, w, "llvm-checked"), np.array([value.data for value in w])
    program.value_and_gradients(weights, x[:size], y[:size])
    remembers, formula = RULES["roots"]
    steps = program.steps(formula, remembers, size, [x, y])
    state = [weights, np.zeros(len(weights)), np.zeros(len(weights))]
    taken: Any = steps.run(state[0], state[1:], order, [0.1, 0.02, 0.01], 1)
    for step, rate in enumerate([0.1, 0.02, 0.01]):
        batch = order[step * size : (step + 1) * size]
        _, gradient = program.value_and_gradients(state[0], x[batch], y[batch])
        gradient = gradient * (1.0 / len(batch))
        state = formula(state[0], gradient, rate, step + 1, *state[1:])
    for ours, expected in zip(
        [taken.weights, *taken.memory, taken.gradient], [*state, gradient], strict=True
    ):
        assert np.array_equal(ours, expected)
    x[order[size + 1], 0] = np.inf
    bad: Any = program.steps(formula, remembers, size, [x, y]).run(weights, state[1:], order, [0.1] * 3, 1)
    assert bad.steps == 1


@pytest.mark.parametrize("name", RULES)
def test_numpy_takes_the_same_steps(name: str) -> None:
    program, weights = recorded("numpy")
    remembers, formula = RULES[name]
    steps = program.steps(formula, remembers, 8, [X, None])
    memory, before = [np.zeros(len(weights))] * remembers, weights.copy()
    taken: Any = steps.run(weights, memory, ORDER, [0.1, 0.2, 0.3, 0.4], 1, [Y[ORDER]])
    found = [taken.weights, *taken.memory, taken.losses, taken.gradient]
    expected = one_by_one(program, weights, name, 8, [0.1, 0.2, 0.3, 0.4])
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-13, abs=1e-15)
    assert np.array_equal(weights, before)
    wrong = X.copy()
    wrong[ORDER[25]] = np.nan
    bad: Any = program.steps(formula, remembers, 8, [wrong, Y])
    stopped = bad.run(weights, memory, ORDER, [0.1, 0.2, 0.3, 0.4], 1)
    assert stopped.steps == 3
    assert np.array_equal(stopped.losses, taken.losses[:24])


def test_numpy_is_given_no_place_that_is_none() -> None:
    w = [Value(1.0), Value(2.0)]
    program = compile(lambda k: pick(w, k) ** 2, w, "numpy")
    program.value_and_gradients([1.0, 2.0], [0, 1])
    good, bad = np.array([0, 1, 1]), np.array([0, 1, 2])
    assert program.steps(RULES["plain"][1], 0, 2, [good]).most >= 1
    with pytest.raises(ReplayError, match="a place that is none"):
        program.steps(RULES["plain"][1], 0, 2, [bad])


def test_batches_that_are_cut_into_segments_are_steps_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORTHWHILE", "LEAST"):
        monkeypatch.setattr(f"engine.replay.backends.segments.{name}", 1)
    program, weights = recorded()
    steps = program.steps(RULES["roots"][1], 2, 20, [None, Y])
    memory, before = [np.zeros(len(weights))] * 2, weights.copy()
    taken: Any = steps.run(weights, memory, ORDER, [0.1, 0.2], 1, [X[ORDER]])
    found = [taken.weights, *taken.memory, taken.losses, taken.gradient]
    for ours, expected in zip(found, one_by_one(program, weights, "roots", 20, [0.1, 0.2]), strict=True):
        assert np.array_equal(ours, expected)
    assert type(steps._trainer).__name__ == "SegmentedTrainer"
    assert np.array_equal(weights, before)
    wrong = X.copy()
    wrong[ORDER[25]] = np.nan
    bad: Any = program.steps(RULES["plain"][1], 0, 20, [wrong, Y])
    assert bad.run(weights, [], ORDER, [0.1, 0.2], 1).steps == 1


def test_where_a_step_raises_flags_everything_is_as_before_it() -> None:
    w = [Value(1.0), Value(2.0)]
    program = compile(lambda x: log(x * w[0]) ** 2 + w[1], w, "llvm-checked")
    x = np.arange(1.0, 21.0)
    weights = np.array([1.0, 2.0])
    program.value_and_gradients(weights, x[:4])
    steps = program.steps(RULES["momentum"][1], 1, 4, [x])
    good: Any = steps.run(weights, [np.zeros(2)], np.arange(20), [0.01] * 5, 1)
    x_bad = x.copy()
    x_bad[13] = 0.0
    steps = program.steps(RULES["momentum"][1], 1, 4, [x_bad])
    taken: Any = steps.run(weights, [np.zeros(2)], np.arange(20), [0.01] * 5, 1)
    until: Any = program.steps(RULES["momentum"][1], 1, 4, [x])
    until = until.run(weights, [np.zeros(2)], np.arange(12), [0.01] * 3, 1)
    assert (good.steps, taken.steps, until.steps) == (5, 3, 3)
    for name in ("weights", "gradient"):
        assert np.array_equal(getattr(taken, name), getattr(until, name))
    assert np.array_equal(taken.memory[0], until.memory[0])
    assert np.array_equal(taken.losses[:12], good.losses[:12])
    first: Any = steps.run(weights, [np.zeros(2)], np.array([13]), [0.01], 1)
    assert first.steps == 0


@pytest.mark.parametrize("executor", ["llvm-checked", "numpy"])
def test_gradients_are_shortened_all_together_and_none_is_lost_where_their_length_overflows(
    executor: str,
) -> None:
    program, weights = recorded(executor)

    def rule(w: Any, g: Any, rate: Any, step: Any, shortened: Any) -> Any:
        return [w - rate * shortened(2.0 * g, 0.3)]

    taken: Any = program.steps(rule, 0, 8, [X, Y]).run(weights, [], ORDER, [0.1] * 4, 1)
    expected, factors = weights, []
    for step in range(4):
        batch = ORDER[8 * step : 8 * step + 8]
        gradient = 2.0 * program.value_and_gradients(expected, X[batch], Y[batch])[1] / len(batch)
        factors.append(min(1.0, 0.3 / np.sqrt((gradient * gradient).sum())))
        expected = expected - 0.1 * gradient * factors[-1]
    assert taken.weights == pytest.approx(expected, rel=1e-13)
    assert min(factors) < 1.0
    huge = program.steps(lambda w, g, rate, step, shortened: [w - shortened(1e200 * g, 1.0)], 0, 8, [X, Y])
    assert huge.run(weights, [], ORDER, [0.1] * 4, 1).steps == 0


@pytest.mark.parametrize("wrong", [-1, SAMPLES])
def test_the_checked_mode_sees_a_place_that_is_none(wrong: int) -> None:
    program, weights = recorded()
    steps = program.steps(RULES["plain"][1], 0, 8, [X, Y])
    order = ORDER.copy()
    order[11] = wrong
    with pytest.raises(AssertionError, match="outside"):
        steps.run(weights, [], order, [0.1] * 4, 1)


def test_what_is_held_is_read_at_every_call_and_an_argument_may_come_in_order() -> None:
    program, weights = recorded("llvm")
    plain = RULES["plain"][1]
    chosen, in_order = program.steps(plain, 0, 8, [X, Y]), program.steps(plain, 0, 8, [None, Y])
    found = []
    for number in (0.5, 2.0):
        HELD.data = number
        taken = chosen.run(weights, [], ORDER, [0.1] * 4, 1)
        same = in_order.run(weights, [], ORDER, [0.1] * 4, 1, [X[ORDER]])
        assert np.array_equal(taken.weights, same.weights)
        assert np.array_equal(taken.losses, same.losses)
        found.append(taken.weights)
    HELD.data = 0.5
    assert not np.array_equal(*found)
    single = program.steps(plain, 0, 1, [X, Y])  # for which there is no code yet
    assert single.run(weights, [], ORDER[:2], [0.1, 0.1], 1).steps == 2


NO_RULES: dict[str, Callable[..., Any]] = {
    "asks": lambda w, g, rate, step, **_: [w - g if step > 3 else w],
    "asks a gradient": lambda w, g, rate, step, **_: [w - max(g, 0.1)],
    "gives too little": lambda w, g, rate, step, **_: [],
    "gives no number": lambda w, g, rate, step, **_: ["w"],
    "infinite": lambda w, g, rate, step, **_: [w * float("inf")],
    "a function of math": lambda w, g, rate, step, **_: [w - g * abs(complex(rate))],
}


@pytest.mark.parametrize("name", NO_RULES)
def test_what_is_no_formula_is_no_rule(name: str) -> None:
    with pytest.raises(ValueError, match="the rule"):
        Rule.of(NO_RULES[name], 0)


def test_steps_are_taken_one_by_one_in_the_strict_executor_and_where_the_function_branches() -> None:
    w = [Value(1.0)]
    for loss, executor in ((lambda x: x * w[0], "strict"), (lambda x: x * w[0] if x > 2 else w[0], "auto")):
        program = compile(loss, w, executor)
        program.value_and_gradients([1.0], [1.0, 3.0])
        with pytest.raises(ReplayError, match="one by one"):
            program.steps(RULES["plain"][1], 0, 2, [np.array([1.0, 3.0])])


def test_what_was_recorded_anew_is_noticed() -> None:
    beta = {"now": 1.0}
    w = [Value(1.0)]
    program = compile(lambda x: x * w[0] * beta["now"], w, "llvm")
    x = np.array([1.0, 2.0, 3.0, 4.0])
    program.value_and_gradients([1.0], x)
    steps = program.steps(RULES["plain"][1], 0, 4, [x])
    taken: Any = steps.run(np.array([1.0]), [], np.arange(4), [0.1], 1)
    assert taken.losses.tolist() == [1.0, 2.0, 3.0, 4.0]
    beta["now"] = 2.0
    assert steps.run(np.array([1.0]), [], np.arange(4), [0.1], 1) is None
    assert not steps.holds
