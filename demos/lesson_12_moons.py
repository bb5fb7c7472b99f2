"""Two moons: the boundary bends as the network grows

Two half circles that reach into each other. A wider hidden layer has more lines to build its boundary
of.

Notice: without a hidden layer the boundary is a straight line, and about one point in ten is wrong. Two
hidden neurons bend it and gain nothing yet; eight have bends enough for the shape that is there, and
nearly every point is right: a model has to be large enough. In the film each hidden neuron is a line of its
own across the plane, and the output adds them up.
"""

from __future__ import annotations

from demos.place import heading, picture
from nn import MLP, Adam, data, evaluate, fit, plots

SIZES = ([1], [2, 1], [8, 1])


def main() -> dict[str, float]:
    """Three sizes of hidden layer on the same points."""
    train, test = data.moons(240, noise=0.12, seed=1).split(test=0.4, seed=1)
    results: dict[str, float] = {}
    heading("hidden neurons and accuracy on points that were not trained on")
    with plots.chart(1, 3, size=(11.4, 3.9), path=picture("lesson_12_moons.png")) as (_, axes):
        for place, sizes in enumerate(SIZES):
            hidden = sizes[0] if len(sizes) > 1 else 0
            model = MLP(2, sizes, activation="tanh", output="sigmoid", seed=1)
            history = fit(
                model,
                train.inputs,
                train.targets,
                loss="binary_cross_entropy",
                optimizer=Adam(0.05),
                epochs=60,
                batch_size=24,
                progress=False,
                film=True,
            )
            scores = evaluate(
                model, test.inputs, test.targets, loss="binary_cross_entropy", metrics="accuracy"
            )
            print(
                f"{hidden:3} hidden   {len(model.parameters()):3} parameters   {scores['accuracy']:.1%} right"
            )
            plots.draw_boundary(axes[place], model, test.inputs, test.targets, resolution=50)
            axes[place].set_title(f"{hidden} hidden neurons: {scores['accuracy']:.0%}")
            results[f"{hidden} hidden"] = scores["accuracy"]
    history.film.title = "Two moons, eight hidden neurons"
    history.film.save(picture("lesson_12_film.html"))
    return results


if __name__ == "__main__":
    main()
