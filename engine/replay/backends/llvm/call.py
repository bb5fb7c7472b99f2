"""Call: a batch of one form on its way into machine code, and the results on their way out.

What can be done once for all batches of the same form is done when the call is made; then the arrays go in,
the code runs, and fresh arrays come out. Small batches are copied into buffers of the call's own, which takes
less time than asking an array for its address; large ones are read where they are.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from engine.replay.backends.interface import Call, Form, form_of
from engine.replay.backends.llvm.batch import listed
from engine.replay.backends.llvm.machine import Machine
from engine.replay.backends.llvm.memory import Memory, address_of, plain
from engine.replay.backends.segments import cores, cut, effort, share

__all__ = ["call_for"]

Array = Any
SMALL = 4096  # numbers in a batch that is copied before the call, and in its results
REFUSAL = "a division by 0, an overflow, or something that is not a number"


def call_for(machine: Machine, name: str, samples: int, form: Form, threads: int | None = 1) -> Call:
    """A function of (weights, *arguments) of these types and shapes that gives (results, gradient).

    `name` is "outputs", whose results are of shape (results, samples), and which has no gradient to tell; or
    "gradients", whose results are of shape (samples,). It gives None for arrays of another form, and raises
    FloatingPointError where something was divided by 0, overflowed or was invalid, where an index was none,
    and where a result is not finite. A large batch is shared by so many threads, None for all cores.
    """
    machine.make(name)
    segments = cut(samples, machine.lanes, effort(machine.program, gradient=name == "gradients"))
    numbers = sum(map(prod, [_shape_of_results(machine, name, samples), *(shape for _, shape in form[1:])]))
    if len(segments) == 1 and numbers <= SMALL:
        return _SmallCall(machine, name, samples, form).run
    return _LargeCall(machine, name, samples, form, segments, threads).run


class _SmallCall:
    """For batches that are copied."""

    def __init__(self, machine: Machine, name: str, samples: int, form: Form) -> None:
        self._machine = machine
        memory = machine.memory()
        copies = [np.empty(shape) for _, shape in form[1:]]
        self._count = len(form)
        self._expected = [
            (dtype, shape, copy, _line_of(copy, dtype, shape))
            for (dtype, shape), copy in zip(form, (memory.weights, *copies), strict=True)
        ]
        self._gradient = memory.gradient
        self._results = np.empty(_shape_of_results(machine, name, samples), machine.type)
        results, arrays = _Place.of(self._results, samples), [_Place.of(copy, samples) for copy in copies]
        self._list = _list(machine, name, memory, results, arrays, (0, samples))
        self._place = ctypes.addressof(self._list)
        self._function = machine.function(name, memory)

    def run(self, given: Sequence[Array]) -> tuple[Array, Array] | None:
        if len(given) != self._count:
            return None
        for array, (dtype, shape, copy, line) in zip(given, self._expected):  # noqa: B905  (equally many)
            if type(array) is not ndarray:
                return None
            if line is not None:
                try:
                    line[:] = array  # only from the same type and shape
                    continue
                except (ValueError, TypeError, BufferError):
                    pass  # another form, or numbers that do not lie at multiples of 8 bytes
            if array.shape != shape:
                return None
            if array.dtype is not dtype and array.dtype != dtype:  # in most cases it is the same object
                return None
            copy[...] = array
        if self._function(self._place):
            raise FloatingPointError(REFUSAL)
        return self._results.copy(), self._gradient.copy()


def _line_of(copy: Array, dtype: Any, shape: tuple[int, ...]) -> Any:
    """The memory of an array, which takes numbers more quickly than it, and from arrays of this form alone.

    None where numbers are converted, or have not one dimension: there only the array itself takes them.
    """
    return memoryview(copy) if dtype == copy.dtype and copy.shape == shape and copy.ndim == 1 else None


class _LargeCall:
    """For batches that are read where they are, segment by segment, by one thread or several."""

    def __init__(
        self,
        machine: Machine,
        name: str,
        samples: int,
        form: Form,
        segments: Sequence[tuple[int, int]],
        threads: int | None,
    ) -> None:
        self._machine, self._name, self._samples, self._form = machine, name, samples, form
        self._segments, self._threads = segments, threads

    def run(self, given: Sequence[Array]) -> tuple[Array, Array] | None:
        if any(type(array) is not ndarray for array in given) or form_of(given) != self._form:
            return None
        machine, samples, segments = self._machine, self._samples, self._segments
        threads = min(self._threads or cores(), len(segments)) if len(segments) > 1 else 1
        memories = [machine.memory(number) for number in range(threads)]
        filled: set[int] = set()
        arrays = [plain(array) for array in given[1:]]
        results = np.empty(_shape_of_results(machine, self._name, samples), machine.type)
        places, target = [_Place.of(array, samples) for array in arrays], _Place.of(results, samples)
        total = _Sum()

        def work(segment: int, worker: int) -> None:
            memory = memories[worker]
            if worker not in filled:  # each has the weights to itself, and copies them itself
                memory.weights[...] = given[0]
                filled.add(worker)
            entries = _list(machine, self._name, memory, target, places, segments[segment])
            if machine.function(self._name, memory)(ctypes.addressof(entries)):
                raise FloatingPointError(REFUSAL)
            if self._name == "gradients":
                total.add(segment, memory.gradient)

        share(work, len(segments), threads)
        return results, total.in_type(machine.type)


class _Sum:
    """The sum of what segments give, in float64 and in their order, in whatever order they are done."""

    def __init__(self) -> None:
        self._lock, self._next = threading.Lock(), 0
        self._waiting: dict[int, Array] = {}
        self._total = np.empty(0)

    def add(self, segment: int, part: Array) -> None:
        """Add a segment's part, which may be overwritten afterwards."""
        with self._lock:
            if segment != self._next:
                self._waiting[segment] = part.copy()
                return
            if segment == 0:
                self._total = part.astype(np.float64)
            else:
                self._plus(part)
            self._next += 1
            while self._next in self._waiting:
                self._plus(self._waiting.pop(self._next))
                self._next += 1

    def _plus(self, part: Array) -> None:
        with np.errstate(over="ignore"):
            np.add(self._total, part, out=self._total)

    def in_type(self, kind: Any) -> Array:
        """The sum in a type; infinite where it is too large for it, as eager's sum is."""
        with np.errstate(over="ignore"):
            return self._total.astype(kind, copy=False)


