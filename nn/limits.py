"""Between which numbers a setting lies."""

from __future__ import annotations

import sys

__all__ = ["not_negative", "share"]


def share(name: str, number: float) -> float:
    """The number itself; ValueError unless 0 <= number < 1."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0.0 <= number < 1.0:
        raise ValueError(f"{name} must be at least 0 and below 1, got {number!r}")
    return float(number)


def not_negative(name: str, number: float) -> float:
    """The number itself; ValueError unless it is finite and at least 0."""
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float)
        or not 0.0 <= number <= sys.float_info.max
    ):
        raise ValueError(f"{name} must be a finite number of at least 0, got {number!r}")
    return float(number)
