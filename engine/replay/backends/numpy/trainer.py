"""Trainer: many steps of training on arrays, the rule's numbers all in buffers of their own.

The rule is bound as a program is, with a lane for each parameter: so it takes no temporaries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.errors import DomainError
from engine.replay.backends.interface import Taken, batch_of
from engine.replay.backends.numpy.binding import Binder, Call
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
        count = 2 + len(rule.updated[1:])  # number, gradient, and what is remembered
        self._narrow = {space: np.zeros((rule.width + 1, 1)) for space in Space if not space.wide}
        binder = Binder(_empty(dict.fromkeys(Space, 2 * count + 1)), self._narrow, parameters)
        rows = binder.base[Space.VALUE]
        self._measured = rows[-1]
        self._sides = [
            _Side(rows[first : first + count], *_bound(rule, binder, first, count - first))
            for first in (0, count)
        ]

    def move(
        self, weights: Array, memory: Sequence[Array], gradient: Array, scalars: Sequence[float]
    ) -> list[Array]:
        """The weights and the memory after the rule alone."""
        self._load(weights, memory)
        self._moves(gradient, scalars)
        now = self._sides[0].rows
        return [row.copy() for row in (now[0], *now[2:])]

    def _load(self, weights: Array, memory: Sequence[Array]) -> None:
        now = self._sides[0].rows
        now[0], now[2:] = weights, np.reshape(memory, (len(memory), self._parameters))

    def _moves(self, total: Array, scalars: Sequence[float]) -> bool:
        """Whether the rule could move the numbers; else they are as they were.

        They go from one side to the other, which then are exchanged: nothing is copied.
        """
        now, (share, *numbers) = self._sides[0], scalars
        np.multiply(total, share, out=now.rows[1])
        narrow, longest = self._narrow[Space.WEIGHT][:, 0], self._rule.longest
        narrow[:-1], narrow[-1] = numbers, 1.0
        with np.errstate(all="ignore"):
            if longest is not None:
                for call in now.measure:
                    call()
                length = float(np.sqrt(self._measured.dot(self._measured)))
                if not length < math.inf:
                    return False
                narrow[-1] = longest / length if length > longest else 1.0
            for call in now.rule:
                call()
        self._sides.reverse()
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
        done, losses = 0, np.empty(len(order))
        given = [_plain(each) for each in others]
        for number, numbers in enumerate(scalars):
            part = slice(number * self._size, (number + 1) * self._size)
            batch = batch_of(self._columns, order, part, given)
            size = len(order[part])
            found = self._found(everything, batch, size)
            if found is None or not self._moves(found[1], (1.0 / size, *numbers)):
                break
            losses[part], everything[:count] = found[0], self._sides[0].rows[0]
            done += 1
        now, before = (side.rows for side in self._sides)
        kept, gradient = [row.copy() for row in now[2:]], before[1].copy()
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


class _Side(NamedTuple):
    """Number, gradient and what is remembered, and the calls that lead from them to the other side."""

    rows: Array
    rule: list[Call]
    measure: list[Call]


def _bound(rule: Rule, binder: Binder, first: int, other: int) -> tuple[list[Call], list[Call]]:
    """The calls of a rule on the rows from `first` on, with results in those from `other` on.

    What is remembered is computed first; the new number is made of it, where that is a part of it.
    """
    given = 1 + len(rule.updated)
    operands = (
        *(Rows.of(Space.VALUE, [first + row]) for row in range(given)),
        *(Rows.of(Space.WEIGHT, [row]) for row in range(rule.width + 1)),
    )
    places = {number: Argument(number) for number in range(len(operands))}
    places[FACTOR.number] = Argument(len(operands) - 1)

    def bound(row: int, expression: Any) -> Elementwise:
        moved = substituted(expression, places)
        return Elementwise(Rows.of(Space.VALUE, [row]), moved, operands)

    results = [other, *range(other + 2, other + given)]
    updates = [bound(*each) for each in zip(results, rule.updated, strict=True)]
    calls = binder.bind([*updates[1:], updates[0]], together=True)
    last = len(binder.base[Space.VALUE]) - 1
    return calls, [] if rule.longest is None else binder.bind([bound(last, rule.measured)])


def _empty(sizes: dict[Space, int]) -> Program:
    """A program of nothing but rows."""
    return Program("rule", (), Rows.of(Space.VALUE, [0]), (), sizes, 0, (), ())


def _plain(array: Array) -> Array:
    """The numbers as float64, (samples, numbers per sample)."""
    return np.asarray(array, dtype=np.float64).reshape(len(array), -1)
