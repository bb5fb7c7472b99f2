"""Backprop one step at a time, as data: what each node contributes to its operands, and why.

>>> from engine import Value
>>> x = Value(3.0, label="x")
>>> for step in steps(x * x):
...     print(step)
step 0: v1 = 9, gradient 1, the seed: d v1/d v1 = 1
step 1: v1 = x² = 9, gradient 1
  d v1/d x (operand 1) = x = 3
  x.grad: – → 1 × 3 = 3
  d v1/d x (operand 2) = x = 3
  x.grad: 3 → 3 + 1 × 3 = 6
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Generic, TypeVar, overload

from engine.backward import refuse_stale
from engine.errors import EngineError
from engine.graph import Marks, Node, checked_marks, topological_order
from engine.stepping.records import Contribution, ForwardStep, Operand, Step, as_plain
from engine.terminal import at_prompt, shown
from engine.wording import display_names, local_derivatives, node_formula, node_numbers, variables

__all__ = [
    "Contribution",
    "ForwardStep",
    "ForwardSteps",
    "Operand",
    "Step",
    "Steps",
    "a_node",
    "forward_steps",
    "steps",
]

SHOWN_STEPS = 60


RecordT = TypeVar("RecordT", Step, ForwardStep)


class _Records(Sequence[RecordT], Generic[RecordT]):
    """The records of one graph: made when they are asked for, so that a long graph costs little."""

    def __init__(self, root: Node, variables: Callable[[], Mapping[Node, str]] | None = None) -> None:
        self.root = root
        self._ordered = topological_order(root)
        unnamed = [node for node in self._ordered if not (node.label or node.is_constant)]
        held = variables() if variables and unnamed else {}
        self._variables = {node: held[node] for node in unnamed if node in held}
        self._interior = [node for node in self._ordered if node.operation is not None]

    @cached_property
    def _ids(self) -> dict[Node, str]:
        return {node: f"n{place}" for place, node in enumerate(self._ordered)}

    @cached_property
    def _names(self) -> dict[Node, str]:
        return display_names(self._ordered, self._variables)

    def _record(self, number: int) -> RecordT:
        raise NotImplementedError

    @overload
    def __getitem__(self, place: int) -> RecordT: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[RecordT, ...]: ...
    def __getitem__(self, place: int | slice) -> RecordT | tuple[RecordT, ...]:
        if isinstance(place, slice):
            return tuple(self._record(number) for number in range(len(self))[place])
        try:
            return self._record(range(len(self))[place])
        except IndexError:
            raise IndexError(f"there is no step {place}: there are {len(self)}, counted from 0") from None

    def __repr__(self) -> str:
        return at_prompt(str(self))

    def __str__(self) -> str:
        return shown("\n".join([*map(str, self[:SHOWN_STEPS]), *self._cut()]))

    def _cut(self) -> list[str]:
        more = len(self) - SHOWN_STEPS
        return [f"… and {more} more steps: take them by number, or in a loop"] if more > 0 else []

    def name(self, node: Node) -> str:
        """What the node is called in these steps."""
        return self._names[node]

    def id(self, node: Node) -> str:
        """The node's id: n and its place in topological order."""
        return self._ids[node]

    def has(self, node: Node) -> bool:
        """Whether the node is part of this graph."""
        return node in self._ids

    @property
    def variables(self) -> Mapping[Node, str]:
        """The nodes that are called by the variables that hold them."""
        return self._variables

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes in topological order, leaves too; the place of each is its id."""
        return tuple(self._ordered)

    def as_data(self) -> dict[str, Any]:
        """The records as plain dicts and lists, nodes by their ids, ready for JSON.

        A number that is not finite is a word: "nan", "inf" or "-inf".
        """
        return {
            "root": self._ids[self.root],
            "name": self._names[self.root],
            "steps": [as_plain(record) for record in self],
        }

    def to_json(self, indent: int | None = None) -> str:
        """`as_data` as JSON text: ASCII, the same bytes in every process."""
        return json.dumps(self.as_data(), indent=indent, allow_nan=False)


class Steps(_Records[Step]):
    """The backward pass from a root, step by step: a sequence of Step that prints and goes to JSON.

    All gradients start at none, on a copy: no `grad` is written. `leftover` holds the leaves whose
    `grad` was not zero when the steps were made; `stale` says so in words when a leaf's data was changed
    after the graph was made (the steps then belong to the numbers of that time), else it is ''.
    """

    def __init__(
        self,
        root: Node,
        variables: Callable[[], Mapping[Node, str]] | None = None,
        *,
        marks: Marks | None = None,
    ) -> None:
        super().__init__(root, variables)
        self._marks = None if marks is None else checked_marks(marks)
        self.leftover: dict[Node, float] = {
            node: node.grad for node in self._ordered if node.operation is None and node.grad
        }
        self._gradients: dict[Node, float] = {}
        self._turns: dict[Node, int] = {}
        self._befores: list[tuple[float | None, ...]] = []
        self._sweep()

    def _sweep(self) -> None:
        """The chain rule, in the order and with the bits of `backward`, noting what was there before."""
        gradients = self._gradients
        gradients[self.root] = 1.0
        for number, node in enumerate(reversed(self._interior), start=1):
            upstream = gradients.get(node)
            self._turns[node] = number
            befores: list[float | None] = []
            for parent, slope in zip(node.parents, node.partials, strict=True):
                before = gradients.get(parent)
                befores.append(before)
                if upstream is not None and slope is not None:
                    part = upstream * slope
                    gradients[parent] = part if before is None else before + part
                    self._turns[parent] = number
            self._befores.append(tuple(befores))

    def __len__(self) -> int:
        return len(self._interior) + 1

    @property
    def stale(self) -> str:
        """What is wrong when a leaf's data was changed after the graph was made; else ''."""
        try:
            refuse_stale(self.root)
        except EngineError as changed:
            return str(changed)
        return ""

    def number_of(self, node: Node) -> int:
        """The step in which the node passes its gradient on; for a leaf, the last that adds to it.

        The last step of all for a leaf that nothing reaches.
        """
        return self._turns.get(node, len(self) - 1)

    def adds_to(self, number: int, leaf: Node) -> bool:
        """Whether something is added to the leaf's gradient in that step."""
        node = self.node_of(number)
        if number == 0 or node not in self._gradients:
            return False
        return any(p is leaf and s is not None for p, s in zip(node.parents, node.partials, strict=True))

    def node_of(self, number: int) -> Node:
        """The node whose gradient that step passes on."""
        return self._interior[-number] if number else self.root

    def gradients_in(self, number: int) -> list[float]:
        """The gradients of that step: the node's own, then the new ones of those that get something."""
        upstream = self._gradients.get(self.node_of(number))
        if upstream is None or number == 0:
            return [] if upstream is None else [upstream]
        found = [upstream]
        for slope, before in zip(self.node_of(number).partials, self._befores[number - 1], strict=True):
            if slope is not None:
                part = upstream * slope
                found.append(part if before is None else before + part)
        return found

    def gradients(self, number: int | None = None) -> dict[Node, float]:
        """{node: its gradient so far} after that step, or after the last; without what nothing reached."""
        if number is None or number == len(self) - 1:
            return dict(self._gradients)
        sofar = {self.root: 1.0}
        for done in range(1, number + 1):
            node = self._interior[-done]
            upstream = self._gradients.get(node)
            for parent, slope in zip(node.parents, node.partials, strict=True):
                if upstream is not None and slope is not None:
                    part = upstream * slope
                    sofar[parent] = sofar[parent] + part if parent in sofar else part
        return sofar

    def _record(self, number: int) -> Step:
        node = self.node_of(number)
        operation = node.operation.name if node.operation else "leaf"
        return Step(
            number=number,
            node=node,
            id=self._ids[node],
            name=self._names[node],
            operation=operation if number else "seed",
            formula=node_formula(node, self._names),
            data=node._data,
            gradient=self._gradients.get(node),
            contributions=self._contributions(number, node) if number else (),
            remark=self._marks.words(node) if self._marks is not None else "",
        )

    def _contributions(self, number: int, node: Node) -> tuple[Contribution, ...]:
        upstream = self._gradients.get(node)
        made = []
        locals_ = local_derivatives(node, self._names)
        for slot, (parent, slope) in enumerate(zip(node.parents, node.partials, strict=True)):
            before = self._befores[number - 1][slot]
            amount = None if upstream is None or slope is None else upstream * slope
            after = before if amount is None else amount if before is None else before + amount
            made.append(
                Contribution(
                    operand=parent,
                    operand_id=self._ids[parent],
                    operand_name=self._names[parent],
                    slot=slot,
                    edge=f"{self._ids[node]}.{slot}",
                    partial=slope,
                    formula=locals_[slot].text,
                    amount=amount,
                    before=before,
                    after=after,
                    condition=locals_[slot].condition,
                )
            )
        return tuple(made)

    def as_data(self) -> dict[str, Any]:
        """The steps as plain dicts and lists, and `leftover` by the ids of the leaves."""
        leftover = {self._ids[node]: as_plain(grad) for node, grad in self.leftover.items()}
        return {**super().as_data(), "leftover": leftover}


