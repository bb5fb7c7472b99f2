"""Parts: the list in which a module of ours keeps its parts; that it was changed can be seen.

>>> parts = Parts([1, 2])
>>> before = CHANGES[0]
>>> parts[0] = 3
>>> parts, CHANGES[0] - before
([3, 2], 1)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, TypeVar

__all__ = ["CHANGES", "Parts"]

CHANGES = [0]  # how often an attribute of any module, or a member of any Parts, has been set
Member = TypeVar("Member")


class Parts(list[Member]):
    """A list whose changes are counted, so that replay notices a replaced layer or weight at once."""

    __changes__: ClassVar[list[int]] = CHANGES


def _counted(name: str) -> Callable[..., Any]:
    method = getattr(list, name)

    @wraps(method)
    def counted(self: list[Any], *args: Any, **settings: Any) -> Any:
        CHANGES[0] += 1
        return method(self, *args, **settings)

    return counted


for _name in ("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"):
    setattr(Parts, _name, _counted(_name))
for _name in ("__delitem__", "__iadd__", "__imul__", "__setitem__"):
    setattr(Parts, _name, _counted(_name))
