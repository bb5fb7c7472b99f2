"""Diabetes: predicting a number, and knowing how little one knows

442 patients, ten measurements, and how far the disease had gone a year later, as a number from 25 to
346. The output is linear and the loss is the squared error: regression.

Notice: the targets are scaled like the inputs, or the first steps would be enormous. R² says which
share of the differences between patients is explained: about half, for the straight line and for the
network alike. More neurons cannot find what is not in the data; the curve of the validation loss says
so long before.
"""

from __future__ import annotations

from math import sqrt

from demos.place import heading, picture
from nn import MLP, Adam, data, fit, metrics, plots


def main() -> dict[str, float]:
    """A straight line and a small network, judged on patients that neither has seen."""
    patients = data.diabetes()
    train, test = data.standardize(*patients.split(test=0.3, seed=3))
    center = sum(train.targets) / len(train)
    spread = sqrt(sum((t - center) ** 2 for t in train.targets) / len(train))
    scaled = [(t - center) / spread for t in train.targets]
    validation = (test.inputs, [(t - center) / spread for t in test.targets])

    results: dict[str, float] = {}
    heading("R² on patients that were not trained on")
    with plots.chart(1, 2, size=(9.6, 4.0), path=picture("lesson_18_diabetes.png")) as (_, axes):
        for name, sizes in (("straight line", [1]), ("network", [8, 1])):
            model = MLP(10, sizes, activation="tanh", seed=3)
            history = fit(
                model,
                train.inputs,
                scaled,
                loss="mean_squared_error",
                optimizer=Adam(0.01),
                epochs=40,
                batch_size=16,
                validation=validation,
                early_stopping=8,
                progress=False,
            )
            answers = [center + spread * row[0] for row in model.predict(test.inputs)]
            results[name] = metrics.r2(test.targets, answers)
            error = metrics.mean_absolute_error(test.targets, answers)
            print(f"{name:14} {len(model.parameters()):3} parameters   R² {results[name]:.3f}   "
                  f"off by {error:.0f} on average   ({history.ended})")  # fmt: skip
            color = plots.COLORS[len(results) - 1]
            axes[0].plot(history["loss"], color=color, label=f"{name}, training")
            axes[0].plot(history["validation loss"], "--", color=color, label=f"{name}, validation")
            axes[1].scatter(test.targets, answers, s=12, color=color, alpha=0.7, label=name)
        axes[0].set_title("squared error, over the epochs")
        axes[0].legend(fontsize=8)
        axes[1].plot([25, 346], [25, 346], ":", color="#9a9a9a")
        axes[1].set_title("predicted over true")
        axes[1].legend(fontsize=8)
    mean_only = metrics.mean_absolute_error(test.targets, [center] * len(test))
    print(f"saying {center:.0f} for everybody would be off by {mean_only:.0f}")
    return results


if __name__ == "__main__":
    main()
