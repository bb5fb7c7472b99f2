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

from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from engine.replay.recording.places import MISSING, Attribute, Counter, Members, Numbers, Place, quick_test
from engine.replay.recording.reach import Reach
from engine.value import Value

__all__ = ["Watch"]

MOST_TESTS = 16  # of about 20 ns
MOST_MEMBERS = 128  # of lists and dicts, about 1 ns each
MOST_BYTES = 2**15  # of arrays, about 1 µs


class Watch:
    """Everything that a function reads besides its inputs, as it was when last looked at.

    `same()` is the quick test, `same_seldom()` one of what hardly ever changes or is long; `look()` says what
    has changed, `put_back()` makes everything as it was. `packages` are those whose functions it calls.
    `refusal` says what the function reads that cannot be watched, "" where there is no such thing.
    """

    def __init__(self, function: Any, parameters: Iterable[Value] = ()) -> None:
        reach = Reach(function)
        self.refusal = reach.refusal or _gradient_read(reach, set(parameters))
        functions = [thing for thing in reach.seen.values() if isinstance(thing, FunctionType)]
        self.packages = {f"{each.__module__}".partition(".")[0] for each in functions}
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
        self.same: Callable[[], bool] = quick_test(self._always)
        self.same_seldom: Callable[[], bool] = quick_test(self._seldom)

    @property
    def paths(self) -> list[str]:
        """How a reader would write all that is watched."""
        return sorted({place.path for place in self._everything()})

    def add(self, values: Iterable[Value]) -> None:
        """Watch the `data` of these Values too: the function has read it as a number."""
        known = {id(place.owner) for place in self._always if place.key == "_data"}
        new = [value for value in values if id(value) not in known]
        self._always += [
            Attribute(f"the data of {value.label or 'a Value'}", value, "_data") for value in new
        ]
        self.same = quick_test(self._always)

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
            for place in counters:
                place.seen = place.read()
            self.same = quick_test(self._always)
            self.same_seldom = quick_test(self._seldom)
        return what

    def put_back(self) -> None:
        """Make all that is watched as it was when last looked at."""
        for place in self._everything():
            if place.look():
                place.put_back()

    def _everything(self) -> list[Place]:
        return [*self._always, *self._counted, *self._seldom]


def _rank(place: Place) -> int:
    """What is likely to change comes first: numbers and objects; functions after, then what is not there."""
    if place.seen is MISSING:
        return 2
    return int(isinstance(place.seen, (type, ModuleType, FunctionType, BuiltinFunctionType)))


def _gradient_read(reach: Reach, parameters: set[Value]) -> str:
    """Which parameter's gradient is read: each step of a training changes it, in replay at another time."""
    found = [place.path for place in reach.places if place.key == "grad" and place.owner in parameters]
    return f"reads {found[0]}, which every step changes; pass it as an argument" if found else ""
