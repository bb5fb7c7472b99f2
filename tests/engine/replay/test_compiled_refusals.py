"""What a compiled function refuses, in words, and what it only warns of."""

from __future__ import annotations

import copy
import pickle
import random
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from test_compiled import values

from engine.errors import ReplayError
from engine.replay.compiled import compile  # noqa: A004
from engine.replay.samples import Given, batches
from engine.value import Value


def test_what_recording_cannot_see_is_found_by_running_eager_beside_it() -> None:
    w = values(2.0)
    generator = random.Random(0)
    with pytest.raises(ReplayError, match="randomness"):
        compile(lambda x: x * w[0] * generator.random(), w)([1.0, 2.0])
    counter = iter(range(100))
    with pytest.raises(ReplayError, match="counter"):
        compile(lambda x: x * w[0] + float(next(counter)), w)([1.0])


def test_unused_parameters_have_gradient_zero_and_a_warning() -> None:
    w = values(2.0, 3.0)
    p = compile(lambda x: x * w[0], w)
    with pytest.warns(UserWarning, match=r"does not use w\[1\]"):
        assert p.value_and_gradients([2.0, 3.0], [4.0])[1].tolist() == [4.0, 0.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p([4.0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0], [1.0, 2.0]), "different numbers of samples"),
        (([], []), "no samples"),
        ((1.0, [1.0]), "one entry per sample"),
        ((np.array(1.0), [1.0]), "single number"),
        ((["a"], [1.0]), "not numbers"),
        (([True], [1.0]), "astype"),
        (([[1.0, None]], [1.0]), "NoneType"),
        (([[1.0, "a"], [1.0]], [1.0, 1.0]), "str"),
        (([1j], [1.0]), "complex"),
        (([Value(1.0)], [1.0]), "Value"),
    ],
)
def test_bad_data_is_refused_in_words(arguments: tuple[Any, Any], words: str) -> None:
    w = values(2.0)
    p = compile(lambda x, y: x * w[0] - y, w)
    with pytest.raises(ReplayError, match=words):
        p(*arguments)


def test_bad_parameters_weights_and_executors_are_refused_in_words() -> None:
    w = values(2.0)
    with pytest.raises(ReplayError, match="list each once"):
        compile(lambda x: x, [w[0], w[0]])
    with pytest.raises(ReplayError, match="computed node"):
        compile(lambda x: x, [w[0] * 2.0])
    with pytest.raises(ReplayError, match="must be a Value"):
        compile(lambda x: x, [2.0])
    with pytest.raises(ReplayError, match="needs the parameters"):
        compile(lambda x: x)
    with pytest.raises(ReplayError, match=r"needs a function of a sample; got int \(3\)"):
        compile(3, w)  # type: ignore[call-overload]
    with pytest.raises(ReplayError, match="choose 'auto'"):
        compile(lambda x: x, w, executor="abacus")
    p = compile(lambda x: x * w[0], w)
    with pytest.raises(ReplayError, match="shape"):
        p.value_and_gradients([1.0, 2.0], [1.0])
    for weights in (
        "ab",
        [1j],
        {"w": 1.0},
        np.array(["x"], dtype=object),
        None,
        [None],
        [10**400],
        [[1.0], [1.0, 2.0]],
    ):
        with pytest.raises(ReplayError, match="weights are numbers, one for each parameter; got"):
            p.value_and_gradients(weights, [1.0])
    with pytest.raises(TypeError):
        p([1.0], [2.0])


def test_whatever_is_a_number_is_a_weight() -> None:
    w = values(2.0, 1.0)
    p = compile(lambda x: x * w[0] + w[1], w)
    for weights in (w, [Fraction(2), 1], [Decimal(2), np.int8(1)], np.array([2.0, 1.0], object), [2, True]):
        assert p.value_and_gradients(weights, [3.0])[0].tolist() == [7.0]
    assert p.value_and_gradients([2**64, 1], [0.0])[0].tolist() == [1.0]


def test_data_behaves_as_numbers_do_also_when_eager_runs_beside() -> None:
    w = values(2.0, 3.0)

    def f(x: Any, label: Any) -> Any:
        shifted = x * w[0] if label == 1 else x * w[1]
        return shifted if label in (0, 1) else shifted * 2.0

    assert compile(f, w)([1.0, 1.0, 1.0, 1.0], [0, 1, 2, 1]).tolist() == [3.0, 2.0, 6.0, 2.0]
    given = batches([[1.0], [2]])[0].sample(0, Given)
    assert [10, 20, 30][given[1]] == 30
    assert given[1] == 2
    with pytest.raises(TypeError, match="no whole number"):
        [10, 20][batches([[0.5]])[0].sample(0, Given)[0]]


def test_results_of_different_form_are_refused() -> None:
    w = values(2.0)
    p = compile(lambda x: [x * w[0]] if x > 0 else [x, w[0]], w)
    with pytest.raises(ReplayError, match="for others"):
        p([1.0, -1.0])


def test_modules_bring_their_parameters() -> None:
    class Line:
        def __init__(self) -> None:
            self.weight = Value(2.0)

        def parameters(self) -> list[Value]:
            return [self.weight]

        def __call__(self, x: Any) -> Any:
            return x * self.weight

    assert compile(Line())([3.0]).tolist() == [6.0]
    line = Line()
    assert compile(lambda x: line(x) ** 2, line)([3.0]).tolist() == [36.0]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_is_neither_copied_nor_pickled(copied: Callable[[Any], Any]) -> None:
    w = values(2.0)
    p = compile(lambda x: x * w[0], w)
    p([1.0])
    with pytest.raises(TypeError, match="<lambda> is compiled, and neither copied nor pickled; compile its"):
        copied(p)


@pytest.mark.parametrize("result", ["x", "3", None, {}], ids=repr)
def test_a_result_that_is_no_number_is_refused_also_where_only_values_have_what_was_asked(
    result: Any,
) -> None:
    w = values(2.0)

    def labeled(x: Any) -> Any:
        assert x.label == ""
        return result

    with pytest.raises(
        ReplayError, match=f"labeled returned {type(result).__name__}.*; return a Value, or a"
    ):
        compile(labeled, w)([1.0])
