"""The functions of the public face: one for every row of the table, and what is composed of them.

They take Values and give Values; given numbers only, they give a number. Each is also a method where
it has one main operand: `tanh(x)` is `x.tanh()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, overload

from engine import modes, ops
from engine.operation import Operation, choose
from engine.quick import written_dot
from engine.real import as_number
from engine.special import elementary
from engine.value import Value, make_node, quick

MOST_WRITTEN_OUT = 200  # operands of a dot; beyond, a loop is nearly as quick, and the text is long
_dots: dict[int, Callable[..., Value]] = {}  # by the number of operands; filled when first wanted


class Function(Protocol):
    """Values in, Value out; numbers in, number out."""

    __name__: str

    @overload
    def __call__(self, *operands: float) -> float: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, *operands: Value | float) -> Value: ...


def _node(operation: Operation, operands: Sequence[Any]) -> Value:
    """The Value of an operation on operands, which may all be numbers."""
    if not operation.arity:
        return _make_wide(operation, tuple(operands))
    if not isinstance(operands[0], (Value, float)) and hasattr(operands[0], "apply"):  # a symbol
        return operands[0].apply(operation, operands)  # type: ignore[no-any-return]
    return make_node(operation, operands)


def _make_wide(operation: Operation, operands: tuple[Any, ...]) -> Value:
    """The Value of an operation on many operands: `make_node`, with its loops left to C where they can be."""
    if modes.anywhere:
        return make_node(operation, operands)
    try:
        inputs = [node._data for node in operands]
        data = operation.forward(*inputs)
    except (AttributeError, ArithmeticError, ValueError):  # a plain number among them, or outside the domain
        return make_node(operation, operands)
    if data != data:
        return make_node(operation, operands)
    return _wide_node(operation, data, operands, operation.partials(data, *inputs))


def _wide_node(
    operation: Operation, data: float, operands: tuple[Value, ...], partials: tuple[float | None, ...]
) -> Value:
    """A node that keeps its operands in one tuple.

    Its partials are not searched for those of constants: `Value.partials` hides them, and backward removes
    the gradient of a constant at its end, which costs less than to look at every operand of every node.
    """
    node: Value = object.__new__(Value)
    node._data = data
    node.grad = None
    node.label = ""
    node._operation = operation
    node._first = node._first_partial = None
    node._second = operands
    node._second_partial = partials
    return node


def _function(operation: Operation) -> Function:
    """The row as a function with a name and a docstring of its own."""

    def function(*operands: Any) -> Any:
        if len(operands) != operation.arity:
            raise operation.miscounted(len(operands))
        if type(operands[0]) is Value and (not modes.anywhere or modes.bare()):
            return quick(operation)(*operands)
        if modes.anywhere and (session := modes.session()) is not None:
            return session.apply(operation, operands)
        return operation(*operands)

    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = describe(operation)
    return function


def describe(operation: Operation) -> str:
    """The docstring of a row: what it computes, for which numbers, its conventions, and an example."""
    lines = [operation.doc + "."]
    if operation.domain.words != "a number":
        lines.append(f"Needs {operation.domain.words}; raises DomainError otherwise.")
    lines += [f"At {', '.join(map(repr, kink.at))}: {kink.rule}." for kink in operation.kinks]
    points = [(first, 2.0)[: operation.arity] for first in (0.5, 1.5, 1.0)]
    at = next(point for point in points if operation.domain.contains(*point))
    lines.append(f">>> {operation.name}({', '.join(map(repr, at))})\n{operation.evaluate(at)!r}")
    return "\n\n".join(lines)


exp, expm1, exp2 = _function(ops.exp), _function(ops.expm1), _function(ops.exp2)
log, log1p, log2 = _function(ops.log), _function(ops.log1p), _function(ops.log2)
log10, sqrt, cbrt = _function(ops.log10), _function(ops.sqrt), _function(ops.cbrt)
sin, cos, tan = _function(ops.sin), _function(ops.cos), _function(ops.tan)
asin, acos, atan = _function(ops.asin), _function(ops.acos), _function(ops.atan)
sinh, cosh, tanh = _function(ops.sinh), _function(ops.cosh), _function(ops.tanh)
asinh, acosh, atanh = _function(ops.asinh), _function(ops.acosh), _function(ops.atanh)
atan2, hypot = _function(ops.atan2), _function(ops.hypot)
lgamma, digamma, polygamma = _function(ops.lgamma), _function(ops.digamma), _function(ops.polygamma)
degrees, radians, sinc = _function(ops.degrees), _function(ops.radians), _function(ops.sinc)
erf, erfc, sign = _function(ops.erf), _function(ops.erfc), _function(ops.sign)
floor, ceil = _function(ops.floor), _function(ops.ceil)
maximum, minimum = _function(ops.maximum), _function(ops.minimum)
sigmoid, relu, softplus = _function(ops.sigmoid), _function(ops.relu), _function(ops.softplus)
silu, gelu = _function(ops.silu), _function(ops.gelu)
mish, softsign = _function(ops.mish), _function(ops.softsign)


def leaky_relu(x: Value | float, slope: float = ops.LEAK) -> Value:
    """x where it is positive, else slope × x; at 0 the slope is `slope`."""
    return _node(ops.leaky_relu, (x, slope))


def elu(x: Value | float, alpha: float = ops.ALPHA) -> Value:
    """x where it is positive, else alpha × (exp(x) − 1). Clevert et al., 2015."""
    return _node(ops.elu, (x, alpha))


def selu(x: Value | float) -> Value:
    """The self-normalizing elu. Klambauer et al., 2017, with the paper's two constants."""
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * elu(x, alpha)