class ForwardSteps(_Records[ForwardStep]):
    """The forward pass to a root, one computed node after another."""

    def __len__(self) -> int:
        return len(self._interior)

    def _record(self, number: int) -> ForwardStep:
        node = self._interior[number]
        place = self._ids[node]
        operands = tuple(
            Operand(parent, self._ids[parent], self._names[parent], slot, f"{place}.{slot}", parent._data)
            for slot, parent in enumerate(node.parents)
        )
        return ForwardStep(
            number=number,
            node=node,
            id=place,
            name=self._names[node],
            operation=node.operation.name if node.operation else "leaf",
            formula=node_formula(node, self._names),
            numbers=node_numbers(node),
            operands=operands,
            data=node._data,
        )


def steps(root: Node, *, marks: Marks | None = None, names: bool = True) -> Steps:
    """The backward pass from `root` as a sequence of Step, in reverse topological order; see Steps.

    With `marks` each step says what they say about its node: `steps(root, marks=health(root))`.

    No `grad` is read or written, apart from the note in `leftover`. Where `backward` would refuse because a
    gradient is nan, the steps go on, so that one can see where the nan began. A Value without a label is
    called as the caller's variable is that holds it; with `names=False` by its place: v7.

    >>> from engine import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> print(steps(a * b)[1])
    step 1: v2 = a × b = −6, gradient 1
      d v2/d a = b = −3
      a.grad: – → 1 × −3 = −3
      d v2/d b = a = 2
      b.grad: – → 1 × 2 = 2
    """
    return Steps(a_node(root), partial(variables, sys._getframe(1)) if names else None, marks=marks)


def forward_steps(root: Node, *, names: bool = True) -> ForwardSteps:
    """The forward pass to `root` as a sequence of ForwardStep, operands before what is made of them.

    `names` as for `steps`.

    >>> from engine import Value
    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> print(forward_steps((a * b).tanh()))
    forward 0: v2 = a × b = 2 × −3 = −6
    forward 1: v3 = tanh(v2) = tanh(−6) = −1
    """
    return ForwardSteps(a_node(root), partial(variables, sys._getframe(1)) if names else None)


def a_node(root: Any) -> Node:
    """The root itself; TypeError for anything but a Value."""
    if not isinstance(root, Node):
        found = f"{type(root).__name__} ({root!r:.60})"
        raise TypeError(f"steps start from a Value, the result of a computation; got {found}")
    return root
