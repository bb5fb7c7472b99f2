"""Which nodes belong together: by label to a neuron and a layer, by structure to the same role.

The labels are the module paths that `nn` gives: everything whose label is, or begins with,
`layers[0].neurons[3]` belongs to that neuron. What has no such label, the loss after the network, is
folded by structure: the same operation on the same boxes is one box, however many samples there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import TypeAlias

from engine.graph import Node, topological_order
from engine.ops import add, dot
from engine.wording import display_names, short_name

__all__ = ["Scan", "folded_keys", "module_paths"]

MANY_INPUTS = 12  # with more inputs than that, they are one box

Keys: TypeAlias = dict[Node, Hashable]

_LAYER = re.compile(r"(?:.+\.)?layers\[\d+\](?=\.|$)")
_NEURON = re.compile(r"(?:.+\.)?neurons\[\d+\](?=\.|$)")


def module_paths(label: str) -> tuple[str, str]:
    """(path of the layer, path of the neuron) that a label belongs to; "" for none.

    >>> module_paths("layers[0].neurons[3].weights[1]"), module_paths("layers[1].scale")
    (('layers[0]', 'layers[0].neurons[3]'), ('layers[1]', ''))
    >>> module_paths("neurons[2].bias"), module_paths("loss")
    (('neurons', 'neurons[2]'), ('', ''))
    """
    if "[" not in label:
        return "", ""
    neuron = _NEURON.match(label)
    layer = _LAYER.match(label)
    if neuron is None:
        return (layer[0] if layer else ""), ""
    return (layer[0] if layer else "neurons"), neuron[0]


class Scan:
    """A graph looked at once: its nodes in order, their places, users, names, modules and gradients.

    The gradients are those that backward left in the nodes, or others that are given.
    """

    def __init__(self, root: Node, gradients: Mapping[Node, float | None] | None = None) -> None:
        self._gradients = gradients
        self.order = topological_order(root)
        self.place = {node: place for place, node in enumerate(self.order)}
        self.names = display_names(self.order)
        self.consumers: dict[Node, list[Node]] = {node: [] for node in self.order}
        for node in self.order:
            for operand in node.parents:
                self.consumers[operand].append(node)
        self.paths = self._paths()

    @property
    def root(self) -> Node:
        """The node that the graph computes."""
        return self.order[-1]

    def grad(self, node: Node) -> float | None:
        """The node's gradient in this picture; None where none was computed."""
        return node.grad if self._gradients is None else self._gradients.get(node)

    def is_used(self, node: Node, outside: Callable[[Node], bool]) -> bool:
        """Whether somebody outside uses a node; the root is what everybody wants."""
        return node is self.root or any(map(outside, self.consumers[node]))

    def name_of(self, members: list[Node]) -> str:
        """What the nodes of a box are called together; numbers without labels by what uses them."""
        last = members[-1]
        if len(members) == 1:
            return self.names[last]
        if last.label:
            return short_name(last.label)
        return self.names[last] if last.operation is not None else self._name_of_numbers(members)

    def _name_of_numbers(self, members: list[Node]) -> str:
        places = set()
        for leaf in members:
            user = self.consumers[leaf][0]
            if user.operation is not dot:
                return "numbers"
            places.add(user.parents.index(leaf) - len(user.parents) // 2)
        return f"input {places.pop()}" if len(places) == 1 else "inputs"

    def _paths(self) -> dict[Node, tuple[str, str]]:
        """The layer and neuron of every node that belongs to some.

        An unlabeled node on the way from a neuron's parts to the neuron's output, and used nowhere
        else, belongs to the neuron too: an activation made of several operations.
        """
        known: dict[str, tuple[str, str]] = {}
        paths: dict[Node, tuple[str, str]] = {}
        below: dict[Node, tuple[str, str]] = {}
        for node in self.order:
            if node.label:
                if node.label not in known:
                    known[node.label] = module_paths(node.label)
                if known[node.label][0]:
                    paths[node] = known[node.label]
            elif node.operation is not None:
                leading = [paths.get(parent) or below.get(parent, ("", "")) for parent in node.parents]
                below[node] = next((path for path in leading if path[1]), ("", ""))
        for node in reversed(self.order):
            users = {paths.get(user) for user in self.consumers[node]}
            if node in below and below[node][1] and users == {below[node]}:
                paths[node] = below[node]
        return paths


def folded_keys(scan: Scan, detail: str, opened: Collection[str]) -> Keys:
    """A key for every node; nodes with equal keys become one box.

    ("module", kind, path) for what belongs to a neuron or layer that is not opened; else what the node is
    and the boxes of its operands.
    """
    keys: Keys = {}
    for node, (layer, neuron) in scan.paths.items():
        is_layer = detail == "layers" and layer not in opened
        if is_layer:
            keys[node] = ("module", "layer", layer)
        elif neuron and neuron not in opened:
            keys[node] = ("module", "neuron", neuron)
    uses = _uses(scan, keys)
    sums = _sums(scan, keys)
    heads: dict[Node, list[Node]] = {}
    numbers: dict[Hashable, int] = {}
    for node in scan.order:
        if node in keys:
            continue
        if node in sums and sums[node] is not node:
            heads.setdefault(sums[node], []).append(node)
            continue
        members = [*heads.pop(node, []), node]
        key = _role(node, members, keys, uses, is_root=node is scan.root)
        short = (key[0], numbers.setdefault(key, len(numbers)))  # so that keys do not grow with depth
        keys |= dict.fromkeys(members, short)
    return keys


def _role(
    node: Node, members: list[Node], keys: Keys, uses: dict[Node, Hashable], *, is_root: bool
) -> tuple[Hashable, ...]:
    """What a node outside of every module is: nodes with the same role become one box."""
    if node.operation is None:
        return ("leaf", node.label, None if node.label else uses[node])
    inside = set(members)
    operands = [keys[operand] for member in members for operand in member.parents if operand not in inside]
    if node.operation.arity is None or len(members) > 1:
        operands = list(dict.fromkeys(operands))
    kind = "sum" if len(members) > 1 else "operation"
    return (kind, node.operation.name, node.label, is_root, *operands)


def _uses(scan: Scan, keys: Keys) -> dict[Node, Hashable]:
    """For a leaf without a label: who uses it, and as which operand. An input has its place in the dot."""
    uses = _used_as(scan, keys, with_places=True)
    inputs = {use for use in uses.values() if all(is_input for *_, is_input in use)}
    return dict(uses if len(inputs) <= MANY_INPUTS else _used_as(scan, keys, with_places=False))


def _used_as(scan: Scan, keys: Keys, *, with_places: bool) -> dict[Node, tuple[tuple[Hashable, ...], ...]]:
    """{leaf: ((box or operation that uses it, as which operand, whether it is an input of a dot), …)}."""
    uses: dict[Node, dict[tuple[Hashable, ...], None]] = {leaf: {} for leaf in scan.order if _is_number(leaf)}
    for user in scan.order:
        is_dot = user.operation is dot
        key = keys.get(user)
        is_layer = isinstance(key, tuple) and key[1] == "layer"
        for slot, operand in enumerate(user.parents):
            if operand in uses:
                place = 0 if is_layer or (is_dot and not with_places) else slot
                uses[operand][key or user.operation, place, is_dot] = None
    return {leaf: tuple(seen) for leaf, seen in uses.items()}


def _is_number(node: Node) -> bool:
    return node.operation is None and not node.label


def _sums(scan: Scan, keys: Keys) -> dict[Node, Node]:
    """{an addition in a tree of additions: the last of them}, which together are one sum of many."""
    last: dict[Node, Node] = {}
    for node in reversed(scan.order):
        if node.operation is not add or node in keys:
            continue
        users = scan.consumers[node]
        joins = len(users) == 1 and users[0] in last and not node.label
        last[node] = last[users[0]] if joins else node
    return last
