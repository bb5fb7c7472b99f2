"""What is being checked: a function, the inputs that are moved, and a run of it at a point."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass
from typing import Any

from engine import modes
from engine.backward import adjoints, local_values
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

    `at` is what the function is given, with a number wherever it wants a Value: `[2.0, -3.0]` for `f(a, b)`,
    `[[1.0, 2.0], 0.5]` for `f(weights, bias)`, a dictionary for keyword arguments, a lone number for
    `f(x)`. Where leaves stand in it, as in `model.parameters()`, they are moved themselves, and put back;
    a function that needs no arguments is then called without.
    """

    def __init__(self, f: Callable[..., Any], at: Any) -> None:
        if isinstance(at, Iterator):
            at = list(at)
        self.f = f
        self.directions: tuple[Sequence[float], ...] = ()
        self.runs = 0
        self.compares = True  # whether it compares Values in Python; one run without tells that it does not
        self.names: list[str] = []
        self.slots: list[Value | float] = []
        self._at = at
        self._bare = isinstance(at, (int, float, Value))
        self._template = self._read(at, self._argument_names(at))
        self._called_without = self._needs_nothing()
        self._refuse_doubles()
        if not self.slots:
            raise ValueError("`at` is empty: there is nothing to check")
        self.numbers = [slot.data if isinstance(slot, Value) else slot for slot in self.slots]

    def along(self, direction: Sequence[float]) -> Subject:
        """The derivative of this function along a direction, as a function of the same inputs."""
        derivative = copy(self)
        derivative.directions = (*self.directions, direction)
        derivative.runs, derivative.compares = 0, True
        return derivative

    def _argument_names(self, at: Any) -> list[str]:
        """What the function calls its arguments, as far as it says; x[0], x[1], … where it does not."""
        count = len(at) if isinstance(at, (list, tuple)) else 1
        try:
            parameters = inspect.signature(self.f).parameters.values()
        except (TypeError, ValueError):
            return [f"x[{place}]" for place in range(count)]
        named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        return (named + [f"x[{place}]" for place in range(len(named), count)])[:count]

    def _read(self, at: Any, names: Sequence[str]) -> Any:
        """`at` with the place of its slot instead of each number."""
        if isinstance(at, Mapping):
            return {key: self._read_one(part, str(key)) for key, part in at.items()}
        if isinstance(at, (list, tuple)):
            return [self._read_one(part, name) for part, name in zip(at, names, strict=True)]
        return self._read_one(at, names[0])

    def _read_one(self, part: Any, name: str) -> Any:
        if isinstance(part, Mapping):
            return {key: self._read_one(inner, f"{name}[{key!r}]") for key, inner in part.items()}
        if isinstance(part, (list, tuple)):
            return [self._read_one(inner, f"{name}[{place}]") for place, inner in enumerate(part)]
        if isinstance(part, Value):
            if part.operation is not None:
                raise ValueError(
                    f"`at` holds numbers and leaves; {name} is computed by {part.operation.name}"
                )
            self.slots.append(part)
        else:
            self.slots.append(Value(part).data)
        self.names.append(part.label if isinstance(part, Value) and part.label else name)
        return len(self.slots) - 1

    def _needs_nothing(self) -> bool:
        """Whether `at` lists leaves that the function has already, so that it is called without arguments."""
        if not self.slots or not all(isinstance(slot, Value) for slot in self.slots):
            return False
        try:
            signature = inspect.signature(self.f)
            signature.bind()
        except (TypeError, ValueError):
            return False
        return all(p.kind is not p.VAR_POSITIONAL for p in signature.parameters.values())

    def _refuse_doubles(self) -> None:
        leaves = [slot for slot in self.slots if isinstance(slot, Value)]
        if len(set(leaves)) < len(leaves):
            raise ValueError("`at` names the same leaf twice; a check moves each input by itself")

    def call(self, leaves: Sequence[Value]) -> Any:
        """What the function returns for these inputs."""
        if self._called_without:
            return self.f()

        def filled(part: Any) -> Any:
            if isinstance(part, dict):
                return {key: filled(inner) for key, inner in part.items()}
            return [filled(inner) for inner in part] if isinstance(part, list) else leaves[part]

        arguments = filled(self._template)
        if isinstance(arguments, dict):
            return self.f(**arguments)
        return self.f(arguments) if self._bare else self.f(*arguments)

    def run(self, numbers: Sequence[float]) -> Run:
        """The function at a point. TypeError when it returns something else than Values."""
        self.runs += 1
        leaves = []
        for slot, number, name in zip(self.slots, numbers, self.names, strict=True):
            if isinstance(slot, Value):
                if slot._data != number:
                    slot.data = number
                leaves.append(slot)
            else:
                leaves.append(Value(number, label=name))
        comparisons = Heard()
        with modes.listening(comparisons) if self.compares else nullcontext():
            outputs, vector = self._outputs(leaves)
        self.compares = bool(comparisons)
        signature = signature_of(outputs, comparisons)
        return Run(outputs, tuple(leaves), signature, tuple(comparisons.lines), vector)

    def _outputs(self, leaves: Sequence[Value]) -> tuple[tuple[Value, ...], bool]:
        """The function's outputs, differentiated along the directions; whether it returns a list of them."""
        returned = self.call(leaves)
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
        leaves = [slot for slot in self.slots if isinstance(slot, Value)]
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
