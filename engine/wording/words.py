"""How nodes are put into words: their names, the formula of one node, its local derivatives.

Steps, trees and pictures all speak of the same node with the same words, and find them here. No formula
is typed: the table's rows are run on symbols, and the text is what they wrote.

>>> from engine import Value, maximum
>>> x, y = Value(3.0, label="x"), Value(2.0, label="y")
>>> largest = maximum(x, y)
>>> named = display_names([x, y, largest])
>>> node_formula(largest, named), node_numbers(largest)
('maximum(x, y)', 'maximum(3, 2)')
>>> [(local.text, local.condition) for local in local_derivatives(largest, named)]
[('1', 'x > y'), ('no path', 'x > y')]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import ops
from engine.errors import EngineError
from engine.formula import Formula, number_text, write
from engine.graph import Node, short_name
from engine.operation import CALL, Operation
from engine.value import Constant

__all__ = [
    "NO_PATH",
    "Local",
    "display_names",
    "local_derivatives",
    "made_of",
    "node_formula",
    "node_numbers",
    "written_number",
]

MANY = 6  # of more operands than this only the first few are written
NO_PATH = "no path"


def display_names(ordered: Sequence[Node], variables: Mapping[Node, str] | None = None) -> dict[Node, str]:
    """What each node is called where people read it, given the nodes in topological order.

    Its label, shortened; else the variable that holds it, unless a label says the same; else v7 by its place
    in the order; a constant is its number. Where several nodes would have the same name each gets its id:
    `h@n12`.
    """
    held = variables or {}
    named: dict[Node, str] = {}
    owners: dict[str, list[tuple[Node, int]]] = {}
    labels = {short_name(node.label) for node in ordered if node.label} if held else set()
    for place, node in enumerate(ordered):
        if isinstance(node, Constant):
            named[node] = number_text(node._data)
            continue
        name = short_name(node.label) if node.label else held.get(node, "")
        named[node] = f"v{place}" if not name or (not node.label and name in labels) else name
        owners.setdefault(named[node], []).append((node, place))
    for name, several in owners.items():
        if len(several) > 1:
            unheld = [(node, place) for node, place in several if node.label or node not in held]
            named |= {node: f"{name}@n{place}" for node, place in unheld}
    return named


def node_formula(node: Node, named: Mapping[Node, str]) -> str:
    """How the node was made, in names: `a × b + c`; its own name for a leaf."""
    if node.operation is None:
        return named[node]
    return made_of(node.operation, [_named(parent, named) for parent in node.parents]).text


def node_numbers(node: Node) -> str:
    """How the node was made, in numbers: `2 × −3`; its number for a leaf."""
    if node.operation is None:
        return number_text(node._data)
    return made_of(node.operation, [written_number(parent._data) for parent in node.parents]).text


def made_of(operation: Operation, operands: Sequence[Formula]) -> Formula:
    """The formula of one node; dot and total are written out, and of many operands only the first few."""
    if operation is ops.dot:
        return _written_dot(operands)
    few = list(operands)
    if operation.arity is None and len(few) > MANY:
        few[MANY - 2 :] = [Formula(f"… {len(operands) - MANY + 2} more")]
    if operation is ops.total:
        return _row_on(ops.total, few)
    return write(operation, few)


def _written_dot(operands: Sequence[Formula]) -> Formula:
    """The products in the order in which the row adds them up: from the bias on, left to right."""
    half = len(operands) // 2
    shown = half if half <= MANY // 2 else MANY // 2 - 1
    bias = operands[2 * half :]
    written = _row_on(ops.dot, [*operands[:shown], *operands[half : half + shown], *bias])
    text = written.text.removeprefix("0 + ")  # where the row starts when there is no bias
    if shown < half:
        text += f" + … {half - shown} more products"
    return Formula(text, ops.add.precedence if half + len(bias) > 1 else written.precedence)


def _row_on(operation: Operation, operands: Sequence[Formula]) -> Formula:
    """What a row that only adds and multiplies writes when it is run on formulas."""
    written: Any = operation.forward(*operands)
    return written if isinstance(written, Formula) else written_number(written)


def written_number(number: float) -> Formula:
    """A number as a formula: a negative one gets parentheses where a minus sign would mislead."""
    return Formula(number_text(number), ops.negate.precedence - 1 if number < 0 else CALL)


def _named(node: Node, named: Mapping[Node, str]) -> Formula:
    return written_number(node._data) if isinstance(node, Constant) else Formula(named[node])


@dataclass(frozen=True, slots=True)
class Local:
    """One local derivative in words: its formula, and what made the row choose it, or ''."""

    text: str
    condition: str = ""


def local_derivatives(node: Node, named: Mapping[Node, str]) -> list[Local]:
    """The row's local derivative for each operand of the node; `out` stands for the node itself.

    Where the row chooses between formulas the one that was chosen is written, with its condition. When
    the number of a leaf was changed since, that cannot be known, and the whole choice is written.
    """
    if node.operation is None:
        return []
    measured = _partials(node, [_Measured(named[p], CALL, p._data) for p in node.parents])
    agrees = all(
        local is None or isinstance(parent, Constant) or _same(_value_of(local), stored)
        for local, stored, parent in zip(measured, node.partials, node.parents, strict=True)
    )
    if not agrees:
        measured = _partials(node, [Formula(named[parent]) for parent in node.parents])
    found = [
        Local(NO_PATH, "a constant") if isinstance(parent, Constant) else _local(partial)
        for partial, parent in zip(measured, node.parents, strict=True)
    ]
    return [_as_surrogate(local) for local in found] if node.operation.surrogate else found


def _as_surrogate(local: Local) -> Local:
    return Local(local.text, " and ".join(filter(None, (local.condition, "a surrogate"))))


def _partials(node: Node, symbols: Sequence[Formula]) -> tuple[Any, ...]:
    """The row's partials run on symbols, constants staying numbers so that the texts are simple."""
    operands = [
        parent._data if isinstance(parent, Constant) else symbol
        for parent, symbol in zip(node.parents, symbols, strict=True)
    ]
    if node.operation is None or not any(isinstance(operand, Formula) for operand in operands):
        return (None,) * len(operands)
    out = _Measured("out", CALL, node._data) if isinstance(symbols[0], _Measured) else Formula("out")
    return node.operation.partials(out, *operands)


