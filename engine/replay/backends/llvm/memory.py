"""Memory: the numbers that machine code works in while it runs; each thread that runs it has its own.

Addresses leave Python only inside of a call, and every buffer lives as long as whoever knows its address:
a buffer that Python freed while native code still wrote to it was the worst error that the prototype of
this gear had.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.replay.backends.llvm.layout import Layout
from engine.replay.program.program import Program, Space

__all__ = ["Memory", "address_of", "plain"]

Array = Any
CANARY = -1.5 * 2.0**100  # which floats can be, too


class Memory:
    """The rows of all spaces, as a layout has them, with constants in place and canaries in the gaps."""

    def __init__(self, program: Program, layout: Layout) -> None:
        self._layout = layout
        self._numbers = _aligned(layout)
        self._gaps = _between(layout)
        self._numbers[self._gaps] = CANARY
        self._numbers[self._places(Space.CONSTANT)] = program.constants
        self._numbers[layout.ones.start : layout.ones.start + layout.lanes] = 1.0
        for coefficients, region in layout.coefficients.items():
            self._numbers[region.start : region.stop] = coefficients
        self.address = address_of(self._numbers)
        self.weights = self._given_weights()
        self.gradient = self._rows(Space.GRADIENT)[: program.wanted]

    def poison(self) -> None:
        """Overwrite with nan all that a call must write before it reads it."""
        given = {Space.CONSTANT} if self._layout.doubles else {Space.CONSTANT, Space.WEIGHT}
        for space in set(Space) - given:
            self._numbers[self._places(space)] = math.nan
        for frames in self._layout.frames.values():
            self._numbers[frames.whole.start : frames.whole.stop] = math.nan
        for space, exact in self._layout.doubles.items():
            if space is not Space.WEIGHT:
                self._numbers.view(np.float64)[exact.start : exact.stop] = math.nan

    @property
    def is_sound(self) -> bool:
        """Whether nothing was written between the regions."""
        return bool((self._numbers[self._gaps] == CANARY).all())

    def _given_weights(self) -> Array:
        """Where the weights go, in float64."""
        exact = self._layout.doubles.get(Space.WEIGHT)
        return self._numbers.view(np.float64)[exact.start : exact.stop] if exact else self._rows(Space.WEIGHT)

    def _places(self, space: Space) -> Array:
        """Where the numbers of all rows of a space are."""
        return np.concatenate([np.arange(part.start, part.stop) for part in self._layout.parts(space)])

    def _rows(self, space: Space) -> Array:
        region = self._layout.regions[space]
        return self._numbers[region.start : region.stop]


def _between(layout: Layout) -> Array:
    """The places that are in no region."""
    regions = sorted(layout.spans())
    starts, stops = [0, *(region.stop for region in regions)], [*(r.start for r in regions), layout.size]
    return np.concatenate([np.arange(*gap) for gap in zip(starts, stops, strict=True)])


def address_of(array: Array) -> int:
    """Where the array's first number lies: to be used only while the array is alive."""
    return int(array.__array_interface__["data"][0])


def plain(array: Array) -> Array:
    """The numbers as float64 in one piece: the array itself where it is that, else a copy."""
    return np.ascontiguousarray(array, dtype=np.float64)


def _aligned(layout: Layout) -> Array:
    """As many numbers as the layout needs, zero, beginning where a register's worth of memory does."""
    vector, size = layout.precision.vector, layout.precision.size
    memory = np.zeros(layout.size + vector, np.dtype(layout.precision.name))
    first = (-address_of(memory) // size) % vector
    return memory[first : first + layout.size]
