"""float32 machine code against float64: bounds derived from the roundings, special numbers, refusals."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from effort import share
from fuzz.roundings import Bounds, U, bounds
from test_llvm import PLAIN, PROGRAMS, network, rolled, run, samples, weights
from test_llvm_math import FUNCTIONS, compiled

from engine.errors import DomainError, ReplayError
from engine.functions import dot, exp, pick, where
from engine.replay.backends.llvm.executor import LlvmExecutor, lanes_for
from engine.replay.backends.llvm.machine import HOST, Machine, Target
from engine.replay.backends.llvm.writing.module import DOUBLE, FLOAT
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.compiled import compile  # noqa: A004
from engine.value import Value

BATCHES = (1, 2, 3, 7, 8, 9, 15, 16, 17)  # the last is more than a block of 16 lanes
DIFFERENT = share(17)  # samples, which come again and again


@cache
def bounded(name: str) -> tuple[Any, list[list[float]], list[Bounds], Any, Any]:
    """(samples, directions, bounds, losses, gradients): each in float64, for every sample by itself.

    Two directions add all weights up with random signs, the others are single weights.
    """
    tape, program, numbers = rolled(name)
    draw = random.Random(name)
    count = len(numbers)
    directions = [[draw.choice((-1.0, 1.0)) for _ in range(count)] for _ in range(2)]
    directions += [[float(k == j) for k in range(count)] for j in draw.sample(range(count), 3)]
    x, y = samples(name, 2 * max(BATCHES))
    reference = NumpyExecutor(program, (3, 1))
    kept: list[int] = []
    found, losses, gradients = [], [], []
    for place in range(len(x)):
        if len(kept) == DIFFERENT:
            break
        bound = bounds(tape, numbers.tolist(), [*x[place], *y[place]], directions)
        if bound is not None:
            loss, gradient = reference.gradients(numbers, (x[[place]], y[[place]]), 1)
            kept.append(place)
            found.append(bound)
            losses.append(loss[0])
            gradients.append(gradient)
    assert len(kept) == DIFFERENT
    again = np.resize(np.arange(DIFFERENT), max(BATCHES))
    chosen = np.array(kept)[again]
    bounds_of = [found[place] for place in again]
    return (x[chosen], y[chosen]), directions, bounds_of, np.array(losses)[again], np.array(gradients)[again]


@pytest.mark.parametrize("target", [HOST, PLAIN], ids=["host", "without AVX-512"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_within_the_roundings_for_every_batch_and_no_address_is_wrong(name: str, target: Target) -> None:
    _, program, numbers = rolled(name)
    given, directions, bound, losses, gradients = bounded(name)
    for lanes in (1, 16, 48) if target is HOST else (1, 16):
        machine = Machine(program, (3, 1), lanes, target, FLOAT, checked=True)
        for count in BATCHES:
            arrays = [array[:count] for array in given]
            found, gradient = run(machine, "gradients", numbers, arrays)
            assert found.dtype == gradient.dtype == np.float32
            assert (abs(found - losses[:count]) <= [b.loss for b in bound[:count]]).all(), count
            for k, direction in enumerate(directions):
                off = abs(np.dot(direction, gradient - gradients[:count].sum(axis=0)))
                summed = count * U * sum(b.sizes[k] for b in bound[:count])  # the sum over the samples
                assert off <= 2.0 * summed + sum(b.gradient[k] for b in bound[:count]), count
            again = run(machine, "gradients", numbers, arrays)
            assert np.array_equal(again[0], found)
            assert np.array_equal(again[1], gradient)
            assert np.array_equal(run(machine, "outputs", numbers, arrays)[0][0], found)


@pytest.mark.parametrize("count", [100, 10_001])
def test_the_gradient_is_right_to_a_millionth_however_many_samples(count: int) -> None:
    loss, w = network([3, 16, 16, 5], "tanh", penalty=True)
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(count, 3)) + 1.0, draw.integers(0, 2, count)
    numbers = [value.data for value in w]
    exact = compile(loss, w, "llvm").value_and_gradients(numbers, x, y)
    found = compile(loss, w, "llvm", dtype="float32").value_and_gradients(numbers, x, y)
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.dtype == np.float32
        assert abs(ours - theirs).max() <= 1e-6 * abs(theirs).max()


SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e-45, -1e-45, 1e-40, -1e-40, 1.18e-38, 3.4e38, -3.4e38]
SPECIAL += [88.72, 88.73, 89.0, -87.3, -87.4, -103.9, -104.0, -200.0, 1e5, -1e5, 1.0, -1.0, 9.0, -9.1, 17.3]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_right_for_every_number(name: str) -> None:
    function, reference, _, limit = FUNCTIONS[name]
    draw = np.random.default_rng(0)
    of_all_sizes = draw.integers(0, 2**32, 50_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    ordinary = np.concatenate([draw.uniform(-105.0, 90.0, 20_000), draw.normal(size=20_000)])
    near_one = 1.0 + draw.normal(0.0, 0.1, 10_000)
    others = np.concatenate([SPECIAL, ordinary, near_one]).astype(np.float32)
    numbers = np.concatenate([of_all_sizes, others])
    if name == "log1p":  # which is for these only
        numbers = numbers[~(numbers <= -1.0)]
    with np.errstate(all="ignore"):
        found = compiled(function, len(numbers), FLOAT)(numbers)
        exact = reference(numbers.astype(np.float64))
        rounded = exact.astype(np.float32)
        is_near = abs(found - exact) <= limit * np.spacing(abs(rounded)).astype(np.float64)
    is_ordinary = np.isfinite(rounded) & np.isfinite(found)
    assert is_near[is_ordinary].all(), numbers[is_ordinary & ~is_near]
    assert np.array_equal(found[~is_ordinary], rounded[~is_ordinary], equal_nan=True)
    assert np.array_equal(np.signbit(found[rounded == 0.0]), np.signbit(rounded[rounded == 0.0]))


def test_what_eager_refuses_is_refused() -> None:
    w = [Value(1.0)]
    p = compile(lambda x: (x * w[0]).log() + 1.0 / x, w, "llvm", "float32")
    assert p([1.0]).tolist() == [1.0]
    for bad in ([0.0], [-1.0], [1.0, 2.0, -1.0], [0.0] * 17):
        with pytest.raises(DomainError):
            p(bad)
    for count in (1, 17):
        chosen = compile(lambda x, y: pick([w[0], w[0] * 2.0], y) * x, w, "llvm", "float32")
        for index in (2.0, -3.0, 1e300, math.nan, 0.5):
            with pytest.raises((IndexError, TypeError, ValueError)):
                chosen.value_and_gradients([1.0], np.ones(count), np.full(count, index))


@pytest.mark.parametrize("count", [1, 5, 40])
def test_what_overflows_on_its_way_is_computed_in_float64_and_rounded(count: int) -> None:
    w = [Value(1e30)]
    there_and_back = compile(lambda x: x * w[0] * w[0] / w[0], w, "llvm", "float32")
    large = compile(lambda x: x * w[0] * w[0], w, "llvm", "float32")
    x = np.linspace(1.0, 2.0, count)
    losses, gradient = there_and_back.value_and_gradients([1e30], x)
    assert losses.tolist() == np.float32(x * 1e30).tolist()
    assert gradient.tolist() == pytest.approx([x.sum()], rel=4 * U)
    losses, gradient = large.value_and_gradients([1e30], x)
    assert losses.dtype == gradient.dtype == np.float32
    assert np.isinf(losses).all()
    assert gradient.tolist() == pytest.approx([2e30 * x.sum()], rel=4 * U)
    assert large.value_and_gradients([1e20], x)[0].tolist() == [math.inf] * count
    assert compile(lambda x: (x * w[0]).exp(), w, dtype="float32").value_and_gradients([1.0], [89.0])[0] == [
        math.inf
    ]


def test_samples_and_weights_too_large_for_float32_are_no_silent_infinities() -> None:
    w = [Value(1.0), Value(2.0)]
    p = compile(lambda x: where(x < 1e35, w[0] * 1.0, w[1] * 1.0 / x), w, "llvm", "float32")
    assert p([1e300, 1.0]).tolist() == [0.0, 1.0]
    q = compile(lambda x: (x - x) + w[0], w[:1], "llvm", "float32")
    for count in (1, 3, 5000):
        assert q([1e300] * count).tolist() == [1.0] * count
    ratio = compile(lambda x: w[0] / w[1] * x, w, "llvm", "float32")
    assert ratio.value_and_gradients([3e300, 1e300], [1.0, 2.0])[0].tolist() == [3.0, 6.0]


def test_all_types_of_numbers_are_taken() -> None:
    w = [Value(2.0, label="a"), Value(1.0)]
    p = compile(lambda x, y: (w[0] * x[0] + w[1] * x[1]) * y, w, "llvm", dtype=np.float32)
    assert p.dtype == "float32"
    for kind in (np.int64, np.float16, np.float32, np.float64):
        table = np.arange(24).reshape(6, 4).astype(kind)
        losses = p(table[::2, 1:3], table[:3, 0])
        assert losses.dtype == np.float32
        assert losses.tolist() == [0.0, 4.0 * 28.0, 8.0 * 52.0]
        numbers = np.array([2.0, 1.0], kind)
        assert p.value_and_gradients(numbers, table[::2, 1:3], table[:3, 0])[1].tolist() == [172.0, 184.0]
    assert p.backward([[1, 2], [3, 4]], [1.0, 0.5]) == 0.5 * (4.0 + 5.0)
    assert [value.grad for value in w] == [1.25, 2.0]


def test_lists_ways_and_shapes_are_float32_too() -> None:
    w = weights(3)
    outputs = compile(lambda x: [x * w[0], exp(x) * w[1]], w, dtype="float32")
    assert outputs([1.0, 2.0]).dtype == np.float32
    assert outputs([1.0, 2.0]).shape == (2, 2)
    branching = compile(lambda x: x * w[0] if x > 0 else w[1] * w[2], w, dtype="float32")
    numbers = [0.5, 3.0, 2.0]
    losses, gradient = branching.value_and_gradients(numbers, [1.0, -1.0, 4.0])
    assert losses.dtype == gradient.dtype == np.float32
    assert (losses.tolist(), gradient.tolist()) == ([0.5, 6.0, 2.0], [5.0, 2.0, 3.0])
    assert branching.executor == "llvm"
    ragged = compile(lambda x: sum(x[1:], x[0]) * w[0], w[:1], dtype="float32")
    losses, gradient = ragged.value_and_gradients([2.0], [[1.0], [1.0, 2.0], [3.0]])
    assert losses.dtype == gradient.dtype == np.float32
    assert (losses.tolist(), gradient.tolist()) == ([2.0, 6.0, 6.0], [7.0])


def test_held_values_and_functions_without_parameters() -> None:
    w, held = weights(1), Value(3.0)
    p = compile(lambda x: x * w[0] * held, w, dtype="float32")
    for number in (3.0, 4.0):
        held.data = number
        losses, gradient = p.value_and_gradients([2.0], [1.0, 2.0])
        assert (losses.tolist(), gradient.tolist()) == ([2.0 * number, 4.0 * number], [3.0 * number])
        assert losses.dtype == gradient.dtype == np.float32
    assert compile(lambda x: [x * 0.5], [], dtype="float32")([1.0, 3.0]).tolist() == [[0.5], [1.5]]


def test_threads_give_the_same_bits() -> None:
    w = weights(2)
    x = np.random.default_rng(0).normal(size=(300_000, 2))
    programs = [
        compile(lambda x: dot(w, x).tanh(), w, "llvm", "float32", threads=threads) for threads in (1, 2)
    ]
    (losses, gradient), (others, slopes) = (p.value_and_gradients([0.5, -0.25], x) for p in programs)
    assert np.array_equal(losses, others)
    assert np.array_equal(gradient, slopes)
    exact = compile(lambda x: dot(w, x).tanh(), w).value_and_gradients([0.5, -0.25], x)[1]
    assert abs(gradient - exact).max() <= 1e-6 * abs(exact).max()


def test_the_same_bits_whatever_stood_in_the_buffers() -> None:
    _, program, numbers = rolled("attention")
    for count in (1, 9, 33):
        arrays = samples("attention", count)
        executor = LlvmExecutor(program, (3, 1), HOST, FLOAT)
        first = executor.gradients(numbers, arrays, count)
        executor.machine(count).memory().poison()
        again = executor.gradients(numbers, arrays, count)
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1], again[1])


def test_lanes_are_one_or_whole_vectors() -> None:
    _, program, _ = rolled("odd sizes")
    lanes = [lanes_for(program, count, FLOAT) for count in (1, 2, 15, 16, 17, 33, 1000, 10**6)]
    assert lanes[:4] == [1, 16, 16, 16]
    assert all(count % FLOAT.vector == 0 for count in lanes[1:])


@pytest.mark.parametrize("executor", ["numpy", "strict"])
def test_executors_without_float32_say_so(executor: str) -> None:
    with pytest.raises(ReplayError, match="float64 only; for float32 choose 'llvm' or 'auto'"):
        compile(lambda x: x, weights(1), executor, "float32")


def test_there_is_no_silent_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    w = weights(1)
    large = compile(lambda x: x * w[0] * 1e300, w, dtype="float32")
    with pytest.raises(ReplayError, match=r"the constant 1e\+300 is beyond float32; leave dtype at"):
        large([1.0])
    monkeypatch.setattr("engine.replay.choosing.LONG", 0.0)  # nobody else computes in float32
    small = compile(lambda x: x * w[0], w, dtype="float32")
    assert small([1.0]).dtype == np.float32
    assert small.executor == "llvm"
    monkeypatch.setattr("engine.replay.choosing.find_spec", lambda name: None)
    with pytest.raises(ReplayError, match=r"pip install llvmlite.*'float64' does without it"):
        compile(lambda x: x, w, dtype="float32")


def test_types_that_nothing_computes_in_are_refused() -> None:
    for dtype in ("float16", "int64", "single precision", object()):
        with pytest.raises(ReplayError, match="choose 'float64' or 'float32'"):
            compile(lambda x: x, weights(1), dtype=dtype)


def test_what_does_not_fit_is_infinite() -> None:
    found: Callable[[float], float] = FLOAT.nearest
    assert [found(x) for x in (0.1, 1e300, -1e39, 1e-50, math.inf)] == [
        float(np.float32(0.1)),
        math.inf,
        -math.inf,
        0.0,
        math.inf,
    ]
    assert math.isnan(found(math.nan))
    assert DOUBLE.nearest(0.1) == 0.1