def _local(partial: Any) -> Local:
    if partial is None:
        return Local(NO_PATH)
    if isinstance(partial, _Measured):
        return Local(partial.text, " and ".join(dict.fromkeys(partial.facts)))
    return Local(partial.text if isinstance(partial, Formula) else number_text(partial))


def _value_of(partial: Any) -> float | None:
    return partial.number if isinstance(partial, _Measured) else partial


def _same(number: float | None, stored: float | None) -> bool:
    return number == stored or (number != number and stored != stored)


class _Measured(Formula):
    """A formula that knows its number too, so that it can tell which way a row's choice goes."""

    __slots__ = ("facts", "number")

    def __init__(self, text: str, precedence: int, number: float | None, facts: tuple[str, ...] = ()) -> None:
        super().__init__(text, precedence)
        self.number = number
        self.facts = facts

    def apply(self, operation: Operation, operands: Sequence[Any]) -> _Measured:
        """The formula of the operation, its number, and the facts that its operands rest on."""
        written = write(operation, operands)
        facts = tuple(fact for operand in operands for fact in getattr(operand, "facts", ()))
        try:
            number = operation.evaluate([_value_of(operand) for operand in operands])  # type: ignore[misc]
        except (EngineError, TypeError):
            number = math.nan  # a branch that will not be chosen
        return _Measured(written.text, written.precedence, number, facts)

    def _compare(self, symbol: str, other: Any) -> Any:
        mine, its = self.number, _value_of(other)
        if mine is None or its is None:
            return _Condition(False, ())
        holds = {"<": mine < its, "≤": mine <= its, ">": mine > its, "≥": mine >= its}[symbol]
        relation = "<" if mine < its else ">" if mine > its else "="
        text = other.text if isinstance(other, Formula) else number_text(other)
        return _Condition(holds, (f"{self.text} {relation} {text}",))


@dataclass(frozen=True, slots=True)
class _Condition:
    """Whether a comparison held, and how the two numbers really lie to one another."""

    holds: bool
    facts: tuple[str, ...]

    def __and__(self, other: _Condition | bool) -> _Condition:
        if isinstance(other, bool):
            return self.__rand__(other)
        return _Condition(self.holds and other.holds, self.facts + other.facts)

    def __or__(self, other: _Condition | bool) -> _Condition:
        if isinstance(other, bool):
            return self.__ror__(other)
        return _Condition(self.holds or other.holds, self.facts + other.facts)

    def __rand__(self, other: bool) -> _Condition:
        return _Condition(other and self.holds, self.facts)

    def __ror__(self, other: bool) -> _Condition:
        return _Condition(other or self.holds, self.facts)

    def choose(self, accepted: Any, otherwise: Any) -> _Measured:
        """The branch that is taken, and why."""
        chosen = accepted if self.holds else otherwise
        if isinstance(chosen, _Measured):
            return _Measured(chosen.text, chosen.precedence, chosen.number, self.facts + chosen.facts)
        if chosen is None:
            return _Measured(NO_PATH, CALL, None, self.facts)
        number = written_number(chosen)
        return _Measured(number.text, number.precedence, chosen, self.facts)
