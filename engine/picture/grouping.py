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
from engine.value import Constant
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

    The gradients are those that backward left in the nodes, or others that are given; `variables` are the
    names of nodes without a label. TypeError for anything but a node.
    """

    def __init__(
        self,
        root: Node,
        gradients: Mapping[Node, float | None] | None = None,
        variables: Mapping[Node, str] | None = None,
    ) -> None:
        if not isinstance(root, Node):
            raise TypeError(_refused(root))
        self._gradients = gradients
        self.order = topological_order(root)
        self.place = {node: place for place, node in enumerate(self.order)}
        self.names = display_names(self.order, variables)
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
        """The layer and neuron of every node that belongs to some, by its label or by what is around it."""
        known = {label: module_paths(label) for label in dict.fromkeys(node.label for node in self.order)}
        paths = {node: known[node.label] for node in self.order if known[node.label][0]}
        above = self._layers_above(paths)
        for node in reversed(self.order):
            if (
                node not in paths
                and not node.label
                and (path := self._path_around(node, above.get(node), paths))
            ):
                paths[node] = path
        return paths

    def _layers_above(self, paths: dict[Node, tuple[str, str]]) -> dict[Node, str]:
        """{node without a label: the layer whose nodes it is made of}, over any number of such nodes."""
        above: dict[Node, str] = {}
        for node in self.order:
            if node.operation is not None and not node.label:
                layers = [
                    paths[parent][0] if parent in paths else above.get(parent, "") for parent in node.parents
                ]
                above[node] = next(filter(None, layers), "")
        return above

    def _path_around(
        self, node: Node, layer: str | None, paths: dict[Node, tuple[str, str]]
    ) -> tuple[str, str] | None:
        """The module of a node without a label that is made and used inside of one module alone.

        So an activation of several operations belongs to its neuron, a softmax to its layer, and a
        constant to the activation that uses it; the inputs of a weighted sum do not.
        """
        users = self.consumers[node]
        around = {paths.get(user, ("", "")) for user in users}
        layers = {path[0] for path in around}
        if len(layers) != 1 or layers == {""}:
            return None
        if layer is None and (not isinstance(node, Constant) or any(user.operation is dot for user in users)):
            return None
        if layer is not None and layers != {layer}:
            return None
        return layers.pop(), around.pop()[1] if len(around) == 1 else ""


def _refused(thing: object) -> str:
    """What was found in place of a node, and how to mend it."""
    hint = "; draw one of them, as in draw(outputs[0])" if isinstance(thing, list | tuple) else ""
    return f"a picture starts from a Value, got {type(thing).__name__} ({thing!r:.60}){hint}"


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
        key = _role(node, members, keys, uses, scan)
        short = (key[0], numbers.setdefault(key, len(numbers)))  # so that keys do not grow with depth
        keys |= dict.fromkeys(members, short)
    return keys


def _role(
    node: Node, members: list[Node], keys: Keys, uses: dict[Node, Hashable], scan: Scan
) -> tuple[Hashable, ...]:
    """What a node outside of every module is: nodes with the same role become one box.

    The outputs of the neurons of one layer count as the same operand: the logarithm of each of ten
    probabilities is one box.
    """
    if node.operation is None:
        return ("leaf", node.label, None if node.label else uses[node])
    inside = set(members)
    outside = [operand for member in members for operand in member.parents if operand not in inside]
    operands = [scan.paths[operand][0] if operand in scan.paths else keys[operand] for operand in outside]
    if node.operation.arity is None or len(members) > 1:
        operands = list(dict.fromkeys(operands))
    kind = "sum" if len(members) > 1 else "operation"
    return (kind, node.operation.name, node.label, node is scan.root, *operands)


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
