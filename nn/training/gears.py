"""Gears: how a training step is computed, node by node or replayed; the formulas are the same.

In the eager gear each step builds the graph of its batch anew, and every node can be looked at. In the replay
gear the loss of one sample is recorded once, and runs on whole batches of numbers in arrays; parameters,
gradients and what the optimizer remembers stay in arrays too, and are put back where they belong when
somebody looks at them. Both take the same steps to about 1e-12.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import engine
from engine import EngineError, total
from nn.training.masks import Masks, dropout_generators, has_masks, taking
from nn.training.objective import Objective
from nn.training.optimizers import Optimizer
from nn.training.samples import Samples

__all__ = ["EagerGear", "Gear", "ReplayGear", "gear_for", "gear_named"]

GEARS = ("auto", "eager", "replay")
UNRECORDABLE = (EngineError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


class Gear(Protocol):
    """Takes training steps; `words` say which way, and why so."""

    words: str

    @property
    def doubts(self) -> Sequence[Any]:
        """What was noticed late: each has `what`, and how many `calls` before it cannot be trusted."""

    def sorted(self, keys: Sequence[int]) -> Sequence[int]:
        """The places of these numbers, the smallest number's first; equal ones stay in order."""

    def steps(self, order: Sequence[int], at: int, size: int) -> list[float]:
        """One step or several, on batches of the samples whose places stand in the order, from `at` on.

        The last batch may be smaller. Returns for each the sum of its losses before the step.
        """

    def settle(self) -> None:
        """Put everything where it belongs: numbers and gradients into the parameters."""

    def recheck(self) -> None:
        """Somebody's code has run in between: look closely at what the loss reads."""


class EagerGear:
    """Each step builds its graph and goes back through it."""

    def __init__(self, objective: Objective, samples: Samples, optimizer: Optimizer, why: str = "") -> None:
        self.objective, self.samples, self.optimizer = objective, samples, optimizer
        self.words = f"eager: {why}" if why else "eager"
        self.doubts: Sequence[Any] = ()

    def sorted(self, keys: Sequence[int]) -> list[int]:
        """By Python's own sorting."""
        return sorted(range(len(keys)), key=keys.__getitem__)

    def steps(self, order: Sequence[int], at: int, size: int) -> list[float]:
        """Build, go back, correct: one step."""
        places = order[at : at + size]
        loss = self.objective.gradients(self.samples.at(places), self.samples)
        self.optimizer.step(self.objective.parameters)
        return [loss * len(places)]

    def settle(self) -> None:
        """Everything is where it belongs already."""

    def recheck(self) -> None:
        """Each step does what the loss does then."""


class ReplayGear:
    """Each step runs the recorded program; raises ReplayError when made where that cannot be."""

    def __init__(
        self, objective: Objective, samples: Samples, optimizer: Optimizer, places: Sequence[int] = (0,)
    ) -> None:
        self.objective, self.optimizer = objective, optimizer
        masked = has_masks(objective.model)
        of_sample = taking(objective.of_sample) if masked else objective.of_sample
        self.program = engine.compile(of_sample, objective.parameters)
        self.penalty: Any = None
        if objective.penalties():
            self.penalty = engine.compile(lambda: total(objective.penalties()), objective.parameters)
        given = (samples.inputs, samples.targets, samples.weights)
        self.columns = [self.program.array(column) for column in given if column is not None]
        self.weights: Any = None
        self.gradient: Any = None
        self.masks: Masks | None = None
        was_training = objective.model.training
        generators = dropout_generators(objective.model)
        states = [generator.getstate() for generator in generators]
        objective.train(True)
        try:
            self._pack()
            if masked:
                self.masks = Masks(lambda: objective.model(samples.inputs[places[0]]), self.program)
            self._gradient_at(_with_extremes(places, self.columns[1]))
            objective.ensure_connected(samples.at(places[:1]), samples)
        finally:
            self.settle()
            objective.train(was_training)
            for generator, state in zip(generators, states, strict=True):
                generator.setstate(state)
        self.words = f"replay ({self.program.executor}): {self.program.stats}"

    @property
    def doubts(self) -> Sequence[Any]:
        """Those of the program of the loss."""
        return self.program.doubts

    def recheck(self) -> None:
        """At the next step look at all that the loss reads, and compare with eager."""
        for program in filter(None, (self.program, self.penalty)):
            program.recheck()

    def sorted(self, keys: Sequence[int]) -> Any:
        """The same order, as an array."""
        return self.program.array(keys).argsort(kind="stable")

    def steps(self, order: Sequence[int], at: int, size: int) -> list[float]:
        """All in arrays: one run of the program, one update for all parameters at once."""
        self._pack()
        places = order[at : at + size]
        loss, gradient = self._gradient_at(places)
        if not math.isfinite(loss):
            raise ArithmeticError(f"the loss is {loss!r}")
        (self.weights,) = self.optimizer.update([self.weights], [gradient])
        self.gradient = gradient
        if self.masks is not None and at + size >= len(order):
            self.masks.settle()  # the generators begin anew with the next epoch
        return [loss * len(places)]

    def _gradient_at(self, places: Sequence[int]) -> tuple[float, Any]:
        """The mean loss of these samples, and the gradient of it and of the penalties."""
        chosen = self.program.array(places)  # once, and not for each column
        batch = [column.take(chosen, 0) for column in self.columns]
        if self.masks is not None:
            batch.append(self.masks.take(len(places)))
        losses, gradient = self.program.value_and_gradients(self.weights, *batch)
        gradient = gradient / len(places)
        if self.penalty is not None:
            gradient = gradient + self.penalty.value_and_gradients(self.weights)[1]
        return float(losses.sum()) / len(places), gradient

    def _pack(self) -> None:
        """Numbers and the optimizer's memory into arrays, unless they are there already."""
        if self.weights is not None:
            return
        numbers = [parameter.data for parameter in self.objective.parameters]
        self.optimizer.ensure_fits(len(numbers))
        self.weights = self.program.array(numbers)
        self.optimizer.memory = {
            name: [self.program.array(column)] for name, column in self.optimizer.memory.items()
        }

    def settle(self) -> None:
        """Numbers, gradients and memory out of the arrays; all of it, also when Ctrl-C comes in between."""
        try:
            self._unpack()
        except KeyboardInterrupt:
            self._unpack()
            raise

    def _unpack(self) -> None:
        if self.masks is not None:
            self.masks.settle()
        if self.weights is None:
            return
        for parameter, number in zip(self.objective.parameters, self.weights.tolist(), strict=True):
            parameter.data = number
        if self.gradient is not None:
            for parameter in self.objective.everything:
                parameter.grad = 0.0
            for parameter, slope in zip(self.objective.parameters, self.gradient.tolist(), strict=True):
                parameter.grad = slope
        memory = self.optimizer.memory
        if all(len(column) == 1 and hasattr(column[0], "tolist") for column in memory.values()):
            self.optimizer.memory = {name: column[0].tolist() for name, column in memory.items()}
        self.weights = None


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


def _with_extremes(places: Sequence[int], targets: Any) -> list[int]:
    """The places of a batch, the last two exchanged for those of the least and the largest target."""
    rows = targets.reshape(len(targets), -1)
    extremes = [int(rows.min(1).argmin()), int(rows.max(1).argmax())]
    return [*places[:-2], *extremes] if len(places) > 2 else list(places)
