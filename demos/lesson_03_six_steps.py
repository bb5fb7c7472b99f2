"""The six steps of training, one by one

1 a data set with predictors and truth labels · 2 a network with random weights · 3 non-linearity · 4 a
prediction · 5 how far it is from the truth · 6 that number fed back, to correct the weights. Then 4 to
6 again and again.

Notice: step 6 moves every weight a little, against its own derivative, and the loss of the next round
is smaller. Nothing else ever happens in training: a large model does these six steps with more numbers.
"""

from __future__ import annotations

from demos.place import heading, picture
from nn import MLP, data, losses, plots


def slow_motion(model: MLP, points: data.Dataset) -> tuple[float, float]:
    """Steps 1 to 6, once, for one sample: its loss before and after."""
    heading("1  a data set: predictors x and truth labels y")
    for row, label in list(zip(points.inputs, points.targets, strict=True))[:3]:
        print(f"   x1 = {row[0]:6.3f}   x2 = {row[1]:6.3f}   y = {label}")
    print(f"   … {len(points)} samples")

    heading("2  a network with random weights and biases")
    print(model.summary())
    first = model.named_parameters()["layers[0].neurons[0].weights[0]"]
    print(f"   the first weight happens to be {first.data:.4f}")

    heading("3  non-linearity: every hidden neuron bends its sum with tanh")
    hidden = model.layers[0](points.inputs[0])
    print("   the eight hidden outputs for the first sample:", *(f"{h.data:.2f}" for h in hidden))

    heading("4  the prediction")
    prediction = model(points.inputs[0])[0]
    print(f"   the network says {prediction.data:.4f} for a sample whose label is {points.targets[0]}")

    heading("5  how close is it to the truth?")
    loss = losses.binary_cross_entropy(prediction, points.targets[0])
    print(f"   −log of the probability that it gave to the truth: loss = {loss.data:.4f}")

    heading("6  feedback: go back, and correct the parameters")
    model.zero_grad()
    loss.backward()
    rate = 0.5
    before = first.data
    for parameter in model.parameters():
        parameter.data -= rate * parameter.grad
    again = losses.binary_cross_entropy(model(points.inputs[0])[0], points.targets[0])
    print(f"   the first weight's gradient is {first.grad:.4f}: {before:.4f} becomes {first.data:.4f}")
    print(f"   the same sample's loss is now {again.data:.4f} instead of {loss.data:.4f}")
    return loss.data, again.data


def main() -> dict[str, float]:
    """Do the six steps in slow motion once, then sixty times."""
    points = data.circles(40, seed=0)
    model = MLP(2, [8, 1], activation="tanh", output="sigmoid", seed=0)
    before, after = slow_motion(model, points)

    heading("and again, with all samples at once")
    course = []
    for step in range(60):
        whole = losses.binary_cross_entropy([model(x) for x in points.inputs], points.targets)
        model.zero_grad()
        whole.backward()
        for parameter in model.parameters():
            parameter.data -= 1.0 * parameter.grad
        course.append(whole.data)
        if step % 15 == 0:
            print(f"   step {step:2}   loss {whole.data:.4f}")
    right = sum(
        (p[0] > 0.5) == (y == 1) for p, y in zip(model.predict(points.inputs), points.targets, strict=True)
    )
    print(f"   step 60   loss {course[-1]:.4f}   {right} of {len(points)} right")

    with plots.chart(1, 2, size=(9.0, 4.0), path=picture("lesson_03_six_steps.png")) as (_, axes):
        axes[0].plot(course, color=plots.COLORS[1])
        axes[0].set_title("the loss, step by step")
        axes[0].set_xlabel("step")
        plots.draw_boundary(axes[1], model, points.inputs, points.targets)
        axes[1].set_title("what the network answers, after 60 steps")
    return {
        "loss before": before,
        "loss after": after,
        "first": course[0],
        "last": course[-1],
        "right": right / len(points),
    }


if __name__ == "__main__":
    main()
