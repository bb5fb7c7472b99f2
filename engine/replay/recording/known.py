"""Known: what happens when a function asks for the plain number of something.

A number of its own it gets. For a number of the data it gets the one of this sample, and a guard says that
what is recorded holds for this number alone. The number of a held Value is read, and the recording holds as
long as it stays. A number that depends on a parameter changes with every step of training: refused.
"""

from __future__ import annotations

import sys
from typing import Any

from engine import modes, ops
from engine.errors import ReplayError
from engine.graph import interior_and_leaves
from engine.replay.recording import selection
from engine.replay.recording.nodes import Nodes, line_of_the_user
from engine.replay.recording.tracers import Condition, Tracer
from engine.value import Value

__all__ = ["MOST_NUMBERS", "Known"]

MOST_NUMBERS = 32  # of one input that are recorded one by one


class Known(Nodes):
    """Answers those who ask for plain numbers, and writes down for which numbers the recording holds."""

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
        if node in self._known or self.is_plain(node):
            return True
        leaves = interior_and_leaves(node)[1] if self._known else []
        return bool(leaves) and all(leaf in self._known or self.is_plain(leaf) for leaf in leaves)

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
