"""Breast cancer: a decision between two, and what a mistake costs

569 tumors, 30 measurements of the nuclei of their cells, malignant or benign. One sigmoid neuron gives
the probability that a tumor is malignant.

Notice: accuracy is not the question that matters. A malignant tumor that is called benign is worse than
the other mistake, so the recall of "malignant" counts, and lowering the threshold buys recall with
false alarms. The ROC shows all the trades at once. And a single neuron does it: not every problem needs
depth.
"""

from __future__ import annotations

from demos.place import heading, picture
from nn import MLP, SGD, data, fit, metrics, plots


def draw(test: data.Dataset, scores: list[float], area: float) -> None:
    """The ROC, and how the probabilities of the two classes are spread."""
    false_rates, true_rates, _ = metrics.roc_curve(test.targets, scores)
    with plots.chart(1, 2, size=(9.6, 4.0), path=picture("lesson_15_breast_cancer.png")) as (_, axes):
        axes[0].plot(false_rates, true_rates, drawstyle="steps-post")
        axes[0].plot([0, 1], [0, 1], ":", color="#9a9a9a")
        axes[0].set_title(f"ROC, area {area:.3f}")
        axes[0].set_xlabel("false alarms")
        axes[0].set_ylabel("malignant found")
        for label, name in enumerate(test.classes):
            group = [score for score, target in zip(scores, test.targets, strict=True) if target == label]
            axes[1].hist(group, bins=[place / 20 for place in range(21)], alpha=0.75, label=name)
        axes[1].set_title("how sure the neuron is")
        axes[1].set_xlabel("predicted probability of malignant")
        axes[1].set_yscale("log")
        axes[1].legend()


def thresholds(test: data.Dataset, scores: list[float]) -> dict[float, float]:
    """What is missed and what is a false alarm, for three thresholds; their recalls."""
    heading("what the threshold does, on the 30 % that were not trained on")
    recalls = {}
    for threshold in (0.5, 0.2, 0.05):
        answers = [int(score >= threshold) for score in scores]
        recalls[threshold] = metrics.recall(test.targets, answers)
        matrix = metrics.confusion_matrix(test.targets, answers)
        print(
            f"threshold {threshold:4}: {matrix[1][0]:2} malignant missed, {matrix[0][1]:2} false alarms, "
            f"recall {recalls[threshold]:.3f}, accuracy {metrics.accuracy(test.targets, answers):.3f}"
        )
    return recalls


def main() -> dict[str, float]:
    """One neuron with 30 inputs, its mistakes, and the choice of a threshold."""
    tumors = data.breast_cancer()
    malignant = data.Dataset(
        "malignant",
        tumors.inputs,
        [1 - target for target in tumors.targets],
        tumors.features,
        ("benign", "malignant"),
    )
    train, test = data.standardize(*malignant.split(test=0.3, seed=1))
    model = MLP(30, [1], output="sigmoid", seed=1)
    history = fit(
        model,
        train.inputs,
        train.targets,
        loss="binary_cross_entropy",
        optimizer=SGD(0.3),
        epochs=15,
        batch_size=32,
        validation=test,
        metrics=["accuracy", "recall"],
        l2=0.001,
        progress=False,
    )
    print(history)
    scores = [row[0] for row in model.predict(test.inputs)]
    area = metrics.roc_area(test.targets, scores)

    recalls = thresholds(test, scores)
    print(f"area under the ROC: {area:.4f}")

    heading("which measurements speak loudest")
    weights = [weight.data for weight in model.layers[0].neurons[0].weights]
    for weight, name in sorted(zip(weights, tumors.features, strict=True), key=lambda pair: -abs(pair[0]))[
        :5
    ]:
        print(f"  {weight:6.3f}  {name}")

    draw(test, scores, area)
    return {
        "accuracy": history["validation accuracy"][-1],
        "area": area,
        "recall at 0.5": recalls[0.5],
        "recall at 0.05": recalls[0.05],
    }


if __name__ == "__main__":
    main()
