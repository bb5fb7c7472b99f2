"""The four losses: what they measure, and how hard they pull

For regression the mean squared error and the mean absolute error; for classification the binary and the
categorical cross-entropy. What a network learns from a loss is its derivative: that is the pull on the
prediction.

Notice: squared error pulls in proportion to the error, so one outlier outweighs ten good points;
absolute error always pulls with 1. Cross-entropy pulls without limit when the network is sure and
wrong. And followed back through sigmoid or softmax, its pull is simply prediction − truth.
"""

from __future__ import annotations

from demos.place import heading, picture
from engine import Value, softmax
from nn import losses, plots


def pull(loss: str, prediction: float, target: float) -> tuple[float, float]:
    """(loss, d loss / d prediction) for one prediction."""
    node = Value(prediction)
    value = losses.loss_function(loss)(node, target)
    value.backward()
    return value.data, node.grad


def softmax_pull(logit: float) -> tuple[float, float]:
    """(categorical cross-entropy, d loss / d logit) for the logit of the true class, two others being 0."""
    logits = [Value(logit), Value(0.0), Value(0.0)]
    loss = losses.categorical_cross_entropy(softmax(logits), 0)
    loss.backward()
    return loss.data, logits[0].grad or 0.0


def draw() -> None:
    """The losses, and their pulls with dashes."""
    with plots.chart(1, 3, size=(13.0, 3.8), path=picture("lesson_04_four_losses.png")) as (_, axes):
        xs = [place / 20 - 3 for place in range(121)]
        for color, name in zip(plots.COLORS, ("mean_squared_error", "mean_absolute_error"), strict=False):
            axes[0].plot(xs, [pull(name, x, 0.0)[0] for x in xs], color=color, label=name)
            axes[0].plot(xs, [pull(name, x, 0.0)[1] for x in xs], "--", color=color, label="its pull")
        axes[0].set_title("regression: loss over the error")
        axes[0].set_ylim(-4, 6)
        axes[0].legend(fontsize=8)
        ps = [place / 200 for place in range(4, 200)]
        for color, truth in zip(plots.COLORS, (1, 0), strict=False):
            axes[1].plot(
                ps,
                [pull("binary_cross_entropy", p, truth)[0] for p in ps],
                color=color,
                label=f"truth {truth}",
            )
        axes[1].set_title("binary cross-entropy over the prediction")
        axes[1].set_xlabel("predicted probability of class 1")
        axes[1].legend()
        zs = [place / 20 - 5 for place in range(201)]
        behind = [softmax_pull(z) for z in zs]
        axes[2].plot(zs, [value for value, _ in behind], color=plots.COLORS[0], label="loss")
        axes[2].plot(zs, [slope for _, slope in behind], "--", color=plots.COLORS[0], label="its pull")
        axes[2].set_title("categorical cross-entropy, three classes")
        axes[2].set_xlabel("logit of the true class, the others 0")
        axes[2].legend()


def outlier() -> dict[str, float]:
    """Which constant each regression loss settles on, for ten ones and a twelve."""
    heading("one outlier among ten: where does each loss put the constant?")
    points = [1.0] * 10 + [12.0]
    found = {}
    for name in ("mean_squared_error", "mean_absolute_error"):
        guess = Value(3.0)
        for _ in range(400):
            guess.grad = 0.0
            losses.loss_function(name)([guess] * len(points), points).backward()
            guess.data -= 0.02 * guess.grad
        found[name] = guess.data
        print(f"{name:20} settles at {guess.data:.2f}  (mean 2.00, median 1.00)")
    return found


def main() -> dict[str, float]:
    """Values and pulls of the four losses; an outlier; the pull behind a softmax."""
    heading("regression: the truth is 0")
    for name in ("mean_squared_error", "mean_absolute_error"):
        rows = [(x, *pull(name, x, 0.0)) for x in (0.1, 1.0, 10.0)]
        print(f"{name:20}", "   ".join(f"error {x:4}: loss {v:6.2f}, pull {g:5.2f}" for x, v, g in rows))

    heading("classification: the truth is 1")
    for p in (0.9, 0.5, 0.01):
        value, slope = pull("binary_cross_entropy", p, 1)
        print(f"probability {p:4} for the truth: loss {value:6.3f}, pull {slope:8.2f}")

    found = outlier()

    heading("categorical cross-entropy, behind a softmax")
    logits = [Value(2.0), Value(1.0), Value(-1.0)]
    probabilities = softmax(logits)
    losses.categorical_cross_entropy(probabilities, 1).backward()
    for place, (logit, node) in enumerate(zip(logits, probabilities, strict=True)):
        truth = float(place == 1)
        print(f"  class {place}: probability {node.data:.4f}, truth {truth:.0f}, its pull {logit.grad:8.4f}")
    pulls = zip(logits, probabilities, (0.0, 1.0, 0.0), strict=True)
    off = max(abs(logit.grad - (node.data - truth)) for logit, node, truth in pulls)

    draw()
    return {
        "squared pull at 10": pull("mean_squared_error", 10.0, 0.0)[1],
        "absolute pull at 10": pull("mean_absolute_error", 10.0, 0.0)[1],
        "sure and wrong": -pull("binary_cross_entropy", 0.01, 1)[1],
        "softmax pull off by": off,
        **found,
    }


if __name__ == "__main__":
    main()
