"""Functions of functions: derivatives of any order, gradients, Jacobians, Hessians, in both modes.

Each takes an ordinary function of Values. Reverse mode (`gradient`, `jacobian`, `hessian`) goes down from
the output; forward mode (`jvp`) goes up from the inputs; both read the same rows of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, overload

from engine.backward import adjoints, local_values, refuse_stale
from engine.graph import Node, topological_order
from engine.value import Value, as_value

__all__ = ["derivative", "gradient", "gradients", "hessian", "hvp", "jacobian", "jvp"]

Scalar = Callable[..., Value]
Vector = Callable[..., Sequence[Value]]


@overload
def gradients(
    output: Value, wrt: Iterable[Value], *, create_graph: Literal[True], seed: float = 1.0
) -> list[Value]: ...
@overload
def gradients(
    output: Value, wrt: Iterable[Value], *, create_graph: Literal[False] = False, seed: float = 1.0
) -> list[float]: ...
def gradients(
    output: Value, wrt: Iterable[Value], *, create_graph: bool = False, seed: float = 1.0
) -> list[float] | list[Value]:
    """[d output / d x for x in wrt], leaves or interior nodes; no `grad` is read or written.

    With `create_graph` they are Values, which can be differentiated again. What does not reach the

    >>> x = Value(3.0)
    >>> (slope,) = gradients(x**3, [x], create_graph=True)
    >>> slope.data, gradients(slope, [x])
    (27.0, [18.0])
    """
    if not create_graph:
        found = adjoints(output, _numbers)
        return [seed * found.get(x, 0.0) for x in wrt]
    refuse_stale(output)
    found = adjoints(output, local_values)
    return [as_value(found.get(x, 0.0)) * seed if seed != 1.0 else as_value(found.get(x, 0.0)) for x in wrt]


def _numbers(node: Node) -> Sequence[float | None]:
    return node.paths


def derivative(f: Callable[[Value], Value], order: int = 1) -> Callable[[Value | float], Value]:
    """The `order`-th derivative of a function of one Value, as such a function again.

    ValueError for an order that is not a whole number of at least 0.

    >>> derivative(lambda x: x**4, order=2)(2.0).data
    48.0
    """
    if order < 0 or order != int(order):
        raise ValueError(f"the order of a derivative is a whole number of at least 0, got {order!r}")

    def differentiated(x: Value | float) -> Value:
        point = Value(x) if not isinstance(x, Value) else x
        result = as_value(f(point))
        for _ in range(order):
            (result,) = gradients(result, [point], create_graph=True)
        return result

    return differentiated


def _leaves(at: Iterable[float]) -> list[Value]:
    return [Value(float(number)) for number in at]


def gradient(f: Scalar, at: Sequence[float]) -> list[float]:
    """[∂f/∂x₀, ∂f/∂x₁, …] of `f(x0, x1, …)` at a point.

    >>> gradient(lambda x, y: x * y + y, at=[2.0, 3.0])
    [3.0, 3.0]
    """
    inputs = _leaves(at)
    return gradients(as_value(f(*inputs)), inputs)


def jacobian(f: Vector, at: Sequence[float]) -> list[list[float]]:
    """The matrix ∂fᵢ/∂xⱼ of `f(x0, x1, …) -> [f0, f1, …]`, a row for each output.

    >>> jacobian(lambda x, y: [x * y, x + y], at=[2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    """
    inputs = _leaves(at)
    return [gradients(as_value(output), inputs) for output in f(*inputs)]


def hessian(f: Scalar, at: Sequence[float]) -> list[list[float]]:
    """The matrix ∂²f/∂xᵢ∂xⱼ of `f(x0, x1, …)` at a point.

    >>> hessian(lambda x, y: x * x * y, at=[2.0, 3.0])
    [[6.0, 4.0], [4.0, 0.0]]
    """
    inputs = _leaves(at)
    first = gradients(as_value(f(*inputs)), inputs, create_graph=True)
    return [gradients(slope, inputs) for slope in first]


def hvp(f: Scalar, at: Sequence[float], direction: Sequence[float]) -> list[float]:
    """The Hessian times a direction, without forming the Hessian: forward mode over the gradient's graph.

    ValueError when point and direction differ in length. Pearlmutter, 1994.

    >>> hvp(lambda x, y: x * x * y, at=[2.0, 3.0], direction=[1.0, 0.0])
    [6.0, 4.0]
    """
    _same_length(at, direction)
    inputs = _leaves(at)
    slopes = gradients(as_value(f(*inputs)), inputs, create_graph=True)
    return [tangent for _, tangent in tangents(slopes, inputs, direction)]


def jvp(f: Scalar | Vector, at: Sequence[float], direction: Sequence[float]) -> tuple[Any, Any]:
    """(f, its derivative along a direction) by forward mode; lists where f returns a list.

    ValueError when point and direction differ in length. Wengert, 1964.

    >>> jvp(lambda x, y: x * y, at=[2.0, 3.0], direction=[1.0, 0.0])
    (6.0, 3.0)
    """
    _same_length(at, direction)
    inputs = _leaves(at)
    outputs = f(*inputs)
    if isinstance(outputs, Sequence):
        pairs = tangents([as_value(output) for output in outputs], inputs, direction)
        return [value for value, _ in pairs], [tangent for _, tangent in pairs]
    return tangents([as_value(outputs)], inputs, direction)[0]


def tangents(
    outputs: Sequence[Value], inputs: Sequence[Value], direction: Sequence[float]
) -> list[tuple[float, float]]:
    """(data, directional derivative) of each output: the chain rule, applied on the way up."""
    tangent: dict[Node, float] = dict(zip(inputs, map(float, direction), strict=True))
    for output in outputs:
        for node in topological_order(output):
            if node not in tangent and node.parents:
                terms = zip(node.parents, node.paths, strict=True)
                moved = [slope * tangent[p] for p, slope in terms if slope is not None and p in tangent]
                if moved:
                    tangent[node] = sum(moved[1:], moved[0])
    return [(output.data, tangent.get(output, 0.0)) for output in outputs]


def _same_length(at: Sequence[float], direction: Sequence[float]) -> None:
    if len(at) != len(direction):
        raise ValueError(f"a direction for {len(at)} inputs has {len(at)} numbers, got {len(direction)}")
