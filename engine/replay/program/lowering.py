"""Lowering: expressions in the operations that a backend has itself, its primitives.

Every row that is not a primitive says how it is written in other rows. A row that says nothing stays as it
is: only its own `forward` can compute it, number by number.

>>> from engine import ops
>>> from engine.replay.program.expression import Apply, Argument
>>> lowered(Apply(ops.silu, (Argument(0),)), {ops.multiply, ops.sigmoid})
x0 * sigmoid(x0)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from engine import ops
from engine.operation import Operation, choose
from engine.replay.program.expression import Apply, Expression, operations_of
from engine.replay.program.program import (
    Elementwise,
    PlainInstruction,
    Program,
    Reduction,
    every,
)

__all__ = ["lower", "lowered", "operations_in"]

Known = dict[Any, Any]  # expressions and what they are lowered to


def lower(program: Program, primitives: Collection[Operation]) -> Program:
    """The program with all its expressions lowered."""
    known: Known = {}

    def one(instruction: PlainInstruction) -> list[PlainInstruction]:
        if not isinstance(instruction, Elementwise):
            return [instruction]
        return [replace(instruction, expression=lowered(instruction.expression, primitives, known))]

    return program.mapped(one, inside=True)


def lowered(expression: Any, primitives: Collection[Operation], known: Known | None = None) -> Any:
    """The expression with what is no primitive written in primitives, where its row says how."""
    known = {} if known is None else known
    if not isinstance(expression, Apply):
        return expression
    if expression not in known:
        known[expression] = _lowered(expression, primitives, known)
    return known[expression]


def _lowered(expression: Apply, primitives: Collection[Operation], known: Known) -> Any:
    operation = expression.operation
    operands = tuple(lowered(operand, primitives, known) for operand in expression.operands)
    is_constant = not any(isinstance(operand, Expression) for operand in operands)
    if operation in primitives or operation.lowered is None or is_constant:
        return Apply(operation, operands)
    found = _inside_its_domain(operation, operands, operation.lowered(*operands))
    return lowered(found, primitives, known)


def _inside_its_domain(operation: Operation, operands: tuple[Any, ...], found: Any) -> Any:
    """A user's own formula need not show where its domain ends: beyond, it is made nan, and invalid."""
    if ops.TABLE.get(operation.name) is operation:
        return found
    inside = operation.domain.contains(*operands)
    return found if inside is True else found + ops.sqrt(choose(inside, 0.0, -1.0))


def operations_in(program: Program) -> Iterator[Operation]:
    """The operations of a program's expressions and reductions, as often as they occur."""
    for _, instructions in program.parts():
        for instruction in every(instructions):
            if isinstance(instruction, Elementwise):
                yield from operations_of(instruction.expression)
            elif isinstance(instruction, Reduction):
                yield instruction.operation
