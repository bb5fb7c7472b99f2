"""Gears: how a training step is computed, node by node or replayed; the formulas are the same.

In the eager gear each step builds the graph of its batch anew, and every node can be looked at. In the replay
gear the loss of one sample is recorded once, and runs on whole batches of numbers in arrays; parameters,
gradients and what the optimizer remembers stay in arrays too, and are put back where they belong at the
end of each epoch. Both take the same steps to about 1e-12.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import engine
from engine import EngineError, Value, mean, total
from nn.modules.module import Module, Structure, outputs_for
from nn.training.limits import not_negative
from nn.training.losses import Loss, l1_penalty, l2_penalty
from nn.training.masks import Masks, dropout_generators, has_masks, taking
from nn.training.optimizers import Optimizer
from nn.training.samples import Sample, Samples

__all__ = ["EagerGear", "Gear", "Objective", "ReplayGear", "gear_for", "gear_named"]

GEARS = ("auto", "eager", "replay")
UNRECORDABLE = (EngineError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


class Objective:
    """What training makes small: the mean loss of a batch, and the penalties on the parameters."""

    def __init__(self, model: Module, loss: Loss, l1: float, l2: float) -> None:
        self.model, self.loss = model, loss
        self.l1, self.l2 = not_negative("l1", l1), not_negative("l2", l2)
        self.parameters: list[Value] = []
        self.everything: list[Value] = []  # walked once, and not at every step
        self._is_connected = False
        self._structure: Structure | None = None
        self._has_masks = False
        self.follow_model()

    def follow_model(self) -> bool:
        """Train what the model says is to be trained now; whether a gear made before cannot go on with it.

        ValueError where nothing is to be trained.
        """
        if self._structure is not None and not self._structure.has_changed():
            return False
        self._structure = Structure(self.model)
        before, self.parameters = self.parameters, self.model.parameters()
        everything, self.everything = self.everything, list(self.model.named_parameters().values())
        if not self.parameters:
            raise ValueError(f"{self.model!r} has no parameters to train: it has none, or all are frozen")
        is_same = _same(before, self.parameters) and _same(everything, self.everything)
        had_masks, self._has_masks = self._has_masks, has_masks(self.model)
        return not is_same or had_masks or self._has_masks

    def of_sample(self, inputs: Any, target: Any, weight: Any = None) -> Value:
        """The loss of one sample, as often as its weight says."""
        loss = self.loss(self.model(inputs), target)
        return loss if weight is None else loss * weight

    def penalties(self) -> list[Value]:
        """What is added to the loss that is minimized, and not to the one that is shown."""
        first = [l1_penalty(self.parameters, self.l1)] if self.l1 else []
        return [*first, l2_penalty(self.parameters, self.l2)] if self.l2 else first

    def gradients(self, batch: Sequence[Sample], samples: Samples | None = None) -> float:
        """Leave the gradients for a batch in the parameters, and return the mean loss.

        This is the one place where eager training meets backprop.
        """
        for parameter in self.everything:
            parameter.grad = 0.0
        loss = mean([self.of_sample(*sample) for sample in batch])
        if not self._is_connected and samples is not None and not self._connects(loss):
            self.ensure_connected(batch, samples)
        if not math.isfinite(loss.data):
            raise ArithmeticError(f"the loss is {loss.data!r}")
        sum(self.penalties(), loss).backward()
        return loss.data

    def ensure_connected(self, batch: Sequence[Sample], samples: Samples) -> None:
        """Raise, before the first step, where the loss depends on no parameter by way of the graph.

        One sample of the batch that does is enough; else all samples are tried, for some may be masked.
        """
        everywhere = samples.at(range(len(samples.inputs)))
        losses: list[Any] = []
        for sample in (*batch, *everywhere):
            losses.append(self.of_sample(*sample))
            if self._connects(losses[-1]):
                return
        if not any(isinstance(loss, Value) for loss in losses):
            raise TypeError(
                f"the loss is {type(losses[0]).__name__} ({losses[0]!r:.40}), not a Value: compute it from "
                "the outputs of the model with the engine's own functions, log(x) and not math.log(x)"
            )
        raise ValueError(
            "the loss does not depend on any parameter that is trained: somewhere between model and loss a "
            "Value becomes a plain number (float(x), x.data, math.log(x)), or only what is flat is made of "
            "it (flat: floor, ceil, sign); use the engine's own functions"
        )

    def _connects(self, loss: Any) -> bool:
        self._is_connected = isinstance(loss, Value) and _depends_on(loss, set(self.parameters))
        return self._is_connected


class Gear(Protocol):
    """Takes training steps; `words` say which way, and why so."""

    words: str

    @property
    def doubts(self) -> Sequence[Any]:
        """What was noticed late: each has `what`, and how many `calls` before it cannot be trusted."""

    def step(self, places: Sequence[int]) -> float:
        """One step on the samples at these places; returns their mean loss before it."""

    def settle(self) -> None:
        """Put everything where it belongs: numbers and gradients into the parameters."""

    def recheck(self) -> None:
        """Somebody's code has run in between: look closely at what the loss reads."""

    def predict(self, inputs: Sequence[Any]) -> list[list[float]]:
        """The model's outputs for many samples."""


