"""Peak: the multiply-adds a second of a loop that does nothing else, as machine code of the same making.

Independent sums are kept in registers, as many as hide the time that one takes and no more than there are.
"""

from __future__ import annotations

import ctypes
from typing import Any

from engine.replay.llvm_machine import HOST, machine_code
from engine.replay.llvm_module import Module
from engine.replay.llvm_text import VECTOR, Index, Text

from .workload import Step

__all__ = ["OPERATIONS", "peak"]

ROUNDS = 20_000
CHAINS = 12 if HOST.registers == 32 else 6  # a vector takes two of the narrow registers
OPERATIONS = 2 * ROUNDS * CHAINS * VECTOR  # of a step: a multiplication and an addition each


def peak() -> Step:
    """A step of that many operations; it returns the sum of all lanes."""
    module = Module(HOST.registers)
    text = Text(module, "peak", "double %half, double %one", "double")
    half, one = text.splat("%half"), text.splat("%one")

    def body(_: Index, sums: list[str]) -> list[str]:
        return [text.fma(sum_, half, one) for sum_ in sums]

    sums = text.loop(0, ROUNDS, body, [text.number(float(chain)) for chain in range(CHAINS)])
    whole = sums[0]
    for sum_ in sums[1:]:
        whole = text.binary("fadd", whole, sum_)
    text.end(f"double {text.total(whole)}")
    engine = machine_code(str(module), HOST)
    function = ctypes.CFUNCTYPE(*[ctypes.c_double] * 3)(engine.get_function_address("peak"))

    def step(_engine: Any = engine) -> tuple[Any, list[Any]]:  # the engine owns the code
        return function(0.5, 1.0), []

    return step
