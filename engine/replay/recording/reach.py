"""Reach: everything that a function can read besides its inputs, found by walking from the function.

A function leads to the variables of the functions around it, to its defaults, and to the globals that its
code names; an object leads to its class and to those of its attributes that any code met so far names,
whatever object that code meant; containers lead to their members. What nobody's code names is not walked: an
object holds more than a function reads, and what it does not read may change. What is referred to weakly is
walked too, and not kept alive.
"""

from __future__ import annotations

import builtins
import random
import sys
from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache, cached_property, partial
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any
from weakref import ref

from engine.operation import Operation
from engine.replay.recording.names import UNREPEATABLE_ATTRIBUTES, Names, is_library, names_in, unrepeatable
from engine.replay.recording.objects import (
    counter_of,
    each_value,
    holds_values,
    is_of_library,
    members_of,
    name_of,
    namespace,
    slots,
    uncounted_of,
)
from engine.replay.recording.places import (
    MISSING,
    Attribute,
    Counter,
    Entry,
    Form,
    Members,
    Numbers,
    Place,
    Variable,
    let_go,
)
from engine.value import Value

__all__ = ["Reach"]

_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, BuiltinFunctionType)
_WRAPPERS = (property, staticmethod, classmethod, cached_property, type(cache(len)))
_CALLABLES = (FunctionType, MethodType, BuiltinFunctionType, type, *_WRAPPERS)
_PERHAPS_UNREPEATABLE = (ModuleType, FunctionType, BuiltinFunctionType, type)
_DEFAULTS = ("__defaults__", "__kwdefaults__")
_NOT_CALLED = {"__init__", "__new__", "__repr__", "__setattr__", "__delattr__", "__init_subclass__"}  # by us
_ALL_NAMES = {"getattr", "vars", "dir", "__dict__"}  # whoever says so may mean any attribute
_ASKING = {"getattr", "hasattr"}
MOST_THINGS = 100_000  # that are walked; what lies beyond is left to the comparison with eager


