"""Blocks: runs of nodes that repeat, verified reference by reference, and cut where it is best."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from engine.replay.rolling.periods import (
    CONSTANT,
    VOID,
    WEIGHT,
    Numbered,
    candidates,
    kind_of,
    longest_run,
)

__all__ = ["Block", "find_block", "slots_of", "verified"]

Array = Any
LEAST_TRIPS = 8
LEAST_SHARE = 4  # a loop is at least this part of the nodes
MOST_CUTS = 12  # of equal merit, whose bodies are compared
MORE = 1.05  # times the best so far that a further candidate must promise


class Block(NamedTuple):
    """Nodes that are a loop, from `start` to `stop`, trip by trip, `period` of them each.

    `refs` and `coefficients` have a line for each trip, with a column for each slot. `moving` are the slots
    whose target is in the same trip or an earlier one, `inner` those of the same.
    """

    start: int
    period: int
    refs: Array
    coefficients: Array
    moving: Array
    inner: Array

    @property
    def trips(self) -> int:
        """How many there are."""
        return len(self.refs)

    @property
    def stop(self) -> int:
        """The number of the first node behind it."""
        return self.start + self.period * self.trips


def find_block(nodes: Numbered, first: int, last: int) -> Block | None:
    """The longest sequential block among the nodes from `first` on, before `last`; None where none is long.

    Nodes that do the same side by side, not one after the other, are no loop: they are rolled as they are.
    """
    least = max(2 * LEAST_TRIPS, -(-(last - first) // LEAST_SHARE))
    names = nodes.names[first:last]
    if len(names) < least:
        return None
    runs: list[tuple[int, int, int, int]] = []
    for period in candidates(nodes.between(first, last)):
        start, stop = longest_run(names[:-period] == names[period:])
        length = stop - start + period
        if length >= least and length >= (LEAST_TRIPS - 2) * period:
            runs.append((-length, period, first + start, first + stop + period))
    best: Block | None = None
    for length, period, start, stop in sorted(runs):
        if best is not None and -length < MORE * (best.stop - best.start):
            continue
        found = _best_cut(nodes, period, start, stop, first)
        if found is not None and found.trips >= LEAST_TRIPS and found.stop - found.start >= least:
            is_longer = best is None or found.stop - found.start > MORE * (best.stop - best.start)
            best = found if is_longer else best
    return best


def _best_cut(nodes: Numbered, period: int, start: int, stop: int, first: int) -> Block | None:
    """The block of this run, cut where fewest values go from trip to trip, into the least deep bodies."""
    found = verified(nodes, period, start, stop)
    if found is None:
        return None
    readers, targets = _links(nodes, found)
    if not _is_sequential(readers, targets, period):
        return None
    cut = _cut(readers, targets, period)
    if cut:
        found = verified(nodes, period, start + (found.start + cut - start) % period, stop)
    if found is None or found.start - period < first:
        return found
    return _with_one_in_front(nodes, found)


def verified(nodes: Numbered, period: int, start: int, stop: int) -> Block | None:
    """The longest part of a run in which every reference follows its rule; None where that is no loop."""
    trips = (stop - start) // period
    if trips < LEAST_TRIPS - 2:
        return None
    refs, coefficients = _lines(nodes, start, period, trips)
    kinds = kind_of(refs)
    middle = trips // 2
    rule = refs[middle] - refs[middle - 1]
    is_constant = (kinds[1:] == CONSTANT) & (kinds[:-1] == CONSTANT)
    follows = ((refs[1:] - refs[:-1] == rule) & (kinds[1:] == kinds[:-1])) | is_constant
    begin, end = longest_run(follows.all(axis=1))
    if not begin <= middle - 1 < end:
        return None
    begin = _behind_fixed(refs, kinds, rule, start, period, begin)
    refs, coefficients = refs[begin : end + 1], coefficients[begin : end + 1]
    start, trips = start + begin * period, len(refs)
    if trips < LEAST_TRIPS - 2:
        return None
    is_node = kinds[middle] == 0
    moving = is_node & (rule == period) & (refs[-1] >= start)
    by_trip = is_node & ~moving & (rule != 0)
    inner = moving & (refs[0] >= start)
    if (refs[:, by_trip] >= start).any():
        return None
    own_weights = (kinds[middle] == WEIGHT) & (rule != 0)
    if 4 * int(own_weights.sum()) > int((kinds[middle] == WEIGHT).sum()):
        return None  # layers one behind the other, each with its own weights: no matrix products in a body
    return Block(start, period, refs, coefficients, moving, inner)


def _lines(nodes: Numbered, start: int, period: int, trips: int) -> tuple[Array, Array]:
    """The references and coefficients of so many trips, line by line."""
    part = slice(nodes.offsets[start], nodes.offsets[start + period * trips])
    return nodes.refs[part].reshape(trips, -1), nodes.coefficients[part].reshape(trips, -1)


def _behind_fixed(refs: Array, kinds: Array, rule: Array, start: int, period: int, begin: int) -> int:
    """The first trip such that what all trips read alike was there before it."""
    fixed = refs[begin, (kinds[begin] == 0) & (rule == 0)]
    latest = int(fixed.max()) if fixed.size else -1
    return max(begin, (latest - start) // period + 1)


def _links(nodes: Numbered, block: Block) -> tuple[Array, Array]:
    """(the nodes of a trip, what they read of it; or of earlier ones, then it is less than 0)."""
    period = block.period
    readers = np.repeat(np.arange(period), np.diff(nodes.offsets[block.start : block.start + period + 1]))
    targets = block.refs[-1] - (block.start + (block.trips - 1) * period)
    return readers[block.moving], targets[block.moving]


def _is_sequential(readers: Array, targets: Array, period: int) -> bool:
    """Whether anything depends on itself, trips ago; else a few steps do the work of all trips at once."""
    waiting = np.bincount(readers, minlength=period)
    read_by: list[list[int]] = [[] for _ in range(period)]
    for reader, target in zip(readers.tolist(), (targets % period).tolist(), strict=True):
        read_by[target].append(reader)
    free = np.flatnonzero(waiting == 0).tolist()
    for place in free:
        for reader in read_by[place]:
            waiting[reader] -= 1
            if not waiting[reader]:
                free.append(reader)
    return len(free) < period


def _cut(readers: Array, targets: Array, period: int) -> int:
    """How many nodes further on it is best to begin a trip."""
    reach = np.zeros(period, dtype=np.int64)  # how far off the last reader of each node is
    np.maximum.at(reach, targets % period, readers - targets)
    whole, rest = np.divmod(reach, period)
    places = np.arange(period)
    crossing = np.zeros(2 * period + 1, dtype=np.int64)  # how many values cross the boundary before each node
    np.add.at(crossing, places + 1, 1)
    np.add.at(crossing, places + rest + 1, -1)
    crossing = np.cumsum(crossing)
    counts = crossing[:period] + crossing[period : 2 * period] + whole.sum()
    cuts = np.flatnonzero(counts == counts.min())[:MOST_CUTS].tolist()
    return min((_depth(readers, targets, period, cut), int(cut)) for cut in cuts)[1]


def _depth(readers: Array, targets: Array, period: int, cut: int) -> int:
    """The longest way through a body that begins so many nodes further on."""
    depth = [0] * period
    turned = sorted(
        ((reader - cut) % period, reader - target)
        for reader, target in zip(readers.tolist(), targets.tolist(), strict=True)
    )
    for place, distance in turned:
        if distance <= place:
            depth[place] = max(depth[place], depth[place - distance] + 1)
    return max(depth)


def _with_one_in_front(nodes: Numbered, block: Block) -> Block:
    """One trip more, if it differs only in where what is carried comes from: the initial values, anything."""
    start, period = block.start - block.period, block.period
    if (nodes.bare[start : block.start] != nodes.bare[block.start : block.start + period]).any():
        return block
    ((line,), numbers), following = _lines(nodes, start, period, 1), block.refs[0]
    kinds = kind_of(line)
    rule = block.refs[1] - following
    carried = block.moving & ~block.inner
    is_constant = (kinds == CONSTANT) & (kind_of(following) == CONSTANT)
    follows = is_constant | ((following - line == rule) & (kind_of(following) == kinds))
    is_initial = carried & (line != VOID) & ((kinds != 0) | (line < start))
    by_trip = (kinds == 0) & ~block.moving
    if not (follows | is_initial).all() or (line[by_trip] >= start).any():
        return block
    is_before = (block.refs[:, (kind_of(following) == 0) & ~block.moving] < start).all()
    if not is_before:
        return block
    refs, coefficients = np.vstack((line, block.refs)), np.vstack((numbers, block.coefficients))
    return block._replace(start=start, refs=refs, coefficients=coefficients)


def slots_of(nodes: Numbered, block: Block) -> list[range]:
    """Of every node of a trip, which slots of a line are its."""
    offsets = nodes.offsets[block.start : block.start + block.period + 1] - nodes.offsets[block.start]
    return [range(start, stop) for start, stop in pairwise(offsets.tolist())]
