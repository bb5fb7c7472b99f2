"""Randomness: whether any generator of random numbers has moved, and how to put it back where it was.

A number drawn while a function is recorded would be the same in every replay. All generators that there are
in the process are looked at: Python's own and NumPy's, the global ones and those that any object holds.

>>> before = Generators()
>>> _ = random.random()
>>> before.moved(), before.put_back(), before.moved()
('random.random() and the like', None, '')
"""

from __future__ import annotations

import gc
import random
import sys
import threading
from collections.abc import Iterable, Set
from itertools import compress
from typing import Any

import numpy as np

__all__ = ["Generators", "Stream", "generators_among"]

_KINDS = (random.Random, np.random.Generator, np.random.RandomState, np.random.BitGenerator)


class Stream(np.random.RandomState):
    """A generator that replay itself draws from, maybe in another thread; no function does."""


class Generators:
    """The states of all generators of random numbers, as they were when this was made.

    While other threads run, they may draw too: then only those are looked at that the function can reach.
    """

    def __init__(self, function: Any = None, known: Iterable[Any] = ()) -> None:
        """Of all that the garbage collector knows of, and of `known` ones: it does not see what is frozen."""
        self._function = function
        self._own: set[int] = set()  # of those that have moved, which the function can reach
        self._others: set[int] = set()
        found = {id(thing): thing for thing in (random._inst, np.random.mtrand._rand, *known)}
        found.update((id(thing), thing) for thing in generators_among(gc.get_objects()))
        for stream in [thing for thing in found.values() if type(thing) is Stream]:
            found.pop(id(stream))
            found.pop(id(stream._bit_generator), None)
        self._states: list[tuple[Any, Any]] = [(each, _state(each)) for each in found.values()]

    def moved(self) -> str:
        """Which generator has given numbers since, in words; "" for none."""
        for generator, _ in self._moved():
            if generator is random._inst:
                return "random.random() and the like"
            return f"a {type(generator).__module__}.{type(generator).__name__}"
        return ""

    def put_back(self) -> None:
        """Make every generator as it was."""
        for generator, state in self._moved():
            if state is not None:
                _set(generator, state)

    def _moved(self) -> list[tuple[Any, Any]]:
        """The generators that have given numbers since, and their states before."""
        moved = {id(each): (each, state) for each, state in self._states if _state(each) != state}
        if self._function is not None and threading.active_count() > 1:
            unknown = moved.keys() - self._own - self._others
            self._own |= _reached([self._function, sys.modules], unknown)
            self._others |= unknown - self._own
        return [moved[key] for key in moved if key not in self._others]


def generators_among(things: list[Any]) -> list[Any]:
    """Those of these things that are generators of random numbers."""
    kinds: set[type] = set()
    waiting: list[type] = [*_KINDS]
    while waiting:
        kinds.add(kind := waiting.pop())
        waiting += type.__subclasses__(kind)
    return list(compress(things, map(kinds.__contains__, map(type, things))))  # a loop would be felt


def _reached(roots: list[Any], wanted: Set[int]) -> set[int]:
    """Those of the wanted identities that these lead to, the nearest first, so that most are soon found.

    Not by way of Generators, which hold all there are.
    """
    reached: set[int] = set()
    for root in roots:
        waiting = [root]
        while waiting and not wanted <= reached:
            found = {id(each): each for each in gc.get_referents(*waiting) if type(each) is not Generators}
            waiting = [each for key, each in found.items() if key not in reached]
            reached.update(found)
    return {key for key in wanted if key in reached}


def _state(generator: Any) -> Any:
    """All that the next numbers depend on, to be compared with ==; None for one without (SystemRandom)."""
    if isinstance(generator, random.Random):
        try:
            return generator.getstate()
        except NotImplementedError:
            return None
    if isinstance(generator, np.random.RandomState):
        return _plain(generator.get_state(legacy=False))
    return _plain(
        (generator if isinstance(generator, np.random.BitGenerator) else generator.bit_generator).state
    )


def _set(generator: Any, state: Any) -> None:
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        held = generator if isinstance(generator, np.random.BitGenerator) else generator.bit_generator
        held.state = state


def _plain(state: Any) -> Any:
    """Dicts and arrays as what == compares whole, and as NumPy takes it back."""
    if isinstance(state, dict):
        return {key: _plain(part) for key, part in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state
