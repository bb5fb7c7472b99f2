"""Random expressions drawn from the table, for all tests: seeded ones, and hypothesis strategies for them.

`from expressions import random_expression, graphs`; every call of an expression with Values builds its graph
again, and `expression.at` has the numbers to call it with.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from engine import Value, ops
from engine.checking.expressions import Expression, grow, is_clear, random_expression
from engine.checking.strategies import graphs, numbers, points, values
from engine.operation import Operation

__all__ = [
    "DIFFERENTIABLE",
    "SMOOTH",
    "Expression",
    "build",
    "graphs",
    "grow",
    "is_clear",
    "numbers",
    "points",
    "random_expression",
    "seeded_expressions",
    "values",
]

DIFFERENTIABLE = [row for row in ops.TABLE.values() if not row.flat]
SMOOTH = [row for row in DIFFERENTIABLE if row.side is None and not row.kinks]


def build(expression: Expression) -> tuple[Value, list[Value]]:
    """The expression's graph at its point: (root, inputs), the inputs labelled v0, v1, …"""
    inputs = [Value(number, label=f"v{place}") for place, number in enumerate(expression.at)]
    root = expression(*inputs)
    assert isinstance(root, Value)
    return root, inputs


def seeded_expressions(
    count: int,
    inputs: int = 2,
    size: int = 8,
    seed: int = 0,
    avoid: float = 1e-3,
    operations: Sequence[Operation] | None = None,
) -> Iterator[Expression]:
    """The same expressions in every run, of the whole table or of the operations given."""
    for number in range(count):
        yield random_expression(random.Random(f"{seed} {number}"), inputs, size, operations, avoid)
