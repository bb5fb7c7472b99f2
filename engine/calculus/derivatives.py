"""Functions of functions: derivatives of any order, gradients, Jacobians, Hessians, in both modes.

Each takes an ordinary function of Values. Reverse mode (`gradient`, `jacobian`, `hessian`) goes down from
the output; forward mode (`jvp`) goes up from the inputs; both read the same rows of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, overload

from engine import modes
from engine.backward import adjoints, local_values, refuse_stale
from engine.calculus.point import Point, number
from engine.errors import GraphError
from engine.graph import Node, topological_order
from engine.value import Value, as_value

__all__ = ["derivative", "gradient", "gradients", "hessian", "hvp", "jacobian", "jvp", "tangents"]

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

    With `create_graph` they are Values, which can be differentiated again. What does not reach the output has
    the derivative 0. GraphError inside `no_grad` for an output that was made there.

    >>> x = Value(3.0)
    >>> (slope,) = gradients(x**3, [x], create_graph=True)
    >>> slope.data, gradients(slope, [x])
    (27.0, [18.0])
    """
    if isinstance(wrt, Value) or not hasattr(output, "operation"):
        raise TypeError(
            f"gradients takes a Value and a list: gradients(loss, [x]); got {output!r}, {wrt!r:.40}"
        )
    wanted = list(wrt)
    if output.operation is None and not modes.recording() and output not in wanted:
        raise GraphError(
            f"gradients inside no_grad: {output!r} was made without operands; compute it outside, or use "
            "gradient(f, at), which keeps them",
            output.label,
        )
    if not create_graph and not _is_recorded():
        found = adjoints(output, _numbers)
        return [seed * found.get(x, 0.0) for x in wanted]
    refuse_stale(output)
    with modes.keeping_operands():
        found = adjoints(output, local_values)
        slopes = [as_value(found.get(x, 0.0)) for x in wanted]
        slopes = slopes if seed == 1.0 else [slope * seed for slope in slopes]
    return slopes if create_graph else [slope.data for slope in slopes]


def _is_recorded() -> bool:
    """Whether replay records here: then numbers are those of Values, so that they are followed."""
    return bool(modes.anywhere) and modes.session() is not None


def _numbers(node: Node) -> Sequence[float | None]:
    return node.paths


def derivative(f: Callable[[Value], Value], order: int = 1) -> Callable[[Value | float], Value]:
    """The `order`-th derivative of a function of one Value, as such a function again.

    Inside `no_grad` it is a number that knows no operands, like all that is computed there.
    ValueError for an order that is not a whole number of at least 0.

    >>> derivative(lambda x: x**4, order=2)(2.0).data
    48.0
    """
    if order < 0 or order != int(order):
        raise ValueError(f"the order of a derivative is a whole number of at least 0, got {order!r}")

    def differentiated(x: Value | float) -> Value:
        point = x if isinstance(x, Value) and not x.is_constant else Value(number(x))
        with modes.keeping_operands():
            result = as_value(f(point))
            for _ in range(order):
                (result,) = gradients(result, [point], create_graph=True)
        return result if modes.recording() else result.detach()

    return differentiated


def gradient(f: Scalar, at: Any) -> Any:
    """[∂f/∂x₀, ∂f/∂x₁, …] of `f(x0, x1, …)` at a point, in the lists and dictionaries that the point is in.

    `at` holds numbers and leaves: `[2.0, 3.0]` for `f(x, y)`, `[[1.0, 2.0], 0.5]` for `f(weights, bias)`, a
    dictionary for keyword arguments, arrays; or it is a module, or the list of leaves that f knows already
    (`engine.calculus.point`). ValueError and TypeError for anything else.

    >>> gradient(lambda x, y: x * y + y, at=[2.0, 3.0])
    [3.0, 3.0]
    >>> gradient(lambda w, b: w[0] * w[1] + b, at=[[2.0, 3.0], 0.5])
    [[3.0, 2.0], 1.0]
    """
    point, leaves = _opened(f, at)
    return point.shaped(gradients(as_value(_run(point, leaves)), leaves))


