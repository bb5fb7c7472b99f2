"""Nodes: what a recording is made of, and which of its leaves are whose.

A leaf is a parameter, an input, a number of the function's own, or held: a Value from elsewhere, which may
change. Who asks for the plain number of something gets a number of the function's own; of data the one of
this sample, and a guard says that what is recorded holds for this number alone; that of a held Value, and the
recording holds as long as it stays. What depends on a parameter changes with every step of training: refused.
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from engine import modes, ops
from engine.errors import DomainError, ReplayError
from engine.graph import interior_and_leaves
from engine.operation import Operation
from engine.real import as_number
from engine.replay.recording import selection
from engine.replay.recording.tracers import Condition, Tracer, is_traced, plain
from engine.value import Constant, Value

__all__ = ["MOST_NUMBERS", "Input", "Nodes", "above"]


class Input(Constant):
    """The node of an input: a number of the data, another one in every sample."""

    __slots__ = ()


_NODES = {Value, Constant, Input}
FEW = 8  # operands that are looked at one by one
MOST_NUMBERS = 32  # of one input that are recorded one by one


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
        self.held: dict[Value, Value] = {}  # {computed Value from elsewhere: the leaf that stands for it}
        self.limited: list[Value] = []  # operations that have no value for some numbers
        self.from_zero: set[int] = set()  # inputs that tell a place from 0 on
        self.asks_types = False
        self.is_over = False
        self.refusal: ReplayError | None = None
        self.caught: Exception | None = None
        self._known: set[Value] = set()  # inputs that have a guard for their number
        self._open: dict[Value, Value] = {}  # {node: a leaf below it that had none when it was looked at}
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
        if node in self.held:
            return self.held[node]
        for leaf in interior_and_leaves(node)[1]:
            if leaf in self.parameters or type(leaf) is Input:
                self._refuse_kept()
        leaf = self._leaf(Value, node._data)
        leaf.label = node.label
        self.held[node] = leaf
        return leaf

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

    # ── Who asks for plain numbers ───────────────────────────────────────────────────────────────────

    def number(self, node: Value) -> Any:
        """`node.data`: a plain number of the function's own, else a tracer."""
        if self.is_plain(node):
            return node._data
        node = self.node(node)
        if node._operation is selection.DETACH and node._first in self.inputs:
            return Tracer(self, node._first, node._data)
        detached = self._made(selection.DETACH, (node,), node._data)
        return Tracer(self, detached, node._data)

    def known(self, thing: Any) -> Any:
        """The plain number; guards say for which inputs alone it is this one."""
        if type(thing) is Condition:
            return thing.number if thing.session.is_over else self.guard(thing.node)
        if type(thing) is not Tracer:
            self._know(self.node(thing))
            return thing._data
        if self.is_over:
            if modes.anywhere and modes.session() is not None and not self._is_known(thing.node):
                where = line_of_the_user()
                what = "replay cannot follow what a function keeps from call to call: a number of the data"
                raise ReplayError(f"{what}, used at {where}", where)
            return thing.number
        self._know(thing.node)
        self.asks_types = True
        return thing.number

    def _know(self, node: Value) -> None:
        leaves: list[Any] = interior_and_leaves(node)[1]
        if any(leaf in self.parameters for leaf in leaves):
            self.refuse(
                "float() of a recorded value, or another question for its plain number,",
                "it is another one in every sample; write the computation with the value itself, and the "
                "engine's own functions: sin(x), where(x > 0, a, b), pick(values, index)",
            )
        for leaf in leaves:
            if leaf in self.inputs:
                self._know_input(leaf)
            elif self.is_held(leaf):
                self.read[leaf] = leaf._data

    def _know_input(self, node: Any) -> None:
        if node in self._known:
            return
        index = self.inputs[node]
        if self._counts(index) > MOST_NUMBERS:
            self.refuse(
                f"an input with more than {MOST_NUMBERS} different numbers was asked for its plain number",
                "it is another one in every sample; write the computation with the input itself, and the "
                "engine's own functions: sin(x), where(x > 0, a, b), pick(values, index); for a missing "
                "number, x != x",
            )
        self._known.add(node)
        self.asks_types = True
        number = node._data
        if number != number:
            self.guard(self._made(selection.EQUAL, (node, node), 0.0))
            return
        self.guard(self._made(selection.EQUAL, (node, self._constant(number)), 1.0))
        if number == 0.0:
            angle = ops.atan2.evaluate((number, -1.0))
            angle_node = self._made(ops.atan2, (node, self._constant(-1.0)), angle)
            self.guard(self._made(selection.GREATER, (angle_node, self._constant(0.0)), float(angle > 0.0)))

    def guard_all(self) -> None:
        """Guards for the conditions that were not tested: who asks `(x > 0) is True` is not heard."""
        for node in list(self.unheard):
            self.guard(node)

    def _is_known(self, node: Value) -> bool:
        """Whether the number of a node is settled by guards already."""
        waiting, seen = [node] if self._known else [], {node}
        while waiting:
            each: Any = waiting.pop()
            leaf: Any = self._open.get(each, each)
            if leaf._operation is None and not (leaf in self._known or self.is_plain(leaf)):
                self._open[node] = leaf
                return False
            waiting += [parent for parent in each.parents if parent not in seen]
            seen.update(each.parents)
        return bool(self._known) or self.is_plain(node)

    def follows(self, number: Any) -> bool:
        """Whether this is data whose number is not settled."""
        return type(number) is Tracer and not number.session.is_over and not self._is_known(number.node)

    def guard(self, node: Value) -> bool:
        """The outcome of a condition; samples with another outcome go another way."""
        self.unheard.pop(node, None)
        if node not in self.guards:
            self.guards[node] = bool(node._data)
        return self.guards[node]

    def asked_for_its_type(self) -> None:
        """Whether the numbers are whole ones matters, unless it is we who ask."""
        frame = sys._getframe(2)
        while frame.f_back and frame.f_globals.get("__name__", "") in ("abc", "dataclasses"):
            frame = frame.f_back
        if not frame.f_globals.get("__name__", "").startswith(("engine.", "nn.")):
            self.asks_types = True

    def refuse(self, what: str, instead: str) -> NoReturn:
        """Raise, naming the user's line; the error is kept too, in case that line swallows it."""
        where = line_of_the_user()
        self.refusal = ReplayError(f"{what} at {where}: {instead}", where)
        raise self.refusal


def above(nodes: Sequence[Value]) -> Value:
    """A node that stands above all of these, so that one walk finds everything."""
    root = Value.__new__(Value)
    root._operation, root._first, root._second = selection.LARGEST, None, tuple(nodes)
    return root


def line_of_the_user() -> str:
    """The innermost line that is not the engine's own: file, number and text."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("engine."):
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    return f"{Path(file).name}:{line}: {linecache.getline(file, line).strip()!r}"
