"""Record: a function of Values is run once on tracers, and what it did becomes a Tape.

The session computes as eager does, so that what is recorded is the very graph that eager would make, in
eager's own order. The parameters are the user's own Values, and stay what they are: only their numbers are
set for the time of a run, and set back whatever happens.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count, islice
from typing import Any, NoReturn

from engine import modes
from engine.errors import ReplayError
from engine.graph import interior_and_leaves
from engine.replay.recording import selection
from engine.replay.recording.domains import without_value
from engine.replay.recording.nodes import above
from engine.replay.recording.session import Session
from engine.replay.recording.tape import Instruction, Leaf, LeafKind, Leaves, Tape
from engine.replay.recording.tracers import is_traced
from engine.value import Value

__all__ = ["called", "no_result", "record", "with_numbers"]

_one_at_a_time = threading.RLock()  # two threads must not set the numbers of the same parameters
_inside: list[tuple[Any, Any]] = []  # the parameters that have such numbers now, and those


@contextmanager
def with_numbers(parameters: Sequence[Value], weights: Any) -> Iterator[None]:
    """Inside, the parameters have these numbers, of a list or an array of float64; afterwards their own.

    One thread at a time. Inside of another one with the very same numbers nothing is left to do.
    """
    with _one_at_a_time:
        if _inside and _inside[-1][0] is parameters and _inside[-1][1] is weights:
            yield
            return
        before = [parameter._data for parameter in parameters]
        _inside.append((parameters, weights))
        try:
            if _bits(before) != _bits(weights):
                numbers = weights.tolist() if hasattr(weights, "tolist") else map(float, weights)
                for parameter, number in zip(parameters, numbers, strict=True):
                    parameter._data = number
            yield
        finally:
            _inside.pop()
            for parameter, number in zip(parameters, before, strict=True):
                parameter._data = number


def _bits(numbers: Any) -> bytes:
    """The numbers as they are in memory: quicker to compare than one by one, and −0.0 is not 0.0."""
    found: bytes = (numbers if hasattr(numbers, "tobytes") else array("d", numbers)).tobytes()
    return found


def record(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    sample: Sequence[Any],
    weights: Sequence[float] | None = None,
    counts: Callable[[int], int] | None = None,
    names: tuple[str, ...] = (),
) -> Tape:
    """The tape of `function(*sample)`: what it did with its inputs and parameters, and which way it turned.

    `sample` holds one argument each: a number, or a list (of lists) of numbers; the last ones go by `names`.
    The parameters keep their numbers, or take `weights` for the time of the recording. `counts(k)` tells how
    many different numbers input k has: where the function wants to know one of more than `MOST_NUMBERS`, it
    is refused. Raises ReplayError for what cannot be followed, and whatever the function itself raises; the
    parameters are then as before.

    >>> w = Value(3.0, label="w")
    >>> print(record(lambda x: x * w + 1.0, [w], [2.0]))
    tape of 2 instructions: 1 input, 1 parameter, 1 constant
      v3 = multiply(x0, w)
      v4 = add(v3, 1.0)
      return v4
    """
    session = Session(parameters, counts)
    arguments = [session.tracers(argument) for argument in sample]
    now = [parameter._data for parameter in parameters] if weights is None else weights
    try:
        with with_numbers(parameters, now), modes.keeping_operands(), modes.recorded_by(session):
            with _gradients_untouched(function, parameters):
                result = called(function, arguments, names)
            if session.refusal is not None:
                raise session.refusal
            if session.caught is not None:
                _refuse_caught(function, session.caught)
            return _tape(function, result, session)
    finally:
        session.is_over = True


@contextmanager
def _gradients_untouched(function: Any, parameters: Sequence[Value]) -> Iterator[None]:
    """ReplayError where gradients are set in here; they are as before then."""
    before, mark = [parameter.grad for parameter in parameters], float("nan")
    try:
        for parameter in parameters:
            parameter.grad = mark
        yield
        if any(parameter.grad is not mark for parameter in parameters):
            raise ReplayError(
                f"{_name(function)} sets gradients, which a replay would not do: call zero_grad() outside"
            )
    finally:
        for parameter, gradient in zip(parameters, before, strict=True):
            parameter.grad = gradient


def called(function: Callable[..., Any], arguments: Sequence[Any], names: tuple[str, ...]) -> Any:
    """What a function returns for arguments of which the last go by these names."""
    first = len(arguments) - len(names)
    return function(*arguments[:first], **dict(zip(names, arguments[first:], strict=True)))


def _refuse_caught(function: Any, error: Exception) -> NoReturn:
    raise ReplayError(
        f"{_name(function)} caught {type(error).__name__} ({error}), which replay cannot follow: it would be "
        "raised for some samples only; write where(condition, lambda: ..., ...) in the place of try"
    ) from error


def _tape(function: Any, result: Any, session: Session) -> Tape:
    """The graph below the results, the guards and the checks, in eager's own order, as instructions."""
    listed = isinstance(result, (list, tuple))
    outputs = [_output(function, value, session) for value in (result if listed else [result])]
    if not outputs:
        raise ReplayError(f"{_name(function)} returned an empty list; return a Value, or a list of Values")
    session.guard_all()
    needed = [*outputs, *session.guards]
    interior, leaves = interior_and_leaves(above(needed))
    checks = _checks(session, interior)
    if checks:
        interior, leaves = interior_and_leaves(above([*needed, *checks]))
    parameters = session.parameters
    others: list[Any] = [leaf for leaf in leaves if leaf not in parameters]
    held = [leaf for leaf in others if session.is_held(leaf)]
    theirs = {leaf: node for node, leaf in session.held.items()}
    rest = [leaf for leaf in others if not session.is_held(leaf)] if held else others
    listing = Leaves(
        [*parameters],
        tuple([theirs.get(leaf, leaf) for leaf in held]),
        [_leaf(leaf, session) for leaf in rest],
    )
    places: dict[Any, int] = parameters | dict(zip(held + rest, count(len(parameters))))
    unused = parameters.keys() - leaves if len(leaves) - len(others) < len(parameters) else ()
    instructions: list[Instruction] = []
    made, free = partial(tuple.__new__, Instruction), count(len(listing))  # quicker than Instruction(…)
    for node in islice(interior, len(interior) - 1):
        operation, first, second = node._operation, node._first, node._second
        if operation is selection.DETACH and _is_alias(node, session):
            places[node] = places[first]
            continue
        if first is None:
            operands = tuple(map(places.__getitem__, second))  # type: ignore[arg-type]
        else:
            operands = (places[first],) if second is None else (places[first], places[second])
        places[node] = next(free)
        instructions.append(made((operation, operands, node.label)))
    return Tape(
        name=_name(function),
        leaves=listing,
        instructions=instructions,
        outputs=tuple(places[node] for node in outputs),
        guards=tuple((places[node], outcome) for node, outcome in session.guards.items()),
        checks=tuple(places[node] for node in checks),
        single=not listed,
        inputs=len(session.inputs),
        read=tuple((theirs.get(leaf, leaf), number) for leaf, number in session.read.items()),
        from_zero=frozenset(session.from_zero),
        asks_types=session.asks_types,
        unused=tuple(sorted(map(parameters.__getitem__, unused))),
    )


