"""Tiles: how a count of rows or columns is divided, and the loops over what it is divided into."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from engine.replay.backends.llvm.writing.text import Index, Text

__all__ = ["Tiles", "cut", "over"]

Tiles = tuple[int, int, int]  # where the first of them starts, their size, how many there are


def cut(count: int, most: int, least: int = 0, unit: int = 1) -> list[Tiles]:
    """Tiles that are all alike where a size from `least` on allows it, for each size is code of its own.

    Else whole ones, and one of what is left. Sizes are multiples of the unit.

    >>> cut(64, 6), cut(64, 6, 4)
    ([(0, 6, 10), (60, 4, 1)], [(0, 4, 16)])
    """
    alike = (size for size in range(least or most, most + 1, unit) if count % size == 0)
    size = next(alike, most)
    found = [(0, size, count // size), (count // size * size, count % size, 1)]
    return [tiles for tiles in found if tiles[1] and tiles[2]]


def over(text: Text, tiles: Iterable[Tiles], body: Callable[[Index, int], None]) -> None:
    """`body(start, size)` for every tile; those of one size share a loop."""

    def one(start: int, size: int, number: Index, _: object) -> None:
        body(text.plus(start, text.times(number, size)), size)

    for start, size, count in tiles:
        text.loop(0, count, partial(one, start, size))