class Reach:
    """The places that a function reads, and what it reads that cannot be watched.

    `places` are to be looked at always, `code` too where there is room (functions, methods and classes, which
    hardly ever change), `counted` when one of their counters has risen, `seldom` now and then (what libraries
    hold); `refusal` says what makes replay impossible, "" for nothing.

    A class may count the changes of its instances itself: `__changes__` is a list with one number, which
    rises with every change of an attribute, or of a member, except for the attributes in `__uncounted__`.

    >>> settings = {"scale": 2.0}
    >>> [place.path for place in Reach(lambda x: x * settings["scale"]).places]
    ['settings', 'settings']
    """

    def __init__(self, function: Any) -> None:
        self.places: list[Place] = []
        self.code: list[Place] = []
        self.counted: list[Place] = []
        self.seldom: list[Place] = []
        self.refusal = ""
        self.names: set[str] = set()
        self._user_names: set[str] = set()  # in the user's own code
        self._set_or_asked: set[str] = set()  # attributes that need not be there yet
        self._names_of: dict[type, set[str]] = {}  # in the code of a class
        self.seen: dict[int, Any] = {}  # by id; keeps them alive, so that no id is used twice
        self._holders: list[tuple[str, Any, set[str]]] = []  # objects, and which names were looked up there
        self._values: list[tuple[str, Any]] = []  # Values, and containers that hold nothing else
        self.bound: list[Any] = []  # the objects of built-in methods, which are not walked
        self._weak: list[Any] = []  # what is referred to weakly
        self._waiting: deque[tuple[str, Any, bool]] = deque()
        self._counters: set[int] = set()
        self._inherited = cache(
            lambda bases: {n: v for base in reversed(bases) for n, v in vars(base).items()}
        )
        self._later(name_of(function), function, mine=True)
        self._walk()
        let_go([*self.places, *self.code, *self.counted, *self.seldom], self._weak)

    # ── The walk ──────────────────────────────────────────────────────────────────────────────────

    def _later(self, path: str, thing: Any, *, mine: bool) -> None:
        """Walk this thing, if that is not done; `mine` tells that the user's own code leads there."""
        if mine and isinstance(thing, _PERHAPS_UNREPEATABLE) and unrepeatable(thing):
            self._refuse(path, "gives something else each time, which nothing can watch")
        if type(thing) in _PLAIN or id(thing) in self.seen or len(self.seen) > MOST_THINGS:
            self.bound.append(getattr(thing, "__self__", None))
            return
        self.seen[id(thing)] = thing
        self._waiting.append((path, thing, mine))

    def _walk(self) -> None:
        known = -1
        while self._waiting or known != len(self.names):
            known = len(self.names)
            while self._waiting:
                self._visit(*self._waiting.popleft())
            for path, holder, done in list(self._holders):
                self._look_up(path, holder, done)
        for path, holder, _ in self._holders:
            self._uncounted(path, holder)
        for name in self._user_names & {"grad", "label"}:
            self.places += [Attribute(f"{at}.{name}", value, name) for at, value in each_value(self._values)]

    def _visit(self, path: str, thing: Any, mine: bool) -> None:  # noqa: C901, PLR0912  (one kind a case)
        if isinstance(thing, Value):
            self._values.append((path, thing))
        elif isinstance(thing, FunctionType):
            self._function(path, thing)
        elif isinstance(thing, MethodType):
            self._later(path, thing.__func__, mine=mine)
            self._later(name_of(thing.__self__), thing.__self__, mine=mine)
        elif isinstance(thing, ref):
            self._weak.append(thing())
            self._later(f"{path}()", thing(), mine=mine)
        elif isinstance(thing, ContextVar):
            self.places.append(Variable(path, thing))
            self._later(path, self.places[-1].seen, mine=mine)
        elif isinstance(thing, partial):
            for member in (thing.func, *thing.args):
                self._later(path, member, mine=mine)
            self._container(f"{path}.keywords", thing.keywords, mine)
        elif isinstance(thing, (*_WRAPPERS, Operation)):
            for name in ("fget", "__func__", "func", "__wrapped__", "forward", "partials", "lowered"):
                self._later(path, getattr(thing, name, None), mine=mine)
        elif isinstance(thing, type):
            self._class(path, thing)
        elif isinstance(thing, ModuleType):
            if not is_of_library(thing):
                self._holders.append((path, thing, set()))
        elif isinstance(thing, (list, tuple, dict, set, frozenset, deque, MappingProxyType)):
            self._container(path, thing, mine)
            self._object(path, thing)
        elif isinstance(thing, bytearray) or (
            hasattr(type(thing), "tobytes") and hasattr(type(thing), "__setitem__")
        ):
            holds_objects = getattr(getattr(thing, "dtype", None), "kind", "") == "O"
            self.places.append((Members if holds_objects else Numbers)(path, thing))
            if hasattr(thing, "dtype"):
                self.seldom.append(Form(path, thing))
            for member in thing.flat if holds_objects else ():
                self._later(path, member, mine=mine)
        elif hasattr(type(thing), "to_numpy"):
            self.seldom.append(Numbers(path, thing))
        elif mine and isinstance(thing, Iterator):
            self._refuse(path, "is used up by reading it; pass its members as arguments")
        elif not isinstance(thing, random.Random):
            self._object(path, thing)
            if type(thing).__module__ == "ctypes":
                self.places.append(Numbers(path, memoryview(thing)))

    def _refuse(self, path: str, why: str) -> None:
        self.refusal = self.refusal or f"reads {path}, which {why}"

    def _container(self, path: str, thing: Any, mine: bool) -> None:
        counter = counter_of(thing)
        if counter is not None:
            self._count(counter)
            self.counted.append(Members(path, thing))
        elif not isinstance(thing, (tuple, frozenset)):
            self.places.append(Members(path, thing))
        if holds_values(thing):  # which lead no further
            self._values.append((path, thing))
            return
        for at, member in members_of(path, thing):
            self._later(at, member, mine=mine)

    def _function(self, path: str, function: FunctionType, owner: type | None = None) -> None:
        code = function.__code__
        mine = not is_library(function.__globals__.get("__name__") or "", code.co_filename)
        names = names_in(code)
        self._learn(names, mine, owner)
        if function.__globals__.get("__name__") != "engine.quick":  # whose code follows the modes
            (self.code if mine else self.seldom).append(Attribute(f"{path}.__code__", function, "__code__"))
        cells = function.__closure__ or ()
        found: list[Place] = [
            *(Attribute(n, cell, "cell_contents") for n, cell in zip(code.co_freevars, cells, strict=True)),
            *(Attribute(f"{path}.{n}", function, n) for n in _DEFAULTS if getattr(function, n)),
        ]
        (self.places if mine else self.seldom).extend(found)
        for place in found:
            self._later(place.path, place.seen, mine=mine)
        if mine:
            self._holders.append((path, function, set()))
            self._globals(function.__globals__, names)

    def _learn(self, names: Names, mine: bool, owner: type | None) -> None:
        self.names |= names.attributes
        if owner is not None:
            self._names_of.setdefault(owner, set()).update(names.attributes)
        if mine:
            self._user_names |= names.attributes
            self._set_or_asked |= names.stored
            if _ASKING & names.globals:
                self._set_or_asked |= names.texts
            self._user_names |= names.globals & _ALL_NAMES
            self.names |= names.stored
            for name in sorted(names.attributes & UNREPEATABLE_ATTRIBUTES.keys()):
                self.refusal = self.refusal or f"uses .{name}: {UNREPEATABLE_ATTRIBUTES[name]}"
            for number in sorted(names.identical):
                self.refusal = self.refusal or f"asks whether something is {number}: write == {number}"

    def _globals(self, namespace: dict[str, Any], names: Names) -> None:
        for name in sorted(names.globals):
            place = Entry(name, namespace, name)
            is_builtin = place.seen is MISSING and hasattr(builtins, name)
            (self.seldom if is_builtin else self.places).append(place)
            self._later(name, getattr(builtins, name, None) if is_builtin else place.seen, mine=True)
        for name in sorted(names.imported):
            self._later(name, sys.modules.get(name), mine=True)

    # ── Objects, and their attributes that code names ─────────────────────────────────────────────

    def _object(self, path: str, thing: Any) -> None:
        if str(type(thing).__module__).partition(".")[0] in ("builtins", "engine"):
            return  # a compiled function, say, whose own state is no affair of those who hold it
        self._holders.append((path, thing, set()))
        if not is_of_library(thing):
            self.code.append(Attribute(f"{path}.__class__", thing, "__class__"))
        for kind in type(thing).__mro__:
            self._later(kind.__name__, kind, mine=False)

    def _class(self, path: str, kind: type) -> None:
        if kind.__module__ == "builtins" or issubclass(kind, Value):
            return
        library = is_of_library(kind)
        self._holders.append((path, kind, set()))
        for base in (*kind.__mro__[1:], type(kind)):
            self._later(base.__name__, base, mine=False)
        for name, held in list(vars(kind).items()):  # what Python calls by itself: __call__, __add__, …
            if name[:2] == "__" and isinstance(held, FunctionType) and not (library and name in _NOT_CALLED):
                self._method(f"{path}.{name}", held, kind)
                if not library:
                    self.code.append(Entry(f"{path}.{name}", vars(kind), name))

    def _method(self, path: str, function: FunctionType, owner: type) -> None:
        if id(function) not in self.seen:
            self.seen[id(function)] = function
            self._function(path, function, owner)

    def _look_up(self, path: str, holder: Any, done: set[str]) -> None:
        """Watch, and walk, those attributes that code names by now."""
        own = namespace(holder)
        mine = not is_of_library(holder)
        wanted = self.names - done
        done |= wanted
        has_all = mine and _ALL_NAMES & self._user_names and not isinstance(holder, ModuleType)
        named = {name for name in own if name[:2] != "__"} if has_all else ()
        found = [name for name in (*own, *slots(holder)) if name in wanted or name in named]
        for name in found:
            if name not in own:
                place: Place = Attribute(f"{path}.{name}", holder, name)
            else:
                place = Entry(f"{path}.{name}", own, name, holder if isinstance(holder, type) else None)
            self._keep(place, holder)
            if isinstance(place.seen, FunctionType) and isinstance(holder, type):
                self._method(place.path, place.seen, holder)
            else:
                self._later(place.path, place.seen, mine=mine)
        asks = mine and {"vars", "dir", "__dict__"} & self._user_names
        if asks and isinstance(own, dict) and id(own) not in self.seen:
            self.seen[id(own)] = own
            self.places.append(Members(f"vars({path})", own))
        if (mine or counter_of(holder) is not None) and not isinstance(holder, ModuleType):
            self._unset(path, holder, own, wanted)

    def _unset(self, path: str, holder: Any, own: Any, wanted: set[str]) -> None:
        """Attributes that an object or a class of the user's has not itself: to set one is a change."""
        bases = holder.__mro__[1:] if isinstance(holder, type) else type(holder).__mro__
        inherited = self._inherited(bases)
        is_function = isinstance(holder, FunctionType)
        is_seldom = counter_of(holder) is None and not is_function
        for name in sorted(wanted - own.keys()):
            default = inherited.get(name, MISSING)
            is_number = default is not MISSING and not isinstance(default, _CALLABLES) and not is_function
            if is_number or name in self._set_or_asked:
                kind = holder if isinstance(holder, type) else None
                self._keep(Entry(f"{path}.{name}", own, name, kind), holder)
            elif is_seldom and name in self._user_names:
                self.seldom.append(Entry(f"{path}.{name}", own, name))

    def _keep(self, place: Place, holder: Any) -> None:
        counter = counter_of(holder)
        if counter is not None:
            if place.key not in uncounted_of(holder):
                self._count(counter)
                self.counted.append(place)
        elif isinstance(holder, type) and is_of_library(holder):
            self.seldom.append(place)
        elif isinstance(place.seen, _CALLABLES) and isinstance(holder, type):
            self.code.append(place)
        else:
            self.places.append(place)

    def _uncounted(self, path: str, holder: Any) -> None:
        """Attributes whose changes are not counted, where its class's code or the user's names them."""
        own = namespace(holder)
        if counter_of(holder) is None or isinstance(holder, type):
            return
        readers = [self._names_of.get(kind, set()) for kind in type(holder).__mro__]
        for name in sorted(uncounted_of(holder)):
            if name in self._user_names or any(name in names for names in readers):
                self.places.append(Entry(f"{path}.{name}", own, name))

    def _count(self, counter: list[int]) -> None:
        if id(counter) not in self._counters:
            self._counters.add(id(counter))
            self.places.append(Counter("the number of changes", counter))
