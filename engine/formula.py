"""Formula: a symbol that, when it is computed with, writes down what was done to it.

Run a row's partials on formulas and they come out as text; that is how a step knows to print
`1 − out²` without anybody having typed it a second time.

>>> from engine import ops
>>> derivative_texts(ops.tanh, ["x"])
('1 − out²',)
>>> derivative_texts(ops.multiply, ["a", "b"])
('b', 'a')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import ops
from engine.operation import CALL, Operation

__all__ = ["Formula", "Operators", "derivative_texts", "number_text", "write"]

OPERATORS = ("+", "-", "*", "/", "**")
PLAIN = str.maketrans({"×": "*", "÷": "/", "−": "-", "²": "**2"})


class Operators:
    """Whatever is computed with it goes to `apply`, as a row of the table and its operands in order."""

    __slots__ = ()

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Any:
        """What comes of an operation on these operands."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Any:
        return self.apply(ops.add, (self, other))

    def __radd__(self, other: Any) -> Any:
        return self.apply(ops.add, (other, self))

    def __sub__(self, other: Any) -> Any:
        return self.apply(ops.subtract, (self, other))

    def __rsub__(self, other: Any) -> Any:
        return self.apply(ops.subtract, (other, self))

    def __mul__(self, other: Any) -> Any:
        return self.apply(ops.multiply, (self, other))

    def __rmul__(self, other: Any) -> Any:
        return self.apply(ops.multiply, (other, self))

    def __truediv__(self, other: Any) -> Any:
        return self.apply(ops.divide, (self, other))

    def __rtruediv__(self, other: Any) -> Any:
        return self.apply(ops.divide, (other, self))

    def __neg__(self) -> Any:
        return self.apply(ops.negate, (self,))

    def __pow__(self, other: Any) -> Any:
        return self.apply(ops.power, (self, other))

    def __rpow__(self, other: Any) -> Any:
        return self.apply(ops.power, (other, self))

    def __abs__(self) -> Any:
        return self.apply(ops.absolute, (self,))


class Formula(Operators):
    """A text and how tightly it binds, so that parentheses are written only where they are needed.

    With `plain` the text is ASCII and valid Python.
    """

    __slots__ = ("plain", "precedence", "text")

    def __init__(self, text: str, precedence: int = CALL, *, plain: bool = False) -> None:
        self.text = text
        self.precedence = precedence
        self.plain = plain

    def __repr__(self) -> str:
        return self.text

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Formula:
        """The formula of an operation on these operands."""
        return write(operation, operands, plain=self.plain)

    def choose(self, accepted: Any, otherwise: Any) -> Formula:
        """The formula of a choice, `self` being the condition."""
        first, second = (_formula(x, self.plain) for x in (accepted, otherwise))
        return Formula(f"{_enclosed(first, 1)} if {self.text} else {second.text}", 0, plain=self.plain)

    def _compare(self, symbol: str, other: Any) -> Formula:
        return Formula(f"{self.text} {symbol} {_formula(other, self.plain).text}", 5, plain=self.plain)

    def __lt__(self, other: Any) -> Formula:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Formula:
        return self._compare("<=" if self.plain else "≤", other)

    def __gt__(self, other: Any) -> Formula:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Formula:
        return self._compare(">=" if self.plain else "≥", other)

    def __bool__(self) -> bool:
        """A formula is neither true nor false: what branches on numbers is written with `choose`."""
        raise TypeError("a Formula has no truth value; write choose(condition, x, y)")

    def __and__(self, other: Any) -> Any:
        if isinstance(other, bool):  # a comparison of constants has been decided
            return self if other else False
        return Formula(f"{self.text} and {other.text}", 4, plain=self.plain)

    def __or__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return True if other else self
        return Formula(f"{self.text} or {other.text}", 3, plain=self.plain)

    def __rand__(self, other: Any) -> Any:
        return self & other

    def __ror__(self, other: Any) -> Any:
        return self | other


def number_text(number: float | None, *, plain: bool = False) -> str:
    """A number with four significant digits and a true minus sign; `–` for None.

    >>> number_text(-0.5), number_text(None), number_text(1e-7)
    ('−0.5', '–', '1e−07')
    """
    if number is None:
        return "-" if plain else "–"
    text = "0" if number == 0 else f"{number:.4g}"
    return text if plain else text.replace("-", "−")


def _formula(operand: Any, plain: bool) -> Formula:
    if isinstance(operand, Formula):
        return operand
    if operand is None:
        return Formula("None" if plain else "no path", plain=plain)
    text = repr(operand) if plain else number_text(operand)
    negative = operand < 0
    return Formula(text, ops.negate.precedence if negative else CALL, plain=plain)


def write(operation: Operation, operands: Sequence[Any], *, plain: bool = False) -> Formula:
    """The formula of an operation on formulas or numbers, with as few parentheses as possible.

    >>> write(ops.multiply, [write(ops.add, [Formula("a"), 1.0]), Formula("b")])
    (a + 1) × b
    """
    parts = [_formula(operand, plain) for operand in operands]
    symbol, binding = operation.symbol, operation.precedence
    if plain and operation.symbol:
        symbol = symbol.translate(PLAIN) if symbol.translate(PLAIN) in OPERATORS else ""
    if not symbol or binding == CALL:
        name = symbol or operation.name
        return Formula(f"{name}({', '.join(part.text for part in parts)})", plain=plain)
    if len(parts) == 1:
        return Formula(symbol + _enclosed(parts[0], binding), binding, plain=plain)
    left, right = parts
    if operation is ops.power:
        return _power(left, right, symbol, plain)
    if operation is ops.multiply and left.text == right.text and not plain:
        return Formula(_enclosed(left, ops.power.precedence + 1) + "²", ops.power.precedence)
    text = f"{_enclosed(left, binding)} {symbol} {_enclosed(right, binding + 1)}"
    return Formula(text, binding, plain=plain)


def _power(base: Formula, exponent: Formula, symbol: str, plain: bool) -> Formula:
    if exponent.text == "1" and not plain:
        return base
    binding = ops.power.precedence
    base_text = _enclosed(base, binding + 1)
    if exponent.text in ("2", "3") and not plain:
        return Formula(base_text + {"2": "²", "3": "³"}[exponent.text], binding)
    return Formula(f"{base_text}{symbol}{_enclosed(exponent, binding)}", binding, plain=plain)


def _enclosed(part: Formula, binding: int) -> str:
    return f"({part.text})" if part.precedence < binding else part.text


def derivative_texts(operation: Operation, operands: Sequence[str]) -> tuple[str, ...]:
    """The local derivative by each operand as text; `out` stands for the operation's result."""
    partials = operation.partials(Formula("out"), *map(Formula, operands))
    return tuple(_formula(partial, plain=False).text for partial in partials)
