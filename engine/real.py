"""Which things are numbers that a Value can hold; everything else gets a TypeError with the line to write."""

from __future__ import annotations

import numbers
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from engine.terminal import in_ascii

__all__ = [
    "answer_to_numpy",
    "as_label",
    "as_number",
    "as_operand",
    "by_identity",
    "is_foreign",
    "refusing",
]

ACCEPTED = "a Value, int, float or another real number"
_EXACT = 2**1000  # whole numbers beyond may be too large for a float
_HINTS = {
    "Decimal": "convert it with float()",
    "str": "convert it with float()",
    "complex": "take its real part",
    "NoneType": "a gradient is None until it was computed: call backward() first",
}

_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "float_power": operator.pow,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}
_SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}
_WRITTEN = {  # NumPy's names for what is written otherwise here
    "arcsin": "asin(x)",
    "arccos": "acos(x)",
    "arctan": "atan(x)",
    "arctan2": "atan2(y, x)",
    "arcsinh": "asinh(x)",
    "arccosh": "acosh(x)",
    "arctanh": "atanh(x)",
    "absolute": "abs(x)",
    "fabs": "abs(x)",
    "rint": "round(x)",
    "negative": "-x",
    "square": "x ** 2",
    "reciprocal": "1 / x",
    "logaddexp": "logsumexp([x, y])",
    "matmul": "dot(weights, inputs) with lists",
}


def as_number(number: Any) -> float:
    """The float that a Value can hold; TypeError for what is no real number.

    >>> as_number(3)
    3.0
    """
    if type(number) is float:
        return number
    if type(number) is int and -_EXACT < number < _EXACT:
        return float(number)
    if isinstance(number, bool) or type(number).__name__ == "bool":
        raise TypeError(f"a Value cannot hold {number!r}; write float(flag), or where(flag, x, y)")
    if isinstance(number, numbers.Real):
        try:
            return float(number)
        except OverflowError:
            raise ValueError("this whole number is too large for a float") from None
    raise TypeError(_refused(number))


def _refused(thing: Any) -> str:
    """What was found, what is accepted, and how to mend it."""
    kind = type(thing).__name__
    hint = _HINTS.get(kind, "")
    if getattr(thing, "shape", None) == ():
        hint = "take its number: Value(array.item())"
    elif hasattr(thing, "__array__"):
        hint = "make a list of Values of it: [Value(x) for x in array.tolist()]"
    elif isinstance(thing, list | tuple):
        hint = "a Value is one number; make a list of Values: [Value(x) for x in numbers]"
    elif kind == "Value":
        hint = "it is a Value already"
    return f"expected {ACCEPTED}, got {kind} ({thing!r:.60})" + (f"; {hint}" if hint else "")


def as_label(label: Any, others: tuple[Any, ...]) -> str:
    """The label of a Value; TypeError where it is none, or where more was given, as to micrograd's Value.

    >>> as_label((), ("+",))
    Traceback (most recent call last):
        ...
    TypeError: a Value is made of a number and a label, a str; got () and '+' after the number. What it was \
computed from is remembered by itself: write a + b, or Value(number) for a leaf
    """
    if isinstance(label, str) and not others:
        return str(label)
    given = " and ".join(f"{thing!r:.60}" for thing in (label, *others))
    raise TypeError(
        f"a Value is made of a number and a label, a str; got {given} after the number. What it was computed "
        "from is remembered by itself: write a + b, or Value(number) for a leaf"
    )


def by_identity(self: Any, other: object) -> bool:  # noqa: ARG001  (Python passes it)
    """The method for == of Values, which != asks too: whether both are the same node.

    A number never is, so Python warns, once for each line of code, where one is compared with a Value.
    """
    if type(other) is float or type(other) is int:
        text = f"== and != ask whether a Value and {other!r} are the same object, which they never are"
        warnings.warn(f"{text}; compare the numbers: value.data == {other!r}", stacklevel=2)
    return NotImplemented  # type: ignore[no-any-return]


def refusing(what: str, instead: str) -> Callable[[Any, Any], Any]:
    """The method for an operator that is not offered."""

    def method(self: Any, other: Any) -> Any:  # noqa: ARG001  (Python passes them)
        raise TypeError(f"{what} of Values is flat almost everywhere, so it is not offered; {instead}")

    return method


def is_array(thing: Any) -> bool:
    """Whether this is an array, a tensor or a column of a table, and not one number of such a kind."""
    return hasattr(thing, "__array__") and hasattr(thing, "__setitem__")


def is_foreign(operand: Any) -> bool:
    """Whether this is an object with arithmetic of its own, and no number or array.

    Python then asks that object's own reflected method.
    """
    has_arithmetic = hasattr(operand, "__radd__") or hasattr(operand, "__rmul__")
    is_known = isinstance(operand, (numbers.Number, str, bytes, list, tuple))
    return has_arithmetic and not is_known and not hasattr(operand, "__array__")


# ── NumPy ─────────────────────────────────────────────────────────────────────────────────────────


def answer_to_numpy(
    function: Any, method: str, operands: Sequence[Any], kind: type, rows: Mapping[str, Any]
) -> Any:
    """What NumPy is answered when it meets a Value (one of `kind`); it is not imported for that.

    Its scalars compute with Values as floats do. Its arrays and its functions would go their own ways,
    element by element or out of the graph: they get a TypeError, with the line to write instead. `rows` is
    the table of the operations that there are.
    """
    name = function.__name__
    compute = _OPERATORS.get(name)
    if compute is None or method != "__call__":
        raise TypeError(f"np.{name} does not know Values and would leave the graph; {_instead(name, rows)}")
    numbers = [x if isinstance(x, kind) else _number(x, name, k) for k, x in enumerate(operands)]
    return compute(*numbers)


def _number(operand: Any, name: str, place: int) -> float:
    """A scalar's number; NumPy hands it over to a comparison as an array without a dimension."""
    if is_array(operand):
        if operand.shape or name in _SYMBOLS:
            refuse_array(operand, _SYMBOLS.get(name, "*"), first=place == 0)
        operand = operand.item()
    return as_number(operand)


def _instead(name: str, rows: Mapping[str, Any]) -> str:
    """What to write in the place of NumPy's function."""
    if name in _WRITTEN:
        return f"write {_WRITTEN[name]}"
    row = rows.get(name)
    if row is None:
        return "the engine has functions of its own: exp, log, tanh and others"
    if row.arity == 1:
        return f"write x.{name}(), or {name}(x) with `from engine import {name}`"
    return f"write {name}(x, y) with `from engine import {name}`"


def as_operand(operand: Any, symbol: str, *, first: bool) -> float:
    """The number that is computed with a Value; TypeError with the line to write for an array."""
    if is_array(operand):
        refuse_array(operand, in_ascii(symbol), first=first)
    return as_number(operand)


def refuse_array(array: Any, symbol: str, *, first: bool) -> NoReturn:
    """Raise TypeError for an operator between an array and a Value, with the line to write."""
    found = f"expected {ACCEPTED}, got {type(array).__name__} ({array!r:.60})"
    number = "array.item()" if getattr(array, "shape", None) == () else "x"
    operands = (number, "value") if first else ("value", number)
    line = f" {symbol or '*'} ".join(operands)
    if number == "x":
        raise TypeError(f"{found}; compute with its numbers one by one: [{line} for x in array.tolist()]")
    raise TypeError(f"{found}; take its number: {line}")
