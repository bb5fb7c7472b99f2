"""What a box says: its lines, its tooltip with every digit, and the sign and size of its gradient."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.formula import Formula, number_text, write
from engine.graph import Node
from engine.picture.fold import Box, Folded, Wire
from engine.value import Constant

__all__ = ["Face", "Scale", "box_face", "contribution", "short_name", "wire_tooltip"]

LONGEST = 34  # characters in a line of a box
LEVELS = 4  # strengths of color, besides the faintest

_SHORT = (
    (re.compile(r"\blayers\[(\d+)\]"), r"l\1"),
    (re.compile(r"\bneurons\[(\d+)\]"), r"n\1"),
    (re.compile(r"\bweights\[(\d+)\]$"), r"w[\1]"),
    (re.compile(r"\.bias$"), ".b"),
)


@dataclass(frozen=True, slots=True)
class Face:
    """The text of a box. `tone` is positive, negative, zero, mixed, broken or none; `level` 0 to 4."""

    lines: tuple[str, ...]
    tooltip: str
    tone: str
    level: int


@dataclass(frozen=True, slots=True)
class Scale:
    """How strong a gradient looks beside the largest finite one of the picture."""

    largest: float

    @classmethod
    def of(cls, gradients: Iterable[float | None]) -> Scale:
        """The scale on which the largest of these is the strongest."""
        finite = [abs(g) for g in gradients if g is not None and math.isfinite(g)]
        return cls(max(finite, default=0.0))

    def strength(self, gradient: float) -> float:
        """0 to 1, by the square root, so that a hundredth of the largest is still seen."""
        if not math.isfinite(gradient):
            return 1.0
        return math.sqrt(abs(gradient) / self.largest) if self.largest else 0.0

    def level(self, gradient: float | None) -> int:
        """The strength as one of the few shades of a color."""
        return 0 if gradient is None else round(self.strength(gradient) * LEVELS)


def tone_of(gradient: float | None) -> str:
    """The word for a gradient's sign, which is also its class in the SVG."""
    if gradient is None:
        return "none"
    if not math.isfinite(gradient):
        return "broken"
    return "positive" if gradient > 0 else "negative" if gradient < 0 else "zero"


def short_name(label: str) -> str:
    """A module path as it is shown; any other label as it is.

    >>> short_name("layers[0].neurons[3].weights[1]"), short_name("loss")
    ('l0.n3.w[1]', 'loss')
    """
    for pattern, short in _SHORT:
        label = pattern.sub(short, label)
    return label


def cut(text: str, longest: int = LONGEST) -> str:
    """The text on one line, with an ellipsis where it is too long for a box."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def box_face(box: Box, folded: Folded, scale: Scale) -> Face:
    """What a box of one node says: its name and formula, its number, its gradient."""
    node = box.members[-1]
    name = cut(short_name(box.name))
    if box.kind == "constant":
        return Face((number_text(node._data),), f"constant {node._data!r}", "none", 0)
    title = name
    if node.operation is not None:
        title = _titled(name, node, folded)
    lines = (title, f"data {number_text(node._data)}", f"grad {number_text(node.grad)}")
    return Face(lines, node_tooltip(node, box.name, folded), tone_of(node.grad), scale.level(node.grad))


def _titled(name: str, node: Node, folded: Folded) -> str:
    made = formula(node, folded)
    if len(name) + 3 + len(made) <= LONGEST:
        return f"{name} = {made}"
    return cut(f"{name} = {operation_words(node)}")


def operation_words(node: Node) -> str:
    """The operation in a word or two, where the whole formula is too long.

    >>> from engine import Value, dot
    >>> operation_words(dot([Value(1.0), Value(2.0)], [3.0, 4.0]))
    'dot of 4 operands'
    """
    operation = node.operation
    if operation is None:
        return "a leaf"
    return f"{operation.name} of {len(node.parents)} operands" if operation.arity is None else operation.name


def formula(node: Node, folded: Folded) -> str:
    """How the node was made, in the names of its operands; constants by their number."""
    assert node.operation is not None  # noqa: S101  (asked of computed nodes alone)
    return write(node.operation, operands_of(node, folded)).text


def operands_of(node: Node, folded: Folded) -> list[Formula | float]:
    """The operands as a formula wants them: numbers for constants, else short names."""
    return [
        parent._data if is_constant(parent) else Formula(cut(short_name(folded.names[parent]), 20))
        for parent in node.parents
    ]


def is_constant(node: Node) -> bool:
    return isinstance(node, Constant)


def contribution(consumer: Node, slot: int) -> float | None:
    """What flows back over one edge: the consumer's gradient times its local derivative.

    None where a gradient was not computed or no path leads.
    """
    partial = consumer.partials[slot]
    if consumer.grad is None or partial is None:
        return None
    return consumer.grad * partial


def node_tooltip(node: Node, name: str, folded: Folded) -> str:
    """One sentence with every digit, and with the whole label."""
    made = "" if node.operation is None else f" = {cut(formula(node, folded), 200)}"
    gradient = "not computed" if node.grad is None else repr(node.grad)
    return f"{name}{made}: data {node._data!r}, gradient {gradient}"


def wire_tooltip(wire: Wire, folded: Folded) -> str:
    """What one edge carries, with every digit; for parallel edges how many they are."""
    consumer, slot = wire.ends[0]
    if len(wire.ends) > 1:
        return f"{len(wire.ends)} edges"
    partial = consumer.partials[slot]
    way = f"{folded.names[consumer.parents[slot]]} is operand {slot + 1} of {folded.names[consumer]}"
    if partial is None:
        return f"{way}; no gradient flows here"
    amount = contribution(consumer, slot)
    brings = "" if amount is None else f", contribution {amount!r}"
    return f"{way}; local derivative {partial!r}{brings}"
