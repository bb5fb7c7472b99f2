"""Trainer: many steps of training on arrays, the rule's numbers all in buffers of their own.

The rule is bound as a program is, with a lane for each parameter: so it takes no temporaries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.errors import DomainError
from engine.replay.backends.interface import Taken, batch_of
from engine.replay.backends.numpy.binding import Binder
from engine.replay.program.expression import Argument, substituted
from engine.replay.program.program import Elementwise, Program, Rows, Space
from engine.replay.program.rule import FACTOR, Rule

__all__ = ["NumpyTrainer"]

Array = Any
Gradients = Callable[[Array, Sequence[Array], int], tuple[Array, Array]]
MOST_WORK = 50_000_000  # multiplications in a call, by the estimate: some ten milliseconds


class NumpyTrainer:
    """Takes steps of a rule on batches of so many samples; one call at a time: its buffers are its own."""

    def __init__(
        self,
        rule: Rule,
        parameters: int,
        size: int,
        columns: Sequence[Array | None],
        gradients: Gradients,
        effort: int,
    ) -> None:
        self._rule, self._parameters, self._size = rule, parameters, size
        self._columns = [None if column is None else _plain(column) for column in columns]
        self._gradients = gradients
        self.most = max(1, MOST_WORK // (size * effort))
        results = len(rule.updated)
        first = 1 + results  # number, gradient and what is remembered come before
        self._narrow = {space: np.zeros((rule.width + 1, 1)) for space in Space if not space.wide}
        sizes = dict.fromkeys(Space, first + results + 1)
        binder = Binder(_empty(sizes), self._narrow, parameters)
        self._rows = binder.base[Space.VALUE]
        self._given, self._results = self._rows[:first], self._rows[first : first + results]
        self._measured = self._rows[-1]
        operands = (
            *(Rows.of(Space.VALUE, [row]) for row in range(first)),
            *(Rows.of(Space.WEIGHT, [row]) for row in range(rule.width + 1)),
        )
        places = {number: Argument(number) for number in range(len(operands))}
        places[FACTOR.number] = Argument(len(operands) - 1)

        def bound(row: int, expression: Any) -> Elementwise:
            moved = substituted(expression, places)
            return Elementwise(Rows.of(Space.VALUE, [row]), moved, operands)

        self._rule_calls = binder.bind([bound(first + k, each) for k, each in enumerate(rule.updated)])
        measured = [] if rule.longest is None else [bound(len(self._rows) - 1, rule.measured)]
        self._measure_calls = binder.bind(measured)

    def move(
        self, weights: Array, memory: Sequence[Array], gradient: Array, scalars: Sequence[float]
    ) -> list[Array]:
        """The weights and the memory after the rule alone."""
        self._load(weights, memory)
        self._moves(gradient, scalars)
        return [row.copy() for row in (self._given[0], *self._given[2:])]

    def _load(self, weights: Array, memory: Sequence[Array]) -> None:
        self._given[0], self._given[2:] = weights, np.reshape(memory, (len(memory), self._parameters))

    def _moves(self, total: Array, scalars: Sequence[float]) -> bool:
        """Whether the rule could move the numbers; else they are as they were."""
        share, *numbers = scalars
        np.multiply(total, share, out=self._given[1])
        narrow, longest = self._narrow[Space.WEIGHT][:, 0], self._rule.longest
        narrow[:-1], narrow[-1] = numbers, 1.0
        with np.errstate(all="ignore"):
            if longest is not None:
                for call in self._measure_calls:
                    call()
                length = float(np.sqrt(self._measured.dot(self._measured)))
                if not length < math.inf:
                    return False
                narrow[-1] = longest / length if length > longest else 1.0
            for call in self._rule_calls:
                call()
        self._given[0], self._given[2:] = self._results[0], self._results[1:]
        return True

    def run(
        self,
        weights: Array,
        memory: Sequence[Array],
        order: Array,
        scalars: Sequence[Sequence[float]],
        others: Sequence[Array] = (),
    ) -> Taken:
        """Steps on the samples at the places in the order; fewer where one of them needs a closer look."""
        everything, count = np.array(weights, dtype=np.float64), self._parameters
        self._load(everything[:count], memory)
        done, losses, gradient = 0, np.empty(len(order)), np.empty(0)
        given = [_plain(each) for each in others]
        for number, numbers in enumerate(scalars):
            part = slice(number * self._size, (number + 1) * self._size)
            batch = batch_of(self._columns, order, part, given)
            size = len(order[part])
            found = self._found(everything, batch, size)
            if found is None or not self._moves(found[1], (1.0 / size, *numbers)):
                break
            losses[part], everything[:count] = found[0], self._given[0]
            done, gradient = done + 1, self._given[1].copy()
        kept = [row.copy() for row in self._given[2:]]
        return Taken(done, everything[:count].copy(), kept, gradient, losses[: done * self._size])

    def _found(self, weights: Array, batch: Sequence[Array], samples: int) -> tuple[Array, Array] | None:
        """Losses and the sum of gradients; None where something has no value, or is beyond floats."""
        try:
            with np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
                losses, total = self._gradients(weights, batch, samples)
                is_finite = math.isfinite(np.add.reduce(losses) + np.add.reduce(total))
        except (FloatingPointError, DomainError):
            return None
        return (losses, total) if is_finite else None


def _empty(sizes: dict[Space, int]) -> Program:
    """A program of nothing but rows."""
    return Program("rule", (), Rows.of(Space.VALUE, [0]), (), sizes, 0, (), ())


def _plain(array: Array) -> Array:
    """The numbers as float64, (samples, numbers per sample)."""
    return np.asarray(array, dtype=np.float64).reshape(len(array), -1)
