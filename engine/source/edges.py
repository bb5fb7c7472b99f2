"""A graph for a page whose numbers move: each node's number, each edge's local derivative and its words.

The script of the page does the rest: the chain rule is six lines, and a step of backprop the same, stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.formula import Formula, number_text, write
from engine.frozen import frozen
from engine.graph import Node, topological_order
from engine.operation import CALL, Operation
from engine.source.languages import LANGUAGES
from engine.source.symbol import Symbol, Writer

__all__ = ["Edges", "edges"]

NO_PATH = "no path"


@frozen
class Edges:
    """JavaScript for a page, and the words for its edges.

    `script` defines `run(v, p)`, which computes the nodes' numbers `v`, by their places in topological order,
    and the edges' local derivatives `p`, null for no path. `words` has for each edge the text of its local
    derivative; where the row chooses between several, None, and the script's `told[edge](v)` returns
    [text, condition].
    """

    script: str
    words: tuple[str | None, ...]


def edges(root: Node, names: Mapping[Node, str]) -> Edges:
    """The script and the words of a graph, whose nodes are called by these names.

    Raises GraphError for an operation that has no formula in JavaScript.
    """
    order = topological_order(root)
    place = {node: number for number, node in enumerate(order)}
    writer = Writer(LANGUAGES["js"])
    lines: list[str] = []
    words: list[str | None] = []
    told: list[str] = []
    for node in order:
        if node.operation is None:
            continue
        operands = [_operand(writer, parent, place, names) for parent in node.parents]
        codes = [_code(operand) for operand in operands]
        lines.append(f"v[{place[node]}] = {writer.write(node.operation, codes).text};")
        out = Told(writer.symbol(f"v[{place[node]}]"), "out")
        partials: Sequence[Any] = node.operation.slopes(out, operands)  # type: ignore[arg-type]
        for parent, partial in zip(node.parents, partials, strict=True):
            known = None if parent.is_constant else partial
            lines.append(f"p[{len(words)}] = {_value(writer, known)};")
            if isinstance(known, Choice):
                told.append(f"{len(words)}: v => {known.narration()}")
            words.append(None if isinstance(known, Choice) else _words(known))
    body = "\n".join(lines)
    script = [*writer.called([body, *told]), f"function run(v, p) {{\n{body}\n}}"]
    script.append("const told = {" + ",\n".join(told) + "};")
    return Edges("\n".join(script), tuple(words))


def _operand(writer: Writer, node: Node, place: Mapping[Node, int], names: Mapping[Node, str]) -> Any:
    return node._data if node.is_constant else Told(writer.symbol(f"v[{place[node]}]"), names[node])


def _code(operand: Any) -> Any:
    return operand.code if isinstance(operand, Told) else operand


def _value(writer: Writer, partial: Any) -> str:
    return writer.language.missing if partial is None else writer.of(_code(partial)).text


def _words(partial: Any) -> str:
    if partial is None:
        return NO_PATH
    return partial.text if isinstance(partial, Told) else number_text(partial)


class Told(Formula):
    """An expression in words, and the same in code, so that a choice can be told when it is made."""

    __slots__ = ("code",)

    def __init__(self, code: Symbol, text: str, precedence: int = CALL) -> None:
        super().__init__(text, precedence)
        self.code = code

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Told:
        """The operation in both."""
        words = write(operation, operands)
        code = self.code.writer.write(operation, [_code(operand) for operand in operands])
        return Told(code, words.text, words.precedence)

    def _compare(self, symbol: str, other: Any) -> Any:
        condition = self.code._compare(symbol, _code(other))
        number = self.code.writer.of(_code(other)).text
        fact = f"fact({json.dumps(self.text)}, {self.code.text}, {json.dumps(_words(other))}, {number})"
        return Facts(condition, (fact,))


@dataclass(frozen=True, slots=True)
class Facts:
    """A condition in code, and what to say of it: how the numbers really lie to one another."""

    condition: Any
    facts: tuple[str, ...]

    def __and__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return self if other else False
        return Facts(self.condition & other.condition, self.facts + other.facts)

    def __or__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return True if other else self
        return Facts(self.condition | other.condition, self.facts + other.facts)

    __rand__ = __and__
    __ror__ = __or__

    def choose(self, accepted: Any, otherwise: Any) -> Choice:
        """Both sides, of which the page will show one."""
        return Choice(self, accepted, otherwise)


class Choice(Told):
    """A choice that is made when the numbers are known."""

    __slots__ = ("facts", "sides")

    def __init__(self, facts: Facts, accepted: Any, otherwise: Any) -> None:
        code = facts.condition.choose(_code(accepted), _code(otherwise))
        words = [_words(side) for side in (accepted, otherwise)]
        super().__init__(code, f"{words[0]} if {facts.condition.text} else {words[1]}", 0)
        self.facts, self.sides = facts, (accepted, otherwise)

    def narration(self, sofar: tuple[str, ...] = ()) -> str:
        """Code for [text, condition] of the side that is taken."""
        facts = (*sofar, *self.facts.facts)
        first, second = (
            side.narration(facts)
            if isinstance(side, Choice)
            else f"[{json.dumps(_words(side))}, all({', '.join(facts)})]"
            for side in self.sides
        )
        return f"{self.facts.condition.text} ? {first} : {second}"
