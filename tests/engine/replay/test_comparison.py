"""What nothing notices is found by comparison; calls as people write them; every protection counts."""

from __future__ import annotations

import itertools
import math
import random
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_validity import X, clock, close, unseen

from engine.errors import ReplayError
from engine.replay import comparison, recordings, validity
from engine.replay.compiled import compile  # noqa: A004
from engine.replay.eager import Original
from engine.replay.recording.randomness import Generators
from engine.replay.recording.watch import Watch
from engine.value import Value

# ── What nothing notices is found by comparison ───────────────────────────────────────────────────


def test_what_no_watch_sees_is_found_by_comparison_and_doubted() -> None:
    w = Value(3.0)
    read, write = unseen(1.0)
    p = compile(lambda x: x * w * read(), [w])
    weights = np.array([3.0])
    for _ in range(10):
        close(p.value_and_gradients(weights, X)[0], X * 3.0)
    write(2.0)

    def wrong_calls() -> int:
        end = time.perf_counter() + 20.0
        for number in itertools.takewhile(lambda _: time.perf_counter() < end, itertools.count()):
            if np.allclose(p.value_and_gradients(weights, X)[0], X * 6.0):
                return number
        raise AssertionError("it was not noticed")

    with pytest.warns(UserWarning, match="cannot be trusted"):
        wrong = wrong_calls()
    (doubt,) = p.doubts
    assert doubt.calls >= wrong
    assert "when it is run" in doubt.what


def test_what_differs_every_time_is_given_up_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    w = Value(3.0)
    p = compile(lambda x: x * w, [w])
    p([1.0])
    real = Original.results
    monkeypatch.setattr(Original, "results", lambda *given: [number + 1.0 for number in real(*given)])
    p.recheck()
    for _ in range(2):
        with pytest.raises(ReplayError, match=r"sample 0 gives 4.0 .* and 3.0"):
            p([1.0])
    monkeypatch.undo()
    p.reset()
    close(p([1.0]), [3.0])


def test_the_comparison_costs_a_bounded_share_of_the_time() -> None:
    checks = validity.SpotChecks()
    for _ in range(3):
        checks.passed(1e-3)
        assert checks.due == 0.0  # the first calls are all compared
    checks.passed(1e-3)
    assert checks.due == pytest.approx(time.perf_counter() + 0.2, abs=0.05)
    checks.soon()
    assert checks.due == 0.0


def test_who_only_looks_at_what_is_read_takes_no_samples_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    w = Value(3.0)
    program = compile(lambda x: x * w, [w])
    numbers, samples = np.array([3.0]), np.array(X)
    for _ in range(validity.FIRST_CALLS + 1):
        wanted = program.value_and_gradients(numbers, samples)
    checks = program._validity.checks

    def refused(*_: Any) -> Any:
        raise AssertionError("nobody asks for samples")

    monkeypatch.setattr(program, "_call", refused)
    checks.due, program._validity.due = math.inf, 0.0
    close(program.value_and_gradients(numbers, samples)[0], wanted[0])
    assert program._validity.due > 0.0  # it has looked
    checks.due = program._validity.due = 0.0
    with pytest.raises(AssertionError, match="nobody asks"):
        program.value_and_gradients(numbers, samples)


def test_the_first_other_sample_is_compared_however_often_one_was_tried() -> None:
    """Of the first one nothing tells that a tracer is no float: y is 0 there."""
    w = Value(3.0)
    program = compile(lambda x, y: x * w + (y if type(y) is float else 2.0 * y), [w])
    for _ in range(3 * validity.FIRST_CALLS):
        close(program.value_and_gradients([3.0], [1.0], [0.0])[0], [3.0])
    with pytest.raises(ReplayError, match=r"gives 4.0 when it is run on sample 0, and 5.0"):
        program.value_and_gradients([3.0], [1.0], [1.0])


def test_the_same_sample_again_is_compared_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    w, runs, results = Value(3.0), itertools.count(), Original.results
    monkeypatch.setattr(Original, "results", lambda *given: (next(runs), results(*given))[1])
    program = compile(lambda x: x * w, [w])
    for _ in range(validity.AGAIN + 1):  # the first records, and to the second it is new
        program.value_and_gradients(np.array([3.0]), np.array([1.0]))
        assert program._validity.due == 0.0
    program.value_and_gradients(np.array([3.0]), np.array([1.0]))
    assert program._validity.due > 0.0
    assert next(runs) == 1 + validity.AGAIN


