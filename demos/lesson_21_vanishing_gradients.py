"""Vanishing gradients: why depth was hard

The chain rule multiplies. A sigmoid's slope is at most ¼, so eight layers of sigmoids multiply the
gradient by less than ¼ eight times: the first layers are told almost nothing, and do not learn.

Notice: in the picture each line is one network; to the right is the layer next to the loss. With
sigmoids the gradient falls by more than a factor of ten for every two layers. Tanh with Xavier's
weights and relu with He's keep it level: that is what those initializers are for. Weights twice too
large make it grow instead: exploding gradients.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

from demos.place import heading, picture
from nn import MLP, data, doctor, losses, plots

DEPTH, WIDTH = 8, 12


def five_times_too_large(_inputs: int, _outputs: int, rng: Random) -> float:
    """Weights far beyond what the layer's size asks for."""
    return rng.gauss(0.0, 5.0)


def gradient_sizes(model: MLP, points: data.Dataset) -> list[float]:
    """The root mean square of the weights' gradients, layer by layer."""
    loss = losses.binary_cross_entropy_with_logits([model(x) for x in points.inputs], points.targets)
    model.zero_grad()
    loss.backward()
    sizes = []
    for layer in model.layers:
        slopes = [p.grad for p in layer.parameters()]
        sizes.append(math.sqrt(sum(g * g for g in slopes) / len(slopes)))
    return sizes


def main() -> dict[str, float]:
    """Four deep networks that have learned nothing yet; how much of the gradient arrives where."""
    points = data.moons(40, seed=0)
    networks: dict[str, dict[str, Any]] = {
        "sigmoid": {"activation": "sigmoid"},
        "tanh, Xavier": {"activation": "tanh"},
        "relu, He": {"activation": "relu"},
        "tanh, weights too large": {"activation": "tanh", "initializer": "normal"},
    }
    results: dict[str, float] = {}
    heading(f"gradient of the first and of the last hidden layer, {DEPTH} layers")
    with plots.chart(size=(7.0, 4.2), path=picture("lesson_21_vanishing_gradients.png")) as (
        _,
        (axes,),
    ):
        for name, settings in networks.items():
            model = MLP(2, [WIDTH] * (DEPTH - 1) + [1], seed=4, **settings)
            sizes = gradient_sizes(model, points)
            ratio = sizes[0] / sizes[-2]
            print(f"{name:24} first {sizes[0]:.2e}   last {sizes[-2]:.2e}   first ÷ last {ratio:.2g}")
            axes.plot(range(1, DEPTH), sizes[:-1], "o-", markersize=4, label=name)
            results[name] = ratio
        axes.set_yscale("log")
        axes.set_xlabel("layer, from the inputs to the loss")
        axes.set_title("size of the gradient in each layer")
        axes.legend(fontsize=8)

    heading("the doctor, on a network whose weights are five times too large")
    stuck = MLP(2, [WIDTH, WIDTH, 1], activation="tanh", initializer=five_times_too_large, seed=4)
    findings = doctor.examine(stuck, points.inputs, points.targets, loss="binary_cross_entropy_with_logits")
    for finding in findings:
        print(f"  {finding}")
    results["saturated"] = next((f.number for f in findings if f.name == "saturated"), 0.0)
    return results


if __name__ == "__main__":
    main()
