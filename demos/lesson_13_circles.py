"""A circle inside a circle: features, made by hand or learned

No line separates a disk from the ring around it. One way out is to hand the network a better input, x²
+ y². The other is to let a hidden layer find something as good.

Notice: with the right feature a single neuron is perfect, and its weights say why: it compares x² + y²
with a radius. Without it, three hidden neurons are the fewest that can close a ring around the inner
class: three lines make a triangle. That a network finds its features by itself is what "deep" is about.
"""

from __future__ import annotations

from demos.place import heading, picture
from nn import MLP, Adam, Layer, Sequential, data, fit, plots


def squared(point: list[float]) -> list[float]:
    """x² + y² for a point: the one number that matters here, shifted to around 0."""
    x, y = point
    return [4.0 * (x * x + y * y) - 2.0]


def main() -> dict[str, float]:
    """One neuron on x and y; one neuron on x² + y²; three hidden neurons on x and y."""
    points = data.circles(120, noise=0.06, seed=4)
    networks = {
        "one neuron on x, y": MLP(2, [1], output="sigmoid", seed=0),
        "one neuron on x² + y²": Sequential(squared, Layer(1, 1, "sigmoid", seed=0)),
        "three hidden neurons on x, y": MLP(2, [3, 1], activation="tanh", output="sigmoid", seed=0),
    }
    results: dict[str, float] = {}
    heading("accuracy")
    with plots.chart(1, 3, size=(11.4, 3.9), path=picture("lesson_13_circles.png")) as (_, axes):
        for place, (name, model) in enumerate(networks.items()):
            history = fit(
                model,
                points.inputs,
                points.targets,
                loss="binary_cross_entropy",
                optimizer=Adam(0.1),
                epochs=60,
                batch_size=24,
                metrics="accuracy",
                progress=False,
                film=True,
            )
            results[name] = history["accuracy"][-1]
            print(f"{name:30} {len(model.parameters()):2} parameters   {results[name]:.1%}")
            plots.draw_boundary(axes[place], model, points.inputs, points.targets, resolution=50)
            axes[place].set_title(f"{name}: {results[name]:.0%}", fontsize=10)
    history.film.title = "A circle, three hidden neurons"
    history.film.save(picture("lesson_13_film.html"))
    weight, bias = (parameter.data for parameter in networks["one neuron on x² + y²"].parameters())
    radius = ((2.0 - bias / weight) / 4.0) ** 0.5
    print(f"\nthe neuron on x² + y² draws its line at the radius {radius:.2f}, between 0.5 and 1.0")
    return {**results, "radius": radius}


if __name__ == "__main__":
    main()
