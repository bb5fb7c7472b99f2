"""Differences: whether two objects are alike as far as a number made of them can tell, and if not, where."""

from __future__ import annotations

import math
import operator
from collections import deque
from typing import Any

__all__ = ["MISSING", "difference"]


class _Missing:
    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()


def difference(path: str, before: Any, now: Any) -> str:
    """Where and how two objects differ, in words; empty where they are alike.

    Numbers and texts are alike when they are of one type and equal, to the sign of zero; lists, tuples, dicts
    and sets when their members are; all else only when it is the same object.

    >>> difference("settings", {"beta": 1.0, "names": ["a"]}, {"beta": 2.0, "names": ["a"]})
    "settings['beta'] was 1.0 and is 2.0"
    """
    if before is now or _alike(before, now):
        return ""
    if type(before) is type(now):
        if isinstance(before, dict):
            return _in_dict(path, before, now)
        if isinstance(before, (list, tuple, deque)):
            return _in_list(path, before, now)
        if isinstance(before, (set, frozenset)) and set(map(_key, before)) == set(map(_key, now)):
            return ""
    return f"{path} was {_shown(before)} and is {_shown(now)}"


def _in_list(path: str, before: Any, now: Any) -> str:
    if len(before) != len(now):
        return f"{path} had {len(before)} members and has {len(now)}"
    if all(map(operator.is_, before, now)):
        return ""
    pairs = enumerate(zip(before, now, strict=True))
    return next(filter(None, (difference(f"{path}[{k}]", a, b) for k, (a, b) in pairs)), "")


def _in_dict(path: str, before: dict[Any, Any], now: dict[Any, Any]) -> str:
    if list(map(_key, before)) != list(map(_key, now)):
        keys = ", ".join([repr(key) for key in (*now, *before) if key not in before or key not in now][:3])
        return (
            f"{path} has other keys: {keys}"
            if keys
            else f"{path} has its keys in another order, or of another type"
        )
    return next(filter(None, (difference(f"{path}[{key!r}]", before[key], now[key]) for key in before)), "")


def _alike(before: Any, now: Any) -> bool:
    if type(before) is not type(now):
        return False
    if isinstance(before, float):
        same = before == now and math.copysign(1.0, before) == math.copysign(1.0, now)
        return same or (before != before and now != now)
    return isinstance(before, (int, str, bytes, complex, range)) and bool(before == now)


def _key(member: Any) -> Any:
    """What tells members of sets apart: 1, 1.0 and True too."""
    return (type(member), repr(member)) if isinstance(member, int | float) else member


def _shown(thing: Any) -> str:
    if isinstance(thing, (int, float, str, bytes, _Missing)) or thing is None:
        return f"{thing!r:.40}"
    name = getattr(thing, "__name__", None)
    return name if isinstance(name, str) else f"a {type(thing).__name__}"
