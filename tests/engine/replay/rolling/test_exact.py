"""Rounding that somebody sees: constants are not added to one another, and the sign of zero is eager's."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from verdicts import FOLLOWED, verdict

from engine.functions import atan2, dot, floor, maximum, mean, relu, sqrt, tanh, total, where
from engine.replay.compiled import compile  # noqa: A004
from engine.replay.recording.record import record
from engine.replay.rolling.roll import roll
from engine.value import Value

EXECUTORS = ("numpy", "strict", *(["llvm"] if find_spec("llvmlite") else []))
W, V = Value(0.7, label="w"), Value(-0.3, label="v")
LARGE = 1.5 * 2.0**52
XS, YS = [0.4, 2.6, 7.5, -0.5, 1.0], [-0.0, 0.0, 1.0, -1.0, 2.0]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x * W + LARGE) - LARGE,
        lambda x: (LARGE + x * W) - LARGE + V,
        lambda x: (x * W - LARGE) + LARGE,
        lambda x: total([x * W, LARGE, -LARGE]),
        lambda x: mean([x * W, LARGE, -LARGE]),
        lambda x: dot([W, 1.0], [x, LARGE], -LARGE),
        lambda x: dot([x, x], [W, V], LARGE) - LARGE,
        lambda x: ((x * W + LARGE) * 1.0 - LARGE) * V,
        lambda x: -(-(x * W) - LARGE) - LARGE,
        lambda x: sum([x * W, LARGE, V]) - LARGE,
        lambda x: 2.0 * (x * W + LARGE) - 2.0 * LARGE,
        lambda x: 0.5 * (x * W + LARGE) - 0.5 * LARGE,
        lambda x: (x * W + 1e16) - 1e16,
        lambda x: (x * W + 2.0**30) - 2.0**30,
        lambda x: (x + LARGE) - LARGE + W,
        lambda x: ((x + 0.5) + LARGE) - LARGE + W * 0.0,
        lambda x: W * x if (x * W + LARGE) - LARGE > 1.0 else V * x,
        lambda x: floor((x * W + LARGE) - LARGE) * V,
        lambda x: (x * W + LARGE) + (V - LARGE),
        lambda x: (x * W + 0.1) + 0.2 - 0.3,
    ],
)
def test_constants_are_not_added_to_one_another(function: Callable[..., Any], executor: str) -> None:
    assert verdict(function, [W, V], XS, executor=executor) == FOLLOWED


def test_small_constants_keep_their_order_to_the_last_bit() -> None:
    """x + 1/3 − 1/3 is not x."""
    third = 1.0 / 3.0
    samples = np.random.default_rng(0).normal(size=200)
    for function in (
        lambda x: (x * W + third) - third,
        lambda x: total([x * W, third, -third]),
        lambda x: 2.0 * ((x * W + third) + x) - 2.0 * third,
    ):
        wanted = [function(float(x)).data for x in samples]
        assert compile(function, [W], "numpy")(samples).tolist() == wanted


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    "function",
    [
        lambda y: atan2(y * W, -1.0),
        lambda y: atan2(y * W + 0.0, -1.0),
        lambda y: atan2(y * W - 0.0, -1.0),
        lambda y: atan2(y * W * V, -1.0),
        lambda y: atan2(-(y * W), -1.0),
        lambda y: atan2(0.0 * (y * W), -1.0),
        lambda y: atan2(y * W / 3.0, -1.0),
        lambda y: atan2(y * W * 2.0, -1.0),
        lambda y: atan2((y * W) ** 3, -1.0),
        lambda y: atan2(dot([W], [y]), -1.0),
        lambda y: atan2(dot([W], [y], V * 0.0), -1.0),
        lambda y: atan2(total([y * W, y * W]), -1.0),
        lambda y: atan2(mean([y * W]), -1.0),
        lambda y: atan2(sum([y * W, y * W]), -1.0),
        lambda y: atan2(tanh(y * W), -1.0),
        lambda y: atan2(floor(y * W * 0.5), -1.0),
        lambda y: atan2(where(y > 1, y * W, y * V), -1.0),
        lambda y: atan2(maximum(y * W, -0.0), -1.0),
        lambda y: atan2(relu(y * W), -1.0),
        lambda y: atan2(sqrt(W) * y, -1.0),
        lambda y: atan2(y, -W),
        lambda y: atan2(y - y, -W),
        lambda y: W * math.atan2(y, -1.0),
    ],
)
def test_the_sign_of_zero(function: Callable[..., Any], executor: str) -> None:
    assert verdict(function, [W, V], YS, executor=executor) == FOLLOWED


def test_other_sums_are_rolled_as_ever() -> None:
    def network(x: Any) -> Any:
        return (1.0 - (x[0] * W + x[1] * V + W)) ** 2 + 0.5 * W * W

    program = roll(record(network, [W, V], [[1.0, 2.0]]))
    sums = [type(instruction).__name__ for instruction in program.forward]
    assert sums.count("Elementwise") == 1
