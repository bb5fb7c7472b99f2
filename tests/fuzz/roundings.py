"""How far a result of float32 may be from that of float64: a bound derived from the roundings themselves.

Every number that is stored is rounded, by at most U of its size; a function that takes several steps is
rounded several times. To first order an error in a node reaches the result times the derivative of the result
by the node, and the gradient is a result too: a graph of Values, which is differentiated once more. So the
sum over all nodes, of the size of the derivative times the size of the rounding, bounds the error; twice as
much leaves room for terms of second order, and for sums that are added in another order.

Where a rounding decides (a side of a kink, a comparison, the edge of a domain) no such bound exists.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine import EngineError, Value
from engine.backward import adjoints
from engine.calculus import gradients
from engine.checking.signature import has_sides, side_of
from engine.functions import dot
from engine.operation import Operation
from engine.replay.backends.llvm.writing.module import FLOAT
from engine.replay.recording.selection import DETACH, LARGEST, PICK, SELECTIONS
from engine.replay.recording.tape import LeafKind, Tape
from engine.value import make_node

U = 2.0**-24  # half of a unit in the last place of 1, the largest relative error of a rounding to float32
SMALLEST = 2.0**-149  # below 2^-126 numbers are so far apart
# Roundings on the way to a result; of those that are not listed at most 2, as an error of one unit is.
STEPS = {
    "elu": 6,
    "expm1": 5,
    "gelu": 5,
    "mish": 14,
    "sigmoid": 5,
    "silu": 6,
    "softplus": 8,
    "softsign": 3,
    "tanh": 5,
}


class Bounds(NamedTuple):
    """How far the loss and, along each direction, the gradient may be off; and the gradient itself."""

    loss: float
    gradient: list[float]
    sizes: list[float]


def own_rounding(operation: Operation | None, number: float, operands: Sequence[float]) -> float:
    """The error that an operation adds to those of its operands: steps × U × all that it moves."""
    if operation is None:  # a leaf, which may be a float32 already
        return 0.0 if FLOAT.nearest(number) == number else U * abs(number)
    slopes = operation.partials(number, *operands)
    moved: float = sum(abs(slope * x) for slope, x in zip(slopes, operands, strict=True) if slope and x)
    if number == 0.0 and not moved:
        return 0.0
    steps = STEPS.get(operation.name, 2) if operation.arity else len(operands) + 2
    absolute = (len(operands) + 4) * U if operation.name == "logsumexp" else 0.0
    return steps * (U * (abs(number) + moved) + SMALLEST) + absolute


def bounds(
    tape: Tape, weights: Sequence[float], sample: Sequence[float], directions: Sequence[Sequence[float]]
) -> Bounds | None:
    """The bounds for one sample; None where a rounding may decide something, or nothing can be said."""
    nodes, errors = _forward(tape, weights, sample)
    if nodes is None:
        return None
    loss = nodes[tape.outputs[0]]
    by_weight = [Value(0.0)] * tape.parameters
    leaves = [
        (place, leaf.which) for place, leaf in enumerate(tape.leaves) if leaf.kind is LeafKind.PARAMETER
    ]
    slopes = gradients(loss, [nodes[place] for place, _ in leaves], create_graph=True)
    for (_, which), slope in zip(leaves, slopes, strict=True):
        by_weight[which] = slope
    found, sizes = [], []
    for direction in directions:
        along = dot(direction, by_weight)
        found.append(_error(along, errors))
        sizes.append(sum(abs(s * g.data) for s, g in zip(direction, by_weight, strict=True)))
    result = Bounds(_error(loss, errors), found, sizes)
    return result if all(map(math.isfinite, (result.loss, *found))) else None


def _error(result: Value, errors: dict[Value, float]) -> float:
    """Twice the sum, over all nodes, of derivative × rounding."""

    def local(node: Any) -> Sequence[float | None]:
        slopes: Sequence[float | None] = node.operation.partials(node.data, *(p.data for p in node.parents))
        return slopes

    sensitivity = adjoints(result, local)
    total = 0.0
    for node, slope in sensitivity.items():
        own = errors.get(node)
        if own is None:
            own = own_rounding(node.operation, node.data, [parent.data for parent in node.parents])
        total += abs(slope) * own
    return 2.0 * total


def _forward(tape: Tape, weights: Sequence[float], sample: Sequence[float]) -> tuple[Any, dict[Value, float]]:
    """(a node for every place of the tape, the errors of those that are no results of their operands)."""
    given = {LeafKind.INPUT: sample, LeafKind.PARAMETER: weights}
    nodes: list[Value] = []
    off: list[float] = []
    errors: dict[Value, float] = {}
    for kind, which, constant, _ in tape.leaves:
        number = tape.held[which].data if kind is LeafKind.HELD else constant
        nodes.append(Value(given[kind][which] if kind in given else number))
        off.append(own_rounding(None, nodes[-1].data, ()))
    for operation, operands, _ in tape.instructions:
        members, numbers = [nodes[k] for k in operands], [nodes[k].data for k in operands]
        if operation is PICK:
            place = operands[1:][int(numbers[0])]
            nodes.append(nodes[place])
            off.append(off[place])
            continue
        if not _is_decided(operation, numbers, [off[k] for k in operands]):
            return None, {}
        if operation in SELECTIONS:
            error = max(off[k] for k in operands) if operation in (LARGEST, DETACH) else 0.0
            nodes.append(Value(operation.evaluate(numbers)))
            errors[nodes[-1]] = error
        else:
            nodes.append(make_node(operation, members))
            slopes = operation.partials(nodes[-1].data, *numbers)
            error = sum(abs(s) * off[k] for s, k in zip(slopes, operands, strict=True) if s and off[k])
            error += own_rounding(operation, nodes[-1].data, numbers)
        off.append(error)
    return nodes, errors


def _is_decided(operation: Operation, numbers: Sequence[float], off: Sequence[float]) -> bool:
    """Whether numbers so far off lie on the same side of everything."""
    if not any(off):
        return True
    if operation in SELECTIONS and operation not in (LARGEST, DETACH):
        return _is_same(lambda *x: operation.evaluate(x), numbers, off)
    inside = _is_same(operation.domain.contains, numbers, off)
    return inside and (not has_sides(operation) or _is_same(lambda *x: side_of(operation, x), numbers, off))


def _is_same(question: Callable[..., Any], numbers: Sequence[float], off: Sequence[float]) -> bool:
    signs = itertools.product((-1.0, 0.0, 1.0), repeat=len(numbers)) if len(numbers) <= 3 else _FEW
    corners = []
    for sign in signs:
        padded = itertools.cycle(sign)
        corners.append([x + 2.0 * s * e for x, s, e in zip(numbers, padded, off, strict=False)])
    try:
        return len({question(*corner) for corner in corners}) == 1
    except (EngineError, ValueError, ArithmeticError):
        return False


_FEW = ((0.0,), (1.0,), (-1.0,), (1.0, -1.0))
