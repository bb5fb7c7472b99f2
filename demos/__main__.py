"""The main job: what a gradient is, that ours are right, and a network that learns to tell flowers apart.

    python -m demos        (or: make demo)

Part one steps through backprop on one small expression. Part two checks its gradients against finite
differences. Part three trains a network on Fisher's iris flowers, in the six steps that every training has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from demos.next_lines import LINES
from demos.place import OUT, heading, picture
from engine import Value, check_gradients, draw, log, page, steps
from nn import MLP, SGD, data, evaluate, fit, plots

SEED = 0


def expression(a: Value, b: Value, c: Value) -> Value:
    """A number that depends on three others: (tanh(a·b + c) − 1)²."""
    return ((a * b + c).tanh() - 1) ** 2


def one_step_at_a_time(written: list[str]) -> None:
    """Backprop on the expression, the chain rule line by line, and pictures of it."""
    heading("Backprop, one step at a time")
    a, b, c = Value(0.5, label="a"), Value(-1.0, label="b"), Value(0.8, label="c")
    loss = expression(a, b, c)
    loss.label = "loss"
    print("loss = (tanh(a × b + c) − 1)², with a = 0.5, b = −1, c = 0.8\n")
    for step in steps(loss):
        print(step)
    loss.backward()
    found = ", ".join(f"{leaf.label}.grad = {leaf.grad:.4f}" for leaf in (a, b, c))
    print(f"\nloss.backward() gives the same: {found}")
    written.append(draw(loss).save(picture("expression.svg")).name)
    page(loss).save(picture("expression.html"))
    written.append("expression.html")


def are_the_gradients_right() -> None:
    """The same gradients from nothing but values of the function: finite differences."""
    heading("Are they right? Finite differences know nothing of the chain rule")
    print(check_gradients(expression, at=[0.5, -1.0, 0.8]))


def train_on_iris(written: list[str]) -> float:
    """The six steps; returns the accuracy on flowers that training never saw."""
    heading("Step 1 of 6: prepare the data: predictors and truth labels")
    flowers = data.iris()
    train, test = flowers.split(test=0.3, seed=SEED)
    train, test = data.standardize(train, test)
    print(f"{len(flowers)} flowers, 4 measurements each, of 3 kinds: {', '.join(flowers.classes)}")
    print(f"{len(train)} to learn from, {len(test)} kept back for the test")

    heading("Step 2 of 6: initialize the network at random")
    model = MLP(4, [8, 3], activation="tanh", output="softmax", seed=SEED)
    print(model.summary())

    heading("Step 3 of 6: non-linearity, so that more than a straight line can be learned")
    first_layer: Any = model.layers[0]
    output = first_layer.neurons[0](train.inputs[0])
    print(f"one neuron: tanh(Σ weight × input + bias) = {output.data:.4f} for the first flower")
    output.backward()
    written.append(draw(output).save(picture("neuron.svg")).name)
    model.zero_grad()

    heading("Step 4 of 6: predict")
    truth = flowers.classes[train.targets[0]]
    print(f"untrained, for the first flower, a {truth}: {shares(model.predict(train.inputs[:1])[0])}")

    heading("Step 5 of 6: the loss function: how far from the truth?")
    before = evaluate(
        model, train.inputs, train.targets, loss="categorical_cross_entropy", metrics=["accuracy"]
    )
    print(f"categorical cross-entropy {before['loss']:.3f}, accuracy {before['accuracy']:.3f}")
    print(beside_guessing(before["loss"], len(flowers.classes)))

    heading("Step 6 of 6: feed the loss back, correct the weights, again and again")
    history = fit(
        model,
        train.inputs,
        train.targets,
        loss="categorical_cross_entropy",
        optimizer=SGD(0.1),
        epochs=40,
        batch_size=15,
        seed=SEED,
        validation=(test.inputs, test.targets),
        metrics=["accuracy"],
    )
    plots.curves(history, path=picture("loss.svg"))
    written.append("loss.svg")
    print(f"trained, for the same {truth}: {shares(model.predict(train.inputs[:1])[0])}")
    scores = {
        name: evaluate(
            model, part.inputs, part.targets, loss="categorical_cross_entropy", metrics=["accuracy"]
        )
        for name, part in (("train", train), ("test", test))
    }
    for name, score in scores.items():
        print(f"{name:5} accuracy {score['accuracy']:.3f}, loss {score['loss']:.3f}")
    return scores["test"]["accuracy"]


def shares(probabilities: Sequence[float]) -> str:
    """The probabilities of the three kinds, to read."""
    return ", ".join(
        f"{share}% {name}" for share, name in zip(percents(probabilities), data.iris().classes, strict=True)
    )


def percents(probabilities: Sequence[float]) -> list[int]:
    """Whole percents that add up to 100: those that lost most by rounding down are rounded up.

    >>> percents([0.526, 0.206, 0.268])
    [52, 21, 27]
    """
    exact = [100.0 * p for p in probabilities]
    whole = [int(x) for x in exact]
    by_loss = sorted(range(len(exact)), key=lambda place: whole[place] - exact[place])
    for place in by_loss[: 100 - sum(whole)]:
        whole[place] += 1
    return whole


def beside_guessing(loss: float, kinds: int) -> str:
    """How a loss compares with that of saying for every flower that all kinds are equally likely."""
    guess = log(kinds)
    much, little = loss > 1.05 * guess, loss < 0.95 * guess
    judged = "worse than" if much else "better than" if little else "no better than"
    return f"guessing would give {guess:.3f} and {1 / kinds:.3f}: an untrained network is {judged} guessing"


def main() -> float:
    """Run all three parts; returns the test accuracy."""
    written: list[str] = []
    one_step_at_a_time(written)
    are_the_gradients_right()
    accuracy = train_on_iris(written)
    heading("What this wrote, and what to try next")
    for name in written:
        print(f"  {OUT.relative_to(OUT.parent.parent) / name}")
    print("Open expression.html in a browser and step through backprop with the arrow keys.")
    print("make demos runs the whole course and writes a gallery; make test runs the tests.")
    heading("Ten lines to type next, at the prompt of .venv/bin/python, and what you should see")
    print(LINES)
    return accuracy


if __name__ == "__main__":
    main()
