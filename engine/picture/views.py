"""What a page shows: the graph at one level of detail, and what each step of backprop changes in it.

A page of a small graph is one view. A network has one view of its layers, one for the inside of each
layer, and one for the inside of each neuron; in each of them the boxes take their turn in the order in
which the last of their nodes does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from engine.formula import number_text
from engine.graph import Node
from engine.picture.face import Scale, faces, rms, tone_of
from engine.picture.fold import Box, Folded, Wire, fold, inside
from engine.picture.grouping import Scan
from engine.value import Constant

__all__ = ["Change", "ContributionRecord", "Moment", "StepRecord", "Sweep", "View", "views"]

_NUMBER = re.compile(r"^step \d+:")  # a step of the graph is another step of a view
MOST_BOXES = 1600  # over all the views of a page; the neurons of a layer that would exceed it stay closed


class ContributionRecord(Protocol):
    """What a page reads of a contribution; `stepping` makes them."""

    @property
    def operand(self) -> Node:
        """The node that gets a contribution."""

    @property
    def amount(self) -> float | None:
        """The contribution; None for nothing."""

    @property
    def after(self) -> float | None:
        """Its gradient from then on."""


class StepRecord(Protocol):
    """What a page reads of a step; its text is what `str` gives."""

    @property
    def node(self) -> Node:
        """The node whose gradient is complete, and that hands it on."""

    @property
    def gradient(self) -> float | None:
        """Its gradient."""

    @property
    def contributions(self) -> Sequence[ContributionRecord]:
        """What it contributes to each of its operands."""


@dataclass(frozen=True, slots=True)
class Change:
    """A box has another gradient: the number as it is shown, and its tone and strength."""

    box: str
    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of a view: after step `number` of the graph, `box` has passed its gradient on."""

    number: int
    box: str
    wires: tuple[str, ...]
    changes: tuple[Change, ...]
    text: str


@dataclass(frozen=True, slots=True)
class View:
    """A level of detail: `name` is the path of the module that is open, `up` that of the view above."""

    name: str
    up: str
    folded: Folded
    moments: tuple[Moment, ...]
    opens: dict[str, str]


def views(scan: Scan, steps: Sequence[StepRecord], detail: str) -> list[View]:
    """The view of the whole, then one for each module that can be opened."""
    top = fold(scan, detail)
    if detail == "auto" and top.detail == "neurons":
        layers = fold(scan, "layers")
        top = layers if sum(box.kind == "layer" for box in layers.boxes) > 1 else top
    shown = {"": (top, "")}
    for box in top.boxes:
        if box.kind == "layer":
            shown[box.path] = (fold(scan, "layers", opened=[box.path]), "")
    for name, (folded, _) in list(shown.items()):
        neurons = _neurons(folded, name)
        boxes = sum(len(each.boxes) for each in [*neurons.values(), *(view for view, _ in shown.values())])
        if boxes <= MOST_BOXES:
            shown |= {path: (neuron, name) for path, neuron in neurons.items()}
    return [_view(name, up, folded, steps, shown) for name, (folded, up) in shown.items()]


def _neurons(folded: Folded, layer: str) -> dict[str, Folded]:
    """{path: the inside of each neuron that is a box}; all are opened at once, and each is cut out."""
    paths = [box.path for box in folded.boxes if box.kind == "neuron"]
    opened = fold(folded.scan, folded.detail, opened=[layer, *paths]) if paths else folded
    return {path: inside(opened, path) for path in paths}


def _view(
    name: str, up: str, folded: Folded, steps: Sequence[StepRecord], shown: Mapping[str, tuple[Folded, str]]
) -> View:
    opens = {box.id: box.path for box in folded.boxes if box.path and box.path in shown}
    told = [
        replace(moment, text=_NUMBER.sub(f"step {number}:", moment.text, count=1))
        for number, moment in enumerate(Sweep(folded).moments(steps))
    ]
    return View(name, up, folded, tuple(told), opens)


