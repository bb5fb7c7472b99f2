"""The benchmarks' own logic: all engines compute the same, and what a step's products need is counted."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import mpmath
import numpy as np
import pytest
from benchmarks import __main__ as tables
from benchmarks import accuracy
from benchmarks.jobs import contenders, worker
from benchmarks.loops.functions import Loop, cell, cell_in_two_parts, integrator, lstm
from benchmarks.replay import own_steps
from benchmarks.replay.contenders import ensure_agreement
from benchmarks.replay.language import language
from benchmarks.replay.multiply_adds import multiply_adds
from benchmarks.replay.networks import digits, moons, network
from benchmarks.replay.turns import take_turns
from benchmarks.replay.workload import Workload, joined

WORKLOADS: dict[str, Callable[[], Workload]] = {
    "moons": lambda: moons(7),
    "digits": lambda: digits(3),
    "language": lambda: language(3, 2),
}
LOOPS: dict[str, Callable[[], Loop]] = {
    "integrator": lambda: integrator(3, 2),
    "cell": lambda: cell(2, 3, 4),
    "cell in two parts": lambda: cell_in_two_parts(2, 3, 4),
    "lstm": lambda: lstm(2, 3, 4),
}
ROOMS = [("torch_steps", "eager", "torch"), ("jax_steps", "jitted", "jax"), ("own_steps", "eager", "engine")]


@pytest.fixture(autouse=True)
def jax_forgets() -> Iterator[None]:
    """JAX is asked for numbers of 64 bits, which is a switch for the whole process."""
    before = "jax" in sys.modules and sys.modules["jax"].config.jax_enable_x64
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_enable_x64", before)


@pytest.mark.parametrize("kind", WORKLOADS)
@pytest.mark.parametrize(("room", "function", "package"), ROOMS)
def test_every_engine_finds_the_same(kind: str, room: str, function: str, package: str) -> None:
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    work = WORKLOADS[kind]()
    ours, _ = own_steps.replayed(work, "numpy")
    theirs = getattr(import_module(f"benchmarks.replay.{room}"), function)(work)
    ensure_agreement(room, theirs(), ours())


@pytest.mark.parametrize("kind", LOOPS)
def test_a_loop_is_the_same_for_everybody(kind: str) -> None:
    work = LOOPS[kind]()
    ours = own_steps.replayed(work, "numpy")[0]()
    eager = own_steps.eager(work)
    assert eager is not None
    ensure_agreement("eager", eager(), ours)
    pytest.importorskip("jax")
    ensure_agreement("jax", import_module("benchmarks.loops.scans").jitted(work)(), ours)


@pytest.mark.parametrize(("function", "package"), [("ddx", "ddx"), ("micrograd", "micrograd")])
def test_engines_of_single_numbers_find_the_same_on_moons(function: str, package: str) -> None:
    pytest.importorskip(package)
    scalar_steps = import_module("benchmarks.replay.scalar_steps")
    ours, _ = own_steps.replayed(moons(5), "numpy")
    ensure_agreement(function, getattr(scalar_steps, function)(moons(5))(), ours())
    assert getattr(scalar_steps, function)(digits(2)) is None


def test_another_gradient_is_seen() -> None:
    step, _ = own_steps.replayed(moons(4), "numpy")
    loss, [gradient] = step()
    wrong = gradient.copy()
    wrong[-1] += 1e-6 * abs(gradient).max()
    with pytest.raises(AssertionError, match="somebody"):
        ensure_agreement("somebody", (loss, [wrong]), (loss, [gradient]))


def tiny(samples: int) -> Workload:
    """3 inputs, 5 hidden neurons, 2 classes."""
    draw = np.random.default_rng(0)
    return network("tiny", (3, 5, 2), 0.5, draw.normal(size=(samples, 3)), draw.integers(0, 2, samples))


def test_the_multiply_adds_of_a_network_are_counted() -> None:
    _, compiled = own_steps.replayed(tiny(4), "numpy")
    forward, by_weights, by_hidden = 3 * 5 + 5 * 2, 3 * 5 + 5 * 2, 5 * 2  # none by the inputs: they are data
    assert multiply_adds(own_steps.program_of(compiled), 4) == 4 * (forward + by_weights + by_hidden)


def test_the_multiply_adds_of_attention_are_counted() -> None:
    work = language(2, 1)
    _, compiled = own_steps.replayed(work, "numpy")
    size, places = 16, 2
    matrices = size * size * 4 + 2 * size * 4 * size + 27 * size  # of attention, wide and narrow, head
    pairs = 3  # a place asks itself, the second also the first
    attention = 2 * pairs * size  # scores, and values by shares
    norms = 3 * places * size  # the squares that are added up
    least = 3 * (places * matrices + attention) + norms
    found = multiply_adds(own_steps.program_of(compiled), 1)
    assert least < found < 1.2 * least  # the norms' and the gains' way back is some more


def test_the_pieces_of_the_weights_are_the_weights() -> None:
    for make in WORKLOADS.values():
        work = make()
        np.testing.assert_array_equal(joined(work.pieces()), work.weights)
        assert {array.dtype for array in work.in_float32().batch} <= {np.dtype("f4"), np.dtype("i8")}


def test_everybody_gets_a_turn_and_slow_ones_wait() -> None:
    calls: dict[str, int] = {"quick": 0, "slow": 0}

    def quick() -> tuple[Any, list[Any]]:
        calls["quick"] += 1
        return 0.0, []

    def slow() -> tuple[Any, list[Any]]:
        calls["slow"] += 1
        sum(range(2_000_000))
        return 0.0, []

    times = take_turns({"quick": quick, "slow": slow}, 0.0)
    assert all(times[name].seconds and calls[name] == len(times[name].seconds) for name in calls)
    assert times["slow"].due > times["quick"].due


@pytest.mark.parametrize(("dtype", "lanes"), [("float64", 8), ("float32", 16)])
def test_the_loop_of_the_peak_computes_all_that_is_counted(dtype: str, lanes: int) -> None:
    pytest.importorskip("llvmlite")
    peak = import_module("benchmarks.replay.peak")
    found, _ = peak.peak(dtype)()
    assert found == 2.0 * peak.CHAINS * lanes  # x ÷ 2 + 1, again and again, becomes 2
    assert peak.operations(dtype) == 2 * peak.ROUNDS * peak.CHAINS * lanes


def test_the_table_of_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    accuracy.main(["asin", "gelu"])
    title, asin, gelu = [line for line in capsys.readouterr().out.splitlines() if "worse than" not in line]
    assert title.split()[:4] == ["worst", "error", "in", "ulp"]
    assert [asin.split()[0], gelu.split()[0]] == ["asin", "gelu"]
    value, first, second = accuracy.measured("asin", None)
    assert max(value.ours, first.ours, second.ours) < 4.0


def test_an_error_is_told_in_units_in_the_last_place() -> None:
    assert accuracy.off(1.0 + 2.0**-51, mpmath.mpf(1)) == 2.0
    assert accuracy.off(math.nan, mpmath.mpf(1)) == math.inf
    assert accuracy.off(math.inf, mpmath.mpf(10) ** 400) == 0.0
    assert accuracy.off(-math.inf, mpmath.mpf(10) ** 400) == math.inf


def test_tables_and_their_rows_are_picked() -> None:
    assert [table for table, *rows in tables.picked([]) if not rows] == tables.TABLES
    assert tables.picked(["loops", "rk4-100", "digits", "eager"]) == [
        ["loops", "rk4-100", "digits"],
        ["eager"],
    ]
    with pytest.raises(SystemExit, match="no table is called rk4"):
        tables.picked(["rk4", "loops"])


def test_a_job_is_learned() -> None:
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 3, 60)
    inputs = np.eye(3)[targets] + draw.normal(0.0, 0.1, (60, 3))
    predict = contenders.ours()(inputs, targets, (3, 8, 3), 4, 40)
    assert np.mean(np.asarray(predict(inputs)) == targets) > 0.9
    assert worker.peak() > 10.0
