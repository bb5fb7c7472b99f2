"""Trainer: arrays on their way through many steps of machine code, and what is there after them.

Nothing that it is given is changed: weights and memory are copied before, and come out as other arrays. So
whoever is interrupted in between is where he was.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from engine.replay.backends.interface import Call, Form, Taken, batch_of, form_of
from engine.replay.backends.llvm.batch import HEAD, PER_ARGUMENT, listed
from engine.replay.backends.llvm.machine import Machine, Target, ensure_inside, machine_code
from engine.replay.backends.llvm.memory import address_of, plain
from engine.replay.backends.llvm.training import PER_COLUMN, SAMPLES, write_training
from engine.replay.backends.llvm.writing.module import DOUBLE, Module
from engine.replay.backends.segments import effort
from engine.replay.program.rule import Rule

__all__ = ["SegmentedTrainer", "Trainer"]

Array = Any
MOST_WORK = 500_000_000  # multiplications in a call, by the estimate: some ten milliseconds
MOST_STEPS = 10_000  # in a call: each has a list of its own
_RESULTS, _ROOM = HEAD.index("ptr %results"), HEAD.index("i64 %room")


class Trainer:
    """Takes steps of a rule on batches of so many samples; one call at a time, for its buffers are its own.

    `columns` are the arguments of the program for all samples; None for one whose numbers come with each
    call, in the order of the batches. `most` is how many steps a call should have: the time between two
    chances to interrupt it, in counted work.
    """

    def __init__(
        self, machine: Machine, rule: Rule, size: int, columns: Sequence[Array | None], target: Target
    ) -> None:
        self._gradients = machine.address("gradients")
        self._machine, self._rule, self._size = machine, rule, size
        self.most = min(MOST_STEPS, max(1, MOST_WORK // (size * effort(machine.program, gradient=True))))
        self._columns = [None if column is None else plain(column) for column in columns]
        self._buffers = [
            None if column is None else np.empty((size, *column.shape[1:])) for column in self._columns
        ]
        self._sources: list[int] = []
        for column, buffer in zip(self._columns, self._buffers, strict=True):
            if column is not None:
                self._sources += [address_of(column), _width(column), len(column), address_of(buffer)]
        self._latest: tuple[Any, Array] = (None, None)  # lists, and what they are for
        module = Module(target.registers, DOUBLE, checked=machine.checked)
        write_training(module, rule, machine.program.wanted)
        self._engine = _code_of(str(module), target)
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
        counts = np.full(steps, size)
        counts[-1] = count - (steps - 1) * size
        table = np.empty((steps, 1 + self._rule.width))
        table[:, 0], table[:, 1:] = 1.0 / counts, scalars
        given = list(map(plain, others))
        order = np.ascontiguousarray(order, dtype=np.int64)
        lists = self._lists(losses, counts, list(given))
        entries = [
            *(self._gradients, address_of(lists), lists.shape[1], steps, size),
            *(address_of(order), address_of(work.weights), address_of(work.gradient), address_of(table)),
            *(len(self._sources) // PER_COLUMN, *map(address_of, kept), *self._sources),
        ]
        done = self._checked(entries) if self._machine.checked else self._called(entries)
        if 0 < done < steps:  # once more: the gradient before the last good step has been written over
            until = done * size
            return self.run(weights, memory, order[:until], scalars[:done], [each[:until] for each in given])
        moved = work.weights[: self._machine.program.wanted].copy()
        return Taken(done, moved, kept, work.gradient * table[-1, 0], losses[: done * size])

    def _lists(self, losses: Array, counts: Array, others: list[Array]) -> Array:
        """What `gradients` is called with in each step: a row of whole numbers."""
        firsts = np.arange(len(counts)) * self._size * losses.itemsize
        known, key = self._latest, None if others else (len(counts), counts[-1])
        lists = known[1] if key and key == known[0] else self._new_lists(firsts, counts, others)
        lists[:, _RESULTS] = firsts + address_of(losses)
        self._latest = key, lists
        return lists

    def _new_lists(self, firsts: Array, counts: Array, others: list[Array]) -> Array:
        """The same, but for the place of the losses."""
        work, places = self._machine.memory(), []
        for column, buffer in zip(self._columns, self._buffers, strict=True):
            array = others.pop(0) if column is None else buffer
            places.append((array, column is None))
        arguments = [(address_of(array), _width(array), 0) for array, _ in places]
        row = listed(work.address, self._machine.tables("gradients"), (0, 0, 0), 0, arguments)
        lists = np.empty((len(counts), len(row)), dtype=np.int64)
        lists[:] = row
        lists[:, _ROOM] = lists[:, SAMPLES] = counts
        for number, (array, is_in_order) in enumerate(places):
            place = len(HEAD) + PER_ARGUMENT * number
            lists[:, place] += firsts * _width(array) * is_in_order
            lists[:, place + 2] = counts * _width(array)
        return lists

    def _called(self, entries: Sequence[int]) -> int:
        return int(self._train((ctypes.c_int64 * len(entries))(*entries)))

    def _checked(self, entries: Sequence[int]) -> int:
        """Step by step, and after each a look at what was read and written."""
        gradients, lists, length, steps, size, order, weights, gradient, table, *rest = entries
        work = self._machine.memory()

        def step(number: int) -> int:
            at = (
                *(gradients, lists + 8 * number * length, length, 1, size, order + 8 * number * size),
                *(weights, gradient, table + 8 * number * (1 + self._rule.width), *rest),
            )
            return self._called(at)

        for number in range(steps):
            done = self._machine.examined(step, work, number)
            ensure_inside(self._engine)
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
        target: Target,
        call: Callable[[int, Form], Call],
    ) -> None:
        super().__init__(machine, rule, size, columns, target)
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
        moved = state[0][: self._machine.program.wanted].copy()
        return Taken(done, moved, state[1:], gradient, losses[: done * self._size])


@lru_cache(32)
def _code_of(text: str, target: Target) -> Any:
    """The code of a text: a rule's is the same in every training of as many parameters."""
    return machine_code(text, target)


def _width(array: Array) -> int:
    """How many numbers a sample has."""
    return int(array.size // len(array))
