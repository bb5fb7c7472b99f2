"""Programs: their parts, what verify() finds, and how they read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine import ops
from engine.errors import ReplayError
from engine.functions import dot, pick
from engine.replay.program.expression import Apply, Argument, partials, product, renumbered
from engine.replay.program.program import (
    Elementwise,
    LaneProduct,
    Matrix,
    MatrixProduct,
    Program,
    Rows,
    Space,
    SumOfProducts,
    grid,
)
from engine.replay.recording.record import record
from engine.replay.rolling.roll import roll
from engine.value import Value


@pytest.fixture
def program() -> Program:
    w = [Value(0.5, label=f"w[{k}]") for k in range(6)]

    def f(x: Any, y: Any) -> Any:
        hidden = [dot(w[3 * k : 3 * k + 2], x, w[3 * k + 2]).tanh() for k in range(2)]
        return -pick(hidden, y) + w[0] * w[1] * 0.1

    return roll(record(f, w, [[1.0, 2.0], 1]))


def test_rows_know_ranges() -> None:
    assert Rows.of(Space.VALUE, [3, 4, 5]).places == range(3, 6)
    assert Rows.of(Space.WEIGHT, [2, 5, 8]).places == range(2, 9, 3)
    assert Rows.of(Space.VALUE, [7]).places == range(7, 8)
    assert Rows.of(Space.VALUE, [3, 3]).places == (3, 3)
    assert Rows.of(Space.VALUE, [5, 4]).places == (5, 4)
    assert [str(Rows.of(Space.VALUE, p)) for p in ([3], [3, 4], [2, 5], [1, 9, 2])] == [
        "v[3]",
        "v[3:5]",
        "v[2:6:3]",
        "v[1, 9, … 3 rows]",
    ]


def test_matrices_can_be_transposed() -> None:
    by_rule = Matrix(Space.WEIGHT, 2, 3, start=1, row_stride=4, column_stride=1)
    assert by_rule.places == (1, 2, 3, 5, 6, 7)
    assert by_rule.transposed().places == (1, 5, 2, 6, 3, 7)
    listed = Matrix(Space.WEIGHT, 2, 3, listed=(9, 2, 4, 1, 0, 7))
    assert listed.transposed().places == (9, 1, 2, 0, 4, 7)
    assert listed.transposed().transposed() == listed


def test_matrices_know_whether_an_entry_stands_there_twice() -> None:
    rules = [
        (rows, columns, by_row, by_column)
        for rows in (1, 3)
        for columns in (1, 2)
        for by_row in range(5)
        for by_column in range(4)
    ]
    for rows, columns, by_row, by_column in rules:
        matrix = Matrix(Space.WEIGHT, rows, columns, 7, by_row, by_column)
        for each in (
            matrix,
            matrix.transposed(),
            Matrix(Space.WEIGHT, rows, columns, listed=matrix.places),
        ):
            assert each.is_once == (len(set(each.places)) == rows * columns)


def test_grids() -> None:
    assert grid(range(6), 2, 3) == (0, 3, 1)
    assert grid((0, 2, 4, 1, 3, 5), 2, 3) == (0, 1, 2)
    assert grid((4, 4, 4, 4), 2, 2) == (4, 0, 0)
    assert grid((0, 1, 3, 5), 2, 2) is None
    assert grid((5,), 1, 1) == (5, 1, 1)


def test_spaces_know_their_adjoints() -> None:
    assert [space.adjoint for space in (Space.VALUE, Space.WEIGHT, Space.SHARED)] == [
        Space.ADJOINT,
        Space.GRADIENT,
        Space.SHARED_ADJOINT,
    ]
    assert [space.name for space in Space if space.wide] == ["VALUE", "ADJOINT", "FRAME", "FRAME_ADJOINT"]


def test_a_program_reads_well(program: Program) -> None:
    program.verify()
    sizes = ["9 value", "9 adjoint", "6 weight", "6 gradient", "2 shared", "2 shared_adjoint", "1 constant"]
    assert str(program).splitlines() == [
        "program of 17 instructions; rows: " + ", ".join(sizes),
        "  once, forward",
        "    s[0] = Σ w[0] × w[1]",
        "    s[1] = Σ s[0], times 0.1",
        "  per sample, forward",
        "    v[3:5] = w[2 × 2 from 0 by 3, 1] @ v[1:3] + w[2:6:3]",
        "    v[5:7] = tanh(v[3:5])",
        "    v[7] = pick v[0] of v[5:7]",
        "    v[8] = Σ v[7], times -1",
        "    v[8] += Σ s[1]",
        "  per sample, backward",
        "    dv[8] = 1.0",
        "    ds[1] = Σ dv[8]",
        "    dv[7] = Σ dv[8], times -1",
        "    dv[5:7] = 0.0",
        "    dv[5:7] += dv[7] to the places v[0]",
        "    dv[3:5] = dv[5:7] * (1.0 - v[5:7] * v[5:7])",
        "    dw[2 × 2 from 0 by 3, 1] = dv[3:5] @ v[1:3]ᵀ",
        "    dw[2:6:3] = Σ dv[3:5]",
        "  once, backward",
        "    ds[0] += Σ ds[1], times 0.1",
        "    dw[0:2] += Σ ds[0, 0, … 2 rows] × w[1, 0, … 2 rows]",
        "  return v[8]",
    ]


def rows(start: int, stop: int, space: Space = Space.VALUE) -> Rows:
    return Rows(space, range(start, stop))


BIAS = rows(0, 2, Space.WEIGHT)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (Elementwise(rows(8, 12), 0.0, ()), "outside"),
        (Elementwise(Rows(Space.VALUE, (3, 3)), 0.0, ()), "twice"),
        (Elementwise(rows(3, 5), Argument(0), (rows(7, 9),)), "not written"),
        (Elementwise(rows(3, 6), Argument(0), (rows(0, 2),)), "lengths"),
        (MatrixProduct(rows(3, 5), Matrix(Space.WEIGHT, 2, 2), rows(0, 3)), "lengths"),
        (MatrixProduct(rows(3, 5), Matrix(Space.WEIGHT, 2, 2, 4, 2), rows(0, 2)), "not written"),
        (MatrixProduct(rows(3, 5), Matrix(Space.WEIGHT, 2, 2), rows(0, 2), BIAS, accumulate=True), "lengths"),
        (LaneProduct(Matrix(Space.GRADIENT, 2, 3), rows(0, 2), rows(1, 3)), "lengths"),
        (SumOfProducts(rows(3, 5), (1, 1), rows(0, 1)), "lengths"),
        (SumOfProducts(rows(3, 5), (1, 2), rows(0, 2), rows(0, 3)), "lengths"),
        (SumOfProducts(rows(3, 5), (1, 2), rows(0, 2), None, (1.0,)), "lengths"),
        (SumOfProducts(rows(7, 8), (1,), rows(0, 1), accumulate=True), "not written"),
    ],
)
def test_verify_finds_what_is_not_sound(program: Program, broken: Any, words: str) -> None:
    with pytest.raises(ReplayError, match=words):
        replace(program, forward=(broken, *program.forward)).verify()


def test_verify_finds_results_that_are_never_written(program: Program) -> None:
    with pytest.raises(ReplayError, match="never written"):
        replace(program, forward=program.forward[:-2], backward=(), shared_backward=()).verify()


def test_expressions_simplify_and_read_like_formulas() -> None:
    x, y = Argument(0), Argument(1)
    assert repr(partials(ops.multiply, [x, y])) == "(x1, x0)"
    assert repr(partials(ops.power, [x, 2.0])[0]) == "2.0 * x0"
    assert repr(partials(ops.power, [x, 1.0])[0]) == "1.0"
    assert repr(partials(ops.divide, [x, y])) == "(1.0 / x1, negate(out) / x1)"
    assert repr(partials(ops.sigmoid, [x])[0]) == "out * (1.0 - out)"
    assert partials(ops.where, [x, x, y])[0] is None
    assert repr(x * (y / 2.0)) == "x0 * (x1 / 2.0)"


def test_a_gradient_does_not_pass_where_there_is_no_path() -> None:
    upstream, x = Argument(-2, "g"), Argument(0)
    assert repr(product(upstream, partials(ops.relu, [x])[0])) == "where(x0 > 0.0, g, 0.0)"
    assert product(upstream, None) == 0.0
    assert product(upstream, 1.0) is upstream
    renamed = renumbered(product(upstream, partials(ops.relu, [x])[0]), {-2: 0, 0: 1})
    assert repr(renamed) == "where(x1 > 0.0, x0, 0.0)"


def test_conditions_of_which_one_side_is_known() -> None:
    clamped = partials(ops.clamp, [0.5, Argument(0), 1.0])
    assert repr(clamped[0]) == "where(x0 < 0.5, 1.0, no path)"
    assert isinstance((Argument(0) > 1.0) & True, Apply)
    assert ((Argument(0) > 1.0) & False) is False
    assert ((Argument(0) > 1.0) | True) is True
