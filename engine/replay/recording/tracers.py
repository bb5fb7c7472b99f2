"""Tracers: what stands for the numbers of the data while a function is recorded, and for their comparisons.

A tracer answers as the number would, whatever it is asked. Arithmetic with it is followed. Who asks for
more than arithmetic, by `hash`, as an index, by `round`, in a text, gets the plain number, and what is
recorded holds from there on for this number alone: a guard says so, and samples with other numbers are
recorded on their own.

A tracer is no Value, as the number that it stands for is none: it holds a node, and the session makes the
nodes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from engine.operation import Operation

__all__ = ["Condition", "Tracer", "is_traced", "plain"]


class _Traced:
    """What stands for a plain number: its node in the recording, and the number of this sample.

    The session, of session.py, answers what is asked of it.
    """

    __slots__ = ("node", "number", "session")

    def __init__(self, session: Any, node: Any, number: Any) -> None:
        self.session, self.node, self.number = session, node, number

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self

    def __array_ufunc__(self, function: Any, method: str, *operands: Any, **named: Any) -> Any:
        """NumPy's function of plain numbers; an operator of its scalars is followed as Python's is."""
        operands = tuple([x.item() if getattr(x, "shape", None) == () else x for x in operands])
        own = _OF_NUMPY.get(function.__name__)
        if own and method == "__call__" and not named and not any(hasattr(x, "shape") for x in operands):
            return getattr(self.session, own[1])(own[0], operands)
        return getattr(function, method)(*map(plain, operands), **named)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return plain(self).__reduce_ex__(protocol)


def plain(thing: Any) -> Any:
    """The plain number in the place of a tracer or a condition; anything else as it is."""
    return thing.session.known(thing) if is_traced(thing) else thing


def is_traced(thing: Any) -> bool:
    """Whether this is a tracer or a condition; `type` is what they cannot answer as numbers do."""
    return issubclass(type(thing), _Traced)


def _delegated(function: Callable[..., Any], *, turned: bool = False) -> Callable[..., Any]:
    """The operator or function, on plain numbers; with a Value it is the Value's matter."""

    def method(self: Any, *others: Any) -> Any:
        if any(hasattr(type(other), "apply") and not is_traced(other) for other in others):
            return NotImplemented
        return function(*map(plain, _operands(self, others, turned)))

    return method


def _named(name: str) -> Callable[..., Any]:
    """The method of this name of the plain number."""

    def method(self: Any, *others: Any) -> Any:
        return getattr(plain(self), name)(*map(plain, others))

    return method


def _followed(function: Callable[..., Any], how: str = "arithmetic", *, turned: bool = False) -> Any:
    """What the session makes of it, by this method of its own."""

    def method(self: Any, *others: Any) -> Any:
        return getattr(self.session, how)(function, _operands(self, others, turned))

    return method


def _operands(first: Any, others: tuple[Any, ...], turned: bool) -> tuple[Any, ...]:
    return (*others[:1], first, *others[1:]) if turned else (first, *others)


_ALIKE = {  # of the plain number itself, whoever is asked
    "__format__": _delegated(format),
    "__hash__": _delegated(hash),
    "__repr__": _delegated(repr),
    "__str__": _delegated(str),
    "__index__": _delegated(operator.index),
    "__divmod__": _delegated(divmod),
    "__rdivmod__": _delegated(divmod, turned=True),
    "__dir__": _delegated(dir),
}
_OPERATORS = ("floordiv", "mod", "and_", "or_", "xor", "lshift", "rshift")
for _operator in _OPERATORS:
    _function = getattr(operator, _operator)
    _ALIKE[f"__{_operator.rstrip('_')}__"] = _delegated(_function)
    _ALIKE[f"__r{_operator.rstrip('_')}__"] = _delegated(_function, turned=True)
_OWN = set(dir(object)) | {"__array_ufunc__", "__slots__"}
for _name in (*dir(int), *dir(float)):  # and whatever else Python's numbers are asked for by their class
    if (
        _name.startswith("__")
        and _name not in _OWN
        and callable(getattr(int, _name, getattr(float, _name, None)))
    ):
        _ALIKE.setdefault(_name, _named(_name))

_ARITHMETIC = {name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv")} | {"pow": pow}
_COMPARISONS = {name: getattr(operator, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")}


_NAMED = {"sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "lt": "less"}
_NAMED |= {"gt": "greater", "le": "less_equal", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}
_OF_NUMPY = {_NAMED.get(name, name): (function, "arithmetic") for name, function in _ARITHMETIC.items()}
_OF_NUMPY |= {_NAMED[name]: (function, "compared") for name, function in _COMPARISONS.items()}


class Tracer(_Traced):
    """A number of the data: arithmetic is followed, comparisons are Conditions, all else makes it known."""

    __slots__ = ()
    locals().update(_ALIKE)
    locals().update({f"__{name}__": _followed(function) for name, function in _ARITHMETIC.items()})
    locals().update({f"__r{name}__": _followed(op, turned=True) for name, op in _ARITHMETIC.items()})
    locals().update({f"__{name}__": _followed(op, "compared") for name, op in _COMPARISONS.items()})
    __neg__, __abs__ = _followed(operator.neg), _followed(operator.abs)

    def __pos__(self) -> Any:
        return self

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Any:
        """The operation on these operands: how a row that is called finds its way to the session."""
        return self.session.apply(operation, operands)

    def __bool__(self) -> bool:
        return bool(self.session.truth(self))

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The class of the number: what `isinstance` and `match` look at."""
        self.session.asked_for_its_type()
        return type(self.number)

    def __getattr__(self, name: str) -> Any:
        if hasattr(type(self.number), name):
            return getattr(plain(self), name)
        return self.session.method(self, name)


class Condition(_Traced):
    """The outcome of a comparison: a truth test leaves a guard, `where` selects by it; else it is a bool."""

    __slots__ = ()
    locals().update(_ALIKE)
    locals().update(
        {f"__{name}__": _delegated(function) for name, function in (_ARITHMETIC | _COMPARISONS).items()}
    )
    locals().update({f"__r{name}__": _delegated(op, turned=True) for name, op in _ARITHMETIC.items()})
    __neg__, __pos__, __abs__ = _delegated(operator.neg), _delegated(operator.pos), _delegated(operator.abs)

    def __bool__(self) -> bool:
        return bool(self.session.guard(self.node))

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The class of the outcome."""
        return bool

    def choose_thunk(self, accepted: Any, otherwise: Any) -> Any:
        """`accepted` where the condition holds, else `otherwise`: in the formulas of rows."""
        return self.session.choose_thunk(self, accepted, otherwise)

    def __and__(self, other: Any) -> Any:
        return self.session.joined(operator.and_, self, other)

    def __or__(self, other: Any) -> Any:
        return self.session.joined(operator.or_, self, other)

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> Any:
        self.session.refuse("~ of a comparison", "write `not`, or the opposite comparison")

    def __getattr__(self, name: str) -> Any:
        return getattr(plain(self), name)
