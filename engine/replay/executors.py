"""Which executors there are, and which one `auto` is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from engine.errors import ReplayError
from engine.replay import strict
from engine.replay.program import Program
from engine.replay.run_numpy import NumpyExecutor
from engine.replay.tape import Tape

__all__ = ["Executor", "StrictExecutor", "choose_executor", "make_executor"]

Array = Any


class Executor(Protocol):
    """Runs a program on arrays of shape (samples, numbers per sample), one for each argument.

    `watches` tells that it raises FloatingPointError of its own accord, where an operation was invalid, an
    index was none or a result is not finite; for others, whoever calls them sees to that.
    """

    name: str
    watches: bool

    def prepare(self, samples: int) -> None:
        """Do now what the first batch of this size would have to wait for."""

    def outputs(self, weights: Array, arrays: Sequence[Array], samples: int) -> Array:
        """The results: an array of shape (outputs, samples)."""

    def gradients(self, weights: Array, arrays: Sequence[Array], samples: int) -> tuple[Array, Array]:
        """(losses, the gradient of their sum by the weights)."""


class StrictExecutor:
    """The oracle: the tape itself, sample by sample, bit for bit as eager."""

    name, watches = "strict", False

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def prepare(self, samples: int) -> None:
        """Nothing: the tape is run as it is."""

    def outputs(self, weights: Array, arrays: Sequence[Array], samples: int) -> Array:
        """The results: an array of shape (outputs, samples)."""
        found = np.empty((len(self.tape.outputs), samples))
        for place in range(samples):
            numbers = strict.numbers(self.tape, weights, _sample(arrays, place))
            found[:, place] = [numbers[output] for output in self.tape.outputs]
        return found

    def gradients(self, weights: Array, arrays: Sequence[Array], samples: int) -> tuple[Array, Array]:
        """(losses, the gradient of their sum by the weights)."""
        losses, total = np.empty(samples), np.zeros(self.tape.parameters)
        for place in range(samples):
            losses[place], gradient = strict.gradients(self.tape, weights, _sample(arrays, place))
            total += gradient
        return losses, total


def _sample(arrays: Sequence[Array], place: int) -> list[float]:
    return [number for array in arrays for number in array[place].tolist()]


def choose_executor(name: str) -> str:
    """The name of the executor to use; ReplayError for one that does not exist or is not installed.

    "llvm-checked" is "llvm" with every address tested: slow, and for those who look for an error in it.
    """
    if name not in ("auto", "llvm", "llvm-checked", "numpy", "strict"):
        raise ReplayError(f"there is no executor {name!r}; choose 'auto', 'llvm', 'numpy' or 'strict'")
    is_installed = find_spec("llvmlite") is not None
    if name.startswith("llvm") and not is_installed:
        raise ReplayError(
            "the executor 'llvm' needs llvmlite: pip install llvmlite (or the extra `fast` of this project); "
            "'auto' does without it"
        )
    if name == "auto":
        return "llvm" if is_installed else "numpy"
    return name


def make_executor(name: str, tape: Tape, program: Program, widths: Sequence[int]) -> Executor:
    """An executor for this program; `widths` are the numbers per sample of each argument.

    What is too large or too irregular for machine code is run by NumPy; who asked for machine code by name is
    warned. By "auto", so is a function with branches, whose many ways are each run on a few samples only.
    """
    chosen = choose_executor(name)
    if chosen == "strict":
        return StrictExecutor(tape)
    if chosen == "numpy" or (name == "auto" and tape.guards):
        return NumpyExecutor(program, widths)
    from engine.replay.run_llvm import LlvmExecutor, refusal  # noqa: PLC0415  (loads llvmlite)

    reason = refusal(program)
    if not reason:
        return LlvmExecutor(program, widths, checked=chosen == "llvm-checked")
    if name != "auto":
        warnings.warn(f"{program.name} is run by NumPy, not by LLVM: {reason}", UserWarning, stacklevel=2)
    return NumpyExecutor(program, widths)
