"""Nodes: what a recording is made of, and which of its leaves are whose.

A leaf is a parameter, an input, a number of the function's own, or held: a Value from elsewhere, which may
change.
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from engine import modes
from engine.errors import DomainError, ReplayError
from engine.graph import interior_and_leaves
from engine.operation import Operation
from engine.real import as_number
from engine.replay.recording import selection
from engine.replay.recording.tracers import Tracer, is_traced, plain
from engine.value import Constant, Value

__all__ = ["Input", "Nodes", "line_of_the_user"]


class Input(Constant):
    """The node of an input: a number of the data, another one in every sample."""

    __slots__ = ()


_NODES = {Value, Constant, Input}
FEW = 8  # operands that are looked at one by one


class Nodes:
    """What one recording has heard so far.

    `counts(input)` tells how many different numbers an input has in the batch at hand.
    """

    def __init__(self, parameters: Sequence[Value], counts: Callable[[int], int] | None = None) -> None:
        self.parameters: dict[Value, int] = dict(zip(parameters, range(len(parameters)), strict=True))
        self.inputs: dict[Value, int] = {}
        self.guards: dict[Value, bool] = {}
        self.unheard: dict[Value, None] = {}  # conditions that nobody has tested yet
        self.read: dict[Value, float] = {}  # held Values whose number the function knows
        self.made: set[Value] = set()  # by operations
        self.fresh: set[Value] = set()  # leaves that the function made
        self.held: dict[Value, Value] = {}  # {leaf: the computed Value from elsewhere that it stands for}
        self.limited: list[Value] = []  # operations that have no value for some numbers
        self.from_zero: set[int] = set()  # inputs that tell a place from 0 on
        self.asks_types = False
        self.is_over = False
        self.refusal: ReplayError | None = None
        self.caught: Exception | None = None
        self._known: set[Value] = set()  # inputs that have a guard for their number
        self._counts = counts or (lambda _: 1)
        self._in_formula = False

    def tracers(self, argument: Any) -> Any:
        """The argument with a tracer in the place of every number."""
        if isinstance(argument, (list, tuple)):
            return [self.tracers(element) for element in argument]
        node = self._leaf(Input, as_number(argument))
        self.inputs[node] = len(self.inputs)
        return Tracer(self, node, argument)

    def begin(self, leaf: Any, number: Any) -> None:
        """A leaf that the function makes: a constant, or another name for a number of the data."""
        if is_traced(number) and not number.session.is_over:
            source = self.node(number)
            leaf._data, leaf._operation, leaf._first = source._data, selection.DETACH, source
            leaf._first_partial = math.nan
            self.made.add(leaf)
            return
        leaf._data = as_number(number)
        self.fresh.add(leaf)

    def make(self, operation: Operation, operands: Sequence[Any]) -> Value:
        """The node of an operation; DomainError as in eager."""
        nodes = list(map(self.node, operands)) if len(operands) <= FEW else self._nodes(operands)
        numbers = [node._data for node in nodes]
        try:
            data = operation.evaluate(numbers)
        except DomainError as error:
            labels = [node.label for node in nodes]
            self.caught = operation.refusal(numbers, labels) if error.labels else error
            raise self.caught from None
        return self._made(operation, nodes, data)

    def _nodes(self, operands: Sequence[Any]) -> Sequence[Value]:
        """The nodes of operands, as `node` tells them one by one, of many at once."""
        kinds = set(map(type, operands))
        if not kinds <= _NODES:
            operands = [operand if type(operand) in _NODES else self.node(operand) for operand in operands]
        computed = [operand for operand in operands if operand._operation is not None]
        inputs = {operand for operand in operands if type(operand) is Input} if Input in kinds else set()
        are_ours = self.made.issuperset(computed) and self.inputs.keys() >= inputs
        return operands if are_ours else list(map(self.node, operands))

    def _made(self, operation: Operation, nodes: Sequence[Value], data: float) -> Value:
        node = object.__new__(Value)
        node._data, node._operation, node.grad, node.label = data, operation, None, ""
        node._first_partial = node._second_partial = math.nan  # nobody reads them unnoticed
        if operation.arity == 2:
            node._first, node._second = nodes
        elif operation.arity == 1:
            node._first, node._second = nodes[0], None
        else:
            node._first, node._second = None, tuple(nodes)
        self.made.add(node)
        if not self._in_formula and (operation.domain.words != "a number" or operation is selection.PICK):
            self.limited.append(node)
        is_hidden = not modes.recording() and operation not in selection.SELECTIONS
        return self._made(selection.DETACH, (node,), data) if is_hidden else node

    def _leaf(self, kind: type[Value], number: float) -> Value:
        leaf = object.__new__(kind)
        leaf._data, leaf.grad, leaf.label = number, None, ""
        leaf._operation = leaf._first = leaf._second = None
        leaf._first_partial = leaf._second_partial = None
        return leaf

    def node(self, thing: Any) -> Value:
        """The node of a Value, a tracer or a plain number."""
        if type(thing) is Value and (thing._operation is None or thing in self.made):
            return thing
        if is_traced(thing):
            if type(thing) is Tracer and thing.session is self:
                return thing.node  # type: ignore[no-any-return]
            return self._constant(as_number(plain(thing)))
        if not isinstance(thing, Value):
            return self._constant(as_number(thing))
        if thing._operation is None or thing in self.made:
            if type(thing) is Input and thing not in self.inputs:
                self._refuse_kept()
            return thing
        return self._from_elsewhere(thing)

    def _constant(self, number: float) -> Value:
        return self._leaf(Constant, number)

    def _from_elsewhere(self, node: Value) -> Value:
        """The leaf that stands for what was computed before: in eager, its number stays what it was."""
        for leaf in interior_and_leaves(node)[1]:
            if leaf in self.parameters or type(leaf) is Input:
                self._refuse_kept()
        stand_in = next((leaf for leaf, held in self.held.items() if held is node), None)
        if stand_in is None:
            stand_in = self._leaf(Value, node._data)
            stand_in.label = node.label
            self.held[stand_in] = node
        return stand_in

    def _refuse_kept(self) -> NoReturn:
        self.refuse(
            "a value that was computed outside of this call, or a copy of one, is used",
            "its number would stay what it was; compute it inside",
        )

    def is_plain(self, node: Any) -> bool:
        """Whether this is a number of the function's own."""
        return node in self.fresh or (type(node) is Constant and node._operation is None)

    def is_held(self, node: Any) -> bool:
        """Whether this leaf is a Value from elsewhere that is no parameter."""
        return not self.is_plain(node) and node not in self.inputs and node not in self.parameters

    def refuse(self, what: str, instead: str) -> NoReturn:
        """Raise, naming the user's line; the error is kept too, in case that line swallows it."""
        where = line_of_the_user()
        self.refusal = ReplayError(f"{what} at {where}: {instead}", where)
        raise self.refusal


def line_of_the_user() -> str:
    """The innermost line that is not the engine's own: file, number and text."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("engine."):
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    return f"{Path(file).name}:{line}: {linecache.getline(file, line).strip()!r}"
