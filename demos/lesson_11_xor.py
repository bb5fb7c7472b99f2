"""XOR: what one neuron cannot do, and two layers can

Class 1 where exactly one of the two inputs is 1. No straight line has both 1s on one side: that a
single neuron fails here stopped the field for a decade (Minsky and Papert, 1969). A hidden layer bends
the plane.

Notice: the single neuron ends with 0.5 for everything, the best a line can do. Four hidden neurons are
enough, and the boundary that they find is a band: two lines, one from each side.
"""

from __future__ import annotations

from demos.place import heading, picture
from nn import MLP, SGD, data, fit, plots


def main() -> dict[str, float]:
    """One neuron, then a hidden layer of four."""
    corners = data.xor(4)
    results: dict[str, float] = {}
    with plots.chart(1, 2, size=(9.0, 4.2), path=picture("lesson_11_xor.png")) as (_, axes):
        for place, (name, sizes) in enumerate((("one neuron", [1]), ("four hidden neurons", [4, 1]))):
            model = MLP(2, sizes, activation="tanh", output="sigmoid", seed=3)
            history = fit(
                model,
                corners.inputs,
                corners.targets,
                loss="binary_cross_entropy",
                optimizer=SGD(1.0, momentum=0.5),
                epochs=300,
                batch_size=None,
                metrics="accuracy",
                progress=False,
            )
            heading(f"{name}: {len(model.parameters())} parameters")
            for row, (answer,), truth in zip(
                corners.inputs, model.predict(corners.inputs), corners.targets, strict=True
            ):
                print(f"  {row[0]:.0f} xor {row[1]:.0f} = {truth}   the network says {answer:.3f}")
            print(f"  loss {history['loss'][-1]:.4f}")
            plots.draw_boundary(axes[place], model, corners.inputs, corners.targets)
            axes[place].set_title(f"{name}: loss {history['loss'][-1]:.2f}")
            results[name] = history["loss"][-1]
            results[f"{name} accuracy"] = history["accuracy"][-1]
    return results


if __name__ == "__main__":
    main()
