"""What eager raises is raised: by branches without an answer, by results that nobody uses, inside `try`."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from verdicts import FOLLOWED, REFUSED, verdict

from engine import ops
from engine.errors import DomainError, ReplayError
from engine.functions import asin, clamp, exp, floor, log, maximum, pick, softmax, sqrt, total, where
from engine.graph import interior_and_leaves
from engine.replay.compiled import compile  # noqa: A004
from engine.replay.recording import domains
from engine.replay.recording.domains import without_value
from engine.replay.recording.record import record
from engine.replay.recording.session import Session
from engine.value import Constant, Value
from nn import losses

EXECUTORS = ("numpy", "strict", *(["llvm"] if find_spec("llvmlite") else []))
W, V = Value(0.7, label="w"), Value(-0.3, label="v")
XS, YS = [2.0, 0.5, -1.0, -0.0, 3.0], [1, 1, 2, 0, 1]


def log_or_less(x: Any, _: Any) -> Any:
    try:
        return log(x) * W
    except DomainError:
        return W * -100.0


def anything_goes(x: Any, _: Any) -> Any:
    try:
        return log(x * W) + V
    except Exception:  # noqa: BLE001
        return W * -1.0


def divided(x: Any, _: Any) -> Any:
    try:
        return W * (1.0 / (x + 1.0))
    except ZeroDivisionError:
        return W * 5.0


def of_plain_numbers(x: Any, _: Any) -> Any:
    try:
        root = math.sqrt(x)
    except ValueError:
        root = 0.0
    return W * root


def suppressed(x: Any, _: Any) -> Any:
    result = W * x
    with suppress(DomainError):
        result = result + (x * W + 0.1).sqrt()
    return result


def a_key(x: Any, y: Any) -> Any:
    try:
        return W * x * {0: 1.0, 1: 2.0}[y]
    except KeyError:
        return W * x * 9.0


def a_place(x: Any, y: Any) -> Any:
    try:
        return W * x * [1.0, 2.0][y]
    except IndexError:
        return W * x * 9.0


def picked(x: Any, y: Any) -> Any:
    try:
        return pick([W, V], y) * x
    except IndexError:
        return W * x * 9.0


def raised_by_hand(x: Any, _: Any) -> Any:
    try:
        if x < 0:
            raise KeyError(x)  # noqa: TRY301
        return W * x
    except KeyError:
        return -W * x


def retried(x: Any, _: Any) -> Any:
    for base in (x, x + 0.75, x + 10.0):
        try:
            return W * log(base)
        except DomainError:
            continue
    return W


def finished(x: Any, _: Any) -> Any:
    try:
        return W * x
    finally:
        log(x + 10.0)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (log_or_less, REFUSED),
        (anything_goes, REFUSED),
        (divided, REFUSED),
        (of_plain_numbers, FOLLOWED),
        (suppressed, REFUSED),
        (a_key, FOLLOWED),
        (a_place, FOLLOWED),
        (picked, REFUSED),
        (raised_by_hand, FOLLOWED),
        (retried, REFUSED),
        (finished, FOLLOWED),
    ],
    ids=lambda thing: getattr(thing, "__name__", thing),
)
def test_errors_that_are_caught(function: Callable[..., Any], wanted: str, executor: str) -> None:
    """Refused where the sample recorded has one; where others have, they are found, and run eagerly."""
    places = [2, 3, 0, 1, 4]
    first = ([XS[k] for k in places], [YS[k] for k in places])
    zero = ([XS[k] for k in places[1:]], [YS[k] for k in places[1:]])
    assert verdict(function, [W, V], *first, executor=executor) == wanted
    assert verdict(function, [W, V], *zero, executor=executor) in {FOLLOWED, wanted}
    later = FOLLOWED if function is not picked else REFUSED
    assert verdict(function, [W, V], XS, YS, executor=executor) == later


@pytest.mark.parametrize("function", [log_or_less, anything_goes, divided, suppressed, picked])
def test_a_recording_in_which_an_error_was_caught_is_refused(function: Callable[..., Any]) -> None:
    """Also where all other samples that are compared have the same error."""
    with pytest.raises(ReplayError, match="caught"):
        record(function, [W, V], [-1.0, 5])
    with pytest.raises(ReplayError, match="caught"):
        compile(function, [W, V])([-1.0, -1.0, 2.0, -1.0], [5, 5, 0, 5])


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda x: x * W * 2.0 if (x * W).log() > 0 else x * W, "DomainError"),
        (lambda x: x * W * 2.0 if 1.0 / x > 0.5 else x * W, "ZeroDivisionError"),
        (lambda x: x * W * 2.0 if math.sqrt(x) > 1 else x * W, "ValueError"),
        (lambda x: x * W * 2.0 if sqrt(x * W) else x * W, "DomainError"),
        (lambda x: x * W * 2.0 if pick([W, V], x) > 0 else x * W, "IndexError"),
        (lambda x: x * W * 2.0 if x * W > 0 and (x * W).log() > 0 else x * W, FOLLOWED),
        (lambda x: x * W * 2.0 if not (x <= 0 or log(x * W) < 0) else x * W, FOLLOWED),
        (lambda x: x * W * 2.0 if x and 1.0 / x > 0.5 else x * W, FOLLOWED),
        (lambda x: where(x > 0, lambda: log(x * W), lambda: x * V), FOLLOWED),
        (lambda x: where(x > 0, log(x * W), x * V), "DomainError"),
    ],
)
def test_branches_without_an_answer(function: Callable[..., Any], wanted: str, executor: str) -> None:
    assert verdict(function, [W, V], XS, executor=executor) == wanted
    assert verdict(function, [W, V], XS[::-1], executor=executor) == wanted


def unused(compute: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        compute(x)
        return x * W

    return function


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    ("compute", "wanted"),
    [
        (lambda x: (x * W).log(), "DomainError"),
        (lambda x: 1.0 / (x * W), "DomainError"),
        (lambda x: 1.0 / x, "ZeroDivisionError"),
        (log, "DomainError"),
        (math.log, "ValueError"),
        (lambda x: asin(x * W), "DomainError"),
        (lambda x: maximum(log(x * W), 0.0), "DomainError"),
        (lambda x: [log(x * W), x], "DomainError"),
        (lambda x: clamp(x, W, V), "DomainError"),
        (lambda x: pick([W, V], x), "IndexError"),
        (lambda x: (x * W) ** 0.5, "DomainError"),
        (lambda x: sqrt((x * W) ** 3), "DomainError"),
        (lambda x: [1.0, 2.0][int(x)], "IndexError"),
        (lambda x: softmax([x * W, V, x])[0], FOLLOWED),
        (lambda x: (x * W) ** 2 + (x * W) ** 3, FOLLOWED),
        (lambda x: sqrt(x * x * W * W + 1e-3), FOLLOWED),
        (lambda x: 1.0 / (exp(x) + 1.0), FOLLOWED),
        (lambda x: log(maximum(x * W, 1e-9)), FOLLOWED),
    ],
)
def test_results_that_nobody_uses(compute: Callable[..., Any], wanted: str, executor: str) -> None:
    assert verdict(unused(compute), [W, V], XS, executor=executor) == wanted


def test_what_always_has_a_value_is_not_checked() -> None:
    def function(x: Any) -> Any:
        shares = softmax([x * W, V, x])
        norm = (total([x * x, W * W]) * 0.5 + 1e-5) ** -0.5
        return shares[1] * log(maximum(norm, 1e-30))

    def computes_more(x: Any) -> Any:
        softmax([x * W, V])
        return function(x)

    assert record(computes_more, [W, V], [2.0]).checks == ()
    assert record(unused(lambda x: (x * W).log()), [W], [2.0]).checks != ()


def test_signs_are_found_once_for_all_operations_that_nobody_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    def long(x: Any) -> Any:
        chain = x * W
        for _ in range(300):
            chain = chain / (1.0 + chain * chain)
        return x * W

    asked = []
    sign = domains._sign

    def counted(node: Any, signs: Any) -> Any:
        asked.append(node)
        return sign(node, signs)

    monkeypatch.setattr(domains, "_sign", counted)
    assert record(long, [W], [2.0]).checks == ()
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("name", sorted(ops.TABLE))
def test_signs_never_promise_too_much(name: str) -> None:
    """Where the analysis says that an operation has a value, it has one, on operands of every kind."""
    operation = ops.TABLE[name]
    session = Session([])
    numbers = [-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0]
    inputs = [session._leaf(Value, 0.0) for _ in range(3)]
    shapes: list[Callable[[Any], Any]] = [
        lambda x: x,
        lambda x: session.make(ops.multiply, (x, x)),
        lambda x: session.make(ops.absolute, (x,)),
        lambda x: session.make(ops.add, (session.make(ops.exp, (x,)), Constant(1.0))),
        lambda x: session.make(ops.add, (x, Constant(1.0))),
        lambda x: session.make(ops.dot, (x, Constant(1.0), Constant(1.0))),
        lambda _: Constant(2.0),
        lambda _: Constant(0.0),
        lambda _: Constant(-1.0),
        lambda _: Constant(0.5),
    ]
    count = operation.arity or 2
    for choice in np.ndindex(*(len(shapes),) * count):
        try:
            operands = [shapes[k](x) for k, x in zip(choice, inputs, strict=False)]
            node = session._made(operation, operands, 0.0)
        except DomainError:
            continue
        if operation.domain.words == "a number" or without_value([node]):
            continue
        for values in np.ndindex(*(len(numbers),) * count):
            for leaf, value in zip(inputs, values, strict=False):
                leaf._data = numbers[value]
            for inner in interior_and_leaves(node)[0]:
                inner._data = inner._operation.evaluate([parent._data for parent in inner.parents])  # type: ignore[union-attr]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("loss", [losses.cross_entropy_with_logits, losses.categorical_cross_entropy])
def test_a_class_below_zero_is_refused_as_in_eager(loss: Any, executor: str) -> None:
    def of_class(x: Any, y: Any) -> Any:
        return loss(softmax([x * W, V, W * V]), y)

    program = compile(of_class, [W, V], executor)
    good = program.value_and_gradients([0.7, -0.3], np.array(XS), np.array([0, 1, 2, 1, 0]))
    for bad in ([0, 1, -1, 1, 0], [0, 1, 3, 1, 0], [-3, 1, 2, 1, 0]):
        with pytest.raises(ValueError, match="class from 0 to 2"):
            program.value_and_gradients([0.7, -0.3], np.array(XS), np.array(bad))
        with pytest.raises(ValueError, match="class from 0 to 2"):
            compile(of_class, [W, V], executor)(XS, bad)
    again = program.value_and_gradients([0.7, -0.3], np.array(XS), np.array([0, 1, 2, 1, 0]))
    assert (again[0] == good[0]).all()


def test_pick_counts_from_the_end_unless_it_is_told_not_to() -> None:
    assert pick([1.0, 2.0, 3.0], -1) == 3.0
    with pytest.raises(IndexError, match="from 0 to 2"):
        pick([1.0, 2.0, 3.0], -1, least=0)
    program = compile(lambda x, y: pick([W, V], y) * x, [W, V])
    assert program([1.0, 1.0], [-1, 0]).tolist() == [-0.3, 0.7]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_flat_times_infinite_is_eagers(executor: str) -> None:
    assert verdict(lambda x: (x * W * 0.0).sqrt().floor() * V + W, [W, V], XS, executor=executor) == FOLLOWED
    assert verdict(lambda x: floor(exp(x * 400.0 * W)) * V, [W, V], XS, executor=executor) == FOLLOWED
    assert (
        verdict(lambda x: floor(sqrt(abs(x) * W)) + W, [W, V], [0.0, 0.0, 4.0], executor=executor) == FOLLOWED
    )


def test_what_is_raised_in_a_recording_alone_is_a_refusal() -> None:
    def by_type(x: Any) -> Any:
        return x * W * float.__add__(x, 1.0)

    assert by_type(2.0).data == pytest.approx(4.2)
    with pytest.raises(ReplayError, match="raises TypeError"):
        compile(by_type, [W])([2.0])


def test_masked_arrays_are_refused() -> None:
    masked = np.ma.array([1.0, 999.0], mask=[False, True])
    for arguments in ([masked], [[1.0, 2.0], masked], [np.ma.array([1.0, 2.0])]):
        with pytest.raises(ReplayError, match="masked"):
            compile(lambda *x: total(x) * W, [W])(*arguments)


def test_to_jax_after_a_failed_recording_and_programs_inside_programs() -> None:
    program = compile(lambda x: (x * W).log(), [W])
    with pytest.raises(DomainError):
        program([-1.0])
    inner = compile(lambda x: x * W, [W])
    calls: list[Callable[[], Any]] = [
        lambda: inner([1.0]),
        lambda: inner.value_and_gradients([1.0], [1.0]),
        lambda: inner.value_and_gradients(np.array([1.0]), np.array([1.0])),
        lambda: inner.backward([1.0]),
    ]
    inner.value_and_gradients(np.array([1.0]), np.array([1.0]))
    for call in calls:
        with pytest.raises(ReplayError, match="recorded"):
            compile(lambda x, call=call: x * W * len([call()]), [W])([1.0])
    if find_spec("jax"):
        with pytest.raises(ReplayError, match="not recorded yet"):
            program.to_jax()
