"""Loops in programs: what a Repeat is, written by hand, and that NumPy runs it as it is defined."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from unrolled import unrolled

from engine import ops
from engine.errors import ReplayError
from engine.functions import dot
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.backends.segments import effort
from engine.replay.program.expression import Apply, Argument
from engine.replay.program.lowering import lower, operations_in
from engine.replay.program.program import (
    Elementwise,
    LaneProduct,
    Matrix,
    MatrixProduct,
    Program,
    Repeat,
    Rows,
    Space,
    SumOfProducts,
    Transfer,
)
from engine.replay.rolling.adjoint import Adjoint
from engine.value import Value

V, DV, F, DF = Space.VALUE, Space.ADJOINT, Space.FRAME, Space.FRAME_ADJOINT
W, DW = Space.WEIGHT, Space.GRADIENT
TRIPS = 5


def rows(space: Space, start: int, stop: int | None = None) -> Rows:
    return Rows(space, range(start, start + 1 if stop is None else stop))


def times_weight(out: Rows, weight: int, source: Rows) -> SumOfProducts:
    return SumOfProducts(out, (1,), rows(W, weight), source)


def copy(out: Rows, source: Rows, *, add: bool = False) -> SumOfProducts:
    return SumOfProducts(out, tuple(range(1, len(out) + 1)), source, accumulate=add)


# h_k = silu(w0·h_(k−1) + w1·y_k + z_(k−1)), z_k = h_(k−1)·c_k: a state, its state of the trip before, and
# steps. h_(−1) = w2·x0 and z_(−1) the parameter w3; y_k = w4·x_(k+1), c_k are constants, u = w5·x6 is given:
# each output is h_k·u. The loss is the sum of the outputs, the last h and the last z twice.
# Rows: v[0:7] x; v[7] w2·x0; v[8:13] y; v[13] u; v[14:19] outputs; v[19] last h, v[20] last z; v[21] loss.
# f[0] h, f[1] z, f[2] y, f[3] c, f[4] u come in; f[5] the sum, f[6] new h, f[7] new z, f[8] output.
SILU = Apply(ops.silu, (Argument(0),))
FORWARD = Repeat(
    trips=TRIPS,
    frame=range(9),
    body=(
        MatrixProduct(rows(F, 5), Matrix(W, 1, 2, 0, 2, 1), Rows(F, range(0, 3, 2))),
        copy(rows(F, 5), rows(F, 1), add=True),
        Elementwise(rows(F, 6), SILU, (rows(F, 5),)),
        SumOfProducts(rows(F, 7), (1,), rows(F, 0), rows(F, 3)),
        SumOfProducts(rows(F, 8), (1,), rows(F, 6), rows(F, 4)),
    ),
    entering=rows(F, 0, 2),
    leaving=rows(F, 6, 8),
    before=(Transfer(rows(F, 0), rows(V, 7)), Transfer(rows(F, 1), rows(W, 3))),
    given=(Transfer(rows(F, 4), rows(V, 13)),),
    steps=(Transfer(rows(F, 2), rows(V, 8, 13)), Transfer(rows(F, 3), rows(Space.CONSTANT, 0, TRIPS))),
    outputs=(Transfer(rows(F, 8), rows(V, 14, 19)),),
    finals=(Transfer(rows(F, 6, 8), rows(V, 19, 21)),),
)
SLOPE = Apply(ops.sigmoid, (Argument(1),)) + Argument(1) * Apply(ops.sigmoid, (Argument(1),)) * (
    1.0 - Apply(ops.sigmoid, (Argument(1),))
)
BACK = Repeat(
    trips=TRIPS,
    frame=range(9),
    body=(
        SumOfProducts(rows(DF, 6), (1,), rows(F, 4), rows(DF, 8), accumulate=True),
        SumOfProducts(rows(DF, 4), (1,), rows(F, 6), rows(DF, 8)),
        SumOfProducts(rows(DF, 0), (1,), rows(F, 3), rows(DF, 7)),
        Elementwise(rows(DF, 5), Argument(0) * SLOPE, (rows(DF, 6), rows(F, 5))),
        copy(rows(DF, 1), rows(DF, 5)),
        LaneProduct(Matrix(DW, 1, 2, 0, 2, 1), rows(DF, 5), Rows(F, range(0, 3, 2)), accumulate=True),
        times_weight(rows(DF, 2), 1, rows(DF, 5)),
        replace(times_weight(rows(DF, 0), 0, rows(DF, 5)), accumulate=True),
    ),
    entering=rows(DF, 0, 2),
    leaving=rows(DF, 6, 8),
    before=(Transfer(rows(DF, 0), rows(DV, 7)), Transfer(rows(DF, 1), rows(DV, 22))),
    given=(Transfer(rows(DF, 4), rows(DV, 13)),),
    steps=(Transfer(rows(DF, 2), rows(DV, 8, 13)),),
    outputs=(Transfer(rows(DF, 8), rows(DV, 14, 19)),),
    finals=(Transfer(rows(DF, 6, 8), rows(DV, 19, 21)),),
    reverse=True,
)
CONSTANTS = (0.5, -0.25, 1.5, 0.75, -1.25)
SIZES = {**dict.fromkeys(Space, 0), V: 23, DV: 23, F: 9, DF: 9, W: 6, DW: 6, Space.CONSTANT: TRIPS}
PROGRAM = Program(
    name="loop",
    inputs=tuple(range(7)),
    outputs=rows(V, 21),
    constants=CONSTANTS,
    sizes=SIZES,
    wanted=6,
    shared_forward=(),
    forward=(
        times_weight(rows(V, 7), 2, rows(V, 0)),
        SumOfProducts(rows(V, 8, 13), (1, 2, 3, 4, 5), Rows(W, (4,) * 5), rows(V, 1, 6)),
        times_weight(rows(V, 13), 5, rows(V, 6)),
        FORWARD,
        SumOfProducts(rows(V, 21), (7,), rows(V, 14, 21), None, (1.0,) * 6 + (2.0,)),
    ),
    backward=(
        Elementwise(rows(DV, 21), 1.0, ()),
        SumOfProducts(rows(DV, 14, 20), tuple(range(1, 7)), Rows(DV, (21,) * 6)),
        SumOfProducts(rows(DV, 20), (1,), rows(DV, 21), None, (2.0,)),
        *(Elementwise(rows(DV, start, stop), 0.0, ()) for start, stop in ((7, 14), (22, 23))),
        BACK,
        copy(rows(DW, 3), rows(DV, 22)),
        SumOfProducts(rows(DW, 5), (1,), rows(DV, 13), rows(V, 6)),
        SumOfProducts(rows(DW, 4), (5,), rows(DV, 8, 13), rows(V, 1, 6)),
        SumOfProducts(rows(DW, 2), (1,), rows(DV, 7), rows(V, 0)),
    ),
)


def the_same_eagerly(w: list[Value], x: list[float]) -> Any:
    h, z, loss, u = w[2] * x[0], w[3], Value(0.0), w[5] * x[6]
    for k in range(TRIPS):
        h, z = (dot([w[0], w[1]], [h, w[4] * x[k + 1]]) + z).silu(), h * CONSTANTS[k]
        loss = loss + h * u
    return loss + h + z * 2.0


@pytest.mark.parametrize("samples", [1, 7, 2100])
def test_numpy_runs_a_loop_as_it_is_defined(samples: int) -> None:
    PROGRAM.verify()
    flat = unrolled(PROGRAM)
    flat.verify()
    generator = np.random.default_rng(samples)
    x, w = generator.normal(size=(samples, 7)), generator.normal(size=6)
    executors = [NumpyExecutor(program, [7]) for program in (PROGRAM, flat)]
    for _ in range(2):  # nothing is left of the call before
        (losses, gradient), (flat_losses, flat_gradient) = (e.gradients(w, [x], samples) for e in executors)
        assert losses == pytest.approx(flat_losses, rel=1e-14, abs=1e-14)
        assert gradient == pytest.approx(flat_gradient, rel=1e-12)
    assert executors[0].outputs(w, [x], samples)[0] == pytest.approx(losses, rel=1e-14)
    if samples <= 7:
        values = [Value(number) for number in w]
        total = sum((the_same_eagerly(values, sample) for sample in x.tolist()), Value(0.0))
        total.backward()
        assert losses.sum() == pytest.approx(total.data, rel=1e-13)
        assert gradient == pytest.approx([value.grad for value in values], rel=1e-12)


def test_the_way_back_of_a_loop_is_that_of_its_trips_written_out() -> None:
    twice = Transfer(rows(F, 2), Rows(V, (8, 9, 8, 9, 10)))  # a gradient is owed to some of them twice
    loop = replace(
        FORWARD, before=(Transfer(rows(F, 0, 2), Rows(V, (7, 22))),), steps=(twice, FORWARD.steps[1])
    )
    forward = (
        copy(rows(V, 22), rows(W, 3)),
        *(loop if part is FORWARD else part for part in PROGRAM.forward),
    )
    looped = replace(PROGRAM, forward=forward, backward=())
    x, w = np.random.default_rng(3).normal(size=(7, 7)), np.array([0.5, -0.8, 1.2, 0.4, 0.7, -0.3])
    found = []
    for program in (looped, unrolled(looped)):
        size = program.sizes[V]
        wanted = {space: set(range(program.sizes[space] if space in (F, W) else 0)) for space in Space}
        wanted[V] = set(range(7, size))
        derived = Adjoint(wanted)
        derived.derive(program.outputs, program.forward, ())
        whole = replace(
            program, backward=tuple(derived.backward), sizes={**program.sizes, DV: size, DF: program.sizes[F]}
        )
        whole.verify()
        found.append(NumpyExecutor(whole, [7]).gradients(w, [x], 7)[1])
    assert found[0] == pytest.approx(found[1], rel=1e-13)
    assert np.all(found[0] != 0.0)


def test_what_a_long_loop_keeps_fits_into_memory() -> None:
    blocks = []
    for trips in (TRIPS, 1000 * TRIPS, 10**6 * TRIPS):
        loops = [replace(part, trips=trips) for part in (FORWARD, BACK)]
        long = replace(PROGRAM, forward=(loops[0],), backward=(loops[1],))
        blocks.append(NumpyExecutor(replace(long, inputs=()), []).block)
    assert blocks[0] > blocks[1] > blocks[2] >= 1
    assert blocks[1] * 1000 * TRIPS * len(FORWARD.frame) * 8 <= 128 << 20


def test_a_loop_reads_well() -> None:
    text = str(PROGRAM)
    assert text.startswith("program of 26 instructions; rows: 23 value, 23 adjoint, 9 frame, 9 frame_adjoint")
    assert (
        """
    5 times, carrying f[6:8] to f[0:2]:
      f[0] = v[7], in the first trip
      f[1] = w[3], in the first trip
      f[4] = v[13]
      f[2] = v[8:13], by trip
      f[3] = c[0:5], by trip
      f[5] = w[1 × 2 from 0 by 2, 1] @ f[0:3:2]
      f[5] += Σ f[1]
      f[6] = silu(f[5])
      f[7] = Σ f[0] × f[3]
      f[8] = Σ f[6] × f[4]
      v[14:19] = f[8], by trip
      v[19:21] = f[6:8], in the last trip
    v[21] = Σ v[14:21], 7 terms, times 1 …
