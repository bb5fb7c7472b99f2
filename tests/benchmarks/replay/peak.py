"""Peak: the multiply-adds a second of a loop that does nothing else, as machine code of the same making.

Independent sums are kept in registers, as many as hide the time that one takes and no more than there are.
"""

from __future__ import annotations

import ctypes
from typing import Any

from engine.replay.backends.llvm.machine import HOST, machine_code
from engine.replay.backends.llvm.writing.module import PRECISIONS, Module
from engine.replay.backends.llvm.writing.text import Index, Text

from .workload import Step

__all__ = ["CHAINS", "operations", "peak"]

ROUNDS = 20_000
CHAINS = 12 if HOST.registers == 32 else 6  # a vector takes two of the narrow registers
TYPES = {"float64": ctypes.c_double, "float32": ctypes.c_float}


def operations(dtype: str) -> int:
    """How many a step of the loop does: a multiplication and an addition for each lane."""
    return 2 * ROUNDS * CHAINS * PRECISIONS[dtype].vector


def peak(dtype: str) -> Step:
    """The loop as a step; it returns the sum of all lanes."""
    module = Module(HOST.registers, PRECISIONS[dtype])
    scalar = module.precision.scalar
    text = Text(module, "peak", f"{scalar} %half, {scalar} %one", scalar)
    half, one = text.splat("%half"), text.splat("%one")

    def body(_: Index, sums: list[str]) -> list[str]:
        return [text.fma(each, half, one) for each in sums]

    sums = text.loop(0, ROUNDS, body, [text.number(float(chain)) for chain in range(CHAINS)])
    whole = sums[0]
    for each in sums[1:]:
        whole = text.binary("fadd", whole, each)
    text.end(f"{scalar} {text.total(whole)}")
    engine = machine_code(str(module), HOST)
    function = ctypes.CFUNCTYPE(*[TYPES[dtype]] * 3)(engine.get_function_address("peak"))

    def step(_owner: Any = engine) -> tuple[Any, list[Any]]:  # the engine owns the code
        return function(0.5, 1.0), []

    return step
