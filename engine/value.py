"""Value: a number that remembers how it was made.

>>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
>>> loss = (a * b + 10.0) ** 2
>>> loss.backward()
>>> loss.data, a.grad, b.grad
(16.0, -24.0, 16.0)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from engine import modes, ops, real
from engine.backward import backward
from engine.errors import DomainError, GraphError
from engine.graph import Node, comparison, copied, known, short_name, topological_order
from engine.operation import Operation
from engine.quick import define, written
from engine.real import as_number
from engine.terminal import shown

__all__ = ["Constant", "Value", "as_value", "make_node", "quick"]

_UNDEFINED = (ArithmeticError, ValueError)


def as_value(operand: Any) -> Value:
    """The operand itself when it is a Value, else the number as a constant of the graph."""
    return operand if isinstance(operand, Value) else Constant(operand)


def make_node(operation: Operation, operands: Sequence[Any]) -> Value:
    """The Value of an operation on operands, which may be Values or numbers.

    This is the plain way. The methods of Value do the same without the loops: engine/quick.py.
    """
    if modes.anywhere:
        if not modes.bare() and (session := modes.session()) is not None:
            return session.make(operation, operands)  # type: ignore[no-any-return]
        if modes.bare() or not modes.recording():
            return _without_operands(operation, operands)
    nodes = tuple(as_value(operand) for operand in operands)
    data = _computed(operation, nodes)
    node = Value(data)
    if modes.anywhere and (line := modes.line_of_caller()):
        node = Remembered(data)
        node.line = line
    partials = operation.slopes(data, [node._data for node in nodes])
    slopes = [None if type(n) is Constant else p for n, p in zip(nodes, partials, strict=True)]
    if operation.flat:  # 0 times an infinite slope further down would be nan
        slopes = [slope or None for slope in slopes]
    node._operation = operation
    if operation.arity in (1, 2):
        node._first, node._second = (*nodes, None)[:2]
        node._first_partial, node._second_partial = (*slopes, None)[:2]
    else:
        node._second, node._second_partial = nodes, tuple(slopes)
    return node


def _without_operands(operation: Operation, operands: Sequence[Any]) -> Value:
    """The node of the number alone: what operations give inside `no_grad`."""
    try:
        data = operation.forward(*[operand._data for operand in operands])
    except (*_UNDEFINED, AttributeError):  # a plain number among them, or outside the domain
        data = math.nan
    if data != data:
        data = _computed(operation, operands)
    node: Value = object.__new__(Value)
    node._data = data
    node.grad = None
    node.label = ""
    node._operation = node._first = node._second = node._first_partial = node._second_partial = None
    return node


def _computed(operation: Operation, operands: Sequence[Any]) -> float:
    """The number alone; a DomainError names the operands by their labels."""
    numbers = [o._data if isinstance(o, Value) else as_number(o) for o in operands]
    try:
        return operation.evaluate(numbers)
    except DomainError as error:
        if not error.labels:
            raise  # it has words of its own
        labels = [o.label if isinstance(o, Value) else "" for o in operands]
        raise operation.refusal(numbers, labels) from None


@cache
def quick(operation: Operation) -> Callable[..., Value]:
    """The method for an operation on one Value, or on a Value and a second operand of any kind."""
    if operation.arity == 1:
        return written(operation, "node")
    return written(operation, "node", "node", by_number=written(operation, "node", "number"))


def _unary(operation: Operation) -> Callable[[Value], Value]:
    """`quick`, in the words of types, for type checkers and editors."""
    return quick(operation)


def _binary(operation: Operation) -> Callable[[Value, Value | float], Value]:
    return quick(operation)


def _reflected(operation: Operation) -> Callable[[Value, float], Value]:
    """The method for `number + value`: the operands the other way round."""
    return written(operation, "number", "node")


def _with_number(operation: Operation, first: Any, second: Any) -> Value:
    """The node, or NotImplemented for a class of someone else's that may know what to do."""
    if modes.anywhere and (session := modes.session()) is not None:
        first, second = session.operands(first, second)
    for operand in (first, second):
        if not isinstance(operand, Value):
            if real.is_foreign(operand):
                return NotImplemented  # type: ignore[no-any-return]
            real.as_operand(operand, operation.symbol, first=operand is first)
    return make_node(operation, (first, second))


