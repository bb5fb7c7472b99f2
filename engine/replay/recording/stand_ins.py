"""Stand-ins: Values in disguise. They compute as every Value does, and tell on whoever looks at their number.

Outside of a recording, and in every thread that does not record, a stand-in is a Value like any other.
"""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

from engine import modes, ops
from engine.errors import ReplayError
from engine.operation import Operation
from engine.replay.recording import selection
from engine.value import Value, make_node

__all__ = ["Condition", "Session", "StandIn", "recording_into"]


@dataclass
class Session:
    """What one recording has heard so far."""

    inputs: dict[Value, int] = field(default_factory=dict)
    guards: list[tuple[Value, bool]] = field(default_factory=list)
    refusal: ReplayError | None = None


_session: ContextVar[Session | None] = ContextVar("session", default=None)


@contextmanager
def recording_into(session: Session) -> Iterator[None]:
    """Inside, in this thread, stand-ins tell this session what they hear."""
    token = _session.set(session)
    try:
        yield
    finally:
        _session.reset(token)


def _refuse(what: str, instead: str) -> NoReturn:
    """Raise, naming the user's line; the error is kept too, in case that line swallows it."""
    where = _line_of_the_user()
    error = ReplayError(f"{what} at {where}: {instead}", where)
    if session := _session.get():
        session.refusal = error
    raise error


def _line_of_the_user() -> str:
    """The innermost line that is not the engine's own: file, number and text."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("engine."):
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    return f"{Path(file).name}:{line}: {linecache.getline(file, line).strip()!r}"


def _make(operation: Operation, operands: Sequence[Any]) -> Value:
    """The stand-in of an operation on operands, of which some may be numbers or conditions."""
    nodes = [operand.node if isinstance(operand, Condition) else operand for operand in operands]
    with modes.keeping_operands():
        node = make_node(operation, nodes)
    if operation in selection.SELECTIONS:  # which no_grad does not change
        node.__class__ = StandIn
        return node
    return _disguised(node)


def _disguised(node: Value) -> Value:
    """The node as a stand-in; what was made inside `no_grad` lets no gradient through."""
    if type(node) is Value:
        if not modes.recording():
            with modes.keeping_operands():
                node = make_node(selection.DETACH, (node,))
        node.__class__ = StandIn
    return node


def _followed(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of Value whose result is a stand-in again."""

    @wraps(method)
    def followed(self: Value, *operands: Any) -> Any:
        if _session.get() is None:
            return method(self, *operands)
        if modes.recording():
            return _disguised(method(self, *operands))
        with modes.keeping_operands():
            node = method(self, *operands)
        return _disguised(node)

    return followed


def _compared(operation: Operation, method: Callable[..., Any]) -> Callable[..., Any]:
    """A comparison whose outcome is a condition, decided anew for every sample."""

    @wraps(method)
    def compared(self: Value, *others: Any) -> Any:
        if _session.get() is None:
            return method(self, *others)
        return Condition(_make(operation, (self, *others)))

    return compared


def _refused(method: Callable[..., Any], what: str, instead: str) -> Callable[..., Any]:
    """A look at the number itself, which is another one for every sample."""

    @wraps(method)
    def refused(self: Value, *others: Any) -> Any:
        if _session.get() is None:
            return method(self, *others)
        return _refuse(what, instead)

    return refused


class Condition:
    """The outcome of a comparison of stand-ins: a truth test leaves a guard, `where` selects by it."""

    __slots__ = ("node",)

    def __init__(self, node: Value) -> None:
        self.node = node

    def __bool__(self) -> bool:
        outcome = bool(self.node._data)
        if session := _session.get():
            session.guards.append((self.node, outcome))
        return outcome

    def choose(self, accepted: Any, otherwise: Any) -> Value:
        """`accepted` for the samples in which the condition holds, else `otherwise`."""
        return _make(ops.where, (self.node, accepted, otherwise))

    def __and__(self, other: Any) -> Condition:
        return Condition(_make(selection.BOTH, (self, _condition(other))))

    def __or__(self, other: Any) -> Condition:
        return Condition(_make(selection.EITHER, (self, _condition(other))))

    __rand__, __ror__ = __and__, __or__

    def __eq__(self, other: object) -> bool:
        return bool(self) == other

    __hash__ = object.__hash__

    def __float__(self) -> float:
        _refuse("float() of a comparison", "write where(condition, 1.0, 0.0)")

    def __index__(self) -> int:  # noqa: PLE0305  (never returns)
        _refuse("a comparison used as a whole number", "write where(condition, x, y)")

    def __invert__(self) -> Condition:
        _refuse("~ of a comparison", "write `not`, or the opposite comparison")


