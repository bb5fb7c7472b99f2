"""One node's chain rule in words and numbers, and its gradient as a sum over paths.

>>> from engine import Value
>>> x = Value(3.0, label="x")
>>> y = x * x + x
>>> y.label = "y"
>>> print(explain(x, y))
x = 3, a leaf
if x rises by a little, y rises 7 times as much: d y/d x = 7
each use of x contributes its own gradient times its local derivative:
  step 1, y = v1 + x: 1 × 1 = 1
  step 2, v1 = x² (operand 1): 1 × 3 = 3
  step 2, v1 = x² (operand 2): 1 × 3 = 3
  in all: 7
the same as a sum over its 3 paths, the product of the local derivatives along each, largest first:
  y → v1 → x: 1 × 3 = 3, by 2 uses: 6
  y → x: 1
"""

from __future__ import annotations

import functools
import heapq
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.errors import GraphError
from engine.formula import number_text
from engine.graph import Marks, Node, checked_marks, topological_order
from engine.stepping.paths import Path, counted, largest_paths, size
from engine.stepping.records import as_plain
from engine.stepping.steps import Steps, a_node
from engine.terminal import Record, shown
from engine.value import Constant
from engine.wording import (
    NO_PATH,
    display_names,
    local_derivatives,
    node_formula,
    node_numbers,
    variables,
)

__all__ = ["Explanation", "Term", "explain", "explain_in"]

LIMIT = 8


@dataclass(frozen=True, slots=True, repr=False)
class Term(Record):
    """What one use of the node contributes to it; `step` is the step in which that happens.

    `amount` = `gradient` of the user × `partial`; None where there is no path.
    """

    user: Node
    user_id: str
    user_name: str
    user_formula: str
    slot: int
    step: int
    gradient: float | None
    partial: float | None
    amount: float | None


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """Why a node's gradient is what it is; prints as text, and `as_data` is the same for JSON.

    `lines_here` is the chain rule at the node itself. With a root: `gradient` is d root / d node (None
    where no path leads), `terms` what each use of the node contributes, in the order of backward, `paths`
    the largest of the `path_count` paths. `at` is the step that has been reached, if anybody is stepping.
    """

    node: Node
    name: str
    root_name: str | None
    gradient: float | None
    lines_here: tuple[str, ...]
    terms: tuple[Term, ...] = ()
    paths: tuple[Path, ...] = ()
    path_count: int = 0
    at: int | None = None
    limit: int = LIMIT

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return shown("\n".join([*self.lines_here, *self._term_lines(), *self._path_lines()]))

    def as_data(self) -> dict[str, Any]:
        """The explanation as plain dicts and lists, ready for JSON."""
        return {
            "name": self.name,
            "root": self.root_name,
            "gradient": as_plain(self.gradient),
            "here": list(self.lines_here),
            "terms": as_plain(self.terms),
            "paths": as_plain(self.paths),
            "path_count": self.path_count,
        }

    def to_json(self, indent: int | None = None) -> str:
        """`as_data` as JSON text."""
        return json.dumps(self.as_data(), indent=indent, allow_nan=False)

    def _term_lines(self) -> Iterator[str]:
        if not self.terms:
            return
        yield f"each use of {self.name} contributes its own gradient times its local derivative:"
        largest = heapq.nlargest(self.limit, self.terms, key=lambda term: size(term.amount))
        shown = (
            [term for term in self.terms if term in largest] if len(self.terms) > self.limit else self.terms
        )
        for term in shown[: self.limit]:
            yield f"  {self._term_words(term)}"
        if len(self.terms) > self.limit:
            yield f"  … and {len(self.terms) - self.limit} smaller ones, in all: {number_text(self.gradient)}"
        elif len(self.terms) > 1:
            yield f"  in all: {number_text(self.gradient)}"

    def _term_words(self, term: Term) -> str:
        twice = sum(other.user is term.user for other in self.terms) > 1
        which = f" (operand {term.slot + 1})" if twice else ""
        start = f"step {term.step}, {term.user_name} = {term.user_formula}{which}: "
        if term.amount is None:
            return start + NO_PATH
        done = ", still to come" if self.at is not None and term.step > self.at else ""
        assert term.gradient is not None and term.partial is not None  # noqa: S101, PT018  (they make amount)
        return f"{start}{_product(term.gradient, term.partial)}{done}"

    def _path_lines(self) -> Iterator[str]:
        if not self.paths or not self.terms:
            return
        are_all = sum(path.uses for path in self.paths) >= self.path_count
        if not are_all:
            count, shown_ones = counted(self.path_count), len(self.paths)
            yield f"the same as a sum over {count} paths; the {shown_ones} largest of them:"
        elif self.path_count == 1:
            yield "along its only path, the product of the local derivatives:"
        else:
            yield (
                f"the same as a sum over its {counted(self.path_count)} paths, the product of the local "
                "derivatives along each, largest first:"
            )
        for path in self.paths:
            yield f"  {path}"
        if not are_all and self.gradient is not None:
            others = self.gradient - sum(path.total for path in self.paths)
            yield f"  … and the others, together {number_text(others)}"


