"""Stores: the newest numbers of every row of a space; what is written is a new block, never in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["Store"]

Array = Any


@dataclass
class Store:
    """The newest numbers of every row of a space, in blocks of the shape (rows, lanes)."""

    block: Array  # for every row: the number of its block
    offset: Array  # and its place there
    blocks: list[Array] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, first: Array | None) -> Store:
        """A store of so many rows, the first of which are in the block `first`."""
        if first is None:
            return cls(np.full(size, -1), np.zeros(size, dtype=int))
        return cls(np.zeros(size, dtype=int), np.arange(size), [first])

    def write(self, places: Sequence[int], block: Array) -> None:
        """Let these rows be a new block."""
        listed = np.asarray(places)
        self.block[listed], self.offset[listed] = len(self.blocks), np.arange(len(listed))
        self.blocks.append(block)

    def read(self, places: Sequence[int], join: Callable[[list[Array]], Array]) -> Array:
        """These rows as one array: a slice of a block where possible, slices joined, or gathered."""
        listed = np.asarray(places)
        block, offset = self.block[listed], self.offset[listed]
        cuts = np.flatnonzero((np.diff(block) != 0) | (np.diff(offset) != 1)) + 1
        if len(cuts) < 4:
            runs = [*pairwise((0, *cuts.tolist(), len(listed)))]
            slices = [self.blocks[block[a]][offset[a] : offset[a] + b - a] for a, b in runs]
            return slices[0] if len(slices) == 1 else join(slices)
        used = sorted(set(block.tolist()))
        starts = np.cumsum([0, *(len(self.blocks[number]) for number in used)])
        start_of = np.zeros(len(self.blocks), dtype=int)
        start_of[used] = starts[:-1]
        whole = self.blocks[used[0]] if len(used) == 1 else join([self.blocks[number] for number in used])
        return whole[start_of[block] + offset]
