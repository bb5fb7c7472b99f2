"""How batches go in and out of machine code: one compile for all sizes, prepared calls, fresh results."""

from __future__ import annotations

import random
from contextlib import nullcontext
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from effort import some

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from engine.errors import ReplayError
from engine.functions import dot, logsumexp, pick
from engine.replay.backends.interface import form_of
from engine.replay.backends.llvm import call as llvm_call
from engine.replay.backends.llvm import executor as run_llvm
from engine.replay.backends.llvm.batch import listed
from engine.replay.backends.llvm.call import call_for
from engine.replay.backends.llvm.machine import Machine
from engine.replay.compiled import Compiled, compile  # noqa: A004
from engine.value import Value
from nn import MLP, Adam, data, fit


def classifier(inputs: int = 3, classes: int = 5) -> tuple[Any, list[Value]]:
    draw = random.Random(7)
    rows = [[Value(draw.uniform(-1, 1)) for _ in range(inputs + 1)] for _ in range(classes)]

    def loss(x: Any, y: Any) -> Any:
        scores = [dot(row[:-1], x, row[-1]).tanh() for row in rows]
        return logsumexp(scores) - pick(scores, y)

    return loss, [value for row in rows for value in row]


def batch(count: int, inputs: int = 3, classes: int = 5) -> tuple[Any, Any]:
    draw = np.random.default_rng(count)
    return draw.normal(size=(count, inputs)), draw.integers(0, classes, count)


def compiled(executor: str = "llvm", **options: Any) -> tuple[Compiled, Any]:
    loss, w = classifier()
    return compile(loss, w, executor, **options), np.array([value.data for value in w])


def machines(program: Compiled) -> list[int]:
    """The lanes of all code that was made."""
    return [lanes for paths in program._paths.values() for path in paths for lanes in path.executor._machines]  # type: ignore[attr-defined]


def test_the_root_of_zero_is_no_error_in_any_lane() -> None:
    w = [Value(1.0)]
    p = compile(lambda x: w[0] * x[0].sqrt(), w, "llvm-checked")
    p(np.ones((32, 1)))
    ((path,),) = p._paths.values()
    for place in range(32):
        x = np.ones((32, 1))
        x[place] = 0.0
        assert np.array_equal(path.executor.outputs(np.ones(1), [x], 32)[0], x[:, 0])


# ── One compile for every size ────────────────────────────────────────────────────────────────────


def test_a_training_run_with_a_last_batch_and_an_evaluation_compiles_once() -> None:
    p, numbers = compiled()
    for count in (32, 32, 17, 1797, 32, 17):
        p.value_and_gradients(numbers, *batch(count))
        p.value_and_gradients(numbers, batch(count)[0].tolist(), batch(count)[1].tolist())
    p(*batch(1797))
    assert machines(p) == [32]


@pytest.mark.parametrize("seed", range(6))
def test_all_sizes_in_any_order_make_little_code_and_keep_to_it(seed: int) -> None:
    p, numbers = compiled("llvm-checked")
    reference, _ = compiled("numpy")
    order = list(range(1, 3 * 32 + 1))
    random.Random(seed).shuffle(order)
    first: dict[int, Any] = {}
    for count in order + order[::7]:
        losses, gradient = p.value_and_gradients(numbers, *batch(count))
        expected = reference.value_and_gradients(numbers, *batch(count))
        assert losses == pytest.approx(expected[0], rel=1e-13, abs=1e-13)
        assert gradient == pytest.approx(expected[1], rel=1e-12, abs=1e-12)
        again = first.setdefault(count, (losses, gradient))
        assert np.array_equal(again[0], losses)
        assert np.array_equal(again[1], gradient)
    made = machines(p)
    assert len(made) == len(set(made)) <= 4
    assert 1 in made


def test_no_order_makes_more_code_than_a_few_kinds() -> None:
    p, numbers = compiled()
    p.value_and_gradients(numbers, *batch(2))
    (executor,) = [path.executor for paths in p._paths.values() for path in paths]
    program = executor.program  # type: ignore[attr-defined]
    made: list[int] = []

    class Pretended:
        def __init__(self, _program: Any, _widths: Any, lanes: int, *_: Any, **__: Any) -> None:
            made.append(lanes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_llvm, "Machine", Pretended)
        for seed in range(200):
            order = list(range(1, 400))
            random.Random(seed).shuffle(order)
            made.clear()
            fresh = run_llvm.LlvmExecutor(program, (3, 1))
            for count in order:
                fresh.machine(count)
            assert len(made) <= 4, made


def test_the_results_of_a_sample_have_the_same_bits_in_every_batch_but_that_of_one() -> None:
    x, y = batch(200)
    whole: Any = None
    for first in (200, 100, 33, 9, 2):
        p, numbers = compiled()
        p.value_and_gradients(numbers, x[:first], y[:first])
        losses, _ = p.value_and_gradients(numbers, x, y)
        whole = losses if whole is None else whole
        assert np.array_equal(losses, whole), first
        assert np.array_equal(p(x[50:59], y[50:59]), whole[50:59])
    assert p(x[:1], y[:1]) == pytest.approx(whole[:1], rel=1e-13)


