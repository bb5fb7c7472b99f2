"""custom_operation: a row of one's own, from a function of floats and its local derivatives."""

from __future__ import annotations

import inspect
import keyword
import math
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, overload

from engine import functions, modes, ops
from engine.custom.trials import BOXES, checked_partials, formula_of, sampled, try_out
from engine.errors import DomainError, OperationError
from engine.functions import Function
from engine.operation import ALWAYS, CALL, Domain, Kink, Operation, sign_of
from engine.real import as_number
from engine.value import Value

__all__ = ["custom_operation"]

INFIX = 20  # the precedence of a symbol between two operands: that of ×
RULE = "a kink: the convention of its own partials"
Forward = Callable[..., Any]
Partials = Callable[..., Any]
Contains = Callable[..., Any]


@overload
def custom_operation(
    function: Forward,
    *,
    partials: Partials,
    domain: Domain | Contains | None = None,
    kinks: Iterable[Kink | float | tuple[float, ...]] = (),
    symbol: str = "",
    surrogate: bool = False,
    lowered: Forward | None = None,
) -> Function: ...
@overload
def custom_operation(
    function: None = None,
    *,
    partials: Partials,
    domain: Domain | Contains | None = None,
    kinks: Iterable[Kink | float | tuple[float, ...]] = (),
    symbol: str = "",
    surrogate: bool = False,
    lowered: Forward | None = None,
) -> Callable[[Forward], Function]: ...
def custom_operation(
    function: Forward | None = None,
    *,
    partials: Partials,
    domain: Domain | Contains | None = None,
    kinks: Iterable[Kink | float | tuple[float, ...]] = (),
    symbol: str = "",
    surrogate: bool = False,
    lowered: Forward | None = None,
) -> Any:
    """An operation of your own, which works everywhere as the table's do: a decorator for its function.

    The function takes floats, a fixed number of them, and returns a float; it may use math, a table, a C
    function. `partials(out, *operands)` gives a tuple with the local derivative by each operand, None for no
    path. They are run on floats, on Values for higher orders and on symbols for texts and replay, so they
    are written with arithmetic, the engine's functions and `choose(condition, x, y)`. Both functions depend
    on nothing but their operands.

    `domain` says where there is a value: a Domain, or a test of the operands. `kinks` are the points without
    a derivative, numbers or Kinks. `symbol` is how it is printed, between two operands or in the place of its
    name. The docstring's first line describes it. With `surrogate=True` the partials are meant not to be the
    derivative (a straight-through estimator); steps, explanations and checks say so.

    The partials are tried when the operation is defined: OperationError where they fail on floats, symbols or
    Values, where their number or kind is wrong, where differences measure another derivative, and where the
    name is taken. Where the function is a formula too, all executors run it, and to_jax; else NumPy calls
    it, unless `lowered` is the same function as a formula.

    >>> from engine import Value
    >>> @custom_operation(partials=lambda out, x: (3.0 * x * x,))
    ... def cube(x):
    ...     '''x to the third power.'''
    ...     return x * x * x
    >>> x = Value(2.0)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.data, x.grad, cube(3.0)
    (8.0, 12.0, 27.0)
    """
    if function is None:
        return partial(
            custom_operation,
            partials=partials,
            domain=domain,
            kinks=kinks,
            symbol=symbol,
            surrogate=surrogate,
            lowered=lowered,
        )
    name = _name_of(function)
    arity = _arity_of(name, function)
    if not callable(partials):
        _refuse(name, f"partials must be a function of (out, *operands); got {partials!r:.60}")
    where = _domain(name, domain)
    forward = partial(_forward, function, where.contains)
    row = Operation(
        name=name,
        arity=arity,
        forward=forward,
        partials=partial(_partials, name, arity, partials),
        doc=_doc_of(name, function),
        domain=where,
        symbol=_symbol(name, symbol),
        precedence=INFIX if symbol and arity == 2 else CALL,
        kinks=_kinks(name, arity, kinks),
        overflow=partial(_overflow, name),
        lowered=_formula(name, lowered, function, arity, where.contains),
        surrogate=surrogate,
    )
    if arity == 1 and row.kinks:
        row = replace(row, side=partial(_side, [kink.at[0] for kink in row.kinks]))
    boxes = [row.domain.sample] if row.domain.sample else [(box,) * arity for box in BOXES]
    if any(len(box) != arity for box in boxes):
        _refuse(name, f"its domain has {len(boxes[0])} sampling intervals for {arity} operands")
    box, points = Context().run(sampled, name, row.evaluate, boxes)
    row = replace(row, domain=replace(row.domain, sample=box))
    try_out(row, points)
    return _as_function(row, function)


# ── What the row computes ─────────────────────────────────────────────────────────────────────────


def _forward(function: Forward, contains: Contains, *numbers: float) -> float:
    if not contains(*numbers):
        raise ValueError
    return float(function(*numbers))