def explain(
    node: Node,
    root: Node | None = None,
    *,
    limit: int = LIMIT,
    marks: Marks | None = None,
    names: bool = True,
) -> Explanation:
    """The chain rule at `node`, and with a `root` where d root / d node comes from, as an Explanation.

    At most `limit` uses and paths are written, the largest. However many paths there are (their number can
    double with every node), the work is proportional to the graph's size. Nothing is printed, and no `grad`
    is written. `marks`, for example `health(root)`, add what they say about the node. A Value without a label
    is called as the caller's variable is that holds it, unless `names=False`. Raises GraphError when the node
    is not part of the root's graph.
    """
    if not isinstance(node, Node):
        raise TypeError(f"explain takes a Value, got {type(node).__name__} ({node!r:.60})")
    if marks is not None:
        checked_marks(marks)
    held = functools.partial(variables, sys._getframe(1)) if names else None
    if root is None:
        named = display_names(topological_order(node), held() if held else None)
        here = [*_here(node, named, node.grad, None), *_remarks(node, marks)]
        return Explanation(node, named[node], None, node.grad, tuple(here))
    return explain_in(Steps(a_node(root), held), node, limit=limit, marks=marks)


def explain_in(
    backward: Steps, node: Node, *, limit: int = LIMIT, at: int | None = None, marks: Marks | None = None
) -> Explanation:
    """The same for steps that are there already; `at` is the number of the step reached, if any."""
    if not backward.has(node):
        message = f"{node!r} is no part of the graph of {backward.name(backward.root)!r}"
        raise GraphError(f"{message}; explain a node that the root was computed from", node.label)
    gradient = backward.gradients().get(node)
    named = {member: backward.name(member) for member in (*node.parents, node)}
    root_name = backward.name(backward.root)
    constant = isinstance(node, Constant)
    paths, count = ([], 0) if constant else largest_paths(backward, node, limit)
    return Explanation(
        node=node,
        name=named[node],
        root_name=root_name,
        gradient=gradient,
        lines_here=(*_here(node, named, gradient, root_name), *_remarks(node, marks)),
        terms=() if constant else tuple(_terms(backward, node)),
        paths=tuple(paths),
        path_count=count,
        at=at,
        limit=limit,
    )


def _remarks(node: Node, marks: Marks | None) -> list[str]:
    """What the marks say about the node."""
    words = marks.words(node) if marks is not None else ""
    return [words] if words else []


def _here(node: Node, named: dict[Node, str], gradient: float | None, root: str | None) -> Iterator[str]:
    """The lines about the node itself: what it is, what its gradient says, what it contributes."""
    name = named[node]
    if isinstance(node, Constant):
        yield f"{name}, a constant: it gets no gradient"
        return
    if node.operation is None:
        yield f"{name} = {number_text(node._data)}, a leaf"
    else:
        made = (name, node_formula(node, named), node_numbers(node), number_text(node._data))
        yield " = ".join(dict.fromkeys(made))
    yield _meaning(name, gradient, root)
    if node.operation is None or (gradient is None and root is not None):
        return
    locals_ = local_derivatives(node, named)
    out = f" (out is {name})" if any("out" in local.text for local in locals_) else ""
    yield f"the chain rule: each operand gets {name}'s gradient × its local derivative{out}"
    slots = zip(node.parents, node.partials, locals_, strict=True)
    shown = [slot for slot in slots if not isinstance(slot[0], Constant)]
    for parent, partial, local in shown[:LIMIT]:
        because = f", as {local.condition}" if local.condition else ""
        if partial is None:
            yield f"  {NO_PATH} to {named[parent]}{because}: it gets nothing"
            continue
        number = number_text(partial)
        formula = "" if local.text == number else f" = {local.text}"
        gets = "" if gradient is None else f": {_product(gradient, partial)}"
        yield f"  d {name}/d {named[parent]}{formula} = {number}{because}{gets}"
    if len(shown) > LIMIT:
        yield f"  … and {len(shown) - LIMIT} more operands"


def _meaning(name: str, gradient: float | None, root: str | None) -> str:
    number = number_text(gradient)
    if root is None:
        return f"its gradient: {number}" + (", backward has not been here" if gradient is None else "")
    if gradient is None:
        return f"no path leads from {root} to it: d {root}/d {name} = 0"
    if name == root:
        return f"backward starts here: d {root}/d {root} = 1"
    statement = f"d {root}/d {name} = {number}"
    if gradient != gradient or gradient == 0:
        flat = "" if gradient else f"if {name} changes by a little, {root} stays as it is: "
        return flat + statement
    verb = "rises" if gradient > 0 else "falls"
    return (
        f"if {name} rises by a little, {root} {verb} {number_text(abs(gradient))} times as much: {statement}"
    )


def _terms(backward: Steps, node: Node) -> Iterator[Term]:
    gradients = backward.gradients()
    for number, user in enumerate(reversed([user for user in backward.nodes if user.operation]), start=1):
        for slot, (parent, partial) in enumerate(zip(user.parents, user.partials, strict=True)):
            if parent is node:
                upstream = gradients.get(user)
                named = {member: backward.name(member) for member in (*user.parents, user)}
                yield Term(
                    user=user,
                    user_id=backward.id(user),
                    user_name=backward.name(user),
                    user_formula=node_formula(user, named),
                    slot=slot,
                    step=number,
                    gradient=upstream,
                    partial=partial,
                    amount=None if upstream is None or partial is None else upstream * partial,
                )


def _product(gradient: float, partial: float) -> str:
    return f"{number_text(gradient)} × {number_text(partial)} = {number_text(gradient * partial)}"
