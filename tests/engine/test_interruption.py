"""Backward is all or nothing: an exception at any moment leaves every gradient as it was."""

from __future__ import annotations

import dis
import random
import signal
import sys
from functools import cache
from types import CodeType, FrameType
from typing import Any

import pytest

import engine.backward
from engine import Value, dot, floor, total
from engine.graph import topological_order


class Interruption(BaseException):
    """What a signal handler raises; not an Exception, so that nobody catches it by the way."""


def graph() -> Value:
    """Every kind of node: wide ones, constants, shared ones; some have a gradient already."""
    draw = random.Random(0)
    leaves = [Value(draw.gauss(0, 1)) for _ in range(6)]
    hidden = [dot(leaves, [draw.gauss(0, 1) for _ in leaves], leaves[k]).tanh() for k in range(4)]
    (hidden[0] * hidden[1] * leaves[0]).backward()
    root = total([*hidden, leaves[2] * leaves[3], floor(leaves[1]) * 2.0 - hidden[2] * leaves[4]])
    return (root * hidden[3] + leaves[5]) * 0.5


def gradients(root: Value) -> list[str]:
    return [repr(node.grad) for node in topological_order(root)]


LOOKS = ("CALL", "RESUME", "JUMP_BACKWARD")  # the interpreter's steps after which it looks for signals


class At:
    """A tracer that raises at the k-th line inside backward's file, or at the k-th look for signals there."""

    def __init__(self, moment: int, event: str) -> None:
        self.left, self.event, self.looks = moment, event, False

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != engine.backward.__file__:
            return None
        frame.f_trace_opcodes = self.event == "opcode"
        if event == self.event:
            self.left -= event == "line" or self.looks
            self.looks = event == "opcode" and steps(frame.f_code)[frame.f_lasti].startswith(LOOKS)
            if self.left == 0:
                sys.settrace(None)
                raise Interruption
        return self


@cache
def steps(code: CodeType) -> dict[int, str]:
    """The interpreter's steps by their places."""
    return {step.offset: step.opname for step in dis.get_instructions(code)}


def interrupted(root: Value, moment: int, event: str) -> bool:
    """Whether backward was interrupted; it was not where it has fewer moments than that."""
    before = sys.gettrace()
    sys.settrace(At(moment, event))
    try:
        root.backward()
    except Interruption:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_exception_at_any_line_leaves_every_gradient_as_it_was() -> None:
    root = graph()
    before, moments = gradients(root), 0
    while interrupted(root, moments + 1, "line"):
        moments += 1
        assert gradients(root) == before, moments
    assert moments > 300
    assert gradients(root) != before


def test_an_exception_whenever_the_interpreter_looks_for_signals() -> None:
    root = graph()
    before, moments = gradients(root), 0
    while interrupted(root, moments + 1, "opcode"):
        moments += 1
        assert gradients(root) == before, moments
    assert moments > 300


def test_a_second_interruption_while_the_first_is_dealt_with() -> None:
    """As when Ctrl-C is pressed twice: putting back is one step of the interpreter."""
    root = graph()
    before = gradients(root)

    def handler(*_: object) -> None:
        signal.raise_signal(signal.SIGUSR1) if rung.pop() else None
        raise Interruption

    earlier = signal.signal(signal.SIGUSR1, handler)
    try:
        for stage in ("_sweep", "_settle", "_write"):
            rung = [False, True]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(engine.backward, stage, lambda *_: signal.raise_signal(signal.SIGUSR1))
                with pytest.raises(Interruption):
                    root.backward()
            assert gradients(root) == before
    finally:
        signal.signal(signal.SIGUSR1, earlier)


def test_a_nan_puts_everything_back_too() -> None:
    x, y = Value(0.0), Value(2.0)
    (x * y).backward()
    root = (x.sqrt() - x.sqrt()) * y
    with pytest.raises(ArithmeticError):
        root.backward()
    assert (x.grad, y.grad, root.grad) == (2.0, 0.0, None)


def test_a_broken_promise_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test tested: with gradients that are not put back, it fails."""
    monkeypatch.setattr(engine.backward, "_restoring", lambda *_: lambda: None)
    with pytest.raises(AssertionError):
        test_an_exception_at_any_line_leaves_every_gradient_as_it_was()
