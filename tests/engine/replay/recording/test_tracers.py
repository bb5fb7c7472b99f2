"""Data in a recording answers as Python's numbers do, whatever it is asked; or the recording is refused."""

from __future__ import annotations

import copy
import enum
import functools
import math
import numbers
import operator
import pickle
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from engine.errors import ReplayError
from engine.functions import exp, maximum, pick, where
from engine.replay.compiled import compile  # noqa: A004
from engine.replay.recording.record import record
from engine.value import Value

W = Value(1.5)
LABELS = [0, 1, 2, 3, 1, 0]
REALS = [1.0, -2.5, 0.0, -0.0, 4.0, 2.0]


def followed(function: Callable[..., Any], *columns: Any) -> Any:
    """The program, which gives for every sample what the function gives for plain numbers."""
    wanted = []
    for sample in zip(*columns, strict=True):
        value = function(*sample)
        W.grad = None
        (value * 1.0).backward()
        wanted.append((value.data, W.grad or 0.0))
    program = compile(function, [W], "numpy")
    for _ in range(2):
        losses, gradient = program.value_and_gradients([W.data], *columns)
        assert losses.tolist() == pytest.approx([loss for loss, _ in wanted], nan_ok=True)
        assert gradient[0] == pytest.approx(sum(slope for _, slope in wanted), nan_ok=True)
    return program


class Color(enum.IntEnum):
    RED, GREEN = 0, 1


def matched(x: Any, y: Any) -> Any:
    match y:
        case 0:
            return x * W
        case 1 | 2:
            return x * W * 2.0
        case int() if y > 2:
            return x * W * 3.0
        case _:
            return x * W * 4.0


def counted(x: Any, y: Any) -> Any:
    try:
        return x * W * {0: 1.0, 1: 2.0}[y]
    except KeyError:
        return x * W * 9.0