def clamp(x: Value | float, low: Value | float, high: Value | float) -> Value:
    """x, but at least low and at most high; at the bounds and beyond nothing flows to x.

    At a bound nothing flows to the bound either, also where it is the same node as x.
    """
    return _node(ops.clamp, (x, low, high))


def hardtanh(x: Value | float) -> Value:
    """x between -1 and 1, else the nearer of them."""
    return clamp(x, -1.0, 1.0)


Branch = Value | float | Callable[[], Value | float]


def where(condition: Value | bool, x: Branch, y: Branch) -> Value:
    """x where the condition holds, else y; nothing flows to the other.

    Both are computed before `where` is called, so an operation that would be outside its domain has
    to be given as a thunk: only the chosen thunk is called.

    >>> x = Value(-1.0)
    >>> where(x > 0, lambda: x.log(), 0.0).data
    0.0
    """
    if modes.anywhere and not (callable(x) or callable(y)) and (session := modes.session()) is not None:
        return session.choose(condition, x, y)  # type: ignore[no-any-return]
    if type(condition) is not bool and hasattr(condition, "choose"):  # a symbol
        return choose(condition, x, y)  # type: ignore[no-any-return]
    holds = bool(condition)
    if callable(x) or callable(y):
        chosen = x if holds else y
        return _value(chosen() if callable(chosen) else chosen)
    return _node(ops.where, (float(holds), x, y))


def _value(result: Value | float) -> Value:
    return result if isinstance(result, Value) else Value(result)


def dot(
    weights: Sequence[Value | float], inputs: Sequence[Value | float], bias: Value | float | None = None
) -> Value:
    """The sum of weights × inputs, plus the bias, as one node; ValueError for unequal lengths.

    The same bits as the loop `bias + w[0] * x[0] + w[1] * x[1] + …`, and much quicker.

    >>> dot([Value(1.0), Value(2.0)], [3.0, 4.0], bias=Value(0.5)).data
    11.5
    """
    if len(weights) != len(inputs):
        raise ValueError(f"dot needs as many inputs as weights: {len(weights)} weights, {len(inputs)} inputs")
    count = 2 * len(weights) + (bias is not None)
    return (_dots.get(count) or _dot_of(count))(weights, inputs, bias)


def _dot_of(operands: int) -> Callable[..., Value]:
    """The function of (weights, inputs, bias) for so many operands in all; odd where there is a bias."""
    is_short = 2 <= operands <= MOST_WRITTEN_OUT
    _dots[operands] = function = written_dot(operands) if is_short else _dot_in_a_loop
    return function