class _Place(NamedTuple):
    """Where samples lie in memory: an address, the samples, the numbers of each, the bytes of a number."""

    address: int
    samples: int
    width: int
    size: int

    @classmethod
    def of(cls, array: Array, samples: int) -> _Place:
        """Where the samples of an array lie."""
        return cls(address_of(array), samples, array.size // samples, array.itemsize)

    def sample_by_sample(self, start: int) -> tuple[int, int, int]:
        """(address, distance, count) from a sample on, where the numbers of a sample lie side by side."""
        skipped = start * self.width
        return self.address + self.size * skipped, self.width, self.samples * self.width - skipped

    def row_by_row(self, start: int) -> tuple[int, int, int]:
        """The same where the samples of a row lie side by side."""
        return self.address + self.size * start, self.samples, self.samples * self.width - start


def _shape_of_results(machine: Machine, name: str, samples: int) -> tuple[int, ...]:
    return (samples,) if name == "gradients" else (len(machine.program.outputs), samples)


def _list(
    machine: Machine,
    name: str,
    memory: Memory,
    results: _Place,
    arrays: Sequence[_Place],
    segment: tuple[int, int],
) -> Any:
    """What a function is called with for some of the samples."""
    start, stop = segment
    given = [array.sample_by_sample(start) for array in arrays]
    numbers = listed(memory.address, machine.tables(name), results.row_by_row(start), stop - start, given)
    return (ctypes.c_int64 * len(numbers))(*numbers)
