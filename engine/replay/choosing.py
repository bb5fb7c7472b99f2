"""Which executors there are, and which one `auto` is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from engine.errors import ReplayError
from engine.replay.backends.interface import Executor
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.backends.strict import StrictExecutor
from engine.replay.program.program import Program
from engine.replay.recording.tape import Tape

__all__ = ["choose_executor", "dtype_named", "make_executor"]


LONG = 3.0  # seconds to make machine code; NumPy runs at once


def dtype_named(dtype: Any) -> str:
    """NumPy's name of a type of numbers; ReplayError for one that nothing computes in.

    >>> dtype_named(np.float32), dtype_named("float64")
    ('float32', 'float64')
    """
    try:
        name = str(np.dtype(dtype))
    except TypeError:
        name = ""
    if name not in ("float64", "float32"):
        raise ReplayError(f"there is no dtype {dtype!r} here; choose 'float64' or 'float32'")
    return name


def choose_executor(name: str, dtype: str = "float64") -> str:
    """The name of the executor to use; ReplayError for one that does not exist or is not installed.

    "llvm-checked" is "llvm" with every address tested: slow, and for those who look for an error in it. Only
    machine code can compute in "float32"; nothing else is chosen for it.
    """
    if name not in ("auto", "llvm", "llvm-checked", "numpy", "strict"):
        raise ReplayError(f"there is no executor {name!r}; choose 'auto', 'llvm', 'numpy' or 'strict'")
    if dtype == "float32" and name in ("numpy", "strict"):
        raise ReplayError(
            f"the executor {name!r} computes in float64 only; for float32 choose 'llvm' or 'auto', or leave "
            "dtype at 'float64'"
        )
    is_installed = find_spec("llvmlite") is not None
    if not is_installed and (name.startswith("llvm") or dtype == "float32"):
        needing, mend = f"the executor {name!r}", "'auto' does without it"
        if dtype == "float32":
            needing, mend = "dtype='float32'", "dtype='float64' does without it"
        raise ReplayError(
            f"{needing} needs llvmlite: pip install llvmlite (or the extra `fast` of this project); {mend}"
        )
    if name == "auto":
        return "llvm" if is_installed else "numpy"
    return name


def make_executor(
    name: str, dtype: str, threads: int | None, tape: Tape, program: Program, widths: Sequence[int]
) -> Executor:
    """An executor for this program; `widths` are the numbers per sample of each argument.

    What there is no machine code for is run by NumPy; who asked for it by name is warned. By "auto",
    so is what is so large or irregular that its code would take long to make, and a function with branches,
    whose many ways are each run on a few samples only. In float32 there is machine code or a ReplayError.
    Machine code is run by so many threads where a batch is large, None for one on every core.
    """
    chosen = choose_executor(name, dtype)
    if chosen == "strict":
        return StrictExecutor(tape)
    if chosen == "numpy" or (name == "auto" and tape.guards and dtype == "float64"):
        return NumpyExecutor(program, widths)
    from engine.replay.backends.llvm.executor import (  # noqa: PLC0415  (loads llvmlite)
        HOST,
        LlvmExecutor,
        refusal,
        seconds_to_make,
    )
    from engine.replay.backends.llvm.writing.module import PRECISIONS  # noqa: PLC0415

    precision = PRECISIONS[dtype]
    if name == "auto" and dtype == "float64" and seconds_to_make(program) > LONG:
        return NumpyExecutor(program, widths)
    reason = refusal(program, precision)
    if not reason:
        checked = chosen == "llvm-checked"
        return LlvmExecutor(program, widths, HOST, precision, checked=checked, threads=threads)
    if dtype == "float32":
        raise ReplayError(
            f"{program.name} cannot be run in float32: {reason}; leave dtype at 'float64', in which NumPy can"
        )
    if name != "auto":
        warnings.warn(f"{program.name} is run by NumPy, not by LLVM: {reason}", UserWarning, stacklevel=2)
    return NumpyExecutor(program, widths)
