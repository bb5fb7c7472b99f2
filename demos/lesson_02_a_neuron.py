"""What a neuron is

A neuron multiplies each input by a weight, adds the products and a bias, z = Σ wᵢxᵢ + b, and bends the
result with an activation. The sum alone is linear, and linear functions of linear functions are linear
again: without the bend a network of a thousand layers is one neuron.

Notice: each activation has its own derivative, drawn dashed. Where that is near 0, a change of the
weights changes nothing, and the neuron cannot learn: tanh and sigmoid at both ends, relu on its left.
"""

from __future__ import annotations

import random

from demos.place import heading, picture
from engine import RenderError, Value, dot, live
from nn import Layer, Neuron, Sequential, plots


def without_a_bend() -> dict[str, float]:
    """How far from straight two linear layers are, and two with a tanh between them."""
    # %% Without a bend, depth is worth nothing
    heading("two linear layers are one linear layer")
    rng = random.Random(0)
    deep = Sequential(Layer(1, 8, "linear", seed=rng), Layer(8, 1, "linear", seed=rng))
    bent_network = Sequential(Layer(1, 8, "tanh", seed=rng), Layer(8, 1, "linear", seed=rng))
    bends = {}
    for name, network in (("linear", deep), ("tanh", bent_network)):
        left, middle, right = (network([x])[0].data for x in (-1.0, 0.5, 2.0))
        bends[name] = abs(middle - (left + right) / 2)
        print(
            f"{name:7} f(-1) = {left:.4f}  f(0.5) = {middle:.4f}  f(2) = {right:.4f}  bend {bends[name]:.2f}"
        )
    return bends


def move() -> None:
    """A page on which the numbers of a neuron can be moved."""
    w, x, b = (Value(n, label=name) for name, n in (("w", 0.8), ("x", 1.5), ("b", -0.5)))
    z = w * x + b
    z.label = "z"
    output = z.tanh()
    output.label = "output"
    heading("the same neuron, to be moved")
    try:
        print(
            live(output).save(picture("lesson_02_live.html")).name,
            "is a neuron whose numbers can be dragged",
        )
    except RenderError as missing:
        print(missing)


def main() -> dict[str, float]:
    """A neuron by hand and from the library; activations and slopes; why non-linearity is needed."""
    # %% By hand: three lines
    heading("a neuron by hand")
    inputs = [0.5, -1.0, 2.0]
    weights = [Value(0.4, label="w0"), Value(0.3, label="w1"), Value(-0.2, label="w2")]
    bias = Value(0.1, label="b")
    z = dot(weights, inputs, bias)
    output = z.tanh()
    output.backward()
    print(f"z = 0.4·0.5 + 0.3·(−1.0) − 0.2·2.0 + 0.1 = {z.data:.4f};   tanh(z) = {output.data:.4f}")
    for weight, x in zip(weights, inputs, strict=True):
        print(f"  d output / d {weight.label} = {weight.grad:8.4f}   = (1 − tanh²) × {x}")

    # %% The same from the library
    heading("the same neuron from the library")
    neuron = Neuron(3, activation="tanh", seed=0)
    for parameter, ours in zip(neuron.parameters(), [*weights, bias], strict=True):
        parameter.data = ours.data
    same = neuron(inputs)
    print(f"{neuron!r} has {len(neuron.parameters())} parameters and gives {same.data:.4f}")

    # %% Activations and their slopes
    heading("activations: output and slope at three points")
    slopes = {}
    for name in ("tanh", "sigmoid", "relu"):
        row = []
        for x in (-4.0, 0.5, 4.0):
            node = Value(x)
            bent = getattr(node, name)()
            bent.backward()
            row.append(f"{name}({x:4}) = {bent.data:7.4f}, slope {node.grad:.4f}")
            slopes[f"{name} slope at {x}"] = node.grad
        print("   ".join(row))
    plots.activation_functions(["tanh", "sigmoid", "relu"], picture("lesson_02_activations.png"))

    bends = without_a_bend()
    move()
    return {
        "by hand": output.data,
        "library": same.data,
        **slopes,
        **{f"{k} bend": v for k, v in bends.items()},
    }


if __name__ == "__main__":
    main()
