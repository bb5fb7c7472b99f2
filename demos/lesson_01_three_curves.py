"""Three curves found by gradient descent

Deep learning begins with a question: which function made these points? Here the form of the function is
known, a line, a circle, a sine, and only its numbers are not. They begin somewhere; a loss says how
badly they fit; its derivatives say which way to turn each of them; a small step that way, and again.

Notice: the three programs differ in one line, the formula. Nobody derives anything by hand, and nobody
tells the machine where the center of the circle is: the error alone leads it there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import cos, pi, sin
from typing import Any

from demos.place import heading, picture
from engine import RenderError, Value, live, mean
from nn import data, plots

Point = tuple[list[float], float]


# %% The whole of learning, in nine lines: how wrong, which way, a small step.
def descend(
    unknown: list[Value], error: Callable[[Point], Value], points: list[Point], rate: float, steps: int
) -> list[float]:
    """Turn the unknown numbers until the mean squared error is small; the loss at every step."""
    losses = []
    for _ in range(steps):
        loss = mean([error(point) ** 2 for point in points])
        for number in unknown:
            number.grad = 0.0
        loss.backward()
        for number in unknown:
            number.data -= rate * number.grad
        losses.append(loss.data)
    return losses


def line() -> tuple[list[Value], list[float], list[Point]]:
    """The slope and the offset of a line through noisy points; the truth is 2 and -1."""
    samples = data.line(40, slope=2.0, offset=-1.0, seed=1)
    w, b = Value(0.0, label="w"), Value(0.0, label="b")
    points = list(zip(samples.inputs, samples.targets, strict=True))
    return [w, b], descend([w, b], lambda p: w * p[0][0] + b - p[1], points, 0.2, 40), points


def circle() -> tuple[list[Value], list[float], list[Point]]:
    """The center and the squared radius of a circle; the truth is 1, -0.5 and 4."""
    samples = data.circle(40, center=(1.0, -0.5), radius=2.0, seed=1)
    a, b, c = Value(0.0, label="a"), Value(0.0, label="b"), Value(1.0, label="c")
    points = list(zip(samples.inputs, samples.targets, strict=True))

    def error(point: Point) -> Value:
        (x, y), _ = point
        return (x - a) ** 2 + (y - b) ** 2 - c

    return [a, b, c], descend([a, b, c], error, points, 0.03, 120), points


def wave() -> tuple[list[Value], list[float], list[Point]]:
    """The height and the offset of a wave; the truth is 2 and 5."""
    samples = data.sine(40, scale=2.0, offset=5.0, seed=1)
    p, q = Value(0.0, label="p"), Value(0.0, label="q")
    points = list(zip(samples.inputs, samples.targets, strict=True))
    return [p, q], descend([p, q], lambda s: p * sin(s[0][0]) + q - s[1], points, 0.2, 60), points


def move() -> None:
    """A page on which the line's two numbers can be moved by hand."""
    w, b = Value(0.0, label="w"), Value(0.0, label="b")
    loss = mean([(w * x + b - y) ** 2 for x, y in ((-1.0, -3.0), (0.5, 0.0), (2.0, 3.0))])
    page = live(loss, ranges={w: (-4.0, 4.0), b: (-4.0, 4.0)}, title="loss")
    with suppress(RenderError):  # no layout program is installed
        page.save(picture("lesson_01_live.html"))


def main() -> dict[str, float]:
    """Find the three, print and draw them; the numbers that were found."""
    found: dict[str, float] = {}
    with plots.chart(2, 3, size=(10.5, 6.2), path=picture("lesson_01_three_curves.png")) as (_, axes):
        for place, (title, learn) in enumerate((("line", line), ("circle", circle), ("sine", wave))):
            numbers, losses, points = learn()
            heading(title)
            print(f"the loss falls from {losses[0]:.3f} to {losses[-1]:.4f} in {len(losses)} steps")
            for number in numbers:
                print(f"  {number.label} = {number.data:.3f}")
                found[f"{title} {number.label}"] = number.data
            draw(axes[place], title, [number.data for number in numbers], points)
            axes[place + 3].plot(losses, color=plots.COLORS[1])
            axes[place + 3].set_yscale("log")
            axes[place + 3].set_xlabel("step")
            axes[place + 3].set_ylabel("loss" if place == 0 else "")
    move()
    return found


def draw(axes: Any, title: str, numbers: list[float], points: list[Point]) -> None:
    """The points, and the curve with the numbers that were found."""
    if title == "circle":
        a, b, c = numbers
        turns = [2.0 * pi * step / 100 for step in range(101)]
        axes.scatter(*zip(*(x for x, _ in points), strict=True), s=12, color="#8d8d8d")
        axes.plot([a + c**0.5 * cos(t) for t in turns], [b + c**0.5 * sin(t) for t in turns])
        axes.set_aspect("equal")
    else:
        first, second = numbers
        xs = [pi * (step / 50 - 1) for step in range(101)] if title == "sine" else [-2.0, 2.0]
        axes.scatter([x for (x,), _ in points], [y for _, y in points], s=12, color="#8d8d8d")
        axes.plot(xs, [first * (sin(x) if title == "sine" else x) + second for x in xs])
    axes.set_title(
        {"line": "y = wx + b", "circle": "(x − a)² + (y − b)² = c", "sine": "y = p sin x + q"}[title]
    )


if __name__ == "__main__":
    main()