def _condition(other: Any) -> Any:
    """A condition, or the number that a plain True or False is."""
    return other if isinstance(other, Condition) else float(bool(other))


_NOT_OPERATIONS = {
    "apply",
    "backward",
    "detach",
    "__bool__",
    "__eq__",
    "__hash__",
    "__float__",
    "__repr__",
    "__format__",
}
_OPERATIONS = {
    name: _followed(method)
    for name, method in vars(Value).items()
    if inspect.isfunction(method)
    and name not in _NOT_OPERATIONS
    and (hasattr(float, name) or not name.startswith("_"))
    and not hasattr(object, name)
}


class StandIn(Value):
    """A Value that records: it computes like any other, and no look at its number goes unheard."""

    __slots__ = ()
    locals().update(_OPERATIONS)  # every operation of Value, present and future

    __lt__ = _compared(selection.LESS, Value.__lt__)
    __le__ = _compared(selection.LESS_EQUAL, Value.__le__)
    __gt__ = _compared(selection.GREATER, Value.__gt__)
    __ge__ = _compared(selection.GREATER_EQUAL, Value.__ge__)
    __hash__ = Value.__hash__

    _number = "the number is another one in every sample; write "
    __float__ = _refused(
        Value.__float__,
        "float() of a recorded value",
        _number + "the engine's own function: sin(x), x.exp(), …",
    )

    def _set_data(self, number: float) -> None:
        if _session.get() is not None:
            _refuse("setting .data", "a function that is replayed must not change its parameters")
        Value.data.__set__(self, number)  # type: ignore[attr-defined]

    data = property(
        _refused(
            lambda self: self._data, "a look at .data", _number + "the computation with the value itself"
        ),
        _set_data,
    )
    backward = _refused(Value.backward, "backward() inside", "the replayed program gives the gradients")

    def __index__(self) -> int:  # noqa: PLE0305  (never returns)
        _refuse("a recorded value used as an index", "write pick(values, index)")

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Value) or _session.get() is None:
            return self is other
        if isinstance(other, (int, float)) and self in _heard().inputs:
            return Condition(_make(selection.EQUAL, (self, other)))
        return _refuse("== of a computed value", "compare with < or >, or a distance: abs(x - y) < 1e-9")

    def __bool__(self) -> bool:
        if _session.get() is None:
            return Value.__bool__(self)
        return bool(Condition(_make(selection.NONZERO, (self,))))

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Value:
        """The stand-in of an operation on these operands."""
        if _session.get() is None:
            return make_node(operation, operands)
        return _make(operation, operands)

    def detach(self) -> Value:
        """The same number, through which nothing flows."""
        return Value.detach(self) if _session.get() is None else _make(selection.DETACH, (self,))

    def choose(self, accepted: Any, otherwise: Any) -> Value:
        """`accepted` for the samples in which this is not 0, else `otherwise`."""
        return _make(ops.where, (_make(selection.NONZERO, (self,)), accepted, otherwise))

    def largest(self, operands: Sequence[Any]) -> Value:
        """The largest operand, found anew for every sample; no gradient flows through it."""
        return _make(selection.LARGEST, operands)

    def pick(self, values: Sequence[Any]) -> Any:
        """`values[self]`, decided anew for every sample; of a list of lists a whole row."""
        if self not in _heard().inputs:
            _refuse("pick() by a computed value", "only an input can tell a place")
        if self._data != int(self._data):
            raise TypeError(f"pick needs a whole number as its index, got {self._data!r}")
        here = values[int(self._data)]
        if isinstance(here, (list, tuple)):
            return [self.pick(column) for column in zip(*values, strict=True)]
        return _make(selection.PICK, (self, *values))


def _heard() -> Session:
    return _session.get() or Session()
