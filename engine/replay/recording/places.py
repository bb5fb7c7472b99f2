"""Places that code reads: a variable, an attribute, the members of a list; what was there, and whether it is.

Every kind of place says how it is looked at in one expression, of which one test of a few hundred nanoseconds
is put together for many of them; what was there; and how to put that back.
"""

from __future__ import annotations

import operator
from collections import UserDict, deque
from collections.abc import Iterable
from types import MappingProxyType, MethodType
from typing import Any
from weakref import proxy, ref

from engine.replay.recording.differences import MISSING, difference
from engine.value import Value

__all__ = [
    "EQUAL",
    "MISSING",
    "Attribute",
    "Counter",
    "Entry",
    "Form",
    "Members",
    "Numbers",
    "Place",
    "Variable",
    "difference",
    "let_go",
]


_CONTAINERS = {list, dict, set, frozenset, tuple}
_BY_IDENTITY = (object.__eq__, Value.__eq__)
EQUAL = "{0} == {1}"  # of lists


class Place:
    """A place that holds one object: `path` is how one would write it, `seen` the object that was there."""

    expression = ""  # of the owner {0} and what was seen {1}: true where nothing has changed

    def __init__(self, path: str, owner: Any, key: Any = None) -> None:
        self.path, self.owner, self.key = path, owner, key
        self.is_moved = False  # a container is there in the place of an equal one, whose members are watched
        self.seen: Any = self.read()

    def read(self) -> Any:
        """The object that is there now, MISSING for none."""
        raise NotImplementedError

    def write(self, thing: Any) -> None:
        """Put an object there; MISSING takes away what is there. Some kinds are not put back."""

    def look(self) -> str:
        """What has changed, in words; empty where nothing has: the same number in another object is none."""
        found = self.read()
        what = difference(self.path, self.seen, found)
        if not what:
            before, now = self._objects(self.seen), self._objects(found)
            if not all(map(operator.is_, before, now)):
                self.is_moved |= any(a is not b and _can_change(b) for a, b in zip(before, now, strict=True))
            self.seen = found
        return what

    def _objects(self, seen: Any) -> list[Any]:
        """The objects in what was seen."""
        return [seen]


class Entry(Place):
    """A name in a namespace: a global, an attribute of an object that has a `__dict__`, or of a class."""

    def __init__(self, path: str, owner: Any, key: str, kind: type | None = None) -> None:
        self._kind = kind  # the class whose namespace it is
        super().__init__(path, owner, key)

    @property
    def expression(self) -> str:  # type: ignore[override]
        """Quickest where the name is there."""
        return f"{self.key!r} not in {{0}}" if self.seen is MISSING else f"{{0}}[{self.key!r}] is {{1}}"

    def read(self) -> Any:
        """The object under the name."""
        return self.owner.get(self.key, MISSING)

    def write(self, thing: Any) -> None:
        """Set or delete the name."""
        if self._kind is not None:
            if thing is MISSING:
                type.__delattr__(self._kind, self.key)
            else:
                type.__setattr__(self._kind, self.key, thing)
        elif isinstance(self.owner, dict | UserDict):
            if thing is MISSING:
                self.owner.pop(self.key, None)
            else:
                self.owner[self.key] = thing


class Attribute(Place):
    """An attribute that is in no `__dict__`: a slot, a function's defaults, what a cell holds."""

    @property
    def expression(self) -> str:  # type: ignore[override]
        """A slot may be empty."""
        return f"not hasattr({{0}}, {self.key!r})" if self.seen is MISSING else f"{{0}}.{self.key} is {{1}}"

    def read(self) -> Any:
        """The attribute's object."""
        try:
            return getattr(self.owner, self.key, MISSING)
        except (ReferenceError, ValueError):  # the owner, not kept alive here, is gone; an empty cell
            return MISSING

    def write(self, thing: Any) -> None:
        """Set or delete the attribute."""
        if thing is MISSING:
            delattr(self.owner, self.key)
        else:
            setattr(self.owner, self.key, thing)


class Variable(Place):
    """A context variable."""

    expression = "{0}.get(None) is {1}"

    def read(self) -> Any:
        """What it is here, None for nothing."""
        return self.owner.get(None)

    def write(self, thing: Any) -> None:
        """Set it."""
        self.owner.set(thing)


class Counter(Place):
    """A list with one number, which is raised whenever something that belongs together changes."""

    expression = "{0}[0] == {1}"

    def read(self) -> int:
        """The number."""
        return int(self.owner[0])


