"""Dead relus: neurons that can never come back

Left of 0 a relu gives 0, and its slope is 0 too. A neuron that is left of 0 for every sample gets no
gradient at all: whatever the data, it stays there. One update that was far too large can throw neurons
over that edge; here such an accident is made on purpose, it moves every hidden bias by −2.5.

Notice: after it the relu network is a constant, and no amount of training changes that: its
gradients are exactly 0. The doctor counts the dead. With elus, whose slope on the left is small but
never 0, the same accident heals. (Leaky relus are alive too, but all on their straight left side: they
find the best straight line, and stay there.)
"""

from __future__ import annotations

from demos.place import heading, picture
from nn import MLP, Adam, data, doctor, fit, plots


def waves() -> data.Dataset:
    """Points of a sine, for x from -1 to 1."""
    points = data.sine(40, scale=1.0, offset=0.0, noise=0.05, seed=1)
    return data.Dataset("waves", [[x / 3.1416] for (x,) in points.inputs], points.targets)


def trained(activation: str, *, accident: bool) -> tuple[MLP, list[float]]:
    """A network after training, and its losses; with the accident, hidden biases are 2.5 too low."""
    points = waves()
    model = MLP(1, [8, 1], activation=activation, seed=5)
    if accident:
        for neuron in model.layers[0].neurons:
            neuron.bias.data -= 2.5
    history = fit(
        model, points.inputs, points.targets, loss="mean_squared_error", optimizer=Adam(0.05), epochs=150,
        batch_size=None, progress=False,
    )  # fmt: skip
    return model, history["loss"]


def dead(model: MLP) -> int:
    """How many hidden neurons are left of 0 for every x."""
    outputs = [[neuron.data for neuron in model.layers[0]([x / 30.0])] for x in range(-30, 31)]
    return sum(all(x <= 0.0 for x in column) for column in zip(*outputs, strict=True))


def main() -> dict[str, float]:
    """Without the accident, with it, and with it on leaky relus."""
    points = waves()
    cases = {
        "relu": ("relu", False),
        "relu, after the accident": ("relu", True),
        "elu, after the same accident": ("elu", True),
    }
    results: dict[str, float] = {}
    heading("hidden neurons that are left of 0 everywhere, of 8, and the loss after 150 epochs")
    with plots.chart(1, 2, size=(10.6, 4.0), path=picture("lesson_22_dead_relus.png")) as (_, axes):
        axes[0].scatter([x for (x,) in points.inputs], points.targets, s=12, color="#8d8d8d")
        grid = [[place / 60.0] for place in range(-66, 67)]
        for name, (activation, accident) in cases.items():
            model, course = trained(activation, accident=accident)
            count = dead(model)
            print(f"{name:32} {count:2} dead   loss {course[-1]:.4f}")
            for finding in doctor.examine(model, points.inputs, points.targets, loss="mean_squared_error"):
                print(f"     doctor: {finding}")
            axes[0].plot([x for (x,) in grid], [row[0] for row in model.predict(grid)], label=name)
            axes[1].plot(course, label=name)
            results[f"{name}: dead"], results[f"{name}: loss"] = count, course[-1]
        axes[0].set_title("what was learned")
        axes[1].set_title("loss")
        axes[1].set_yscale("log")
        axes[1].set_xlabel("epoch")
        axes[1].legend(fontsize=8)
    return results


if __name__ == "__main__":
    main()
