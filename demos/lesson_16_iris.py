"""Iris: one of three

150 flowers of three species, four measurements each (Fisher, 1936). The last layer has a neuron for
every species, and softmax makes their outputs probabilities; categorical cross-entropy looks at the one
given to the truth.

Notice: setosa is never mistaken; versicolor and virginica overlap, and the few mistakes are all between
those two. Probabilities near one half are where the mistakes are: the network knows where it does not
know.
"""

from __future__ import annotations

from demos.place import heading, picture
from nn import MLP, SGD, data, fit, metrics, plots


def main() -> dict[str, float]:
    """Train, test, and look at the flowers that were mistaken."""
    train, test = data.standardize(*data.iris().split(test=0.3, seed=0))
    model = MLP(4, [8, 3], activation="tanh", output="softmax", seed=0)
    print(model.summary())
    history = fit(
        model,
        train.inputs,
        train.targets,
        loss="categorical_cross_entropy",
        optimizer=SGD(0.1, momentum=0.9),
        epochs=40,
        batch_size=16,
        validation=test,
        metrics="accuracy",
        progress=False,
    )
    print(history)
    outputs = model.predict(test.inputs)
    answers = [row.index(max(row)) for row in outputs]

    heading("the least certain answers on flowers that were not trained on")
    ranked = sorted(zip(outputs, answers, test.targets, strict=True), key=lambda sample: max(sample[0]))
    for row, answer, truth in ranked[:6]:
        shown = "  ".join(f"{name} {p:.2f}" for name, p in zip(test.classes, row, strict=True))
        print(f"{shown}   is {test.classes[truth]:10} {'' if answer == truth else '← mistaken'}")

    matrix = metrics.confusion_matrix(test.targets, answers, classes=range(3))
    plots.confusion(matrix, test.classes, picture("lesson_16_iris_confusion.png"))
    plots.curves(history, picture("lesson_16_iris_curves.png"))
    wrong = [max(row) for row, answer, truth in ranked if answer != truth]
    return {
        "accuracy": history["validation accuracy"][-1],
        "setosa mistaken": sum(matrix[0][1:]) + matrix[1][0] + matrix[2][0],
        "most certain mistake": max(wrong, default=0.0),
        "mean certainty": sum(max(row) for row in outputs) / len(outputs),
    }


if __name__ == "__main__":
    main()
