"""Stepping: the steps of a training, in the gear asked for, or in the one in which they can be taken."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

from engine import EngineError, ReplayError, Value
from nn.modules.programs import Programs
from nn.training.evaluation import rows_of
from nn.training.gears import EagerGear, Gear, ReplayGear
from nn.training.history import History
from nn.training.objective import Objective
from nn.training.optimizers import Optimizer
from nn.training.samples import Samples

__all__ = ["Stepping", "gear_for"]

GEARS = ("auto", "eager", "replay")
UNRECORDABLE = (EngineError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


class Stepping:
    """Takes steps; the history says in which gear, why so, and which of them cannot be trusted.

    In "auto", what replay refuses in the middle is done in eager from there on. In "replay" it is an error.
    """

    def __init__(
        self, wanted: str, objective: Objective, samples: Samples, optimizer: Optimizer, history: History
    ) -> None:
        self.wanted = gear_named(wanted)
        self.objective, self.samples, self.optimizer, self.history = objective, samples, optimizer, history
        self.done = 0
        self.gear: Gear = EagerGear(objective, samples, optimizer)
        self._known_doubts = 0  # of the gear, which are in the history
        self._remembered: dict[str, dict[Value, float]] = {}  # by the optimizer

    @property
    def name(self) -> str:
        """The name of the gear that is in."""
        return self.gear.words.partition(":")[0]

    def begin(self, places: Sequence[int]) -> None:
        """Choose the gear; `places` are those of the first batch."""
        self._shift(gear_for(self.wanted, self.objective, self.samples, self.optimizer, places))

    def follow(self, places: Sequence[int]) -> None:
        """After the user's callbacks: train what is to be trained now, and notice what they have changed.

        What the optimizer remembers of a parameter stays with it; of a new one that is 0.
        """
        before = self.objective.parameters
        self.gear.recheck()
        Programs.of(self.objective.model).recheck()
        if self.objective.follow_model():
            for name, column in self.optimizer.memory.items():
                known = self._remembered.setdefault(name, {})  # also of what is left out for a while
                known.update(zip(before, column, strict=True))
                self.optimizer.memory[name] = [known.get(each, 0.0) for each in self.objective.parameters]
            self.begin(places)

    def sorted(self, keys: Sequence[Sequence[int]]) -> Sequence[int]:
        """The places of the numbers of each list, the smallest number's first, as the gear wants them."""
        return self.gear.sorted(keys)

    def epoch(self, order: Sequence[int], size: int) -> Iterator[list[float]]:
        """Step after step through the samples in this order, in batches of `size`, the last perhaps smaller.

        Yields, after one step or several, the sum of the losses of each batch as they were before its step.
        """
        at = 0
        while at < len(order):
            sums = self._steps(order, at, size)
            at += len(sums) * size
            yield sums

    def _steps(self, order: Sequence[int], at: int, size: int) -> list[float]:
        """Some steps; in eager where replay can go no further."""
        try:
            sums = self.gear.steps(order, at, size)
        except ReplayError as error:
            self._leave_replay(error)
            sums = self.gear.steps(order, at, size)
        self.done += len(sums)
        if len(self.gear.doubts) > self._known_doubts:
            self._take_doubts(before=1)
        return sums

    def rows_of(self, samples: Samples) -> list[list[float]]:
        """[loss, *outputs] for every sample, with the model as it is; node by node where steps are so."""
        replays = not isinstance(self.gear, EagerGear)
        return rows_of(self.objective.model, self.objective.loss, samples, replays=replays)

    def show(self) -> None:
        """Put the numbers into the parameters, for somebody who only looks at them."""
        self.gear.show()

    def settle(self) -> None:
        """Put everything where it belongs, also gradients and what the optimizer remembers."""
        self.gear.settle()

    def _shift(self, gear: Gear) -> None:
        self.gear = gear
        self.history.gear = gear.words
        self._known_doubts = len(gear.doubts)

    def _leave_replay(self, error: ReplayError) -> None:
        self._take_doubts(before=0)
        if self.wanted == "replay":
            raise error
        self.gear.settle()
        self._shift(EagerGear(self.objective, self.samples, self.optimizer, f"{error}"))
        warnings.warn(f"fit goes on in eager: {error}", UserWarning, stacklevel=8)

    def _take_doubts(self, before: int) -> None:
        """Note which steps were taken on numbers that are not eager's; so many were done right since."""
        last = self.done - before
        for doubt in self.gear.doubts[self._known_doubts :]:
            first = max(1, last - doubt.calls + 1)
            if last >= first:
                self.history.doubts.append(f"steps {first} to {last} cannot be trusted: {doubt.what}")
        self._known_doubts = len(self.gear.doubts)


def gear_named(name: str) -> str:
    """The name itself; ValueError where there is no such gear."""
    if name not in GEARS:
        raise ValueError(f"gear must be one of {', '.join(map(repr, GEARS))}, got {name!r}")
    return name


def gear_for(
    wanted: str, objective: Objective, samples: Samples, optimizer: Optimizer, places: Sequence[int] = (0,)
) -> Gear:
    """The gear of this name; for "auto" replay where the loss can be recorded, else eager, which says why.

    `places` are those of a batch to record it from, best the first that will come.
    """
    if gear_named(wanted) == "eager":
        return EagerGear(objective, samples, optimizer)
    try:
        return ReplayGear(objective, samples, optimizer, places)
    except UNRECORDABLE as error:
        if wanted == "replay":
            raise
        return EagerGear(objective, samples, optimizer, f"{error}")
