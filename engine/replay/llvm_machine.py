"""Machine: a program's text as machine code, and the one owner of all that this code reads and writes.

The addresses of buffers leave Python only inside of a call, and every buffer lives as long as the code
that knows it: a buffer that Python freed while native code still wrote to it was the worst error that the
prototype of this gear had.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import ReplayError

try:
    import llvmlite.binding as llvm
except ImportError as error:
    raise ReplayError(
        "the LLVM executor needs llvmlite: pip install llvmlite (or the extra `fast` of this project)"
    ) from error

from engine.replay.llvm_layout import Layout
from engine.replay.llvm_module import DOUBLE, Module, Precision
from engine.replay.llvm_step import Flags, write_step
from engine.replay.program import Program, Space

__all__ = ["HOST", "Machine", "Target", "machine_code"]

Array = Any
CANARY = -1.5 * 2.0**100  # which floats can be, too
SMALL = 4096  # numbers in a batch that is copied before the call

# Bits of the C library's FE_INVALID, FE_DIVBYZERO and FE_OVERFLOW.
FLAGS = {"x86_64": Flags(1 | 4 | 8), "AMD64": Flags(1 | 4 | 8), "aarch64": Flags(7), "arm64": Flags(7)}


@dataclass(frozen=True)
class Target:
    """The processor that code is made for, by LLVM's names."""

    processor: str
    features: str

    @property
    def registers(self) -> int:
        """How many registers hold a whole vector's worth without being split too far."""
        return 32 if "+avx512f" in self.features.split(",") else 16


