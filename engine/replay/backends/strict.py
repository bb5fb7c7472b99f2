"""The strict executor: a tape run one scalar at a time, in eager's own order, with eager's own bits.

It is slow, and it is the oracle: every other executor is tested against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine import modes
from engine.replay.recording.selection import PICK, SELECTIONS
from engine.replay.recording.tape import LeafKind, Tape
from engine.value import Constant, Value, make_node

__all__ = ["StrictExecutor", "follows", "gradients", "numbers"]

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
    with modes.keeping_operands():
        nodes = _graph(tape, weights, sample)
        result = nodes[tape.outputs[0]]
        if not result.is_constant:
            result.backward()
    return result.data, [node.grad or 0.0 for node in nodes[: tape.parameters]]


def _graph(tape: Tape, weights: Sequence[float], sample: Sequence[float]) -> list[Value]:
    """The node at every place, as eager makes it; what depends on no parameter is a constant."""
    nodes: list[Value] = []
    for number, leaf in zip(tape.numbers_of_leaves(weights, sample), tape.leaves, strict=True):
        nodes.append((Value if leaf.kind is LeafKind.PARAMETER else Constant)(number, leaf.label))
    for operation, operands, label in tape.instructions:
        members = [nodes[operand] for operand in operands]
        if operation is PICK:
            node = members[1:][int(members[0].data)]
        elif operation in SELECTIONS or all(member.is_constant for member in members):
            node = Constant(operation.evaluate([member.data for member in members]), label)
        else:
            node = make_node(operation, members)
            node.label = label
        nodes.append(node)
    return nodes


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
