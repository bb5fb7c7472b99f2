"""What several tests of the checker look at."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from engine import Value, total
from engine.checking import CheckResult


def only_row(result: CheckResult) -> Any:
    (row,) = result.rows
    return row


def layered(seed: int = 0) -> tuple[list[Value], Callable[[], Value]]:
    draw = random.Random(seed)
    leaves = [
        Value(draw.uniform(-1.0, 1.0), label=f"layers[{layer}].neurons[{neuron}].weights[{place}]")
        for layer in range(3)
        for neuron in range(10)
        for place in range(7)
    ]
    return leaves, lambda: total(leaf.tanh() * (place % 7) for place, leaf in enumerate(leaves))
