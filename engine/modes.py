"""What can be switched on around code: `no_grad`, remembering lines, listening to branches, recording.

Each switch is in a context variable, so that threads and tasks do not see one another's. A node is made
in a fifth of a microsecond, in which asking three context variables would be felt: `anywhere` says
whether any thread has any switch on, and only then are the variables asked.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ContextDecorator, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Protocol, TypeVar

__all__ = [
    "Recorder",
    "branch",
    "collector_paused",
    "is_followed",
    "keeping_operands",
    "line_of_caller",
    "listening",
    "no_grad",
    "recorded_by",
    "recording",
    "refuse_to_record",
    "remember_lines",
    "session",
]


class Recorder(Protocol):
    """Hears all that is done with Values and with data: what replay records a function with.

    Operands may be Values, numbers, and tracers, which stand for the numbers of the data.
    """

    def begin(self, leaf: Any, number: Any, /) -> None:
        """Give a leaf that the function makes its number."""

    def make(self, operation: Any, operands: Sequence[Any], /) -> Any:
        """The node of an operation."""

    def operands(self, *operands: Any) -> tuple[Any, ...]:
        """The operands, with nodes in the place of tracers."""

    def apply(self, operation: Any, operands: Sequence[Any], /) -> Any:
        """The node of an operation, or of numbers only a number."""

    def compared(self, compare: Callable[[Any, Any], Any], operands: tuple[Any, Any], /) -> Any:
        """What a comparison gives."""

    def truth(self, node: Any, /) -> bool:
        """Whether the number of a node is not 0."""

    def follows(self, number: Any, /) -> bool:
        """Whether this is data, which is another number in every sample."""

    def number(self, node: Any, /) -> Any:
        """The number of a node, cut off from the graph."""

    def known(self, thing: Any, /) -> Any:
        """The plain number of a node or a tracer; what is recorded then holds for this number alone."""

    def choose(self, condition: Any, accepted: Any, otherwise: Any, /) -> Any:
        """`accepted` where the condition holds, else `otherwise`."""

    def pick(self, values: Sequence[Any], index: Any, least: int, /) -> Any:
        """The value at the place that the index tells, which is `least` or more."""

    def largest(self, operands: Sequence[Any], /) -> Any:
        """The largest operand, without a gradient."""

    def local_derivatives(self, node: Any, /) -> Sequence[Any]:
        """The local derivatives of a node as Values."""

    def refuse(self, what: str, instead: str, /) -> NoReturn:
        """Raise ReplayError, naming the user's line."""


Switches = tuple["_Switch", ...]
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_recording: ContextVar[Switches] = ContextVar("recording", default=())
_sessions: ContextVar[Switches] = ContextVar("sessions", default=())
_branches: ContextVar[Switches] = ContextVar("branches", default=())
_lines: ContextVar[Switches] = ContextVar("lines", default=())
_bare: ContextVar[Sequence[bool]] = ContextVar("bare", default=())
bare = _bare.get  # not empty only where nodes keep no operands: inside `no_grad`, and nobody records
lock = threading.RLock()  # a signal handler may switch something while its own thread is doing so
_HERE = str(Path(__file__).parent)
anywhere = 0  # how many switches are on, over all threads
watchers: list[Callable[[bool], None]] = []  # called when the first is switched on, and the last off


def _count(step: int) -> None:
    """One switch more or less."""
    global anywhere  # noqa: PLW0603  (the one counter that spares every node two look-ups)
    with lock:
        anywhere += step
        if anywhere in (0, step):
            for watcher in watchers:
                watcher(anywhere > 0)


