"""Functions that differ in whole numbers are made once, and compute what they computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine import compile, dot, tanh  # noqa: A004
from engine.value import Value

pytest.importorskip("llvmlite")
from engine.replay.backends.llvm import cache, machine
from engine.replay.backends.llvm.writing.merging import MOST_NUMBERS, merged

RNG = np.random.default_rng(0)
LAYERS = [[[Value(w) for w in row] for row in RNG.normal(size=(8, 8)).tolist()] for _ in range(4)]
WEIGHTS = [weight for layer in LAYERS for row in layer for weight in row]


def loss(x: Any) -> Value:
    for layer in LAYERS:
        x = [tanh(dot(row, x)) for row in layer]
    return sum(x, Value(0.0))


@pytest.mark.parametrize("executor", ["llvm", "llvm-checked"])
def test_layers_alike_are_one_function_with_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    texts: list[str] = []
    monkeypatch.setenv(cache.VARIABLE, "off")

    def found(merge: Any) -> tuple[list[float], list[float]]:
        def noted(text: str) -> str:
            texts.append(merge(text))
            return texts[-1]

        monkeypatch.setattr(machine, "merged", noted)
        program = compile(loss, WEIGHTS, executor=executor)
        inputs = np.random.default_rng(1).normal(size=(9, 8))
        losses, gradient = program.value_and_gradients([weight.data for weight in WEIGHTS], inputs)
        return losses.tolist(), gradient.tolist()

    assert found(merged) == found(lambda text: text)
    assert "@alike0" in texts[0]
    assert len(texts[0]) < 0.8 * len(texts[1])


def function(name: str, line: str, lines: int = 4) -> str:
    return "\n".join([f"define internal void @{name}(ptr %m) {{", *[line] * lines, "ret void", "}"])


@pytest.mark.parametrize(
    "line",
    [
        "%v1 = extractelement <8 x double> %v0, i64 {0}",
        "%v1 = insertelement <8 x double> %v0, double %x, i64 {0}",
        "%v1 = add <8 x i64> %v0, <i64 {0}, i64 1>",
        "%v1 = load double, ptr %v0, align {0}",
        "%v1 = shufflevector <2 x i32> %v0, <2 x i32> %v0, <2 x i32> <i32 {0}, i32 1>",
    ],
)
def test_numbers_that_instructions_must_know_stay(line: str) -> None:
    text = "\n".join(function(name, line.format(number)) for name, number in (("a", 2), ("b", 4)))
    assert merged(text) == text


def test_functions_that_differ_in_too_many_ways_stay() -> None:
    def text(count: int) -> str:
        bodies = ["\n".join(f"store i64 {k * n}, ptr %m" for k in range(1, count + 1)) for n in (2, 5)]
        return "\n".join(function(name, body, 1) for name, body in zip("ab", bodies, strict=True))

    assert "alike0" in merged(text(MOST_NUMBERS))
    assert merged(text(MOST_NUMBERS + 1)) == text(MOST_NUMBERS + 1)