def test_the_same_batches_in_the_same_order_give_the_same_bits() -> None:
    found = []
    for _ in range(2):
        p, numbers = compiled()
        found.append([p.value_and_gradients(numbers, *batch(count))[1] for count in (32, 1, 17, 200, 5)])
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


def test_fit_compiles_once_and_a_resumed_run_ends_with_the_same_bits(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int]] = []

    class Counted(Machine):
        def __init__(self, program: Any, widths: Any, lanes: int, *rest: Any, **more: Any) -> None:
            made.append((program.name, lanes))
            super().__init__(program, widths, lanes, *rest, **more)

    monkeypatch.setattr(run_llvm, "Machine", Counted)
    points = data.moons(150, seed=3)

    def train(epochs: int, **settings: Any) -> MLP:
        model = MLP(2, [5, 1], activation="tanh", seed=0)
        fit(
            model,
            points.inputs,
            [2 * target - 1 for target in points.targets],
            loss="hinge",
            optimizer=Adam(0.02),
            batch_size=59,  # and a last batch of 17
            epochs=epochs,
            validation=0.1,
            progress=False,
            gear="replay",
            **settings,
        )
        return model

    whole = train(7)
    assert [name for name, _ in made] == ["of_sample"]  # NumPy runs what the model is measured by
    path = tmp_path / "run.json"
    train(3, checkpoint=path)
    assert train(7, checkpoint=path, resume=True).state() == whole.state()


# ── Prepared calls ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 9, 2000])
def test_results_are_fresh_arrays_and_arguments_may_change_between_calls(count: int) -> None:
    p, numbers = compiled()
    reference, _ = compiled("numpy")
    x, y = batch(count)
    kept = []
    for round_ in range(4):
        x += 0.25
        numbers = numbers * 0.9
        kept.append((p.value_and_gradients(numbers, x, y), reference.value_and_gradients(numbers, x, y)))
        assert round_ == 0 or kept[-1][0][0][0] != kept[-2][0][0][0]
    for (losses, gradient), (expected, slope) in kept:
        assert losses == pytest.approx(expected, rel=1e-13)
        assert gradient == pytest.approx(slope, rel=1e-12, abs=1e-12)
    results = [array for found, _ in kept for array in found]
    assert not any(np.shares_memory(a, b) for a, b in combinations(results, 2))
    results[0][:] = results[1][:] = 0.0
    again = p.value_and_gradients(numbers, x, y)
    assert np.array_equal(again[0], kept[-1][0][0])
    assert np.array_equal(again[1], kept[-1][0][1])


def test_arrays_of_every_type_and_order_in_memory_are_read_right_the_second_time_too() -> None:
    p, numbers = compiled()
    for count in (5, 3000):
        x, y = batch(count)
        x = np.round(x * 4)
        expected = p.value_and_gradients(numbers, x, y)
        wide = np.zeros((2 * count, 6))
        wide[::2, 1:4] = x
        kinds = [x, np.asfortranarray(x), wide[::2, 1:4], x[::-1][::-1], x.astype(np.float32), x.astype(int)]
        kinds += [x.astype(">f8"), x.astype(np.int8), x.astype(np.longdouble)]
        for given in kinds:
            labels = y.astype(given.dtype)
            for _ in range(3):
                found = p.value_and_gradients(numbers, given, labels)
                assert np.array_equal(found[0], expected[0])
                assert np.array_equal(found[1], expected[1])
        for weights in (
            numbers.tolist(),
            np.stack([numbers, numbers])[:, ::1][0],
            np.repeat(numbers, 2)[::2],
        ):
            found = p.value_and_gradients(weights, x, y)
            assert np.array_equal(found[1], expected[1])


def test_what_does_not_fit_is_refused_after_a_good_call_too() -> None:
    p, numbers = compiled()
    x, y = batch(9)
    p.value_and_gradients(numbers, x, y)
    p.value_and_gradients(numbers, x, y)
    bad: list[tuple[str, Any, Any, Any]] = [
        ("different numbers", numbers, x, y[:8]),
        ("different numbers", numbers, x[:1], y),
        ("shape", numbers[:-1], x, y),
        ("shape", numbers[None], x, y),
        ("shape", numbers[:1], x, y),
        ("astype", numbers, x > 0, y),
        ("not numbers", numbers, x + 1j, y),
        ("not numbers", numbers, x.astype(str), y),
        ("no samples", numbers, x[:0], y[:0]),
        ("one entry per sample", numbers, 1.0, y),
    ]
    for words, weights, inputs, labels in bad:
        for _ in range(2):
            with pytest.raises(ReplayError, match=words):
                p.value_and_gradients(weights, inputs, labels)
    with pytest.raises(IndexError):
        p.value_and_gradients(numbers, x, y + 5)
    with pytest.raises(TypeError):
        p.value_and_gradients(numbers, x)
    assert np.isfinite(p.value_and_gradients(numbers, x, y)[1]).all()


