"""Watch: whether all that a function reads besides its inputs is as it was when it was recorded.

What is likely to change is looked at before every call, by one test of some tenths of a microsecond. What
counts its own changes (a module of `nn`, with all its parts) is in that test with its counter. What hardly
ever changes, and what is too long to be looked at so often, is looked at for a bounded share of the time.

>>> settings = {"scale": 2.0}
>>> watch = Watch(lambda x: x * settings["scale"])
>>> watch.same()
True
>>> settings["scale"] = 3.0
>>> watch.same(), watch.look()
(False, "settings['scale'] was 2.0 and is 3.0")
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from engine.replay.recording.places import (
    EQUAL,
    MISSING,
    Attribute,
    Counter,
    Members,
    Numbers,
    Place,
)
from engine.replay.recording.randomness import generators_among
from engine.replay.recording.reach import Reach
from engine.value import Value

__all__ = ["Watch", "quick_test"]

MOST_TESTS = 16  # of 3 to 20 ns
MOST_MEMBERS = 128  # of lists and dicts, about 1 ns each
MOST_NUMBERS = 16  # in one list, of those that are compared one by one each time, about 30 ns each
MOST_BYTES = 2**15  # of arrays, about 1 µs
_NAMES = (Exception, hasattr, all, len, map, id, operator.is_)  # that the quick test uses
_NAMESPACE = {"__builtins__": {each.__name__: each for each in _NAMES}}


class Watch:
    """Everything that a function reads besides its inputs, as it was when last looked at.

    `same()` is the quick test, `same_seldom()` one of what hardly ever changes or is long; `look()` says what
    has changed, `put_back()` makes everything as it was. `packages` are those whose functions it calls,
    `generators` of random numbers those that it can draw from, as far as its code tells.
    `refusal` says what the function reads that cannot be watched, "" where there is no such thing.
    """

    def __init__(self, function: Any, parameters: Iterable[Value] = ()) -> None:
        self._function, self._parameters = function, set(parameters)
        self._walk()

    def _walk(self) -> None:
        reach = Reach(self._function)
        self.refusal = reach.refusal or _gradient_read(reach, self._parameters)
        functions = [thing for thing in reach.seen.values() if isinstance(thing, FunctionType)]
        self.packages = {f"{each.__module__}".partition(".")[0] for each in functions}
        self.generators = generators_among([*reach.seen.values(), *reach.bound])
        self._counted = reach.counted
        self._always: list[Place] = []
        self._seldom: list[Place] = [*reach.seldom]
        members, size = MOST_MEMBERS, MOST_BYTES  # that there is room for
        for place in (*sorted(reach.places, key=_rank), *reach.code):
            more = len(place) if isinstance(place, Members) else 0
            wide = len(place.seen) if isinstance(place, Numbers) else 0
            fits = more <= members and wide <= size and len(self._always) < MOST_TESTS
            if fits or isinstance(place, Counter):
                members, size = members - more, size - wide
                self._always.append(place)
            else:
                self._seldom.append(place)
        self._renew()

    def _renew(self) -> None:
        """Make the tests of what is there now; numbers in long lists are compared one by one only seldom."""
        self.same: Callable[[], bool] = quick_test(self._always, MOST_NUMBERS)
        many = [place for place in self._always if isinstance(place, Members) and len(place) > MOST_NUMBERS]
        self.same_seldom: Callable[[], bool] = quick_test([*self._seldom, *many])

    def add(self, values: Iterable[Value]) -> None:
        """Watch the `data` of these Values too: the function has read it as a number."""
        known = {id(place.owner) for place in self._always if place.key == "_data"}
        new = [value for value in values if id(value) not in known]
        self._always += [
            Attribute(f"the data of {value.label or 'a Value'}", value, "_data") for value in new
        ]
        self._renew()

    def look(self, *, everything: bool = False) -> str:
        """What has changed, in words, "" for nothing; with `everything` whatever the counters say."""
        counters = [place for place in self._always if isinstance(place, Counter)]
        places = [place for place in self._always if not isinstance(place, Counter)]
        if everything or any(place.read() != place.seen for place in counters):
            places += self._counted
        if everything or not self.same_seldom():
            places += self._seldom
        what = next(filter(None, (place.look() for place in places)), "")
        if not what:
            if any(place.is_moved for place in places):  # what is there now has to be walked
                read = [place.owner for place in self._always if place.key == "_data"]
                self._walk()
                self.add(read)
            for place in counters:
                place.seen = place.read()
            self._renew()
        return what

    def put_back(self) -> None:
        """Make all that is watched as it was when last looked at."""
        for place in self._everything():
            if place.look():
                place.write(place.seen)

    def _everything(self) -> list[Place]:
        return [*self._always, *self._counted, *self._seldom]


def _rank(place: Place) -> int:
    """What is likely to change comes first: numbers and objects; functions after, then what is not there."""
    if place.seen is MISSING:
        return 2
    return int(isinstance(place.seen, (type, ModuleType, FunctionType, BuiltinFunctionType)))


def _gradient_read(reach: Reach, parameters: set[Value]) -> str:
    """Which parameter's gradient is read: each step of a training changes it, in replay at another time."""
    read = [place for place in reach.places if place.key == "grad" and isinstance(place.owner, Value)]
    found = [place.path for place in read if place.owner in parameters]
    return f"reads {found[0]}, which every step changes; pass it as an argument" if found else ""


# ── The quick test ────────────────────────────────────────────────────────────────────────────────


def quick_test(places: Iterable[Place], most: float = math.inf) -> Any:
    """A function without arguments: whether all places hold the very objects that they held.

    It may say False where nothing has changed (another float with the same number), and then `look` decides.
    Lists are compared all at once by ==; those in which that does not see it all (1 == True), of at most
    `most` members, by the identities of these.

    >>> settings = [1.0, 2.0]
    >>> same = quick_test([Members("settings", settings)])
    >>> same(), settings.append(3.0), same()
    (True, None, False)
    """
    tests: list[str] = []
    named: dict[str, Any] = {}
    lists: list[tuple[Any, Any]] = []
    for n, place in enumerate(places):
        expression, seen = place.test(most) if isinstance(place, Members) else (place.expression, place.seen)
        if expression == EQUAL:
            lists.append((place.owner, seen))
            continue
        named |= {f"a{n}": place.owner, f"b{n}": seen}
        tests.append(expression.format(f"a{n}", f"b{n}"))
    if lists:
        tests.append("a == b")
        named["a"], named["b"] = map(list, zip(*lists, strict=True))
    code = _compiled(" and ".join(tests) or "True", tuple(named))
    return FunctionType(code, _NAMESPACE, "same", tuple(named.values()))


@lru_cache(maxsize=256)
def _compiled(test: str, names: Sequence[str]) -> CodeType:
    arguments = ", ".join(f"{name}=None" for name in names)
    source = f"def same({arguments}):\n try:\n  return {test}\n except Exception:\n  return False"
    found: dict[str, Any] = {}
    exec(source, dict(_NAMESPACE), found)  # noqa: S102  (our own text; names in it are quoted)
    code: CodeType = found["same"].__code__
    return code
