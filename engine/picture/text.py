"""Pictures for a terminal: a graph as one formula, and as a tree.

>>> from engine import Value
>>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
>>> loss = (a * b + a) ** 2
>>> print(formula(loss))
(a × b + a)²
>>> print(tree(loss))
v5 = v3² = 16, grad –
├─ v3 = v2 + a = −4, grad –
│  ├─ v2 = a × b = −6, grad –
│  │  ├─ a = 2, grad –
│  │  └─ b = −3, grad –
│  └─ a, shown above
└─ 2
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from engine.formula import Formula, number_text
from engine.graph import Node, topological_order
from engine.value import Constant
from engine.wording import display_names, in_ascii, made_of, node_formula, written_number

__all__ = ["formula", "tree"]

SHOWN_OPERANDS = 10


def formula(
    root: Node,
    *,
    limit: int = 200,
    expand: bool = True,
    ascii_only: bool = False,
    variables: Mapping[Node, str] | None = None,
) -> str:
    """The whole graph as one formula in the labels of its leaves, with as few parentheses as possible.

    With `expand=False` labeled nodes inside stand there by their label alone. At most `limit` characters:
    a part that alone would be longer is written as its name (v7, by its place in topological order).
    `variables` are the names of those without a label.

    >>> from engine import Value
    >>> x = Value(2.0, label="x")
    >>> formula((x + 1) * -x / (x - 1)), formula(x**2 * 3, ascii_only=True)
    ('(x + 1) × −x ÷ (x − 1)', 'x**2 * 3')
    """
    ordered = topological_order(root)
    named = display_names(ordered, variables)
    written: dict[Node, Formula] = {}
    for node in ordered:
        if node.operation is None or (node.label and not expand and node is not root):
            constant = isinstance(node, Constant)
            part = written_number(node._data) if constant else Formula(named[node])
        else:
            part = made_of(node.operation, [written[parent] for parent in node.parents])
            if len(part.text) > limit and node is not root:
                part = Formula(named[node])
        written[node] = part
    text = written[root].text
    return _cut(in_ascii(text) if ascii_only else text, limit, ascii_only=ascii_only)


def tree(
    root: Node,
    *,
    width: int | None = None,
    ascii_only: bool = False,
    limit: int = 60,
    current: Node | None = None,
    gradients: Mapping[Node, float] | None = None,
    named: Mapping[Node, str] | None = None,
) -> str:
    """The graph as a tree from the root down to its leaves; a node used twice is drawn once.

    Of `limit` lines at most, each at most `width` characters (the terminal's width by default). With
    `current` a `>` stands before that node; `gradients` and `named` replace each node's own `grad` and
    the names by place. What is left out is counted in the last line.
    """
    width = width or shutil.get_terminal_size().columns
    ordered = topological_order(root)
    called = named or display_names(ordered)
    lines: list[str] = []
    drawn: set[Node] = set()
    waiting: list[tuple[Node | str, str, str]] = [(root, "", "")]
    while waiting and len(lines) < limit:
        node, first, rest = waiting.pop()
        mark = "" if current is None else "> " if node is current else "  "
        if isinstance(node, str):
            lines.append(mark + first + node)
            continue
        again = node in drawn and not isinstance(node, Constant)
        lines.append(mark + first + _line(node, called, gradients, again=again))
        if not again:
            drawn.add(node)
            waiting += reversed(_branches(node, rest, width))
    left = len(ordered) - len(drawn)
    if left:
        lines.append(f"… {left} more nodes; a tree of one of the nodes shows what is below it")
    shown = map(in_ascii, lines) if ascii_only else lines
    return "\n".join(_cut(line, width, ascii_only=ascii_only) for line in shown)


def _line(
    node: Node, called: Mapping[Node, str], gradients: Mapping[Node, float] | None, *, again: bool
) -> str:
    name = called[node]
    if isinstance(node, Constant):
        return name
    if again:
        return f"{name}, shown above"
    made = f" = {node_formula(node, called)}" if node.operation else ""
    gradient = node.grad if gradients is None else gradients.get(node)
    return f"{name}{made} = {number_text(node._data)}, grad {number_text(gradient)}"


def _branches(node: Node, prefix: str, width: int) -> list[tuple[Node | str, str, str]]:
    """(operand, what stands before its first line, what stands before the lines below it) for each."""
    if node.operation is None:
        return []
    operands: list[Node | str] = list(node.parents)
    if len(prefix) > width // 2:
        operands = ["…"]
    elif len(operands) > SHOWN_OPERANDS:
        operands[SHOWN_OPERANDS - 1 :] = [f"… {len(operands) - SHOWN_OPERANDS + 1} more operands"]
    last = len(operands) - 1
    return [
        (operand, prefix + ("└─ " if place == last else "├─ "), prefix + ("   " if place == last else "│  "))
        for place, operand in enumerate(operands)
    ]


def _cut(text: str, width: int, *, ascii_only: bool) -> str:
    end = "..." if ascii_only else "…"
    return text if len(text) <= width else text[: max(width - len(end), 0)] + end
