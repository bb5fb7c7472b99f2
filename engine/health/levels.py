"""Bounds on every error of a graph: around eager's numbers first, and where that is too wide with more bits.

>>> from engine import Value
>>> x = Value(1e-6, label="x")
>>> y = 1 - x.cos()
>>> found = bounds(y, digits=12, limit=1024)
>>> round(digits_right(y.data, found.values[y]), 1), found.bits
(4.1, 128)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine import ops
from engine.backward import adjoints
from engine.graph import Node
from engine.health.ball import Ball
from engine.health.floats import Floats
from engine.health.passes import Passes, both_passes

__all__ = ["FULL", "Bounds", "bounds", "digits_right"]

FULL = 53.0 * ops.log10(2.0)  # the decimal digits of a float
FIRST = 128  # bits to begin with
NEGLIGIBLE = 2.0**-60  # a radius of so much of the number itself is no radius
VANISHING = 1e-30  # so near to 0 a number that may be 0 is 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """|computed − exact| is at most this, for the value and the gradient of every node; infinite: not known.

    `computed` has the gradients that they belong to. `bits` is how many the exact numbers were looked for
    with, 0 where eager's own sufficed; `settled` whether that was enough to tell every error to a thousandth.
    `missing` says in words why nobody looked further.
    """

    values: Mapping[Node, float]
    gradients: Mapping[Node, float]
    computed: Mapping[Node, float]
    first: Passes
    undecided: frozenset[Node]
    astray: frozenset[Node]
    bits: int = 0
    settled: bool = True
    missing: str = ""


def digits_right(number: float, bound: float) -> float:
    """How many leading decimal digits of a number with such an error can be relied on: 0 to 15.95.

    >>> round(digits_right(1.0, 1e-6)), digits_right(0.0, 0.0) == FULL
    (6, True)
    """
    if bound == 0.0:
        return FULL
    if not number or not bound < math.inf:
        return 0.0
    ratio = bound / abs(number)
    return min(FULL, max(0.0, -ops.log10(ratio))) if ratio else FULL


def bounds(root: Node, *, digits: float, limit: int) -> Bounds:
    """Bounds for all of the graph; where fewer digits than asked are proved, with up to `limit` bits.

    Raises GraphError when a leaf's data was changed since the graph was made.
    """
    first = both_passes(root, Floats())
    computed = adjoints(root, lambda node: node.partials)
    values = {node: _off(node._data, ball) for node, ball in first.values.items()}
    gradients = {node: _off(computed.get(node, 0.0), ball) for node, ball in first.gradients.items()}
    enough = digits <= 0.0 or (
        not first.undecided
        and all(
            digits_right(number, bound) >= digits
            for number, bound in (
                *((node._data, bound) for node, bound in values.items()),
                *((computed.get(node, 0.0), bound) for node, bound in gradients.items()),
            )
        )
    )
    known = Bounds(values, gradients, computed, first, first.undecided, frozenset())
    if enough or limit < FIRST:
        return known
    return _with_more_bits(root, known, limit)


def _off(number: float, ball: Ball) -> float:
    """How far the number can be from what the ball is around, which nearly always is the number itself."""
    if ball.mid == number:
        return float(ball.rad)
    bound = (abs(ball.mid - number) + ball.rad) * ball.numbers.grow
    return float(bound) if bound == bound else math.inf


def _with_more_bits(root: Node, known: Bounds, limit: int) -> Bounds:
    """The same, told by the exact numbers: twice as many bits each time, until they tell."""
    try:
        from engine.health.many_digits import ManyDigits, knows  # noqa: PLC0415  (needs mpmath)
    except ImportError:
        return replace(known, missing="mpmath, which has numbers of more digits, is not installed")
    unknown = sorted({n.operation.name for n in known.values if n.operation and not knows(n.operation)})
    bits, found, settled = 0, known.first, False
    values, gradients = dict(known.values), dict(known.gradients)
    while not settled and 2 * bits <= limit and not (bits and unknown):
        bits = max(FIRST, 2 * bits)
        numbers = ManyDigits(bits)
        found = both_passes(root, numbers)
        settled = not found.undecided
        for node, ball in found.values.items():
            settled &= _improve(values, node, node._data, ball)
        for node in {**gradients, **known.computed, **found.gradients}:
            ball = found.gradients.get(node, numbers.exact(0.0))
            settled &= _improve(gradients, node, known.computed.get(node, 0.0), ball)
    missing = f"no numbers of many digits for {', '.join(unknown)}" if unknown else ""
    return replace(
        known,
        values=values,
        gradients=gradients,
        undecided=found.undecided,
        astray=found.astray,
        bits=bits,
        settled=settled,
        missing=missing,
    )


def _improve(bounds: dict[Node, float], node: Node, number: float, ball: Ball) -> bool:
    """Take the distance to the exact number as the bound where it is smaller; whether it is known closely."""
    distance = abs(ball.mid - number)
    bound = float((distance + ball.rad) * ball.numbers.grow)
    upward = (
        math.nextafter(bound * (1.0 + 2.0**-50), math.inf)
        if bound
        else float(distance + ball.rad > 0) * 5e-324
    )
    if upward == upward:
        bounds[node] = min(bounds.get(node, math.inf), upward)
    return bool(
        ball.rad * 1000 <= distance
        or ball.rad <= abs(number) * NEGLIGIBLE
        or (ball.rad < VANISHING and abs(ball.mid) <= ball.rad)
    )