def test_a_late_change_is_doubted_though_it_was_always_the_same_sample() -> None:
    w = Value(2.0)
    read, write = unseen(1.0)
    program = compile(lambda x: w * x * read(), [w])
    for _ in range(3 * validity.AGAIN):
        assert program([1.0])[0] == 2.0
    write(3.0)
    assert program([1.0])[0] == 2.0  # not yet
    program.recheck()
    with pytest.warns(UserWarning, match="cannot be trusted"):
        assert program([1.0])[0] == 6.0
    assert program.doubts[0].calls >= 1


def test_what_one_sample_changes_when_it_is_compared_is_noticed_in_that_call() -> None:
    w, mean = Value(3.0), {"of": 0.0}

    def loss(x: Any, y: Any) -> Any:
        mean["of"] = 0.9 * mean["of"] + 0.1 * y
        return x * w - mean["of"]

    program = compile(loss, [w])
    for _ in range(3 * validity.FIRST_CALLS):
        close(program.value_and_gradients([3.0], [1.0], [0.0])[0], [3.0])
    with pytest.raises(ReplayError, match="changes what it reads"):
        program.value_and_gradients([3.0], [1.0, 2.0], [0.5, 0.5])


def test_every_sample_gets_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    w = Value(1.0)
    p = compile(lambda x: x * w, [w])
    asked = []
    real = Original.results

    def results(*given: Any) -> list[float]:
        asked.append(given[-1])
        return real(*given)

    monkeypatch.setattr(Original, "results", results)
    for _ in range(30):
        p.recheck()
        p([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert set(asked) == set(range(7))


@pytest.mark.parametrize("wanted", ["outputs", "gradients"])
def test_the_code_that_will_run_is_compared_with_eager(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    llvm = pytest.importorskip("engine.replay.backends.llvm.executor").LlvmExecutor
    w = Value(3.0)

    def program() -> Any:
        p = compile(lambda x: [x * w] if wanted == "outputs" else x * w, [w], executor="llvm")
        return p, p(X)[:, 0] if wanted == "outputs" else p.value_and_gradients([3.0], X)[0]

    with monkeypatch.context() as alone:  # no tape is run, nor eager once more for a spot check
        alone.setattr(comparison, "strict", None)
        alone.setattr(validity.SpotChecks, "of", None)
        close(program()[1], X * 3.0)
    real = getattr(llvm, wanted)
    with monkeypatch.context() as wrong:  # where the code errs, the tape does not: a spot check finds it
        wrong.setattr(llvm, wanted, lambda *given: _scaled(real(*given), 1.01))
        with pytest.raises(ReplayError, match="when it is replayed"):
            program()
    if wanted == "gradients":
        monkeypatch.setattr(llvm, wanted, lambda *given: (real(*given)[0], 1.01 * real(*given)[1]))
        with pytest.raises(ReplayError, match=r"run by llvm, has 3.03\d* as a gradient where eager has 3.0"):
            compile(lambda x: x * w * 3.0, [w], executor="llvm").value_and_gradients([3.0], [1.0])


@pytest.mark.parametrize("moved", [1, 2, 8])
def test_samples_in_one_another_s_lane_are_noticed(moved: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The losses are right, and so is the gradient wherever all lanes have the same sample."""
    llvm = pytest.importorskip("engine.replay.backends.llvm.executor").LlvmExecutor
    real, w = llvm.gradients, Value(3.0)

    def mixed(self: Any, weights: Any, arrays: Any, samples: int) -> Any:
        turned = [arrays[0], np.roll(arrays[1], moved, 0)]
        return real(self, weights, arrays, samples)[0], real(self, weights, turned, samples)[1]

    p = compile(lambda x, y: x * w * y, [w], executor="llvm")
    monkeypatch.setattr(llvm, "gradients", mixed)
    with pytest.raises(ReplayError, match="a fault of replay itself"):
        p.value_and_gradients([3.0], np.arange(20.0), np.arange(20.0))


def _scaled(found: Any, factor: float) -> Any:
    return (found[0] * factor, found[1]) if isinstance(found, tuple) else found * factor


# ── Calls as people write them ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("keyword_only", [False, True])
def test_arguments_by_name_and_one_number_for_all_samples(keyword_only: bool) -> None:
    w = Value(3.0)

    def plain(x: Any, y: Any, beta: Any = 1.0) -> Any:
        return (x * w - y) ** 2 + beta * w**2

    def by_name(x: Any, y: Any, *, beta: Any = 1.0) -> Any:
        return plain(x, y, beta)

    p = compile(by_name if keyword_only else plain, [w])
    x, y = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, -1.0])
    for beta in (0.3, 0.5, 0, -1.0):
        wanted = (x * 3.0 - y) ** 2 + beta * 9.0
        close(p(x, y, beta=beta), wanted)
        close(p(x.tolist(), y=y.tolist(), beta=beta), wanted)
        losses, gradient = p.value_and_gradients(np.array([3.0]), x, y, beta=beta)
        close(losses, wanted)
        close(gradient, [(2 * x * (x * 3.0 - y) + 6.0 * beta).sum()])
        if not keyword_only:
            close(p(x, y, beta), wanted)
    close(p(x, y, beta=[1.0, 2.0, 3.0]), (x * 3.0 - y) ** 2 + np.array([1.0, 2.0, 3.0]) * 9.0)
    close(p(x, y), (x * 3.0 - y) ** 2 + 9.0)
    close(p(x=2.0, y=y, beta=np.array(0.5)), (6.0 - y) ** 2 + 4.5)
    w.grad = None
    assert p.backward(x, y, beta=0.5) == pytest.approx(((x * 3.0 - y) ** 2 + 4.5).mean())
    with pytest.raises(TypeError, match="gamma"):
        p(x, y, gamma=1.0)
    with pytest.raises(TypeError, match="missing"):
        p(x, beta=1.0)


def test_an_annealed_argument_is_recorded_once() -> None:
    w = Value(3.0)
    p = compile(lambda x, beta: x * w * beta, [w])
    for k in range(50):
        close(p.value_and_gradients([3.0], X, beta=0.1 * k)[0], X * 0.3 * k)
    assert p.stats.paths == 1


def test_the_warning_of_a_parameter_that_is_not_used_comes_once() -> None:
    ws = [Value(1.0), Value(2.0)]
    p = compile(lambda x: sum((each * ws[0] for each in x), Value(0.0)), ws)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for length in (1, 2, 3):
            p([[1.0] * length])
    assert len([each for each in caught if "does not use" in str(each.message)]) == 1


# ── Every protection carries something ────────────────────────────────────────────────────────────


def changed_closure() -> bool:
    w, state = Value(3.0), {"scale": 1.0}
    p = compile(lambda x: x * w * state["scale"], [w])
    for _ in range(10):
        p(X)
    p._validity.due = math.inf
    state["scale"] = 2.0
    return bool(np.allclose(p(X), X * 6.0))


def frozen_draw() -> bool:
    w, generator = Value(3.0), random.Random(7)
    draws = generator.random
    try:
        return bool(compile(lambda x: x * w if draws() > 1e-9 else x, [w])(X).sum() == 0.0)
    except ReplayError:
        return True


def unseen_change() -> bool:
    w = Value(3.0)
    read, write = unseen(1.0)
    p = compile(lambda x: x * w * read(), [w])
    p(X)
    write(2.0)
    p.recheck()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bool(np.allclose(p(X), X * 6.0))


ABLATIONS: dict[str, tuple[Callable[[], bool], Any, str, Any]] = {
    "watch": (changed_closure, Watch, "look", lambda self, everything=False: ""),
    "generators": (frozen_draw, Generators, "moved", lambda self: ""),
    "comparison": (unseen_change, validity.Validity, "_compared", lambda *_: ""),
    "names refused on sight": (clock, recordings, "Watch", None),
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_without_a_protection_a_program_turns_silent(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    follows, owner, attribute, instead = ABLATIONS[name]
    assert follows()
    if instead is None:

        class Trusting(Watch):
            def __init__(self, *given: Any) -> None:
                super().__init__(*given)
                self.refusal = ""

        instead = Trusting
    monkeypatch.setattr(owner, attribute, instead)
    assert not follows()
