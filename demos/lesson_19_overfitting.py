"""Overfitting twenty points, and what helps

Twenty noisy points of a sine, and a network with 73 parameters whose weights begin large. It can bend
towards every point, and then it learns the noise. More training makes the training loss better, and
everything else worse.

Notice: the two losses part ways: that is where learning ends and memorizing begins. A penalty on the
squared weights keeps the curve smooth, early stopping puts back the best weights, dropout makes every
neuron dispensable. Each of them does worse on the twenty points and better on everything else.
"""

from __future__ import annotations

from math import pi, sin
from random import Random
from typing import Any

from demos.place import heading, picture
from nn import MLP, Adam, Dropout, EarlyStopping, History, Sequential, data, fit, plots


def sample(count: int, seed: int) -> tuple[list[list[float]], list[float]]:
    """Points of y = sin(x) with noise, x and y scaled to about -1 to 1."""
    points = data.sine(count, scale=1.0, offset=0.0, noise=0.3, seed=seed)
    return [[x / pi] for (x,) in points.inputs], points.targets


def draw_large(inputs: int, outputs: int, rng: Random) -> float:  # noqa: ARG001
    """Weights of the first layer begin so large that the network can make narrow bumps."""
    return rng.gauss(0.0, 5.0 if inputs == 1 else 0.2)


def wide() -> MLP:
    """The network that is far too large."""
    return MLP(1, [24, 1], activation="tanh", initializer=draw_large, seed=5)


def draw(course: History, curves: dict[str, Any], xs: list[list[float]], ys: list[float]) -> None:
    """The two losses that part ways, and the curves that were learned."""
    with plots.chart(1, 2, size=(10.8, 4.2), path=picture("lesson_19_overfitting.png")) as (_, axes):
        axes[0].plot(course["loss"], label="on the twenty points")
        axes[0].plot(course["validation loss"], "--", label="on others")
        axes[0].set_yscale("log")
        axes[0].set_title("as it is: the two losses part ways")
        axes[0].set_xlabel("epoch")
        axes[0].legend()
        grid = [[place / 60 - 1] for place in range(121)]
        axes[1].scatter([x for (x,) in xs], ys, s=20, color="#4d4d4d", zorder=4, label="the twenty points")
        axes[1].plot(
            [x for (x,) in grid], [sin(pi * x) for (x,) in grid], ":", color="#4d4d4d", label="the truth"
        )
        for color, (name, model) in zip(plots.COLORS, curves.items(), strict=False):
            axes[1].plot(
                [x for (x,) in grid], [row[0] for row in model.predict(grid)], color=color, label=name
            )
        axes[1].set_ylim(-1.8, 1.8)
        axes[1].set_title("what was learned")
        axes[1].legend(fontsize=8)


def main() -> dict[str, float]:
    """The same network four times: as it is, and with three remedies."""
    xs, ys = sample(20, seed=5)
    held_out = sample(40, seed=105)
    hidden, last = wide().layers
    dropped = Sequential(hidden, Dropout(0.3), last)
    remedies: dict[str, tuple[Any, dict[str, Any]]] = {
        "as it is": (wide(), {}),
        "l2 penalty": (wide(), {"l2": 0.002}),
        "early stopping": (wide(), {"early_stopping": EarlyStopping(patience=40)}),
        "dropout": (dropped, {}),
    }
    results: dict[str, float] = {}
    histories, curves = {}, {}
    heading(f"20 points; {len(wide().parameters())} parameters; the loss on the points, and on 40 others")
    for name, (model, settings) in remedies.items():
        history = fit(
            model,
            xs,
            ys,
            loss="mean_squared_error",
            optimizer=Adam(0.03),
            epochs=200,
            batch_size=None,
            validation=held_out,
            progress=False,
            film=name == "as it is",
            **settings,
        )
        left = (
            sum((row[0] - y) ** 2 for row, y in zip(model.predict(held_out[0]), held_out[1], strict=True))
            / 40
        )
        right = sum((row[0] - y) ** 2 for row, y in zip(model.predict(xs), ys, strict=True)) / 20
        print(f"{name:15} {right:.4f}   {left:.4f}   ({history.ended})")
        results[f"{name}: training"], results[f"{name}: others"] = right, left
        histories[name] = history
        curves[name] = model

    draw(histories["as it is"], curves, xs, ys)
    film = histories["as it is"].film
    film.title = "Overfitting twenty points"
    film.save(picture("lesson_19_film.html"))
    return results


if __name__ == "__main__":
    main()
