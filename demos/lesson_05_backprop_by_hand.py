"""Backprop by hand, against backward()

One neuron, loss = (tanh(w·x + b) − y)². The chain rule says: go from the loss towards the weight, and
multiply the local derivatives on the way. Here that is done with a pocket calculator's operations, and
then by the engine.

Notice: the two agree to the last bits, and so does the honest test of any derivative, to nudge the
weight a little and see how much the loss changes. The gradient of b falls out on the way: backprop
computes all of them in one go.
"""

from __future__ import annotations

from math import tanh

from demos.place import heading, picture
from engine import Value, check_gradients, explain
from nn import plots


def loss_of(w: float, b: float, x: float = 1.5, y: float = 1.0) -> float:
    """The loss in plain numbers."""
    return (tanh(w * x + b) - y) ** 2


def main() -> dict[str, float]:
    """The chain rule in five lines, then the engine, then finite differences."""
    x, y = 1.5, 1.0

    heading("forward, by hand")
    w, b = 0.4, -0.2
    z = w * x + b
    a = tanh(z)
    e = a - y
    print(f"z = w·x + b = {z:.4f}    a = tanh(z) = {a:.4f}    e = a − y = {e:.4f}    loss = e² = {e * e:.4f}")

    heading("backward, by hand: multiply the local derivatives")
    de = 2 * e
    da = de * 1.0
    dz = da * (1 - a * a)
    dw, db = dz * x, dz * 1.0
    print(f"d loss/d e = 2e               = {de:8.4f}")
    print(f"d loss/d a = that × 1         = {da:8.4f}")
    print(f"d loss/d z = that × (1 − a²)  = {dz:8.4f}")
    print(f"d loss/d w = that × x         = {dw:8.4f}")
    print(f"d loss/d b = that × 1         = {db:8.4f}")

    heading("the engine")
    weight, bias = Value(w, label="w"), Value(b, label="b")
    loss = ((weight * x + bias).tanh() - y) ** 2
    loss.backward()
    print(f"backward() gives w.grad = {weight.grad:.4f} and b.grad = {bias.grad:.4f}")
    print(explain(weight, loss))

    heading("finite differences: nudge w and look")
    h = 1e-6
    nudged = (loss_of(w + h, b) - loss_of(w - h, b)) / (2 * h)
    print(f"(loss(w + h) − loss(w − h)) ÷ 2h = {nudged:.6f}")
    report = check_gradients(lambda p, q: ((p * x + q).tanh() - y) ** 2, at=[w, b])
    print(f"check_gradients says: {'all is well' if report else report}")

    draw(w, dw)
    return {
        "off by hand": abs(weight.grad - dw) + abs(bias.grad - db),
        "off by nudging": abs(weight.grad - nudged),
        "check": float(bool(report)),
    }


def draw(w: float, slope: float) -> None:
    """The loss over w, and the tangent whose slope backprop found."""
    with plots.chart(size=(5.6, 3.8), path=picture("lesson_05_tangent.png")) as (_, (axes,)):
        ws = [place / 50 - 1.5 for place in range(176)]
        axes.plot(ws, [loss_of(v, -0.2) for v in ws], label="loss")
        near = [w - 0.6, w + 0.6]
        axes.plot(
            near, [loss_of(w, -0.2) + slope * (v - w) for v in near], "--", label="slope from backward()"
        )
        axes.plot([w], [loss_of(w, -0.2)], "o", color=plots.COLORS[1])
        axes.set_title("The derivative is the slope where we stand")
        axes.set_xlabel("w")
        axes.legend()


if __name__ == "__main__":
    main()
