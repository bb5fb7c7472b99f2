"""Spirals: when one hidden layer is not enough for comfort

Two arms that wind around each other, the classic hard case in the plane. Points of both classes lie in
every direction and at every distance; the network has to learn to unroll.

Notice: for a third of the time the loss stays near 0.55, not far below log 2 = 0.69, the loss of guessing,
and once even rises; then the network has found the turn, and the loss falls. Such plateaus are normal: a
loss that does not move yet is not yet a failure. In the film every neuron is a small map: watch how the
second layer unrolls what the first one cuts.
"""

from __future__ import annotations

from demos.place import heading, picture
from nn import MLP, Adam, data, fit, plots


def main() -> dict[str, float]:
    """Two hidden layers on two spirals."""
    points = data.spirals(100, turns=1.25, noise=0.01, seed=3)
    model = MLP(2, [10, 10, 1], activation="tanh", output="sigmoid", seed=13)
    heading(f"{model!r}, {len(model.parameters())} parameters, {len(points)} points")
    history = fit(
        model,
        points.inputs,
        points.targets,
        loss="binary_cross_entropy",
        optimizer=Adam(0.05),
        epochs=140,
        batch_size=33,
        metrics="accuracy",
        progress=False,
        film=True,
    )
    print(history)
    history.film.title = "Two spirals"
    history.film.save(picture("lesson_14_film.html"))
    with plots.chart(1, 2, size=(9.6, 4.2), path=picture("lesson_14_spirals.png")) as (_, axes):
        axes[0].plot(history["loss"], color=plots.COLORS[1])
        axes[0].axhline(0.693, color="#9a9a9a", linestyle=":", label="guessing: log 2")
        axes[0].set_title("first a plateau, then down")
        axes[0].set_xlabel("epoch")
        axes[0].legend()
        plots.draw_boundary(axes[1], model, points.inputs, points.targets, resolution=70)
        axes[1].set_title(f"{history['accuracy'][-1]:.0%} right")
    return {
        "accuracy": history["accuracy"][-1],
        "loss": history["loss"][-1],
        "loss at a third": history["loss"][46],
    }


if __name__ == "__main__":
    main()