def _partials(name: str, arity: int, partials: Partials, out: Any, *operands: Any) -> tuple[Any, ...]:
    found = checked_partials(name, arity, partials(out, *operands))
    if all(isinstance(operand, (float, int)) for operand in operands):
        return tuple([float(p) if isinstance(p, (Value, int)) else p for p in found])
    return found


def _overflow(name: str, *numbers: float) -> NoReturn:
    """What is too large on the way need not be so in the end, so nothing is guessed here."""
    text = ", ".join(map(repr, numbers))
    raise DomainError(
        f"{name}({text}) raises OverflowError; return math.inf where the result is too large for a float",
        name,
        numbers,
    )


def _side(places: list[float], x: float) -> float:
    """On which side of each kink a number lies, as one number."""
    return sum(sign_of(x, place) for place in places)


def _formula(name: str, lowered: Forward | None, function: Forward, arity: int, inside: Contains) -> Any:
    """What was given as the formula, or the function where it is one, with a test of its domain that is too.

    OperationError where a formula was given and either is none; else None.
    """
    is_formula = formula_of(lowered or function, arity) is not None and formula_of(inside, arity) is not None
    if lowered and not is_formula:
        _refuse(name, "lowered, and the test of its domain, are to be written with engine's functions")
    return (lowered or function) if is_formula else None


def _as_function(row: Operation, function: Forward) -> Function:
    """The row as a function of Values or numbers."""

    def operation(*operands: Any) -> Any:
        if len(operands) != row.arity:
            raise row.miscounted(len(operands))
        if modes.anywhere and (session := modes.session()) is not None:
            return session.apply(row, operands)
        return row(*[o if hasattr(o, "apply") else as_number(o) for o in operands])

    operation.__name__, operation.__module__ = row.name, function.__module__
    operation.__qualname__ = getattr(function, "__qualname__", row.name)
    operation.__doc__ = inspect.getdoc(function) or f"{row.doc}."
    operation.operation = row  # type: ignore[attr-defined]
    return operation


# ── What is said about it ─────────────────────────────────────────────────────────────────────────


def _refuse(name: str, what: str) -> NoReturn:
    raise OperationError(f"{name}: {what}", name)


def _name_of(function: Any) -> str:
    """The function's name; OperationError for one that means something else already, or is none."""
    name = getattr(function, "__name__", "")
    if not callable(function):
        raise OperationError(f"custom_operation takes a function; got {function!r:.60}")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise OperationError(f"an operation needs a name: write def name(x): …; got {name or function!r:.60}")
    if name in ops.TABLE or name in _taken():
        raise OperationError(f"the name {name!r} is taken by the engine; choose another one", name)
    return name


def _taken() -> set[str]:
    """The names of what else there is: functions of the face, and what recordings and steps write."""
    public = {name for name, thing in vars(functions).items() if callable(thing) and not name.startswith("_")}
    selections = {"less", "less_equal", "greater", "greater_equal", "equal", "nonzero", "both", "either"}
    return public | selections | {"largest", "detach", "pick", "leaf", "seed"}


def _arity_of(name: str, function: Forward) -> int:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        _refuse(name, "Python does not tell how many operands it takes; write def …(x): return … around it")
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    for parameter in parameters:
        if parameter.kind not in positional or parameter.default is not parameter.empty:
            _refuse(name, f"an operation has a fixed number of operands, without defaults; got {parameter}")
    if not parameters:
        _refuse(name, "an operation has at least one operand")
    return len(parameters)


def _doc_of(name: str, function: Forward) -> str:
    text = (inspect.getdoc(function) or "").strip()
    return text.splitlines()[0].rstrip(".") if text else f"the operation {name}"


def _domain(name: str, domain: Any) -> Domain:
    """A Domain; one without a sample where nothing says where to take samples."""
    if isinstance(domain, Domain):
        return domain
    if domain is None:
        return Domain("operands that its function takes", ALWAYS, ())
    if not callable(domain):
        _refuse(name, f"domain is a Domain or a test of the operands; got {domain!r:.60}")
    return Domain("operands in its domain", domain, ())


def _symbol(name: str, symbol: Any) -> str:
    if not isinstance(symbol, str):
        _refuse(name, f"symbol is a text; got {symbol!r:.60}")
    return symbol


def _kinks(name: str, arity: int, kinks: Any) -> tuple[Kink, ...]:
    listed = [kinks] if isinstance(kinks, (int, float, Kink)) else kinks
    try:
        found = tuple(map(_kink, listed))
    except TypeError as error:
        _refuse(name, f"kinks are points, [0.0] or [(0.0, 1.0)] say; got {kinks!r:.60} ({error})")
    for kink in found:
        if len(kink.at) != arity or not all(map(math.isfinite, kink.at)):
            _refuse(name, f"a kink is a point with a number for each operand; got {kink.at} for {arity}")
    return found


def _kink(kink: Any) -> Kink:
    if isinstance(kink, Kink):
        return kink
    at = kink if isinstance(kink, (tuple, list)) else (kink,)
    return Kink(tuple(map(as_number, at)), RULE)
