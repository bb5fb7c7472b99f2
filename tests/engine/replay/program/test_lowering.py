"""Rows in the primitives of each backend: the same numbers as their own forward, at every size of number."""

from __future__ import annotations

import math
import random
from itertools import product
from typing import Any

import numpy as np
import pytest

from engine import DomainError, ops
from engine.operation import Operation
from engine.replay.backends.jax.functions import PRIMITIVES as JAX
from engine.replay.backends.numpy.functions import FUNCTIONS as NUMPY
from engine.replay.backends.numpy.functions import function_of
from engine.replay.program.expression import Apply, Argument, operations_of
from engine.replay.program.lowering import lowered
from engine.replay.recording.selection import SELECTIONS

LOWERED = [row for row in ops.TABLE.values() if row.lowered]
STRANGE = [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -1e-300, 1e300, -1e300, 710.0, -746.0, 37.0, 1.0]


def expression_of(row: Operation) -> Apply:
    return Apply(row, tuple(map(Argument, range(row.arity or 1))))


def outcome(compute: Any, numbers: tuple[float, ...]) -> str:
    try:
        return repr(compute(*numbers))
    except DomainError:
        return "nan"  # which eager refuses, where no operand is one


@pytest.mark.parametrize("row", LOWERED, ids=repr)
def test_a_formula_gives_the_bits_of_forward(row: Operation) -> None:
    """On floats, where its rows are called one by one; last digits may differ where forward is another."""
    assert row.lowered is not None
    is_forward = getattr(row.forward, "__code__", None) is row.lowered.__code__
    draw = random.Random(row.name)
    points = [tuple(draw.uniform(*interval) for interval in row.domain.sample) for _ in range(50)]
    for numbers in [*points, *product(STRANGE, repeat=row.arity or 1)]:
        found, expected = outcome(row.lowered, numbers), outcome(lambda *x: row.evaluate(x), numbers)
        is_near = math.isclose(float(found), float(expected), rel_tol=1e-12, abs_tol=1e-307)
        assert found == expected or (is_near and not is_forward), numbers


@pytest.mark.parametrize("primitives", [NUMPY, JAX], ids=["numpy", "jax"])
@pytest.mark.parametrize("row", LOWERED, ids=repr)
def test_nothing_is_left_to_lower(row: Operation, primitives: Any) -> None:
    left = set(operations_of(lowered(expression_of(row), primitives))) - set(primitives)
    assert all(operation.lowered is None for operation in left)


def test_every_row_is_a_primitive_or_lowered_or_evaluated_by_its_own_forward() -> None:
    alone = {row.name for row in ops.TABLE.values() if row.arity and row not in NUMPY and not row.lowered}
    assert alone == {"erf", "erfc", "lgamma", "digamma", "polygamma"}


def test_a_name_means_nothing() -> None:
    """A row with the name of another, or of a selection, is computed by its own forward."""
    for known in (ops.exp, ops.silu, *(s for s in SELECTIONS if s.arity == 1)):
        namesake = Operation(
            known.name, 1, lambda x: x + 1.0, lambda _out, _x: (1.0,), "x + 1", ops.exp.domain
        )
        assert lowered(expression_of(namesake), NUMPY) == expression_of(namesake)
        out = np.zeros(2)
        function_of(namesake)(np.array([1.0, 2.0]), out=out)
        assert out.tolist() == [2.0, 3.0]


def test_choices_are_lowered_too() -> None:
    x = Argument(0)
    found = lowered(Apply(ops.where, (Apply(ops.softsign, (x,)), Apply(ops.softsign, (x,)), None)), NUMPY)
    assert repr(found) == "where(x0 / (1.0 + abs(x0)), x0 / (1.0 + abs(x0)), no path)"


def test_outside_its_domain_a_row_of_its_own_reports_what_numpy_reports() -> None:
    def forward(x: float) -> float:
        if x < 0.0:
            raise ValueError
        return 2.0 * x

    row = Operation("own", 1, forward, lambda _out, _x: (2.0,), "2x", ops.sqrt.domain)
    out = np.zeros(2)
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        function_of(row)(np.array([4.0, -1.0]), out=out)
    with np.errstate(invalid="ignore"):
        function_of(row)(np.array([4.0, -1.0]), out=out)
    assert out[0] == 8.0
    assert math.isnan(out[1])
