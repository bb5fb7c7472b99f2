"""What was found about a graph's numbers, and all of it as text: `health(root)`."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.formula import number_text
from engine.graph import Node, topological_order
from engine.health.blame import Loss, blamed, condition, lost, lost_in_gradient
from engine.health.hints import hint, written_out
from engine.health.levels import FULL, Bounds, bounds, digits_right
from engine.terminal import at_prompt, shown
from engine.wording import display_names, local_derivatives, node_formula, variables

__all__ = ["Health", "Number", "health"]

DIGITS = 12.0  # so many digits proved around eager's own numbers are enough not to look further
LIMIT = 1024  # bits
LONGEST = 60  # characters of a formula that is written out
SHOWN = 8  # gradients in the printed report
ULP = 0.31  # an error of one ulp leaves every digit
LEAST = 0.05  # less than so much of a digit is none
HINTED = 3.0  # digits lost, for which a rewrite is named


@dataclass(frozen=True, slots=True)
class Number:
    """What is known of one node: |value − exact| ≤ `bound`, |gradient − exact| ≤ `gradient_bound`.

    Infinite bounds: nothing is known. `gradient` is d root / d node, 0 where no path leads. `condition` is
    the factor by which relative errors of the operands are magnified here, `lost` the digits that costs.
    With `undecided` the exact operands may lie on another side of a kink than the computed ones; `astray`:
    they do.
    """

    value: float
    bound: float
    gradient: float
    gradient_bound: float
    condition: float
    lost: float
    undecided: bool
    astray: bool

    @property
    def digits(self) -> float:
        """How many decimal digits of the value are right: 0 to 15.95."""
        return digits_right(self.value, self.bound)

    @property
    def gradient_digits(self) -> float:
        """How many decimal digits of the gradient are right."""
        return digits_right(self.gradient, self.gradient_bound)


class Health(Mapping[Node, Number]):
    """{node: Number} for every node of a graph; prints as a report.

    `blamed` is the node at which most of the root's digits were lost, None where none was; `hint` what to
    write instead. `bits` says how many bits the exact numbers were looked for with (0: eager's own sufficed),
    `settled` whether these were enough.
    """

    def __init__(self, root: Node, found: Bounds, variables: Mapping[Node, str] | None = None) -> None:
        self.root = root
        self.bits = found.bits
        self.settled = found.settled
        self.missing = found.missing
        self._found = found
        self._variables = variables
        self._numbers: dict[Node, Number] = {}

    @cached_property
    def _names(self) -> dict[Node, str]:
        return display_names(topological_order(self.root), self._variables)

    def __getitem__(self, node: Node) -> Number:
        if node not in self._numbers:
            found = self._found
            self._numbers[node] = Number(
                value=node._data,
                bound=found.values[node],
                gradient=found.computed.get(node, 0.0),
                gradient_bound=found.gradients.get(node, 0.0),
                condition=condition(node),
                lost=lost(node),
                undecided=node in found.undecided,
                astray=node in found.astray,
            )
        return self._numbers[node]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._found.values)

    def __len__(self) -> int:
        return len(self._found.values)

    @cached_property
    def blamed(self) -> Node | None:
        """The node at which most digits of the root were lost."""
        return blamed(self.root, self._found)

    @cached_property
    def hint(self) -> str:
        """What to write instead of the blamed node, where a rewrite is known."""
        node = self.blamed
        return hint(node, self._names) if node is not None and lost(node) > HINTED else ""

    @property
    def worst(self) -> list[Node]:
        """The leaves that want a gradient, those with the fewest digits first."""
        leaves = [n for n in self if n.operation is None and not n.is_constant]
        return sorted(leaves, key=lambda leaf: self[leaf].gradient_digits)

    # ── As text ───────────────────────────────────────────────────────────────────────────────────

    def short(self, node: Node) -> str:
        """A few characters for a box: the digits of the value, and those of the gradient."""
        number = self[node]
        counts = _count(number.digits, number.bound), _count(number.gradient_digits, number.gradient_bound)
        return f"digits {counts[0]} | {counts[1]}"

    def words(self, node: Node) -> str:
        """The same as a sentence, with what is lost here."""
        number = self[node]
        parts = [f"its number: {_right(number.digits, number.bound)}"]
        parts += [f"its gradient: {_right(number.gradient_digits, number.gradient_bound)}"]
        parts += [f"{_lost(number.lost)} lost here"] if number.lost >= 1.0 else []
        parts += ["undecided on which side of a kink it is"] if number.undecided else []
        parts += ["exact numbers take the other side of a kink"] if number.astray else []
        return "; ".join(parts)

    def share(self, node: Node) -> float:
        """0 where nothing is right to 1 where all is, of the value or the gradient, whichever is worse."""
        return min(self[node].digits, self[node].gradient_digits) / FULL

    def __repr__(self) -> str:
        return at_prompt(str(self))

    def __str__(self) -> str:
        lines = [*self._root_lines(), *self._gradient_lines(), *self._branch_lines(), self._last_line()]
        return shown("\n".join(lines))

    def _made(self, node: Node) -> str:
        name, formula = self._names[node], written_out(node, self._names).text
        if len(formula) > LONGEST:
            formula = node_formula(node, self._names)
        return name if name == formula else f"{name} = {formula}"

    def _root_lines(self) -> Iterator[str]:
        number = self[self.root]
        right = _right(number.digits, number.bound) + _at_most(number.bound)
        yield f"{self._made(self.root)} = {number_text(number.value)}: {right}"
        node = self.blamed
        if node is not None and node.operation is not None:
            where = "there" if node is self.root else f"at {self._made(node)}"
            line = f" (made at {node.line})" if node.line else ""
            instead = f"; write {self.hint}" if self.hint else ""
            yield f"  {_lost(self[node].lost)} lost {where}{line}, by {node.operation.name}{instead}"

    def _gradient_lines(self) -> Iterator[str]:
        worst = self.worst
        for leaf in worst[:SHOWN]:
            number = self[leaf]
            right = _right(number.gradient_digits, number.gradient_bound) + _at_most(number.gradient_bound)
            yield f"{self._derivative(self.root, leaf)} = {number_text(number.gradient)}: {right}"
            is_bad = number.gradient_digits < FULL - HINTED
            if is_bad and (loss := lost_in_gradient(self.root, leaf, self._found)):
                yield f"  {_lost(loss.digits)} lost {self._place(loss)}"
        if len(worst) > SHOWN:
            yield f"… and {len(worst) - SHOWN} gradients with no fewer digits"

    def _derivative(self, of: Node, by: Node) -> str:
        return f"d {self._names[of]}/d {self._names[by]}"

    def _place(self, loss: Loss) -> str:
        if loss.slot is None:
            return f"where the parts of the gradient of {self._names[loss.node]} are added up"
        local = local_derivatives(loss.node, self._names)[loss.slot].text
        derivative = self._derivative(loss.node, loss.node.parents[loss.slot])
        return f"in {derivative} = {local}, where {self._made(loss.node)}"

    def _branch_lines(self) -> Iterator[str]:
        for node in self:
            if node in self._found.undecided:
                yield f"undecided: {self._made(node)}; its exact operands may lie on the other side of a kink"
            if node in self._found.astray:
                yield f"astray: {self._made(node)}; its exact operands lie on the other side of a kink"

    def _last_line(self) -> str:
        if self.missing:
            return f"({self.missing})"
        if not self.bits:
            return "(told by the numbers themselves)"
        return f"({'told' if self.settled else 'not settled'} with {self.bits:,} bits)"


def _count(digits: float, bound: float) -> str:
    if not bound < math.inf:
        return "?"
    return "all" if digits >= FULL - ULP else f"{digits:.1f}" if digits >= LEAST else "none"


def _right(digits: float, bound: float) -> str:
    if not bound < math.inf:
        return "no bound is known"
    if digits >= FULL - ULP:
        return "every digit is right"
    return f"{digits:.1f} of 16 digits are right" if digits >= LEAST else "no digit is right"


def _at_most(bound: float) -> str:
    return f", |error| ≤ {bound:.1e}" if 0.0 < bound < math.inf else ""


def _lost(digits: float) -> str:
    return "all digits are" if digits > FULL else f"{digits:.1f} digits are"


def health(root: Node, *, digits: float = DIGITS, limit: int = LIMIT, names: bool = True) -> Health:
    """How many digits of a value and of all its gradients are right, and where the others were lost.

    Exact is what the same graph gives in real arithmetic for the same floats at its leaves. The bounds always
    hold, if the processor rounds as IEEE 754 says and the math library is as exact as the rows of the table
    say (`ulp`; a test measures it). First the rows' own formulas run on balls, a number ± a radius, around
    eager's numbers. Where that proves fewer than `digits` digits, or leaves a branch undecided, they run
    around numbers of 128 bits, and twice as many until every error is known to a thousandth of itself, at
    most `limit` bits; that needs mpmath. `digits=0` never looks further, `digits=17` always.

    No `grad` is read or written. A Value without a label is called as the caller's variable is that holds it,
    unless `names=False`. Raises TypeError for what is no Value, GraphError when a leaf's data was
    changed since the graph was made, ValueError for digits or a limit that is no such number.

    >>> from engine import Value
    >>> x = Value(1e-6, label="x")
    >>> y = 1 - x.cos()
    >>> print(health(y))
    y = 1 − cos(x) = 5e−13: 4.1 of 16 digits are right, |error| ≤ 4.4e-17
      12.6 digits are lost there, by subtract; write 2 × sin(x ÷ 2)²
    d y/d x = 1e−06: every digit is right, |error| ≤ 1.3e-23
    (told with 128 bits)
    """
    if not isinstance(root, Node):
        raise TypeError(f"health takes a Value, the result of a computation; got {type(root).__name__}")
    _ensure_numbers(digits, limit)
    held = variables(sys._getframe(1)) if names else None
    return Health(root, bounds(root, digits=float(digits), limit=int(limit)), held)


def _ensure_numbers(digits: Any, limit: Any) -> None:
    """ValueError for what is no such number."""
    if type(limit) is bool or not hasattr(limit, "__index__") or limit < 0:
        raise ValueError(
            f"limit is a whole number of bits, and 0 for no look with more of them; got {limit!r}"
        )
    if type(digits) is bool or not isinstance(digits, numbers.Real) or not float(digits) >= 0:
        raise ValueError(f"digits is how many are to be proved, from 0 to {FULL:.0f} or more; got {digits!r}")
