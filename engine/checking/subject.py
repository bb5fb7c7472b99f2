"""What is being checked: a function, the inputs that are moved, and a run of it at a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass
from typing import Any

from engine import modes
from engine.backward import adjoints, local_values
from engine.calculus.point import Point
from engine.checking.numeric import Probe, Sample
from engine.checking.signature import Heard, Signature, signature_of
from engine.value import Value, as_value

__all__ = ["Run", "Subject"]


@dataclass(frozen=True, slots=True)
class Run:
    """The function once, at a point: its outputs, the inputs that they were made of, the branches taken."""

    outputs: tuple[Value, ...]
    leaves: tuple[Value, ...]
    signature: Signature
    lines: tuple[str, ...]  # of the comparisons, where lines are remembered
    vector: bool


class Subject:
    """A function together with the inputs that a check moves.

    `at` is a point as `engine.point` describes it. Leaves in it are moved themselves, and put back.
    """

    def __init__(self, f: Callable[..., Any], at: Any) -> None:
        self.point = Point(f, at)
        self.directions: tuple[Sequence[float], ...] = ()
        self.runs = 0
        self.compares = True  # whether it compares Values in Python; one run without tells that it does not
        self.names = self.point.names
        self.numbers = self.point.numbers

    def along(self, direction: Sequence[float]) -> Subject:
        """The derivative of this function along a direction, as a function of the same inputs."""
        derivative = copy(self)
        derivative.directions = (*self.directions, direction)
        derivative.runs, derivative.compares = 0, True
        return derivative

    def run(self, numbers: Sequence[float]) -> Run:
        """The function at a point. TypeError when it returns something else than Values."""
        self.runs += 1
        leaves = self.point.moved(numbers)
        comparisons = Heard()
        with modes.keeping_operands(), modes.listening(comparisons) if self.compares else nullcontext():
            outputs, vector = self._outputs(leaves)
        self.compares = bool(comparisons)
        signature = signature_of(outputs, comparisons)
        return Run(outputs, tuple(leaves), signature, tuple(comparisons.lines), vector)

    def _outputs(self, leaves: Sequence[Value]) -> tuple[tuple[Value, ...], bool]:
        """The function's outputs, differentiated along the directions; whether it returns a list of them."""
        returned = self.point.call(leaves)
        vector = isinstance(returned, (list, tuple))
        outputs = tuple(as_value(output) for output in (returned if vector else [returned]))
        for direction in self.directions:
            outputs = tuple(directional(output, leaves, direction) for output in outputs)
        return outputs, vector

    def probe(self, move: Callable[[float], Sequence[float]], output: int) -> Probe:
        """One output as a function of one number t, the inputs being `move(t)`."""

        def sample(t: float) -> Sample | None:
            try:
                run = self.run(move(t))
            except (ArithmeticError, ValueError):
                return None
            value = run.outputs[output].data
            return Sample(value, run.signature) if math.isfinite(value) else None

        return sample

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Inside, leaves may be moved and get gradients; afterwards they are as they were."""
        leaves = [slot for slot in self.point.slots if isinstance(slot, Value)]
        before = [(leaf, leaf.data, leaf.grad) for leaf in leaves]
        try:
            yield
        finally:
            for leaf, data, grad in before:
                leaf.data, leaf.grad = data, grad


def directional(output: Value, leaves: Sequence[Value], direction: Sequence[float]) -> Value:
    """The derivative of the output along a direction, as a Value that can be differentiated again."""
    found = adjoints(output, local_values)
    terms = [length * found[leaf] for leaf, length in zip(leaves, direction, strict=True) if leaf in found]
    return as_value(sum(terms[1:], terms[0])) if terms else Value(0.0)
