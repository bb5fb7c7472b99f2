"""Session: what hears everything that a function does while it is recorded.

While a session is on, all that is done with Values comes here (`engine.modes.Recorder`), and so does all
that is done with tracers. Whoever computes gets a node. Whoever compares gets a Condition, which leaves a
guard when it is tested. Whoever asks for a plain number is answered in nodes.py.
"""

from __future__ import annotations

import numbers
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from engine import ops
from engine.errors import DomainError
from engine.functions import picked_place
from engine.operation import Operation, called
from engine.replay.recording import selection
from engine.replay.recording.nodes import Nodes
from engine.replay.recording.tracers import Condition, Tracer, is_traced, plain
from engine.value import Value

__all__ = ["Session"]

EXACT = 2**53  # whole numbers beyond are not all floats
ROWS: dict[Callable[..., Any], Operation] = {
    operator.add: ops.add,
    operator.sub: ops.subtract,
    operator.mul: ops.multiply,
    operator.truediv: ops.divide,
    pow: ops.power,
    operator.neg: ops.negate,
    operator.abs: ops.absolute,
    operator.lt: selection.LESS,
    operator.le: selection.LESS_EQUAL,
    operator.gt: selection.GREATER,
    operator.ge: selection.GREATER_EQUAL,
    operator.and_: selection.BOTH,
    operator.or_: selection.EITHER,
}


