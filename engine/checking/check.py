"""Gradient checking: the engine's derivatives against measured ones, input by input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.checking.numeric import Slope, examine, step_scale
from engine.checking.report import CheckResult, Row, Verdict
from engine.checking.subject import Run, Subject
from engine.errors import CheckError

__all__ = ["assert_gradients", "check_gradients"]


def check_gradients(f: Callable[..., Any], at: Any, *, seed: int = 0, strict: bool = False) -> CheckResult:
    """Whether `backward` gives the derivatives of `f(*at)` that finite differences measure.

    >>> from engine import tanh
    >>> bool(check_gradients(lambda a, b: tanh(a * b) + a, at=[2.0, -0.3]))
    True
    """
    subject = Subject(f, at)
    with subject.undisturbed():
        run = subject.run(subject.numbers)
        analytic = _gradient(run)
        rows = [_row(subject, place, analytic[place]) for place in range(len(subject.names))]
    return CheckResult(tuple(rows), (), None, subject.runs, seed, strict, len(subject.names))


def assert_gradients(f: Callable[..., Any], at: Any, **options: Any) -> None:
    """Raise CheckError, an AssertionError whose message is the report, unless `check_gradients` is content.

    >>> assert_gradients(lambda x: x * x, at=[3.0])
    """
    __tracebackhide__ = True
    result = check_gradients(f, at, **options)
    if not result:
        raise CheckError(str(result), result)


def _gradient(run: Run) -> list[float | None]:
    for leaf in run.leaves:
        leaf.grad = None
    run.outputs[0].backward()
    return [leaf.grad for leaf in run.leaves]


def _row(subject: Subject, place: int, analytic: float | None) -> Row:
    numbers, x = subject.numbers, subject.numbers[place]

    def moved(t: float) -> Sequence[float]:
        return [*numbers[:place], t, *numbers[place + 1 :]]

    slope = examine(subject.probe(moved, 0), x, step_scale(x))
    return Row(
        subject.names[place],
        analytic or 0.0,
        slope.estimate.value,
        slope.estimate.error,
        judge(slope, analytic or 0.0),
        left=slope.left.value,
        right=slope.right.value,
    )


def judge(slope: Slope, analytic: float) -> Verdict:
    """What the measured slope says about the analytic one."""
    if slope.kind == "kink":
        low, high = sorted((slope.left, slope.right), key=lambda side: side.value)
        inside = low.value <= analytic <= high.value or low.agrees(analytic) or high.agrees(analytic)
        return Verdict.KINK if inside else Verdict.OUTSIDE
    if slope.kind in ("jump", "isolated"):
        return Verdict.DISCONTINUOUS
    estimate = slope.estimate
    if analytic == estimate.value:
        return Verdict.EDGE if slope.kind == "edge" else Verdict.OK
    if not estimate.agrees(analytic):
        return Verdict.WRONG
    if estimate.error > abs(estimate.value):
        return Verdict.UNRELIABLE
    return Verdict.EDGE if slope.kind == "edge" else Verdict.OK
