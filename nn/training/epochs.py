"""Epochs: an optimizer's steps in the machine code of a program, many in one call.

The optimizer's rule is run on symbols once, and becomes code that moves all parameters. What is no plain
formula is not done here: the gear takes those steps one by one, and applies the rule to one number at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy, deepcopy
from typing import Any

from engine import ReplayError
from nn.training.optimizers import Optimizer
from nn.training.schedules import Constant, is_known

__all__ = ["Epochs", "rates"]

TRIED = (0.01, 0.02, 0.005)  # the learning rates that a rule is tried with
MOST_SETTINGS = 100  # in a list of an optimizer's
_GIVEN = ("update", "clipped", "learning_rate")  # what steps in machine code stand for

Penalized = Callable[[Any, Any], Any]
Shortened = Callable[[Any, float], Any]


class Epochs:
    """Takes steps while that can be done, and notices what a callback changes at the optimizer.

    `columns` are the arguments of the program for all samples, None for one that is given with each call;
    `penalized(number, gradient)` is a parameter's gradient with what penalties add to it, None where there
    are none; where there are some the steps remember it too, as the last: it is the gradient that is shown.
    `is_formula` tells whether the rule is one, and so means the same for an array of numbers as for each of
    them: a rule that draws random numbers, counts its calls or branches on a number does not.
    """

    def __init__(
        self, program: Any, optimizer: Optimizer, columns: Sequence[Any], penalized: Penalized | None
    ) -> None:
        self.program, self.optimizer, self.columns, self.penalized = program, optimizer, columns, penalized
        self._steps: Any = None
        self._settings: dict[str, Any] | None = None
        self._is_looked_for = True
        self.is_formula = True

    def recheck(self) -> None:
        """Somebody's code has run since: the rule may be another. What was refused is not tried again."""
        self._is_looked_for = self._steps is not None or self._settings != _settings(self.optimizer)

    def ready(self, weights: Any, size: int) -> Any:
        """The steps that can be taken at once on batches of this size; None where there are none."""
        if self._steps is not None and (not self._steps.holds or self._steps.size != size):
            self._steps, self._is_looked_for = None, True
        if self._is_looked_for:
            self._is_looked_for, self.is_formula = False, True
            try:
                self._steps = self._found(weights, size)
            except ReplayError:
                self._steps = None
            except (TypeError, ValueError):
                self._steps, self.is_formula = None, False
        return self._steps

    def _found(self, weights: Any, size: int) -> Any:
        """The steps made before, if they are still those of the optimizer, or new ones; raises if none."""
        before, self._settings = self._settings, _settings(self.optimizer)
        if self._steps is not None and before == self._settings and self._steps.has_same_rule:
            return self._steps
        own = (getattr(type(self.optimizer), name) is getattr(Optimizer, name) for name in _GIVEN)
        if self._settings is None or not all(own):
            raise TypeError("an optimizer that does more than its rule")
        optimizer = _without_memory(self.optimizer)
        formula = _formula(deepcopy(optimizer), self.penalized)
        remembers = len(optimizer.remembers) + (self.penalized is not None)
        steps = self.program.steps(formula, remembers, size, self.columns)

        def moved(numbers: Any, gradient: Any) -> list[Any]:
            optimizer.schedule = Constant(TRIED[optimizer.steps_done])
            last = [self.penalized(numbers, gradient)] if self.penalized else []
            try:
                (updated,) = optimizer.update([numbers], last or [gradient])
            except Exception as error:  # (somebody's own rule may raise whatever it likes on arrays)
                raise ValueError(f"the rule cannot be run on arrays: {error}") from error
            return [updated, *(column for (column,) in optimizer.memory.values()), *last]

        if not steps.agrees(weights, TRIED, moved):
            raise ValueError("the rule is no formula: it does something else after some steps")
        if not is_known(self.optimizer.schedule):
            raise ReplayError(
                "steps are taken one by one: a schedule of one's own may look around, and do things"
            )
        return steps


def rates(optimizer: Optimizer, steps: int) -> list[float]:
    """The learning rates of so many steps from the next one on.

    >>> from nn import SGD
    >>> from nn.training.schedules import Step
    >>> rates(SGD(Step(1.0, every=2, factor=0.5)), 3)
    [1.0, 1.0, 0.5]
    """
    return list(map(optimizer.schedule, range(optimizer.steps_done, optimizer.steps_done + steps)))


def _settings(optimizer: Optimizer) -> dict[str, Any] | None:
    """A copy of all that it holds but for what changes in each step; None where that is not settings only."""
    held = {name: thing for name, thing in vars(optimizer).items() if name not in ("memory", "steps_done")}
    schedule = held.pop("schedule")
    return {**deepcopy(held), "schedule": schedule} if all(map(_is_setting, held.values())) else None


def _is_setting(thing: Any) -> bool:
    """Whether it is a number or a text, or some of them: what is quickly copied and compared."""
    if isinstance(thing, list | tuple | dict):
        members = thing.values() if isinstance(thing, dict) else thing
        return len(thing) <= MOST_SETTINGS and all(map(_is_setting, members))
    return thing is None or isinstance(thing, int | float | str)


def _without_memory(optimizer: Optimizer) -> Optimizer:
    """A copy, at its beginning, that shares nothing with the optimizer; rates come to it from elsewhere."""
    twin = copy(optimizer)
    twin.memory, twin.steps_done, twin.schedule = {}, 0, Constant(TRIED[0])
    return deepcopy(twin)


def _formula(optimizer: Optimizer, penalized: Penalized | None) -> Callable[..., Sequence[Any]]:
    """The optimizer's rule as a function of (number, gradient, rate, step, *remembered, shortened=…).

    TypeError where the rule changes the optimizer: it counts by itself, say.
    """

    def formula(
        number: Any, gradient: Any, rate: Any, step: Any, *memory: Any, shortened: Shortened
    ) -> Sequence[Any]:
        twin = deepcopy(optimizer)
        longest, twin.clip_norm = twin.clip_norm, None
        last = [penalized(number, gradient)] if penalized else []
        (gradient,) = twin.clipped(last or [gradient])
        if longest is not None:
            gradient = shortened(gradient, longest)
        twin.clip_norm, twin.steps_done = longest, step
        before = deepcopy(vars(twin))
        found = twin.rule(number, gradient, rate, *memory[: len(twin.remembers)])
        if vars(twin) != before:
            raise TypeError(f"the rule of {optimizer!r} changes it")
        return [*found, *last]

    return formula
