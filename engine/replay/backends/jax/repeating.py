"""Loops: a Repeat as JAX's own scan over its trips, forward and back, as `program/repeat` defines it.

The body is traced once: the code, and the time to make it, do not depend on the number of trips. The way back
is a scan of its own, and not JAX's derivative of the first one: the conventions at kinks stay the table's.
What sums over the samples, the gradients of parameters, is done behind that scan, over all trips at once: one
large product, and one sum among devices, instead of one for each trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

from engine.replay.backends.jax.running import Runner
from engine.replay.backends.jax.storing import Store
from engine.replay.program.program import Instruction, PlainInstruction, Repeat, Rows, Space, reads, rows_of

__all__ = ["kept_for", "run_back", "run_forward"]

Array = Any
OWN = (Space.FRAME, Space.FRAME_ADJOINT, Space.GRADIENT, Space.SHARED_ADJOINT)  # what a trip has for itself


def kept_for(instructions: Iterable[Instruction]) -> dict[range, Rows]:
    """{frame: those of its rows that the loop back reads}."""
    found = {}
    for loop in instructions:
        if isinstance(loop, Repeat):
            found[loop.frame] = _needed(loop.body, Space.FRAME)
    return found


def run_forward(loop: Repeat, outer: Runner, kept: Rows) -> Array:
    """Run a loop forward; returns the rows to be kept of every trip's frame, (trips, rows, lanes)."""
    ends = _first(loop.leaving, *(transfer.inside for transfer in loop.finals))
    given = [outer.read(transfer.outside) for transfer in loop.given]
    steps = [_by_trip(loop, outer.read(transfer.outside)) for transfer in loop.steps]
    start = _inside(outer)
    for transfer in loop.before:
        start.write(transfer.inside, outer.read(transfer.outside))

    def trip(ended: Array, arriving: Sequence[Array]) -> tuple[Array, tuple[list[Array], Array]]:
        inner = _inside(outer)
        inner.write(loop.entering, ended[: len(loop.entering)])
        for transfer, array in zip((*loop.given, *loop.steps), (*given, *arriving), strict=True):
            inner.write(transfer.inside, array)
        for instruction in loop.body:
            inner.run(instruction)
        results = [inner.read(transfer.inside) for transfer in loop.outputs]
        return inner.read(ends), (results, inner.read(kept))

    begin = _filled(outer, start.read(loop.entering), ends)
    ended, (results, frames) = _scan(trip, begin, steps, length=loop.trips)
    for transfer, array in zip(loop.outputs, results, strict=True):
        outer.write(transfer.outside, array.reshape(len(transfer.outside), -1))
    end = _inside(outer)
    end.write(ends, ended)
    for transfer in loop.finals:
        outer.write(transfer.outside, end.read(transfer.inside))
    return frames


def run_back(loop: Repeat, outer: Runner, kept: Rows, frames: Array) -> None:
    """Run a loop back, on what was kept of the frames of the loop forward."""
    body, behind = _divided(loop)
    results = _first(loop.leaving, *(transfer.inside for transfer in (*loop.finals, *loop.outputs)))
    spaces = (Space.GRADIENT, Space.SHARED_ADJOINT)
    sums = [rows for space in spaces if len(rows := _touched(body, space))]
    needed = _needed(behind, Space.FRAME_ADJOINT)
    seeds = [_by_trip(loop, outer.read(transfer.outside)) for transfer in loop.outputs]
    zeros = outer.np.zeros
    start = _inside(outer)
    start.write(results, zeros((len(results), 1), outer.type))
    for transfer in loop.finals:
        start.add(transfer.inside, outer.read(transfer.outside))

    def trip(state: Any, arriving: Any) -> Any:
        (owed, given, summed), (frame, seeds) = state, arriving
        inner = _inside(outer)
        for rows, array in ((kept, frame), (results, owed), *zip(sums, summed, strict=True)):
            inner.write(rows, array)
        for transfer, seed in zip(loop.outputs, seeds, strict=True):
            inner.add(transfer.inside, seed)
        for instruction in body:
            inner.run(instruction)
        owed = _filled(outer, inner.read(loop.entering), results)
        given = [
            array + inner.read(transfer.inside) for array, transfer in zip(given, loop.given, strict=True)
        ]
        state = (owed, given, [inner.read(rows) for rows in sums])
        return state, ([inner.read(transfer.inside) for transfer in loop.steps], inner.read(needed))

    begin = (
        start.read(results),
        [zeros((len(transfer.inside), outer.lanes), outer.type) for transfer in loop.given],
        [zeros((len(rows), 1), outer.type) for rows in sums],
    )
    state, (steps, adjoints) = _scan(trip, begin, (frames, seeds), length=loop.trips, reverse=True)
    owed, given, summed = state
    end = _inside(outer)
    end.write(loop.entering, owed[: len(loop.entering)])
    for transfer in loop.before:
        outer.add(transfer.outside, end.read(transfer.inside))
    for transfer, array in zip((*loop.given, *loop.steps), (*given, *steps), strict=True):
        outer.add(transfer.outside, array.reshape(len(transfer.outside), -1))
    for rows, array in zip(sums, summed, strict=True):
        outer.add(rows, array)
    _run_behind(behind, outer, loop.trips, ((kept, frames), (needed, adjoints)))


