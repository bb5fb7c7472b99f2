"""Segments and threads: a large batch has the same bits whoever computes which part of it."""

from __future__ import annotations

import copy
import os
import random
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from test_llvm import PROGRAMS, rolled, samples

from engine.errors import DomainError, ReplayError
from engine.functions import dot, logsumexp, pick
from engine.replay.backends import segments
from engine.replay.backends.llvm.executor import LlvmExecutor
from engine.replay.backends.llvm.machine import HOST
from engine.replay.backends.llvm.writing.module import DOUBLE, FLOAT, Precision
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.compiled import Compiled, compile  # noqa: A004
from engine.value import Value


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments for small batches too, as many as there may be."""
    monkeypatch.setattr(segments, "WORTHWHILE", 1)
    monkeypatch.setattr(segments, "LEAST", 1)


def classifier() -> tuple[Any, list[Value], Any]:
    draw = random.Random(7)
    rows = [[Value(draw.uniform(-1, 1)) for _ in range(4)] for _ in range(5)]
    w = [value for row in rows for value in row]

    def loss(x: Any, y: Any) -> Any:
        scores = [dot(row[:-1], x, row[-1]).tanh() for row in rows]
        return logsumexp(scores) - pick(scores, y) + 0.01 * sum(v * v for v in w)

    return loss, w, np.array([value.data for value in w])


def batch(count: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(count)
    return draw.normal(size=(count, 3)), draw.integers(0, 5, count)


# ── Where a batch is cut ──────────────────────────────────────────────────────────────────────────


def test_segments_are_whole_blocks_that_follow_one_another() -> None:
    for lanes in (1, 8, 72):
        for count in (1, 7, 8, 100, 1797, 10_000):
            for effort in (1, 10_000, 10**7, 10**12):
                found = segments.cut(count, lanes, effort)
                assert [start for start, _ in found] == [0, *(stop for _, stop in found[:-1])]
                assert found[-1][1] == count
                assert all(start < stop and start % lanes == 0 for start, stop in found)
                assert len(found) in (1, 2, 4, 8, 16, 32)
                assert len(found) == 1 or effort * count >= segments.WORTHWHILE
                sizes = [-(-(stop - start) // lanes) for start, stop in found]
                assert max(sizes) - min(sizes) <= 1


def test_the_effort_of_a_sample_counts_its_products() -> None:
    _, program, _ = rolled("eights")
    forward, both = segments.effort(program, gradient=False), segments.effort(program, gradient=True)
    products = 3 * 8 + 8 * 16 + 16 * 5
    assert products < forward < 5 * products
    assert forward + products < both < 4 * forward


# ── The same bits ─────────────────────────────────────────────────────────────────────────────────


def with_threads(executor: LlvmExecutor, threads: int) -> LlvmExecutor:
    """The same code, run by so many."""
    other = copy.copy(executor)
    other.threads, other._calls = threads, {}
    return other


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("precision", [DOUBLE, FLOAT], ids=["float64", "float32"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_bits_for_every_number_of_threads_in_checked_mode(name: str, precision: Precision) -> None:
    _, program, numbers = rolled(name)
    tolerance = 1e-12 if precision == DOUBLE else 2e-5
    alone = LlvmExecutor(program, (3, 1), HOST, precision, checked=True, threads=1)
    alone.prepare("gradients", 8 if precision == DOUBLE else 16)
    executors = [alone, *(with_threads(alone, threads) for threads in (2, 3, 5))]
    reference = NumpyExecutor(program, (3, 1))
    for count in (40, 77, 300):
        arrays = samples(name, count)
        expected = reference.gradients(numbers, arrays, count)
        first = executors[0].gradients(numbers, arrays, count)
        for found, right in zip(first, expected, strict=True):
            assert abs(found - right).max() <= tolerance * max(1.0, abs(right).max())
        outputs = executors[0].outputs(numbers, arrays, count)
        assert np.array_equal(outputs[0], first[0])
        for executor in executors[1:]:
            for _ in range(2):
                again = executor.gradients(numbers, arrays, count)
                assert np.array_equal(again[0], first[0])
                assert np.array_equal(again[1], first[1])
                assert np.array_equal(executor.outputs(numbers, arrays, count), outputs)


def test_a_batch_worth_it_is_cut_and_has_the_same_bits_unpatched() -> None:
    loss, w, numbers = classifier()
    found = []
    for threads in (1, 2, 3, 5, None):
        p = compile(loss, w, "llvm", threads=threads)
        found.append(p.value_and_gradients(numbers, *batch(120_000)))
        (path,) = [path for paths in p._paths.values() for path in paths]
        effort = segments.effort(path.program, gradient=True)
        assert len(segments.cut(120_000, 64, effort)) > 1
    for losses, gradient in found[1:]:
        assert np.array_equal(losses, found[0][0])
        assert np.array_equal(gradient, found[0][1])


@pytest.mark.usefixtures("many")
def test_several_outputs_of_all_segments_are_where_they_belong() -> None:
    w = [Value(2.0), Value(3.0)]
    p = compile(lambda x: [x * w[0], x + w[1], x * x], w, "llvm", threads=3)
    for count in (9, 100, 5000):
        x = np.random.default_rng(count).normal(size=count)
        assert np.array_equal(p(x), np.stack([x * 2.0, x + 3.0, x * x], axis=1))


@pytest.mark.usefixtures("many")
def test_an_error_in_any_segment_is_what_eager_raises_and_the_next_call_is_good() -> None:
    w = [Value(1.0)]
    p = compile(lambda x: (x * w[0]).log(), w, "llvm", threads=3)
    for bad in (0, 50, 199):
        x = np.linspace(1.0, 2.0, 200)
        good = p.value_and_gradients(np.array([1.0]), x)
        x[bad] = -1.0
        with pytest.raises(DomainError, match=r"log needs x > 0; got -1\.0"):
            p.value_and_gradients(np.array([1.0]), x)
        again = p.value_and_gradients(np.array([1.0]), np.linspace(1.0, 2.0, 200))
        assert np.array_equal(again[0], good[0])
        assert np.array_equal(again[1], good[1])


@pytest.mark.usefixtures("many")
def test_a_sum_over_segments_that_is_too_large_is_what_eager_says() -> None:
    w = [Value(1.0)]
    p, reference = (compile(lambda x: x * w[0], w, name) for name in ("llvm", "strict"))
    for x in (np.ones(2), np.full(64, 1e307), np.full(64, -1e307), np.full(64, 1e306)):
        with np.errstate(over="ignore"):  # the strict executor adds with NumPy
            expected = reference.value_and_gradients([1.0], x)[1]
        assert p.value_and_gradients([1.0], x)[1] == pytest.approx(expected)


@pytest.mark.usefixtures("many")
def test_two_programs_and_four_callers_at_once_do_not_disturb_one_another() -> None:
    loss, w, numbers = classifier()
    programs = [compile(loss, w, "llvm-checked", threads=3) for _ in range(2)]
    expected = {count: programs[0].value_and_gradients(numbers, *batch(count)) for count in (60, 100, 5, 300)}
    for count in expected:
        programs[1].value_and_gradients(numbers, *batch(count))
    wrong: list[Any] = []

    def call(which: int, count: int) -> None:
        for _ in range(25):
            losses, gradient = programs[which % 2].value_and_gradients(numbers, *batch(count))
            if not (losses == expected[count][0]).all() or abs(gradient - expected[count][1]).max() > 1e-11:
                wrong.append((which, count))

    callers = [threading.Thread(target=call, args=each) for each in enumerate(expected)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


# ── Threads come and go ───────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("many")
def test_programs_leave_no_threads_behind() -> None:
    def borrowed() -> int:
        return sum(thread.name.startswith("replay") for thread in threading.enumerate())

    w = [Value(1.5)]
    for number in range(14):  # which borrow at least 3 threads each
        p = compile(lambda x, k=number: x * w[0] + float(k), w, "llvm", threads=9)
        p.value_and_gradients([1.5], np.ones(1000))
    assert borrowed() <= segments.MOST


@pytest.mark.parametrize("threads", [0, -1, 1.0, "2", True, 2.5])
def test_a_number_of_threads_that_is_none_is_refused(threads: Any) -> None:
    with pytest.raises(ReplayError, match="at least 1, or None"):
        compile(lambda x: x, [Value(1.0)], threads=threads)
    assert isinstance(compile(lambda x: x, [Value(1.0)], threads=3), Compiled)


def test_there_is_a_core() -> None:
    assert segments.cores() >= 1


FORKS = """
import os, threading
import numpy as np
from engine import Value, compile
from engine.replay.backends import segments

segments.WORTHWHILE = segments.LEAST = 1
w = [Value(2.0)]
p = compile(lambda x: (x * w[0]).tanh(), w, "llvm", threads=4)
x = np.linspace(-1.0, 1.0, 1000)
expected = p.value_and_gradients([2.0], x)
child = os.fork()
if child == 0:
    together = threading.Barrier(2, timeout=60.0)  # the child has threads of its own
    segments.share(lambda segment, worker: together.wait(), 2, 2)
    found = [p.value_and_gradients([2.0], x) for _ in range(20)]
    good = all((losses == expected[0]).all() and (g == expected[1]).all() for losses, g in found)
    os._exit(0 if good else 1)
assert os.waitpid(child, 0)[1] == 0
assert (p.value_and_gradients([2.0], x)[1] == expected[1]).all()
print("both right")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_computes_the_same_and_both_end() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("both right\n", 0), done.stderr
