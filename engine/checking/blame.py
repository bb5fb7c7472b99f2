"""Which operation is to blame: every local derivative checked by itself, then every sum of contributions.

A gradient is a sum of products of local derivatives. So when a total is wrong, either an operation's own
derivative is, which one operation and its recorded operands show, or the adding up is, which shows when a
node's gradient is not the sum of what its consumers contribute. The first such node is the one to look at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

from engine.checking.numeric import STARTS, Sample, Slope, examine, step_scale
from engine.checking.signature import has_sides, side_of
from engine.checking.verdict import Verdict, judge
from engine.graph import Node
from engine.operation import Operation
from engine.value import Constant, Value, make_node

__all__ = [
    "Blame",
    "accumulation_faults",
    "blamed",
    "depending_on",
    "faulty",
    "is_at_kink",
    "local_faults",
    "replay",
]

BAD = (Verdict.WRONG, Verdict.OUTSIDE)


@dataclass(frozen=True, slots=True)
class Blame:
    """The first place where the chain rule goes wrong, and what the mistake looks like.

    `fault` is "local derivative", "accumulation" or "second backward"; `node` the node's stable id;
    `operand` the place of the operand whose derivative is wrong; `analytic` what the engine has there and
    `numeric` what it should have; `others` counts the nodes with such a fault after this one.
    """

    fault: str
    operation: str
    label: str
    node: str
    line: str
    operands: tuple[float, ...]
    operand: int
    analytic: float
    numeric: float
    cause: str
    others: int = 0


Fault = tuple[Node, Blame]


def local_faults(ordered: Sequence[Node]) -> Iterator[Fault]:
    """Each node, in topological order, with a local derivative that its own operation contradicts."""
    for place, node in enumerate(ordered):
        operands = [parent._data for parent in node.parents]
        is_meant = node.operation is not None and node.operation.surrogate
        if is_meant or not all(map(math.isfinite, (node._data, *operands))):
            continue
        for slot, (parent, slope) in enumerate(zip(node.parents, node.partials, strict=True)):
            analytic = 0.0 if slope is None else float(slope)
            if type(parent) is Constant or math.isnan(analytic):
                continue
            operation: Any = node.operation
            measured = _local_slope(operation, operands, slot, analytic)
            if judge(measured, analytic) in BAD:
                expected = measured.estimate.value
                cause = _cause(operation, node._data, operands, slot, analytic, expected)
                yield node, blamed("local derivative", place, node, slot, analytic, expected, cause)
                break


def _local_slope(operation: Operation, operands: Sequence[float], slot: int, analytic: float) -> Slope:
    """The operation's slope by one operand; measured from three starts only if one finds fault."""

    def probe(t: float) -> Sample | None:
        moved = [*operands[:slot], t, *operands[slot + 1 :]]
        try:
            value = operation.evaluate(moved)
        except (ArithmeticError, ValueError):
            return None
        return Sample(value, side_of(operation, moved)) if math.isfinite(value) else None

    x = operands[slot]
    slope = examine(probe, x, step_scale(x), STARTS[:1])
    return examine(probe, x, step_scale(x)) if judge(slope, analytic) in BAD else slope


def blamed(
    fault: str, place: int, node: Node, slot: int, analytic: float, numeric: float, cause: str
) -> Blame:
    """The record of a fault at a node, the `place`-th in topological order."""
    operation = node.operation.name if node.operation else "leaf"
    operands = tuple(parent._data for parent in node.parents)
    line = getattr(node, "line", None) or ""
    return Blame(fault, operation, node.label, f"n{place}", line, operands, slot, analytic, numeric, cause)


def _cause(
    operation: Operation, out: float, operands: Sequence[float], slot: int, analytic: float, expected: float
) -> str:
    """What kind of slip turns the expected derivative into this one; a guess."""
    if analytic == 0.0:
        return "nothing flows: the derivative is 0 or None"
    if math.isnan(expected):
        return "a slope outside those on both sides of the kink"
    for words, rule in _exchanges(operation, out, operands, slot):
        try:
            mended = float(rule())
        except (ArithmeticError, ValueError, TypeError):
            continue
        if math.isclose(mended, expected, rel_tol=1e-7):
            return words
    return _ratio_in_words(analytic / expected if expected else math.inf)