@functools.lru_cache
def weight_of(label: int) -> float:
    return 1.0 + label


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x * W * {0: 1.0, 1: 5.0}.get(y, 1.0),
        lambda x, y: x * W if y in {1, 3} else x * W * 10.0,
        lambda x, y: x * W if y in [1, 3] else x * W * 10.0,
        lambda x, y: x * W if y in (1, 3) else x * W * 10.0,
        lambda x, y: x * W if y in range(2) else x * W * 10.0,
        lambda x, y: x * W * [1.0, 5.0, 2.0, 7.0].index(5.0) if [1.0, 5.0][y % 2] == 5.0 else x * W,
        lambda x, y: x * W * Counter([0, 1, 1, y])[y],
        lambda x, y: x * W * len({0, 1, y}),
        lambda x, y: x * W * weight_of(y),
        lambda x, y: x * W if isinstance(y, int) else x * W * 100.0,
        lambda x, y: x * W if isinstance(y, float) else x * W * 100.0,
        lambda x, y: x * W if isinstance(x, (int, Value)) else x * W * 100.0,
        lambda x, y: x * W if isinstance(y, numbers.Integral) else x * W * 100.0,
        lambda x, y: x * W if isinstance(x, numbers.Real) else x * W * 100.0,
        lambda x, y: x * W if issubclass(y.__class__, int) else x * W * 100.0,
        lambda x, y: x * W if y == np.int64(1) else -x * W,
        lambda x, y: x * W if np.int64(1) == y else -x * W,
        lambda x, y: x * W if np.float64(1.0) != y else -x * W,
        lambda x, y: x * W if y == Color.GREEN else -x * W,
        lambda x, y: x * W if y is not None else -x * W,
        lambda x, y: x * W if y is y else -x * W,
        lambda x, y: x * W if y is x else -x * W,
        lambda x, y: x * W if y != y else -x * W,
        lambda x, y: x * W if y != "a" else -x * W,
        lambda x, y: x * W if x == y else -x * W,
        lambda x, y: x * W if not x == y else -x * W,  # noqa: SIM201
        lambda x, y: x * W if x != y and y != 2 else -x * W,  # noqa: PLR1714
        lambda x, y: x * W if y == True else -x * W,  # noqa: E712
        lambda x, y: x * W if 0 < y < 3 else -x * W,
        lambda x, y: x * W if y else -x * W,
        lambda x, y: x * W if not y else -x * W,
        lambda x, y: x * W if bool(y) and bool(x) else -x * W,
        lambda x, y: x * W * ((y > 1.5 and 3.0) or 2.0),
        lambda x, y: x * W if (y > 0.5) == True else -x * W,  # noqa: E712
        lambda x, y: x * W if (y > 0.5) ^ (x > 0) else -x * W,
        lambda x, y: x * W * float(y > 0.5),
        lambda x, y: x * W * ((y > 0.5) + (x > 0.0)),
        lambda x, y: x * W * sum([y > 0.5, y > 1.5]),
        lambda x, y: [x * W, W * 7.0][y > 1],
        lambda x, y: x * W * {True: 2.0, False: 3.0}[y > 1],
        lambda x, y: x * W * len(f"{y > 1}"),
        lambda x, y: x * W * float(f"{y:.0f}"),
        lambda x, y: x * W * float(f"{y:d}"),
        lambda x, y: x * W * float(str(y)),
        lambda x, y: x * W * float("%d" % y),  # noqa: UP031
        lambda x, y: x * W * float(f"{y}"),
        lambda x, y: x * W * len(repr(x)),
        lambda x, y: x * W * {"0": 2.0}.get(str(y), 1.0),
        lambda x, y: x * W * [1.0, 5.0, 2.0, 7.0][y],
        lambda x, y: x * W * [1.0, 5.0, 2.0, 7.0][y - 1],
        lambda x, y: x * W * [1.0, 5.0, 2.0, 7.0][int(y)],
        lambda x, y: x * W * len([0.0] * y),
        lambda x, y: x * W * len(y * [0.0]),
        lambda x, y: x * W * sum(1.0 for _ in range(y)),
        lambda x, y: x * W * sum([1.0, 2.0, 3.0][:y]),
        lambda x, y: x * W * np.array([1.0, 5.0, 2.0, 7.0])[y],
        lambda x, y: x * W * float(np.eye(4)[y][1]),
        lambda x, y: x * W * round(y) + W * math.floor(x) + W * math.ceil(x) + W * math.trunc(x),
        lambda x, y: x * W * round(x, 1),
        lambda x, y: x * W * (y % 2) + W * (y // 2) + W * divmod(y, 2)[1],
        lambda x, y: x * W * (7 % (y + 1)) + W * (7 // (y + 1)),
        lambda x, y: x * W * (y & 1) + W * (y | 2) + W * (y ^ 1) + W * (y << 1) + W * (y >> 1) + W * ~y,
        lambda x, y: x * W * y.bit_length(),
        lambda x, y: x * W if x.is_integer() else -x * W,
        lambda x, y: x * W * y.real + W * x.imag + W * y.numerator + W * x.conjugate(),
        lambda x, y: x * W * x.as_integer_ratio()[1],
        lambda x, y: x * W * math.exp(x) + W * math.atan2(x, -1.0),
        lambda x, y: x * W * math.copysign(1.0, x),
        lambda x, y: x * W if math.isnan(x) else -x * W,
        lambda x, y: x * W if math.isclose(x, 1.0) else -x * W,
        lambda x, y: x * W * math.comb(5, y) * math.gcd(y, 6),
        lambda x, y: x * W * hash(x),
        lambda x, y: x * W * abs(complex(x)),
        lambda x, y: x * W * float(Fraction(y, 3)),
        lambda x, y: x * W if y < Fraction(3, 2) else -x * W,
        lambda x, y: (x + 2.0) * W / 3 + y**2 * W - -x * W + abs(x) * W + (+y) * W + 2**y * W,
        lambda x, y: W * (2.0 - x) * (1.0 / (x + 10.0)) + W * pow(y, 2, 3),
        lambda x, y: sum([x, y, x * y]) * W,
        lambda x, y: min(x, y) * W + max([x, y, 0.5]) * W + sorted([x, y, 1.0])[1] * W,
        lambda x, y: W * exp(x) + maximum(x, y) * W + where(x > y, x, y) * W,
        lambda x, y: where(y, x * W, W) + where(x, W, x),
        lambda x, y: np.float64(2.0) * x * W + x * np.float32(0.5) * W + np.int64(3) * y * W,
        lambda x, y: copy.copy(x) * W + copy.deepcopy([x])[0] * W,
        lambda x, y: pickle.loads(pickle.dumps(y)) * W,  # noqa: S301
        lambda x, y: operator.index(y) * W,
        lambda x, y: pick([W, 2.0, W * W, 3.0], y) * x * W,
        lambda x, y: pick([1.0, 2.0, 5.0, 3.0], y) * W,
        lambda x, y: pick(["a", "bc", "d", "efgh"], y).__len__() * W,
        lambda x, y: x.exp() * W if hasattr(x, "exp") else math.exp(x) * W,
        lambda x, y: x * W if not hasattr(x, "data") else W,
        lambda x, y: x * W if hasattr(y, "__index__") else W,
        lambda x, y: x * W if callable(x) else W,
        matched,
        counted,
    ],
)
def test_data_is_used_as_numbers(function: Callable[..., Any]) -> None:
    followed(function, REALS, LABELS)
    followed(function, [2.0, 1.0], [1, 2])