def test_a_sample_of_another_shape_is_not_taken_for_one_seen_before() -> None:
    w = [Value(2.0), Value(3.0)]
    p = compile(lambda x: (sum(x[0]) * w[0] if len(x) == 1 else sum(x) * w[1]) + 0.0 * w[0] * w[1], w, "llvm")
    pair = np.ones((1, 2))
    for _ in range(2):
        assert p.value_and_gradients(np.array([2.0, 3.0]), pair)[0].tolist() == [6.0]
        assert p.value_and_gradients(np.array([2.0, 3.0]), pair[None])[0].tolist() == [4.0]


def test_held_values_are_read_at_every_prepared_call() -> None:
    w, scale = Value(2.0), Value(10.0)
    p = compile(lambda x: x * w * scale, [w], "llvm")
    for count in (3, 5000):
        x = np.ones(count)
        for number in (10.0, 4.0, 5.0):
            scale.data = number
            assert p.value_and_gradients(np.array([2.0]), x)[1].tolist() == [count * number]


def test_many_forms_are_served_though_few_are_kept() -> None:
    p, numbers = compiled()
    for _ in range(2):
        for count in range(2, 40):
            losses, _ = p.value_and_gradients(numbers, *batch(count))
            assert len(losses) == count
    assert len(p._ready) <= 16


# ── The caller's arrays in checked mode ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [9, 3000])
def test_the_checked_mode_sees_a_read_beyond_the_callers_arrays(count: int) -> None:
    p, numbers = compiled()
    p.value_and_gradients(numbers, *batch(2))
    (path,) = [path for paths in p._paths.values() for path in paths]
    x, y = batch(count)
    for lanes in (1, 8):
        for missing in (0, 1):  # of the numbers of each sample: only the last one's are beyond the end
            given = (numbers, x[:, missing:].copy(), y)
            machine = Machine(path.program, (3, 1), lanes, checked=True)
            for name in ("outputs", "gradients"):
                call = call_for(machine, name, count, form_of(given))
                with pytest.raises(AssertionError, match="outside") if missing else nullcontext():
                    call(given)


def test_the_checked_mode_sees_results_written_beyond_the_callers_array(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    p, numbers = compiled()
    p.value_and_gradients(numbers, *batch(2))
    (path,) = [path for paths in p._paths.values() for path in paths]
    given = (numbers, *batch(9))

    def with_less_room(memory: int, tables: int, results: tuple[int, int, int], *rest: Any) -> list[int]:
        return listed(memory, tables, (*results[:2], results[2] - 1), *rest)

    monkeypatch.setattr(llvm_call, "listed", with_less_room)
    for name in ("outputs", "gradients"):
        with pytest.raises(AssertionError, match="outside"):
            call_for(Machine(path.program, (3, 1), 8, checked=True), name, 9, form_of(given))(given)


@pytest.mark.parametrize("skipped", [(), (1,), (0, 3, 4)], ids=["all", "without one", "without three"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_samples_of_every_width_are_turned_into_lanes(dtype: str, skipped: tuple[int, ...]) -> None:
    widths = (1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 22)
    for width in some(widths) if skipped else widths:
        w = [Value(1.0), Value(-0.5)]
        used = [k for k in range(width) if k not in skipped]

        def f(x: Any, y: Any, w: Any = w, used: Any = used) -> Any:
            return [y * w[1], *(x[k] * w[0] for k in used)]

        p = compile(f, w, "llvm-checked", dtype=dtype)
        for count in (20, 1, 8, 13, 40):
            x = np.arange(count * width).reshape(count, width) + 0.5
            y = np.arange(count) - 7.0
            expected = np.column_stack([-0.5 * y, x[:, used]])
            assert np.array_equal(p(x, y), expected), (width, count)


def test_numbers_may_lie_anywhere_in_memory() -> None:
    weights = [Value(2.0), Value(3.0)]
    compiled = compile(lambda x: weights[0] * x + weights[1], weights, executor="llvm")
    numbers, x = np.array([2.0, 3.0]), np.array([1.0, 5.0])
    bytes_of = np.zeros(numbers.nbytes + 1, np.uint8)
    odd = bytes_of[1:].view(np.float64)
    odd[:] = numbers
    for given in (numbers, odd, np.repeat(numbers, 2)[::2], numbers[::-1].copy()[::-1]):
        losses, gradient = compiled.value_and_gradients(given, x)
        assert losses.tolist() == [5.0, 13.0]
        assert gradient.tolist() == [6.0, 2.0]
