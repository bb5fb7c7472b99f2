"""A program follows what its function reads, or says so: at the next call, or late and with a doubt."""

from __future__ import annotations

import contextlib
import itertools
import random
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import nn
from engine.errors import DomainError, ReplayError
from engine.functions import log
from engine.replay.compiled import compile  # noqa: A004
from engine.replay.recording.randomness import Generators
from engine.value import Value

X = np.array([1.0, -2.0, 3.0])


def close(found: Any, wanted: Any) -> None:
    assert np.allclose(found, wanted, rtol=1e-9, atol=1e-12), (found, wanted)


def unseen(number: float) -> tuple[Callable[[], float], Callable[[float], None]]:
    """A number that nothing watches, and how to set it: code names only a method of C, bound to its place."""
    store: dict[int, float] = {0: number}
    return partial(store.__getitem__, 0), partial(store.__setitem__, 0)


# ── What changes is followed ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("call", ["outputs", "gradients", "backward"])
def test_a_change_is_followed_at_the_next_call(call: str) -> None:
    w, state = Value(3.0), {"scale": 1.0}
    p = compile(lambda x: x * w * state["scale"], [w])

    def losses() -> Any:
        if call == "outputs":
            return p(X).sum()
        if call == "gradients":
            return p.value_and_gradients([3.0], X)[0].sum()
        return p.backward(X) * len(X)

    for scale in (1.0, 10.0, -2.0):
        state["scale"] = scale
        for _ in range(3):
            close(losses(), X.sum() * 3.0 * scale)


