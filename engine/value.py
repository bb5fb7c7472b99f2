"""Value: a number that remembers how it was made.

>>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
>>> loss = (a * b + 10.0) ** 2
>>> loss.backward()
>>> loss.data, a.grad, b.grad
(16.0, -24.0, 16.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine import modes, ops
from engine.backward import backward
from engine.errors import GraphError
from engine.graph import Node, topological_order
from engine.operation import Operation
from engine.real import as_number, is_foreign

__all__ = ["Constant", "Value", "as_value", "make_node"]

_UNDEFINED = (ArithmeticError, ValueError)
_new = object.__new__


def as_value(operand: Any) -> Value:
    """The operand itself when it is a Value, else the number as a constant of the graph."""
    return operand if isinstance(operand, Value) else Constant(operand)


def make_node(operation: Operation, operands: Sequence[Any]) -> Value:
    """The Value of an operation on operands, which may be Values or numbers.

    This is the plain way; the methods below do the same for one and two Values without the loops.
    """
    nodes = tuple(as_value(operand) for operand in operands)
    inputs = [node._data for node in nodes]
    data = operation.evaluate(inputs, [node.label for node in nodes])
    node = Value(data)
    if modes.anywhere:
        if not modes.recording():
            return node
        if line := modes.line_of_caller():
            node._line = line
    partials = operation.partials(data, *inputs)
    slopes = [None if type(n) is Constant else p for n, p in zip(nodes, partials, strict=True)]
    node._operation = operation
    if operation.arity in (1, 2):
        node._first, node._second = (*nodes, None)[:2]
        node._first_partial, node._second_partial = (*slopes, None)[:2]
    else:
        node._first = nodes
        node._first_partial = tuple(slopes)
    return node


def _one(operation: Operation) -> Callable[[Value], Value]:
    """A method for an operation on one Value."""
    forward, partials = operation.forward, operation.partials

    def method(self: Value) -> Value:
        x = self._data
        try:
            data = forward(x)
        except _UNDEFINED:
            return make_node(operation, (self,))
        if modes.anywhere or data != data:
            return make_node(operation, (self,))
        node: Value = _new(Value)
        node._data = data
        node.grad = None
        node.label = ""
        node._operation = operation
        node._first = self
        node._second = node._second_partial = None
        (node._first_partial,) = partials(data, x)
        return node

    return _described(method, operation)


def _two(operation: Operation) -> Callable[[Value, Any], Value]:
    """A method for an operation on two Values, or on a Value and a number."""
    forward, partials = operation.forward, operation.partials

    def method(self: Value, other: Any) -> Value:
        if type(other) is not Value:
            return _with_number(operation, self, other)
        x = self._data
        y = other._data
        try:
            data = forward(x, y)
        except _UNDEFINED:
            return make_node(operation, (self, other))
        if modes.anywhere or data != data:
            return make_node(operation, (self, other))
        node: Value = _new(Value)
        node._data = data
        node.grad = None
        node.label = ""
        node._operation = operation
        node._first = self
        node._second = other
        node._first_partial, node._second_partial = partials(data, x, y)
        return node

    return _described(method, operation)


def _reflected(operation: Operation) -> Callable[[Value, Any], Value]:
    """The method for `number + value`: the operands the other way round."""

    def method(self: Value, other: Any) -> Value:
        if type(other) is int and other == 0 and operation is ops.add:
            return self  # where sum() starts
        return _with_number(operation, other, self)

    return _described(method, operation)


def _with_number(operation: Operation, first: Any, second: Any) -> Value:
    """The node, or NotImplemented for a class of someone else's that may know what to do."""
    for operand in (first, second):
        if not isinstance(operand, Value):
            if is_foreign(operand):
                return NotImplemented  # type: ignore[no-any-return]
            as_number(operand)
    return make_node(operation, (first, second))


def _described(method: Callable[..., Value], operation: Operation) -> Callable[..., Value]:
    method.__name__ = method.__qualname__ = operation.name
    method.__doc__ = operation.doc
    return method


