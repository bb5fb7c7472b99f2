"""Trainer: arrays on their way through many steps of machine code, and what is there after them.

Nothing that it is given is changed: weights and memory are copied before, and come out as other arrays. So
whoever is interrupted in between is where he was, and a step that fails is one that has not begun.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.replay.backends.interface import Call, Form, Taken, batch_of, form_of
from engine.replay.backends.llvm.batch import HEAD, listed, places_of_memories
from engine.replay.backends.llvm.machine import Machine, ensure_inside
from engine.replay.backends.llvm.memory import address_of, plain
from engine.replay.backends.llvm.training import write_training
from engine.replay.backends.segments import effort
from engine.replay.program.rule import Rule

__all__ = ["SegmentedTrainer", "Trainer"]

Array = Any
MOST_WORK = 1_500_000_000  # multiplications in a call, by the estimate: some fifty milliseconds
MOST_STEPS = 10_000  # in a call
_ROOM = HEAD.index("i64 room")


class Trainer:
    """Takes steps of a rule on batches of so many samples; one call at a time, for its buffers are its own.

    `columns` are the arguments of the program for all samples; None for one whose numbers come with each
    call, in the order of the batches. `most` is how many steps a call should have: the time between two
    chances to interrupt it, in counted work.
    """

    def __init__(self, machine: Machine, rule: Rule, size: int, columns: Sequence[Array | None]) -> None:
        self._machine, self._rule, self._size = machine, rule, size
        self._gradients = machine.address("gradients")
        self.most = min(MOST_STEPS, max(1, MOST_WORK // (size * effort(machine.program, gradient=True))))
        self._columns = [None if column is None else plain(column) for column in columns]
        wanted = machine.program.wanted
        self._engine = machine.made(rule, lambda module: write_training(module, rule, wanted))
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
        self._train = kind(self._engine.get_function_address("train"))
        pointers = [ctypes.c_void_p] * (len(rule.updated) + 2)
        self._move = ctypes.CFUNCTYPE(ctypes.c_int32, *pointers)(self._engine.get_function_address("move"))

    def move(
        self, weights: Array, memory: Sequence[Array], gradient: Array, scalars: Sequence[float]
    ) -> list[Array]:
        """(the weights, and the memory, after the rule): of the sum of so many samples' gradients.

        `scalars` are one by how many samples there were, and the numbers that the rule has for this step.
        """
        moved = [np.array(each, dtype=np.float64) for each in (weights, *memory)]
        self._moves(moved, plain(gradient), scalars)
        return moved

    def _moves(self, state: Sequence[Array], gradient: Array, scalars: Sequence[float]) -> bool:
        """Whether the rule could move these arrays, in place; else they are as they were."""
        row = np.array(scalars, dtype=np.float64)
        left = self._move(*map(address_of, (*state, gradient, row)))
        if self._machine.checked:
            ensure_inside(self._engine)
        return not left

    def run(
        self,
        weights: Array,
        memory: Sequence[Array],
        order: Array,
        scalars: Sequence[Sequence[float]],
        others: Sequence[Array] = (),
    ) -> Taken:
        """Steps on the samples at the places in the order; fewer where one of them raises flags.

        `weights` are followed by what the program holds; `scalars` has the rule's numbers for each step,
        `others` the columns that are not known before.
        """
        size, count, steps = self._size, len(order), len(scalars)
        work, losses = self._machine.memory(), np.empty(count)
        work.weights[...] = weights
        kept = [np.array(column, dtype=np.float64) for column in memory]
        last = count - (steps - 1) * size
        table = np.empty((steps, 1 + self._rule.width))
        table[:, 0], table[:, 1:] = 1.0 / size, scalars
        table[-1, 0] = 1.0 / last
        given = list(map(plain, others))
        order = np.ascontiguousarray(order, dtype=np.int64)
        entries, further = self._lists(losses, order, list(given))
        numbers = [
            *(self._gradients, address_of(entries), address_of(further), len(entries), steps, last),
            *map(address_of, (work.weights, work.gradient, table, *kept)),
        ]
        done = (self._checked if self._machine.checked else self._called)(numbers)
        if 0 < done < steps:  # once more: the gradient before the last good step has been written over
            until = done * size
            return self.run(weights, memory, order[:until], scalars[:done], [each[:until] for each in given])
        moved = work.weights[: self._machine.program.wanted].copy()
        return Taken(done, moved, kept, work.gradient * table[-1, 0], losses if done else losses[:0])

    def _lists(self, losses: Array, order: Array, others: list[Array]) -> tuple[Array, Array]:
        """What `gradients` is called with in the first step, and how much more each entry is in the next."""
        work, size = self._machine.memory(), self._size
        arrays = [others.pop(0) if column is None else column for column in self._columns]
        orders = [
            self._machine.in_order(size) if column is None else address_of(order) for column in self._columns
        ]
        places = [
            (address_of(array), _width(array), array.size, at)
            for array, at in zip(arrays, orders, strict=True)
        ]
        results = address_of(losses), 0, len(losses)
        first = listed(work.address, self._machine.tables("gradients"), results, size, places)
        entries = np.array(first, dtype=np.int64)
        further = np.zeros_like(entries)
        start, *starts = places_of_memories(len(arrays))
        further[start], further[_ROOM] = 8 * size, -size
        for place, column, array in zip(starts, self._columns, arrays, strict=True):
            width = _width(array)
            if column is None:
                further[place], further[place + 2] = 8 * size * width, -size * width
            else:
                further[place + 3] = 8 * size
        return entries, further

    def _called(self, numbers: Sequence[int]) -> int:
        return int(self._train((ctypes.c_int64 * len(numbers))(*numbers)))

    def _checked(self, numbers: Sequence[int]) -> int:
        """Step by step, and after each a look at what was read and written."""
        gradients, now, further, length, steps, last, weights, gradient, table, *rest = numbers
        work = self._machine.memory()
        for number in range(steps):
            samples = last if number == steps - 1 else self._size
            row = table + 8 * number * (1 + self._rule.width)
            one = (gradients, now, further, length, 1, samples, weights, gradient, row, *rest)
            done = self._machine.examined(self._called, work, one)
            if not done:
                return number
        return steps


class SegmentedTrainer(Trainer):
    """The same for batches so large that they are cut into segments, which threads may share."""

    def __init__(
        self,
        machine: Machine,
        rule: Rule,
        size: int,
        columns: Sequence[Array | None],
        call: Callable[[int, Form], Call],
    ) -> None:
        super().__init__(machine, rule, size, columns)
        self._call = call  # for so many samples, in arrays of this form

    def run(
        self,
        weights: Array,
        memory: Sequence[Array],
        order: Array,
        scalars: Sequence[Sequence[float]],
        others: Sequence[Array] = (),
    ) -> Taken:
        """Steps on the samples at the places in the order; fewer where one of them raises flags."""
        state = [np.array(each, dtype=np.float64) for each in (weights, *memory)]
        done, losses, gradient = 0, np.empty(len(order)), np.empty(0)
        for number, numbers in enumerate(scalars):
            part = slice(number * self._size, (number + 1) * self._size)
            batch = batch_of(self._columns, order, part, others)
            size = len(order[part])
            given, share = (state[0], *map(plain, batch)), 1.0 / size
            try:
                found, total = self._call(size, form_of(given))(given)
            except FloatingPointError:
                break
            if not self._moves(state, total, (share, *numbers)):
                break
            done, losses[part], gradient = done + 1, found, total * share
        return Taken(
            done,
            state[0][: self._machine.program.wanted].copy(),
            state[1:],
            gradient,
            losses[: done * self._size],
        )


def _width(array: Array) -> int:
    """How many numbers a sample has."""
    return int(array.size // len(array))