def _host() -> Target:
    """The machine that we are on, told to use the whole of its registers."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    library = ctypes.util.find_library("m")
    if library:
        llvm.load_library_permanently(library)
    features = llvm.get_host_cpu_features().flatten()
    wide = ",-prefer-256-bit" if "+avx512f" in features.split(",") else ""
    return Target(llvm.get_host_cpu_name(), features + wide)


HOST = _host()


class Machine:
    """A program compiled for a number of lanes; one call at a time, for its buffers are its own.

    In `checked` mode every address is tested, what may not be read any more is overwritten with nan
    before every call, and the gaps between the spaces are looked at after it.
    """

    def __init__(
        self,
        program: Program,
        widths: Sequence[int],
        lanes: int,
        target: Target = HOST,
        precision: Precision = DOUBLE,
        *,
        checked: bool = False,
    ) -> None:
        if platform.machine() not in FLAGS:
            raise ReplayError(f"the LLVM executor does not know the processor {platform.machine()!r}")
        self.program, self.lanes, self.checked = program, lanes, checked
        self._precision, self._type = precision, np.dtype(precision.name)
        self._layout = Layout(program, lanes, precision)
        module = Module(target.registers, precision, checked=checked)
        write_step(module, program, widths, self._layout, FLAGS[platform.machine()])
        self._engine = machine_code(str(module), target)
        self._tables = self._layout.tables()
        self._numbers = self._aligned(self._layout.size)
        self._fill_constants()
        self.weights = self._given_weights()
        self.gradient = self._region(Space.GRADIENT)[: program.wanted]
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
        self._functions = {
            name: kind(self._engine.get_function_address(name))
            for name in ("outputs", "gradients")
            if name == "outputs" or program.sizes[Space.GRADIENT]
        }
        self._staged: dict[int, _Staged] = {}
        self._widths, self._width = tuple(widths), sum(widths)

    def outputs(self, weights: Array, arrays: Sequence[Array], samples: int) -> Array:
        """The results, (outputs, samples), of arrays of shape (samples, width); raises as `gradients`."""
        found = np.empty((len(self.program.outputs), samples), self._type)
        given = [_plain(array) for array in arrays]
        self.weights[:] = weights
        self._call("outputs", self._list(found, given, samples))
        return found

    def gradients(self, weights: Array, arrays: Sequence[Array], samples: int) -> tuple[Array, Array]:
        """(the first result of every sample, its gradient by the weights summed over the samples).

        Raises FloatingPointError where something was divided by 0, overflowed or was invalid, where an index
        was none, and where a result is not finite.
        """
        self.weights[:] = weights
        if samples * self._width > SMALL:
            losses = np.empty(samples, self._type)
            given = [_plain(array) for array in arrays]
            self._call("gradients", self._list(losses, given, samples))
            return losses, self.gradient.copy()
        staged = self._staged.get(samples) or self._stage(samples)
        for copy, array in zip(staged.arrays, arrays, strict=True):
            copy[...] = array
        self._call("gradients", staged.place)
        return staged.losses.copy(), self.gradient.copy()

    def _stage(self, samples: int) -> _Staged:
        """Buffers of our own for a small batch, which is copied faster than its addresses are asked for."""
        while len(self._staged) >= 8:
            self._staged.pop(next(iter(self._staged)))
        arrays = [np.empty((samples, width)) for width in self._widths]
        losses = np.empty(samples, self._type)
        self._staged[samples] = _Staged(arrays, losses, self._list(losses, arrays, samples))
        return self._staged[samples]

    def _list(self, results: Array, arrays: Sequence[Array], samples: int) -> Any:
        """What the functions are called with: where everything lies."""
        numbers = [_address(self._numbers), _address(self._tables), _address(results), samples]
        for array, width in zip(arrays, self._widths, strict=True):
            numbers += [_address(array), width]
        return (ctypes.c_int64 * len(numbers))(*numbers)

    def _call(self, name: str, arguments: Any) -> None:
        if self.checked:
            self.poison()
        raised = self._functions[name](arguments)
        if self.checked:
            self._examine()
        if raised:
            raise FloatingPointError("a division by 0, an overflow, or something that is not a number")

    def _region(self, space: Space) -> Array:
        region = self._layout.regions[space]
        return self._numbers[region.start : region.stop]

    def _given_weights(self) -> Array:
        """Where the weights go, in float64."""
        exact = self._layout.doubles.get(Space.WEIGHT)
        return (
            self._numbers.view(np.float64)[exact.start : exact.stop] if exact else self._region(Space.WEIGHT)
        )

    def _aligned(self, size: int) -> Array:
        """So many numbers, zero, beginning where a register's worth of memory does."""
        vector = self._precision.vector
        memory = np.zeros(size + vector, self._type)
        first = (-_address(memory) // self._precision.size) % vector
        return memory[first : first + size]

    def _fill_constants(self) -> None:
        inside = np.zeros(len(self._numbers), dtype=bool)
        for region in self._layout.spans():
            inside[region.start : region.stop] = True
        self._gaps = np.flatnonzero(~inside)
        self._numbers[self._gaps] = CANARY
        self._region(Space.CONSTANT)[:] = self.program.constants
        for coefficients, region in self._layout.coefficients.items():
            self._numbers[region.start : region.stop] = coefficients

    def poison(self) -> None:
        """Overwrite with nan all that a call must write before it reads it."""
        given = {Space.CONSTANT} if self._layout.doubles else {Space.CONSTANT, Space.WEIGHT}
        for space in set(Space) - given:
            self._region(space)[:] = math.nan
        for space, exact in self._layout.doubles.items():
            if space is not Space.WEIGHT:
                self._numbers.view(np.float64)[exact.start : exact.stop] = math.nan

    def _examine(self) -> None:
        """Raise AssertionError where an address was wrong, or a number stands where none belongs."""
        at = ctypes.CFUNCTYPE(ctypes.c_void_p)(self._engine.get_function_address("violations_at"))()
        violations = ctypes.c_int64.from_address(at).value
        if violations:
            raise AssertionError(f"{violations} addresses lay outside of their region")
        if not (self._numbers[self._gaps] == CANARY).all():
            raise AssertionError("a number was written between the regions")


@dataclass(frozen=True)
class _Staged:
    """A batch's own buffers, and the list that tells the functions of them."""

    arrays: list[Array]
    losses: Array
    place: Any


def _plain(array: Array) -> Array:
    """The array itself where it is float64 with rows in one piece, else a copy that is."""
    if array.dtype == np.float64 and array.flags.c_contiguous:
        return array
    return np.ascontiguousarray(array, dtype=np.float64)


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def machine_code(text: str, target: Target) -> Any:
    """An engine with the machine code of this text.

    The second level of code generation, and no optimizer before it: the text is vectorized and blocked.
    """
    module = llvm.parse_assembly(text)
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=target.processor, features=target.features, opt=2, jit=True
    )
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine
