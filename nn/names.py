"""Things that can be asked for by name: one look-up, and one message for a name that is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

__all__ = ["look_up"]

Found = TypeVar("Found", bound=Callable[..., Any])


def look_up(kind: str, wanted: str | Found, known: Mapping[str, Found]) -> Found:
    """What goes by the name, or the function itself where one was given; ValueError lists the known names.

    >>> look_up("number", "tow", {"one": int, "two": int})
    Traceback (most recent call last):
        ...
    ValueError: unknown number 'tow': did you mean 'two'? Known are one, two; a function will do as well
    """
    if callable(wanted):
        return wanted
    if isinstance(wanted, str) and wanted in known:
        return known[wanted]
    near = get_close_matches(wanted, known, n=1) if isinstance(wanted, str) else []
    meant = f": did you mean {near[0]!r}?" if near else "."
    raise ValueError(
        f"unknown {kind} {wanted!r}{meant} Known are {', '.join(known)}; a function will do as well"
    )