"""
        in text
    )
    assert "      dv[8:13] += df[2], by trip\n      dv[7] += df[0], in the first trip\n" in text


def test_the_body_counts_once_for_the_code_and_every_trip_for_the_work() -> None:
    longer = replace(FORWARD, trips=10 * TRIPS)
    program = replace(PROGRAM, forward=(FORWARD,), backward=())
    assert len(replace(program, forward=(longer,))) == len(program) == 5
    of_trip = effort(replace(program, forward=(longer,)), gradient=False) - effort(program, gradient=False)
    assert of_trip == 9 * TRIPS * (2 + 1 + 10 + 1 + 1 + 4 * (2 + 2 + 1 + 2 + 1 + 2))
    assert ops.silu in operations_in(PROGRAM)
    lowered = lower(PROGRAM, {ops.multiply, ops.sigmoid})
    assert set(operations_in(lowered)) == {ops.multiply, ops.sigmoid, ops.add, ops.subtract}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trips": 4}, "lengths"),
        ({"trips": 0}, "no trips"),
        ({"leaving": rows(F, 6)}, "as many rows"),
        ({"entering": rows(DF, 0, 2)}, "not in FRAME"),
        ({"before": FORWARD.before[:1]}, "begin once"),
        ({"given": (*FORWARD.given, Transfer(rows(F, 3), rows(V, 8)))}, "comes in twice"),
        ({"given": ()}, "not written: f.4."),
        ({"finals": (*FORWARD.finals, Transfer(rows(F, 0), rows(V, 22)))}, "comes in is a result"),
        ({"outputs": (Transfer(rows(F, 8), Rows(V, (14, 14, 15, 16, 17))),)}, "never|not written"),
        ({"outputs": (Transfer(rows(F, 8), rows(Space.SHARED, 0, 5)),)}, "may not move"),
        ({"before": (FORWARD.before[0], Transfer(rows(F, 1), rows(V, 22)))}, "not written: v.22."),
        ({"body": (*FORWARD.body, copy(rows(F, 0), rows(F, 6)))}, "what came in"),
        ({"body": (*FORWARD.body, copy(rows(V, 14), rows(F, 6)))}, "may not write VALUE"),
        ({"body": (*FORWARD.body, copy(rows(F, 5), rows(V, 0)))}, "reads VALUE"),
        ({"frame": range(8)}, "outside its frame"),
    ],
)
def test_verify_finds_loops_that_are_not_sound(change: dict[str, Any], words: str) -> None:
    broken = tuple(replace(i, **change) if i is FORWARD else i for i in PROGRAM.forward)
    with pytest.raises(ReplayError, match=words):
        replace(PROGRAM, forward=broken).verify()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"body": BACK.body[:2] + BACK.body[3:-1]}, "not written: df.0"),
        (
            {
                "body": tuple(
                    replace(i, accumulate=False) for i in BACK.body[5:6] if isinstance(i, LaneProduct)
                )
            },
            "may not write GRADIENT",
        ),
        ({"before": (Transfer(rows(DF, 0, 2), Rows(DV, (7, 7))),)}, "twice"),
    ],
)
def test_verify_looks_at_the_way_back_too(change: dict[str, Any], words: str) -> None:
    broken = replace(
        PROGRAM, backward=tuple(replace(i, **change) if i is BACK else i for i in PROGRAM.backward)
    )
    with pytest.raises(ReplayError, match=words):
        broken.verify()