class Value(Node):
    """A number in a computation graph.

    `data` is the number, `grad` the derivative of whatever `backward` was called on by this number
    (None until then), `label` its name in pictures and messages. Made from any real number; TypeError
    for anything else.

    >>> x = Value(0.5, label="x")
    >>> y = x.tanh() * x
    >>> y.backward()
    >>> x
    Value(0.5, grad=0.8553410237429735, label='x')
    """

    __slots__ = ()

    def __init__(self, data: float, label: str = "", *others: Any) -> None:
        if others or type(label) is not str:  # what micrograd's Value takes gets an answer
            label = real.as_label(label, others)
        self.grad = None
        self.label = label
        self._operation = self._first = self._second = None
        self._first_partial = self._second_partial = None
        if modes.anywhere and not modes.bare() and (session := modes.session()) is not None:
            session.begin(self, data)
        else:
            self._data = data if type(data) is float else as_number(data)

    @property
    def data(self) -> float:
        """The number. Only a leaf's can be set: what was computed would no longer follow from it."""
        if modes.anywhere and not modes.bare() and (session := modes.session()) is not None:
            return session.number(self)  # type: ignore[no-any-return]
        return self._data

    @data.setter
    def data(self, number: float) -> None:
        modes.refuse_to_record("setting .data", "a function that is replayed must not change its parameters")
        if self._operation is not None:
            raise GraphError(
                f"the data of a computed node ({self._operation.name}{self.label and f' {self.label!r}'}) "
                "cannot be set; set the data of a leaf and compute again",
                self.label,
            )
        self._data = as_number(number)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """The local derivative for each parent, as it was when the node was made; None is no path."""
        modes.refuse_to_record(".partials", "write gradients(output, [x], create_graph=True)")
        slopes = self.paths
        if self._operation is not None and self._operation.flat:
            slopes = self._operation.partials(self._data, *[parent._data for parent in self.parents])
        known = zip(self.parents, slopes, strict=True)
        return tuple([None if type(parent) is Constant else slope for parent, slope in known])

    def backward(self, gradient: float = 1.0) -> None:
        """Add `gradient` × d this node / d leaf to the `grad` of every leaf below it.

        Interior nodes get theirs afresh, so that a second call, or two outputs that share nodes, add up
        exactly. All or nothing: after an exception, Ctrl-C's too, every gradient is as it was. Raises
        NonFiniteError where one would be nan, and GraphError inside `no_grad` for a number made there. Graphs
        may be built and run in any thread, but graphs that share leaves not by two threads at the same time.

        >>> x = Value(3.0)
        >>> (x * x).backward(gradient=10.0)
        >>> x.grad
        60.0
        """
        modes.refuse_to_record("backward()", "the replayed program gives the gradients")
        if math.isnan(gradient := as_number(gradient)):
            raise ValueError("backward needs a number as its gradient, got nan")
        if modes.anywhere and self._operation is None and not modes.recording():
            words = "was made without operands, so that nothing would get a gradient; compute it outside"
            raise GraphError(f"backward inside no_grad: {self!r} {words}", self.label)
        backward(self, gradient=gradient, constant=Constant)

    def detach(self) -> Value:
        """The same number as a constant of the graph: nothing flows through it.

        >>> x = Value(3.0)
        >>> (x * x.detach()).backward()
        >>> x.grad
        3.0
        """
        return Constant(self.data)

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Value:
        """The Value of an operation on these operands; how `tanh(x)` finds its way here."""
        return make_node(operation, operands)

    __add__, _radd = _binary(ops.add), _reflected(ops.add)
    __sub__, __rsub__ = _binary(ops.subtract), _reflected(ops.subtract)
    __mul__, __rmul__ = _binary(ops.multiply), _reflected(ops.multiply)
    __truediv__, __rtruediv__ = _binary(ops.divide), _reflected(ops.divide)
    __pow__, __rpow__ = _binary(ops.power), _reflected(ops.power)
    __neg__, __abs__ = _unary(ops.negate), _unary(ops.absolute)
    __floor__, __ceil__ = _unary(ops.floor), _unary(ops.ceil)
    __floordiv__ = __rfloordiv__ = real.refusing("//", "write floor(x / y)")
    __mod__, __rmod__ = _binary(ops.remainder), _reflected(ops.remainder)
    __divmod__ = __rdivmod__ = real.refusing("divmod", "write floor(x / y) and x % y")

    exp, expm1, exp2 = _unary(ops.exp), _unary(ops.expm1), _unary(ops.exp2)
    log, log1p, log2, log10 = _unary(ops.log), _unary(ops.log1p), _unary(ops.log2), _unary(ops.log10)
    sqrt, cbrt = _unary(ops.sqrt), _unary(ops.cbrt)
    sin, cos, tan = _unary(ops.sin), _unary(ops.cos), _unary(ops.tan)
    asin, acos, atan = _unary(ops.asin), _unary(ops.acos), _unary(ops.atan)
    sinh, cosh, tanh = _unary(ops.sinh), _unary(ops.cosh), _unary(ops.tanh)
    asinh, acosh, atanh = _unary(ops.asinh), _unary(ops.acosh), _unary(ops.atanh)
    lgamma, digamma = _unary(ops.lgamma), _unary(ops.digamma)
    erf, erfc, sign = _unary(ops.erf), _unary(ops.erfc), _unary(ops.sign)
    floor, ceil = __floor__, __ceil__
    sigmoid, relu, softplus = _unary(ops.sigmoid), _unary(ops.relu), _unary(ops.softplus)
    degrees, radians, sinc = _unary(ops.degrees), _unary(ops.radians), _unary(ops.sinc)
    silu, gelu, mish, softsign = _unary(ops.silu), _unary(ops.gelu), _unary(ops.mish), _unary(ops.softsign)
    abs = __abs__

    def leaky_relu(self, slope: float = ops.LEAK) -> Value:
        """x where it is positive, else slope × x."""
        return make_node(ops.leaky_relu, (self, slope))

    def elu(self, alpha: float = ops.ALPHA) -> Value:
        """x where it is positive, else alpha × (exp(x) − 1)."""
        return make_node(ops.elu, (self, alpha))

    def clamp(self, low: float, high: float) -> Value:
        """x, but at least low and at most high; at the bounds and beyond nothing flows to x."""
        return make_node(ops.clamp, (self, low, high))

    def __radd__(self, other: Any) -> Value:
        """`number + value`; the 0 that sum() starts with adds no node."""
        return self if type(other) is int and other == 0 else self._radd(other)

    def __pos__(self) -> Value:
        return self

    def __round__(self, digits: int | None = None) -> Value:
        """The nearest whole number as a flat node; digits after the point are for format()."""
        if digits:
            raise TypeError("round(value, digits) is not offered; format(value, '.2f') prints digits")
        return make_node(ops.nearest, (self,))

    __eq__, __hash__ = real.by_identity, Node.__hash__

    __lt__, __le__ = comparison(operator.lt), comparison(operator.le)
    __gt__, __ge__ = comparison(operator.gt), comparison(operator.ge)

    def __bool__(self) -> bool:
        if modes.anywhere and (session := modes.session()) is not None:
            return session.truth(self)
        return modes.branch(bool(self._data))

    def __array_ufunc__(self, function: Any, method: str, *operands: Any, **_: Any) -> Any:
        return real.answer_to_numpy(function, method, operands, Value, ops.TABLE)

    def __float__(self) -> float:
        """The number alone: what is computed from it is cut off from the graph."""
        return known(self)

    def __format__(self, specification: str) -> str:
        return format(known(self), specification) if specification else repr(self)

    def __copy__(self) -> Value:
        """The same number made in the same way, without a gradient."""
        modes.refuse_to_record("a copy of a recorded value", "use the value itself")
        copy: Value = copied(self, {})
        return copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        """The whole graph below, again, in a loop: any depth. Shared nodes stay shared."""
        modes.refuse_to_record("a copy of a recorded value", "use the value itself")
        for node in topological_order(self):
            if id(node) not in memo:
                memo[id(node)] = copied(node, memo)
                memo[id(node)].grad = node.grad
        copy: Value = memo[id(self)]
        return copy

    def __reduce__(self) -> tuple[Any, ...]:
        """How to pickle a leaf. A graph is not pickled: what is worth keeping is its parameters."""
        if self._operation is not None:
            raise TypeError(
                f"only leaves are pickled, and this is a computed node ({self._operation.name}"
                f"{self.label and f' {self.label!r}'}); save the parameters instead"
            )
        return type(self), (known(self), self.label)

    def __repr__(self) -> str:
        grad = "–" if self.grad is None else repr(self.grad)
        label = f", label={short_name(self.label)!r}" if self.label else ""
        return shown(f"Value({known(self)!r}, grad={grad}{label})")


class Constant(Value):
    """A plain number that was used with Values: it has no label and wants no gradient."""

    __slots__ = ()
    is_constant = True


class Remembered(Value):
    """A Value that knows the line of code that made it; others spare themselves the place for it."""

    __slots__ = ("line",)


define(
    Constant=Constant,
    Value=Value,
    UNDEFINED=(*_UNDEFINED, AttributeError),
    as_number=as_number,
    make_node=make_node,
    with_number=_with_number,
)