def test_a_prepared_call_is_not_used_after_a_change() -> None:
    w, state = Value(3.0), [1.0]
    p = compile(lambda x: x * w * state[0], [w])
    weights = np.array([3.0])
    for _ in range(10):
        p.value_and_gradients(weights, X)
    state[0] = 2.0
    losses, gradient = p.value_and_gradients(weights, X)
    close(losses, X * 6.0)
    close(gradient, [X.sum() * 2.0])


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.layers.__setitem__(0, nn.Layer(2, 3, "relu", seed=9)),
        lambda m: m.layers[0].neurons[1].weights.__setitem__(0, Value(5.0)),
        lambda m: setattr(m.layers[0].neurons[1], "bias", Value(5.0)),
        lambda m: m.layers[0].neurons.reverse(),
        lambda m: setattr(m.layers[0], "neurons", m.layers[0].neurons[::-1]),
        lambda m: m.layers.insert(1, nn.Layer(3, 3, "sigmoid", seed=2)),
        lambda m: setattr(m.layers[1].neurons[0], "_function", lambda x: x * 3.0),
    ],
)
def test_a_replaced_layer_or_weight_is_followed_at_the_next_call(change: Callable[[Any], object]) -> None:
    model = nn.MLP(2, [3, 1], activation="tanh", output="sigmoid", seed=0)
    p = compile(lambda x: model(x)[0], model)
    points = [[1.0, 2.0], [0.5, -1.0]]
    for _ in range(10):
        p(points)
    change(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # some parameters are not used any more
        close(p(points), [model(point)[0].data for point in points])


def test_the_data_of_a_held_value_read_as_a_number_is_followed() -> None:
    w, held = Value(3.0), Value(1.0)
    p = compile(lambda x: x * w * held.data, [w])
    for number in (1.0, 10.0, 4.0):
        held.data = number
        close(p(X), X * 3.0 * number)


def test_another_way_through_the_branches_sees_the_change_too() -> None:
    w, state = Value(3.0), {"scale": 1.0}
    p = compile(lambda x: x * w * state["scale"] if x > 0 else -x * w * state["scale"], [w])
    close(p([1.0, 2.0]), [3.0, 6.0])
    state["scale"] = 10.0
    close(p([1.0, -1.0]), [30.0, 30.0])


def test_a_cache_that_fills_itself_once_is_honest() -> None:
    w, cache = Value(3.0), dict[str, float]()

    def function(x: Any) -> Any:
        if "scale" not in cache:
            cache["scale"] = 2.0
        return x * w * cache["scale"]

    p = compile(function, [w])
    close(p(X), X * 6.0)


def test_what_another_thread_changes_while_it_is_recorded_is_followed_and_not_put_back() -> None:
    w, state = Value(3.0), {"scale": 1.0}
    changing = state.__setitem__
    is_to_come, set_to_come = unseen(1.0)

    def function(x: Any) -> Any:
        result = x * w * state["scale"]
        if is_to_come():  # once, as if by another thread
            changing("scale", 2.0)
            set_to_come(0.0)
        return result

    p = compile(function, [w])
    close(p(X), X * 6.0)
    assert state == {"scale": 2.0}


def test_the_last_sample_kept_is_no_honest_cache() -> None:
    w, last = Value(3.0), list[float]()

    def function(x: Any) -> Any:
        result = x * w * (last[0] if last else 1.0)
        last[:] = [x]
        return result

    with pytest.raises(ReplayError, match="changes what it reads"):
        compile(function, [w])([2.0])
    assert last == []


def test_reset_records_anew() -> None:
    w = Value(3.0)
    p = compile(lambda x: x * w, [w])
    p(X)
    assert p.stats.paths == 1
    p.reset()
    assert p.stats.paths == 0
    close(p(X), X * 3.0)


# ── What cannot be followed is refused ────────────────────────────────────────────────────────────


def test_what_changes_again_and_again_is_refused_and_named() -> None:
    w, state = Value(3.0), {"beta": 0.0}
    p = compile(lambda x: x * w * state["beta"], [w])

    def anneal() -> None:
        for k in range(100):
            state["beta"] = float(k)
            close(p(X), X * 3.0 * k)

    with pytest.raises(ReplayError, match=r"state\['beta'\] was .* p\(x, y, beta=0.3\)"):
        anneal()
    with pytest.raises(ReplayError, match="again and again"):
        p(X)
    p.reset()
    close(p(X), X * 3.0 * state["beta"])


@pytest.mark.parametrize("hour", [0.0, 3600.0])
def test_when_recording_anew_no_longer_pays_is_counted_and_not_timed(
    hour: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long everything takes: a few samples do not pay for a recording, many do."""
    clock = itertools.count()
    monkeypatch.setattr("time.perf_counter", lambda: next(clock) * hour)
    w, state = Value(3.0), {"beta": 0.0}
    for samples, expected in ((3, 5), (100_000, 12)):
        p, done = compile(lambda x: x * w * state["beta"], [w], "numpy"), 0
        with contextlib.suppress(ReplayError):
            for done in range(12):
                state["beta"] = float(done)
                p(np.ones(samples))
            done = 12
        assert done == expected


def test_a_function_that_changes_what_it_reads_is_refused_and_leaves_nothing_behind() -> None:
    w, calls, seen = Value(3.0), [0], dict[int, Any]()

    def function(x: Any) -> Any:
        calls[0] += 1
        seen[calls[0]] = x
        return x * w * calls[0]

    p = compile(function, [w])
    for _ in range(2):
        with pytest.raises(ReplayError, match="changes what it reads"):
            p(X)
        assert (calls, seen, w.data, w.grad) == ([0], {}, 3.0, None)


def test_a_mean_that_is_kept_from_call_to_call_is_refused() -> None:
    w = Value(3.0)

    class Centered:
        mean = 0.0

        def __call__(self, x: Any) -> Any:
            self.mean = 0.9 * self.mean + 0.1 * x
            return (x - self.mean) * w

    centered = Centered()
    with pytest.raises(ReplayError):
        compile(centered, [w])(X)
    assert vars(centered) == {}


@pytest.mark.parametrize(
    "draw",
    [
        random.random,
        lambda: random.gauss(0.0, 1.0),
        np.random.random,
        random.Random(1).random,
        np.random.default_rng(1).random,
        np.random.RandomState(1).random,
        lambda: random.random() * 0.0,
        random.SystemRandom().random,
        lambda: float(np.random.default_rng().random()),
    ],
)
def test_randomness_is_refused_and_put_back(draw: Callable[[], float]) -> None:
    w, before = Value(3.0), Generators()
    for _ in range(2):
        with pytest.raises(ReplayError):
            compile(lambda x: x * w * (1.0 + draw()), [w])(X)
    assert not before.moved()


def test_dropout_that_is_on_is_refused_outside_of_fit() -> None:
    model = nn.Sequential(nn.Layer(2, 4, "tanh", seed=0), nn.Dropout(0.5, seed=0))
    model.train()
    state = model.layers[1].rng.getstate()
    with pytest.raises(ReplayError, match="random"):
        compile(lambda x: sum(model(x)), model)([[1.0, 2.0]])
    assert model.layers[1].rng.getstate() == state
    model.train(False)
    assert len(compile(lambda x: sum(model(x)), model)([[1.0, 2.0]])) == 1


def test_an_error_while_recording_leaves_nothing_behind() -> None:
    w, calls = Value(3.0), [0]

    def function(x: Any) -> Any:
        calls[0] += 1
        return log(x * w)

    p = compile(function, [w])
    for _ in range(2):
        with pytest.raises(DomainError):
            p([-1.0])
        assert calls == [0]
    assert p.stats.paths == 0
    with pytest.raises(ReplayError, match="not recorded"):
        p.to_jax()


def test_to_jax_does_not_give_what_was_recorded_before_a_change() -> None:
    w, state = Value(3.0), {"scale": 1.0}
    p = compile(lambda x: x * w * state["scale"], [w])
    p(X)
    state["scale"] = 2.0
    with pytest.raises(ReplayError, match="not recorded"):
        p.to_jax()


def test_a_program_called_while_another_is_recorded_is_refused() -> None:
    w = Value(2.0)
    inner = compile(lambda x: x * w, [w])
    inner([1.0])
    for call in (
        lambda: float(inner([1.0])[0]),
        lambda: float(inner.value_and_gradients(np.array([2.0]), np.array([1.0]))[0][0]),
        lambda: inner.backward([1.0]),
    ):
        with pytest.raises(ReplayError, match="while another function is recorded"):
            compile(lambda x, call=call: x * w * call(), [w])([1.0])
    assert w.grad is None


def clock() -> bool:
    w = Value(3.0)
    try:
        compile(lambda x: x * w * (1.0 + 0.0 * time.perf_counter()), [w])(X)
    except ReplayError:
        return True
    return False
