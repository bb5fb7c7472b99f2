"""What a box says: its lines, its tooltip with every digit, and the sign and size of its gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.formula import Formula, number_text
from engine.graph import Marks, Node
from engine.ops import norm
from engine.picture.fold import Box, Folded, Wire
from engine.picture.grouping import Scan, module_paths
from engine.value import Constant
from engine.wording import made_of, node_formula, short_name

__all__ = ["Face", "Scale", "faces", "flow", "rms", "tone_of", "wire_tooltip"]

LONGEST = 34  # characters in a line of a box
FEW = 3  # so many operands are named, of more the number is given
LEVELS = 4  # strengths of color, besides the faintest


@dataclass(frozen=True, slots=True)
class Face:
    """The text of a box. `tone` is positive, negative, zero, mixed, broken or none; `level` 0 to 4.

    `size` is the gradient that the tone and the level stand for: of many nodes the root mean square.
    """

    lines: tuple[str, ...]
    tooltip: str
    tone: str
    size: float | None
    level: int = 0


@dataclass(frozen=True, slots=True)
class Scale:
    """How strong a gradient looks beside the largest finite one of the picture."""

    largest: float

    @classmethod
    def of(cls, gradients: Iterable[float | None]) -> Scale:
        """The scale on which the largest of these is the strongest."""
        return cls(max((abs(g) for g in gradients if g is not None and math.isfinite(g)), default=0.0))

    def strength(self, gradient: float) -> float:
        """0 to 1, by the square root, so that a hundredth of the largest is still seen."""
        if not math.isfinite(gradient):
            return 1.0
        return min(1.0, abs(gradient) / self.largest) ** 0.5 if self.largest else 0.0

    def level(self, gradient: float | None) -> int:
        """The strength as one of the few shades of a color."""
        return 0 if gradient is None else round(self.strength(gradient) * LEVELS)


def faces(folded: Folded, marks: Marks | None = None) -> dict[str, Face]:
    """{id: what the box says}, the strongest color for the largest gradient; or as the marks have it."""
    formulas = _formulas(folded)
    plain = {box.id: _face(box, formulas.get(box.id, ""), folded) for box in folded.boxes}
    if marks is not None:
        return {box.id: _marked(plain[box.id], box, marks) for box in folded.boxes}
    root = folded.scan.root  # its gradient is always 1, beside which all others may look faint
    scale = Scale.of(plain[box.id].size for box in folded.boxes if root not in box.members)
    return {
        place: Face(face.lines, face.tooltip, face.tone, face.size, scale.level(face.size))
        for place, face in plain.items()
    }


def _marked(face: Face, box: Box, marks: Marks) -> Face:
    """The face with what is said about its node, of many about the worst; blue is good, orange is bad."""
    if box.kind == "constant":
        return face
    worst = min(box.members, key=marks.share)
    share = marks.share(worst)
    tone, level = ("positive" if share >= 0.5 else "negative"), round(abs(2.0 * share - 1.0) * LEVELS)
    lines, tooltip = (*face.lines, marks.short(worst)), f"{face.tooltip}; {marks.words(worst)}"
    return Face(lines, tooltip, tone, face.size, level)


def tone_of(*gradients: float | None) -> str:
    """The word for the sign of gradients, which is also a class in the SVG."""
    known = [gradient for gradient in gradients if gradient is not None]
    if not known:
        return "none"
    if not all(map(math.isfinite, known)):
        return "broken"
    signs = {(gradient > 0) - (gradient < 0) for gradient in known} - {0}
    if not signs:
        return "zero"
    return "mixed" if len(signs) > 1 else "positive" if 1 in signs else "negative"


def rms(numbers: Sequence[float | None]) -> float | None:
    """The size of several gradients together; None where none was computed."""
    known = [number for number in numbers if number is not None]
    return norm.evaluate(known) / len(known) ** 0.5 if known else None


def cut(text: str, longest: int = LONGEST) -> str:
    """The text on one line, with an ellipsis where it is too long for a box."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def counted(number: int, thing: str) -> str:
    """1 neuron, 2 neurons."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


# ── One node ──────────────────────────────────────────────────────────────────────────────────────


def _face(box: Box, formula: str, folded: Folded) -> Face:
    if len(box.members) > 1:
        return _face_of_many(box, formula, folded.scan)
    node, gradient = box.members[0], folded.scan.grad(box.members[0])
    if box.kind == "constant":
        return Face((number_text(node._data),), f"constant {node._data!r}", "none", None)
    numbers = (f"data {number_text(node._data)}", f"grad {number_text(gradient)}")
    made = f" = {cut(node_formula(node, folded.scan.names), 200)}" if node.operation else ""
    tooltip = f"{node.label or box.name}{made}: data {node._data!r}, gradient {_digits(gradient)}"
    return Face((_title(box.name, formula, node), *numbers), tooltip, tone_of(gradient), gradient)


def _digits(gradient: float | None) -> str:
    return "not computed" if gradient is None else repr(gradient)


def _title(name: str, formula: str, node: Node) -> str:
    """`d = a × b`, or where that is too long `d = dot of 33`."""
    if not formula or len(name) + 3 + len(formula) <= LONGEST:
        return cut(f"{name} = {formula}" if formula else name)
    made = node.operation.name if node.operation else "leaf"
    return cut(f"{name} = {made} of {len(node.parents)}")


# ── Many nodes in one box ─────────────────────────────────────────────────────────────────────────


def _face_of_many(box: Box, formula: str, scan: Scan) -> Face:
    shown = box.outputs or box.members
    gradients = [scan.grad(node) for node in shown]
    size = rms(gradients)
    lines = [*_headline(box, formula), _range(box, shown)]
    tooltip = f"{box.path or cut(formula or box.name, 200)}: {len(box.members)} nodes, {lines[-1]}"
    if not all(isinstance(node, Constant) for node in box.members):
        only = gradients[0] if len(shown) == 1 else size
        lines.append(f"{'grad' if len(shown) == 1 else 'grad rms'} {number_text(only)}")
        tooltip += f", gradient {_digits(only)}"
    parameters = _parameters(box)
    if parameters and box.path:
        moved = rms([scan.grad(parameter) for parameter in parameters])
        tooltip += f"; {len(parameters)} parameters, gradient rms {number_text(moved)}"
    return Face(tuple(lines), tooltip, tone_of(*gradients), size)


def _headline(box: Box, formula: str) -> list[str]:
    times = _times(box)
    if box.kind == "layer":
        parameters = _parameters(box)
        neurons = len({module_paths(node.label)[1] for node in parameters})
        return [f"layer {box.name}", f"{counted(neurons, 'neuron')}{times}", f"{len(parameters)} parameters"]
    if box.kind == "neuron":
        return [f"{box.name}{times}", cut(_operations(box))]
    if box.kind == "run":
        return [f"{len(box.members)} operations in a row", cut(_operations(box))]
    if box.kind == "sum":
        return [cut(formula or box.name), f"by {len(box.members)} additions"]
    named = box.members[-1].label and formula
    return [cut(f"{box.name} = {formula}" if named else formula or box.name), f"×{len(box.members)}"]


def _times(box: Box) -> str:
    """How many samples went through: how often the same label came out."""
    labels = [node.label for node in box.outputs]
    times = max((labels.count(label) for label in dict.fromkeys(labels)), default=1)
    return f" ×{times}" if times > 1 else ""


def _parameters(box: Box) -> list[Node]:
    return [node for node in box.members if node.operation is None and not isinstance(node, Constant)]


def _operations(box: Box) -> str:
    """The operations inside in the order in which they are first met: dot → tanh."""
    return " → ".join(dict.fromkeys(node.operation.name for node in box.members if node.operation))


def _range(box: Box, shown: Sequence[Node]) -> str:
    word = "out" if box.kind in ("neuron", "layer") else "data"
    numbers = [node._data for node in shown]
    low, high = number_text(min(numbers)), number_text(max(numbers))
    return f"{word} {low}" if low == high else f"{word} {low} … {high}"


# ── Formulas in the names of boxes ────────────────────────────────────────────────────────────────


def _formulas(folded: Folded) -> dict[str, str]:
    """{id: how the box's last node was made}; what has no name is written out while it is short."""
    box_of = {node: box for box in folded.boxes for node in box.members}
    written: dict[str, Formula] = {}
    texts: dict[str, str] = {}
    for box in folded.boxes:
        node = box.members[-1]
        if node.operation is None or box.kind in ("neuron", "layer", "run"):
            continue
        if box.kind == "operation" and folded.detail == "values":
            texts[box.id] = node_formula(node, folded.scan.names)
            continue
        names = [_operand(same, box_of, written) for same in _operands(box, box_of)]
        if box.kind == "sum" or node.operation.arity is None:
            made = _made_of_many("sum" if box.kind == "sum" else node.operation.name, names)
        else:
            made = made_of(node.operation, names)
        texts[box.id] = made.text
        if len(box.members) > 1 and not node.label and len(made.text) <= LONGEST - 8:
            written[box.id] = made
    return texts


def _made_of_many(what: str, names: Sequence[Formula]) -> Formula:
    distinct = list(dict.fromkeys(name.text for name in names))
    return Formula(f"{what} of {', '.join(distinct) if len(distinct) <= FEW else len(names)}")


def _operands(box: Box, box_of: dict[Node, Box]) -> list[list[Node]]:
    """The operands of a box, each with its like in all of the members."""
    if box.kind == "sum":
        return [[each] for node in box.members for each in node.parents if box_of.get(each) is not box]
    slots = range(len(box.members[-1].parents))
    return [[node.parents[slot] for node in box.members if slot < len(node.parents)] for slot in slots]


def _operand(same: list[Node], box_of: dict[Node, Box], written: dict[str, Formula]) -> Formula:
    """The name of an operand: its box's, or where these are several neurons their layer's."""
    last = same[-1]
    box = box_of.get(last)
    if box is None or box.kind == "constant":
        return Formula(number_text(last._data), 15 if last._data < 0 else 100)
    if box.kind == "neuron" and any(box_of.get(node) is not box for node in same):
        return Formula(short_name(module_paths(box.path)[0]))
    return written.get(box.id, Formula(box.name))


# ── Edges ─────────────────────────────────────────────────────────────────────────────────────────


def contribution(consumer: Node, slot: int, scan: Scan) -> float | None:
    """What flows back over one edge: the consumer's gradient times its local derivative.

    None where a gradient was not computed or no path leads.
    """
    partial, gradient = consumer.partials[slot], scan.grad(consumer)
    return None if partial is None or gradient is None else gradient * partial


def flow(wire: Wire, scan: Scan) -> list[float | None]:
    """What flows back over each edge of a wire."""
    return [contribution(consumer, slot, scan) for consumer, slot in wire.ends]


def wire_tooltip(wire: Wire, folded: Folded) -> str:
    """What one edge carries, with every digit; for parallel edges how many they are."""
    users = {(consumer, consumer.parents[slot]) for consumer, slot in wire.ends}
    if len(users) < len(wire.ends) and len(users) == 1:
        return _uses(wire, folded)
    if len(wire.ends) > 1:
        size = rms(flow(wire, folded.scan))
        carries = "" if size is None else f", contributions rms {size!r}"
        return f"{len(wire.ends)} edges{carries}"
    consumer, slot = wire.ends[0]
    names, partial = folded.scan.names, consumer.partials[slot]
    way = f"{names[consumer.parents[slot]]} is operand {slot + 1} of {names[consumer]}"
    if partial is None:
        return f"{way}; no gradient flows here"
    amount = contribution(consumer, slot, folded.scan)
    brings = "" if amount is None else f", contribution {amount!r}"
    return f"{way}; local derivative {partial!r}{brings}"


def _uses(wire: Wire, folded: Folded) -> str:
    """What one operand of several slots of one node, such as a in `a * a`, is handed over all of them."""
    consumer, slot = wire.ends[0]
    names = folded.scan.names
    way = f"{names[consumer.parents[slot]]} is used {len(wire.ends)} times by {names[consumer]}"
    partials = [partial for end, slot in wire.ends if (partial := end.partials[slot]) is not None]
    amounts = [amount for amount in flow(wire, folded.scan) if amount is not None]
    if not partials:
        return f"{way}; no gradient flows here"
    brings = f", contribution {sum(amounts)!r}" if amounts else ""
    return f"{way}; local derivatives {', '.join(map(repr, partials))}{brings}"
