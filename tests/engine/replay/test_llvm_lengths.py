"""Sequences of other lengths: the text of their programs is the same, and so is their machine code."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import partial

import pytest

pytest.importorskip("llvmlite")

from loop_cases import (
    Case,
    cell,
    deep,
    delayed,
    in_windows,
    integrator,
    lstm,
    of_early_trips,
    parameter_carried_in,
    prey_and_hunters,
    scalar,
)

from engine.replay.backends.llvm.machine import FLAGS, HOST, Machine
from engine.replay.backends.llvm.step import write_step
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.rolling.roll import roll

CASES: dict[str, Callable[[int], Case]] = {
    "a cell": partial(cell, hidden=3),
    "a cell with matrices": partial(cell, hidden=9),
    "an integrator": integrator,
    "Heun's method": prey_and_hunters,
    "LSTM": partial(lstm, hidden=6),
    "two loops": in_windows,
    "a state of three steps ago": partial(scalar, delayed),
    "early trips read by all others": of_early_trips,
    "a parameter carried in": parameter_carried_in,
    "another constant at every step": partial(scalar, lambda w, s, x, k: w[0] * s[-1] + 0.01 * k * k * w[1]),
}


def text_of(case: Case, lanes: int, entry: str = "gradients") -> str:
    """The text of a whole step."""
    widths = [len(each) if isinstance(each, list) else 1 for each in case.sample]
    machine = Machine(roll(case.tape()), widths, lanes)
    module = Module(HOST.registers, machine._precision)
    write_step(module, machine.program, widths, machine._layout, FLAGS[platform.machine()], [entry])
    return str(module)


@pytest.mark.parametrize("lanes", [1, 16])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_another_length_has_the_same_text(case: Callable[[int], Case], lanes: int) -> None:
    for entry in ("outputs", "gradients"):
        assert text_of(case(31), lanes, entry) == text_of(case(70), lanes, entry)


def test_without_a_loop_no_number_is_symbolic() -> None:
    assert "%size" not in text_of(deep(3), 16)
    assert "%size" in text_of(cell(31), 16)
