"""Turns: steps run one after the other, again and again, so that all meet the same weather."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .workload import Step

__all__ = ["Times", "take_turns"]

MOST_CALLS, TURN = 8, 0.002  # a turn is a few calls in a row, as in training: 2 ms of them, or one


@dataclass
class Times:
    """The seconds of every call of a step."""

    seconds: list[float] = field(default_factory=list)
    due: float = 0.0  # when the next turn is: slow steps wait, so that they do not eat the others' time

    @property
    def least(self) -> float:
        """The quickest call."""
        return min(self.seconds)

    @property
    def middle(self) -> float:
        """The median of all calls."""
        return statistics.median(self.seconds)

    def turn(self, step: Step, share: float, clock: Callable[[], float]) -> None:
        """A few calls; then a pause in which they are no more than that share of the time."""
        start = clock()
        for _ in range(MOST_CALLS):
            before = clock()
            step()
            after = clock()
            self.seconds.append(after - before)
            if after - start > TURN:
                break
        self.due = after + (after - start) * (1.0 / share - 1.0) if after - start > 2 * TURN else after


def take_turns(
    steps: Mapping[str, Step], seconds: float, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Times]:
    """{name: its times}, after that many seconds, and at least one turn each; in a new order every round."""
    times = {name: Times() for name in steps}
    draw = random.Random(0)
    end = clock() + seconds
    while clock() < end or not all(found.seconds for found in times.values()):
        for name in draw.sample(sorted(steps), len(steps)):
            if clock() >= times[name].due:
                times[name].turn(steps[name], 1.0 / len(steps), clock)
    return times
