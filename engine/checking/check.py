"""check_gradients: the engine's derivatives against measured ones, input by input, and a verdict on each."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from engine.checking.blame import Blame
from engine.checking.examination import Examination, moved, plain_direction
from engine.checking.remarks import MarksOf, remarks
from engine.checking.report import CheckResult, Identity, Row
from engine.checking.selection import chosen_places
from engine.checking.subject import Subject
from engine.errors import CheckError

__all__ = ["assert_gradients", "check_gradients"]


def check_gradients(
    f: Callable[..., Any],
    at: Any,
    *,
    order: int = 1,
    only: str | int | Iterable[str | int] | None = None,
    samples: int | None = None,
    seed: int = 0,
    strict: bool = False,
    marks: MarksOf | None = None,
) -> CheckResult:
    """A report, truthy when `backward` gives the derivatives of f that finite differences measure.

    `at` is what f is given, with numbers for Values: `[2.0, -3.0]` for `f(a, b)`, `[[1.0, 2.0], 0.5]` for
    `f(weights, bias)`; tuples, arrays and dictionaries too. Or leaves that f knows already, for an f without
    arguments: a module, or its parameters. They are as before when the check is done. f returns a Value, or
    a list of them.

    `order` k checks the derivatives of order 1 to k: those above 1 along a direction through all inputs,
    which the report tells, and of one input as they are. `only` names inputs (`"a"`, `"layers[0]"`, 3) to
    look at. `samples` inputs are drawn, in fair shares from each layer, and a direction through all is
    checked besides; by default that is done beyond 200 inputs. `strict` fails what could not be decided; a
    check that decided nothing at all is false anyway, and says how to choose another point.

    With `marks`, a function such as `health`, the report adds what it says of f's outputs and inputs: with
    `marks=health` how many digits of the value and of each gradient are right.

    A mismatch is not raised but reported. Errors of f at the point itself are f's own and come through.
    TypeError when f returns something else; ValueError for an order below 1 and for an `only` that fits
    nothing. There is no step and no tolerance to choose: the method finds its own (Ridders, 1982).

    >>> result = check_gradients(lambda a, b: (a * b).tanh() + a, at=[2.0, -0.3])
    >>> bool(result), [str(row.verdict) for row in result.rows]
    (True, ['ok', 'ok'])
    >>> print(check_gradients(lambda x: x.relu(), at=[0.0]))
    gradient check passed: 1 of 1 right, 1 kink accepted    (82 evaluations, seed 0)
    input  analytic  numeric  ± error  relative  verdict
    x             0    0 | 1    4e-16         –  kink  relu at 0
    """
    if order < 1:
        raise ValueError(f"the order of a check is at least 1, got {order!r}")
    if not (marks is None or callable(marks)):
        raise TypeError(f"marks is a function of a Value, such as health; got {marks!r}")
    subject = Subject(f, at)
    places = chosen_places(subject.names, only, samples, random.Random(seed))
    rows: list[Row] = []
    identities: list[Identity] = []
    blame: Blame | None = None
    evaluations = 0
    directions: list[tuple[float, ...]] = []
    with subject.undisturbed():
        for degree in range(1, order + 1):
            sampled = only is None and len(places) < len(subject.names)
            examination = Examination(subject, places, degree, seed, direction=sampled)
            rows += examination.rows()
            identities += examination.identities(symmetric=degree < order)
            blame = blame or examination.blame
            evaluations += subject.runs
            if degree < order:
                directions.append(plain_direction(subject.numbers, random.Random(f"{seed}, along {degree}")))
                subject = subject.along(directions[-1])
    name = getattr(f, "__name__", "f")
    function = name if name.isidentifier() else "f"
    inputs = len(subject.names)
    said = tuple(remarks(Subject(f, at), places, marks, function)) if marks is not None else ()
    return CheckResult(
        tuple(rows), tuple(identities), blame, evaluations, seed, strict, inputs, function,
        directions=tuple(directions), beside=moved(subject.numbers, random.Random(seed)), remarks=said,
    )  # fmt: skip


def assert_gradients(f: Callable[..., Any], at: Any, **options: Any) -> None:
    """Raise CheckError, an AssertionError whose message is the report, unless `check_gradients` is content.

    Takes what `check_gradients` takes; `error.result` is the CheckResult.

    >>> assert_gradients(lambda x: x * x, at=[3.0], order=2)
    """
    __tracebackhide__ = True
    result = check_gradients(f, at, **options)
    if not result:
        raise CheckError(str(result), result)
