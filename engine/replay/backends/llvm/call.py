"""Call: a batch of one form on its way into machine code, and the results on their way out.

What can be done once for all batches of the same form is done when the call is made; then the arrays go in,
the code runs, and fresh arrays come out. Small batches are copied into buffers of the call's own, by machine
code where it can be; large ones are read where they are.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from engine.replay.backends.interface import Call, Form, form_of
from engine.replay.backends.llvm.batch import listed, places_of_memories
from engine.replay.backends.llvm.machine import HOST, Machine, machine_code
from engine.replay.backends.llvm.memory import address_of, plain
from engine.replay.backends.llvm.writing import arrays
from engine.replay.backends.segments import cores, cut, effort, share

__all__ = ["call_for"]

Array = Any
SMALL = 4096  # numbers in a batch that is copied before the call, and in its results
KNOWN = (np.float64, np.int64)  # types that machine code takes from arrays itself
WAITS = 32  # calls before the code is made that takes arrays: it takes some milliseconds to make
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
        self._expected = [(*of, copy) for of, copy in zip(form, (memory.weights, *copies), strict=True)]
        self._gradient = memory.gradient
        self._results = np.empty(_shape_of_results(machine, name, samples), machine.type)
        self._segment = _Segment(machine, name, form, samples, 0, samples)  # which owns the list
        self._place = self._segment.at(memory.address, [*map(address_of, (self._results, *copies))])
        self._function = machine.function(name, memory)
        is_known = all(dtype in KNOWN and copy.dtype == np.float64 for dtype, _, copy in self._expected)
        self._is_quick = is_known and not machine.checked
        self._enter: Callable[[int, int], int] = _other
        self._waits = WAITS
        told = [(dtype, (ctypes.c_int64 * len(shape))(*shape), copy) for dtype, shape, copy in self._expected]
        words = arrays.told(machine.address(name), self._place, told)
        self._told = (ctypes.c_int64 * len(words))(*words), told  # alive as long as its address is used
        self._where = ctypes.addressof(self._told[0])

    def run(self, given: Sequence[Array]) -> tuple[Array, Array] | None:
        if len(given) != self._count:
            return None
        raised = self._enter(id(given), self._where) if type(given) is tuple else arrays.OTHER
        if raised == arrays.OTHER:
            if not self._copied(given):
                return None
            raised = self._function(self._place)
            self._waits -= 1
            if self._is_quick and self._waits <= 0:
                self._enter = _entry()
        if raised:
            raise FloatingPointError(REFUSAL)
        return self._results.copy(), self._gradient.copy()

    def _copied(self, given: Sequence[Array]) -> bool:
        """Copy arrays of this form, of whatever type, and wherever their numbers lie."""
        for array, (dtype, shape, copy) in zip(given, self._expected, strict=True):
            if type(array) is not ndarray or array.shape != shape or array.dtype != dtype:
                return False
            copy[...] = array
        return True


@cache
def _entry() -> Callable[[int, int], int]:
    """The function of `writing.arrays`; one that knows none, where arrays lie in memory in another way."""
    if not arrays.is_possible():
        return _other
    engine = machine_code(arrays.TEXT, HOST)
    _engines.append(engine)
    kind = ctypes.PYFUNCTYPE(ctypes.c_int32, ctypes.c_size_t, ctypes.c_size_t)
    return kind(engine.get_function_address("enter"))


_engines: list[Any] = []  # they own the code


def _other(*_: int) -> int:
    return arrays.OTHER


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
        self._machine, self._name, self._form, self._threads = machine, name, form, threads
        self._shape = _shape_of_results(machine, name, samples)
        self._segments = [_Segment(machine, name, form, samples, *segment) for segment in segments]

    def run(self, given: Sequence[Array]) -> tuple[Array, Array] | None:
        if any(type(array) is not ndarray for array in given) or form_of(given) != self._form:
            return None
        machine, segments = self._machine, self._segments
        threads = min(self._threads or cores(), len(segments)) if len(segments) > 1 else 1
        memories = [machine.memory(number) for number in range(threads)]
        functions = [machine.function(self._name, memory) for memory in memories]
        filled: set[int] = set()
        results, arrays = np.empty(self._shape, machine.type), [plain(array) for array in given[1:]]
        addresses = [*map(address_of, (results, *arrays))]
        total = _Sum()

        def work(segment: int, worker: int) -> None:
            memory = memories[worker]
            if worker not in filled:  # each has the weights to itself, and copies them itself
                memory.weights[...] = given[0]
                filled.add(worker)
            if functions[worker](segments[segment].at(memory.address, addresses)):
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
        if self._total.dtype == kind:
            return self._total
        with np.errstate(over="ignore"):
            return self._total.astype(kind)


class _Segment:
    """Some of the samples of a batch: what the code is called with for them, but for where memory is."""

    def __init__(self, machine: Machine, name: str, form: Form, samples: int, start: int, stop: int) -> None:
        shape, order = _shape_of_results(machine, name, samples), machine.in_order(stop - start)
        results = machine.type.itemsize * start, samples, prod(shape) - start
        widths = [prod(given) // samples for _, given in form[1:]]
        arguments = [(8 * width * start, width, width * (samples - start), order) for width in widths]
        numbers = listed(0, machine.tables(name), results, stop - start, arguments)
        self._list = (ctypes.c_int64 * len(numbers))(*numbers)
        self._address = ctypes.addressof(self._list)
        self._memories = [(place, numbers[place]) for place in places_of_memories(len(arguments))]

    def at(self, memory: int, addresses: Sequence[int]) -> int:
        """The address of the list, for results and arguments that begin at these addresses."""
        entries = self._list
        entries[0] = memory
        for (place, offset), address in zip(self._memories, addresses, strict=True):
            entries[place] = address + offset
        return self._address


def _shape_of_results(machine: Machine, name: str, samples: int) -> tuple[int, ...]:
    return (samples,) if name == "gradients" else (len(machine.program.outputs), samples)
