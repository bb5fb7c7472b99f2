"""The LLVM executor against NumPy's and the strict one: every kind of instruction, every size of batch."""

from __future__ import annotations

import gc
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from engine.errors import DomainError, ReplayError
from engine.functions import dot, exp, log_softmax, logsumexp, maximum, norm, pick, softmax, total
from engine.replay.backends.interface import form_of
from engine.replay.backends.llvm.call import call_for
from engine.replay.backends.llvm.executor import LlvmExecutor, lanes_for, seconds_to_make
from engine.replay.backends.llvm.machine import HOST, Machine, Target
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.backends.strict import StrictExecutor
from engine.replay.compiled import compile  # noqa: A004
from engine.replay.program.program import Program, Space
from engine.replay.recording.record import record
from engine.replay.recording.tape import Tape
from engine.replay.rolling.roll import roll
from engine.value import Value

BATCHES = (1, 2, 3, 7, 8, 9, 33, 100)
PLAIN = Target("haswell", "+avx,+avx2,+fma,-avx512f")  # a processor with half as wide registers


def weights(count: int, seed: int = 0) -> list[Value]:
    draw = random.Random(seed)
    return [Value(draw.uniform(-1, 1), label=f"w[{k}]") for k in range(count)]


Loss = Callable[..., Any]


def matrix(w: Sequence[Value], rows: int, columns: int) -> list[list[Value]]:
    return [list(w[row * columns : (row + 1) * columns]) for row in range(rows)]


def network(sizes: Sequence[int], activation: str, *, penalty: bool) -> tuple[Loss, list[Value]]:
    """A network with one of the usual losses, and perhaps with L2, which needs weights as values."""
    w = weights(sum((a + 1) * b for a, b in pairwise(sizes)))

    def loss(x: Any, y: Any) -> Any:
        values, start = list(x), 0
        for inputs, outputs in pairwise(sizes):
            rows = matrix(w[start : start + inputs * outputs], outputs, inputs)
            biases = w[start + inputs * outputs : start + (inputs + 1) * outputs]
            values = [
                getattr(dot(row, values, bias), activation)() for row, bias in zip(rows, biases, strict=True)
            ]
            start += (inputs + 1) * outputs
        found = logsumexp(values) - pick(values, y)
        return found + 0.01 * sum(p * p for p in w) if penalty else found

    return loss, w


def attention() -> tuple[Loss, list[Value]]:
    """Tokens looked up and attended to, causally: ragged sums, and all that they need on the way back."""
    w = weights(5 * 3 + 4 * 9)
    table, rest = matrix(w, 5, 3), w[15:]
    query, key, value, head = (matrix(rest[9 * k :], 3, 3) for k in range(4))

    def linear(rows: Any, x: Any) -> list[Any]:
        return [dot(row, x) for row in rows]

    def loss(x: Any, y: Any) -> Any:
        tokens = [pick(table, token) for token in x]
        scale = [(total([v * v for v in token]) / 3.0 + 1e-3) ** -0.5 for token in tokens]
        tokens = [[v * s for v in token] for token, s in zip(tokens, scale, strict=True)]
        queries, keys, values = ([linear(m, token) for token in tokens] for m in (query, key, value))
        found = []
        for place, token in enumerate(tokens):
            shares = softmax([dot(queries[place], k) * 0.5 for k in keys[: place + 1]])
            mixed = [total([a * v[d] for a, v in zip(shares, values, strict=False)]) for d in range(3)]
            state = [m + t for m, t in zip(linear(head, mixed), token, strict=True)]
            found.append(-pick(log_softmax(state), y))
        return total(found) / len(found)

    return loss, w


def everything() -> tuple[Loss, list[Value]]:
    """Operations of every kind, sums with different coefficients, a norm, a maximum, shared and odd parts."""
    w = weights(6)

    def loss(x: Any, y: Any) -> Any:
        a, b = x[0] * w[0] + w[1], x[1] * w[2] - 0.3 * x[2] + 0.7 * w[3] * w[4]
        parts = [
            a.tanh(),
            a.sin(),
            b.sigmoid(),
            b.softplus(),
            (a * a + 0.5) ** -1.5,
            abs(b),
            a.gelu(),
            b.silu(),
        ]
        parts += [
            maximum(a, b),
            exp(-a * a),
            (b * b + 1.0).log(),
            a.atan(),
            (a * a + 1.0).sqrt(),
            b.elu(),
            b.mish(),
        ]
        parts += [
            norm([a, b, w[5]]),
            a**3,
            (w[0] * w[5]).exp(),
            a.floor() * b,
            a.expm1(),
            b.erf(),
            a.softsign(),
        ]
        return dot(parts, [0.1 * (k + 1) for k in range(len(parts))]) * (y - 2.5)

    return loss, w


