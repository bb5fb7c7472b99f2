"""The well-known rewrites: for the shape in which digits are lost, the formula that keeps them.

Both are written in the words of the table, so that a test can run them side by side. A hint is looked for at
the node that is to blame, and nowhere else: elsewhere the shapes are harmless.

>>> from engine import Value
>>> x = Value(1e-6, label="x")
>>> hint(1 - x.cos(), {x: "x"}), hint((1 + x).log(), {x: "x"})
('2 × sin(x ÷ 2)²', 'log1p(x)')
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from engine import ops
from engine.formula import Formula
from engine.graph import Node
from engine.operation import Operation
from engine.wording import made_of, written_number

__all__ = ["REWRITES", "hint", "written_out"]

Written = Callable[..., Any]
DEEPEST = 5  # operations that are written out inside one another
LONGEST = 40  # characters of an operand that is written out

# (what loses digits, what does not): the first that fits is taken.
REWRITES: tuple[tuple[Written, Written], ...] = (
    (lambda x: 1.0 - ops.cos(x), lambda x: 2.0 * ops.power(ops.sin(x / 2.0), 2.0)),
    (lambda x: ops.exp(x) - 1.0, ops.expm1),
    (lambda x: ops.exp2(x) - 1.0, lambda x: ops.expm1(x * ops.log(2.0))),
    (lambda x: ops.cosh(x) - 1.0, lambda x: 2.0 * ops.power(ops.sinh(x / 2.0), 2.0)),
    (lambda x: 1.0 - ops.sigmoid(x), lambda x: ops.sigmoid(-x)),
    (lambda x: 1.0 - ops.erf(x), ops.erfc),
    (lambda x: 1.0 - ops.tanh(x), lambda x: 2.0 * ops.sigmoid(-2.0 * x)),
    (lambda x: 1.0 - ops.power(ops.tanh(x), 2.0), lambda x: 1.0 / ops.power(ops.cosh(x), 2.0)),
    (lambda x: 1.0 - ops.power(ops.sin(x), 2.0), lambda x: ops.power(ops.cos(x), 2.0)),
    (lambda x: 1.0 - ops.power(ops.cos(x), 2.0), lambda x: ops.power(ops.sin(x), 2.0)),
    (lambda x: ops.exp(x) - ops.exp(-x), lambda x: 2.0 * ops.sinh(x)),
    (lambda x: ops.sqrt(1.0 + x) - 1.0, lambda x: x / (ops.sqrt(1.0 + x) + 1.0)),
    (lambda x, c: ops.sqrt(x + c) - ops.sqrt(x), lambda x, c: c / (ops.sqrt(x + c) + ops.sqrt(x))),
    (lambda x, y: ops.sqrt(x) - ops.sqrt(y), lambda x, y: (x - y) / (ops.sqrt(x) + ops.sqrt(y))),
    (lambda x, y: ops.log(x) - ops.log(y), lambda x, y: ops.log1p((x - y) / y)),
    (lambda x, y: 1.0 / x - 1.0 / y, lambda x, y: (y - x) / (x * y)),
    (lambda b, c: ops.sqrt(b * b - c) - b, lambda b, c: -c / (ops.sqrt(b * b - c) + b)),
    (lambda b, c: ops.sqrt(b * b + c) - b, lambda b, c: c / (ops.sqrt(b * b + c) + b)),
    (lambda b, c: -b - ops.sqrt(b * b - c), lambda b, c: c / (ops.sqrt(b * b - c) - b)),
    (lambda b, c: -b - ops.sqrt(b * b + c), lambda b, c: -c / (ops.sqrt(b * b + c) - b)),
    (lambda x, y: x * x - y * y, lambda x, y: (x - y) * (x + y)),
    (lambda x: ops.log(1.0 - ops.sigmoid(x)), lambda x: -ops.softplus(x)),
    (lambda x: ops.log(ops.sigmoid(x)), lambda x: -ops.softplus(-x)),
    (lambda x: ops.log(1.0 + x), ops.log1p),
    (lambda x: ops.log(1.0 - x), lambda x: ops.log1p(-x)),
    (lambda x: ops.log2(1.0 + x), lambda x: ops.log1p(x) / ops.log(2.0)),
    (lambda x, y: ops.log(x / y), lambda x, y: ops.log1p((x - y) / y)),
)
VARIANCE = "the mean of (x − mean)²: subtract the mean before squaring"


def hint(node: Node, named: Mapping[Node, str]) -> str:
    """What to write instead of the node, in the names of what it is made of; '' where no shape fits."""
    if _is_variance(node):
        return VARIANCE
    for shape, rewrite in REWRITES:
        symbols = {name: _Shape(name) for name in inspect.signature(shape).parameters}
        pattern = shape(**symbols)
        for negative in (False, True):
            for bound in _matches(pattern, node, {}, negative=negative):
                operands = {name: _operand(bound[name], named) for name in symbols}
                formula = rewrite(*operands.values())
                return repr(-formula if negative else formula)
    return ""


def written_out(node: Node, named: Mapping[Node, str]) -> Formula:
    """How a node was made, down to what somebody gave a name, a leaf or a number."""
    if node.operation is None:
        return written_number(node._data) if node.is_constant else Formula(named[node])
    return made_of(node.operation, [_operand(parent, named) for parent in node.parents])


def _operand(node: Node, named: Mapping[Node, str]) -> Formula:
    if node.operation is not None and node.label:
        return Formula(named[node])
    short = written_out(node, named) if _depth(node) <= DEEPEST else Formula(named[node])
    return short if len(short.text) <= LONGEST else Formula(named[node])


def _depth(node: Node) -> int:
    """How many operations lie above the leaves, as far as it matters here."""
    below = [node]
    for depth in range(DEEPEST + 1):
        below = [parent for member in below for parent in member.parents]
        if not below:
            return depth
    return DEEPEST + 1


class _Shape(Formula):
    """A formula that remembers what it is made of; one without an operation stands for any node."""

    __slots__ = ("operands", "operation")

    def __init__(self, name: str, operation: Operation | None = None, operands: Sequence[Any] = ()) -> None:
        super().__init__(name)
        self.operation = operation
        self.operands = operands

    def apply(self, operation: Operation, operands: Sequence[Any]) -> _Shape:
        return _Shape("", operation, tuple(operands))


Bound = dict[str, Node]


def _matches(shape: Any, node: Node, bound: Bound, *, negative: bool = False) -> Iterator[Bound]:
    """{name: what it stands for} for each way in which a node has the shape; `negative`: −node has it."""
    if not isinstance(shape, _Shape):
        if node.operation is None and node._data == (-shape if negative else shape):
            yield bound
    elif shape.operation is None:
        if not negative and _same(bound.get(shape.text, node), node):
            yield {**bound, shape.text: node}
    else:
        for operation, operands in _readings(node):
            if operation is shape.operation:
                yield from _all_match(shape.operands, operands[::-1] if negative else operands, bound)
            if operation is shape.operation and operation.commutative and not negative:
                yield from _all_match(shape.operands, operands[::-1], bound)


def _all_match(shapes: Sequence[Any], nodes: Sequence[Any], bound: Bound) -> Iterator[Bound]:
    if not shapes:
        yield bound
        return
    for found in _matches_operand(shapes[0], nodes[0], bound):
        yield from _all_match(shapes[1:], nodes[1:], found)


def _matches_operand(shape: Any, operand: Any, bound: Bound) -> Iterator[Bound]:
    """An operand is a node, or a number that a reading has put in its place."""
    if isinstance(operand, float):
        if not isinstance(shape, _Shape) and shape == operand:
            yield bound
        return
    yield from _matches(shape, operand, bound)


def _readings(node: Node) -> Iterator[tuple[Operation, Sequence[Any]]]:
    """The node as it was made, and other ways to write the same: a + −b as a − b, x × x as x²."""
    operation, operands = node.operation, node.parents
    if operation is None:
        return
    yield operation, operands
    if operation is ops.total and len(operands) == 2:
        yield ops.add, operands
    if operation in (ops.add, ops.total) and len(operands) == 2:
        for first, second in (operands, operands[::-1]):
            if second.operation is ops.negate:
                yield ops.subtract, (first, second.parents[0])
            if second.operation is None and second._data < 0:
                yield ops.subtract, (first, -second._data)
    if operation is ops.multiply and _same(operands[0], operands[1]):
        yield ops.power, (operands[0], 2.0)
    if operation is ops.power and operands[1]._data == 2.0:
        yield ops.multiply, (operands[0], operands[0])


def _same(a: Node, b: Node, depth: int = 3) -> bool:
    """Whether two nodes are the same number: the same node, or made of the same ones in the same way."""
    if a is b or not depth:
        return a is b
    if a.operation is None:
        return a.is_constant and b.is_constant and a._data == b._data
    pairs = zip(a.parents, b.parents, strict=False)
    return a.operation is b.operation and all(_same(x, y, depth - 1) for x, y in pairs)


def _is_variance(node: Node) -> bool:
    """The mean of squares less the square of the mean, of the same numbers."""
    for operation, operands in _readings(node):
        if operation is not ops.subtract or not all(isinstance(operand, Node) for operand in operands):
            continue
        squares, mean = _averaged(operands[0]), [_averaged(inner) for inner in _squared(operands[1])]
        if squares and mean:
            inner = [next(_squared(square), None) for square in squares]
            return inner == mean[0]
    return False


def _squared(node: Node) -> Iterator[Node]:
    """x where the node is x²."""
    for operation, operands in _readings(node):
        if operation is ops.multiply and _same(operands[0], operands[1]):
            yield operands[0]


def _averaged(node: Node) -> list[Node]:
    """What is added up in a node that is a sum divided by a number; [] for another."""
    if node.operation in (ops.divide, ops.multiply) and node.parents[1].operation is None:
        node = node.parents[0]
        found: list[Node] = []
        while node.operation is ops.add:
            node, last = node.parents
            found.insert(0, last)
        return [node, *found] if found else list(node.parents) if node.operation is ops.total else []
    return []
