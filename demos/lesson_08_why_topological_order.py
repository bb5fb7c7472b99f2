"""Why topological order

Backward visits the nodes in reverse topological order: a node's turn comes when everything that uses it has
had its own. Here are the two tempting ways to do without, beside the right one, on a graph where a value is
used twice.

Notice: handing on too early hands on half a gradient, and the answer is wrong. Handing on along every path
by itself is right, and takes twice as long with every layer: 20 layers of two uses each are three million
visits, not 41.
"""

from __future__ import annotations

from collections import deque

from demos.place import heading
from engine import Value, check_gradients, steps
from engine.graph import Node

LAYERS = (1, 2, 4, 8, 12, 16)


def too_early(root: Value) -> dict[Node, float]:
    """Each node hands on when it is first met, breadth first, whether or not its gradient is complete."""
    gradients: dict[Node, float] = {root: 1.0}
    waiting = deque[Node]([root])
    met = set[Node](waiting)
    while waiting:
        node = waiting.popleft()
        for parent, partial in zip(node.parents, node.partials, strict=True):
            if partial is not None:
                gradients[parent] = gradients.get(parent, 0.0) + gradients[node] * partial
                if parent not in met:
                    met.add(parent)
                    waiting.append(parent)
    return gradients


def along_every_path(root: Value) -> tuple[dict[Node, float], int]:
    """Each arrival is handed on at once, all the way down: right, and as long as there are paths."""
    gradients: dict[Node, float] = {}
    arrivals: list[tuple[Node, float]] = [(root, 1.0)]
    visits = 0
    while arrivals:
        node, amount = arrivals.pop()
        visits += 1
        gradients[node] = gradients.get(node, 0.0) + amount
        for parent, partial in zip(node.parents, node.partials, strict=True):
            if partial is not None:
                arrivals.append((parent, amount * partial))
    return gradients, visits


def used_twice(a: Value) -> Value:
    """loss = b + c with b = a² and c = 3b: b is used by the sum, and by c, which the sum uses too."""
    b = a**2
    b.label = "b"
    c = b * 3.0
    c.label = "c"
    loss = b + c
    loss.label = "loss"
    return loss


def tower(layers: int) -> tuple[Value, Value]:
    """(top, bottom) of a tower in which every layer uses the one below twice."""
    bottom = Value(1.0, label="x")
    top = bottom
    for _ in range(layers):
        top = top + top * 0.5
    return top, bottom


def main() -> dict[str, float]:
    """Too early, along every path, and in reverse topological order."""
    a = Value(2.0, label="a")
    loss = used_twice(a)
    right = steps(loss).gradients()[a]

    heading("in reverse topological order: b waits until c has handed on")
    print(steps(loss))

    heading("too early: b hands on before c has handed on to it")
    wrong = too_early(loss)[a]
    report = check_gradients(used_twice, at=[2.0])
    print(f"too early        a.grad = {wrong:g}")
    print(f"in order         a.grad = {right:g}")
    print(f"finite differences: {'the order is right' if report else report}")

    heading("along every path: right, but look at the visits")
    print("layers   nodes   visits by paths   visits in order   gradient by both")
    by_paths = {}
    for layers in LAYERS:
        top, bottom = tower(layers)
        gradients, visits = along_every_path(top)
        backward = steps(top)
        same = gradients[bottom] == backward.gradients()[bottom]
        print(
            f"{layers:6} {len(backward.nodes):7} {visits:17} {len(backward):17}   "
            f"{'the same' if same else 'different'}, {gradients[bottom]:.4g}"
        )
        by_paths[layers] = visits
    return {
        "right": right,
        "too early": wrong,
        "check": float(bool(report)),
        "visits of 8": by_paths[8],
        "visits of 16": by_paths[16],
    }


if __name__ == "__main__":
    main()
