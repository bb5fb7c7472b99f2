"""A graph as source code, one line for each node and for each contribution to a gradient.

    const z = w * x;            // z = w × x
    …
    let d_w = d_z * x;          // d z/d w = x

A gradient that certainly arrives begins with its first contribution. Where it may not arrive, because every
way leads through a choice with no path, a flag r_ tells whether it did: what was not reached adds nothing
on, since its own local derivative may be infinite, and 0 times that would be nan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.formula import Formula, number_text
from engine.graph import Node
from engine.source.names import identifiers, safe
from engine.source.plan import Plan, partials_of
from engine.source.symbol import Branch, Condition, Symbol, Writer
from engine.wording import display_names, node_formula

__all__ = ["Straight", "about", "ways"]


class Straight:
    """Writes a graph line by line."""

    def __init__(self, plan: Plan, writer: Writer) -> None:
        self.plan, self.writer, self.language = plan, writer, writer.language
        self.lines: list[tuple[int, str]] = []
        self._depth = 0
        order = (*plan.given, *plan.fixed, *plan.interior)
        self._names = identifiers(order, writer.language.reserved)
        self._shown = {node: safe(name) for node, name in display_names(order).items()}
        self._sure: set[Node] = set()
        self._begun: set[Node] = set()

    def text(self, *, gradients: bool) -> str:
        """The whole file."""
        values = self.forward()
        found = None
        if gradients:
            self._put("")
            found = self.backward()
        given = ", ".join(self._shown[node] for node in self.plan.given)
        functions = self.writer.called([*(line for _, line in self.lines), *values])
        return self.language.file(about(given, gradients=gradients), functions, self.lines, values, found)

    # ── Forward ───────────────────────────────────────────────────────────────────────────────────

    def forward(self) -> list[str]:
        """Write the numbers of all nodes, and return the texts of the roots'."""
        for place, node in enumerate(self.plan.given):
            if node in self.plan.used:
                self._line("constant", self._names[node], f"leaves[{place}]", self._comment(node))
        for node in self.plan.interior:
            assert node.operation is not None  # noqa: S101  (interior)
            text = self.writer.write(node.operation, self._operands(node)).text
            needs = "" if node.operation.domain.words.startswith("a number") else node.operation.domain.words
            self._line("constant", self._names[node], text, self._made(node, needs))
        return [self._operand(root).text for root in self.plan.roots]

    def _comment(self, node: Node) -> str:
        return "" if self._shown[node] == self._names[node] else self._shown[node]

    def _made(self, node: Node, needs: str) -> str:
        name = "" if self._shown[node] == self._names[node] and not needs else f"{self._shown[node]} = "
        refuses = f"; needs {needs}, else nan" if needs else ""
        return f"{name}{safe(node_formula(node, self._shown))}{refuses}"

    def _operand(self, node: Node) -> Symbol:
        """The node in an expression: its name, or its number where it is a leaf that is not given."""
        return self.writer.of(node._data) if self._is_fixed(node) else self.writer.symbol(self._names[node])

    def _operands(self, node: Node) -> list[Any]:
        """The operands of a node for its row's formulas: those that are fixed as numbers."""
        return [p._data if self._is_fixed(p) else self._operand(p) for p in node.parents]

    def _is_fixed(self, node: Node) -> bool:
        return node.operation is None and node not in self.plan.moving

    # ── Backward ──────────────────────────────────────────────────────────────────────────────────

    def backward(self) -> list[str]:
        """Write the gradients, and return the texts of the given leaves'."""
        root = self.plan.roots[0]
        edges: dict[Node, list[tuple[Node, Any, str]]] = {}
        for node in self.plan.interior:  # what leads to no given leaf is left out, such as all below a floor
            found = [edge for edge in self._edges(node) if edge[0].operation is None or edges.get(edge[0])]
            edges[node] = found
        self._find_sure(root, edges)
        for node in reversed(self.plan.interior):
            if node is root or node in self._begun:
                self._hand_down(node, edges[node])
        return [self._gradient(leaf) for leaf in self.plan.given]

    def _edges(self, node: Node) -> Iterator[tuple[Node, Any, str]]:
        """(operand, local derivative, its comment) for each operand that wants a gradient and has a path."""
        assert node.operation is not None  # noqa: S101  (interior)
        operands = self._operands(node)
        out = self.writer.symbol(self._names[node])
        words = [
            o if isinstance(o, float) else Formula(self._shown[p])
            for p, o in zip(node.parents, operands, strict=True)
        ]
        partials = partials_of(node.operation, out, operands)
        texts = node.operation.slopes(Formula("out"), words)  # type: ignore[arg-type]
        for parent, partial, text in zip(node.parents, partials, texts, strict=True):
            if partial is not None and parent in self.plan.moving:
                yield parent, partial, f"d {self._shown[node]} by {self._shown[parent]} = {_words(text)}"

    def _find_sure(self, root: Node, edges: Mapping[Node, Sequence[tuple[Node, Any, str]]]) -> None:
        """Mark the nodes whose gradient arrives whatever is chosen."""
        self._sure = {root}
        for node in reversed(self.plan.interior):
            if node in self._sure:
                self._sure.update(operand for operand, partial, _ in edges[node] if _always(partial))

    def _hand_down(self, node: Node, contributions: Sequence[tuple[Node, Any, str]]) -> None:
        """Write what a node contributes to its operands."""
        root = node is self.plan.roots[0]
        upstream = self.writer.of(1.0) if root else self.writer.symbol(f"d_{self._names[node]}")
        guards = [] if node in self._sure else [self._flag(node)]
        for operand, partial, comment in contributions:
            self._begin(operand, at_once=not guards and _always(partial))
            self._contribute(operand, upstream, partial, guards, comment)

    def _begin(self, operand: Node, *, at_once: bool) -> None:
        """Declare an operand's gradient, unless its first contribution does."""
        if operand in self._begun or (operand in self._sure and at_once):
            return
        self._begun.add(operand)
        self._line("variable", f"d_{self._names[operand]}", self.language.number(-0.0), "")
        if operand not in self._sure:
            self._line("flag", f"r_{self._names[operand]}", "", "")

    def _contribute(
        self, operand: Node, upstream: Symbol, partial: Any, guards: list[Condition], comment: str
    ) -> None:
        """Write one contribution: a statement, inside the conditions on which there is a path."""
        if not self.language.statements.when:
            self._choose(operand, upstream, partial, guards, comment)
        elif guards:
            self._open(guards[0])
            self._contribute(operand, upstream, partial, guards[1:], comment)
            self._close()
        elif _always(partial):
            self._add(operand, upstream * partial, comment)
        else:
            self._branch(operand, upstream, partial, comment)

    def _branch(self, operand: Node, upstream: Symbol, partial: Branch, comment: str) -> None:
        """Write a choice in which a side has no path."""
        sides = [(partial.condition, partial.accepted), (partial.condition.negated, partial.otherwise)]
        paths = [(condition, side) for condition, side in sides if side is not None]
        for place, (condition, side) in enumerate(paths):
            if place:
                self._depth -= 1
                self._put(self.language.statements.otherwise.format())
                self._depth += 1
            else:
                self._open(condition)
            self._contribute(operand, upstream, side, [], comment)
        self._close()

    def _choose(
        self, operand: Node, upstream: Symbol, partial: Any, guards: list[Condition], comment: str
    ) -> None:
        """Write the contribution without statements that branch: −0.0, which changes nothing, is no path."""
        for conditions, side in ways(partial, guards):
            amount = upstream * side
            if not conditions:
                self._add(operand, amount, comment)
                continue
            holds = conditions[0]
            for condition in conditions[1:]:
                holds = holds & condition
            self._add(operand, Branch(self.writer, holds, amount, -0.0), comment)
            if operand not in self._sure:
                flag = f"r_{self._names[operand]}"
                self._line("assign", flag, f"{flag} {self.language.either} ({holds.text})", "")

    def _add(self, operand: Node, amount: Symbol, comment: str) -> None:
        name = f"d_{self._names[operand]}"
        if operand in self._begun:
            self._line("assign", name, (self.writer.symbol(name) + amount).text, comment)
        else:
            self._begun.add(operand)
            self._line("variable", name, amount.text, comment)
        if operand not in self._sure and self.language.statements.when:
            self._line("assign", f"r_{self._names[operand]}", self.language.statements.true, "")

    def _gradient(self, leaf: Node) -> str:
        if leaf is self.plan.roots[0]:
            return self.language.number(1.0)
        if leaf not in self._begun:
            return self.language.number(0.0)
        name = f"d_{self._names[leaf]}"
        if leaf in self._sure:
            return name
        return self.language.choice(self._flag(leaf).text, name, self.language.number(0.0))

    def _flag(self, node: Node) -> Condition:
        return Condition(self.writer, f"r_{self._names[node]}", 100)

    # ── Lines ─────────────────────────────────────────────────────────────────────────────────────

    def _line(self, kind: str, name: str, value: str, comment: str) -> None:
        text = getattr(self.language.statements, kind).format(name=name, value=value)
        self._put(f"{text}  {self.language.comment} {comment}" if comment else text)

    def _open(self, condition: Condition) -> None:
        self._put(self.language.statements.when.format(condition=condition.text))
        self._depth += 1

    def _close(self) -> None:
        self._depth -= 1
        if self.language.statements.end:
            self._put(self.language.statements.end.format())

    def _put(self, text: str) -> None:
        self.lines.append((self._depth, text))


def about(given: str, *, gradients: bool) -> str:
    """The first line of a file."""
    if gradients:
        return f"value_and_gradients([{given}]) returns the value and the gradient by each."
    return f"values([{given}]) returns a number for each root."


def _always(partial: Any) -> bool:
    return not isinstance(partial, Branch) or partial.always


def ways(partial: Any, conditions: list[Condition]) -> Iterator[tuple[list[Condition], Any]]:
    """Each way through the choices that has a path: (the conditions on it, the local derivative)."""
    if partial is None:
        return
    if _always(partial):
        yield conditions, partial
        return
    yield from ways(partial.accepted, [*conditions, partial.condition])
    yield from ways(partial.otherwise, [*conditions, partial.condition.negated])


def _words(partial: Any) -> str:
    return safe(partial.text if isinstance(partial, Formula) else number_text(partial))
