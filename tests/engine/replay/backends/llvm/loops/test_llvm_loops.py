"""Loops as machine code: against NumPy and against the same loop written out, trip by trip."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from loop_cases import Case, numbers, weights
from test_loops import CASES
from test_repeat import BACK, FORWARD, PROGRAM, SIZES, TRIPS, rows
from unrolled import unrolled

from engine import compile  # noqa: A004
from engine.functions import dot, maximum, tanh, total
from engine.replay.backends.llvm import plans
from engine.replay.backends.llvm.executor import LlvmExecutor, lanes_for, refusal
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.machine import HOST
from engine.replay.backends.llvm.step import Flags, write_step
from engine.replay.backends.llvm.writing.functions import PRIMITIVES
from engine.replay.backends.llvm.writing.module import DOUBLE, FLOAT, Module, Precision
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.backends.segments import cut, effort
from engine.replay.program.lowering import lower
from engine.replay.program.program import Elementwise, Program, Repeat, Rows, Space, SumOfProducts, Transfer
from engine.replay.rolling.roll import roll

V, DV, F, DF = Space.VALUE, Space.ADJOINT, Space.FRAME, Space.FRAME_ADJOINT
BATCHES = (1, 7, 8, 63, 64, 65)


def ends(count: int) -> tuple[int, ...]:
    return tuple(range(1, count + 1))


def scattered(size: int, trips: int, *, turned: bool = False) -> Program:
    """h = w·h for a state whose rows do not lie side by side, the inputs first; the loss is a sum.

    Or h is turned about from trip to trip: then no value enters where it left, and all are moved.
    """
    before, behind = range(0, 2 * size, 2), range(1, 2 * size, 2)
    leaving = tuple(behind)[:: -1 if turned else 1]
    w, dw = rows(Space.WEIGHT, 0, size), rows(Space.GRADIENT, 0, size)
    first, last, loss = (0, size), (size, 2 * size), 2 * size
    forward = Repeat(
        trips,
        range(2 * size),
        (SumOfProducts(Rows(F, behind), ends(size), w, Rows(F, before)),),
        Rows(F, before),
        Rows(F, leaving),
        before=(Transfer(Rows(F, before), rows(V, *first)),),
        finals=(Transfer(Rows(F, behind), rows(V, *last)),),
    )
    back = Repeat(
        trips,
        range(2 * size),
        (
            SumOfProducts(Rows(DF, before), ends(size), w, Rows(DF, behind)),
            SumOfProducts(dw, ends(size), Rows(DF, behind), Rows(F, before), accumulate=True),
        ),
        Rows(DF, before),
        Rows(DF, leaving),
        before=(Transfer(Rows(DF, before), rows(DV, *first)),),
        finals=(Transfer(Rows(DF, behind), rows(DV, *last)),),
        reverse=True,
    )
    sizes = {**dict.fromkeys(Space, 0), V: loss + 1, DV: loss + 1, F: 2 * size, DF: 2 * size}
    return Program(
        name="scattered",
        inputs=tuple(range(size)),
        outputs=rows(V, loss),
        constants=(),
        sizes={**sizes, Space.WEIGHT: size, Space.GRADIENT: size},
        wanted=size,
        shared_forward=(),
        forward=(forward, SumOfProducts(rows(V, loss), (size,), rows(V, *last))),
        backward=(
            Elementwise(rows(DV, loss), 1.0, ()),
            Elementwise(rows(DV, *first), 0.0, ()),
            SumOfProducts(rows(DV, *last), ends(size), Rows(DV, (loss,) * size)),
            back,
        ),
    )


def without_order() -> Program:
    """What belongs to the trips lies in an order of its own."""
    order = (10, 8, 11, 9, 12)
    steps = {True: Rows(DV, order), False: Rows(V, order)}
    outputs = {True: Rows(DV, (18, 14, 15, 17, 16)), False: Rows(V, (18, 14, 15, 17, 16))}

    def changed(loop: Repeat) -> Repeat:
        first, *others = loop.steps
        moved = (first._replace(outside=steps[loop.reverse]), *others)
        return replace(loop, steps=moved, outputs=(loop.outputs[0]._replace(outside=outputs[loop.reverse]),))

    def part(instructions: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(changed(one) if isinstance(one, Repeat) else one for one in instructions)

    return replace(PROGRAM, forward=part(PROGRAM.forward), backward=part(PROGRAM.backward))  # type: ignore[arg-type]


PROGRAMS = {
    "loop": PROGRAM,
    "scattered": scattered(10, 6),
    "turned": scattered(10, 6, turned=True),
    "without order": without_order(),
}


@pytest.fixture(params=["calls", "straight"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to write a loop, whatever its size."""
    monkeypatch.setattr(plans, "MOST_LINES", {"calls": -1, "straight": 10_000}[request.param])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """No loop is small enough for straight-line code."""
    monkeypatch.setattr(plans, "MOST_LINES", -1)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", PROGRAMS)
