"""Epochs: an optimizer's steps in the machine code of a program, many in one call.

The optimizer's rule is run on symbols once, and becomes code that moves all parameters. What is no plain
formula is not done here: the gear takes those steps one by one, as it always can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy, deepcopy
from typing import Any

from nn.training.optimizers import Optimizer

__all__ = ["Epochs", "rates"]

Penalized = Callable[[Any, Any], Any]
Shortened = Callable[[Any, float], Any]


class Epochs:
    """Takes steps while that can be done, and notices what a callback changes at the optimizer.

    `columns` are the arguments of the program for all samples, None for one that is given with each call;
    `penalized(number, gradient)` is a parameter's gradient with what penalties add to it.
    """

    def __init__(
        self, program: Any, optimizer: Optimizer, columns: Sequence[Any], penalized: Penalized
    ) -> None:
        self.program, self.optimizer, self.columns, self.penalized = program, optimizer, columns, penalized
        self._steps: Any = None
        self._settings: dict[str, Any] = {}
        self._is_looked_for = True

    def recheck(self) -> None:
        """Somebody's code has run in between: the rule may be another."""
        self._is_looked_for = True

    def ready(self, weights: Any, size: int) -> Any:
        """The steps that can be taken at once on batches of this size; None where there are none."""
        if self._steps is not None and (not self._steps.holds or self._steps.size != size):
            self._steps, self._is_looked_for = None, True
        if self._is_looked_for:
            self._is_looked_for = False
            try:
                self._steps = self._found(weights, size)
            except Exception:  # noqa: BLE001  (somebody's own rule may raise whatever it likes on symbols)
                self._steps = None
        return self._steps

    def _found(self, weights: Any, size: int) -> Any:
        """The steps made before, if they are still those of the optimizer, or new ones; raises if none."""
        is_same = self._steps is not None and self._settings == _settings(self.optimizer)
        if is_same and self._steps.has_same_rule:
            return self._steps
        kind, optimizer = type(self.optimizer), _without_memory(self.optimizer)
        if kind.update is not Optimizer.update or kind.clipped is not Optimizer.clipped:
            raise TypeError("an optimizer with an update of its own")
        formula = _formula(deepcopy(optimizer), self.penalized)
        steps = self.program.steps(formula, len(optimizer.remembers), size, self.columns)
        self._settings = deepcopy(_settings(optimizer))

        def moved(numbers: Any, gradient: Any) -> list[Any]:
            (updated,) = optimizer.update([numbers], [self.penalized(numbers, gradient)])
            return [updated, *(column for (column,) in optimizer.memory.values())]

        if not steps.agrees(weights, rates(optimizer, 3), moved):
            raise ValueError("the rule is no formula: it does something else after some steps")
        return steps


def rates(optimizer: Optimizer, steps: int) -> list[float]:
    """The learning rates of so many steps from the next one on.

    >>> from nn import SGD
    >>> from nn.training.schedules import Step
    >>> rates(SGD(Step(1.0, every=2, factor=0.5)), 3)
    [1.0, 1.0, 0.5]
    """
    twin, found = copy(optimizer), []
    for number in range(optimizer.steps_done, optimizer.steps_done + steps):
        twin.steps_done = number
        found.append(twin.learning_rate)
    return found


def _settings(optimizer: Optimizer) -> dict[str, Any]:
    """All that it holds but for what changes in every step."""
    return {name: held for name, held in vars(optimizer).items() if name not in ("memory", "steps_done")}


def _without_memory(optimizer: Optimizer) -> Optimizer:
    """A copy, at its beginning, that shares nothing with the optimizer."""
    twin = copy(optimizer)
    twin.memory, twin.steps_done = {}, 0
    return deepcopy(twin)


def _formula(optimizer: Optimizer, penalized: Penalized) -> Callable[..., Sequence[Any]]:
    """The optimizer's rule as a function of (number, gradient, rate, step, *remembered, shortened=…).

    TypeError where the rule changes the optimizer: it counts by itself, say.
    """

    def formula(
        number: Any, gradient: Any, rate: Any, step: Any, *memory: Any, shortened: Shortened
    ) -> Sequence[Any]:
        twin = deepcopy(optimizer)
        longest, twin.clip_norm = twin.clip_norm, None
        (gradient,) = twin.clipped([penalized(number, gradient)])
        if longest is not None:
            gradient = shortened(gradient, longest)
        twin.clip_norm, twin.steps_done = longest, step
        before = deepcopy(vars(twin))
        found = twin.rule(number, gradient, rate, *memory)
        if vars(twin) != before:
            raise TypeError(f"the rule of {optimizer!r} changes it")
        return found

    return formula
