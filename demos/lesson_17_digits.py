"""Digits: reading handwriting

Images of 8 × 8 gray pixels, ten classes: 64 inputs, 24 hidden neurons, 10 outputs, 1,810 parameters.
Each image makes a graph of 60 computed nodes (a weighted sum is one node); written as single
multiplications and additions it would be 3,600.

Notice: after two times through 359 images it reads most of the others; the mistakes that remain are
often poor images. The weights of a hidden neuron are an image too, in the colors of gradients: blue, above
0, where ink speaks for it, and red where ink speaks against it. The film shows how they come about.
"""

from __future__ import annotations

from typing import Any

from demos.place import heading, picture
from nn import MLP, Adam, data, fit, metrics, plots


def draw(model: MLP, test: data.Dataset, answers: list[int], wrong: list[int]) -> None:
    """Mistaken images, and the weights of hidden neurons as images."""
    with plots.chart(2, 8, size=(9.6, 2.9), path=picture("lesson_17_digits.png")) as (
        figure,
        axes,
    ):
        for axis, place in zip(axes[:8], wrong, strict=False):
            show(axis, test.inputs[place], "gray_r", (0.0, 1.0))
            axis.set_title(f"{test.targets[place]} read as {answers[place]}", fontsize=8)
        for axis, neuron in zip(axes[8:], model.layers[0].neurons, strict=False):
            weights = [weight.data for weight in neuron.weights]
            largest = max(map(abs, weights))
            show(axis, weights, "RdBu", (-largest, largest))
        figure.suptitle("mistaken images (above) and the weights of eight hidden neurons (below)", fontsize=9)


def main() -> dict[str, float]:
    """Train on 359 images, test on 240 others."""
    images = data.digits()
    scaled = data.Dataset(
        "digits",
        [[x / 16.0 for x in row] for row in images.inputs],
        images.targets,
        images.features,
        images.classes,
    )
    train, test = scaled.take(range(0, 1797, 3)).split(test=0.4, seed=0)
    model = MLP(64, [24, 10], activation="relu", output="linear", seed=0)
    heading(f"{model!r}, {len(model.parameters())} parameters")
    history = fit(
        model,
        train.inputs,
        train.targets,
        loss="cross_entropy_with_logits",
        optimizer=Adam(0.01),
        epochs=5,
        batch_size=16,
        validation=test,
        metrics="accuracy",
        progress=False,
        film=True,
    )
    print(history)
    history.film.title = "Digits"
    history.film.save(picture("lesson_17_film.html"))
    answers = [row.index(max(row)) for row in model.predict(test.inputs)]
    matrix = metrics.confusion_matrix(test.targets, answers, classes=range(10))
    plots.confusion(matrix, test.classes, picture("lesson_17_digits_confusion.png"))

    wrong = [place for place, answer in enumerate(answers) if answer != test.targets[place]]
    heading(f"{len(wrong)} of {len(answers)} mistaken")
    draw(model, test, answers, wrong)
    return {
        "after two epochs": history["validation accuracy"][1],
        "accuracy": history["validation accuracy"][-1],
        "mistakes": len(wrong),
        "parameters": len(model.parameters()),
    }


def show(axes: Any, numbers: list[float], colors: str, limits: tuple[float, float]) -> None:
    """64 numbers as an image of 8 × 8."""
    axes.imshow(
        [numbers[row : row + 8] for row in range(0, 64, 8)], cmap=colors, vmin=limits[0], vmax=limits[1]
    )
    axes.set_axis_off()


if __name__ == "__main__":
    main()