def test_a_condition_on_values_may_be_asked_whatever_a_bool_is_asked() -> None:
    w = Value(0.5)
    functions: tuple[Callable[..., Any], ...] = (
        lambda x: x * w * float(x * w > 0.0),
        lambda x: [w, x * w][x * w > 0.0],
        lambda x: x * w * {True: 2.0, False: 3.0}[x > w],
        lambda x: x * w if isinstance(x > w, bool) else w,
        lambda x: x * w if (x > w) is not None else w,
    )
    for function in functions:
        samples = [1.0, -2.0, 3.0, 0.25]
        assert compile(function, [w])(samples).tolist() == [function(x).data for x in samples]


def test_class_weights_for_many_classes_are_refused_and_the_error_says_pick() -> None:
    weights = dict.fromkeys(range(100), 2.0)
    program = compile(lambda x, y: x * W * weights[y], [W])
    with pytest.raises(ReplayError, match="pick"):
        program([1.0] * 100, list(range(100)))


def test_one_number_at_a_time_is_recorded_until_there_are_too_many() -> None:
    program = compile(lambda x: W * math.exp(x), [W], "numpy")
    assert program([0.5]).tolist() == [W.data * math.exp(0.5)]
    for number in range(60):
        program([float(number)])
    with pytest.raises(ReplayError, match="different"):
        program([float(number) for number in range(60, 70)])


def test_the_types_of_the_data_are_part_of_what_was_seen() -> None:
    program = compile(lambda x: x * W if isinstance(x, int) else x * W * 100.0, [W])
    assert program([1, 2]).tolist() == [1.5, 3.0]
    assert program([1.0, 2.0]).tolist() == [150.0, 300.0]
    assert program(np.array([1, 2])).tolist() == [1.5, 3.0]
    assert program.value_and_gradients([1.0], np.array([1.0]))[0].tolist() == [100.0]
    assert program.value_and_gradients([1.0], np.array([1]))[0].tolist() == [1.0]


def test_types_that_nobody_was_heard_to_ask_for_are_tried() -> None:
    program = compile(lambda x: W * x * (2.0 if type(x) is float else 1.0), [W])
    assert program([1, 2]).tolist() == [1.5, 3.0]
    with pytest.raises(ReplayError, match="type"):
        program([1.0, 2.0])
    assert program([1, 2]).tolist() == [1.5, 3.0]
    plain = compile(lambda x: x * W, [W])
    plain([1, 2])
    plain([1.0, 2.0])
    assert plain.stats.paths == 1


