"""Frames: what is moved to and from the frame of a loop, in as few transfers as the rows allow."""

from __future__ import annotations

from collections.abc import Sequence

from engine.replay.program.program import Rows, Space, Transfer

__all__ = ["transfers"]


def transfers(moves: Sequence[tuple[int, Rows]]) -> tuple[Transfer, ...]:
    """Neighboring rows of a frame, whose rows outside are of one space, together.

    None has a row of VALUE twice, to which a gradient is added on the way back.

    Each move has a row of the frame and the rows outside: one for every trip, or one for all.

    >>> moves = [(3, Rows(Space.VALUE, range(0, 8, 2))), (4, Rows(Space.VALUE, range(1, 9, 2)))]
    >>> [(str(inside), str(outside)) for inside, outside in transfers(moves)]
    [('f[3:5]', 'v[0:8]')]
    """
    runs: list[list[tuple[int, Rows]]] = []
    for row, outside in moves:
        if runs and _fits(runs[-1], row, outside):
            runs[-1].append((row, outside))
        else:
            runs.append([(row, outside)])
    found: list[Transfer] = []
    for run in runs:
        columns = [outside.places for _, outside in run]
        places = [place for of_trip in zip(*columns, strict=True) for place in of_trip]
        inside = range(run[0][0], run[-1][0] + 1)
        found.append(Transfer(Rows(Space.FRAME, inside), Rows.of(run[0][1].space, places)))
    return tuple(found)


def _fits(run: Sequence[tuple[int, Rows]], row: int, outside: Rows) -> bool:
    last, rows = run[-1]
    if row != last + 1 or rows.space is not outside.space:
        return False
    if not outside.space.wide:  # no gradient goes back there
        return True
    pairs = (zip(outside.places, other.places, strict=True) for _, other in run)
    return not any(place == another for pair in pairs for place, another in pair)
