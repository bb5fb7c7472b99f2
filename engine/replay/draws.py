"""Draws: the numbers of Python's own generators as arrays, in the order in which a loop would draw them.

Python's `random.Random` and NumPy's `RandomState` are the same generator, Matsumoto and Nishimura's of 1998,
and make the same floats of its bits. So a state goes from one to the other, and back when all is drawn.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.replay.recording.randomness import Stream

__all__ = ["Draws"]

Array = Any


class Draws:
    """For every sample so many numbers from each of some generators, one after the other.

    >>> draws = Draws([(random.Random(0), 2)])
    >>> draws.take(2).tolist() == [[a.random(), a.random()] for a in [random.Random(0)] * 2]
    True
    """

    def __init__(self, counts: Sequence[tuple[random.Random, int]]) -> None:
        owners = [generator for generator, count in counts for _ in range(count)]
        self._width = len(owners)
        self._generators = {id(generator): generator for generator in owners}
        self._columns = {
            key: [column for column, owner in enumerate(owners) if id(owner) == key]
            for key in self._generators
        }
        self._states: dict[int, Stream] = {}

    def take(self, samples: int) -> Array:
        """The next numbers for so many samples, each in [0, 1), of shape (samples, numbers of a sample)."""
        found = np.empty((samples, self._width))
        for key, columns in self._columns.items():
            numbers = self._numbers(key, samples * len(columns)).reshape(samples, len(columns))
            first, last = columns[0], columns[-1] + 1
            found[:, slice(first, last) if last - first == len(columns) else columns] = numbers
        return found

    def _numbers(self, key: int, count: int) -> Array:
        generator = self._generators[key]
        if type(generator) is not random.Random:  # one that may draw in another way
            return np.array([generator.random() for _ in range(count)])
        if key not in self._states:
            _, words, _ = generator.getstate()
            self._states[key] = Stream()
            state = ("MT19937", np.array(words[:-1], dtype=np.uint32), words[-1], 0, 0.0)
            self._states[key].set_state(state)
        return self._states[key].random_sample(count)

    def mark(self) -> Any:
        """Where all generators stand, to `rewind` to."""
        own = {key: each.getstate() for key, each in self._generators.items() if key not in self._states}
        return own, {key: state.get_state() for key, state in self._states.items()}

    def rewind(self, mark: Any) -> None:
        """Be where all stood at that mark: the numbers drawn since come once more."""
        own, taken = mark
        for key, state in own.items():
            self._generators[key].setstate(state)
            self._states.pop(key, None)
        for key, state in taken.items():
            self._states[key].set_state(state)

    def settle(self) -> None:
        """Leave every generator where drawing the numbers one by one would have left it."""
        for key, state in self._states.items():
            version, _, second_normal = self._generators[key].getstate()
            _, words, place, *_ = state.get_state()
            self._generators[key].setstate((version, (*map(int, words), int(place)), second_normal))
        self._states.clear()