class EagerGear:
    """Each step builds its graph and goes back through it."""

    def __init__(self, objective: Objective, samples: Samples, optimizer: Optimizer, why: str = "") -> None:
        self.objective, self.samples, self.optimizer = objective, samples, optimizer
        self.words = f"eager: {why}" if why else "eager"
        self.doubts: Sequence[Any] = ()

    def step(self, places: Sequence[int]) -> float:
        """Build, go back, correct."""
        loss = self.objective.gradients(self.samples.at(places), self.samples)
        self.optimizer.step(self.objective.parameters)
        return loss

    def settle(self) -> None:
        """Everything is where it belongs already."""

    def recheck(self) -> None:
        """Each step does what the loss does then."""

    def predict(self, inputs: Sequence[Any]) -> list[list[float]]:
        """The model's outputs, each from a graph of its own."""
        return outputs_for(self.objective.model, inputs)


class ReplayGear:
    """Each step runs the recorded program; raises ReplayError when made where that cannot be."""

    def __init__(
        self, objective: Objective, samples: Samples, optimizer: Optimizer, places: Sequence[int] = (0,)
    ) -> None:
        self.objective, self.optimizer = objective, optimizer
        masked = has_masks(objective.model)
        of_sample = taking(objective.of_sample) if masked else objective.of_sample
        self.program = engine.compile(of_sample, objective.parameters)
        self.outputs = engine.compile(_outputs_of(objective.model), objective.everything)
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
        objective.model.train()
        try:
            self._pack()
            if masked:
                self.masks = Masks(lambda: objective.model(samples.inputs[places[0]]), self.program)
            self._gradient_at(_with_extremes(places, self.columns[1]))
            objective.ensure_connected(samples.at(places[:1]), samples)
        finally:
            self.settle()
            objective.model.train(was_training)
            for generator, state in zip(generators, states, strict=True):
                generator.setstate(state)
        self.words = f"replay ({self.program.executor}): {self.program.stats}"

    @property
    def doubts(self) -> Sequence[Any]:
        """Those of the program of the loss."""
        return self.program.doubts

    def recheck(self) -> None:
        """At the next step look at all that the loss and the model read, and compare with eager."""
        for program in filter(None, (self.program, self.outputs, self.penalty)):
            program.recheck()

    def step(self, places: Sequence[int]) -> float:
        """All in arrays: one run of the program, one update for all parameters at once."""
        self._pack()
        loss, gradient = self._gradient_at(places)
        if not math.isfinite(loss):
            raise ArithmeticError(f"the loss is {loss!r}")
        (self.weights,) = self.optimizer.update([self.weights], [gradient])
        self.gradient = gradient
        return loss

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

    def predict(self, inputs: Sequence[Any]) -> list[list[float]]:
        """The model's outputs, by a program of their own."""
        found: list[list[float]] = self.outputs(inputs).tolist()
        return found


def _outputs_of(model: Module) -> Any:
    """The model as a function of one sample that gives a list."""

    def outputs(inputs: Any) -> list[Any]:
        found = model(inputs)
        return list(found) if isinstance(found, list | tuple) else [found]

    return outputs


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


def _same(before: Sequence[Value], now: Sequence[Value]) -> bool:
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))


def _depends_on(loss: Value, parameters: set[Value]) -> bool:
    """Whether one of these is below the loss, and not only below what is flat everywhere, as floor is."""
    waiting: list[Any] = [loss]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        if node in parameters:
            return True
        if node.operation is not None and node.operation.flat:
            continue
        new = [parent for parent in node.parents if parent not in seen]
        seen.update(new)
        waiting += new
    return False