class Session(Nodes):
    """What one recording has heard so far, and what it makes of what is done."""

    # ── Values ────────────────────────────────────────────────────────────────────────────────────

    def operands(self, *operands: Any) -> tuple[Any, ...]:
        """The operands, with nodes in the place of tracers, and plain bools in that of conditions."""
        return tuple(
            [self.node(operand) if type(operand) is Tracer else plain(operand) for operand in operands]
        )

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Any:
        """The node of an operation; a tracer, or a plain number, where no Value is among the operands."""
        if any(isinstance(operand, Value) for operand in operands):
            return self.make(operation, operands)
        if not any(self.follows(operand) for operand in operands):
            return operation(*map(plain, operands))
        node = self.make(operation, operands)
        return Tracer(self, node, node._data)

    # ── Data ──────────────────────────────────────────────────────────────────────────────────────

    def arithmetic(self, function: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
        """The result of an operator on data and numbers; with a Value among them it is the Value's matter."""
        if any(isinstance(operand, Value) for operand in operands):
            return NotImplemented
        operands = _decided_conditions(operands)
        if len(operands) > 2 or not self._are_followed(operands):
            return function(*map(plain, operands))
        try:
            number = function(*[each.number if type(each) is Tracer else each for each in operands])
        except (ArithmeticError, ValueError) as error:
            self.caught = error
            raise
        if not _is_number(number) or (isinstance(number, int) and abs(number) > EXACT):
            return function(*map(plain, operands))
        node = self._made(ROWS[function], [self.node(operand) for operand in operands], float(number))
        return Tracer(self, node, number)

    def method(self, tracer: Tracer, name: str) -> Any:
        """A method of Value, for those who call one on data: the name of a row, or AttributeError."""
        kind = type(tracer.number).__name__
        if name not in ops.TABLE or not hasattr(Value, name):
            raise AttributeError(f"'{kind}' object has no attribute '{name}'")
        number: Any = plain(tracer) if tracer.session.is_over else tracer
        return getattr(Value(number), name)

    # ── Comparisons ───────────────────────────────────────────────────────────────────────────────

    def compared(self, compare: Callable[[Any, Any], Any], operands: tuple[Any, ...]) -> Any:
        """The Condition of a comparison; True or False where all numbers are settled.

        Whether a computed number is equal to another makes both known: they are rounded.
        """
        operands = _decided_conditions(operands)
        asks_equality = compare in (operator.eq, operator.ne)
        has_value = any(isinstance(operand, Value) for operand in operands)
        if has_value and asks_equality:
            return NotImplemented
        if not has_value and not self._are_followed(operands):
            return compare(*map(plain, operands))
        nodes = [self.node(operand) for operand in operands]
        if has_value and all(map(self.is_plain, nodes)):
            return compare(*(node._data for node in nodes))
        if not asks_equality:
            return self._condition(ROWS[compare], nodes)
        if any(node._operation is not None for node in nodes):
            return compare(*map(plain, operands))
        equal = self._condition(selection.EQUAL, nodes)
        is_other = compare is operator.ne
        return self._condition(selection.EQUAL, (equal.node, self._constant(0.0))) if is_other else equal

    def _are_followed(self, operands: Sequence[Any]) -> bool:
        """Whether these are numbers, and one of them data that is not settled."""
        return all(map(_is_number, operands)) and any(map(self.follows, operands))

    def _condition(self, row: Operation, nodes: Sequence[Value]) -> Condition:
        number = row.evaluate([node._data for node in nodes])
        for node in nodes:
            self.unheard.pop(node, None)
        made = self._made(row, nodes, number)
        self.unheard[made] = None
        return Condition(self, made, bool(number))

    def truth(self, thing: Any) -> bool:
        """Whether a number is not 0."""
        if type(thing) is Tracer and (thing.session.is_over or not self.follows(thing)):
            return bool(plain(thing))
        node = self.node(thing)
        return bool(node._data) if self.is_plain(node) else bool(self._condition(selection.NONZERO, (node,)))

    def joined(self, function: Callable[..., Any], first: Condition, second: Any) -> Any:
        """`first & second` and `first | second`, decided anew for every sample."""
        if self.is_over or not (type(second) is Condition or isinstance(second, bool)):
            return function(plain(first), plain(second))
        other = second.node if type(second) is Condition else self._constant(float(second))
        return self._condition(ROWS[function], (first.node, other))

    # ── Choices ───────────────────────────────────────────────────────────────────────────────────

    def choose(self, condition: Any, accepted: Any, otherwise: Any) -> Value:
        """`accepted` for the samples in which the condition holds, else `otherwise`."""
        return self.make(ops.where, (self._decided(condition), accepted, otherwise))

    def _decided(self, condition: Any) -> Any:
        """A condition as an operand: a node, or 1 or 0 where it is settled."""
        if isinstance(condition, Value) or self.follows(condition):
            condition = self._condition(selection.NONZERO, (self.node(condition),))
        if type(condition) is not Condition or condition.session is not self:
            return float(bool(condition))
        self.unheard.pop(condition.node, None)
        return condition.node

    def choose_thunk(self, condition: Condition, accepted: Any, otherwise: Any) -> Any:
        """The same for the sides of a row's formula; one that is not taken, and has no value here, is nan.

        An executor notices the nan where another sample takes that side, and that sample is run eagerly.
        """
        holds = bool(condition.node._data)
        sides = [self._side(accepted, holds), self._side(otherwise, not holds)]
        if sides[0] is None and sides[1] is None:
            return None
        return self.choose(condition, *(0.0 if side is None else side for side in sides))

    def _side(self, side: Any, is_taken: bool) -> Any:
        try:
            return called(side)
        except DomainError:
            if is_taken:
                raise
            return float("nan")

    def local_derivatives(self, node: Any) -> Sequence[Any]:
        """The row's formulas, run on the nodes; plain numbers go in as such: nobody wants their
        derivative.
        """
        parents = node.parents
        operands = [
            parent._data if self.is_plain(parent) and parent.is_constant else parent for parent in parents
        ]
        with self._formula():
            slopes = node.operation.partials(node, *operands)
        return [None if parent.is_constant else slope for parent, slope in zip(parents, slopes, strict=True)]

    @contextmanager
    def _formula(self) -> Iterator[None]:
        """Inside, both sides of a choice are made, and errors of the one that is not taken mean nothing."""
        before, self._in_formula, caught = self._in_formula, True, self.caught
        yield
        self._in_formula, self.caught = before, caught

    def largest(self, operands: Sequence[Any]) -> Any:
        """The largest operand, found anew for every sample; no gradient flows through it."""
        return self.make(selection.LARGEST, operands)

    def pick(self, values: Sequence[Any], index: Any, least: int) -> Any:
        """`values[index]`, decided anew for every sample; of a list of lists a whole row."""
        node: Any = self.node(index)
        if node._operation is selection.DETACH and node._first in self.inputs:
            node = node._first
        if node not in self.inputs:
            self._know(node)
        try:
            here = values[picked_place(node._data, least, len(values))]
        except (IndexError, TypeError) as error:
            self.caught = error
            raise
        if isinstance(here, (list, tuple)):
            return [self.pick(column, index, least) for column in zip(*values, strict=True)]
        if node not in self.inputs or not all(map(_is_operand, values)):
            self._know(node)
            return here
        if least == 0:
            self.from_zero.add(self.inputs[node])
        picked = self._made(selection.PICK, [node, *map(self.node, values)], self.node(here)._data)
        if any(isinstance(value, Value) for value in values):
            return picked
        return Tracer(self, picked, here.number if is_traced(here) else here)


def _is_number(thing: Any) -> bool:
    """Whether this is a tracer, or a real number that is followed exactly as a float."""
    if is_traced(thing) or isinstance(thing, float):
        return True
    if isinstance(thing, int):
        return abs(thing) <= EXACT
    return type(thing).__module__ == "numpy" and isinstance(thing, numbers.Real)


def _is_operand(thing: Any) -> bool:
    """Whether this can be an operand of a node."""
    return isinstance(thing, Value) or (_is_number(thing) and not isinstance(thing, bool))


def _decided_conditions(operands: Sequence[Any]) -> tuple[Any, ...]:
    """The operands, with True or False as a number in the place of a condition."""
    found = [plain(operand) if type(operand) is Condition else operand for operand in operands]
    return tuple([int(operand) if isinstance(operand, bool) else operand for operand in found])