def _refusing(what: str, instead: str) -> Callable[[Value, Any], Value]:
    def method(self: Value, other: Any) -> Value:  # noqa: ARG001  (Python passes them)
        raise TypeError(f"{what} of Values is flat almost everywhere, so it is not offered; {instead}")

    return method


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
    __array_ufunc__ = None  # NumPy then leaves `array * value` to us, who refuse it

    def __init__(self, data: float, label: str = "") -> None:
        self._data = data if type(data) is float else as_number(data)
        self.grad = None
        self.label = label
        self._operation = self._first = self._second = None
        self._first_partial = self._second_partial = None

    @property
    def data(self) -> float:
        """The number. Only a leaf's can be set: what was computed would no longer follow from it."""
        return self._data

    @data.setter
    def data(self, number: float) -> None:
        if self._operation is not None:
            raise GraphError(
                f"the data of a computed node ({self._operation.name} {self.label!r}) cannot be set; "
                "set the data of a leaf and compute again",
                self.label,
            )
        self._data = as_number(number)

    def backward(self) -> None:
        """Add the derivative of this node by every leaf below it to that leaf's `grad`.

        Interior nodes get their gradient afresh, so that a second call, or two outputs that share
        nodes, add up exactly. Raises NonFiniteError, with every gradient as it was, where a gradient
        would be nan.
        """
        backward(self, keep=Constant)

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Value:
        """The Value of an operation on these operands; how `tanh(x)` finds its way here."""
        return make_node(operation, operands)

    __add__, __radd__ = _two(ops.add), _reflected(ops.add)
    __sub__, __rsub__ = _two(ops.subtract), _reflected(ops.subtract)
    __mul__, __rmul__ = _two(ops.multiply), _reflected(ops.multiply)
    __truediv__, __rtruediv__ = _two(ops.divide), _reflected(ops.divide)
    __pow__, __rpow__ = _two(ops.power), _reflected(ops.power)
    __neg__, __abs__ = _one(ops.negate), _one(ops.absolute)
    __floor__, __ceil__ = _one(ops.floor), _one(ops.ceil)
    __floordiv__ = __rfloordiv__ = _refusing("//", "write floor(x / y)")
    __mod__ = __rmod__ = _refusing("%", "write x - y * floor(x / y)")
    __divmod__ = __rdivmod__ = _refusing("divmod", "write floor(x / y)")

    exp, expm1, exp2 = _one(ops.exp), _one(ops.expm1), _one(ops.exp2)
    log, log1p, log2, log10 = _one(ops.log), _one(ops.log1p), _one(ops.log2), _one(ops.log10)
    sqrt, cbrt = _one(ops.sqrt), _one(ops.cbrt)
    sin, cos, tan = _one(ops.sin), _one(ops.cos), _one(ops.tan)
    asin, acos, atan = _one(ops.asin), _one(ops.acos), _one(ops.atan)
    sinh, cosh, tanh = _one(ops.sinh), _one(ops.cosh), _one(ops.tanh)
    asinh, acosh, atanh = _one(ops.asinh), _one(ops.acosh), _one(ops.atanh)
    erf, erfc, sign = _one(ops.erf), _one(ops.erfc), _one(ops.sign)
    floor, ceil = __floor__, __ceil__
    sigmoid, relu, softplus = _one(ops.sigmoid), _one(ops.relu), _one(ops.softplus)
    silu, gelu, mish, softsign = _one(ops.silu), _one(ops.gelu), _one(ops.mish), _one(ops.softsign)
    abs = __abs__

    def leaky_relu(self, slope: float = 0.01) -> Value:
        """X where it is positive, else slope × x."""
        return make_node(ops.leaky_relu, (self, slope))

    def elu(self, alpha: float = 1.0) -> Value:
        """X where it is positive, else alpha × (exp(x) − 1)."""
        return make_node(ops.elu, (self, alpha))

    def clamp(self, low: float, high: float) -> Value:
        """x, but at least low and at most high; at the bounds and beyond nothing flows to x."""
        return make_node(ops.clamp, (self, low, high))

    def __pos__(self) -> Value:
        return self

    def __round__(self, digits: int | None = None) -> Value:
        """The nearest whole number as a flat node; digits after the point are for format()."""
        if digits:
            raise TypeError("round(value, digits) is not offered; format(value, '.2f') prints digits")
        return make_node(ops.nearest, (self,))

    def __lt__(self, other: Any) -> bool:
        return modes.branch(self._data < _comparable(other))

    def __le__(self, other: Any) -> bool:
        return modes.branch(self._data <= _comparable(other))

    def __gt__(self, other: Any) -> bool:
        return modes.branch(self._data > _comparable(other))

    def __ge__(self, other: Any) -> bool:
        return modes.branch(self._data >= _comparable(other))

    def __bool__(self) -> bool:
        return modes.branch(bool(self._data))

    def __float__(self) -> float:
        """The number alone: what is computed from it is cut off from the graph."""
        return self._data

    def __format__(self, specification: str) -> str:
        return format(self._data, specification) if specification else repr(self)

    def __copy__(self) -> Value:
        """The same number made in the same way, without a gradient."""
        copy: Value = _copied(self, {})
        return copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        """The whole graph below, again, in a loop: any depth. Shared nodes stay shared."""
        for node in topological_order(self):
            if id(node) not in memo:
                memo[id(node)] = _copied(node, memo)
                memo[id(node)].grad = node.grad
        copy: Value = memo[id(self)]
        return copy

    def __reduce__(self) -> tuple[Any, ...]:
        """How to pickle a leaf. A graph is not pickled: what is worth keeping is its parameters."""
        if self._operation is not None:
            raise TypeError(
                f"only leaves are pickled, and this is a computed node ({self._operation.name} "
                f"{self.label!r}); save the parameters instead"
            )
        return type(self), (self._data, self.label)

    def __repr__(self) -> str:
        grad = "–" if self.grad is None else repr(self.grad)
        label = f", label={self.label!r}" if self.label else ""
        return f"Value({self._data!r}, grad={grad}{label})"


def _comparable(other: Any) -> float:
    return other._data if isinstance(other, Value) else as_number(other)


def _copied(node: Any, memo: dict[int, Any]) -> Any:
    """A new node on the memo's copies of the operands, or on the operands themselves where it has none."""
    parents = tuple(memo.get(id(parent), parent) for parent in node.parents)
    copy = type(node)(node._data, node.label)
    copy._operation = node._operation
    copy._first_partial, copy._second_partial = node._first_partial, node._second_partial
    if isinstance(node._first, tuple):
        copy._first = parents
    else:
        copy._first, copy._second = (*parents, None, None)[:2]
    return copy


class Constant(Value):
    """A plain number that was used with Values: it has no label and wants no gradient."""

    __slots__ = ()
