"""Bounds of health beside true errors."""

from __future__ import annotations

from typing import Any

from truth import exact_passes, many

from engine import Value
from engine.health.report import Health


def errors(found: Health, *, digits: int = 400) -> tuple[list[Any], list[Any]]:
    """[(bound, true error)] of all values, and of all gradients."""
    values, gradients = exact_passes(found.root, digits)
    return (
        [(found[node].bound, abs(many.mpf(found[node].value) - values[node])) for node in found],
        [
            (found[node].gradient_bound, abs(many.mpf(found[node].gradient) - gradients.get(node, 0)))
            for node in found
            if not node.is_constant
        ],
    )


def holds(found: Health) -> bool:
    """Whether no true error exceeds its bound; a slope that does not exist, nan, has none."""
    return all(error <= bound or error != error for part in errors(found) for bound, error in part)


def leaf(number: float, label: str) -> Value:
    return Value(number, label=label)
