"""What can be switched on around a piece of code: `no_grad`, and listening to the branches taken.

Each switch is a context variable, so that threads and tasks do not see one another's. A node is made
in a fifth of a microsecond, in which asking two context variables would be felt: `anywhere` says
whether any thread has any switch on, and only then are the variables asked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["branch", "listening", "no_grad", "recording"]

_recording: ContextVar[bool] = ContextVar("recording", default=True)
_branches: ContextVar[list[bool] | None] = ContextVar("branches", default=None)
_lock = threading.Lock()
anywhere = 0  # how many switches are on, over all threads


@contextmanager
def _switched(variable: ContextVar[Any], value: Any) -> Iterator[Any]:
    global anywhere  # noqa: PLW0603  (the one counter that spares every node two look-ups)
    with _lock:
        anywhere += 1
    token = variable.set(value)
    try:
        yield value
    finally:
        variable.reset(token)
        with _lock:
            anywhere -= 1


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
def listening() -> Iterator[list[bool]]:
    """Inside, the outcome of each comparison and truth test of a Value is appended to the list given."""
    with _switched(_branches, []) as outcomes:
        yield outcomes


def recording() -> bool:
    """Whether operations keep their operands here: True unless inside `no_grad`."""
    return not anywhere or _recording.get()


def branch(outcome: bool) -> bool:
    """The outcome of a comparison of Values, reported to whoever listens."""
    if anywhere and (outcomes := _branches.get()) is not None:
        outcomes.append(outcome)
    return outcome
