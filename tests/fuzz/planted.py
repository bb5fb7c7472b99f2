"""Planted: each protection of replay is switched off in turn, and the fuzzer must find that out.

A protection that can be missing unnoticed is either not needed, or not tested. `python -m tests.fuzz planted`
says for each at which seed, and after how many seconds, the fuzzer found that it is missing.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from engine import modes
from engine.replay import comparison, paths, recordings, validity
from engine.replay.recording import nodes, record, watch
from engine.replay.recording.randomness import Generators
from engine.replay.rolling import simplify

from .following import fuzz_sources

__all__ = ["PROTECTIONS", "Found", "Protection", "found_without", "report"]

SECONDS = 60.0


class Protection(NamedTuple):
    """What is put where, so that a protection is missing."""

    owner: Any
    attribute: str
    instead: Any


class Found(NamedTuple):
    """At which seed a failure came, of which kind, and after how many seconds."""

    seed: int
    kind: str
    seconds: float


class Trusting(watch.Watch):
    """A watch that refuses nothing on sight."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.refusal = ""


def _nothing(*_: Any, **__: Any) -> None:
    """Done in the place of a check."""


def _no_words(*_: Any, **__: Any) -> str:
    return ""


def _plain_if_no_input(self: Any, node: Any) -> bool:
    """As if every leaf that is neither input nor parameter were a number of the function's own."""
    return node._operation is None and node not in self.inputs and node not in self.parameters


def _known_without_a_guard(self: Any, node: Any) -> None:
    self._known.add(node)


PROTECTIONS: dict[str, Protection] = {
    "the watch": Protection(watch.Watch, "look", _no_words),
    "what is read of held Values is watched": Protection(watch.Watch, "add", _nothing),
    "the states of generators": Protection(Generators, "moved", _no_words),
    "generators are put back": Protection(Generators, "put_back", _nothing),
    "what a refused recording changed is put back": Protection(watch.Watch, "put_back", _nothing),
    "comparison of what was returned": Protection(validity.Validity, "_compared", _no_words),
    "comparison at recording": Protection(comparison, "_compare", _nothing),
    "names refused on sight": Protection(recordings, "Watch", Trusting),
    "caught errors are refused": Protection(record, "_refuse_caught", _nothing),
    "guards": Protection(paths.Path, "matches", lambda self, batch: np.ones(len(batch), dtype=bool)),
    "guards of numbers that became known": Protection(nodes.Nodes, "_know_input", _known_without_a_guard),
    "guards of conditions that nobody tests": Protection(nodes.Nodes, "guard_all", _nothing),
    "held Values stay what they are": Protection(nodes.Nodes, "is_plain", _plain_if_no_input),
    "recording with gradients on": Protection(modes, "keeping_operands", nullcontext),
    "checks of what is not used": Protection(record, "_checks", lambda *_: []),
    "places inside their lists": Protection(paths.Path, "_check_indices", _nothing),
    "whole numbers or not": Protection(recordings, "try_types", lambda *_: True),
    "refusal of plain numbers of parameters": Protection(nodes.Nodes, "_know", _nothing),
    "sums that round are computed as written": Protection(simplify, "exact_places", lambda *_: set()),
}


@contextmanager
def without(name: str) -> Iterator[None]:
    """Inside, this protection is missing, and a sample that comes again counts as any other does.

    Else comparisons would last longer than the fuzzer waits, and be found in the place of the protection.
    """
    owner, attribute, instead = PROTECTIONS[name]
    with patch.object(owner, attribute, instead), patch.object(validity, "AGAIN", validity.FIRST_CALLS - 2):
        yield


def found_without(name: str, first: int = 0, seconds: float = SECONDS) -> Found | None:
    """The first failure from this seed on that comes for want of a protection; None for none in time."""
    start = time.perf_counter()
    for seed in itertools.count(first):
        if time.perf_counter() > start + seconds:
            break
        with without(name):
            failures = fuzz_sources([seed])[1]
        if failures and not fuzz_sources([seed])[1]:
            return Found(seed, failures[0].split(": ")[1], time.perf_counter() - start)
    return None


def report(write: Callable[[str], object]) -> bool:
    """Write a line for each protection; returns whether each was missed within a minute."""
    everything = True
    for name in PROTECTIONS:
        found = found_without(name)
        words = f"{found.kind} at seed {found.seed}, {found.seconds:.1f} s" if found else "NOT FOUND"
        write(f"without {name}: {words}")
        everything = everything and found is not None
    return everything
