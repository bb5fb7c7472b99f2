"""The same weight used twice: why gradients add up

A weight is used again for every sample, and x·x uses x twice. A nudge of the weight then moves the loss
along every use at once, so its derivative is the sum over the uses. That is why backward says `grad += …`
and never `grad = …`.

Notice: give each use a copy of its own, and the copies' gradients add up to the shared weight's. An engine
that assigns instead of adding keeps only the last use: it looks fine on small examples, and is wrong on
every network.
"""

from __future__ import annotations

from demos.place import heading
from engine import Value, check_gradients, explain, steps
from engine.graph import Node

XS, YS = (1.0, 2.0), (3.0, 3.0)


def loss_of(first: Value | float, second: Value | float) -> Value:
    """Two samples' squared errors, with a weight for each sample."""
    loss = (first * Value(XS[0], label="x1") - YS[0]) ** 2 + (second * Value(XS[1], label="x2") - YS[1]) ** 2
    loss.label = "loss"
    return loss


def assigning_backward(root: Value) -> dict[str, float]:
    """Backward with the bug: `=` where `+=` belongs. Only named leaves are returned."""
    gradients: dict[Node, float] = {root: 1.0}
    for step in steps(root)[1:]:
        for part in step.contributions:
            if part.partial is not None and step.node in gradients:
                gradients[part.operand] = gradients[step.node] * part.partial
    return {node.label: gradient for node, gradient in gradients.items() if not node.parents and node.label}


def main() -> dict[str, float]:
    """Copies, then one shared weight, then the bug."""
    heading("each sample has a copy of the weight: two leaves, two gradients")
    w1, w2 = Value(2.0, label="w1"), Value(2.0, label="w2")
    loss_of(w1, w2).backward()
    copies = [w1.grad, w2.grad]
    print(f"w1.grad = {copies[0]:g}, w2.grad = {copies[1]:g}")

    heading("both samples share one weight: its gradient is their sum, old → new")
    w = Value(2.0, label="w")
    loss = loss_of(w, w)
    for step in steps(loss):
        for part in step.contributions:
            if part.operand is w:
                print(step)
    loss.backward()
    shared = w.grad
    print(f"w.grad = {shared:g} = {copies[0]:g} + {copies[1]:g}")

    heading("the same as a sum over paths")
    print(explain(w, loss))

    heading("x·x: both operands are x, so the rule gives x + x = 2x")
    x = Value(3.0, label="x")
    print(steps(x * x)[1])

    heading("the bug: assigning instead of adding")
    wrong = assigning_backward(loss_of(w, w))["w"]
    report = check_gradients(lambda v: loss_of(v, v), at=[2.0])
    print(f"with `=` w's gradient would be {wrong:g}; with `+=` it is {shared:g}")
    print(f"finite differences say: {'all is well with +=' if report else report}")
    return {
        "first copy": copies[0],
        "second copy": copies[1],
        "shared": shared,
        "assigned": wrong,
        "check": float(bool(report)),
    }


if __name__ == "__main__":
    main()
