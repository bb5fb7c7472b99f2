"""Gathered sums for one sample: whichever way their terms are taken, the sums are NumPy's."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the LLVM executor needs llvmlite (extra `fast`)")

from test_llvm import run

from engine.replay.backends.llvm.kernels.across import BROADCAST, GATHER, RUN, Across
from engine.replay.backends.llvm.kernels.along import Along
from engine.replay.backends.llvm.kernels.neighbors import _Members
from engine.replay.backends.llvm.machine import Machine
from engine.replay.backends.numpy.executor import NumpyExecutor
from engine.replay.program.program import Elementwise, Instruction, Program, Rows, Space, SumOfProducts

Terms = list[list[tuple[int, int]]]  # of each member, the rows of both factors
HEADS, SIZE = 2, 3


def triangle(length: int) -> dict[tuple[int, int, int], int]:
    """Rows for a number of each head and each pair of a position and one that it looks at."""
    pairs = [(h, s, t) for s in range(length) for h in range(HEADS) for t in range(s, length)]
    return {pair: row for row, pair in enumerate(pairs)}


def scores(length: int) -> Terms:
    """Of each pair, queries × keys: across positions, in stretches as long as the triangle."""
    own, other = 0, HEADS * SIZE * length
    return [
        [(own + (h * SIZE + d) * length + t, other + (h * SIZE + d) * length + s) for d in range(SIZE)]
        for h, s, t in triangle(length)
    ]


def queries(length: int) -> Terms:
    """Of each position, its pairs × keys: some members have fewer terms than their neighbors."""
    rows, keys = triangle(length), len(triangle(length))
    return [
        [(rows[h, s, t], keys + (h * SIZE + d) * length + s) for s in range(t + 1)]
        for h in range(HEADS)
        for d in range(SIZE)
        for t in range(length)
    ]


def keys(length: int) -> Terms:
    """Of each position, the pairs that look at it × queries: along the terms."""
    rows, queries = triangle(length), len(triangle(length))
    return [
        [(rows[h, s, t], queries + (h * SIZE + d) * length + t) for t in range(s, length)]
        for h in range(HEADS)
        for d in range(SIZE)
        for s in range(length)
    ]


def anywhere(length: int) -> Terms:
    """Members with terms that follow no rule."""
    draw = random.Random(length)
    return [
        [(draw.randrange(50), draw.randrange(50)) for _ in range(draw.randint(1, 6))] for _ in range(length)
    ]


SHAPES = {"scores": scores, "queries": queries, "keys": keys, "anywhere": anywhere}


def instruction(
    terms: Terms, outs: Sequence[int], *, pairs: bool, coefficients: int, accumulate: bool
) -> SumOfProducts:
    ends = np.cumsum([len(each) for each in terms]).tolist()
    left = [row for each in terms for row, _ in each]
    right = [row for each in terms for _, row in each]
    numbers = tuple([0.5 + 0.25 * (k % coefficients) for k in range(len(left))]) if coefficients else ()
    return SumOfProducts(
        Rows.of(Space.VALUE, outs),
        tuple(ends),
        Rows.of(Space.VALUE, left),
        Rows.of(Space.VALUE, right) if pairs else None,
        numbers,
        accumulate,
    )


def program(instructions: Sequence[Instruction], inputs: int, outs: Sequence[int]) -> Program:
    """The instructions, after all rows of the results were filled: they are what is returned."""
    results = Rows(Space.VALUE, range(inputs, max(outs) + 1))
    sizes = dict.fromkeys(Space, 0)
    sizes[Space.VALUE] = max(outs) + 1
    return Program(
        "sums",
        tuple(range(inputs)),
        results,
        (),
        sizes,
        0,
        (),
        (Elementwise(results, 1.0, ()), *instructions),
    )


def made(shape: str, length: int, *, pairs: bool, coefficients: int, twice: bool, spread: bool) -> Program:
    terms = SHAPES[shape](length)
    inputs = 1 + max(max(pair) for each in terms for pair in each)
    outs = [inputs + number + (number // 5 if spread else 0) for number in range(len(terms))]
    parts = [
        instruction(terms, outs, pairs=pairs, coefficients=coefficients, accumulate=again)
        for again in (False, True)[: 1 + twice]
    ]
    return program(parts, inputs, outs)


def outputs(machine: Machine, weights: Any, arrays: Sequence[Any]) -> Any:
    return run(machine, "outputs", weights, arrays)[0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("length", [1, 3, 8, 17])
def test_sums_are_those_of_numpy_and_no_address_is_wrong(shape: str, length: int) -> None:
    for pairs, coefficients, twice, spread in (
        (True, 0, False, False),
        (False, 0, True, False),
        (True, 3, True, True),
        (True, 1, False, True),
        (False, 2, False, False),
    ):
        whole = made(shape, length, pairs=pairs, coefficients=coefficients, twice=twice, spread=spread)
        draw = np.random.default_rng(length)
        for lanes, count in ((1, 1), (8, 3), (16, 33)):
            arrays = [draw.normal(size=(count, len(whole.inputs)))]
            expected = NumpyExecutor(whole, (len(whole.inputs),)).outputs(np.empty(0), arrays, count)
            machine = Machine(whole, (len(whole.inputs),), lanes, checked=True)
            for _ in range(2):
                found = outputs(machine, np.empty(0), arrays)
                assert np.abs(found - expected).max() <= 1e-14 * max(1.0, np.abs(expected).max())


def pieces(terms: Terms) -> tuple[list[Across], list[Along]]:
    factors = [[[pair[side] for pair in each] for each in terms] for side in (0, 1)]
    return _Members(range(len(terms)), factors, 8).pieces()


def test_the_three_ways_are_taken_where_they_are_the_cheapest() -> None:
    for terms in (scores(16), queries(16)):
        across, along = pieces(terms)
        assert sum(piece.live for piece in across if piece.kinds == (RUN, BROADCAST)) >= 0.8 * len(terms)
        assert not along
    across, along = pieces(keys(16))
    assert sum(piece.live for piece in along) >= HEADS * SIZE * 14
    across, along = pieces(anywhere(64))
    assert GATHER in {kind for piece in across for kind in piece.kinds}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("length", [5, 16])
def test_a_wrong_address_in_a_table_is_seen_when_running(shape: str, length: int) -> None:
    whole = made(shape, length, pairs=True, coefficients=0, twice=False, spread=False)
    fill, sums = whole.forward
    assert isinstance(sums, SumOfProducts)
    assert sums.right
    of_weights = replace(
        sums, left=Rows(Space.WEIGHT, sums.left.places), right=Rows(Space.WEIGHT, sums.right.places)
    )
    for missing in (0, 1):
        sizes = {**whole.sizes, Space.WEIGHT: len(whole.inputs) - missing}
        wrong = replace(whole, forward=(fill, of_weights), sizes=sizes)
        machine = Machine(wrong, (len(whole.inputs),), 1, checked=True)
        with pytest.raises(AssertionError, match="outside") if missing else nullcontext():
            outputs(machine, np.ones(sizes[Space.WEIGHT]), [np.ones((1, len(whole.inputs)))])
