"""Equations between derivatives that need no finite differences: they hold to rounding, or something is lost.

Forward mode and reverse mode add up the same paths in opposite order, so <J v, w> = <v, Jᵀ w>; a second
backward doubles the gradient; the matrix of second derivatives is symmetric.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from engine.calculus import gradients, tangents
from engine.checking.blame import Blame, blamed
from engine.checking.report import Identity
from engine.checking.subject import Run, Subject
from engine.graph import Node, topological_order
from engine.value import Value, as_value

__all__ = ["dot_product", "gradient_by_backward", "random_direction", "second_backward", "symmetry"]

DOT = "forward mode is reverse mode, <J v, w> = <v, Jᵀ w>"
SECOND = "a second backward doubles the gradient"
SYMMETRIC = "the matrix of second derivatives is symmetric"
ROUNDING = 1e-9  # of the magnitude: above what adding in another order does, below a lost path
UNDERFLOW = 1e-307  # below about that numbers lose digits
ROWS = 8  # so many rows of the Hessian are compared


def random_direction(count: int, random_numbers: random.Random) -> list[float]:
    """Numbers of magnitude 0.5 to 1.5 and either sign, so that no component is nearly lost."""
    return [random_numbers.choice((-1.0, 1.0)) * random_numbers.uniform(0.5, 1.5) for _ in range(count)]


def _same(name: str, first: float, second: float, magnitude: float, found: str = "") -> Identity | None:
    """The identity, or None where it says nothing because the numbers are not finite."""
    if not all(map(math.isfinite, (first, second, magnitude))):
        return None
    holds = abs(first - second) <= max(ROUNDING * magnitude, UNDERFLOW)
    return Identity(name, holds, found or f"{first:.9g} and {second:.9g}")


def magnitude(root: Node, along: dict[Value, float]) -> float:
    """The sum over all paths of the absolute values of their products: what rounding is in proportion to."""
    sizes: dict[Node, float] = {leaf: abs(length) for leaf, length in along.items()}
    for node in topological_order(root):
        for parent, slope in zip(node.parents, node.partials, strict=True):
            if slope is not None and parent in sizes:
                sizes[node] = sizes.get(node, 0.0) + abs(slope) * sizes[parent]
    return sizes.get(root, 0.0)


def gradient_by_backward(root: Value, leaves: Sequence[Value]) -> list[float | None]:
    """Each leaf's `grad` after one backward on nodes without gradients."""
    for leaf in leaves:
        leaf.grad = None
    root.backward()
    return [leaf.grad for leaf in leaves]


def dot_product(run: Run, random_numbers: random.Random) -> Identity | None:
    """<J v, w> = <v, Jᵀ w> for random v and w: forward mode and reverse mode find the same paths."""
    along = random_direction(len(run.leaves), random_numbers)
    weights = random_direction(len(run.outputs), random_numbers)
    weighted = [output * weight for output, weight in zip(run.outputs, weights, strict=True)]
    root = as_value(sum(weighted[1:], weighted[0]))
    pushed = tangents([root], run.leaves, along)[0][1]
    parts = [(grad or 0.0) * v for grad, v in zip(gradient_by_backward(root, run.leaves), along, strict=True)]
    return _same(DOT, pushed, sum(parts), magnitude(root, dict(zip(run.leaves, along, strict=True))))


def second_backward(root: Value, leaves: Sequence[Value]) -> tuple[Identity, Blame | None]:
    """Twice `backward` gives each leaf twice its gradient; else whom to blame."""
    once = [grad or 0.0 for grad in gradient_by_backward(root, leaves)]
    root.backward()
    for leaf, first in zip(leaves, once, strict=True):
        second = leaf.grad or 0.0
        same = _same(SECOND, second, 2.0 * first, abs(first), f"{first:.9g}, then {second:.9g}")
        if same is not None and not same.holds:
            place = topological_order(root).index(leaf)
            return same, blamed("second backward", place, leaf, 0, second, 2.0 * first, STALE)
    return Identity(SECOND, holds=True), None


STALE = "gradients of the first call are contributed again, or leaves are overwritten"


def symmetry(subject: Subject, places: Sequence[int]) -> Identity | None:
    """∂²f/∂x∂y = ∂²f/∂y∂x for the inputs at these places, the first few of them."""
    run = subject.run(subject.numbers)
    leaves = [run.leaves[place] for place in places[:ROWS]]
    slopes = gradients(run.outputs[0], leaves, create_graph=True)
    rows = [gradients(slope, leaves) for slope in slopes]
    for i, row in enumerate(rows):
        for j in range(i):
            names = f"{subject.names[places[i]]}, {subject.names[places[j]]}"
            found = f"{names}: {row[j]:.9g} and {rows[j][i]:.9g}"
            size = magnitude(slopes[i], {leaves[j]: 1.0}) + magnitude(slopes[j], {leaves[i]: 1.0})
            same = _same(SYMMETRIC, row[j], rows[j][i], size, found)
            if same is not None and not same.holds:
                return same
    return Identity(SYMMETRIC, holds=True)
