"""Hypothesis strategies for numbers, Values, points of an operation's domain, and random graphs.

Needs hypothesis (`pip install '.[strategies]'`). What fails shrinks to the smallest failing graph:

    from hypothesis import given
    from engine.checking import assert_gradients
    from engine.checking.strategies import graphs

    @given(graphs())
    def test_any_graph(graph):
        assert_gradients(graph, at=graph.at)
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from engine.checking.expressions import Expression, grow, is_clear
from engine.operation import Operation
from engine.value import Value

__all__ = ["graphs", "numbers", "points", "values"]


def numbers(low: float = -3.0, high: float = 3.0) -> st.SearchStrategy[float]:
    """Finite numbers between two bounds, neither nan nor so small that they lose digits."""
    return st.floats(low, high, allow_nan=False, allow_infinity=False, allow_subnormal=False)


def values(low: float = -3.0, high: float = 3.0) -> st.SearchStrategy[Value]:
    """Values between two bounds, leaves without a label."""
    return numbers(low, high).map(Value)


def points(operation: Operation, *, avoid: float = 1e-3) -> st.SearchStrategy[tuple[float, ...]]:
    """Operands from the interval in which the operation takes samples, no nearer to a kink than `avoid`.

    With `avoid=0.0` the kinks that the row declares are drawn as well.
    """
    inside = st.tuples(*(numbers(low, high) for low, high in operation.domain.sample))
    if avoid == 0.0 and operation.kinks:
        return inside | st.sampled_from([kink.at for kink in operation.kinks])
    return inside.filter(lambda operands: is_clear(operation, operands, avoid))


@st.composite
def graphs(
    draw: st.DrawFn,
    inputs: int = 2,
    size: int = 8,
    operations: Sequence[Operation] | None = None,
    avoid: float = 1e-3,
) -> Expression:
    """Random graphs with shared nodes over the whole table, or over the operations given.

    No node is nearer to a kink than `avoid`. Each is an Expression: called with Values it builds
    the graph, and `at` has the numbers to call it with.
    """
    length = draw(st.integers(1, size))
    return grow(
        lambda count: draw(st.integers(0, count - 1)),
        lambda low, high: draw(numbers(low, high)),
        draw(st.integers(1, inputs)),
        length,
        operations,
        avoid,
    )
