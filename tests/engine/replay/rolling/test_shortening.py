"""Long loops are rolled from a few of their trips: to the very program that the whole tape gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from loop_cases import (
    Case,
    cell,
    delayed,
    lstm,
    numbers,
    of_early_trips,
    parameter_carried_in,
    picked,
    prey_and_hunters,
    scalar,
    scored,
    two_layers,
    weights,
)

from engine.functions import cos, pick, sin, tanh
from engine.replay.rolling import shortening
from engine.replay.rolling.roll import roll

TRIPS = 240


def read(place: Callable[[int], int], extra: int = 0) -> Case:
    """A state that reads an input in every trip; another input is read behind the loop."""
    w = weights(2)

    def function(xs: Any, y: Any) -> Any:
        state: Any = 0.0
        for trip in range(TRIPS):
            state = tanh(w[0] * state + xs[place(trip)] * w[1])
        return (state - y) ** 2 + xs[extra] * w[1]

    return Case(function, w, [numbers(2 * TRIPS), 0.3])


def looked_up(allows_negative: Callable[[int], bool]) -> Case:
    """In every trip a number of the data tells which weight; in some it may count from the end."""
    w = weights(3)

    def function(xs: Any) -> Any:
        state: Any = 0.5
        for trip, x in enumerate(xs):
            state = sin(state * pick(w, x, least=None if allows_negative(trip) else 0))
        return state

    return Case(function, w, [[1] * TRIPS])


def side_by_side(steps: int) -> Case:
    """A sum over all inputs, and a state that goes so many steps."""
    w = weights(3)

    def function(xs: Any) -> Any:
        state: Any = 0.5
        loss: Any = 0.0
        for trip, x in enumerate(xs):
            loss = loss + w[2] * sin(w[1] * x)
            if trip < steps:
                state = tanh(w[0] * state + w[1])
        return state * loss

    return Case(function, w, [numbers(TRIPS)])


SHORT = {
    "cell": cell(TRIPS),
    "LSTM": lstm(TRIPS),
    "prey and hunters": prey_and_hunters(TRIPS),
    "three trips ago": scalar(delayed, TRIPS),
    "from a parameter": parameter_carried_in(TRIPS),
    "what an early trip has made": of_early_trips(TRIPS),
    "inputs in reverse": read(lambda trip: TRIPS - 1 - trip),
    "every second input": read(lambda trip: 2 * trip),
    "looked up": looked_up(lambda _: True),
    "looked up from 0 on": looked_up(lambda _: False),
}
WHOLE = {
    "an input that no trip that is left reads": read(lambda trip: trip, TRIPS // 2),
    "another number in the middle": scalar(
        lambda w, s, x, k: sin(w[0] * s[-1]) * (0.9 if k != TRIPS // 2 else 0.7), TRIPS
    ),
    "another input in the middle": read(lambda trip: trip if trip != TRIPS // 2 else 0),
    "a state in the middle is read": scalar(
        lambda w, s, x, k: sin(s[-1] * w[0]) if k < TRIPS - 1 else s[-1] * s[TRIPS // 2], TRIPS
    ),
    "far back": scalar(lambda w, s, x, k: sin(s[-1] * w[0]) + s[max(0, len(s) - 25)], TRIPS),
    "all states are read": scored(TRIPS),
    "picked, and all states are read": picked(TRIPS),
    "two loops": two_layers(TRIPS, by_step=False),
    "another operation in the middle": scalar(
        lambda w, s, x, k: (sin if k != TRIPS // 2 else cos)(s[-1] * w[0]), TRIPS
    ),
    "looked up from 0 on but in the middle": looked_up(lambda trip: trip == TRIPS // 2),
    "a state near the end is read": scalar(
        lambda w, s, x, k: sin(s[-1] * w[0]) if k < TRIPS - 1 else s[-1] * s[-5], TRIPS
    ),
    "side by side, and another loop": side_by_side(40),
    "few": cell(60),
}


@pytest.mark.parametrize("name", [*SHORT, *WHOLE])
def test_a_part_gives_the_program_of_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tape = (SHORT | WHOLE)[name].tape()
    whole = roll(tape)
    monkeypatch.setattr(shortening, "LEAST", 0)
    found = shortening._by_few_trips(tape, tape.outputs)
    assert (found is not None) is (name in SHORT)
    assert roll(tape) == whole


def test_what_else_grows_with_the_trips_is_rolled_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = SHORT["cell"].tape()
    monkeypatch.setattr(shortening, "_form", lambda _: object())
    assert shortening._by_few_trips(tape, tape.outputs) is None
