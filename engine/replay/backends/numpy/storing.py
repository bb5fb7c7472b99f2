"""How results are put where they belong: into rows here and there, over lanes, over repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["choose_places", "count_into", "store_listed", "sum_into"]

Array = Any


def store_listed(base: Array, places: Array, result: Any, accumulate: bool) -> None:
    """Set, or add to, rows that do not lie side by side."""
    if accumulate:
        base[places] += result
    else:
        base[places] = result


def sum_into(do: Callable[..., None], result: Array, summed: Array, rows: int, lanes: bool) -> None:
    """Sum an array (repeats, rows, lanes) over its repeats, and over the lanes where that is wanted."""
    if rows == 1:
        result = result.reshape(1, -1, result.shape[2])
    else:
        result = result.reshape(-1, rows, result.shape[2]).transpose(1, 0, 2)
    if lanes:
        do(np.add.reduce, result, (1, 2), None, summed[:, 0])
    else:
        do(np.add.reduce, result, 1, None, summed)


def choose_places(index: Array, places: Array, lanes: Array, which: Array) -> None:
    """Row i picks entry index[i] of its column of places; an index below 0 counts from the end."""
    which[...] = index
    if len(which) > 1:
        np.multiply(which, len(which), out=which)
        np.add(which, np.arange(len(which))[:, None], out=which)
    np.add(places.take(which, mode="wrap"), lanes, out=which)


def count_into(flat: Array, which: Array, left: Array) -> None:
    """Add each number to the place that it was picked from; places may come more than once."""
    flat += np.bincount(which.ravel(), left.ravel(), minlength=len(flat))
