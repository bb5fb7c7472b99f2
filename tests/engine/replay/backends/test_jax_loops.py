"""Loops as JAX functions: JAX's scan does what a Repeat is defined to do, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_repeat import BACK, DF, DV, FORWARD, PROGRAM, TRIPS, F, V, rows

from engine import Value, compile, maximum  # noqa: A004
from engine.replay.backends.jax.translation import Part, as_jax
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.program import Elementwise, Instruction, Program, Rows, Transfer

SHAPE = ((None,) * 7,)  # of a sample: one list of seven numbers


@pytest.fixture(autouse=True)
def jax() -> Iterator[Any]:
    """JAX with numbers of 64 bits; afterwards as it was."""
    module = pytest.importorskip("jax", reason="jax is not installed (the extra `jax`)")
    before = module.config.jax_enable_x64
    module.config.update("jax_enable_x64", True)
    yield module
    module.config.update("jax_enable_x64", before)


def agrees(jax: Any, program: Program) -> Any:
    draw = np.random.default_rng(0)
    x, weights = draw.normal(size=(5, 7)), draw.normal(size=6)
    losses, gradient = NumpyExecutor(program, [7]).gradients(weights, [x], 5)
    function = as_jax("loop", 6, {SHAPE: Part(program, ())})
    found = jax.jit(function)(weights, x)
    assert found[0] == pytest.approx(losses, rel=1e-12)
    assert found[1] == pytest.approx(gradient, rel=1e-12)
    return jax.make_jaxpr(function)(weights, x)


def test_a_loop_runs_forward_and_back(jax: Any) -> None:
    text = str(agrees(jax, PROGRAM))
    assert text.count("= scan[") == 2
    assert text.count(f"length={TRIPS}\n") == 2
    assert "num_carry=2" in text  # on the way back: what is owed to carried and to given rows, no sum


def test_a_sum_of_what_changes_later_is_done_in_its_trip(jax: Any) -> None:
    text = str(agrees(jax, changed({}, {"body": (*BACK.body, Elementwise(rows(DF, 5), 0.0, ()))})))
    assert "num_carry=3" in text
    assert "num_carry=2" not in text


def changed(forward: dict[str, Any], back: dict[str, Any]) -> Program:
    """The program with changes in its loop and in the loop back."""
    loops: dict[Instruction, Instruction] = {
        FORWARD: replace(FORWARD, **forward),
        BACK: replace(BACK, **back),
    }
    found = replace(
        PROGRAM,
        forward=tuple(loops.get(one, one) for one in PROGRAM.forward),
        backward=tuple(loops.get(one, one) for one in PROGRAM.backward),
    )
    found.verify()
    return found


def test_trips_that_read_the_same_row_all_add_to_it(jax: Any) -> None:
    shared = (8, 9, 8, 8, 9)
    forward = {"steps": (Transfer(rows(F, 2), Rows(V, shared)), FORWARD.steps[1])}
    agrees(jax, changed(forward, {"steps": (Transfer(rows(DF, 2), Rows(DV, shared)),)}))


def test_what_is_read_at_the_end_need_not_be_carried(jax: Any) -> None:
    forward = {"finals": (Transfer(rows(F, 8), rows(V, 19)), Transfer(rows(F, 6), rows(V, 20)))}
    back = {"finals": (Transfer(rows(DF, 8), rows(DV, 19)), Transfer(rows(DF, 6), rows(DV, 20)))}
    agrees(jax, changed(forward, back))


def test_the_way_back_may_be_owed_to_fewer_than_are_carried(jax: Any) -> None:
    back = {"entering": rows(DF, 0), "leaving": rows(DF, 6), "before": BACK.before[:1], "given": ()}
    agrees(jax, changed({}, back))


def kinked(steps: int) -> tuple[Any, Any, Any]:
    """(a recurrent function with kinks, its program, data that meet the kinks exactly)."""
    w, u, b = Value(0.75), Value(1.25), Value(0.0)

    def loss(xs: Any, y: Any) -> Any:
        h: Any = 0.0
        c: Any = 1.0
        for x in xs:
            h, c = (w * h + u * x + b).relu(), maximum(c * w, h)
        return (h + c - y) ** 2

    xs = np.random.default_rng(steps).normal(size=(3, steps))
    xs[0] = 0.0  # relu(0), in every step
    xs[1, 0], xs[1, 1] = 0.6, -0.36  # w·h + u·x = 0, and later
    return loss, compile(loss, [w, u, b]), (xs, np.ones(3))


def test_a_loop_over_time_has_eagers_gradients_also_at_kinks(jax: Any) -> None:
    loss, program, batch = kinked(12)
    weights = np.array([value.data for value in program.parameters])
    function = program.to_jax(*batch)
    losses, gradient = jax.jit(function)(weights, *batch)
    found = [loss(xs, y) for xs, y in zip(batch[0].tolist(), batch[1].tolist(), strict=True)]
    sum(found, Value(0.0)).backward()
    assert losses == pytest.approx([each.data for each in found], rel=1e-12)
    assert gradient == pytest.approx([value.grad for value in program.parameters], rel=1e-12)


def test_the_code_does_not_grow_with_the_length(jax: Any) -> None:
    counts = []
    for steps in (20, 60):
        _, program, batch = kinked(steps)
        text = str(jax.make_jaxpr(program.to_jax(*batch))(np.ones(3), *batch))
        counts.append((text.count("= scan["), text.count(" = ")))
    assert counts[0] == counts[1]
    assert counts[0][0] >= 2
