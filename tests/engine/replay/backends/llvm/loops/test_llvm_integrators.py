"""Functions with loops over time in machine code, from Python to gradients: what eager gives and raises."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from loop_cases import cell

from engine.errors import DomainError, NonFiniteError
from engine.functions import log, logsumexp, norm
from engine.replay.compiled import Compiled, compile  # noqa: A004
from engine.replay.program.program import Reduction
from engine.value import Value

State = list[Any]
PARAMETERS = (1.1, 0.4, 0.1, 0.4)


def runge_kutta(slopes: Callable[[State], State], x: State, step: float) -> State:
    """A step of the classical method of fourth order."""

    def behind(k: State, part: float) -> State:
        return [a + b * (part * step) for a, b in zip(x, k, strict=True)]

    k1 = slopes(x)
    k2 = slopes(behind(k1, 0.5))
    k3 = slopes(behind(k2, 0.5))
    k4 = slopes(behind(k3, 1.0))
    ks = zip(x, k1, k2, k3, k4, strict=True)
    return [a + (b + 2.0 * c + 2.0 * d + e) * (step / 6.0) for a, b, c, d, e in ks]


def predators(trips: int, *, each: bool = False) -> tuple[Callable[[Any], Any], list[Value]]:
    """Lotka and Volterra's equations; the loss at the end, or at each step, and at the start."""
    a, b, c, d = w = [Value(number) for number in PARAMETERS]

    def loss(sample: Any) -> Any:
        x = first = [a * number for number in sample]
        sums: Any = 0.0
        for _ in range(trips):
            x = runge_kutta(lambda s: [a * s[0] - b * s[0] * s[1], c * s[0] * s[1] - d * s[1]], x, 0.1)
            sums = sums + x[0] if each else sums
        return sums + x[0] ** 2 + x[1] * first[0]

    return loss, w


def ensure_eager(loss: Callable[[Any], Any], w: list[Value], samples: Any, rel: float = 1e-12) -> Compiled:
    for value in w:
        value.grad = 0.0
    numbers = [loss(sample.tolist()) for sample in samples]
    sum(numbers[1:], numbers[0]).backward()
    program = compile(loss, w, "llvm")
    weights = np.array([value.data for value in w])
    for _ in range(2):
        losses, gradient = program.value_and_gradients(weights, samples)
        expected = [value.grad for value in w]
        assert losses == pytest.approx([number.data for number in numbers], rel=rel)
        assert gradient == pytest.approx(expected, rel=rel, abs=rel * max(map(abs, expected)))
    return program


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize(("trips", "samples"), [(1, 7), (9, 2), (10, 1), (12, 17)])
def test_gradients_are_those_of_eager(trips: int, samples: int, each: bool) -> None:
    loss, w = predators(trips, each=each)
    ensure_eager(loss, w, np.random.default_rng(0).uniform(0.5, 1.5, (samples, 2)))


def test_the_state_stays_in_registers() -> None:
    loss, w = predators(30)
    x = np.random.default_rng(0).uniform(0.5, 1.5, (64, 2))
    program, weights = compile(loss, w, "llvm"), np.array(PARAMETERS)
    program.value_and_gradients(weights, x)
    (path,) = program._recordings.all()
    (machine,) = path.executor._machines.values()  # type: ignore[attr-defined]
    assert (machine.lanes, len(machine._layout.plans)) == (16, 1)
    whole = [program.value_and_gradients(weights, x[:count]) for count in (64, 63, 49, 15)]
    assert all(losses.tobytes() == whole[0][0][: len(losses)].tobytes() for losses, _ in whole)
    checked = compile(loss, w, "llvm-checked").value_and_gradients(weights, x)
    assert all(one.tobytes() == other.tobytes() for one, other in zip(checked, whole[0], strict=True))
    half = compile(loss, w, "llvm", dtype="float32").value_and_gradients(weights, x)
    assert half[1] == pytest.approx(whole[0][1], rel=1e-4)


