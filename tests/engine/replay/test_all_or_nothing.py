"""A compiled backward adds to the gradients of all parameters, or to those of none."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from engine import Value, dot
from engine.replay.compiled import Compiled


class Interruption(BaseException):
    """What a signal handler raises."""


class At:
    """A tracer that raises at the k-th line of `Compiled.backward`."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code is not Compiled.backward.__code__:
            return None
        self.left -= event == "line"
        if event == "line" and self.left == 0:
            sys.settrace(None)
            raise Interruption
        return self


def test_an_exception_at_any_line_adds_to_all_gradients_or_to_none() -> None:
    w = [Value(1.0 + k) for k in range(5)]
    p = Compiled(lambda x: dot(w, [x] * 5) ** 2, w, "numpy", "float64", None)
    p.backward([1.0, 2.0])
    once = [value.grad or 0.0 for value in w]
    times, lines = 1, 0
    tracer = sys.gettrace()
    while True:
        sys.settrace(At(lines + 1))
        try:
            p.backward([1.0, 2.0])
            break
        except Interruption:
            lines += 1
        finally:
            sys.settrace(tracer)
        assert [value.grad for value in w] in ([n * x for x in once] for n in (times, times + 1)), lines
        times = round((w[0].grad or 0.0) / once[0])
    assert lines >= 4
    assert [value.grad for value in w] == [(times + 1) * x for x in once]
    assert times == 2  # at the last line, `return`, all has been added
