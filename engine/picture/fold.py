"""Which nodes become one box: every value its own, or a neuron, a layer, a sum; and what is near a node.

A box is a node, or the nodes folded into it; a wire is an edge, or the parallel edges between two boxes.
Ids are places in the topological order of the whole graph, so that they are the same in every process,
at every level of detail and in the records of `steps`.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.graph import Node, names, topological_order
from engine.value import Constant

__all__ = ["Box", "Folded", "Wire", "fold_values"]


@dataclass(frozen=True, slots=True)
class Box:
    """A node (`n7`), or nodes folded into one (`g7`): the last of `members` is what it hands on.

    `kind` is what it stands for: parameter, input, constant, operation, neuron, layer, …
    """

    id: str
    kind: str
    name: str
    members: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """What flows from one box to another: `ends` has (consumer, slot) of every edge it stands for."""

    id: str
    source: str
    target: str
    ends: tuple[tuple[Node, int], ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """A graph as boxes and wires, operands first; `nodes` counts the nodes of the whole graph."""

    root: Node
    detail: str
    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    nodes: int
    names: dict[Node, str]


def fold_values(root: Node) -> Folded:
    """Every node a box of its own, every operand slot a wire: `x * x` has two."""
    order = topological_order(root)
    named = names(order)
    ids = {node: f"n{place}" for place, node in enumerate(order)}
    boxes = [Box(ids[node], kind_of(node), named[node], (node,)) for node in order]
    wires = [
        Wire(f"{ids[node]}.{slot}", ids[operand], ids[node], ((node, slot),))
        for node in order
        for slot, operand in enumerate(node.parents)
    ]
    return Folded(root, "values", tuple(boxes), tuple(wires), len(order), named)


def kind_of(node: Node) -> str:
    """What a single node is in a picture; a leaf without a label is an input like any other."""
    if node.operation is not None:
        return "operation"
    return "constant" if isinstance(node, Constant) else "leaf"
