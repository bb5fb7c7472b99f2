"""Which nodes become one box: every value its own, or a neuron, a layer; and what is near a node.

A box is a node, or the nodes folded into it; a wire is an edge, or the parallel edges between two boxes.
Ids are places in the topological order of the whole graph, so that they are the same in every process,
at every level of detail and in the records of `steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, replace

from engine.graph import Node
from engine.picture.grouping import Scan, folded_keys
from engine.value import Constant
from engine.wording import short_name

__all__ = ["DETAILS", "Box", "Folded", "Wire", "fold", "inside", "near"]

DETAILS = ("auto", "values", "neurons", "layers")
READABLE = {"values": 150, "neurons": 80}  # "auto" takes the first detail with at most so many boxes …
WIRES = 600  # … and wires
RUN = 4  # so many operations in a row, without labels, become one box


@dataclass(frozen=True, slots=True)
class Box:
    """A node (`n7`), or nodes folded into one (`g7`, after the last of its `members`).

    `kind` is what it stands for: leaf, constant, operation; neuron, layer; repeated (the same node of
    many samples), sum, run. `outputs` are the members that others use, `path` is the module's.
    """

    id: str
    kind: str
    name: str
    members: tuple[Node, ...]
    outputs: tuple[Node, ...]
    path: str = ""


@dataclass(frozen=True, slots=True)
class Wire:
    """What flows from one box to another: `ends` has (consumer, slot) of every edge it stands for."""

    id: str
    source: str
    target: str
    ends: tuple[tuple[Node, int], ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """A graph as boxes and wires, operands first; `scan` knows the whole graph, whatever is shown of it."""

    scan: Scan
    detail: str
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]

    @property
    def nodes(self) -> int:
        """How many nodes the whole graph has."""
        return len(self.scan.order)


def fold(scan: Scan, detail: str = "auto", *, opened: Collection[str] = ()) -> Folded:
    """A graph in boxes; a module whose path is in `opened` shows what is inside.

    "auto" is values for up to 150 nodes, else neurons where those are at most 80 boxes, else layers.
    ValueError for another detail.

    >>> from engine import Value
    >>> [box.id for box in fold(Scan(Value(2.0, label="a") * 3.0)).boxes]
    ['n0', 'n1', 'n2']
    """
    if detail not in DETAILS:
        raise ValueError(f"detail is one of {', '.join(map(repr, DETAILS))}; got {detail!r}")
    if detail == "values" or (detail == "auto" and len(scan.order) <= READABLE["values"]):
        return _boxed(scan, "values", {node: place for place, node in enumerate(scan.order)})
    if detail != "layers":
        folded = _folded(scan, "neurons", opened)
        is_readable = len(folded.boxes) <= READABLE["neurons"] and len(folded.wires) <= WIRES
        if detail == "neurons" or is_readable:
            return folded
    return _folded(scan, "layers", opened)


def _folded(scan: Scan, detail: str, opened: Collection[str]) -> Folded:
    boxed = _boxed(scan, detail, folded_keys(scan, detail, opened))
    return _without_runs(_without_exponents(boxed))


def _boxed(scan: Scan, detail: str, keys: dict[Node, Hashable]) -> Folded:
    """The quotient of the graph by equal keys."""
    members: dict[Hashable, list[Node]] = {}
    for node in scan.order:
        members.setdefault(keys[node], []).append(node)
    boxes = {key: _box(scan, keys, key, nodes) for key, nodes in members.items()}
    wires = _wires(scan, lambda node: boxes[keys[node]])
    return Folded(scan, detail, tuple(boxes.values()), wires)


def _box(scan: Scan, keys: dict[Node, Hashable], key: Hashable, members: list[Node]) -> Box:
    last = members[-1]
    kind, name, path = kind_of(last), scan.name_of(members), ""
    if isinstance(key, tuple) and key[0] == "module":
        _, kind, path = key
        name = short_name(path)
    elif len(members) > 1:
        kind = "sum" if isinstance(key, tuple) and key[0] == "sum" else "repeated"
    outputs = [
        node
        for node in members
        if node is scan.root or any(keys[user] != key for user in scan.consumers[node])
    ]
    letter = "n" if len(members) == 1 else "g"
    return Box(f"{letter}{scan.place[last]}", kind, name, tuple(members), tuple(outputs), path)


def _wires(scan: Scan, box_of: Callable[[Node], Box]) -> tuple[Wire, ...]:
    """One wire for all the edges between two boxes: `a * a` has one from a, which stands for two uses."""
    ends: dict[tuple[str, str], list[tuple[Node, int]]] = {}
    for node in scan.order:
        target = box_of(node)
        for slot, operand in enumerate(node.parents):
            source = box_of(operand)
            if source is not target:
                ends.setdefault((source.id, target.id), []).append((node, slot))
    counts: dict[str, int] = {}
    wires = []
    for (source_id, target_id), edges in ends.items():
        number = counts[target_id] = counts.get(target_id, -1) + 1
        slot = edges[0][1] if target_id.startswith("n") else number
        wires.append(Wire(f"{target_id}.{slot}", source_id, target_id, tuple(edges)))
    return tuple(wires)


def kind_of(node: Node) -> str:
    """What a single node is in a picture."""
    if node.operation is not None:
        return "operation"
    return "constant" if isinstance(node, Constant) else "leaf"


def _without_exponents(folded: Folded) -> Folded:
    """Without the boxes of equal constants that one operation alone uses: its formula shows the number."""
    users: dict[str, set[str]] = {}
    for wire in folded.wires:
        users.setdefault(wire.source, set()).add(wire.target)
    kinds = {box.id: box.kind for box in folded.boxes}

    def is_shown_in_formula(box: Box) -> bool:
        equal = all(type(node) is Constant and node.data == box.members[0]._data for node in box.members)
        return (
            equal
            and {kinds[user] for user in users.get(box.id, ())} <= {"operation", "repeated"}
            and (len(users.get(box.id, ())) == 1)
        )

    return _keeping(folded, [box for box in folded.boxes if not is_shown_in_formula(box)])


def _keeping(folded: Folded, boxes: Iterable[Box]) -> Folded:
    kept = {box.id: box for box in boxes}
    wires = tuple(wire for wire in folded.wires if wire.source in kept and wire.target in kept)
    return replace(folded, boxes=tuple(kept.values()), wires=wires)


def _without_runs(folded: Folded) -> Folded:
    """With operations that follow one another, and nothing else, in one box from RUN of them on."""
    boxes = {box.id: box for box in folded.boxes}
    before: dict[str, set[str]] = {box.id: set() for box in folded.boxes}
    after: dict[str, set[str]] = {box.id: set() for box in folded.boxes}
    for wire in folded.wires:
        if boxes[wire.source].members[-1].operation is not None:
            before[wire.target].add(wire.source)
            after[wire.source].add(wire.target)
    run_of: dict[str, list[Box]] = {}
    for box in folded.boxes:
        if not _is_plain(box, folded):
            continue
        previous = next(iter(before[box.id])) if len(before[box.id]) == 1 else ""
        if previous in run_of and after[previous] == {box.id}:
            run_of[box.id] = run_of[previous]
        else:
            run_of[box.id] = []
        run_of[box.id].append(box)
    long = [run for run in {id(run): run for run in run_of.values()}.values() if len(run) >= RUN]
    return _merged(folded, long) if long else folded


def _is_plain(box: Box, folded: Folded) -> bool:
    """Whether a box is an operation that nobody named and that is not the root."""
    root = folded.scan.root
    is_operation = box.kind in ("operation", "repeated") and box.members[0].operation is not None
    return is_operation and not box.members[-1].label and root not in box.members


def _merged(folded: Folded, runs: list[list[Box]]) -> Folded:
    box_of = {node: box for box in folded.boxes for node in box.members}
    for run in runs:
        members = tuple(node for box in run for node in box.members)
        last = run[-1]
        whole = Box(f"g{folded.scan.place[members[-1]]}", "run", last.name, members, last.outputs)
        box_of |= dict.fromkeys(members, whole)
    shown = {box_of[node].id: box_of[node] for box in folded.boxes for node in box.members}
    hidden = Box("", "", "", (), ())
    wires = _wires(folded.scan, lambda node: box_of.get(node, hidden))
    return replace(
        folded,
        boxes=tuple(shown.values()),
        wires=tuple(wire for wire in wires if wire.source),
    )


def near(folded: Folded, focus: Node | str, radius: int) -> Folded:
    """What lies within so many wires of the box with this node, or with this label, either way.

    ValueError where the graph has no such node.
    """
    centers = {box.id for box in folded.boxes if _is_at(box, focus, folded.scan)}
    if not centers:
        known = ", ".join(dict.fromkeys(box.name for box in folded.boxes[-5:]))
        raise ValueError(f"focus {focus!r} is not in this graph; some that are: {known}")
    return _around(folded, centers, radius)


def inside(folded: Folded, path: str) -> Folded:
    """What an opened module is made of, and the boxes that it is connected with."""
    paths = folded.scan.paths
    own = {box.id for box in folded.boxes if path in paths.get(box.members[0], ())}
    return _around(folded, own, 1)


def _around(folded: Folded, reached: set[str], radius: int) -> Folded:
    neighbors: dict[str, set[str]] = {box.id: set() for box in folded.boxes}
    for wire in folded.wires:
        neighbors[wire.source].add(wire.target)
        neighbors[wire.target].add(wire.source)
    for _ in range(min(radius, len(folded.boxes))):  # no way is longer
        reached = reached.union(*(neighbors[one] for one in reached))
    return _keeping(folded, [box for box in folded.boxes if box.id in reached])


def _is_at(box: Box, focus: Node | str, scan: Scan) -> bool:
    if isinstance(focus, str):
        called = (name for node in box.members for name in (node.label, scan.names[node]))
        return focus in (box.name, box.path, *called)
    return any(node is focus for node in box.members)