def test_machine_code_runs_a_loop_as_it_is_defined(name: str) -> None:
    program = PROGRAMS[name]
    program.verify()
    assert refusal(program) == ""
    width, count = len(program.inputs), program.sizes[Space.WEIGHT]
    checked, plain = LlvmExecutor(program, [width], checked=True), LlvmExecutor(program, [width])
    numpy, generator = NumpyExecutor(unrolled(program), [width]), np.random.default_rng(0)
    for samples in BATCHES:
        x, w = generator.normal(size=(samples, width)), generator.uniform(0.5, 1.5, size=count)
        losses, gradient = numpy.gradients(w, [x], samples)
        found = [
            executor.gradients(w, [x], samples) for executor in (checked, plain) for _ in range(2)
        ]  # in checked mode the memory is full of nan before the call, and else of what the call before left
        assert found[0][0] == pytest.approx(losses, rel=1e-13, abs=1e-13)
        assert found[0][1] == pytest.approx(gradient, rel=1e-12, abs=1e-12 * abs(gradient).max())
        assert len({(own.tobytes(), sums.tobytes()) for own, sums in found}) == 1
        for executor in (checked, plain):  # no frame is kept where only results are asked for
            assert executor.outputs(w, [x], samples)[0].tobytes() == found[0][0].tobytes()


def read_in_passing() -> Case:
    """Products that are finished in registers, and that others read too: in front of a loop, and in it."""
    w = weights(2 * 2 + 2 * 3)
    outside, inside = [w[:2], w[2:4]], [w[4:7], w[7:]]

    def function(xs: Any) -> Any:
        given = [dot(row, xs[:2]) for row in outside]
        h, loss = [tanh(number) for number in given], total([])
        for x in xs:
            sums = [dot(row, [x, *h]) for row in inside]
            h = [maximum(tanh(number), other) for number, other in zip(sums, given, strict=True)]
            loss = loss + sums[0] - sums[1]
        return loss + total(h)

    return Case(function, w, [numbers(12)])


ROLLED = {
    "read in passing": read_in_passing(),
    **{
        name: CASES[name][0]
        for name in ("an early state", "largest", "layer by layer", "of parameters only", "picked")
    },
}


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize("name", ROLLED)
def test_loops_that_were_found_run_as_machine_code(name: str) -> None:
    case = ROLLED[name]
    tape = case.tape()
    program = roll(tape)
    assert program.has_loops
    row = [x for entry in case.sample for x in (entry if isinstance(entry, list) else [entry])]
    w = np.array([value.data for value in [*case.weights, *tape.held]])
    numpy = NumpyExecutor(unrolled(program), [len(row)])
    machine = LlvmExecutor(program, [len(row)], checked=True)
    for samples in (1, 9):
        x = np.array([[n if isinstance(n, int) else n * (1 + k / 50) for n in row] for k in range(samples)])
        losses, gradient = numpy.gradients(w, [x], samples)
        for _ in range(2):
            own, sums = machine.gradients(w, [x], samples)
            assert own == pytest.approx(losses, rel=1e-12, abs=1e-13)
            assert sums == pytest.approx(gradient, rel=1e-12, abs=1e-12 * abs(gradient).max())