class Sweep:
    """The backward pass as one sees it from a view: which box has which gradient by now."""

    def __init__(self, folded: Folded) -> None:
        said = faces(folded)
        self._titles = {place: face.lines[0] for place, face in said.items()}
        root = folded.scan.root
        self._scale = Scale.of(said[box.id].size for box in folded.boxes if root not in box.members)
        self._box_of = {node: box for box in folded.boxes for node in box.members}
        self._into: dict[str, list[Wire]] = {box.id: [] for box in folded.boxes}
        for wire in folded.wires:
            self._into[wire.target].append(wire)
        self._handed_to = {wire.source for wire in folded.wires}
        self._root = root
        self._running: dict[Node, float | None] = {}

    def moments(self, steps: Sequence[StepRecord]) -> Iterator[Moment]:
        """One for each box that hands something on, when all of its nodes have done so."""
        last = {
            self._box_of[step.node].id: number
            for number, step in enumerate(steps)
            if step.node in self._box_of
        }
        waiting: dict[str, list[Change]] = {place: [] for place in last}
        for number, step in enumerate(steps):
            box = self._box_of.get(step.node)
            if number == 0:
                self._running[step.node] = step.gradient
                if box is not None:
                    yield Moment(0, box.id, (), (self._change(box),), str(step))
                continue
            changes = self._take(step)
            if box is None:
                continue
            waiting[box.id] += changes
            if last[box.id] == number:
                yield self._moment(number, step, box, waiting.pop(box.id))

    def _take(self, step: StepRecord) -> list[Change]:
        """Add the contributions of the step; what that changes in the boxes of one node."""
        changes = []
        for part in step.contributions:
            if part.amount is not None:
                self._running[part.operand] = part.after
                receiver = self._box_of.get(part.operand)
                if receiver is not None and len(receiver.members) == 1:
                    changes.append(self._change(receiver))
        return changes

    def _moment(self, number: int, step: StepRecord, box: Box, changes: list[Change]) -> Moment:
        """The step of one box: what has flowed over its wires, and what its operands have now."""
        used = [wire for wire in self._into[box.id] if any(c.partials[s] is not None for c, s in wire.ends)]
        sources = {self._box_of[wire.ends[0][0].parents[wire.ends[0][1]]]: None for wire in used}
        if (
            box.id not in self._handed_to and self._root not in box.members
        ):  # its gradient came from boxes that are not shown
            changes = [self._change(box), *changes]
        many = [self._change(source) for source in sources if len(source.members) > 1]
        if len(box.members) == 1:
            return Moment(number, box.id, tuple(wire.id for wire in used), (*changes, *many), str(step))
        latest = list({change.box: change for change in changes}.values())
        text = self._told(box, {source.id: source for source in sources}, [*many, *latest])
        return Moment(number, box.id, tuple(wire.id for wire in used), (*latest, *many), text)

    def _change(self, box: Box) -> Change:
        """The gradient of a box as it is now."""
        gradients = [self._running.get(node) for node in box.outputs or box.members]
        size = gradients[0] if len(gradients) == 1 else rms(gradients)
        tone = tone_of(*gradients)
        strength = f" s{self._scale.level(size)}" if tone in ("positive", "negative", "mixed") else ""
        return Change(box.id, number_text(size), tone + strength)

    def _told(self, box: Box, sources: dict[str, Box], changes: list[Change]) -> str:
        """The step of a box of many nodes in words: what it contributes, and to which boxes."""
        size = number_text(rms([self._running.get(node) for node in box.outputs]))
        title = self._titles[box.id]
        lines = [f"step 0: {title}: the gradients of {len(box.outputs)} nodes are complete, rms {size}"]
        parameters = [n for n in box.members if n.operation is None and not isinstance(n, Constant)]
        if parameters:
            moved = number_text(rms([self._running.get(node) for node in parameters]))
            lines.append(f"  gradient of its {len(parameters)} parameters: rms {moved}")
        for change in changes:
            if change.box in sources:
                word = "grad rms" if len(sources[change.box].members) > 1 else "grad"
                lines.append(f"  {self._titles[change.box]}: {word} now {change.text}")
        return "\n".join(lines)
