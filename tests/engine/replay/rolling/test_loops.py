"""Loops over time: which are found, that they are what stood in the tape, that gradients are eager's."""

from __future__ import annotations

import numpy as np
import pytest
from loop_cases import (
    Case,
    both_directions,
    branching,
    cell,
    deep,
    delayed,
    in_windows,
    integrator,
    irregular,
    looking_back,
    lstm,
    of_early_trips,
    of_neighbors,
    of_samples,
    parameter_carried_in,
    parameter_in_front,
    picked,
    prey_and_hunters,
    scalar,
    scored,
    two_layers,
)
from loop_identity import ensure_same
from random_loops import random_loop
from unrolled import unrolled

from engine.functions import cos, maximum, sin, tanh
from engine.replay.backends import strict
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.program import Program, Repeat
from engine.replay.recording.tape import Tape
from engine.replay.rolling.collapse import collapse
from engine.replay.rolling.loops import with_loops
from engine.replay.rolling.roll import roll
from engine.replay.rolling.simplify import simplify
from engine.value import Value

CASES: dict[str, tuple[Case, list[tuple[int, int, int]]]] = {  # with (trips, nodes of the body, carried)
    "cell": (cell(12), [(11, 6, 3)]),
    "cell from numbers": (cell(12, start=0.5), [(11, 6, 3)]),
    "cell from a held value": (cell(12, start=Value(0.25)), [(11, 6, 3)]),
    "cell by hand": (cell(12, 2, joined=False), [(11, 4, 2)]),
    "integrator": (integrator(12), [(11, 17, 2)]),
    "integrator, a loss each step": (integrator(20, each=True), [(19, 19, 2)]),
    "LSTM": (lstm(12), [(10, 22, 4)]),
    "prey and hunters": (prey_and_hunters(12), [(11, 12, 3)]),
    "Newton": (scalar(lambda w, s, x, k: s[-1] - (s[-1] ** 3 - w[0]) / (3.0 * s[-1] ** 2), 12), [(12, 6, 1)]),
    "Verlet": (
        scalar(lambda w, s, x, k: 2.0 * s[-1] - s[-2 % -len(s)] - w[0] * s[-1] * 0.01, 30),
        [(29, 3, 2)],
    ),
    "three trips ago": (scalar(delayed, 20), [(17, 4, 3)]),
    "given": (scalar(lambda w, s, x, k: tanh(s[-1] * w[0] + x * w[1]), 12), [(12, 2, 1)]),
    "from a parameter": (
        scalar(lambda w, s, x, k: tanh(s[-1] * x), 12, start=lambda w, x: w[0]),
        [(12, 2, 1)],
    ),
    "of parameters only": (
        scalar(lambda w, s, x, k: sin(s[-1] * w[1]), 12, start=lambda w, x: w[0]),
        [(12, 2, 1)],
    ),
    "another number at the end": (
        scalar(lambda w, s, x, k: sin(w[0] * s[-1]) * (0.9 if k < 19 else 0.7), 20),
        [(20, 3, 1)],
    ),
    "numbers by step": (scalar(lambda w, s, x, k: sin(s[-1] * (k + 1.5)) + x * (k + 0.5), 20), [(18, 3, 1)]),
    "an early state": (
        scalar(lambda w, s, x, k: sin(s[-1] * w[0]) if k < 19 else s[-1] * s[3], 20),
        [(19, 2, 1)],
    ),
    "an early state in every trip": (
        scalar(lambda w, s, x, k: sin(s[-1] * w[0] + s[min(5, len(s) - 1)]), 20),
        [(15, 2, 1)],
    ),
    "largest": (scalar(lambda w, s, x, k: maximum(s[-1] * w[0], cos(s[-1])), 12), [(12, 3, 1)]),
    "guards": (scalar(branching, 20), [(20, 2, 1)]),
    "owed to what came before alone": (parameter_in_front(12), [(11, 5, 1)]),
    "owed to what came before alone, by way of what is carried": (parameter_carried_in(12), [(11, 7, 2)]),
    "what an early trip has made": (of_early_trips(14), [(12, 3, 1)]),
    "back through a loop before, from the first trip's own": (
        looking_back(12, 12, lambda k: 12 - k),
        [(11, 3, 1), (10, 3, 1)],
    ),
    "two steps at a time through a loop before, up to the first trip's own": (
        looking_back(18, 11, lambda k: 2 * k),
        [(17, 3, 1), (9, 3, 1)],
    ),
    "two steps at a time, up to states of its own": (
        scalar(lambda w, s, x, k: sin(w[0] * s[-1] + s[max(0, 2 * k - 26)]), 26),
        [(14, 2, 1)],
    ),
    "not owed to what is carried": (scored(12), [(11, 4, 1)]),
    "terms without samples": (
        scalar(lambda w, s, x, k: sin(s[-1]) * 0.5 + w[0] * w[1] + w[1], 12, start=lambda w, x: w[0]),
        [(11, 2, 1)],
    ),
    "layer by layer": (two_layers(12, by_step=False), [(11, 4, 2), (11, 4, 2)]),
    "step by step": (two_layers(12, by_step=True), [(11, 4, 2), (11, 4, 2)]),
    "both directions": (both_directions(12), [(11, 2, 1), (11, 2, 1)]),
    "windows": (in_windows(13), [(11, 4, 2)]),
    "picked": (picked(12), [(11, 7, 1)]),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found_is_what_stands_in_the_tape_and_its_gradient_is_eagers(name: str) -> None:
    case, expected = CASES[name]
    tape = case.tape()
    assert found(tape) == expected
    ensure_same(tape)
    ensure_right(tape, case, 3)


def test_loops_drawn_by_chance() -> None:
    loops = 0
    for seed in (*range(12), 253, 304):
        function, w, xs = random_loop(seed)
        case = Case(function, w, [xs, 0.4])
        tape = case.tape()
        loops += len(found(tape))
        ensure_same(tape)
        ensure_right(tape, case, 2)
    assert loops > 5


@pytest.mark.parametrize(
    "case",
    [deep(3), deep(30), of_samples(200), of_neighbors(40), irregular(60), cell(7, 3), scalar(delayed, 9)],
)
def test_what_is_no_loop_or_a_short_one_stays_as_it_is(case: Case) -> None:
    tape = case.tape()
    assert found(tape) == []
    assert not roll(tape).has_loops


def test_a_longer_loop_is_not_more_code() -> None:
    for make in (cell, integrator, both_directions, picked):
        short, long = (roll(make(trips).tape()) for trips in (15, 40))
        assert len(short) == len(long)
        assert next(i.trips for i in long.forward if isinstance(i, Repeat)) >= 38


@pytest.mark.parametrize("trips", [1, 7, 8, 9, 11])
def test_gradients_are_eagers_around_the_least_number_of_trips(trips: int) -> None:
    for case in (cell(trips, 2), scalar(delayed, trips), integrator(trips, each=True)):
        ensure_right(case.tape(), case, 2)


def found(tape: Tape) -> list[tuple[int, int, int]]:
    loops = with_loops(collapse(simplify(tape, tape.outputs))).loops.values()
    return [(loop.trips, len(loop.body.nodes), len(loop.carried)) for loop in loops]


def ensure_right(tape: Tape, case: Case, samples: int) -> Program:
    """The program, after a comparison with the strict executor; so is it with its loops written out."""
    program = roll(tape)
    flat = [number for entry in case.sample for number in (entry if isinstance(entry, list) else [entry])]
    rows = [[x if isinstance(x, int) else x * (1.0 + 0.1 * k) for x in flat] for k in range(samples)]
    w = [value.data for value in case.weights]
    expected = [strict.gradients(tape, w, row) for row in rows]
    everything, array = np.array(w + [value.data for value in tape.held]), np.array(rows, dtype=float)
    for version in (program, unrolled(program)):
        version.verify()
        executor = NumpyExecutor(version, [len(flat)])
        for _ in range(2):  # nothing is left of the call before
            losses, gradient = executor.gradients(everything, [array], samples)
            assert losses == pytest.approx([loss for loss, _ in expected], rel=1e-12, abs=1e-13)
            assert gradient == pytest.approx(np.sum([g for _, g in expected], axis=0), rel=1e-11, abs=1e-12)
    return program
