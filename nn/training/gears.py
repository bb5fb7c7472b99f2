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
from engine import DomainError, EngineError, total
from nn.training.epochs import Epochs, rates
from nn.training.masks import Masks, dropout_generators, has_masks, taking
from nn.training.objective import Objective
from nn.training.optimizers import Optimizer
from nn.training.samples import Samples
from nn.training.schedules import is_known

__all__ = ["EagerGear", "Gear", "ReplayGear"]

LARGE = 1e150  # from which on the squares of numbers may be beyond the range of floats
HUGE = 1e300  # from which on a sum of some may be


class Gear(Protocol):
    """Takes training steps; `words` say which way, and why so."""

    words: str

    @property
    def doubts(self) -> Sequence[Any]:
        """What was noticed late: each has `what`, and how many `calls` before it cannot be trusted."""

    def sorted(self, keys: Sequence[Sequence[int]]) -> Sequence[int]:
        """For each list the places of its numbers, the smallest number's first; equal ones stay in order."""

    def steps(self, order: Sequence[int], at: int, size: int) -> list[float]:
        """One step or several, on batches of the samples whose places stand in the order, from `at` on.

        The last batch may be smaller. Returns for each the sum of its losses before the step.
        """

    def show(self) -> None:
        """Put the numbers into the parameters, for somebody who only looks at them."""

    def settle(self) -> None:
        """Put everything where it belongs, also gradients and what the optimizer remembers."""

    def recheck(self) -> None:
        """Somebody's code has run in between: look closely at what the loss reads."""


class EagerGear:
    """Each step builds its graph and goes back through it."""

    def __init__(self, objective: Objective, samples: Samples, optimizer: Optimizer, why: str = "") -> None:
        self.objective, self.samples, self.optimizer = objective, samples, optimizer
        self.words = f"eager: {why}" if why else "eager"
        self.doubts: Sequence[Any] = ()

    def sorted(self, keys: Sequence[Sequence[int]]) -> list[int]:
        """By Python's own sorting."""
        return [place for each in keys for place in sorted(range(len(each)), key=each.__getitem__)]

    def steps(self, order: Sequence[int], at: int, size: int) -> list[float]:
        """Build, go back, correct: one step."""
        places = order[at : at + size]
        loss = self.objective.gradients(self.samples.at(places), self.samples)
        self.optimizer.step(self.objective.parameters)
        return [loss * len(places)]

    def show(self) -> None:
        """They are there already."""

    def settle(self) -> None:
        """Everything is where it belongs already."""

    def recheck(self) -> None:
        """Each step does what the loss does then."""


