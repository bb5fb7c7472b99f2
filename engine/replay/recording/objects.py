"""What an object holds, and whose it is: asked without running any code of its own where that can be."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import FunctionType, MappingProxyType, MemberDescriptorType, ModuleType
from typing import Any

from engine.replay.recording.names import is_library
from engine.value import Value

__all__ = [
    "counter_of",
    "each_value",
    "holds_values",
    "is_of_library",
    "members_of",
    "name_of",
    "namespace",
    "slots",
    "uncounted_of",
]


def name_of(thing: Any) -> str:
    """Its own name, or that of its class."""
    name = getattr(thing, "__name__", type(thing).__name__)
    return name if isinstance(name, str) else type(thing).__name__


def counter_of(thing: Any) -> list[int] | None:
    """The counter of those whose class counts their changes: `__changes__`, a list with one number."""
    counter = None if isinstance(thing, type) else getattr(type(thing), "__changes__", None)
    return counter if isinstance(counter, list) else None


def uncounted_of(thing: Any) -> frozenset[str]:
    """The attributes whose changes its class does not count."""
    found = getattr(type(thing), "__uncounted__", ())
    return frozenset(found)


def namespace(holder: Any) -> Any:
    """The `__dict__` of an object, a class or a module; empty for those who have none."""
    if isinstance(holder, type):
        return type.__getattribute__(holder, "__dict__")
    found = getattr(holder, "__dict__", None)
    return found if isinstance(found, dict) else {}


def slots(holder: Any) -> Iterator[str]:
    """The names of an object's slots."""
    for kind in () if isinstance(holder, (type, ModuleType)) else type(holder).__mro__:
        if kind.__module__ != "builtins" and "__slots__" in vars(kind):
            yield from (n for n, d in vars(kind).items() if isinstance(d, MemberDescriptorType))


def is_of_library(thing: Any) -> bool:
    """Whether a module, a function, a class, or the class of an object belongs to a library."""
    if isinstance(thing, ModuleType):
        return is_library(thing.__name__, getattr(thing, "__file__", None) or "")
    if isinstance(thing, FunctionType):
        return is_library(thing.__globals__.get("__name__") or "", thing.__code__.co_filename)
    kind = thing if isinstance(thing, type) else type(thing)
    if kind.__name__ in ("SimpleNamespace", "Namespace"):  # libraries' classes that hold the user's things
        return False
    module: Any = kind.__module__
    if not isinstance(module, str):  # a class of C that is made in an unusual way
        return True
    found = sys.modules.get(module)
    return is_library(module, getattr(found, "__file__", None) or "")


def members_of(path: str, thing: Any) -> list[tuple[str, Any]]:
    """(how one writes it, member) for all that a container holds."""
    if isinstance(thing, (dict, MappingProxyType)):
        return [(f"{path}[{key!r}]", member) for key, member in thing.items()]
    return [(f"{path}[{place}]", member) for place, member in enumerate(thing)]


def holds_values(thing: Any) -> bool:
    """Whether a list or tuple holds Values and nothing else, as the weights of a layer: often very many."""
    return isinstance(thing, (list, tuple)) and set(map(type, thing)) == {Value}


def each_value(things: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Value]]:
    """(how one writes it, Value) for these Values and for those in these lists of Values, each once."""
    known: set[int] = set()
    for path, thing in things:
        for at, value in [(path, thing)] if isinstance(thing, Value) else members_of(path, thing):
            if id(value) not in known:
                known.add(id(value))
                yield at, value