class _Switch:
    """One `with` statement that has been entered, and whether it has been left again."""

    __slots__ = ("bare", "is_on", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.is_on = True
        self.bare = [True]


def _on(variable: ContextVar[Switches]) -> Switches:
    """What is on here, the innermost last."""
    return tuple([switch for switch in variable.get() if switch.is_on])


def _value(variable: ContextVar[Switches], otherwise: Any) -> Any:
    for switch in reversed(variable.get()):
        if switch.is_on:
            return switch.value
    return otherwise


def _tell_bare() -> None:
    """Keep what `bare` answers, in 30 ns; where it is left in another context, the list is emptied."""
    switches = _on(_recording)
    _bare.set(() if not switches or switches[-1].value or session() is not None else switches[-1].bare)


class Switched(ContextDecorator):
    """A value that holds from entering a `with` statement to leaving it, and not a moment longer.

    Each statement takes back what it has brought, and nothing else. To put back "what was there before"
    would do the same only where statements end in the opposite order of their beginning; generators end as
    they please, some of them in another thread or task than they began in.
    """

    def __init__(self, variable: ContextVar[Switches], value: Any) -> None:
        self._variable = variable
        self._given = value
        self._entered: list[_Switch] = []

    def __enter__(self) -> Any:
        switch = _Switch(self._given)
        self._entered.append(switch)
        _count(1)
        self._variable.set((*_on(self._variable), switch))
        _tell_bare()
        return self._given

    def __exit__(self, *_: object) -> None:
        here = [switch for switch in self._entered if switch in self._variable.get()]
        switch = (here or self._entered)[-1]  # of an object that several threads have entered, this one's
        self._entered.remove(switch)
        switch.is_on = False
        switch.bare.clear()
        self._variable.set(_on(self._variable))
        _tell_bare()
        _count(-1)

    def __call__(self, function: FunctionT) -> FunctionT:
        """The function, run inside. TypeError for one whose body runs after the call has returned."""
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & _RUN_LATER:
            raise TypeError(
                f"{function.__name__} is a generator or coroutine: its body runs when the decorated call has "
                "returned; write the `with` statement inside it"
            )
        return super().__call__(function)

    def _recreate_cm(self) -> Switched:
        """A fresh one for every call of a decorated function, as contextlib asks for it."""
        return Switched(self._variable, self._given)


_RUN_LATER = 0x20 | 0x80 | 0x200  # inspect.CO_GENERATOR, CO_COROUTINE and CO_ASYNC_GENERATOR


def no_grad() -> Switched:
    """Inside, operations give plain numbers in Values: no operands are kept, nothing to go back to.

    Works as `with no_grad():` and as the decorator `@no_grad()`; only the current thread is affected, and
    tasks that are started inside, as long as it lasts. Who asks for a derivative inside gets it: `gradient`,
    `derivative` and the like keep the operands that they need, and `backward` on a number that was made
    inside, and so knows no operands, raises GraphError.

    >>> from engine import Value, no_grad
    >>> with no_grad():
    ...     y = Value(2.0) * 3.0
    >>> y.parents
    ()
    """
    return Switched(_recording, False)


def remember_lines() -> Switched:
    """Inside, every node remembers the line of your code that made it, for error messages: `node.line`.

    It makes operations several times slower, so it is for finding out, not for training.

    >>> from engine import Value, remember_lines
    >>> with remember_lines():
    ...     y = Value(2.0) * 3.0
    >>> y.line
    '<doctest engine.modes.remember_lines[1]>:2'
    """
    return Switched(_lines, True)


def line_of_caller() -> str | None:
    """file:line of the innermost caller outside this package; None unless lines are remembered."""
    if not _value(_lines, False):
        return None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else None


def keeping_operands() -> AbstractContextManager[Any]:
    """Inside, operations keep their operands even within `no_grad`: who asks for a derivative needs them."""
    return nullcontext() if recording() else Switched(_recording, True)


def recorded_by(recorder: Recorder) -> Switched:
    """Inside, in this thread, all that is done with Values goes through this recorder."""
    return Switched(_sessions, recorder)


def session() -> Recorder | None:
    """Who records what is done with Values here; to be asked only where `anywhere` is not 0."""
    if not (switches := _sessions.get()):
        return None
    latest = switches[-1]
    recorder: Recorder | None = latest.value if latest.is_on else _value(_sessions, None)
    return recorder


def is_followed(number: Any) -> bool:
    """Whether replay records here and follows this number, of which `float` would ask what it is."""
    return bool(anywhere) and (recorder := session()) is not None and recorder.follows(number)


def refuse_to_record(what: str, instead: str) -> None:
    """Raise ReplayError where a function does this while it is recorded."""
    if anywhere and (recorder := session()) is not None:
        recorder.refuse(what, instead)


def listening(outcomes: list[bool] | None = None) -> Switched:
    """Inside, the outcome of each comparison and truth test is appended to the list given, or a new one."""
    return Switched(_branches, [] if outcomes is None else outcomes)


def recording() -> bool:
    """Whether operations keep their operands here: True unless inside `no_grad`."""
    return not anywhere or not _recording.get() or bool(_value(_recording, True))


def branch(outcome: bool) -> bool:
    """The outcome of a comparison of Values, reported to whoever listens."""
    if anywhere and (outcomes := _value(_branches, None)) is not None:
        outcomes.append(outcome)
    return outcome


@contextmanager
def collector_paused() -> Iterator[None]:
    """Inside, Python's cyclic garbage collector does not run: for those who make many objects at once.

    Graphs, networks and recordings have no cycles, and go away without it; where hundreds of thousands of
    objects are made, it would look at all of them again and again, for up to half of the time. Afterwards it
    is as it was before.

    >>> from engine import Value, collector_paused, total
    >>> with collector_paused():
    ...     y = total([Value(1.0) * 2.0 for _ in range(1000)])
    >>> y.data
    2000.0
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
