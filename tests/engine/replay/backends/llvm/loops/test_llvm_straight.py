"""Loops of straight-line code, whose state is in registers: what only this way to write a loop has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from test_llvm_loops import scattered
from test_repeat import PROGRAM, rows
from unrolled import unrolled

from engine import ops
from engine.replay.backends.llvm import plans
from engine.replay.backends.llvm.executor import LlvmExecutor, lanes_for
from engine.replay.backends.llvm.machine import Machine
from engine.replay.backends.llvm.writing.module import FLOAT
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.expression import Apply, Argument
from engine.replay.program.program import (
    Elementwise,
    Matrix,
    MatrixProduct,
    Program,
    Repeat,
    Rows,
    Space,
    SumOfProducts,
    Transfer,
)

V, DV, F, DF = Space.VALUE, Space.ADJOINT, Space.FRAME, Space.FRAME_ADJOINT
W, DW = Space.WEIGHT, Space.GRADIENT


def inverse_steps(trips: int) -> Program:
    """x = w0·x ÷ 2 + x² ÷ 64 + 1 ÷ 4x, from w1·u on; the loss: the first x, twice the last, and the last x².

    v[0] u, v[1] the first x, v[2] and v[3] the last, v[4] the last x², v[5] the loss; f[0] x, f[1] x²,
    f[2] 1 ÷ x, f[3] new x.
    """
    x, square, inverse, new = (rows(F, row) for row in range(4))
    dx, d_square, d_inverse, d_new = (rows(DF, row) for row in range(4))
    before = Transfer(x, rows(V, 1))
    finals = [Transfer(inside, rows(V, row)) for inside, row in ((new, 2), (new, 3), (square, 4))]
    forward = Repeat(
        trips,
        range(4),
        (
            SumOfProducts(square, (1,), x, x),
            Elementwise(inverse, Apply(ops.divide, (1.0, Argument(0))), (x,)),
            SumOfProducts(new, (1,), rows(W, 0), x, (0.5,)),
            SumOfProducts(new, (2,), Rows(F, range(1, 3)), None, (0.015625, 0.25), accumulate=True),
        ),
        x,
        new,
        before=(before,),
        finals=tuple(finals),
    )
    slope = Apply(ops.divide, (Argument(0), Argument(1)))
    back = Repeat(
        trips,
        range(4),
        (
            SumOfProducts(rows(DW, 0), (1,), d_new, x, (0.5,), accumulate=True),
            SumOfProducts(d_square, (1,), d_new, None, (0.015625,), accumulate=True),
            SumOfProducts(d_inverse, (1,), d_new, None, (0.25,)),
            SumOfProducts(dx, (2,), Rows(W, (0, 0)), Rows(DF, (3, 3)), (0.125, 0.375)),
            Elementwise(dx, -1.0 * slope, (d_inverse, square), accumulate=True),
            SumOfProducts(dx, (1,), d_square, x, (2.0,), accumulate=True),
        ),
        dx,
        d_new,
        before=(Transfer(dx, rows(DV, 1)),),
        finals=tuple(
            Transfer(inside, rows(DV, row)) for inside, row in ((d_new, 2), (d_new, 3), (d_square, 4))
        ),
        reverse=True,
    )
    sizes = {**dict.fromkeys(Space, 0), V: 6, DV: 6, F: 4, DF: 4, W: 2, DW: 2}
    begin = SumOfProducts(rows(V, 1), (1,), rows(W, 1), rows(V, 0))
    loss = SumOfProducts(rows(V, 5), (4,), rows(V, 1, 5))
    seed = Elementwise(rows(DV, 5), 1.0, ()), SumOfProducts(rows(DV, 1, 5), (1, 2, 3, 4), Rows(DV, (5,) * 4))
    owed = SumOfProducts(rows(DW, 1), (1,), rows(DV, 1), rows(V, 0))
    return Program("inverse", (0,), rows(V, 5), (), sizes, 2, (), (begin, forward, loss), (*seed, back, owed))


def scaled_by_given(count: int, trips: int) -> Program:
    """x = ½x + Σ w_j · t_j with t_j = u_j · (−½x), where each u_j is given: a parameter times an input.

    f[0] x, f[1] −x, f[2] half of it, f[3] the sum, f[4] new x, then u, then t; the loss is the last x.
    """
    x, minus, half, total, new = (rows(F, row) for row in range(5))
    dx, d_minus, d_half, d_total, d_new = (rows(DF, row) for row in range(5))
    u, t, du, dt = (rows(s, a * count + 5, (a + 1) * count + 5) for s in (F, DF) for a in (0, 1))
    w, dw, ends = rows(W, 0, count), rows(DW, 0, count), tuple(range(1, count + 1))
    inputs, given = rows(V, 1, count + 1), rows(V, count + 1, 2 * count + 1)
    parameters, loss = rows(W, count, 2 * count), rows(V, 2 * count + 1)

    def times(number: int, rows: Rows) -> Rows:
        return Rows(rows.space, tuple(rows.places) * number)

    def moved(rows: Rows) -> Rows:
        return Rows(rows.space.adjoint, rows.places)

    forward = Repeat(
        trips,
        range(2 * count + 5),
        (
            SumOfProducts(minus, (1,), x, None, (-1.0,)),
            SumOfProducts(half, (1,), minus, None, (0.5,)),
            SumOfProducts(t, ends, u, times(count, half)),
            SumOfProducts(total, (count,), w, t),
            SumOfProducts(new, (1,), total),
            SumOfProducts(new, (1,), x, None, (0.5,), accumulate=True),
        ),
        x,
        new,
        before=(Transfer(x, rows(V, 0)),),
        given=(Transfer(u, given),),
        finals=(Transfer(new, loss),),
    )
    back = Repeat(
        trips,
        range(2 * count + 5),
        (
            SumOfProducts(d_total, (1,), d_new),
            SumOfProducts(dw, ends, times(count, d_total), t, accumulate=True),
            SumOfProducts(dt, ends, times(count, d_total), w),
            SumOfProducts(du, ends, dt, times(count, half)),
            SumOfProducts(d_half, (count,), dt, u),
            SumOfProducts(d_minus, (1,), d_half, None, (0.5,)),
            SumOfProducts(dx, (2,), Rows(DF, (1, 4)), None, (-1.0, 0.5)),
        ),
        dx,
        d_new,
        before=(Transfer(dx, rows(DV, 0)),),
        given=(Transfer(du, moved(given)),),
        finals=(Transfer(d_new, moved(loss)),),
        reverse=True,
    )
    wide, frame = 2 * count + 2, 2 * count + 5
    sizes = {**dict.fromkeys(Space, 0), V: wide, DV: wide, F: frame, DF: frame, W: 2 * count, DW: 2 * count}
    ends_of_loss = (
        Elementwise(moved(loss), 1.0, ()),
        Elementwise(moved(given), 0.0, ()),
        Elementwise(rows(DV, 0), 0.0, ()),
    )
    product = SumOfProducts(given, ends, parameters, inputs)
    owed = SumOfProducts(moved(parameters), ends, moved(given), inputs)
    numbers = (tuple(range(count + 1)), loss, (), sizes, 2 * count)
    return Program("scaled", *numbers, (), (product, forward), (*ends_of_loss, back, owed))


def ensure_like_numpy(program: Program, samples: int, width: int, **choices: object) -> None:
    generator = np.random.default_rng(0)
    x, w = generator.uniform(0.5, 1.5, (samples, width)), generator.uniform(0.5, 1.5, program.wanted)
    losses, gradient = NumpyExecutor(unrolled(program), [width]).gradients(w, [x], samples)
    executor = LlvmExecutor(program, [width], **choices)  # type: ignore[arg-type]
    found = [executor.gradients(w, [x], samples) for _ in range(2)]
    exact = 1e-12 if executor.dtype == "float64" else 1e-4
    assert found[0][0] == pytest.approx(losses, rel=exact)
    assert found[0][1] == pytest.approx(gradient, rel=exact)
    assert found[0][1].tobytes() == found[1][1].tobytes()


@pytest.mark.parametrize("count", [1, 5, 12])
def test_rows_that_are_given(count: int) -> None:
    ensure_like_numpy(scaled_by_given(count, 4), 21, count + 1, checked=True)


@pytest.mark.parametrize("size", [1, 10, 11, 19])
def test_sums_over_all_trips(size: int) -> None:
    (plan,) = plans.plans(scattered(size, 6)).values()
    assert len(plan.sums) == size
    ensure_like_numpy(scattered(size, 6), 21, size, checked=True)


@pytest.mark.parametrize("trips", [1, 2, 3, 9])
def test_what_the_way_back_reads_of_a_trip_is_kept(trips: int) -> None:
    program = inverse_steps(trips)
    (plan,) = plans.plans(program).values()
    assert [place for _, place in plan.kept] == [0, 1]
    ensure_like_numpy(program, 21, 1, checked=True)
    ensure_like_numpy(program, 40, 1, precision=FLOAT)


def test_a_sample_has_the_same_bits_whatever_the_number_of_lanes() -> None:
    program, x, w = inverse_steps(7), np.linspace(0.5, 1.5, 48)[:, None], np.array([1.25, 0.75])
    executors = {lanes: LlvmExecutor(program, [1]) for lanes in (8, 16, 24, 48)}
    for lanes, each in executors.items():
        each.machine = lambda _, lanes=lanes: Machine(program, [1], lanes)  # type: ignore[method-assign,misc]
    assert len({each.outputs(w, [x], 48).tobytes() for each in executors.values()}) == 1
    gradients = [each.gradients(w, [x], 48)[1] for each in executors.values()]
    assert gradients == [pytest.approx(gradients[0], rel=1e-13)] * 4


def test_lanes_are_as_many_as_go_through_the_trips_together() -> None:
    program = inverse_steps(7)
    assert [lanes_for(program, samples) for samples in (1, 2, 8, 9, 1000)] == [1, 8, 8, 16, 16]
    assert [lanes_for(program, samples, FLOAT) for samples in (1, 16, 17)] == [1, 16, 32]


@pytest.mark.parametrize("lane", [0, 7, 12])
def test_an_error_in_a_trip_is_noticed(lane: int) -> None:
    x = np.linspace(0.5, 1.5, 13)[:, None]
    executor = LlvmExecutor(inverse_steps(5), [1])
    executor.gradients(np.ones(2), [x], 13)
    x[lane] = 0.0
    for run in (executor.outputs, executor.gradients):
        with pytest.raises(FloatingPointError):
            run(np.ones(2), [x], 13)


def with_matrix(size: int) -> Program:
    """h = W·h."""
    h, new = rows(F, 0, size), rows(F, size, 2 * size)
    loop = Repeat(
        5,
        range(2 * size),
        (MatrixProduct(new, Matrix(W, size, size, 0, size), h),),
        h,
        new,
        before=(Transfer(h, rows(V, 0, size)),),
        finals=(Transfer(new, rows(V, size, 2 * size)),),
    )
    sizes = {**dict.fromkeys(Space, 0), V: 2 * size, F: 2 * size, W: size * size}
    return Program("matrix", tuple(range(size)), rows(V, size, 2 * size), (), sizes, 0, (), (loop,))


def test_a_body_that_is_too_long_or_has_a_matrix_is_no_straight_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plans.plans(scattered(10, 6))
    assert not plans.plans(scattered(400, 6))
    assert [bool(plans.plans(with_matrix(size))) for size in (3, 4)] == [True, False]
    loops = replace(PROGRAM, backward=())
    (plan,) = plans.plans(loops).values()
    assert (plan.kept, plan.sums) == ((), ())
    monkeypatch.setattr(plans, "MOST_LINES", -1)
    assert not plans.plans(loops)
