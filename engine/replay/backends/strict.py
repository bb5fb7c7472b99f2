"""The strict executor: a tape run one scalar at a time, in eager's own order, with eager's own bits.

It is slow, and it is the oracle: every other executor is tested against it. It shows, too, all that
replay does: one loop forward, one loop back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from engine.replay.recording.selection import PICK, SELECTIONS
from engine.replay.recording.tape import LeafKind, Tape
from engine.value import Constant, Value, make_node

__all__ = ["StrictExecutor", "as_graph", "follows", "gradients", "numbers"]

Array = Any


def numbers(tape: Tape, weights: Sequence[float], sample: Sequence[float]) -> list[float]:
    """The number at every place of the tape, for one sample: its inputs, flat.

    Raises DomainError as eager does.
    """
    found = tape.numbers_of_leaves(weights, sample)
    for operation, operands, _ in tape.instructions:
        found.append(operation.evaluate(list(map(found.__getitem__, operands))))
    return found


def follows(tape: Tape, weights: Sequence[float], sample: Sequence[float]) -> bool:
    """Whether every guard sees what it saw; after the first that does not, none is looked at.

    Raises DomainError where a guard that is looked at has no answer.
    """
    first = len(tape.leaves)
    found = dict(enumerate(tape.numbers_of_leaves(weights, sample)))
    for guard, outcome in tape.guards:
        needed, waiting = set(), [guard]
        while waiting:
            place = waiting.pop()
            if place not in found and place not in needed:
                needed.add(place)
                waiting += tape.instructions[place - first].operands
        for place in sorted(needed):
            operation, operands, _ = tape.instructions[place - first]
            found[place] = operation.evaluate([found[operand] for operand in operands])
        if bool(found[guard]) is not outcome:
            return False
    return True


def gradients(tape: Tape, weights: Sequence[float], sample: Sequence[float]) -> tuple[float, list[float]]:
    """(the first output, its derivative by every parameter) for one sample, bit for bit as eager has it.

    Raises what eager raises: DomainError, NonFiniteError; the latter only for what depends on a parameter.

    >>> from engine.replay.recording.record import record
    >>> w = Value(3.0)
    >>> gradients(record(lambda x: x * w * w, [w], [2.0]), [3.0], [2.0])
    (18.0, [12.0])
    """
    found = numbers(tape, weights, sample)
    paths = _Paths(tape, found)
    root = paths.resolve(tape.outputs[0])
    adjoint: list[float | None] = [None] * len(tape)
    adjoint[root] = 1.0
    for place in reversed(paths.order(root)):
        upstream = adjoint[place]
        if upstream is None:
            continue
        for operand, slope in zip(paths.operands(place), paths.partials(place), strict=True):
            if slope is not None and not paths.constant[operand]:
                so_far, part = adjoint[operand], upstream * slope
                adjoint[operand] = part if so_far is None else so_far + part
    if any(number != number for number in adjoint) and paths.follows_nan(adjoint):
        as_graph(tape, weights, sample).backward()  # which raises, and says where and why
    gradient = [0.0] * tape.parameters
    for (kind, index, _, _), slope in zip(tape.leaves, adjoint, strict=False):
        if kind is LeafKind.PARAMETER:
            gradient[index] = slope or 0.0
    return found[tape.outputs[0]], gradient


class _Paths:
    """The graph that eager would have made for this sample: every pick is the value that was picked."""

    def __init__(self, tape: Tape, found: list[float]) -> None:
        self.tape, self.found, self.first = tape, found, len(tape.leaves)
        numbers = {LeafKind.INPUT, LeafKind.CONSTANT}
        self.constant = [kind in numbers for kind, _, _, _ in tape.leaves]  # what is a plain number in eager
        self.constant += [operation in SELECTIONS for operation, _, _ in tape.instructions]
        steps = enumerate(tape.instructions, self.first)
        self._picks = {place for place, (operation, _, _) in steps if operation is PICK}

    def follows_nan(self, adjoint: Sequence[float | None]) -> bool:
        """Whether a derivative by something that depends on a parameter is nan."""
        depends = [kind is LeafKind.PARAMETER for kind, _, _, _ in self.tape.leaves]
        for _, operands, _ in self.tape.instructions:
            depends.append(any(map(depends.__getitem__, operands)))
        return any(number != number and depends[place] for place, number in enumerate(adjoint))

    def resolve(self, place: int) -> int:
        """The place itself, or of a pick the place that it picks."""
        while place in self._picks:
            index, *values = self.tape.instructions[place - self.first].operands
            place = values[int(self.found[index])]
        return place

    def operands(self, place: int) -> Sequence[int]:
        operands = self.tape.instructions[place - self.first].operands
        return operands if self._picks.isdisjoint(operands) else list(map(self.resolve, operands))

    def _inner(self, place: int) -> Iterator[int]:
        """Those of the operands that are interior nodes."""
        computed = [operand for operand in self.operands(place) if operand >= self.first]
        return iter([operand for operand in computed if not self.constant[operand]])

    def partials(self, place: int) -> tuple[float | None, ...]:
        """The local derivatives, from the table; what is flat hands nothing down."""
        operation, operands, _ = self.tape.instructions[place - self.first]
        if operation.flat:
            return (None,) * len(operands)
        return operation.partials(self.found[place], *map(self.found.__getitem__, operands))

    def order(self, root: int) -> list[int]:
        """The places of eager's interior nodes: depth first, first operand first, as graph.py walks."""
        ordered: list[int] = []
        seen = {root}
        path: list[tuple[int, Iterator[int]]] = []
        if root >= self.first:
            path.append((root, self._inner(root)))
        while path:
            place, waiting = path[-1]
            for operand in waiting:
                if operand not in seen:
                    seen.add(operand)
                    path.append((operand, self._inner(operand)))
                    break
            else:
                ordered.append(place)
                path.pop()
        return ordered


