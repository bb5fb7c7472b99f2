"""Optimizers raced on one valley

f(x, y) = x² ÷ 20 + y²: a long valley, steep across and nearly flat along. All start at the same place,
each with a learning rate that suits it, and all see exactly the same gradients; they differ in what
they make of them.

Notice: plain descent zigzags across the steep side and creeps along the flat one; no learning rate
suits both directions. Momentum carries along. RMSProp and Adam give each direction its own step. On a
network the gaps are the same in kind: plain descent comes last.
"""

from __future__ import annotations

from demos.place import heading, picture
from engine import Value
from nn import MLP, SGD, Adam, AdamW, Optimizer, RMSProp, data, fit, plots

START, STEPS = (-18.0, 3.0), 60


def racers() -> dict[str, Optimizer]:
    """Fresh optimizers, each with a rate that suits it."""
    return {
        "SGD": SGD(0.9),
        "momentum": SGD(0.2, momentum=0.8),
        "nesterov": SGD(0.2, momentum=0.8, nesterov=True),
        "RMSProp": RMSProp(0.5, decay=0.9),
        "Adam": Adam(1.0, beta1=0.8),
    }


def valley(x: Value, y: Value) -> Value:
    """Twenty times steeper in y than in x."""
    return x**2 / 20.0 + y**2


def run(optimizer: Optimizer) -> list[tuple[float, float, float]]:
    """(x, y, height) at each step."""
    x, y = Value(START[0]), Value(START[1])
    path = []
    for _ in range(STEPS):
        height = valley(x, y)
        path.append((x.data, y.data, height.data))
        x.grad = y.grad = 0.0
        height.backward()
        optimizer.step([x, y])
    return path


def main() -> dict[str, float]:
    """The race in the valley, then the same on two moons."""
    results: dict[str, float] = {}
    paths = {name: run(optimizer) for name, optimizer in racers().items()}
    heading(f"height after 10, 30 and {STEPS} steps")
    for name, path in paths.items():
        print(f"{name:10} {path[9][2]:10.5f} {path[29][2]:12.7f} {path[-1][2]:14.9f}")
        results[name] = path[29][2]

    heading("the same network on two moons: loss after 20 epochs")
    moons = data.moons(100, seed=3)
    choices = {
        "SGD": SGD(0.05),
        "momentum": SGD(0.05, momentum=0.9),
        "RMSProp": RMSProp(0.02),
        "Adam": Adam(0.03),
        "AdamW": AdamW(0.03),
    }
    courses = {}
    for name, optimizer in choices.items():
        model = MLP(2, [8, 1], activation="tanh", output="sigmoid", seed=3)
        courses[name] = fit(
            model, moons.inputs, moons.targets, loss="binary_cross_entropy", optimizer=optimizer, epochs=20,
            batch_size=20, progress=False,
        )["loss"]  # fmt: skip
        print(f"{name:10} {courses[name][-1]:.4f}")
        results[f"{name} on moons"] = courses[name][-1]

    with plots.chart(1, 2, size=(11.4, 4.2), path=picture("lesson_20_optimizers.png")) as (_, axes):
        xs, ys = [place / 2 - 20 for place in range(61)], [place / 10 - 4 for place in range(81)]
        heights = [[x * x / 20 + y * y for x in xs] for y in ys]
        axes[0].contour(xs, ys, heights, levels=[0.3, 1, 2.5, 5, 9, 14, 20], colors="#c8c8c8", linewidths=0.8)
        for name, path in paths.items():
            axes[0].plot(
                [p[0] for p in path], [p[1] for p in path], ".-", markersize=3, linewidth=1.2, label=name
            )
        axes[0].set_title("paths through the valley")
        axes[0].grid(visible=False)
        axes[0].legend(fontsize=8, ncols=2)
        for name, course in courses.items():
            axes[1].plot(range(1, 21), course, label=name)
        axes[1].set_title("two moons: loss")
        axes[1].set_xlabel("epoch")
        axes[1].legend(fontsize=8)
    return results


if __name__ == "__main__":
    main()
