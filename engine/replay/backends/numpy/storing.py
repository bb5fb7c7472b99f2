"""How results are put where they belong: into rows here and there."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["choose_places", "count_into", "store_listed"]

Array = Any


def store_listed(base: Array, places: Array, result: Any, accumulate: bool) -> None:
    """Set, or add to, rows that do not lie side by side."""
    if accumulate:
        base[places] += result
    else:
        base[places] = result


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
