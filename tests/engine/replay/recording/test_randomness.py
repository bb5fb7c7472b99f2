"""Whose random numbers they were: those of the recorded function, or of another thread meanwhile."""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from engine import ReplayError, Value, compile  # noqa: A004
from engine.replay.draws import Draws
from engine.replay.recording.randomness import Generators

HELD: dict[str, Any] = {}


@pytest.fixture
def another_thread() -> Iterator[None]:
    """It lives as long as the test."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield
    end.set()
    thread.join()


def from_a_cell() -> Callable[[], float]:
    generators = [random.Random(1)]
    return lambda: 2.0 * generators[0].random()


def from_a_global() -> Callable[[], float]:
    HELD["now"] = np.random.default_rng(3)
    return lambda: float(HELD["now"].normal())


def from_a_default() -> Callable[[], float]:
    made = np.random.Generator(np.random.PCG64(5))

    def draw(rng: np.random.Generator = made) -> float:
        return rng.random()

    return draw


class Noisy:
    def __init__(self) -> None:
        self.rng = random.Random(3)

    def draw(self) -> float:
        return self.rng.gauss(0.0, 1.0)


DRAWING: dict[str, Callable[[], Any]] = {
    "Python's own": lambda: random.random,
    "NumPy's own": lambda: np.random.random,
    "a cell": from_a_cell,
    "a global": from_a_global,
    "a method that is held": lambda: random.Random(2).gauss,
    "a part of a call": lambda: partial(np.random.RandomState(4).normal, 0.0, 1.0),
    "a default": from_a_default,
    "an object": lambda: Noisy().draw,
}


def _numpys() -> list[int]:
    keys: list[int] = np.random.get_state(legacy=False)["state"]["key"].tolist()  # noqa: NPY002  (the state that others may use)
    return keys


@pytest.mark.parametrize("way", DRAWING)
@pytest.mark.usefixtures("another_thread")
def test_what_a_function_draws_is_found_while_other_threads_live(way: str) -> None:
    own = random.getstate(), _numpys()
    draw, w = DRAWING[way](), Value(2.0)
    with pytest.raises(ReplayError, match="draws random numbers"):
        compile(lambda x: x * w + draw(), [w]).value_and_gradients([2.0], [1.0, 2.0, 3.0])
    assert random.getstate() == own[0]
    assert _numpys() == own[1]


@pytest.mark.parametrize("way", DRAWING)
def test_what_the_garbage_collector_does_not_see_is_found_by_way_of_the_function(way: str) -> None:
    draw, w = DRAWING[way](), Value(2.0)
    gc.freeze()
    with pytest.raises(ReplayError, match="draws random numbers"):
        compile(lambda x: x * w + draw(), [w]).value_and_gradients([2.0], [1.0, 2.0, 3.0])


@pytest.mark.usefixtures("another_thread")
def test_what_another_thread_draws_meanwhile_is_its_own() -> None:
    theirs, w = random.Random(7), Value(2.0)
    meanwhile = [threading.Thread(target=theirs.random) for _ in range(2)]

    def begin() -> None:
        if meanwhile:
            thread = meanwhile.pop()
            thread.start()
            thread.join()

    generators = Generators(lambda x: x * w)
    begin()
    after = theirs.getstate()
    assert not generators.moved()
    generators.put_back()
    assert theirs.getstate() == after


def test_numbers_that_replay_draws_for_others_are_not_the_function_s() -> None:
    draws = Draws([(random.Random(1), 2)])
    draws.take(1)
    generators = Generators()
    second = draws.take(1).tolist()
    assert not generators.moved()
    generators.put_back()
    assert draws.take(1).tolist() != second
