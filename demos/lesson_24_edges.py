"""Edges: what is the derivative of relu at 0?

There is none: from the left the slope is 0, from the right 1. A program has to return something, and what it
returns there is a convention. Engines differ, and most never say. Here every row of the table of operations
declares its kinks, the conventions follow from a few rules, and the gradient checker tells a kink from an
error.

What to notice: at a kink the checker prints both slopes and accepts what lies between; for the broken
operation it names the operation, its operand, and what the mistake looks like.
"""

from __future__ import annotations

import dataclasses
import math

from demos.place import heading
from engine import DomainError, NonFiniteError, Value, check_gradients, relu, sqrt, where
from engine.ops import tanh
from engine.value import make_node
from engine.wording.conventions import rows


def relu_at_zero() -> str:
    """The checker's report at the kink."""
    heading("What is the derivative of relu at 0?")
    x = Value(0.0, label="x")
    relu(x).backward()
    print(f"ours: {x.grad}; the slope is 0 on the left, 1 on the right, and both are shown:")
    report = str(check_gradients(relu, at=[0.0]))
    print(report)
    return report


def all_conventions() -> str:
    """The table of kinks, as the rows have it."""
    heading("All conventions, printed from the rows")
    table = [("at", "value", "derivatives", "because"), *rows()]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[3]]) for row in table]
    print("\n".join(lines))
    return "\n".join(lines)


def at_the_edge_of_a_domain() -> list[str]:
    """What is refused at once, what is infinite, and what is refused only when somebody wants it."""
    heading("At the edge of a domain, and beyond")
    x = Value(0.0, label="x")
    sqrt(x).backward()
    print(f"sqrt at 0: the slope is {x.grad}, as a limit")
    said = []
    for attempt in (
        lambda: Value(-1.0, label="p").log(),
        lambda: 1 / Value(0.0, label="q"),
        lambda: Value(-8.0) ** (1 / 3),
        (sqrt(x * x) * 2).backward,
    ):
        try:
            attempt()
        except (DomainError, NonFiniteError) as error:
            said.append(str(error))
            print(f"  {type(error).__name__}: {error}")
    kept = where(x > 0, x.log, 0.0)
    print(f"  where with a thunk computes only what it takes: {kept.data}")
    return said


def a_broken_operation() -> str:
    """The checker's report on a tanh whose derivative takes its input for its output."""
    heading("A tanh with a mistake in its derivative: 1 − x² for 1 − out²")
    broken = dataclasses.replace(tanh, partials=lambda out, x: (1.0 - x * x,))  # noqa: ARG005  (the mistake)

    def loss(w: Value, b: Value) -> Value:
        return (make_node(broken, [w * 0.5 + b]) - 1) ** 2

    report = str(check_gradients(loss, at=[0.8, 0.1]))
    print(report)
    return report


def main() -> None:
    """Run the lesson."""
    relu_at_zero()
    all_conventions()
    at_the_edge_of_a_domain()
    a_broken_operation()
    heading("What to remember")
    print(f"A gradient at a kink is a choice ({math.inf} at an edge is one, too); a mistake is not.")


if __name__ == "__main__":
    main()
