"""Places that code reads: a variable, an attribute, the members of a list; what was there, and whether it is.

Every kind of place says how it is looked at in one expression, of which one test of a few hundred nanoseconds
is put together for many of them; what was there; and how to put that back.
"""

from __future__ import annotations

from collections import UserDict, deque
from collections.abc import Iterable
from types import CellType, MappingProxyType, MethodType
from typing import Any
from weakref import proxy, ref

from engine.replay.recording.differences import MISSING, difference
from engine.value import Value

__all__ = [
    "MISSING",
    "Attribute",
    "Cell",
    "Counter",
    "Entry",
    "Members",
    "Numbers",
    "Objects",
    "Place",
    "Table",
    "Variable",
    "difference",
    "let_go",
]


_PLAIN_CONTAINERS = {list, dict, set, tuple}
_ALIKE = {
    str,
    bytes,
    list,
    dict,
    set,
}  # which are alike where they are equal; those of containers are members
_BY_IDENTITY = (object.__eq__, Value.__eq__)


class Place:
    """A place that holds one object: `path` is how one would write it, `seen` the object that was there."""

    expression = ""  # of the owner {0} and what was seen {1}: true where nothing has changed

    def __init__(self, path: str, owner: Any, key: Any = None) -> None:
        self.path, self.owner, self.key = path, owner, key
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
            self.seen = found
        return what

    def put_back(self) -> None:
        """Make it as it was."""
        if self.read() is not self.seen:
            self.write(self.seen)


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
    """An attribute that is in no `__dict__`: a slot, a function's defaults, the `grad` of a Value."""

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


class Cell(Attribute):
    """A variable of an enclosing function, which need not be set."""

    def __init__(self, path: str, owner: CellType) -> None:
        super().__init__(path, owner, "cell_contents")


class Variable(Place):
    """A context variable."""

    expression = "{0}.get(None) is {1}"

    def read(self) -> Any:
        """What it is here, None for nothing."""
        return self.owner.get(None)

    def write(self, thing: Any) -> None:
        """Set it."""
        self.owner.set(thing)


class Objects(Place):
    """What an array of objects holds."""

    expression = "{0}.tolist() == {1}"

    def read(self) -> Any:
        """The objects, in lists."""
        return self.owner.tolist()

    def write(self, thing: Any) -> None:
        """Put them back."""
        self.owner[...] = thing


class Table(Place):
    """The numbers of what gives them as an array: pandas, whose own affair it is what may be written."""

    expression = "{0}.to_numpy().tobytes() == {1}"

    def read(self) -> bytes:
        """The numbers."""
        return bytes(self.owner.to_numpy().tobytes())


class Counter(Place):
    """A list with one number, which is raised whenever something that belongs together changes."""

    expression = "{0}[0] == {1}"

    def read(self) -> int:
        """The number."""
        return int(self.owner[0])


class Members(Place):
    """What a list, dict or set holds, with the lists and dicts in it."""

    expression = "{0} == {1}"

    def __init__(self, path: str, owner: Any) -> None:
        self.is_map = isinstance(owner, (dict, MappingProxyType))
        if self.is_map:
            self.expression = "{0} == {1} and [*{0}] == [*{1}]"  # and in this order
        self.inner: list[tuple[Any, Any]] = []  # (a container, a copy of what it held)
        super().__init__(path, owner)

    def read(self) -> Any:
        """A copy of the structure; what stands in it are the objects themselves."""
        self.inner = []
        return self._copied(self.owner)

    def _copied(self, thing: Any) -> Any:
        if isinstance(thing, (dict, MappingProxyType)):
            held = dict(thing)
            self.inner.append((thing, held))
            return {key: self._inside(member) for key, member in held.items()}
        copy = set(thing) if isinstance(thing, set) else list(thing)
        self.inner.append((thing, copy))
        if isinstance(thing, set):
            return copy
        has_inner = not _PLAIN_CONTAINERS.isdisjoint(map(type, copy))
        members = [self._inside(member) for member in copy] if has_inner else copy
        return deque(members) if isinstance(thing, deque) else members

    def _inside(self, thing: Any) -> Any:
        """A plain container inside another is copied too, unless it stands in itself."""
        if type(thing) in (list, dict, set) and all(thing is not held for held, _ in self.inner):
            return self._copied(thing)
        return tuple([self._inside(member) for member in thing]) if type(thing) is tuple else thing

    def look(self) -> str:
        """As for every place, but member by member."""
        held = self.inner
        found = self.read()
        what = difference(self.path, self.seen, found)
        if what:
            self.inner = held
        else:
            self.seen = found
        return what

    def put_back(self) -> None:
        """The members that there were, in the containers that held them."""
        for container, copy in reversed(self.inner):
            if isinstance(container, MappingProxyType):
                continue  # a view of another dict, which has a place of its own where code reaches it
            if _objects(container) == _objects(copy):
                continue
            container.clear()
            if isinstance(container, (dict, set)):
                container.update(copy)
            else:
                container.extend(copy)

    @property
    def is_plain(self) -> bool:
        """Whether == finds all that has changed: not in numbers, since 1 == True and 0.0 == −0.0."""
        kinds = {kind for _, copy in self.inner for kind in map(type, copy)}
        kinds |= {
            kind for _, copy in self.inner if isinstance(copy, dict) for kind in map(type, copy.values())
        }
        return all(kind in _ALIKE or kind.__eq__ in _BY_IDENTITY for kind in kinds)

    def __len__(self) -> int:
        """How many members there are in all."""
        return sum(len(copy) for _, copy in self.inner)


def _objects(container: Any) -> Any:
    """Which objects a container holds, by their identities, in order where it has one."""
    if isinstance(container, dict):
        return [*map(id, container)], [*map(id, container.values())]
    return {*map(id, container)} if isinstance(container, set) else [*map(id, container)]


class Numbers(Place):
    """The numbers in an array, or in whatever else shows its memory."""

    def __init__(self, path: str, owner: Any) -> None:
        self.expression = "{0} == {1}" if isinstance(owner, bytearray) else "{0}.tobytes() == {1}"
        super().__init__(path, owner)

    def read(self) -> bytes:
        """The memory, copied."""
        return bytes(self.owner) if isinstance(self.owner, bytearray) else bytes(self.owner.tobytes())

    def look(self) -> str:
        """Whether a bit is another one."""
        return "" if self.read() == self.seen else f"{self.path} holds other numbers"

    def write(self, thing: Any) -> None:
        """The numbers that there were, where they can be written."""
        if isinstance(self.owner, bytearray):
            self.owner[:] = thing
            return
        view = memoryview(self.owner)
        if view.c_contiguous and not view.readonly and view.nbytes == len(thing):
            view.cast("B")[:] = thing

    def put_back(self) -> None:
        """Make it as it was."""
        if self.read() != self.seen:
            self.write(self.seen)


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
