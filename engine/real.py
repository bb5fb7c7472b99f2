"""Which things are numbers that a Value can hold; everything else gets one TypeError in plain words."""

from __future__ import annotations

import numbers
from typing import Any

__all__ = ["as_number", "is_foreign"]

ACCEPTED = "a Value, int, float or another real number"
_EXACT = 2**1000  # whole numbers beyond may be too large for a float
_HINTS = {
    "Decimal": "convert it with float()",
    "str": "convert it with float()",
    "complex": "take its real part",
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
    if hasattr(thing, "__array__"):
        hint = "make a list of Values of it, or take one number with .item()"
    elif kind == "Value":
        hint = "it is a Value already"
    return f"expected {ACCEPTED}, got {kind} ({thing!r:.60})" + (f"; {hint}" if hint else "")


def is_foreign(operand: Any) -> bool:
    """Whether this is an object with arithmetic of its own, and no number or array.

    Python then asks that object's own reflected method.
    """
    has_arithmetic = hasattr(operand, "__radd__") or hasattr(operand, "__rmul__")
    is_known = isinstance(operand, (numbers.Number, str, bytes, list, tuple))
    return has_arithmetic and not is_known and not hasattr(operand, "__array__")
