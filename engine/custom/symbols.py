"""A symbol for trials: it refuses whatever would freeze a decision, or turn it into a number.

>>> from engine import exp
>>> x = Symbol("x")
>>> 3.0 * exp(x) ** 2
3 × exp(x)²
>>> x == 0.0
Traceback (most recent call last):
    ...
TypeError: symbols are not equal or different; write choose(x > 0.0, …, …)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from engine.formula import Formula
from engine.operation import Operation

__all__ = ["Symbol"]


class Symbol(Formula):
    """A formula that can be computed with and chosen by, and nothing else."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Symbol:
        """The formula of an operation on these operands."""
        return _symbol(super().apply(operation, operands))

    def choose(self, accepted: Any, otherwise: Any) -> Symbol:
        """The formula of a choice, `self` being the condition."""
        return _symbol(super().choose(accepted, otherwise))

    def _compare(self, symbol: str, other: Any) -> Symbol:
        return _symbol(super()._compare(symbol, other))

    def __and__(self, other: Any) -> Any:
        found = super().__and__(other)
        return _symbol(found) if isinstance(found, Formula) else found

    def __or__(self, other: Any) -> Any:
        found = super().__or__(other)
        return _symbol(found) if isinstance(found, Formula) else found

    def __eq__(self, other: object) -> NoReturn:
        raise TypeError("symbols are not equal or different; write choose(x > 0.0, …, …)")

    __ne__ = __eq__


def _symbol(found: Formula) -> Symbol:
    return Symbol(found.text, found.precedence, plain=found.plain)