PROGRAMS = {
    "odd sizes": lambda: network([3, 5, 7, 5], "relu", penalty=False),
    "one by one": lambda: network([3, 1, 5], "tanh", penalty=True),
    "eights": lambda: network([3, 8, 16, 5], "relu", penalty=False),
    "wide": lambda: network([3, 17, 13, 5], "tanh", penalty=True),
    "attention": attention,
    "everything": everything,
}


def rolled(name: str) -> tuple[Tape, Program, Any]:
    loss, w = PROGRAMS[name]()
    tape = record(loss, w, [[0.5, -0.25, 1.5] if name != "attention" else [0, 3, 1], 2])
    return tape, roll(tape), np.array([value.data for value in w])


def samples(name: str, count: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(count)
    x = draw.integers(0, 5, (count, 3)).astype(float) if name == "attention" else draw.normal(size=(count, 3))
    return x, draw.integers(0, 3 if name == "attention" else 5, (count, 1)).astype(float)


def run(machine: Machine, name: str, numbers: Any, arrays: Sequence[Any]) -> tuple[Any, Any]:
    given = (numbers, *arrays)
    results, gradient = call_for(machine, name, len(arrays[0]), form_of(given))(given)
    return results, gradient


def close(found: Any, expected: Any) -> bool:
    return bool(np.abs(found - expected).max() <= 1e-13 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("target", [HOST, PLAIN], ids=["host", "without AVX-512"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_agrees_with_numpy_for_every_batch_and_no_address_is_wrong(name: str, target: Target) -> None:
    _, program, numbers = rolled(name)
    reference = NumpyExecutor(program, (3, 1))
    for lanes in (1, 8, 24) if target is HOST else (1, 8):  # whose tiles are one vector wide
        machine = Machine(program, (3, 1), lanes, target, checked=True)
        for count in BATCHES:
            arrays = samples(name, count)
            losses, gradient = reference.gradients(numbers, arrays, count)
            for _ in range(2):
                found = run(machine, "gradients", numbers, arrays)
                assert close(found[0], losses), count
                assert close(found[1], gradient), count
                assert close(run(machine, "outputs", numbers, arrays)[0][0], losses), count


@pytest.mark.parametrize("name", PROGRAMS)
def test_agrees_with_the_tape(name: str) -> None:
    tape, program, numbers = rolled(name)
    for count in (1, 9):
        arrays = samples(name, count)
        losses, gradient = StrictExecutor(tape).gradients(numbers, arrays, count)
        found = LlvmExecutor(program, (3, 1)).gradients(numbers, arrays, count)
        assert close(found[0], losses)
        assert close(found[1], gradient)


def test_the_same_bits_whatever_stood_in_the_buffers() -> None:
    _, program, numbers = rolled("attention")
    for count in (1, 9):
        arrays = samples("attention", count)
        executor = LlvmExecutor(program, (3, 1))
        first = executor.gradients(numbers, arrays, count)
        executor.machine(count).memory().poison()
        again = executor.gradients(numbers, arrays, count)
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1], again[1])


def test_the_checked_mode_sees_a_wrong_address() -> None:
    _, program, numbers = rolled("odd sizes")
    sizes = {s: max(0, size - 1) if s is not Space.CONSTANT else size for s, size in program.sizes.items()}
    wrong = replace(program, sizes=sizes)
    with pytest.raises(AssertionError, match="outside"):
        LlvmExecutor(wrong, (3, 1), checked=True).outputs(numbers[:-1], samples("odd sizes", 9), 9)


def test_what_eager_refuses_is_refused() -> None:
    w = [Value(1.0)]
    p = compile(lambda x: (x * w[0]).log() + 1.0 / x, w, "llvm")
    assert p([1.0]).tolist() == [1.0]
    assert p.value_and_gradients([1.0], [1.0, 2.0])[0].tolist() == pytest.approx([1.0, 1.1931471805599454])
    for bad in ([0.0], [-1.0], [1.0, 2.0, -1.0], [0.0] * 9):
        with pytest.raises(DomainError):
            p(bad)


@pytest.mark.parametrize("bad", [3.0, -4.0, 1e300, -1e300, math.nan])
def test_an_index_outside_of_its_list_is_refused(bad: float) -> None:
    w = weights(3)
    p = compile(lambda x, y: pick(w, y) * x, w, "llvm")
    numbers = [value.data for value in w]
    good = np.array([0.0, -3.0, 2.0, -1.0])
    losses, _ = p.value_and_gradients(numbers, np.ones(4), good)
    assert losses.tolist() == [numbers[0], numbers[0], numbers[2], numbers[2]]
    for count in (1, 9):
        index = np.zeros(count)
        index[-1] = bad
        with pytest.raises((IndexError, TypeError, ValueError)):
            p.value_and_gradients(numbers, np.ones(count), index)
    with pytest.raises(TypeError):
        p.value_and_gradients(numbers, np.ones(2), np.array([0.0, 1.5]))


@pytest.mark.parametrize("bad", [4.0, -5.0, 0.5, math.nan])
def test_a_token_without_an_embedding_is_refused(bad: float) -> None:
    w = weights(32)
    p = compile(lambda y: total(pick(matrix(w, 4, 8), y)), w, "llvm")
    for count in (1, 9):
        index = np.zeros(count)
        assert p(index).tolist() == pytest.approx([sum(value.data for value in w[:8])] * count)
        index[-1] = bad
        with pytest.raises((IndexError, TypeError, ValueError)):
            p(index)


def test_what_is_picked_from_tables_of_every_kind_keeps_the_sign_of_zero() -> None:
    w = weights(35)
    w[4]._data = w[9]._data = -0.0

    def parts(x: Any, y: Any) -> list[Any]:
        tokens = [v for token in x for v in pick(matrix(w, 4, 8), token)]
        irregular = pick([w[3], w[33], w[4], w[32], w[34]], y)
        return [*tokens, irregular, pick([tokens[0] * 0.5, tokens[1] * 2.0, tokens[4] + 1.0, w[1] * x[1]], y)]

    def loss(x: Any, y: Any) -> Any:
        return dot(parts(x, y), [0.5 + 0.25 * k for k in range(26)])

    draw = np.random.default_rng(0)
    for count in (1, 2, 9, 40):
        x, y = draw.integers(0, 4, (count, 3)), draw.integers(-4, 4, count)
        expected, found = (compile(parts, w, executor)(x, y) for executor in ("strict", "llvm-checked"))
        assert np.array_equal(np.signbit(found), np.signbit(expected))
        assert np.array_equal(found, expected)
        numbers = [value.data for value in w]
        slopes = [
            compile(loss, w, executor).value_and_gradients(numbers, x, y)[1]
            for executor in ("strict", "llvm-checked")
        ]
        assert close(*slopes)


def test_whole_numbers_small_floats_and_slices_are_taken() -> None:
    w = [Value(2.0), Value(1.0)]
    p = compile(lambda x, y: dot(w, x) * y, w, "llvm")
    for kind in (np.int64, np.float32, np.float64):
        table = np.arange(24).reshape(6, 4).astype(kind)
        assert p(table[::2, 1:3], table[:3, 0]).tolist() == [0.0, 4.0 * 28.0, 8.0 * 52.0]


def test_a_program_outlives_all_that_made_it() -> None:
    _, program, numbers = rolled("odd sizes")
    executor = LlvmExecutor(program, (3, 1))
    expected = executor.gradients(numbers, samples("odd sizes", 9), 9)[1]
    del program
    gc.collect()
    assert np.array_equal(executor.gradients(numbers, samples("odd sizes", 9), 9)[1], expected)


def test_lanes_fit_the_cache_and_waste_little() -> None:
    _, program, _ = rolled("odd sizes")
    assert [lanes_for(program, count) for count in (1, 2, 8, 9, 33, 100, 10_000)] == [
        1,
        8,
        8,
        16,
        64,
        104,
        80,
    ]


def test_code_that_takes_long_to_make_is_made_for_who_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    w = weights(1)

    def loss(x: Value) -> Any:
        return (x * w[0]).tanh() + x

    _, program, _ = rolled("everything")
    assert 0.1 < seconds_to_make(program) < 1.0
    monkeypatch.setattr("engine.replay.choosing.LONG", 0.001)
    by_itself, by_name = compile(loss, w), compile(loss, w, "llvm")
    assert by_itself([0.5]) == pytest.approx(by_name([0.5]), rel=1e-15)
    assert (by_itself.executor, by_name.executor) == ("numpy", "llvm")


def test_auto_is_machine_code_but_for_functions_with_branches() -> None:
    w = weights(2)
    plain, branching = compile(lambda x: x * w[0], w[:1]), compile(lambda x: x * w[0] if x > 0 else w[1], w)
    assert (plain.executor, branching.executor) == ("llvm", "llvm")
    plain([1.0]), branching([1.0, -1.0])
    assert (plain.executor, branching.executor) == ("llvm", "numpy")


def test_without_llvmlite_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.replay.choosing.find_spec", lambda name: None)
    with pytest.raises(ReplayError, match="pip install llvmlite"):
        compile(lambda x: x, weights(1), "llvm")
    assert compile(lambda x: x, weights(1)).executor == "numpy"