def _dot_in_a_loop(weights: Sequence[Any], inputs: Sequence[Any], bias: Any) -> Value:
    operands = (*weights, *inputs) if bias is None else (*weights, *inputs, bias)
    if modes.anywhere:
        return make_node(ops.dot, operands)
    try:
        w = [node._data for node in weights]
        x = [node._data for node in inputs]
        data = elementary.weighted_sum(w, x, 0.0 if bias is None else bias._data)
    except AttributeError:  # a plain number among them
        return make_node(ops.dot, operands)
    if data != data:
        return make_node(ops.dot, operands)
    return _wide_node(ops.dot, data, operands, elementary.weighted_sum_partials(w, x, bias))


def total(values: Iterable[Value | float]) -> Value:
    """The sum of all values, left to right, as one node; 0 for none.

    >>> total([Value(1.0), Value(2.0), 3.0]).data
    6.0
    """
    operands = tuple(values)
    return _node(ops.total, operands) if operands else Value(0.0)


def mean(values: Iterable[Value | float]) -> Value:
    """The arithmetic mean; ValueError for none.

    >>> mean([Value(1.0), Value(2.0)]).data
    1.5
    """
    operands = _some("mean", values)
    return total(operands) / len(operands)


def logsumexp(values: Iterable[Value | float]) -> Value:
    """Log Σ exp(value), without overflow; ValueError for none.

    >>> logsumexp([Value(1000.0), Value(1000.0)]).data
    1000.6931471805599
    """
    return _node(ops.logsumexp, _some("logsumexp", values))


def norm(values: Iterable[Value | float]) -> Value:
    """√Σ value², without overflow; 0, with gradient 0, at the origin; ValueError for none."""
    return _node(ops.norm, _some("norm", values))


def softmax(values: Iterable[Value | float]) -> list[Value]:
    """exp(value) ÷ Σ exp, one for each value: positive numbers that add up to 1; ValueError for none.

    >>> [p.data for p in softmax([Value(0.0), Value(0.0)])]
    [0.5, 0.5]
    """
    operands = _some("softmax", values)
    largest = _largest(operands)
    exponentials = [(operand - largest).exp() for operand in map(_value, operands)]
    whole = total(exponentials)
    return [part / whole for part in exponentials]


def _largest(operands: Sequence[Value | float]) -> Any:
    """The largest number among the operands, through which no gradient flows."""
    if modes.anywhere and (session := modes.session()) is not None:
        return session.largest(operands)
    return max(float(operand) for operand in operands)


def pick(values: Sequence[Any], index: Value | int, least: int | None = None) -> Any:
    """`values[index]`, also where the index is data: a label, a token; IndexError where there is none.

    An index below 0 counts from the end, unless `least` is 0. A function that replay records should pick
    this way: a list's own brackets work too, but make a program for every index that comes. From a list of
    lists a whole row is picked: an embedding.

    >>> pick([Value(10.0), Value(20.0)], 1).data
    20.0
    """
    least = -len(values) if least is None else least
    if modes.anywhere and (session := modes.session()) is not None:
        return session.pick(values, index, least)
    number = index.data if isinstance(index, Value) else as_number(index)
    return values[picked_place(number, least, len(values))]


def picked_place(number: float, least: int, count: int) -> int:
    """The place in a list of `count` things that an index names; TypeError for what is no whole number.

    Raises IndexError where it is below `least` or there is none.

    >>> picked_place(2.0, 0, 3)
    2
    """
    if not number.is_integer():
        raise TypeError(f"pick needs a whole number as its index, got {number!r}")
    if not least <= number < count:
        raise IndexError(f"pick needs a place from {least} to {count - 1}, got {int(number)}")
    return int(number)


def log_softmax(values: Iterable[Value | float]) -> list[Value]:
    """log(softmax(values)), right where a softmax is 0, and for any common shift; ValueError for none.

    >>> [round(p.data, 3) for p in log_softmax([Value(0.0), Value(1000.0)])]
    [-1000.0, 0.0]
    """
    operands = _some("log_softmax", values)
    largest = _largest(operands)
    shifted = [operand - largest for operand in map(_value, operands)]
    whole = _node(ops.logsumexp, shifted)
    return [operand - whole for operand in shifted]


def _some(name: str, values: Iterable[Value | float]) -> tuple[Value | float, ...]:
    operands = tuple(values)
    if not operands:
        raise ValueError(f"{name} needs at least one value, got none")
    return operands
