"""Learning rates that change while training: each is a function from the number of the step to a rate.

Steps are counted from 0, one for each update of the parameters.

>>> [round(Cosine(0.1, steps=4)(step), 4) for step in range(6)]
[0.1, 0.0854, 0.05, 0.0146, 0.0, 0.0]
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Constant", "Cosine", "Linear", "Schedule", "Step", "WarmUp", "as_schedule", "is_known", "rate_of"]


@dataclass(frozen=True)
class Schedule:
    """The base of all schedules: call it with the number of a step to get the learning rate there."""

    def __call__(self, step: int) -> float:
        """The learning rate of this step."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """The schedule as plain numbers, from which `as_schedule` makes it again."""
        return {"schedule": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate at every step.

    >>> Constant(0.1)(step=1000)
    0.1
    """

    rate: float

    def __post_init__(self) -> None:
        rate_of(self.rate)

    def __call__(self, step: int) -> float:  # noqa: ARG002  (one signature for all)
        """`rate`."""
        return self.rate


@dataclass(frozen=True)
class Step(Schedule):
    """`rate`, multiplied by `factor` after every `every` steps.

    >>> [Step(1.0, every=2, factor=0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        rate_of(self.rate)
        _some_steps(self.every)
        rate_of(self.factor, "factor")

    def __call__(self, step: int) -> float:
        """Rate × factor ** (step // every)."""
        return float(self.rate * self.factor ** (step // self.every))


@dataclass(frozen=True)
class Linear(Schedule):
    """From `rate` to `end` in a straight line over `steps` steps, then `end`.

    >>> [Linear(1.0, steps=2, end=0.5)(step) for step in range(4)]
    [1.0, 0.75, 0.5, 0.5]
    """

    rate: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        rate_of(self.rate)
        _some_steps(self.steps)
        _last_rate(self.end)

    def __call__(self, step: int) -> float:
        """The rate on the line."""
        share = min(step / self.steps, 1.0)
        return self.rate + (self.end - self.rate) * share


@dataclass(frozen=True)
class Cosine(Schedule):
    """From `rate` to `end` along half a cosine over `steps` steps, then `end`. Loshchilov, Hutter, 2017.

    >>> round(Cosine(0.1, steps=10)(5), 6)
    0.05
    """

    rate: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        rate_of(self.rate)
        _some_steps(self.steps)
        _last_rate(self.end)

    def __call__(self, step: int) -> float:
        """The rate on the curve."""
        share = min(step / self.steps, 1.0)
        return self.end + (self.rate - self.end) * (1.0 + math.cos(math.pi * share)) / 2.0


@dataclass(frozen=True)
class WarmUp(Schedule):
    """Up to the first rate of `then` in a straight line over `steps` steps; from there on what `then` says.

    >>> [WarmUp(4, then=Constant(1.0))(step) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """

    steps: int
    then: Schedule

    def __post_init__(self) -> None:
        _some_steps(self.steps)
        if not isinstance(self.then, Schedule):
            raise TypeError(f"then must be a schedule such as Constant(0.1), got {self.then!r}")

    def __call__(self, step: int) -> float:
        """The rate on the way up, or that of `then`."""
        if step < self.steps:
            return self.then(0) * (step + 1) / self.steps
        return self.then(step - self.steps)

    def state(self) -> dict[str, Any]:
        """The schedule as plain numbers, the one that follows inside."""
        return {"schedule": "WarmUp", "steps": self.steps, "then": self.then.state()}


SCHEDULES: dict[str, type[Schedule]] = {
    kind.__name__: kind for kind in (Constant, Step, Linear, Cosine, WarmUp)
}


def as_schedule(learning_rate: float | Schedule | dict[str, Any]) -> Schedule:
    """The schedule itself, a constant one for a number, or the one that `state()` described.

    >>> as_schedule(Step(0.1, every=10).state())
    Step(rate=0.1, every=10, factor=0.1)
    """
    if isinstance(learning_rate, Schedule):
        return learning_rate
    if isinstance(learning_rate, dict):
        settings = dict(learning_rate)
        kind = SCHEDULES[settings.pop("schedule")]
        return kind(**{key: as_schedule(x) if key == "then" else x for key, x in settings.items()})
    return Constant(learning_rate)


def is_known(schedule: Any) -> bool:
    """Whether it is one of those in here, which depend on nothing but the number of the step.

    >>> is_known(WarmUp(3, Constant(0.1))), is_known(lambda step: 0.1)
    (True, False)
    """
    if type(schedule) is WarmUp:
        return is_known(schedule.then)
    return type(schedule) in SCHEDULES.values()


def rate_of(rate: Any, what: str = "learning rate") -> float:
    """The rate itself; ValueError unless it is a finite number above 0."""
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0.0 < rate <= sys.float_info.max:
        hint = "; a schedule of your own is an instance of a subclass of Schedule" if callable(rate) else ""
        raise ValueError(f"the {what} must be a finite number above 0, got {rate!r}{hint}")
    return float(rate)


def _some_steps(steps: Any) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"a schedule needs a whole number of at least 1 step, got {steps!r}")


def _last_rate(rate: Any) -> None:
    if rate != 0.0 or isinstance(rate, bool):
        rate_of(rate, "learning rate at the end")