def _exchanges(
    operation: Operation, out: float, operands: Sequence[float], slot: int
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The row's own rule with two of its ingredients exchanged: if that is right, the rule mixed them up."""
    if operation.arity is None:
        return
    rule = operation.partials
    for place, operand in enumerate(operands):
        with_out = [*operands[:place], out, *operands[place + 1 :]]
        yield "the input used where the output belongs", partial(_entry, rule, out, with_out, slot)
        yield "the output used where the input belongs", partial(_entry, rule, operand, operands, slot)
    if len(operands) == 2:
        yield "the two operands exchanged", partial(_entry, rule, out, operands[::-1], slot)
        yield "the two operands exchanged", partial(_entry, rule, out, operands, 1 - slot)


def _entry(rule: Callable[..., Any], out: float, operands: Sequence[float], slot: int) -> Any:
    return rule(out, *operands)[slot]


def _ratio_in_words(ratio: float) -> str:
    simple = Fraction(ratio).limit_denominator(12) if math.isfinite(ratio) else Fraction(0)
    if ratio == -1.0 or math.isclose(ratio, -1.0, rel_tol=1e-7):
        return "the sign"
    if simple and math.isclose(ratio, simple, rel_tol=1e-7) and abs(simple) < 100:
        return f"factor {simple}"
    if abs(ratio - 1.0) <= 1e-3:
        return f"an approximate constant (ratio {ratio:.7g})"
    return f"no common slip (ratio {ratio:.4g})"


def accumulation_faults(ordered: Sequence[Node]) -> Iterator[Fault]:
    """Each node, from the root down, whose gradient is not the sum of what its consumers contribute.

    `backward` has been called on the last node of `ordered`, on nodes without gradients.
    """
    parts: dict[Node, list[tuple[str, float]]] = {node: [] for node in ordered}
    for place, node in enumerate(ordered):
        for slot, (parent, slope) in enumerate(zip(node.parents, node.partials, strict=True)):
            if slope is not None and type(parent) is not Constant:
                operation: Any = node.operation
                edge = f"{operation.name} n{place}.{slot}"
                parts[parent].append((edge, node.grad * slope if node.grad else 0.0))
    parts[ordered[-1]].append(("the seed", 1.0))
    for place in reversed(range(len(ordered))):
        node = ordered[place]
        contributions = [part for _, part in parts[node]]
        gradient, expected = node.grad or 0.0, sum(contributions)
        if not math.isfinite(expected) or type(node) is Constant:
            continue
        if abs(gradient - expected) > 1e-9 * sum(map(abs, contributions)):
            cause = _slip_in_sum(gradient, parts[node])
            yield node, blamed("accumulation", place, node, 0, gradient, expected, cause)


def _slip_in_sum(gradient: float, parts: Sequence[tuple[str, float]]) -> str:
    """Which slip leaves this of the parts; they are in order of their consumers, the last one first."""
    if gradient == 0.0:
        return f"nothing arrives from {parts[0][0]}: is that slot lost, or the order not topological?"
    if len(parts) > 1 and math.isclose(gradient, parts[0][1], rel_tol=1e-9):
        return f"assigned, not accumulated: of {len(parts)} uses only {parts[0][0]} counts"
    total = sum(part for _, part in parts)
    for edge, part in parts:
        if len(parts) > 1 and math.isclose(gradient, total - part, rel_tol=1e-9):
            return f"a use is lost: {edge}"
    return "a consumer contributed before its own gradient was complete: is the order topological?"


def is_at_kink(node: Node) -> bool:
    """Whether one of the operands, moved by next to nothing, takes the operation to another side."""
    operation = node.operation
    if operation is None or not has_sides(operation):
        return False
    operands = [parent._data for parent in node.parents]
    here = side_of(operation, operands)
    for slot, x in enumerate(operands):
        for step in (-1e-12, 1e-12):
            beside = [*operands[:slot], x + step * step_scale(x), *operands[slot + 1 :]]
            if side_of(operation, beside) != here and type(node.parents[slot]) is not Constant:
                return True
    return False


def depending_on(ordered: Sequence[Node], leaves: Sequence[Node]) -> set[Node]:
    """The leaves and all nodes computed from them."""
    found = set(leaves)
    for node in ordered:
        if any(parent in found for parent in node.parents):
            found.add(node)
    return found


def replay(ordered: Sequence[Node], moved: dict[Node, float]) -> float | None:
    """The last node's number when leaves have these; None where an operation has no value."""
    numbers = dict(moved)
    for node in ordered:
        if node.operation is None:
            numbers.setdefault(node, node._data)
            continue
        try:
            numbers[node] = node.operation.evaluate([numbers[parent] for parent in node.parents])
        except (ArithmeticError, ValueError):
            return None
    return numbers[ordered[-1]]


def faulty(operation: Operation, partials: Callable[..., tuple[Any, ...]]) -> Callable[..., Value]:
    """The operation as a function with other local derivatives, to see what a check says; the table is left.

    >>> from engine import ops
    >>> from engine.checking import check_gradients
    >>> tanh = faulty(ops.tanh, lambda out, x: (1 - x * x,))
    >>> result = check_gradients(lambda a, b: tanh(a * b), at=[0.5, 0.8])
    >>> bool(result), result.blame.operation, result.blame.cause
    (False, 'tanh', 'the input used where the output belongs')
    """
    copy = replace(operation, partials=partials)
    return lambda *operands: make_node(copy, operands)
