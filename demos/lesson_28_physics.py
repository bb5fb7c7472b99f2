"""A network that obeys a law of physics, and sees no data

A weight on a spring, slowed down by friction, moves by a law that everybody knows: its acceleration is
−friction × velocity − stiffness × position. A network u(t) can learn the motion from this law alone. Ask it
for u, for its first and second derivative by the time, and for how far the three are from the law; the
square of that is the loss. `derivative` gives Values, so the loss is a graph like any other, and backprop
goes through the derivatives too (Raissi, Perdikaris, Karniadakis, 2019).

Notice: there is no measurement in it. Where the motion begins is built in: 1 + t² × network(t) is 1 at time
0 and at rest, whatever the network says. The same `fit` as ever trains it, in replay: the derivatives
inside the loss are recorded with it, and rolled into matrix code. The exact motion is known, so one can see
how close it comes.
"""

from __future__ import annotations

import math
import time
from typing import Any

from demos.place import heading
from engine import Value, derivative
from nn import MLP, Adam, Module, fit, schedules

FRICTION, STIFFNESS, END = 1.0, 9.0, 2.0
TIMES = [[END * k / 39] for k in range(40)]


class Motion(Module):
    """Where the weight is at a time: it begins at 1, at rest."""

    def __init__(self, seed: int) -> None:
        self.network = MLP(1, [12, 12, 1], activation="tanh", seed=seed)

    def __call__(self, t: Any, /) -> Any:
        """The position, a Value."""
        return 1.0 + t * t * self.network([t])[0]


class Law(Module):
    """How far a motion is from the law, at a time: u″ + friction × u′ + stiffness × u."""

    def __init__(self, motion: Motion) -> None:
        self.motion = motion

    def __call__(self, inputs: Any, /) -> Any:
        """The residual, a Value: 0 where the law is obeyed."""
        (t,) = inputs
        u, velocity, acceleration = (derivative(self.motion, order)(t) for order in range(3))
        return acceleration + FRICTION * velocity + STIFFNESS * u


def exact(t: float) -> float:
    """The solution of the law, from a textbook."""
    decay = FRICTION / 2.0
    speed = math.sqrt(STIFFNESS - decay**2)
    return math.exp(-decay * t) * (math.cos(speed * t) + decay / speed * math.sin(speed * t))


def train(gear: str, epochs: int) -> tuple[Motion, list[float], float, str]:
    """(the motion, the losses, seconds, what ran it) of a training on all times at once."""
    motion = Motion(seed=1)
    start = time.perf_counter()
    history = fit(
        Law(motion),
        TIMES,
        [0.0] * len(TIMES),
        loss="mean_squared_error",
        optimizer=Adam(schedules.Cosine(0.05, steps=epochs)),
        epochs=epochs,
        progress=False,
        gear=gear,
    )
    return motion, history["loss"], time.perf_counter() - start, history.gear


def main(epochs: int = 3000, few: int = 1) -> dict[str, float]:
    """Run the lesson."""
    heading("The law as a loss, node by node and in replay")
    _, slowly, eager, _ = train("eager", few)
    _, quickly, _, _ = train("replay", few)
    apart = max(abs(a - b) / a for a, b in zip(slowly, quickly, strict=True))
    print(f"on {len(TIMES)} times, the losses of both gears differ by {apart:.0e}")

    heading(f"{epochs} steps in replay")
    motion, losses, seconds, gear = train("auto", epochs)
    print(f"run by {gear}")
    print(f"loss {losses[0]:.3g} -> {losses[-1]:.3g}, {seconds / epochs * 1e3:.2f} ms a step, all included;")
    print(f"eager took {eager / few * 1e3:.0f} ms a step")

    heading("Where the weight is: the network, and the textbook")
    worst = 0.0
    for k in range(0, 40, 3):
        (t,) = TIMES[k]
        found, truth = motion(Value(t)).data, exact(t)
        worst = max(worst, abs(found - truth))
        place = round(30 + 28 * found)
        print(f"t = {t:4.2f}  {found:+.4f}  {truth:+.4f}  {'.' * place}o")
    print(f"\nthe largest difference is {worst:.1e}")
    faster = (eager / few) / (seconds / epochs)
    return {"apart": apart, "first": losses[0], "last": losses[-1], "worst": worst, "faster": faster}


if __name__ == "__main__":
    main()
