"""Symbols that write source code: what is computed with them comes out as an expression of a language.

A row's formulas are run on symbols, so that no derivative is typed a second time:

>>> from engine import ops
>>> from engine.source.languages import LANGUAGES
>>> writer = Writer(LANGUAGES["js"])
>>> x, out = writer.symbol("x"), writer.symbol("y")
>>> ops.tanh(x), ops.tanh.partials(out, x)
(Math.tanh(x), (1.0 - y * y,))
>>> ops.maximum.partials(out, x, 0.0)[0]
x > 0.0 ? 1.0 : x < 0.0 ? null : 0.5
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from engine import ops
from engine.errors import EngineError, GraphError
from engine.formula import Formula
from engine.operation import CALL, Operation
from engine.source.language import Language, Native

__all__ = ["Branch", "Condition", "Symbol", "Writer"]

CHOICE, OR, AND, COMPARISON = 0, 3, 4, 5  # how tightly these bind; Formula has the numbers of the rest
INFIX = (ops.add, ops.subtract, ops.multiply, ops.negate)
SUMS = (ops.dot, ops.total)  # written out, in the order in which eager adds
QUOTIENTS = (ops.divide, ops.ratio)
SIGNS = {ops.add: "+", ops.subtract: "-", ops.multiply: "*", ops.divide: "/", ops.ratio: "/", ops.negate: "-"}


@dataclass
class Writer:
    """Writes expressions in one language, and remembers the functions that they call."""

    language: Language
    functions: dict[Operation, str] = field(default_factory=dict)  # in an order in which each knows its own

    def symbol(self, text: str, precedence: int = CALL) -> Symbol:
        """A name, or another expression, as a symbol."""
        return Symbol(self, text, precedence)

    def of(self, operand: Any) -> Symbol:
        """The operand as a symbol: a number as the language writes it."""
        if isinstance(operand, Symbol):
            return operand
        negative = str(operand).startswith("-")
        return self.symbol(self.language.number(operand), ops.negate.precedence - 1 if negative else CALL)

    def write(self, operation: Operation, operands: Sequence[Any]) -> Symbol:
        """The expression of an operation on symbols and numbers."""
        parts = [self.of(operand) for operand in operands]
        divides_safely = operation in QUOTIENTS and isinstance(operands[1], float) and operands[1] != 0.0
        if operation in INFIX or divides_safely:
            return self._infix(operation, parts)
        if operation in SUMS:
            return self.of(operation.forward(*parts))
        native = self.language.natives.get(operation)
        if isinstance(native, str):
            return self._call(native, operation, parts)
        if operation not in self.functions:
            self._define(operation, native)
        return self._call(self.language.prefix + operation.name, operation, parts)

    def _infix(self, operation: Operation, parts: Sequence[Symbol]) -> Symbol:
        binding, sign = operation.precedence, SIGNS[operation]
        if len(parts) == 1:
            return self.symbol(sign + enclosed(parts[0], binding), binding)
        left, right = parts
        if operation is ops.multiply and "1.0" in (left.text, right.text):
            return right if left.text == "1.0" else left
        if operation is ops.multiply and right.text == "-1.0":
            return self._infix(ops.negate, [left])
        return self.symbol(f"{enclosed(left, binding)} {sign} {enclosed(right, binding + 1)}", binding)

    def _call(self, name: str, operation: Operation, parts: Sequence[Symbol]) -> Symbol:
        arguments = ", ".join(part.text for part in parts)
        if operation.arity is None:
            arguments = self.language.several(arguments, len(parts))
        return self.symbol(f"{name}({arguments})")

    def called(self, texts: Iterable[str]) -> list[str]:
        """The functions that these texts call, and those that they call, each after those that it needs."""
        named = {f"{self.language.prefix}{row.name}": text for row, text in self.functions.items()}
        found: set[str] = set()
        waiting = list(texts)
        while waiting:
            fresh = {name for name in re.findall(r"\w+", waiting.pop()) if name in named} - found
            found |= fresh
            waiting += [named[name] for name in fresh]
        return [text for name, text in named.items() if name in found]

    def _define(self, operation: Operation, native: Native | None) -> None:
        """Write the function of a row: the language's own text, or the row's formula run on symbols."""
        if native is not None and native.text is not None:
            self.functions[operation] = native.text  # so that two which need each other find an end
            for needed in native.needs:
                self.write(needed, [self.symbol("x")] * (needed.arity or 1))
            self.functions[operation] = self.functions.pop(operation)  # after those that it needs
            return
        names = (
            [f"x{place}" for place in range(1, (operation.arity or 0) + 1)] if operation.arity != 1 else ["x"]
        )
        body = formula_of(operation, [self.symbol(name) for name in names])
        if body is None:
            raise GraphError(
                f"{operation.name} cannot be written in {self.language.title}: its row has no formula in "
                "symbols; give the operation lowered=, the same function written in operations of the table",
                operation.name,
            )
        self.functions[operation] = self.language.function(
            self.language.prefix + operation.name, names, self.of(body).text, operation.doc
        )


def formula_of(operation: Operation, symbols: Sequence[Any]) -> Any:
    """What the row computes, in symbols: its lowered form, else its forward where that is only arithmetic."""
    ways: list[Callable[..., Any] | None] = [operation.lowered, operation.forward]
    for formula in ways:
        if formula is not None:
            try:
                return formula(*symbols)
            except (TypeError, EngineError):  # it branches on numbers, or calls functions of floats
                continue
    return None


def enclosed(part: Formula, binding: int) -> str:
    """The text, in parentheses where it would otherwise be taken apart."""
    return f"({part.text})" if part.precedence < binding else part.text


class Symbol(Formula):
    """An expression in a language."""

    __slots__ = ("writer",)
    __hash__ = None  # type: ignore[assignment]  # symbols are compared by conditions, never looked up

    def __init__(self, writer: Writer, text: str, precedence: int = CALL) -> None:
        super().__init__(text, precedence)
        self.writer = writer

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Symbol:
        """The expression of an operation on these operands."""
        return self.writer.write(operation, operands)

    def largest(self, operands: Sequence[Any]) -> Any:
        """The largest of the operands."""
        return reduce(ops.maximum, operands)

    def _compare(self, symbol: str, other: Any) -> Any:
        sign = {"≤": "<=", "≥": ">="}.get(symbol, symbol)
        binding = COMPARISON + 1
        text = f"{enclosed(self, binding)} {sign} {enclosed(self.writer.of(other), binding)}"
        return Condition(self.writer, text, COMPARISON)

    def __eq__(self, other: object) -> bool:
        """Whether two symbols are equal numbers nobody knows: a formula chooses by < and > only."""
        raise TypeError("a symbol is compared by <, <=, > and >= only")

    def __ne__(self, other: object) -> bool:
        """As for ==."""
        raise TypeError("a symbol is compared by <, <=, > and >= only")


class Condition(Formula):
    """A comparison in a language: true or false only when the code runs."""

    __slots__ = ("writer",)

    def __init__(self, writer: Writer, text: str, precedence: int) -> None:
        super().__init__(text, precedence)
        self.writer = writer

    def choose(self, accepted: Any, otherwise: Any) -> Any:
        """Both sides, of which the code will compute one; an undefined or missing side stays what it is."""
        return Branch(self.writer, self, accepted, otherwise)

    def __and__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return self if other else False
        return self._joined(other, AND, self.writer.language.both)

    def __or__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return True if other else self
        return self._joined(other, OR, self.writer.language.either)

    def _joined(self, other: Condition, binding: int, word: str) -> Condition:
        loosest = COMPARISON + self.writer.language.encloses_comparisons
        return Condition(self.writer, f"{enclosed(self, loosest)} {word} {enclosed(other, loosest)}", binding)

    @property
    def negated(self) -> Condition:
        """The opposite of the condition."""
        return Condition(self.writer, self.writer.language.opposite(self.text), CALL)


class Branch(Symbol):
    """A choice that is made when the code runs; a side that is None is no path."""

    __slots__ = ("accepted", "condition", "otherwise")

    def __init__(self, writer: Writer, condition: Condition, accepted: Any, otherwise: Any) -> None:
        first, second = (
            writer.language.missing if side is None else writer.of(side).text
            for side in (accepted, otherwise)
        )
        first = f"({first})" if isinstance(accepted, Branch) else first
        super().__init__(writer, writer.language.choice(condition.text, first, second), CHOICE)
        self.condition, self.accepted, self.otherwise = condition, accepted, otherwise

    @property
    def always(self) -> bool:
        """Whether there is a path whatever is chosen."""
        return all(
            side is not None and (not isinstance(side, Branch) or side.always)
            for side in (self.accepted, self.otherwise)
        )