def test_reductions_of_a_few_rows_are_straight_line_code_too() -> None:
    """An orbit, whose force goes by the distance, and the surprise of a mean of three."""
    w = [Value(1.0), Value(0.3), Value(-0.2)]

    def loss(sample: Any) -> Any:
        x, v, sums = [1.0 * w[0], sample[0]], [sample[1], 1.0 + w[1] * sample[2]], w[2]
        for _ in range(12):
            cubed = norm(x) ** 3
            v = [b - a / cubed * 0.1 for a, b in zip(x, v, strict=True)]
            x = [a + b * 0.1 for a, b in zip(x, v, strict=True)]
            sums = sums * 0.5 + logsumexp([x[0], x[1], w[2] * v[0]])
        return sums + x[0] * v[1]

    samples = np.random.default_rng(0).uniform(-0.2, 0.2, (9, 3))
    program = ensure_eager(loss, w, samples)
    (path,) = program._recordings.all()
    (machine,) = path.executor._machines.values()  # type: ignore[attr-defined]
    (plan,) = machine._layout.plans.values()
    assert any(isinstance(each, Reduction) for each in plan.forward.body)
    weights = np.array([value.data for value in w])
    checked = compile(loss, w, "llvm-checked").value_and_gradients(weights, samples)
    assert checked[1].tobytes() == program.value_and_gradients(weights, samples)[1].tobytes()


def test_what_a_step_raises_is_raised() -> None:
    """What is divided by is 0 in the sixth step, or has no logarithm."""
    w = [Value(1.0)]

    def divides(x: Any) -> Any:
        y, total = x, w[0]
        for _ in range(12):
            total = total * 0.5 + w[0] / y
            y = y + 1.0
        return total

    def logarithm(x: Any) -> Any:
        y, total = x * w[0], w[0]
        for _ in range(12):
            total = total * 0.5 + log(y)
            y = y - 1.0
        return total

    for loss, good, bad in ((divides, 0.5, -5.0), (logarithm, 20.0, 5.0)):
        program = ensure_eager(loss, w, np.full(9, good))
        with pytest.raises((DomainError, ZeroDivisionError)) as eager:
            loss(Value(bad))
        with pytest.raises(eager.type):
            program.value_and_gradients(np.ones(1), np.array([good] * 8 + [bad]))
        losses, _ = program.value_and_gradients(np.ones(1), np.full(9, good))
        assert losses == pytest.approx(loss(good).data, rel=1e-12)


def test_what_overflows_or_is_no_number_is_what_it_is_in_eager() -> None:
    w = [Value(1.0)]

    def loss(x: Any) -> Any:
        y = x * w[0]
        for _ in range(12):
            y = y * y * 0.5
        return y

    program, x = compile(loss, w, "llvm"), np.array([0.5, 1e30, math.nan, 2.0, 1.5])
    for _ in range(2):
        expected = [loss(number).data for number in x.tolist()]
        assert program(x) == pytest.approx(expected, rel=1e-12, nan_ok=True)
        with pytest.raises(NonFiniteError):
            program.value_and_gradients(np.ones(1), x)


SCRIPT = """
import sys
sys.path[:0] = sys.argv[1:]
from test_llvm_integrators import bits
print(bits())
"""


def bits() -> str:
    """What an integrator gives, which is straight-line code, and a cell, which is calls of kernels."""
    texts = []
    for (loss, w), size in ((predators(40, each=True), 2), (cell(12, 5)[:2], 12)):
        weights, x = [value.data for value in w], np.random.default_rng(0).uniform(0.5, 1.5, (33, size))
        found = compile(loss, w, "llvm").value_and_gradients(weights, x)
        texts += [each.tobytes().hex() for each in found]
    return " ".join(texts)


def test_every_process_gives_the_same_bits() -> None:
    command = [sys.executable, "-c", SCRIPT, *sys.path]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip() == bits()
