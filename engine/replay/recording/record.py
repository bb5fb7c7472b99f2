"""Record: a function of Values is run once on stand-ins, and what it did becomes a Tape.

A stand-in computes as every Value does, so that what is recorded is the very graph that eager would make, in
eager's own order. But it tells on whoever looks at its number: `if x > 0` leaves a guard, and what cannot be
followed, `float(x)` or `math.sin(x)`, is refused with the line it stands in. The parameters are the user's
own Values: for the time of the recording they are put into the disguise too, and taken out of it whatever
happens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NoReturn

from engine import modes
from engine.errors import ReplayError
from engine.graph import interior_and_leaves
from engine.replay.recording import selection
from engine.replay.recording.stand_ins import Condition, Session, StandIn, recording_into
from engine.replay.recording.tape import Instruction, Leaf, LeafKind, Tape
from engine.value import Value

__all__ = ["as_eager", "record"]

_one_at_a_time = threading.RLock()  # two threads must not dress and undress the same parameters


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
    session = Session()
    arguments = [_stand_ins(argument, session) for argument in sample]
    now = [parameter._data for parameter in parameters] if weights is None else weights
    with (
        _one_at_a_time,
        _in_disguise(parameters, now),
        recording_into(session),
        modes.keeping_operands(),
        modes.forgetting_lines(),
        modes.listening() as unheard,
    ):
        result = function(*arguments)
        if session.refusal is not None:
            raise session.refusal
        if unheard:
            _refuse_unheard(function)
        return _tape(function, result, parameters, session)


def as_eager(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    arguments: Sequence[Any],
    weights: Sequence[float],
) -> list[float]:
    """The numbers that the function returns, run as it stands with these weights in its parameters."""
    with _one_at_a_time, _in_disguise(parameters, weights), modes.no_grad():
        result = function(*arguments)
        results = result if isinstance(result, (list, tuple)) else [result]
        return [float(value) for value in results]


def _stand_ins(argument: Any, session: Session) -> Any:
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


def _tape(function: Any, result: Any, parameters: Sequence[Value], session: Session) -> Tape:
    """The graph below the result and the guards, in eager's own order, as instructions."""
    listed = isinstance(result, (list, tuple))
    outputs = [_output(function, value) for value in (result if listed else [result])]
    if not outputs:
        raise ReplayError(f"{_name(function)} returned an empty list; return a Value, or a list of Values")
    root = Value(0.0)  # stands above all results and guards, so that one walk finds everything
    root._operation = selection.LARGEST
    root._second = (*outputs, *(node for node, _ in session.guards))
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


def _leaf(leaf: Any, numbers: dict[Value, int], session: Session, held: list[Value]) -> Leaf:
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
