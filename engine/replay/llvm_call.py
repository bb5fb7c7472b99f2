"""Call: a batch of one form on its way into machine code, and the results on their way out.

What can be done once for all batches of the same form is done when the call is made; then the arrays go in,
the code runs, and fresh arrays come out. Small batches are copied into buffers of the call's own, which takes
less time than asking an array for its address; large ones are read where they are.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from engine.replay.executors import Call, Form, form_of
from engine.replay.llvm_machine import Machine
from engine.replay.llvm_memory import Memory, address_of

__all__ = ["call_for"]

Array = Any
SMALL = 4096  # numbers in a batch that is copied before the call
REFUSAL = "a division by 0, an overflow, or something that is not a number"


def call_for(machine: Machine, name: str, samples: int, form: Form) -> Call:
    """A function of (weights, *arguments) of these types and shapes that gives (results, gradient).

    `name` is "outputs", whose results are of shape (results, samples), and which has no gradient to tell; or
    "gradients", whose results are of shape (samples,). It gives None for arrays of another form, and raises
    FloatingPointError where something was divided by 0, overflowed or was invalid, where an index was none,
    and where a result is not finite.
    """
    numbers = sum(prod(shape) for _, shape in form[1:])
    kind = _SmallCall if numbers <= SMALL else _LargeCall
    return kind(machine, name, samples, form).run


class _SmallCall:
    """For batches that are copied."""

    def __init__(self, machine: Machine, name: str, samples: int, form: Form) -> None:
        self._machine = machine
        memory = machine.memory()
        copies = [np.empty(shape) for _, shape in form[1:]]
        self._count = len(form)
        self._expected = [
            (dtype, shape, copy) for (dtype, shape), copy in zip(form, (memory.weights, *copies), strict=True)
        ]
        self._gradient = memory.gradient
        self._results = np.empty(_shape_of_results(machine, name, samples), machine.type)
        self._list = _list(machine, memory, self._results, copies, samples)
        self._place = ctypes.addressof(self._list)
        self._function = machine.function(name, memory)

    def run(self, given: Sequence[Array]) -> tuple[Array, Array] | None:
        if len(given) != self._count:
            return None
        for array, (dtype, shape, copy) in zip(given, self._expected):  # noqa: B905  (equally many)
            if type(array) is not ndarray or array.shape != shape or array.dtype != dtype:
                return None
            copy[...] = array
        if self._function(self._place):
            raise FloatingPointError(REFUSAL)
        return self._results.copy(), self._gradient.copy()


class _LargeCall:
    """For batches that are read where they are."""

    def __init__(self, machine: Machine, name: str, samples: int, form: Form) -> None:
        self._machine, self._memory = machine, machine.memory()
        self._samples, self._form = samples, form
        self._shape = _shape_of_results(machine, name, samples)
        self._function = machine.function(name, self._memory)

    def run(self, given: Sequence[Array]) -> tuple[Array, Array] | None:
        if any(type(array) is not ndarray for array in given) or form_of(given) != self._form:
            return None
        self._memory.weights[...] = given[0]
        arrays = [_plain(array) for array in given[1:]]
        results = np.empty(self._shape, self._machine.type)
        entries = _list(self._machine, self._memory, results, arrays, self._samples)
        if self._function(ctypes.addressof(entries)):
            raise FloatingPointError(REFUSAL)
        return results, self._memory.gradient.copy()


def _shape_of_results(machine: Machine, name: str, samples: int) -> tuple[int, ...]:
    return (samples,) if name == "gradients" else (len(machine.program.outputs), samples)


def _list(machine: Machine, memory: Memory, results: Array, arrays: Sequence[Array], samples: int) -> Any:
    """What the functions are called with: where everything lies, in the order of `llvm_step`."""
    numbers = [memory.address, machine.tables, address_of(results), samples]
    for array in arrays:
        numbers += [address_of(array), array.size // samples]
    return (ctypes.c_int64 * len(numbers))(*numbers)


def _plain(array: Array) -> Array:
    """The array itself where it is float64 and in one piece, else a copy that is."""
    if array.dtype == np.float64 and array.flags.c_contiguous:
        return array
    return np.ascontiguousarray(array, dtype=np.float64)