def as_graph(tape: Tape, weights: Sequence[float], sample: Sequence[float]) -> Value:
    """The first output as the Value that eager would have made, with all that hangs below it.

    Raises what eager raises on the way: DomainError with the operand's label.
    """
    nodes: list[Any] = []
    for number, leaf in zip(tape.numbers_of_leaves(weights, sample), tape.leaves, strict=True):
        wanted = leaf.kind in (LeafKind.PARAMETER, LeafKind.HELD)
        nodes.append(Value(number, leaf.label) if wanted else Constant(number))
    for operation, operands, label in tape.instructions:
        members = [nodes[operand] for operand in operands]
        if operation is PICK:
            node = members[1:][int(members[0]._data)]
        elif operation in SELECTIONS:
            node = Constant(operation.evaluate([member._data for member in members]))
        else:
            node = make_node(operation, members)
            node.label = label
        nodes.append(node)
    result: Value = nodes[tape.outputs[0]]
    return result


class StrictExecutor:
    """The oracle: the tape itself, sample by sample, bit for bit as eager."""

    name, dtype, watches = "strict", "float64", False

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def prepare(self, _: str, samples: int) -> None:
        """Nothing: the tape is run as it is."""

    def outputs(self, weights: Array, arrays: Sequence[Array], samples: int) -> Array:
        """The results: an array of shape (outputs, samples)."""
        found = np.empty((len(self.tape.outputs), samples))
        for place in range(samples):
            values = numbers(self.tape, weights, _sample(arrays, place))
            found[:, place] = [values[output] for output in self.tape.outputs]
        return found

    def gradients(self, weights: Array, arrays: Sequence[Array], samples: int) -> tuple[Array, Array]:
        """(losses, the gradient of their sum by the weights)."""
        losses, total = np.empty(samples), np.zeros(self.tape.parameters)
        for place in range(samples):
            losses[place], gradient = gradients(self.tape, weights, _sample(arrays, place))
            total += gradient
        return losses, total


def _sample(arrays: Sequence[Array], place: int) -> list[float]:
    return [number for array in arrays for number in array[place].tolist()]