@pytest.mark.usefixtures("way")
def test_a_loop_runs_in_float32() -> None:
    generator = np.random.default_rng(1)
    x, w = generator.normal(size=(100, 7)), generator.normal(size=6)
    losses, gradient = NumpyExecutor(PROGRAM, [7]).gradients(w, [x], 100)
    own, sums = LlvmExecutor(PROGRAM, [7], precision=FLOAT, checked=True).gradients(w, [x], 100)
    assert own == pytest.approx(losses, rel=1e-5, abs=1e-5 * abs(losses).max())
    assert sums == pytest.approx(gradient, rel=1e-5)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("precision", [DOUBLE, FLOAT])
def test_code_does_not_grow_with_the_length(precision: Precision) -> None:
    lines = set()
    for trips in (100, 1000):
        program = lower(scattered(10, trips), PRIMITIVES)
        module = Module(HOST.registers, precision)
        write_step(module, program, [10], Layout(program, 16, precision), Flags(0), "gradients")
        lines.add(str(module).count("\n"))
    assert len(lines) == 1


@pytest.mark.usefixtures("calls")
def test_frames_are_kept_only_for_a_way_back_and_lanes_leave_room_for_them() -> None:
    program = scattered(10, 1000)
    forward = replace(program, backward=(), sizes={**program.sizes, DV: 0, DF: 0, Space.GRADIENT: 0})
    layouts = [Layout(one, 8) for one in (forward, program)]
    assert layouts[1].size - layouts[0].size == 8 * (1000 * 20 + 20 + 21) + 16  # the gradient too
    assert lanes_for(forward, 9984) == 128
    assert [lanes_for(scattered(10, trips), 9984) for trips in (100, 1000, 10_000)] == [32, 32, 8]


@pytest.mark.usefixtures("calls")
def test_a_wrong_frame_is_noticed() -> None:
    """The way back of two more trips than there are frames for."""
    longer = scattered(10, 8)
    wrong = replace(longer, forward=PROGRAMS["scattered"].forward)
    executor = LlvmExecutor(wrong, [10], checked=True)
    with pytest.raises(AssertionError, match="outside of their region"):
        executor.gradients(np.ones(10), [np.ones((8, 10))], 8)
    assert (FORWARD.frame, BACK.trips, SIZES[F]) == (BACK.frame, TRIPS, 9)  # those of the other are alike


@pytest.mark.usefixtures("calls")
def test_threads_have_frames_of_their_own() -> None:
    program = scattered(10, 200)
    samples = 4000
    generator = np.random.default_rng(2)
    x, w = generator.normal(size=(samples, 10)), generator.uniform(0.98, 1.02, size=10)
    assert len(cut(samples, lanes_for(program, samples), effort(program, gradient=True))) > 2
    found = [LlvmExecutor(program, [10], threads=count).gradients(w, [x], samples) for count in (1, 3)]
    assert len({(own.tobytes(), sums.tobytes()) for own, sums in found}) == 1
    losses, gradient = NumpyExecutor(program, [10]).gradients(w, [x], samples)
    assert found[0][0] == pytest.approx(losses, rel=1e-12, abs=1e-12)
    assert found[0][1] == pytest.approx(gradient, rel=1e-11)


def test_a_loop_of_a_function_with_several_results() -> None:
    """There are no adjoints then, not even of the rows that no trip counts: of y, here, and beside."""
    w = weights(4)

    def function(xs: Any, ys: Any) -> Any:
        beside = [tanh(w[0] * tanh(w[1] * y)) for y in ys]
        states = [w[1] * beside[0]]
        for x in xs:
            states.append(tanh(w[2] * states[-1] + w[3] * x))
        return [*states, total(beside) * states[-1]]

    xs, ys = np.random.default_rng(0).normal(size=(7, 40)), np.ones((7, 9))
    eagerly = [[each.data for each in function(x, y)] for x, y in zip(xs, ys, strict=True)]
    assert compile(function, w, "llvm-checked")(xs, ys) == pytest.approx(np.array(eagerly), rel=1e-12)