@pytest.mark.filterwarnings("ignore:.*is.*literal:SyntaxWarning")
@pytest.mark.parametrize("text", ["y is 1", "1 is y", "y is not 1", "not y is 1"])
def test_identity_with_a_number_is_refused(text: str) -> None:
    function = eval(f"lambda y: W * (2.0 if {text} else 1.0)", {"W": W})  # noqa: S307
    with pytest.raises(ReplayError, match="write == 1"):
        compile(function, [W])([0, 2, 1, 3, 4])
    for harmless in ("y is None", "y is not None", "y is y"):
        harmless_function = eval(f"lambda y: y * W * (2.0 if {harmless} else 1.0)", {"W": W})  # noqa: S307
        followed(harmless_function, [0, 2, 1, 3, 4])


def test_the_last_sample_is_compared_too() -> None:
    """Whether two small whole numbers are one object is a question that tracers do not hear."""
    with pytest.raises(ReplayError, match="x is"):
        compile(lambda y, z: y * W if y is z else y * W * 2.0, [W])([1, 2, 3], [5, 6, 3])


def test_a_condition_that_is_not_tested_leaves_a_guard() -> None:
    program = compile(lambda x: x * W if (x > 2.0) is True else -x * W, [W])
    with pytest.raises(ReplayError, match="is"):
        program([1.0, 1.5, 3.0, 0.5])


def test_a_number_that_is_missing_may_be_known_and_compared() -> None:
    missing = float("nan")
    for function in (
        lambda x: W * 0.0 if math.isnan(x) else x * W,
        lambda x: W * 0.0 if x != x else x * W,
        lambda x: x * W if x == x else W * 0.0,
    ):
        program = compile(function, [W])
        for _ in range(2):
            assert program([1.0, missing, 2.0, missing]).tolist() == [1.5, 0.0, 3.0, 0.0]
        assert program.stats.paths <= 3


def test_zero_and_minus_zero_are_two_numbers() -> None:
    program = compile(lambda x: W * math.copysign(1.0, x), [W])
    assert program([0.0, -0.0, 0.0]).tolist() == [1.5, -1.5, 1.5]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x * W if type(y) is int else x * W * 2.0,
        lambda x, y: x * W if type(x) == float else x * W * 2.0,  # noqa: E721
        lambda x, y: x * W if (x > 0) is True else x * W * 2.0,
        lambda x, y: x * W if not (x > 0) is False else x * W * 2.0,  # noqa: E714
        lambda x, y: {int: W, float: W * 2.0}.get(type(y), W * 3.0) * x,
    ],
)
def test_what_cannot_be_answered_as_a_number_would_is_followed_or_refused(function: Any) -> None:
    wanted = [function(x, y).data for x, y in zip(REALS, LABELS, strict=True)]
    try:
        found = compile(function, [W])(REALS, LABELS).tolist()
    except ReplayError:
        return
    assert found == wanted


def test_what_is_kept_from_a_recording_is_a_number_to_whoever_does_not_record() -> None:
    kept: list[Any] = []

    def function(x: Any) -> Any:
        kept.append(x)
        kept.append(x * 2.0)
        kept.append(x > 1.0)
        return x * W

    record(function, [W], [3.0])
    number, double, condition = kept[:3]
    assert (number + 1.0, double * double, condition is not None, bool(condition)) == (4.0, 36.0, True, True)
    assert (f"{number}", hash(double), number == 3.0, double > 2.0, abs(-number)) == (
        "3.0",
        6,
        True,
        True,
        3.0,
    )
    assert (W * double).data == 9.0
    assert Value(double).data == exp(double) / math.exp(6.0) * 6.0
    with pytest.raises(ReplayError, match="keeps"):
        record(lambda x: x * W + double * 2.0, [W], [1.0])
