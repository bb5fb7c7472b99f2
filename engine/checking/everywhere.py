"""check_everywhere: gradient checks at many points, and a search among them for the one that fits worst.

Hypothesis draws the points, is told how near each came to failing, and goes on where it was near; a point
that fails it shrinks to the simplest one that does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.checking.check import check_gradients
from engine.checking.report import CheckResult, Row
from engine.checking.verdict import Verdict
from engine.errors import CheckError, GraphError

__all__ = ["Everywhere", "assert_everywhere", "check_everywhere"]

MOST = 1e6  # how near to failing a point can be said to have come


@dataclass(frozen=True, slots=True)
class Everywhere:
    """Checks at many points: truthy when none failed and something was decided; its str() is the report.

    `at` is the worst point, the simplest that fails where one does, and `worst` the whole check there.
    `points` were checked; of `undecided` ones nothing could be said; f had no value at `outside`.
    """

    worst: CheckResult
    at: Any
    points: int
    undecided: int
    outside: int

    def __bool__(self) -> bool:
        return bool(self.worst)

    def __str__(self) -> str:
        state = "passed" if self else "FAILED" if not self.worst.undecided else "UNDECIDED"
        counts = [f"{self.points} points"]
        counts += [f"{self.undecided} undecided"] if self.undecided else []
        counts += [f"f had no value at {self.outside} more"] if self.outside else []
        which = "the simplest that fails" if state == "FAILED" else "the worst"
        return f"gradient checks {state}: {', '.join(counts)}; {which} is at={self.at!r}\n{self.worst}"


class _Failed(Exception):  # noqa: N818  (no error of anybody's: it tells hypothesis to shrink)
    """A point at which a check fails."""


def check_everywhere(
    f: Callable[..., Any], strategy: Any, *, examples: int = 100, seed: int = 0, **options: Any
) -> Everywhere:
    """Check f at points that a hypothesis strategy draws, and search for the worst of them.

    `strategy` draws what `check_gradients` takes as `at`, and `options` are its other arguments. Points at
    which f has no value are left out; ValueError when no point is left. Needs hypothesis.

    >>> from hypothesis import strategies as st
    >>> found = check_everywhere(lambda x: x.log() * x, st.tuples(st.floats(-1.0, 9.0)), examples=20)
    >>> bool(found), found.points + found.outside >= 20
    (True, True)
    """
    import hypothesis  # noqa: PLC0415  (only who searches needs it)

    found: list[tuple[bool, float, CheckResult, Any]] = []
    refused: list[Exception] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def search(at: Any) -> None:
        try:
            result = check_gradients(f, at, **options)
        except GraphError:
            raise
        except (ArithmeticError, ValueError) as error:
            refused.append(error)
            hypothesis.reject()
        is_bad = not result and not result.undecided
        nearness = max(map(_nearness, result.rows), default=0.0)
        found.append((is_bad, -1.0 if result.undecided else nearness, result, at))
        hypothesis.target(min(nearness, MOST))
        if is_bad:
            raise _Failed

    with contextlib.suppress(_Failed, hypothesis.errors.Unsatisfiable):
        search()
    if not found:
        why = f", the last time because: {refused[-1]}" if refused else ""
        raise ValueError(f"the strategy drew no point at which f can be checked{why}")
    failed = [one for one in found if one[0]]  # hypothesis ends with the simplest
    _, _, worst, at = failed[-1] if failed else max(found, key=lambda one: one[1])
    undecided = sum(bool(result.undecided) for _, _, result, _ in found)
    return Everywhere(worst, at, len(found), undecided, len(refused))


def _nearness(row: Row) -> float:
    """How near a row came to failing: its mismatch in units of what is allowed; 0 at kinks."""
    if row.verdict is not Verdict.OK or row.analytic == row.numeric:
        return 0.0
    allowed = row.error + 1e-9 * max(abs(row.analytic), abs(row.numeric))
    return abs(row.analytic - row.numeric) / allowed if allowed else MOST


def assert_everywhere(f: Callable[..., Any], strategy: Any, **options: Any) -> None:
    """Raise CheckError, whose message is the report of the worst point, unless `check_everywhere` is true."""
    __tracebackhide__ = True
    found = check_everywhere(f, strategy, **options)
    if not found:
        raise CheckError(str(found), found.worst)