class ReplayGear:
    """Each step runs the recorded program; raises ReplayError when made where that cannot be."""

    def __init__(
        self, objective: Objective, samples: Samples, optimizer: Optimizer, places: Sequence[int] = (0,)
    ) -> None:
        self.objective, self.optimizer, self.samples = objective, optimizer, samples
        masked = has_masks(objective.modules)
        of_sample = taking(objective.of_sample) if masked else objective.of_sample
        self.program = engine.compile(of_sample, objective.parameters)
        self.penalty: Any = None
        if objective.penalties():
            self.penalty = engine.compile(lambda: total(objective.penalties()), objective.parameters)
        given = (samples.inputs, samples.targets, samples.weights)
        self.columns = [self.program.array(column) for column in given if column is not None]
        columns = [*self.columns, *([None] if masked else [])]
        penalized = objective.penalized if objective.has_penalties else None
        self.epochs = Epochs(self.program, optimizer, columns, penalized)
        self.weights: Any = None
        self._is_shown = False  # whether somebody has seen these weights, and may have changed them
        self.gradient: Any = None
        self.masks: Masks | None = None
        was_training = objective.model.training
        generators = dropout_generators(objective.modules)
        states = [generator.getstate() for generator in generators]
        objective.train(True)
        try:
            self._pack()
            if masked:
                self.masks = Masks(lambda: objective.model(samples.inputs[places[0]]), self.program)
            _, gradient = self._gradient_at(_with_extremes(places, self.columns[1]))
            if objective.has_penalties or not gradient.any():  # else the loss depends on a parameter
                objective.ensure_connected(samples.at(places[:1]), samples)
        finally:
            self.weights = None  # those of the parameters are the same: no step was taken
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
        """At the next step look at all that the loss reads, and at the rule, and compare with eager."""
        self.program.recheck()
        self.epochs.recheck()

    def sorted(self, keys: Sequence[Sequence[int]]) -> Any:
        """The same order, as an array."""
        return self.program.array(keys).argsort(1, "stable").ravel()

    def steps(self, order: Sequence[int], at: int, size: int) -> list[float]:
        """As many steps as one call of machine code may take; one, if they have to be taken with care."""
        self._pack()
        sums = self._many_steps(order, at, size) or [self._one_step(order[at : at + size])]
        if self.masks is not None and at + size * len(sums) >= len(order):
            self.masks.settle()  # the generators begin anew with the next epoch
        return sums

    def _one_step(self, places: Sequence[int]) -> float:
        """All in arrays: one run of the program, one update for all parameters at once."""
        try:
            loss, gradient = self._gradient_at(places)
        except (EngineError, ArithmeticError):
            self.gradient = self.program.array([0.0] * len(self.weights))  # as in eager, before a step
            raise
        self.gradient = gradient
        self.weights = self._updated(gradient)
        return loss * len(places)

    def _updated(self, gradient: Any) -> Any:
        """What the optimizer makes of the weights: all at once, or one by one where only that is eager's."""
        if not is_known(self.optimizer.schedule):  # it may look at the model
            self.program.put(self.weights)
            self._put_gradient()
        if self.epochs.is_formula and _are_below(LARGE, self.weights, gradient):
            (updated,) = self.optimizer.update([self.weights], [gradient])
            return updated
        self._unpack_memory()
        updated = self.program.array(self.optimizer.update(self.weights.tolist(), gradient.tolist()))
        self._pack_memory()
        return updated

    def _many_steps(self, order: Sequence[int], at: int, size: int) -> list[float]:
        """As many steps as are as they should be; none where the next one is not."""
        steps = self.epochs.ready(self.weights, size)
        if steps is None:
            return []
        places = self.program.array(order[at : at + size * steps.most])
        mark = self.masks.mark() if self.masks else None
        done = 0
        try:
            taken = self._taken(steps, places)
            is_right = taken and _are_below(HUGE, taken.losses) and self._has_small_penalties(taken.weights)
            done = taken.steps if is_right else 0
            if done:
                self._keep(taken)
        finally:
            if self.masks and done * size < len(places):  # draw for the steps that were taken
                self.masks.rewind(mark)
                self.masks.take(done * size)
        return _sums(taken.losses, size) if done else []

    def _taken(self, steps: Any, places: Any) -> Any:
        """What comes of steps on the samples at these places; None where that is not for machine code."""
        optimizer = self.optimizer
        count = -(-len(places) // steps.size)
        memory = [column for (column,) in optimizer.memory.values()]
        memory = memory or [self.weights * 0.0 for _ in optimizer.remembers]
        if self.objective.has_penalties:
            memory.append(self.weights * 0.0)  # for the gradient with them
        others = [self.masks.take(len(places))] if self.masks else []
        try:
            now = rates(optimizer, count)
            return steps.run(self.weights, memory, places, now, optimizer.steps_done + 1, others)
        except (
            ArithmeticError,
            TypeError,
            ValueError,
        ):  # of the numbers of a later step: its time will come
            return None

    def _keep(self, taken: Any) -> None:
        """Be where these steps have led to; wholly, also when Ctrl-C comes in between."""
        columns = list(taken.memory)
        gradient = columns.pop() if self.objective.has_penalties else taken.gradient
        memory = {name: [column] for name, column in zip(self.optimizer.remembers, columns, strict=True)}
        now = (taken.weights, gradient, memory, self.optimizer.steps_done + taken.steps)
        try:
            self._be_at(*now)
        except KeyboardInterrupt:
            self._be_at(*now)
            raise

    def _be_at(self, weights: Any, gradient: Any, memory: dict[str, list[Any]], steps_done: int) -> None:
        self.weights, self.gradient = weights, gradient
        self.optimizer.memory, self.optimizer.steps_done = memory, steps_done

    def _gradient_at(self, places: Sequence[int]) -> tuple[float, Any]:
        """The mean loss of these samples, and the gradient of it and of the penalties."""
        chosen = self.program.array(places)  # once, and not for each column
        batch = [column.take(chosen, 0) for column in self.columns]
        if self.masks is not None:
            batch.append(self.masks.take(len(places)))
        try:
            losses, gradient = self.program.value_and_gradients(self.weights, *batch)
            is_right = _are_below(HUGE, losses, gradient)
        except (DomainError, ArithmeticError):
            if self.masks is not None:
                raise
            is_right = False
        if not is_right and self.masks is None:
            return self._eagerly(places)
        if not self._has_small_penalties(self.weights):
            self.program.put(self.weights)
            self.objective.penalties()  # which raises what it raises in eager, if it is too large
        gradient = self.objective.penalized(self.weights, gradient / len(places))
        loss = sum(losses.tolist()) / len(places)
        if not math.isfinite(loss):
            raise ArithmeticError(f"the loss is {loss!r}")
        return loss, gradient

    def _eagerly(self, places: Sequence[int]) -> tuple[float, Any]:
        """The same in eager, which has the last word: a mean may be finite where the sum is beyond floats."""
        self.program.put(self.weights)
        loss = self.objective.gradients(self.samples.at(places))
        return loss, self.program.array([parameter.grad for parameter in self.objective.parameters])

    def _has_small_penalties(self, weights: Any) -> bool:
        """Whether the penalties on these are far from an overflow."""
        return not self.objective.has_penalties or _are_below(LARGE, weights)

    def _pack(self) -> None:
        """Numbers and the optimizer's memory into arrays, unless they are there already."""
        if self.weights is not None and not self._is_shown:
            return
        self.weights, self._is_shown = self.program.numbers(), False
        self._pack_memory()

    def _pack_memory(self) -> None:
        if self._is_in_arrays() or not self.epochs.is_formula:
            return
        self.optimizer.ensure_fits(len(self.weights))
        self.optimizer.memory = {
            name: [self.program.array(column)] for name, column in self.optimizer.memory.items()
        }

    def _is_in_arrays(self) -> bool:
        """Whether what the optimizer remembers is."""
        columns = self.optimizer.memory.values()
        return all(len(column) == 1 and hasattr(column[0], "tolist") for column in columns)

    def show(self) -> None:
        """Put the numbers into the parameters; gradients and what the optimizer remembers stay in arrays."""
        if self.weights is not None and not self._is_shown:
            self.program.put(self.weights)
            self._is_shown = True

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
        self.show()
        if self.weights is not None and self.gradient is not None:
            self._put_gradient()
        self.weights = None
        self._unpack_memory()

    def _put_gradient(self) -> None:
        if self.objective.everything is not self.objective.parameters:
            for parameter in self.objective.everything:
                parameter.grad = 0.0
        for parameter, slope in zip(self.objective.parameters, self.gradient.tolist(), strict=True):
            parameter.grad = slope

    def _unpack_memory(self) -> None:
        if self._is_in_arrays():
            memory = {name: column[0].tolist() for name, column in self.optimizer.memory.items()}
            self.optimizer.memory = memory


def _are_below(limit: float, *arrays: Any) -> bool:
    """Whether all numbers are, on either side of 0."""
    return all(abs(array).max(initial=0.0) < limit for array in arrays)


def _sums(losses: Any, size: int) -> list[float]:
    """The sum of each batch; the last may be smaller."""
    whole = len(losses) // size * size
    found: list[float] = losses[:whole].reshape(-1, size).sum(1).tolist()
    return [*found, float(losses[whole:].sum())] if whole < len(losses) else found


def _with_extremes(places: Sequence[int], targets: Any) -> list[int]:
    """The places of a batch, the last two exchanged for those of the least and the largest target."""
    rows = targets.reshape(len(targets), -1)
    extremes = [int(rows.min(1).argmin()), int(rows.max(1).argmax())]
    return [*places[:-2], *extremes] if len(places) > 2 else list(places)
