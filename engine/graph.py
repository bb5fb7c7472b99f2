"""A graph is nodes that know their operands; here is what a node consists of, and the walks over a graph.

Every walk is a loop, never a recursion: a chain of a million operations is a graph like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from engine import modes
from engine.real import as_number

if TYPE_CHECKING:
    from engine.operation import Operation

__all__ = [
    "Marks",
    "Node",
    "checked_marks",
    "comparison",
    "copied",
    "interior_and_leaves",
    "known",
    "names",
    "short_name",
    "topological_order",
]

LONGEST_NAME = 40

_PATH = (
    (re.compile(r"\blayers\[(\d+)\]"), r"l\1"),
    (re.compile(r"\bneurons\[(\d+)\]"), r"n\1"),
    (re.compile(r"\bweights\["), "w["),
    (re.compile(r"(?<=\d\.)bias\b"), "b"),
)


class Node:
    """A number, how it was made, and the derivative of the output by it.

    The operands and the local derivatives are in four slots instead of two tuples, because a tuple
    per node costs half of the engine's speed: operations on one or two operands use `_first` and
    `_second`; those on more leave `_first` empty and keep one tuple in `_second`. `parents` and `partials`
    hide that.
    """

    __slots__ = (
        "_data",
        "_first",
        "_first_partial",
        "_operation",
        "_second",
        "_second_partial",
        "grad",
        "label",
    )

    _data: float
    grad: float | Any  # None until it was computed, which `rate * w.grad` need not ask for
    label: str
    _operation: Operation | None
    _first: Node | None
    _second: Node | tuple[Node, ...] | None
    _first_partial: float | None
    _second_partial: float | tuple[float | None, ...] | None

    is_constant = False  # a plain number, which wants no gradient
    line: str | None = None  # file:line of the code that made this node, where it was remembered

    @property
    def operation(self) -> Operation | None:
        """The row of the table that made this node; None for a leaf."""
        return self._operation

    @property
    def parents(self) -> tuple[Node, ...]:
        """The operands, in order; `x * x` has two. Empty for a leaf."""
        first, second = self._first, self._second
        if isinstance(second, tuple):
            return second
        return () if first is None else (first,) if second is None else (first, second)

    @property
    def paths(self) -> tuple[float | None, ...]:
        """What backward multiplies the gradient by for each parent; None: no contribution to that one."""
        second = self._second_partial
        if isinstance(self._second, tuple):
            assert isinstance(second, tuple)  # noqa: S101  (the two slots are filled together)
            return second
        return (self._first_partial, second)[: len(self.parents)]  # type: ignore[return-value]

    @property
    def partials(self) -> tuple[float | None, ...]:
        """The local derivative for each parent, as it was when the node was made; None is no path."""
        return self.paths

    def rewire(self, parents: Iterable[Node]) -> None:
        """Put these nodes into the places of the operands, one for one."""
        if isinstance(self._second, tuple):
            self._second = tuple(parents)
        else:
            self._first, self._second = (*parents, None, None)[:2]


@runtime_checkable
class Marks(Protocol):
    """What somebody has to say about the nodes of a graph, for steps, explanations and drawings to show.

    Who shows it and who says it do not know one another; this is what they agree on. `health(root)` is such
    a thing. Whoever shows marks asks about nodes of the graph that they were made for.
    """

    def short(self, node: Node, /) -> str:
        """A few characters, for a box of a drawing."""

    def words(self, node: Node, /) -> str:
        """A sentence, for a step or an explanation; '' for nothing."""

    def share(self, node: Node, /) -> float:
        """From 0, bad, to 1, good: the color of a box."""


def checked_marks(marks: Any) -> Marks:
    """The marks; TypeError for what says nothing of nodes, such as `health` itself."""
    if isinstance(marks, Marks) and not isinstance(marks, type):
        return marks
    name = getattr(marks, "__name__", "")
    made = f"; write {name}(root)" if callable(marks) and name.isidentifier() else ""
    raise TypeError(f"marks say something of each node, as health(root) does; got {marks!r:.60}{made}")


def interior_and_leaves(root: Node) -> tuple[list[Node], list[Node]]:
    """(interior nodes, each after its operands; leaves), depth first, first operand first.

    A node whose operands have not all been looked at waits on `path`, together with the rest of them,
    while the walk goes down into one.
    """
    if root._operation is None:
        return [], [root]
    interior: list[Node] = []
    leaves: list[Node] = []
    seen = {root}
    path = [(root, iter(root.parents))]
    while path:
        node, rest = path[-1]
        for parent in rest:
            if parent not in seen:
                seen.add(parent)
                if parent._operation is not None:
                    path.append((parent, iter(parent.parents)))
                    break
                leaves.append(parent)
        else:
            interior.append(node)
            path.pop()
    return interior, leaves


def topological_order(root: Node) -> list[Node]:
    """All nodes below and including the root, leaves too, each after its operands.

    >>> from engine import Value
    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> [node.label or node.operation.name for node in topological_order(a * b + a)]
    ['a', 'b', 'multiply', 'add']
    """
    ordered: list[Node] = []
    placed: set[Node] = set()
    for node in interior_and_leaves(root)[0] or [root]:
        for member in (*node.parents, node):
            if member not in placed:
                placed.add(member)
                ordered.append(member)
    return ordered


def names(ordered: Iterable[Node]) -> dict[Node, str]:
    """A name for every node: its label, else v0, v1, … by its place in the order.

    >>> from engine import Value
    >>> list(names(topological_order(Value(2.0, label="a") + 1.0)).values())
    ['a', 'v1', 'v2']
    """
    return {node: node.label or f"v{place}" for place, node in enumerate(ordered)}


def short_name(label: str) -> str:
    """A label fit to be shown: module paths abbreviated, nothing unprintable, at most 40 characters.

    >>> short_name("layers[0].neurons[3].weights[1]")
    'l0.n3.w[1]'
    """
    for path, shorter in _PATH:
        label = path.sub(shorter, label)
    shown = "".join(letter if letter.isprintable() else "�" for letter in label)
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"


def copied(node: Any, memo: dict[int, Any]) -> Any:
    """A new node on the memo's copies of the operands, or on the operands themselves where it has none."""
    parents = tuple(memo.get(id(parent), parent) for parent in node.parents)
    copy = object.__new__(type(node))
    copy._data, copy.grad, copy.label = node._data, None, node.label
    if node.line is not None:
        copy.line = node.line
    copy._operation = node._operation
    copy._first, copy._second = node._first, node._second
    copy._first_partial, copy._second_partial = node._first_partial, node._second_partial
    copy.rewire(parents)
    return copy


# ── How the number of a node is read; whoever listens or records hears of it ───────────────────────


def comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """The method for a comparison of a node with another one, or with a number."""

    def method(self: Any, other: Any) -> bool:
        if modes.anywhere and (session := modes.session()) is not None:
            return session.compared(compare, (self, other))  # type: ignore[no-any-return]
        outcome = compare(self._data, other._data if isinstance(other, Node) else as_number(other))
        return modes.branch(outcome) if modes.anywhere else outcome

    return method


def known(node: Any) -> float:
    """The number of a node, as a plain number that is cut off from the graph."""
    if modes.anywhere and (session := modes.session()) is not None:
        return session.known(node)  # type: ignore[no-any-return]
    return node._data  # type: ignore[no-any-return]
