"""The one assumption behind all bounds, measured on this machine: each row is as exact as it says (`ulp`)."""

from __future__ import annotations

import math
import random
from importlib import import_module

import pytest
from truth import FUNCTIONS, many

from engine import ops
from engine.health.floats import rounding
from engine.operation import Operation

SIZES = (1e-300, 1e-12, 1e-3, 1.0, 1.0, 1.0, 3.0, 30.0, 300.0)


def worst(row: Operation, count: int, seed: int = 0) -> float:
    """The largest |computed − exact| ÷ what the row allows."""
    many.dps = 400 if row.name in ("sin", "cos", "tan") else 60
    draw = random.Random(f"{row.name} {seed}")
    found = 0.0
    for _ in range(count):
        arity = row.arity or draw.randrange(1, 8)
        samples = [row.domain.sample[place % len(row.domain.sample)] for place in range(arity)]
        operands = [draw.uniform(low, high) * draw.choice(SIZES) for low, high in samples]
        if not row.domain.contains(*operands):
            continue
        out = row.evaluate(operands)
        exact = FUNCTIONS[row.name](*map(many.mpf, operands))
        if math.isinf(out) or not isinstance(exact, many.mpf):
            continue
        error = abs(many.mpf(out) - exact)
        if row.name in ("dot", "total"):  # added from left to right: many roundings
            allowed = many.mpf(2) ** -52 * len(operands) * many.fsum(map(abs, operands)) * 3e4
        else:
            allowed = many.mpf(rounding(row, out, operands))
        if error:
            found = max(found, float(error / allowed) if allowed else math.inf)
    return found


@pytest.mark.parametrize("row", [row for row in ops.TABLE.values() if row.ulp != math.inf], ids=repr)
def test_the_math_library_is_as_exact_as_the_rows_say(row: Operation) -> None:
    assert worst(row, 400) <= 1.0


def test_a_claim_that_is_too_good_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("engine.health.floats"), "UNIT", 0.0)
    assert worst(ops.tanh, 100) == math.inf