def _checks(session: Session, needed: Sequence[Any]) -> list[Value]:
    """What no result and no guard needs, and what yet raises in eager where it has no value."""
    alive = set(needed) if session.limited else ()
    unused = [node for node in session.limited if node not in alive]
    return without_value(unused) if unused else []


def _is_alias(node: Any, session: Session) -> bool:
    """Whether this `detach` is only another name for a number that lets no gradient through anyway."""
    source = node._first
    while source._operation is selection.DETACH:
        source = source._first
    return source in session.inputs or session.is_plain(source)


def _leaf(leaf: Any, session: Session) -> Leaf:
    """What a leaf is that is no weight: an input or a constant."""
    which = session.inputs.get(leaf)
    if which is None:
        return Leaf(LeafKind.CONSTANT, 0, leaf._data, "")
    return Leaf(LeafKind.INPUT, which, leaf._data, leaf.label)


def _output(function: Any, value: Any, session: Session) -> Value:
    if isinstance(value, Value):
        return session.node(value)
    if is_traced(value) and value.session is session:
        session.unheard.pop(value.node, None)
        return value.node  # type: ignore[no-any-return]
    raise no_result(function, value)


def no_result(function: Any, value: Any) -> ReplayError:
    """What is said where a function returns this."""
    shown = f" ({value!r:.60})" if isinstance(value, int | float | str) else ""  # else with Values in it
    found = f"{type(value).__name__}{shown}"
    return ReplayError(f"{_name(function)} returned {found}; return a Value, or a list of Values")


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)
