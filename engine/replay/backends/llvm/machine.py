"""Machine: a program's text as machine code, and the one owner of all memory that this code works in."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from engine.errors import ReplayError
from engine.frozen import frozen

try:
    import llvmlite
    import llvmlite.binding as llvm
except ImportError as error:
    raise ReplayError(
        "the LLVM executor needs llvmlite: pip install llvmlite (or the extra `fast` of this project)"
    ) from error

from engine.replay.backends.llvm import cache
from engine.replay.backends.llvm.affine import in_blocks
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.long_rows import long_rows_last
from engine.replay.backends.llvm.memory import Memory, address_of
from engine.replay.backends.llvm.step import Flags, write_step
from engine.replay.backends.llvm.writing.functions import PRIMITIVES
from engine.replay.backends.llvm.writing.merging import merged
from engine.replay.backends.llvm.writing.module import DOUBLE, Module, Precision
from engine.replay.program.lowering import lower
from engine.replay.program.program import Program

__all__ = ["HOST", "Code", "Machine", "Target", "ensure_inside", "machine_code"]

LEVEL = 2  # of code generation
LOCK: Any = getattr(llvm.ffi.lib, "_lock", None)  # llvmlite's, in each of its calls
if LOCK and hasattr(
    os, "register_at_fork"
):  # a process forked while another thread has it would wait forever
    os.register_at_fork(before=LOCK.__enter__, after_in_parent=LOCK.__exit__, after_in_child=LOCK.__exit__)


class Code:
    """Functions in machine code, which live as long as this object.

    It has no end of its own, as its engine has: a weak reference never gives one whose end another thread
    has begun.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def get_function_address(self, name: str) -> int:
        """Where a function lies."""
        return int(self._engine.get_function_address(name))


SHARED: WeakValueDictionary[str, Code] = WeakValueDictionary()  # by keys

# Bits of the C library's FE_INVALID, FE_DIVBYZERO and FE_OVERFLOW.
FLAGS = {"x86_64": Flags(1 | 4 | 8), "AMD64": Flags(1 | 4 | 8), "aarch64": Flags(7), "arm64": Flags(7)}


@frozen
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
    if not hasattr(ctypes.pythonapi, "lgamma"):  # else the process has what machine code calls of it
        library = ctypes.util.find_library("m")
        if library:
            llvm.load_library_permanently(library)
    features = llvm.get_host_cpu_features().flatten()
    wide = ",-prefer-256-bit" if "+avx512f" in features.split(",") else ""
    return Target(llvm.get_host_cpu_name(), features + wide)


HOST = _host()


class Machine:
    """A program compiled for a number of lanes; it knows no numbers but those of the memory that it is given.

    One call at a time works in a memory. In `checked` mode every address is tested, what may not be read any
    more is overwritten with nan before every call, and the gaps between the spaces are looked at after it.
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
        program = in_blocks(lower(program, PRIMITIVES))
        program, long = long_rows_last(program, widths)
        self.program, self.lanes, self.checked = program, lanes, checked
        self.type, precision = np.dtype(precision.name), precision.for_lanes(lanes)
        self.widths, self._target, self._precision = widths, target, precision
        self._layout = Layout(program, lanes, precision, long)
        self._engines: dict[Any, Any] = {}
        self._functions: dict[str, Any] = {}
        self._tables: dict[Any, tuple[Any, int]] = {}  # and where they lie
        self._memories: list[Memory] = []
        self._orders = [np.arange(self.lanes)]

    def make(self, name: str) -> None:
        """Make the code of `outputs` or `gradients`, unless that is done."""
        if name not in self._functions:
            engine = self.made(name, lambda module: self._write(module, name))
            kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
            self._functions[name] = kind(engine.get_function_address(name))

    def _write(self, module: Module, name: str) -> None:
        write_step(module, self.program, self.widths, self._layout, FLAGS[platform.machine()], name)

    def address(self, name: str) -> int:
        """Where the code of such a function lies, for code that calls it."""
        self.make(name)
        return int(self._engines[name].get_function_address(name))

    def made(self, key: Any, write: Callable[[Module], None]) -> Any:
        """The engine with the code that is written so; what has the same key is made once."""
        if key not in self._engines:
            module = Module(self._target.registers, self._precision, checked=self.checked)
            write(module)
            text = str(module)  # which completes its numbers
            self._engines[key] = machine_code(text, self._target, shared=not self.checked)
            tables = self._layout.tables(module.numbers.values())
            self._tables[key] = tables, address_of(tables)
        return self._engines[key]

    def tables(self, name: str) -> int:
        """The address of the whole numbers that the code of `outputs` or `gradients` reads."""
        return self._tables[name][1]

    def in_order(self, count: int) -> int:
        """The address of 0, 1, … for so many samples that are read in their order."""
        if len(self._orders[-1]) < count:  # those that somebody knows the address of stay where they are
            self._orders.append(np.arange(2 * count))
        return address_of(self._orders[-1])

    def memory(self, number: int = 0) -> Memory:
        """A place to work in, one for each number: 0, 1, …"""
        while len(self._memories) <= number:
            self._memories.append(Memory(self.program, self._layout))
        return self._memories[number]

    def function(self, name: str, memory: Memory) -> Callable[[int], int]:
        """`outputs` or `gradients`, to be called with the address of a list as `batch` describes it.

        Its list must name this memory. It returns 0 unless something overflowed, was invalid or not finite.
        """
        self.make(name)
        function = self._functions[name]
        return partial(self.examined, function, memory) if self.checked else function

    def examined(self, function: Callable[[Any], int], memory: Memory, place: Any) -> int:
        """Call it; AssertionError where an address was wrong, or a number stands where none belongs."""
        memory.poison()
        raised = function(place)
        for engine in self._engines.values():
            ensure_inside(engine)
        if not memory.is_sound:
            raise AssertionError("a number was written between the regions")
        return raised


def ensure_inside(engine: Any) -> None:
    """AssertionError where checked code has met an address that was wrong."""
    at = ctypes.CFUNCTYPE(ctypes.c_void_p)(engine.get_function_address("violations_at"))()
    violations = ctypes.c_int64.from_address(at).value
    if violations:
        raise AssertionError(f"{violations} addresses lay outside of their region")


def machine_code(text: str, target: Target, *, shared: bool = False) -> Code:
    """The machine code of this text, made or found on disk: the same text has the same code.

    The second level of code generation, and no optimizer before it: the text is vectorized and blocked.
    Where it is shared, all who ask for it while somebody has it get the same: its text may have no variables.
    """
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=target.processor, features=target.features, opt=LEVEL, jit=True
    )
    made_by = (llvmlite.__version__, str(llvm.llvm_version_info), machine.triple, f"level {LEVEL}")
    key = cache.key_of(text, target.processor, target.features, *made_by)
    known = SHARED.get(key) if shared else None
    if known is not None:
        return known
    code = cache.kept(key)
    if code is None:
        code = machine.emit_object(llvm.parse_assembly(merged(text)))
        cache.keep(key, code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.code = code  # which LLVM reads where it is
    engine.add_object_file(llvm.ObjectFileRef.from_data(engine.code))
    engine.finalize_object()
    return SHARED.setdefault(key, Code(engine)) if shared else Code(engine)
