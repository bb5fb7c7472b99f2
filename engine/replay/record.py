"""Record: a function of Values is run once on stand-ins, and what it did becomes a Tape.

A stand-in is a Value in disguise. It computes as every Value does, so that what is recorded is the very
graph that eager would make, in eager's own order. But it tells on whoever looks at its number: `if x > 0`
leaves a guard, and what cannot be followed, `float(x)` or `math.sin(x)`, is refused with the line it
stands in. The parameters are the user's own Values: for the time of the recording they are put into the
disguise too, in this thread only, and taken out of it whatever happens.
"""

from __future__ import annotations

import inspect
import linecache
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from engine import modes, ops
from engine.errors import ReplayError
from engine.graph import interior_and_leaves
from engine.operation import Operation
from engine.replay import selection
from engine.replay.tape import Instruction, Leaf, LeafKind, Tape
from engine.value import Value, make_node

__all__ = ["Condition", "StandIn", "record"]


@dataclass
class _Session:
    """What one recording has heard so far."""

    inputs: dict[Value, int] = field(default_factory=dict)
    guards: list[tuple[Value, bool]] = field(default_factory=list)
    refusal: ReplayError | None = None


_session: ContextVar[_Session | None] = ContextVar("session", default=None)
_one_at_a_time = threading.RLock()  # two threads must not dress and undress the same parameters


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
        return _disguised(make_node(operation, nodes))


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
        return (
            _disguised(_make(operation, operands))
            if modes.recording()
            else self._detached(operation, operands)
        )

    def _detached(self, operation: Operation, operands: Sequence[Any]) -> Value:
        return _make(selection.DETACH, (_make(operation, operands),))

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


def _heard() -> _Session:
    return _session.get() or _Session()


@contextmanager
def _in_disguise(parameters: Sequence[Value], weights: Sequence[float]) -> Iterator[None]:
    """Inside, the parameters are stand-ins that hold these weights; afterwards they are as they were."""
    before = [(parameter, type(parameter), parameter._data) for parameter in parameters]
    try:
        for parameter, weight in zip(parameters, weights, strict=True):
            kind = type(parameter)
            parameter.__class__ = (
                StandIn if kind is Value else type("StandIn", (StandIn, kind), {"__slots__": ()})
            )
            parameter._data = float(weight)
        yield
    finally:
        for parameter, kind, number in before:
            parameter.__class__ = kind
            parameter._data = number


def record(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    sample: Sequence[Any],
    weights: Sequence[float] | None = None,
) -> Tape:
    """The tape of `function(*sample)`: what it did with its inputs and parameters, and which way it turned.

    `sample` holds one argument each: a number, or a list (of lists) of numbers. The parameters keep their
    numbers, or take `weights` for the time of the recording. Raises ReplayError for what cannot be followed,
    and whatever the function itself raises; the parameters are then as before.

    >>> w = Value(3.0, label="w")
    >>> print(record(lambda x: x * w + 1.0, [w], [2.0]))
    tape of 2 instructions: 1 input, 1 parameter, 1 constant
      v3 = multiply(x0, w)
      v4 = add(v3, 1.0)
      return v4
    """
    session = _Session()
    arguments = [_stand_ins(argument, session) for argument in sample]
    now = [parameter._data for parameter in parameters] if weights is None else weights
    token = _session.set(session)
    try:
        with _one_at_a_time, _in_disguise(parameters, now), modes.listening() as unheard:
            result = function(*arguments)
            if session.refusal is not None:
                raise session.refusal
            if unheard:
                _refuse_unheard(function)
            return _tape(function, result, parameters, session)
    finally:
        _session.reset(token)


def _stand_ins(argument: Any, session: _Session) -> Any:
    """The argument with a stand-in for every number."""
    if isinstance(argument, (list, tuple)):
        return [_stand_ins(element, session) for element in argument]
    leaf = Value(argument)
    leaf.__class__ = StandIn
    session.inputs[leaf] = len(session.inputs)
    return leaf


def _refuse_unheard(function: Any) -> NoReturn:
    name = getattr(function, "__name__", "the function")
    raise ReplayError(
        f"{name} compares Values that are neither inputs nor parameters, which replay cannot follow; "
        "compile with these Values among the parameters, or compare plain numbers"
    )


def _tape(function: Any, result: Any, parameters: Sequence[Value], session: _Session) -> Tape:
    """The graph below the result and the guards, in eager's own order, as instructions."""
    listed = isinstance(result, (list, tuple))
    outputs = [_output(function, value) for value in (result if listed else [result])]
    if not outputs:
        raise ReplayError(f"{_name(function)} returned an empty list; return a Value, or a list of Values")
    root = Value(0.0)  # stands above all results and guards, so that one walk finds everything
    root._operation = selection.LARGEST
    root._first = (*outputs, *(node for node, _ in session.guards))
    interior, leaves = interior_and_leaves(root)
    numbers = {parameter: index for index, parameter in enumerate(parameters)}
    held: list[Value] = []
    places: dict[Any, int] = {}
    listing: list[Leaf] = []
    for leaf in leaves:
        places[leaf] = len(listing)
        listing.append(_leaf(leaf, numbers, session, held))
    instructions = []
    for node in islice(interior, len(interior) - 1):
        places[node] = len(places)
        operands = tuple([places[parent] for parent in node.parents])
        instructions.append(Instruction(node._operation, operands, node.label))  # type: ignore[arg-type]
    return Tape(
        name=_name(function),
        leaves=listing,
        instructions=instructions,
        outputs=tuple(places[node] for node in outputs),
        guards=tuple((places[node], outcome) for node, outcome in session.guards),
        single=not listed,
        inputs=len(session.inputs),
        parameters=len(parameters),
        held=tuple(held),
    )


def _leaf(leaf: Any, numbers: dict[Value, int], session: _Session, held: list[Value]) -> Leaf:
    """What a leaf is: a parameter, an input, a constant, or a Value of the user's that may still change."""
    if leaf in numbers:
        return Leaf(LeafKind.PARAMETER, numbers[leaf], leaf._data, leaf.label)
    if leaf in session.inputs:
        return Leaf(LeafKind.INPUT, session.inputs[leaf], leaf._data, leaf.label)
    if isinstance(leaf, StandIn):
        raise ReplayError("a copy of a recorded value cannot be followed; use the value itself")
    if type(leaf) is Value:
        held.append(leaf)
        return Leaf(LeafKind.HELD, len(held) - 1, leaf._data, leaf.label)
    return Leaf(LeafKind.CONSTANT, 0, leaf._data, "")


def _output(function: Any, value: Any) -> Value:
    if isinstance(value, Condition):
        return value.node
    if isinstance(value, Value):
        return value
    found = f"{type(value).__name__} ({value!r:.60})"
    raise ReplayError(f"{_name(function)} returned {found}; return a Value, or a list of Values")


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)
