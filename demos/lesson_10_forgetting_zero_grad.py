"""Forgetting zero_grad

backward() adds to the gradients that are there. That is what sums over samples need, and it is the most
famous bug of every training loop: without zero_grad() each step uses this step's gradient and those of
all steps before.

Notice: the loop with the bug does learn at first, so it looks right. Then it shoots past the minimum,
swings, and gets worse, like a ball on a slope without friction. The training doctor names it at its
second step.
"""

from __future__ import annotations

from demos.place import heading, picture
from nn import Neuron, data, doctor, losses, plots

STEPS, RATE = 60, 0.1


def train(*, forgetful: bool) -> tuple[list[float], list[doctor.Finding]]:
    """The losses of a loop with or without the bug, and what the doctor says to its second step."""
    points = data.line(30, seed=2)
    neuron = Neuron(1, activation="linear", seed=0)
    course, findings = [], []
    for step in range(STEPS):
        loss = losses.mean_squared_error([neuron(x) for x in points.inputs], points.targets)
        if not forgetful:
            neuron.zero_grad()
        loss.backward()
        if step == 1:
            findings = doctor.examine_step(neuron, loss)
        for parameter in neuron.parameters():
            parameter.data -= RATE * parameter.grad
        course.append(loss.data)
    return course, findings


def main() -> dict[str, float]:
    """Both loops, side by side."""
    right, nothing = train(forgetful=False)
    wrong, findings = train(forgetful=True)
    heading("the loss after some steps")
    print("step      with zero_grad   without")
    for step in (0, 1, 2, 5, 10, 20, 40, STEPS - 1):
        print(f"{step:4} {right[step]:16.4f} {wrong[step]:10.4f}")
    heading("the doctor, at the second step")
    print(f"with zero_grad:    {nothing or 'nothing to report'}")
    print(f"without:           {findings[0]}")
    with plots.chart(size=(6.4, 3.6), path=picture("lesson_10_zero_grad.png")) as (_, (axes,)):
        axes.plot(right, label="with zero_grad()")
        axes.plot(wrong, label="forgotten")
        axes.set_yscale("log")
        axes.set_title("The same loop, with and without one line")
        axes.set_xlabel("step")
        axes.set_ylabel("loss")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return {
        "right": right[-1],
        "wrong": max(wrong[30:]),
        "wrong at its best": min(wrong),
        "findings": len(findings),
        "findings without the bug": len(nothing),
    }


if __name__ == "__main__":
    main()