def jacobian(f: Vector, at: Any) -> list[Any]:
    """The matrix ∂fᵢ/∂xⱼ of `f(x0, x1, …) -> [f0, f1, …]`: for each output what `gradient` gives.

    >>> jacobian(lambda x, y: [x * y, x + y], at=[2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    """
    point, leaves = _opened(f, at)
    outputs = _run(point, leaves)
    if not isinstance(outputs, Iterable):
        raise TypeError(
            f"jacobian needs a function that returns a list, got {outputs!r}; for one output: gradient"
        )
    return [point.shaped(gradients(as_value(output), leaves)) for output in outputs]


def hessian(f: Scalar, at: Any) -> Any:
    """The matrix ∂²f/∂xᵢ∂xⱼ of `f(x0, x1, …)` at a point: for each input the gradient of its slope.

    >>> hessian(lambda x, y: x * x * y, at=[2.0, 3.0])
    [[6.0, 4.0], [4.0, 0.0]]
    >>> hessian(lambda x: x[0] * x[1], at=[[2.0, 3.0]])
    [[[[0.0, 1.0]], [[1.0, 0.0]]]]
    """
    point, leaves = _opened(f, at)
    first = gradients(as_value(_run(point, leaves)), leaves, create_graph=True)
    with modes.keeping_operands():
        return point.shaped([point.shaped(gradients(slope, leaves)) for slope in first])


def hvp(f: Scalar, at: Any, direction: Any) -> Any:
    """The Hessian times a direction, without forming the Hessian: forward mode over the gradient's graph.

    ValueError when point and direction differ in shape. Pearlmutter, 1994.

    >>> hvp(lambda x, y: x * x * y, at=[2.0, 3.0], direction=[1.0, 0.0])
    [6.0, 4.0]
    """
    point, leaves = _opened(f, at)
    along = point.flat(direction, "direction")
    slopes = gradients(as_value(_run(point, leaves)), leaves, create_graph=True)
    moved = tangents(slopes, leaves, along)
    return point.shaped([tangent for _, tangent in moved])


def jvp(f: Scalar | Vector, at: Any, direction: Any) -> tuple[Any, Any]:
    """(f, its derivative along a direction) by forward mode; lists where f returns a list.

    ValueError when point and direction differ in shape. Wengert, 1964.

    >>> jvp(lambda x, y: x * y, at=[2.0, 3.0], direction=[1.0, 0.0])
    (6.0, 3.0)
    """
    point, leaves = _opened(f, at)
    along = point.flat(direction, "direction")
    returned = _run(point, leaves)
    if isinstance(returned, Sequence):
        pairs = tangents([as_value(output) for output in returned], leaves, along)
        return [value for value, _ in pairs], [tangent for _, tangent in pairs]
    return tangents([as_value(returned)], leaves, along)[0]


def _opened(f: Callable[..., Any], at: Any) -> tuple[Point, list[Value]]:
    point = Point(f, at)
    return point, point.leaves()


def _run(point: Point, leaves: Sequence[Value]) -> Any:
    """What the function returns, with the operands that its derivatives need."""
    with modes.keeping_operands():
        return point.call(leaves)


def tangents(
    outputs: Sequence[Value], inputs: Sequence[Value], direction: Sequence[float]
) -> list[tuple[float, float]]:
    """(data, directional derivative) of each output: the chain rule, applied on the way up."""
    local: Callable[[Node], Sequence[Any]] = local_values if _is_recorded() else _numbers
    tangent: dict[Node, Any] = dict(zip(inputs, map(number, direction), strict=True))
    for output in outputs:
        for node in topological_order(output):
            if node not in tangent and node.parents:
                terms = zip(node.parents, local(node), strict=True)
                moved = [slope * tangent[p] for p, slope in terms if slope is not None and p in tangent]
                if moved:
                    tangent[node] = sum(moved[1:], moved[0])
    return [(output.data, number(tangent.get(output, 0.0))) for output in outputs]
