"""What can be switched on around a piece of code: `no_grad`, remembering lines, listening to branches.

Each switch is a context variable, so that threads and tasks do not see one another's. A node is made
in a fifth of a microsecond, in which asking three context variables would be felt: `anywhere` says
whether any thread has any switch on, and only then are the variables asked.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = [
    "branch",
    "forgetting_lines",
    "keeping_operands",
    "line_of_caller",
    "listening",
    "no_grad",
    "recording",
    "remember_lines",
]

_recording: ContextVar[bool] = ContextVar("recording", default=True)
_branches: ContextVar[list[bool] | None] = ContextVar("branches", default=None)
_lines: ContextVar[bool] = ContextVar("lines", default=False)
_lock = threading.Lock()
_HERE = str(Path(__file__).parent)
anywhere = 0  # how many switches are on, over all threads
watchers: list[Callable[[bool], None]] = []  # called when the first is switched on, and the last off


def _count(step: int) -> None:
    """One switch more or less."""
    global anywhere  # noqa: PLW0603  (the one counter that spares every node two look-ups)
    with _lock:
        anywhere += step
        if anywhere in (0, step):
            for watcher in watchers:
                watcher(anywhere > 0)


@contextmanager
def _switched(variable: ContextVar[Any], value: Any) -> Iterator[Any]:
    _count(1)
    token = variable.set(value)
    try:
        yield value
    finally:
        variable.reset(token)
        _count(-1)


@contextmanager
def no_grad() -> Iterator[None]:
    """Inside, operations give plain numbers in Values: no operands are kept, nothing to go back to.

    Works as `with no_grad():` and as the decorator `@no_grad()`; only the current thread is affected.

    >>> from engine import Value, no_grad
    >>> with no_grad():
    ...     y = Value(2.0) * 3.0
    >>> y.parents
    ()
    """
    with _switched(_recording, False):
        yield


@contextmanager
def remember_lines() -> Iterator[None]:
    """Inside, every node remembers the line of your code that made it, for error messages: `node.line`.

    It makes operations several times slower, so it is for finding out, not for training.

    >>> from engine import Value, remember_lines
    >>> with remember_lines():
    ...     y = Value(2.0) * 3.0
    >>> y.line
    '<doctest engine.modes.remember_lines[1]>:2'
    """
    with _switched(_lines, True):
        yield


@contextmanager
def forgetting_lines() -> Iterator[None]:
    """Inside, no lines are remembered: replay has its own kind of nodes, without a place for one."""
    with _switched(_lines, False):
        yield


def line_of_caller() -> str | None:
    """file:line of the innermost caller outside this package; None unless lines are remembered."""
    if not _lines.get():
        return None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else None


@contextmanager
def keeping_operands() -> Iterator[None]:
    """Inside, operations keep their operands even within `no_grad`: replay records what is hidden there."""
    with _switched(_recording, True):
        yield


@contextmanager
def listening(outcomes: list[bool] | None = None) -> Iterator[list[bool]]:
    """Inside, the outcome of each comparison and truth test is appended to the list given, or a new one."""
    with _switched(_branches, [] if outcomes is None else outcomes) as heard:
        yield heard


def recording() -> bool:
    """Whether operations keep their operands here: True unless inside `no_grad`."""
    return not anywhere or _recording.get()


def branch(outcome: bool) -> bool:
    """The outcome of a comparison of Values, reported to whoever listens."""
    if anywhere and (outcomes := _branches.get()) is not None:
        outcomes.append(outcome)
    return outcome