def _divided(loop: Repeat) -> tuple[list[PlainInstruction], list[PlainInstruction]]:
    """(what a trip of a loop back runs, the sums over samples that can wait until all trips are done)."""
    body: list[PlainInstruction] = []
    behind: list[PlainInstruction] = []
    written: set[int] = set()  # rows of FRAME_ADJOINT that change afterwards
    for one in reversed(loop.body):
        out = rows_of(one.out)
        is_sum = not out.space.wide and any(rows.space.wide for rows in reads(one))
        if is_sum and written.isdisjoint(_needed([one], Space.FRAME_ADJOINT).places):
            behind.append(one)
        else:
            body.append(one)
            written.update(_places(out, Space.FRAME_ADJOINT))
    return body[::-1], behind[::-1]


def _run_behind(
    instructions: Sequence[PlainInstruction], outer: Runner, trips: int, frames: Iterable[tuple[Rows, Array]]
) -> None:
    """Run sums over the samples of all trips, the trips of a sample side by side: it stays where it is."""
    own = {space: Store.of(len(outer.stores[space].block), None) for space in OWN[:2]}
    every = Runner({**outer.stores, **own}, outer.type, outer.lanes * trips)
    for rows, array in frames:
        every.write(rows, array.transpose(1, 2, 0).reshape(len(rows), every.lanes))
    for instruction in instructions:
        every.run(instruction)


def _scan(*arguments: Any, **named: Any) -> Any:
    return import_module("jax").lax.scan(*arguments, **named)


def _inside(outer: Runner) -> Runner:
    """Who runs a trip: weights and constants are those outside, in the frame there is nothing yet."""
    own = {space: Store.of(len(outer.stores[space].block), None) for space in OWN}
    return Runner({**outer.stores, **own}, outer.type, outer.lanes)


def _places(rows: Rows, space: Space) -> Iterable[int]:
    return rows.places if rows.space is space else ()


def _first(first: Rows, *others: Rows) -> Rows:
    """All of these rows, each once, beginning with the first ones in their order."""
    return Rows(
        first.space, tuple(dict.fromkeys(place for rows in (first, *others) for place in rows.places))
    )


def _filled(outer: Runner, array: Array, rows: Rows) -> Array:
    """The array with zeros behind it, so many that it is as long as the rows."""
    missing = outer.np.zeros((len(rows) - len(array), outer.lanes), outer.type)
    return outer.np.concatenate((array, missing))


def _needed(instructions: Iterable[PlainInstruction], space: Space) -> Rows:
    """The rows of a space that instructions read."""
    read = {place for one in instructions for rows in reads(one) for place in _places(rows, space)}
    return Rows(space, tuple(sorted(read)))


def _touched(instructions: Iterable[PlainInstruction], space: Space) -> Rows:
    """The rows of a space that instructions add to."""
    touched = {place for one in instructions for place in _places(rows_of(one.out), space)}
    return Rows(space, tuple(sorted(touched)))


def _by_trip(loop: Repeat, array: Array) -> Array:
    """Rows that belong to one trip after the other, as (trips, rows, lanes)."""
    return array.reshape(loop.trips, -1, array.shape[1])