class Members(Place):
    """What a list, dict, set or an array of objects holds; containers in it have places of their own."""

    def read(self) -> Any:
        """The same objects in another container."""
        if isinstance(self.owner, (dict, MappingProxyType)):
            return dict(self.owner)
        if isinstance(self.owner, (set, deque)):
            return set(self.owner) if isinstance(self.owner, set) else deque(self.owner)
        return list(getattr(self.owner, "flat", self.owner))

    def _objects(self, seen: Any) -> list[Any]:
        return [*seen, *seen.values()] if isinstance(seen, dict) else [*seen]

    def test(self, most: float) -> tuple[str, Any]:
        """(an expression, what {1} is in it): == where this sees all, or of many members; else identities.

        An array has no == that says one thing of all.
        """
        objects = self._objects(self.seen)
        is_map, is_array = isinstance(self.seen, dict), hasattr(self.owner, "flat")
        if not is_array and (len(objects) > most or _is_plain(self.seen)):
            return EQUAL + " and [*{0}] == [*{1}]" * is_map, self.seen
        if isinstance(self.seen, set):
            return "{{*map(id, {0})}} == {1}", {*map(id, objects)}
        shown = "{0}.flat" if is_array else "{0}"
        now = "(*{0}, *{0}.values())" if is_map else shown
        return f"len({shown}) == {len(self)} and all(map(is_, {now}, {{1}}))", objects

    def write(self, thing: Any) -> None:
        """The members that there were; a view of a dict has none of its own."""
        if isinstance(self.owner, (dict, set)):
            self.owner.clear()
            self.owner.update(thing)
        elif isinstance(self.owner, (list, deque)):
            self.owner.clear()
            self.owner.extend(thing)
        elif hasattr(self.owner, "flat") and self.owner.size == len(thing):
            for place, member in enumerate(thing):  # one by one: a list among them is a single object
                self.owner.flat[place] = member

    def __len__(self) -> int:
        """How many members there are."""
        return len(self.seen)


def _is_plain(thing: Any, depth: int = 8) -> bool:
    """Whether == finds all that has changed in it: not in numbers, since 1 == True and 0.0 == −0.0."""
    members = [*thing, *thing.values()] if isinstance(thing, dict) else thing
    kinds = {*map(type, members)}
    inner = kinds & _CONTAINERS
    if not all(kind in (str, bytes) or kind.__eq__ in _BY_IDENTITY for kind in kinds - inner):
        return False
    inside = [member for member in members if type(member) in inner] if inner else ()
    return depth > 0 and all(_is_plain(member, depth - 1) for member in inside)


def _can_change(thing: Any) -> bool:
    """Whether a container, or one in this tuple, can have other members later."""
    kinds = (list, dict, set, deque)
    return isinstance(thing, kinds) or (isinstance(thing, tuple) and any(map(_can_change, thing)))


class Numbers(Place):
    """The numbers in an array, in whatever else shows its memory, or in a table of pandas."""

    def __init__(self, path: str, owner: Any) -> None:
        self._is_table = hasattr(type(owner), "to_numpy")
        super().__init__(path, owner)
        shown = "{0}.to_numpy()" if self._is_table else "{0}"
        how = "tobytes" if isinstance(self.seen, bytes) else "tolist"
        self.expression = EQUAL if isinstance(owner, bytearray) else f"{shown}.{how}() == {{1}}"

    def read(self) -> bytes | list[Any]:
        """The memory, copied; of a table of several types lists, for it makes objects each time."""
        shown = self.owner.to_numpy() if self._is_table else self.owner
        if self._is_table and shown.dtype == object:
            return list(shown.tolist())
        return bytes(shown if isinstance(shown, bytearray) else shown.tobytes())

    def look(self) -> str:
        """Whether a bit is another one."""
        found = self.read()
        if isinstance(found, list):
            return difference(self.path, self.seen, found)
        return "" if found == self.seen else f"{self.path} holds other numbers"

    def write(self, thing: Any) -> None:
        """The numbers that there were, where they can be written: what is in a table is its own affair."""
        if self._is_table:
            return
        if isinstance(self.owner, bytearray):
            self.owner[:] = thing
            return
        view = memoryview(self.owner)
        if view.c_contiguous and not view.readonly and view.nbytes == len(thing):
            view.cast("B")[:] = thing


class Form(Place):
    """The shape of an array, and the type of its numbers: both can be set, and the memory stays as it is."""

    expression = "({0}.shape, {0}.dtype) == {1}"

    def read(self) -> tuple[Any, Any]:
        """Both, as they are compared."""
        return self.owner.shape, self.owner.dtype

    def look(self) -> str:
        """What they were and are."""
        found = self.read()
        return "" if found == self.seen else f"{self.path} was {_form(self.seen)} and is {_form(found)}"


def _form(seen: tuple[Any, Any]) -> str:
    return f"{seen[1]} in the shape {seen[0]}"


class _Attributes(UserDict[str, Any]):
    """The `__dict__` of an object, which is not kept alive."""

    def __init__(self, thing: Any) -> None:
        self._ref = ref(thing)

    @property
    def data(self) -> dict[str, Any]:  # type: ignore[override]
        return getattr(self._ref(), "__dict__", {})


def let_go(places: Iterable[Place], things: Iterable[Any]) -> None:
    """Let no place, for being an attribute of one of these things, keep that alive."""
    weak: dict[int, Any] = {}
    for thing in things:
        if not isinstance(thing, MethodType | None):  # made anew whenever a WeakMethod is asked for it
            weak |= {id(getattr(thing, "__dict__", thing)): _Attributes(thing), id(thing): proxy(thing)}
    for place in places if weak else ():
        if isinstance(place, Entry | Attribute):
            place.owner = weak.get(id(place.owner), place.owner)
