"""Metrics against scikit-learn, on random labels and scores."""

import random
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn import metrics

SEEDS = st.integers(0, 10**6)
reference = pytest.importorskip("sklearn.metrics")


def labels(seed: int, classes: int, count: int = 40) -> tuple[list[int], list[int]]:
    rng = random.Random(seed)
    truths = [place % classes for place in range(count)]
    return truths, [t if rng.random() < 0.6 else rng.randrange(classes) for t in truths]


@given(SEEDS, st.integers(2, 5))
def test_answers_are_scored_as_scikit_learn_does(seed: int, classes: int) -> None:
    truths, answers = labels(seed, classes)
    average = "binary" if classes == 2 else "macro"
    assert metrics.accuracy(truths, answers) == pytest.approx(reference.accuracy_score(truths, answers))
    assert metrics.confusion_matrix(truths, answers) == reference.confusion_matrix(truths, answers).tolist()
    for ours, theirs in (
        (metrics.precision, reference.precision_score),
        (metrics.recall, reference.recall_score),
        (metrics.f1, reference.f1_score),
    ):
        expected = theirs(truths, answers, average=average, zero_division=0)
        assert ours(truths, answers) == pytest.approx(expected, abs=1e-12)


@given(SEEDS)
def test_scores_make_the_same_curve(seed: int) -> None:
    rng = random.Random(seed)
    truths = [0, 1, *(rng.randrange(2) for _ in range(30))]
    scores = [round(rng.random() + 0.3 * t, 1) for t in truths]  # with ties
    false_rates, true_rates, thresholds = metrics.roc_curve(truths, scores)
    theirs = reference.roc_curve(truths, scores, drop_intermediate=False)
    for ours, expected in zip((false_rates, true_rates, thresholds), theirs, strict=True):
        assert ours == pytest.approx(expected.tolist())
    assert metrics.roc_area(truths, scores) == pytest.approx(reference.roc_auc_score(truths, scores))


@given(SEEDS)
def test_numbers_are_scored_as_scikit_learn_does(seed: int) -> None:
    rng = random.Random(seed)
    truths = [rng.gauss(3.0, 2.0) for _ in range(20)]
    numbers = [t + rng.gauss(0.0, 1.0) for t in truths]
    assert metrics.r2(truths, numbers) == pytest.approx(reference.r2_score(truths, numbers))
    squared = reference.mean_squared_error(truths, numbers)
    assert metrics.mean_squared_error(truths, numbers) == pytest.approx(squared)
    absolute = reference.mean_absolute_error(truths, numbers)
    assert metrics.mean_absolute_error(truths, numbers) == pytest.approx(absolute)


def test_nothing_called_positive_counts_as_zero() -> None:
    assert metrics.precision([0, 1], [0, 0]) == 0.0
    assert metrics.f1([0, 0], [0, 0]) == 0.0


def test_r2_of_truths_that_are_all_the_same() -> None:
    assert (metrics.r2([1.0, 1.0], [1.0, 1.0]), metrics.r2([1.0, 1.0], [1.0, 2.0])) == (1.0, 0.0)


def test_arrays_are_accepted() -> None:
    numpy = pytest.importorskip("numpy")
    assert metrics.accuracy(numpy.array([0, 1]), numpy.array([0, 0])) == 0.5


@pytest.mark.parametrize(("truths", "answers"), [([], []), ([0, 1], [0])])
def test_lengths_are_checked(truths: list[int], answers: list[int]) -> None:
    for metric in (*metrics.METRICS.values(), metrics.confusion_matrix):
        function: Any = metric
        with pytest.raises(ValueError, match="as many predictions as truths"):
            function(truths, answers)


def test_a_roc_needs_both_kinds() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        metrics.roc_area([1, 1], [0.5, 0.6])


@pytest.mark.parametrize(
    "form",
    [
        lambda labels: [[label] for label in labels],  # as `predict` gives them
        lambda labels: np.array(labels)[:, None],
        lambda labels: np.array(labels) > 0,
        lambda labels: [np.bool_(label) for label in labels],
        lambda labels: np.array(labels, dtype=">f2"),
        iter,
    ],
)
@pytest.mark.parametrize("metric", metrics.METRICS.values())
def test_whatever_holds_the_answers_the_score_is_the_same(metric: Any, form: Any) -> None:
    truths, answers = [0, 1, 1, 0], [0, 1, 0, 0]
    assert metric(form(truths), form(answers)) == metric(truths, answers)


@pytest.mark.parametrize(
    ("predictions", "words"),
    [
        (["a", "b"], "names with names; got 'a', and 0"),
        (np.ma.array([0, 1], mask=[False, True]), "[1] is None; leave out"),
        ([[0.1, 0.9], [0.8, 0.2]], "[0] is [0.1, 0.9]; choose one"),
        ("01", "lists or arrays"),
        (None, "lists or arrays"),
        (np.array(1.0), "lists or arrays"),
    ],
)
@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.f1, metrics.r2, metrics.roc_curve])
def test_what_cannot_be_compared_is_refused(metric: Any, predictions: Any, words: str) -> None:
    with pytest.raises(TypeError, match=re.escape(words)):
        metric([0, 1], predictions)
