"""Draw a neuron, a layer, a network

A graph of every number is the truth, and past some hundred boxes nobody can read it. So pictures fold: what
belongs to a neuron becomes one box, then what belongs to a layer; the labels that parameters give themselves
say what belongs together. The same neuron met for 100 samples is one box, marked ×100.

Notice: the arrows point the way the numbers went, and gradients come back along them. Blue is a gradient
above 0, orange one below, violet stands for many of both signs; the stronger, the larger. A dash means that
backward has not been there yet, which is not the same as 0.
"""

from __future__ import annotations

import random

from demos.place import heading, picture
from engine import RenderError, Value, draw, mean, page
from nn import MLP, Neuron

SAMPLES = 100


def neuron_output() -> Value:
    """One neuron looking at one sample, backward done."""
    neuron = Neuron(2, activation="tanh", seed=1)
    output = neuron([Value(0.5, label="x0"), Value(-1.0, label="x1")])
    output.backward()
    return output


def network_loss(samples: int) -> Value:
    """A network's mean squared error on some points in the plane, backward done."""
    draw_from = random.Random(0)
    network = MLP(2, [16, 16, 1], activation="tanh", seed=0)
    points = [(draw_from.uniform(-1.0, 1.0), draw_from.uniform(-1.0, 1.0)) for _ in range(samples)]
    loss = mean([(network(point)[0] - (1.0 if point[0] > point[1] else -1.0)) ** 2 for point in points])
    loss.label = "loss"
    loss.backward()
    return loss


def main() -> dict[str, float]:
    """From one neuron's numbers to a network of some thousand nodes, and back inside it."""
    heading("a neuron: every number is a box")
    output = neuron_output()
    folded = draw(output)
    written = draw(output, expand=True)
    print(f"{folded}, with the weighted sum as one node")
    print(f"{written}, with expand=True: its products and additions")

    heading("a layer and a network: what belongs together is one box")
    loss = network_loss(SAMPLES)
    neurons, layers = draw(loss, "neurons"), draw(loss, "layers")
    inside = draw(loss, "layers", opened=["layers[0]", "layers[0].neurons[3]"])
    near = draw(loss, "neurons", focus="layers[1].neurons[5]", radius=1)
    for detail in (neurons, layers):
        print(f"{detail.folded.nodes:,} nodes: {detail}")
    print(f"inside layer 0 and its neuron 3: {inside}")
    print(f"what touches layers[1].neurons[5]: {near}")

    heading("too much for a picture is said, not drawn")
    try:
        draw(loss, "values")
    except RenderError as refused:
        print(refused)

    heading("the files")
    drawings = {
        "neuron": folded,
        "neuron_expanded": written,
        "neurons": neurons,
        "layers": layers,
        "inside": inside,
    }
    try:
        for name, drawing in drawings.items():
            print(drawing.save(picture(f"lesson_09_{name}.svg")).name)
        print(
            page(network_loss(5)).save(picture("lesson_09_network.html")).name,
            "opens layer by layer",
        )
    except RenderError as missing:
        print(missing)
    return {
        "nodes": neurons.folded.nodes,
        "neuron": len(folded.folded.boxes),
        "neuron expanded": len(written.folded.boxes),
        "neurons": len(neurons.folded.boxes),
        "layers": len(layers.folded.boxes),
        "near": len(near.folded.boxes),
    }


if __name__ == "__main__":
    main()
