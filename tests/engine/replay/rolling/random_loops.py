"""Functions with loops over time, drawn by chance: states, what a step does to them, what is read of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from engine.functions import dot, maximum, sigmoid, sin, tanh, total, where
from engine.value import Value

__all__ = ["random_loop"]

STEPS: dict[str, Callable[[Any, Any, Any, float], Any]] = {
    "sum": lambda p, q, w, _: p + q * 0.5,
    "difference": lambda p, q, w, _: p - q,
    "product": lambda p, q, w, _: tanh(p * q),
    "weighted": lambda p, q, w, _: w * p,
    "shifted": lambda p, q, w, _: tanh(p + w),
    "wave": lambda p, q, w, _: sin(p),
    "scaled": lambda p, q, w, scale: p * scale,
    "larger": lambda p, q, w, _: maximum(p, w * q),
    "chosen": lambda p, q, w, _: where(p, sin(q), q * 0.5),
    "gated": lambda p, q, w, _: sigmoid(p) * w,
    "neuron": lambda p, q, w, _: dot([w, w], [p, q], w),
}


def random_loop(seed: int) -> tuple[Callable[..., Any], list[Value], list[float]]:
    """(a function of a sequence and a number, its parameters, the sequence); the same for the same seed."""
    draw = random.Random(seed)
    weights = [Value(draw.uniform(-0.6, 0.6)) for _ in range(draw.randint(1, 5))]
    held = Value(0.3)
    plan = [
        (draw.choice([*STEPS]), draw.random(), draw.random(), draw.random())
        for _ in range(draw.randint(1, 7))
    ]
    results = [draw.random() for _ in range(draw.randint(1, 3))]
    starts = [draw.choice(["input", "zero", "number", "weight", "held", "both", "first"]) for _ in results]
    lag, scored, reads = draw.choice([0, 0, 1, 2]), draw.choice([0, 1, 2]), draw.choice([0, 1, 2])
    is_uneven, is_early, has_second = draw.random() < 0.4, draw.random() < 0.4, draw.random() < 0.3
    xs = [draw.uniform(-1.0, 1.0) for _ in range(draw.choice([3, 5, 8, 9, 12, 13, 20]))]

    def step(past: Sequence[Sequence[Any]], x: Any, fixed: Any, number: int) -> list[Any]:
        pool = [*past[-1], *[x, fixed][:reads]]
        if len(past) > lag > 0:
            pool.append(past[-1 - lag][0])
        scale = 0.1 + (0.07 * number if is_uneven else 0.3)
        for what, first, second, weight in plan:
            p, q = (pool[int(share * len(pool))] for share in (first, second))
            pool.append(STEPS[what](p, q, weights[int(weight * len(weights))], scale))
        return [0.9 * pool[-1 - int(share * min(3, len(pool)))] for share in results]

    def function(sequence: Any, fixed: Any) -> Any:
        known = {"input": fixed, "zero": 0.0, "number": 0.25, "weight": weights[0], "held": held}
        known |= {"both": weights[-1] * fixed, "first": sequence[0]}
        past: list[list[Any]] = [[known[start] for start in starts]]
        loss: Any = 0.0
        for number, x in enumerate(sequence):
            past.append(step(past, x, fixed, number))
            if scored == 1 or (scored == 2 and number % 2):
                loss = loss + past[-1][0] * past[-1][-1]
        loss = loss + total(past[-1]) + (past[2][0] * past[3][-1] if is_early else 0.0)
        state: Any = weights[0] * 1.0
        for states in reversed(past[1:]) if has_second else ():
            state = tanh(state * weights[-1] + states[0])
        return loss + state

    return function, weights, xs
