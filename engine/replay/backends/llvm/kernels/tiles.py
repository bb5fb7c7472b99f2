"""Tiles: how a count of rows or columns is divided."""

from __future__ import annotations

__all__ = ["cut", "tiles"]


def tiles(count: int, most: int) -> list[tuple[int, int, int]]:
    """(start, size, how many of that size): nearly equal tiles that cover a count.

    >>> tiles(64, 6)
    [(0, 6, 9), (54, 5, 2)]
    """
    number = -(-count // most)
    size, larger = divmod(count, number)
    found = [(0, size + 1, larger), (larger * (size + 1), size, number - larger)]
    return [tile for tile in found if tile[1] and tile[2]]


def cut(count: int, size: int) -> list[tuple[int, int, int]]:
    """(start, size, how many): whole tiles, and one of what is left."""
    found = [(0, size, count // size), (count // size * size, count % size, 1)]
    return [tile for tile in found if tile[1] and tile[2]]
