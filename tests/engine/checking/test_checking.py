"""Random functions, right and broken on purpose, in every form: the wrong are found, the right pass."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from effort import share
from expressions import graphs, seeded_expressions
from hypothesis import given, settings

from engine import Value, gradient, ops
from engine.checking import assert_gradients, check_gradients, faulty
from engine.checking.expressions import Expression
from engine.value import make_node

ROWS = list(ops.TABLE.values())


def test_random_graphs_raise_no_false_alarm() -> None:
    skipped = 0
    for expression in seeded_expressions(share(150)):
        result = check_gradients(expression, at=expression.at)
        assert result, f"{expression}\n{result}"
        skipped += len(result.skipped)
    assert skipped <= 3


@settings(max_examples=share(40))
@given(graphs())
def test_hypothesis_graphs_raise_no_false_alarm(graph: Expression) -> None:
    assert_gradients(graph, at=graph.at)


# ── 500 functions broken on purpose, and 500 honest ones, in all the new forms ────────────────────


def in_some_form(f: Callable[..., Any], at: Sequence[float], form: int) -> tuple[Callable[..., Any], Any]:
    """The function and its point: as arguments, a vector, an array, a dictionary, a module, with branches."""
    if form == 1:
        return (lambda xs: f(*xs)), [list(at)]
    if form == 2:
        return f, np.array(at)
    if form == 3:
        return (lambda p: f(*p["inputs"])), [{"inputs": list(at)}]
    if form == 4:
        holder = Holder(at)
        return (lambda: f(*holder.leaves)), holder
    if form == 5:
        return (lambda *xs: max(f(*xs), Value(-1e300)) * 1.0), list(at)
    return f, list(at)


class Holder:
    """A module of somebody's own."""

    def __init__(self, at: Sequence[float]) -> None:
        self.leaves = [Value(x, label=f"p{k}") for k, x in enumerate(at)]

    def parameters(self) -> list[Value]:
        return self.leaves


def broken(expression: Expression, draw: random.Random) -> Callable[..., Value]:
    """The expression with one of its operations' derivatives a tenth too large."""
    places = [place for place, (name, _) in enumerate(expression.steps) if not ops.TABLE[name].flat]
    place = draw.choice(places)

    def run(*inputs: Value) -> Value:
        numbers: list[Any] = list(inputs)
        for at, (name, operands) in enumerate(expression.steps):
            row, given = ops.TABLE[name], [numbers[o] if isinstance(o, int) else o for o in operands]
            if at == place:
                wrong = faulty(row, lambda out, *xs, row=row: tuple(
                    None if slope is None else 1.1 * slope for slope in row.partials(out, *xs)
                ))  # fmt: skip
                numbers.append(wrong(*given))
            else:
                numbers.append(make_node(row, given))
        result: Value = numbers[-1]
        return result

    return run


@pytest.mark.parametrize("form", range(6))
def test_honest_functions_in_every_form_pass(form: int) -> None:
    for expression in seeded_expressions(share(20), seed=form):
        result = check_gradients(*in_some_form(expression, expression.at, form))
        assert result, f"{expression}\n{result}"


@pytest.mark.parametrize("form", range(6))
def test_faults_in_every_form_is_found(form: int) -> None:
    draw = random.Random(form)
    for expression in seeded_expressions(share(20), seed=100 + form):
        wrong = broken(expression, draw)
        right = gradient(expression, list(expression.at))
        found = gradient(wrong, list(expression.at))
        if not any(abs(a - b) > 1e-3 * abs(b) for a, b in zip(found, right, strict=True)):
            continue  # nothing of it reaches an input here
        result = check_gradients(*in_some_form(wrong, expression.at, form))
        assert not result, f"{expression}\n{result}"
