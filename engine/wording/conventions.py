"""Where an operation has no derivative, and what is taken there: the table's kinks, as text.

The numbers are what the rows' own formulas give at the points that the rows declare.
"""

from __future__ import annotations

from engine import ops
from engine.formula import number_text
from engine.operation import Kink, Operation

__all__ = ["conventions", "rows"]


def conventions() -> str:
    r"""A Markdown table: operation, point, value, local derivatives there, and the rule behind them.

    >>> print("\n".join(conventions().splitlines()[:3]))
    | at | value | derivatives | because |
    |---|---|---|---|
    | remainder(2, 1) | 0 | 1, −2 | a jump: the slopes of the piece that begins there |
    """
    lines = ["| at | value | derivatives | because |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows())])


def rows() -> list[tuple[str, str, str, str]]:
    """(operation and point, value, local derivatives there, the rule behind them) for every kink.

    >>> rows()[0]
    ('remainder(2, 1)', '0', '1, −2', 'a jump: the slopes of the piece that begins there')
    """
    return [_row(operation, kink) for operation in ops.TABLE.values() for kink in operation.kinks]


def _row(operation: Operation, kink: Kink) -> tuple[str, str, str, str]:
    value = operation.evaluate(kink.at)
    slopes = (_slope_text(slope) for slope in operation.partials(value, *kink.at))
    at = ", ".join(number_text(number) for number in kink.at)
    return f"{operation.name}({at})", number_text(value), ", ".join(slopes), kink.rule


def _slope_text(slope: float | None) -> str:
    if slope is None:
        return "no path"
    return "undefined" if slope != slope else number_text(slope)
