"""Loops: the calls of a body are made once and run for every trip, in one frame, copied where it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.replay.program.program import Repeat, Rows, Space, Transfer

__all__ = ["run_back", "run_forward"]

Array = Any
Call = Callable[[], Any]
Move = tuple[Array, Any, Array, Any]  # to these rows of this array, from those of that one


def run_forward(loop: Repeat, base: Mapping[Space, Array], body: Sequence[Call], kept: Array | None) -> Call:
    """A function that does what a loop forward is defined to do; `kept` gets the frame of every trip."""
    trips = range(loop.trips)
    incoming = [
        [*_in(base, loop.given), *_in(base, loop.steps, trip), *(() if trip else _in(base, loop.before))]
        for trip in trips
    ]
    outgoing = [_out(base, loop.outputs, trip) for trip in trips]
    outgoing[-1] += _out(base, loop.finals)
    carried = [_move(base, loop.entering, loop.leaving)]
    frame = base[Space.FRAME][loop.frame.start : loop.frame.stop]

    def run() -> None:
        for trip in trips:
            if trip:
                _set(carried)
            _set(incoming[trip])
            for call in body:
                call()
            _set(outgoing[trip])
            if kept is not None:
                kept[trip] = frame

    return run


def run_back(loop: Repeat, base: Mapping[Space, Array], body: Sequence[Call], kept: Array | None) -> Call:
    """A function that does what a loop back is defined to do, on the frames that the loop forward kept."""
    trips = range(loop.trips)
    ends = [loop.leaving, *(rows for rows, _ in (*loop.finals, *loop.outputs))]
    results = np.array(sorted({place for rows in ends for place in rows.places}), dtype=int)
    seeds = [_in(base, loop.outputs, trip) for trip in trips]
    seeds[-1] += _in(base, loop.finals)
    owed = [[*_out(base, loop.given), *_out(base, loop.steps, trip)] for trip in trips]
    owed[0] += _out(base, loop.before)
    carried = [_move(base, loop.leaving, loop.entering)]
    frame = base[Space.FRAME][loop.frame.start : loop.frame.stop]
    adjoint = base[Space.FRAME_ADJOINT]
    assert kept is not None  # noqa: S101  (a program with a way back keeps its frames)

    def run() -> None:
        for trip in reversed(trips):
            frame[...] = kept[trip]
            adjoint[results] = 0.0
            if trip < loop.trips - 1:
                _set(carried)
            _add(seeds[trip])
            for call in body:
                call()
            _add(owed[trip])

    return run


def _in(base: Mapping[Space, Array], transfers: Sequence[Transfer], trip: int = 0) -> list[Move]:
    return [_move(base, transfer.inside, transfer.part(trip)) for transfer in transfers]


def _out(base: Mapping[Space, Array], transfers: Sequence[Transfer], trip: int = 0) -> list[Move]:
    return [_move(base, transfer.part(trip), transfer.inside) for transfer in transfers]


def _move(base: Mapping[Space, Array], target: Rows, source: Rows) -> Move:
    return base[target.space], target.index, base[source.space], source.index


def _set(moves: Sequence[Move]) -> None:
    for target, into, source, what in moves:
        target[into] = source[what]


def _add(moves: Sequence[Move]) -> None:
    for target, into, source, what in moves:
        target[into] += source[what]
