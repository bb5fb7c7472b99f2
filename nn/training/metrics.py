"""How good predictions are, in plain numbers: truths first, predictions second, as scikit-learn has it.

>>> accuracy([0, 1, 1], [0, 1, 0])
0.6666666666666666
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from nn.names import look_up

__all__ = [
    "METRICS",
    "accuracy",
    "area_under_curve",
    "confusion_matrix",
    "f1",
    "mean_absolute_error",
    "mean_squared_error",
    "metric_function",
    "precision",
    "r2",
    "recall",
    "roc_area",
    "roc_curve",
]

Labels = Sequence[Any]
Numbers = Sequence[float]


def accuracy(truths: Labels, predictions: Labels) -> float:
    """The share of predictions that are right."""
    pairs = _pairs("accuracy", truths, predictions)
    return sum(bool(truth == prediction) for truth, prediction in pairs) / len(pairs)


def confusion_matrix(truths: Labels, predictions: Labels, classes: Labels | None = None) -> list[list[int]]:
    """How often each true class (row) was given each class (column), in the order of `classes`.

    `classes` is, unless given, everything that occurs, sorted.

    >>> confusion_matrix([0, 1, 1], [0, 1, 0])
    [[1, 0], [1, 1]]
    """
    pairs = _pairs("confusion_matrix", truths, predictions)
    known = list(classes) if classes is not None else sorted({label for pair in pairs for label in pair})
    place = {label: index for index, label in enumerate(known)}
    counts = [[0] * len(known) for _ in known]
    for truth, prediction in pairs:
        if truth in place and prediction in place:
            counts[place[truth]][place[prediction]] += 1
    return counts


def precision(truths: Labels, predictions: Labels, positive: Any = None) -> float:
    """Of all that were called positive, the share that is: 0 where none was.

    With `positive=None` the positive class is 1 for two classes, and for more the mean over the classes
    is taken (scikit-learn's macro average). The same goes for `recall` and `f1`.

    >>> precision([0, 1, 1], [0, 1, 0])
    1.0
    """
    return _over_classes(
        "precision", truths, predictions, positive, lambda hit, called, _: _ratio(hit, called)
    )


def recall(truths: Labels, predictions: Labels, positive: Any = None) -> float:
    """Of all that are positive, the share that was called so: 0 where none is.

    >>> recall([0, 1, 1], [0, 1, 0])
    0.5
    """
    return _over_classes("recall", truths, predictions, positive, lambda hit, _, true: _ratio(hit, true))


def f1(truths: Labels, predictions: Labels, positive: Any = None) -> float:
    """The harmonic mean of precision and recall.

    >>> f1([0, 1, 1], [0, 1, 0])
    0.6666666666666666
    """
    return _over_classes(
        "f1", truths, predictions, positive, lambda hit, called, true: _ratio(2 * hit, called + true)
    )


def roc_curve(truths: Labels, scores: Numbers) -> tuple[list[float], list[float], list[float]]:
    """(false positive rates, true positive rates, thresholds), from no positives to all; truths are 0 and 1.

    The first threshold is infinite: nothing is called positive there.

    >>> roc_curve([0, 1], [0.2, 0.8])
    ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [inf, 0.8, 0.2])
    """
    pairs = sorted(_pairs("roc_curve", truths, scores), key=lambda pair: -pair[1])
    positives = sum(truth == 1 for truth, _ in pairs)
    negatives = len(pairs) - positives
    if not positives or not negatives:
        raise ValueError(
            f"a ROC needs truths of both kinds, 0 and 1; got {positives} ones among {len(pairs)}"
        )
    false_rates, true_rates, thresholds = [0.0], [0.0], [math.inf]
    hits = misses = 0
    for place, (truth, score) in enumerate(pairs):
        hits, misses = hits + (truth == 1), misses + (truth != 1)
        if place + 1 == len(pairs) or pairs[place + 1][1] != score:
            false_rates.append(misses / negatives)
            true_rates.append(hits / positives)
            thresholds.append(float(score))
    return false_rates, true_rates, thresholds


def area_under_curve(x: Numbers, y: Numbers) -> float:
    """The area between a curve through the points and the x axis, by trapezoids; x must not fall.

    >>> area_under_curve([0.0, 1.0], [0.0, 1.0])
    0.5
    """
    points = _pairs("area_under_curve", x, y)
    strips = pairwise(points)
    return math.fsum((right - left) * (low + high) / 2.0 for (left, low), (right, high) in strips)


def roc_area(truths: Labels, scores: Numbers) -> float:
    """The area under the ROC: how likely a positive scores above a negative; 0.5 is chance.

    >>> roc_area([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    false_rates, true_rates, _ = roc_curve(truths, scores)
    return area_under_curve(false_rates, true_rates)


def r2(truths: Numbers, predictions: Numbers) -> float:
    """R²: the share of the truths' variance that the predictions explain; 1 is perfect, 0 is the mean's.

    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    pairs = _pairs("r2", truths, predictions)
    center = math.fsum(truth for truth, _ in pairs) / len(pairs)
    left = math.fsum((truth - prediction) ** 2 for truth, prediction in pairs)
    whole = math.fsum((truth - center) ** 2 for truth, _ in pairs)
    if whole == 0.0:
        return 1.0 if left == 0.0 else 0.0
    return 1.0 - left / whole


def mean_squared_error(truths: Numbers, predictions: Numbers) -> float:
    """The mean of (truth − prediction)²."""
    pairs = _pairs("mean_squared_error", truths, predictions)
    return math.fsum((truth - prediction) ** 2 for truth, prediction in pairs) / len(pairs)


def mean_absolute_error(truths: Numbers, predictions: Numbers) -> float:
    """The mean of |truth − prediction|."""
    pairs = _pairs("mean_absolute_error", truths, predictions)
    return math.fsum(abs(truth - prediction) for truth, prediction in pairs) / len(pairs)


METRICS = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "roc_area": roc_area,
    "r2": r2,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
}

OF_NUMBERS = (roc_area, r2, mean_squared_error, mean_absolute_error)  # not of answers
_OF_NAMES = ("accuracy", "confusion_matrix", "precision", "recall", "f1")  # too


ELSEWHERE = {  # what other libraries call them
    "acc": "'accuracy'",
    "mse": "'mean_squared_error'",
    "mae": "'mean_absolute_error'",
    "auc": "'roc_area'",
    "roc_auc": "'roc_area'",
    "f_score": "'f1'",
}


def metric_function(metric: Any) -> Any:
    """The metric with this name, or the function itself; ValueError with the known names otherwise."""
    return look_up("metric", metric, METRICS, ELSEWHERE)


def _pairs(name: str, truths: Any, predictions: Any) -> list[tuple[Any, Any]]:
    first, second = (_one_each(name, what) for what in (truths, predictions))
    if len(first) != len(second) or not first:
        raise ValueError(
            f"{name} needs as many predictions as truths, and at least one: "
            f"got {len(first)} truths, {len(second)} predictions"
        )
    names = [member for member in (*first, *second) if isinstance(member, str)]
    if names and (name not in _OF_NAMES or len(names) < 2 * len(first)):
        number = next((member for member in (*first, *second) if not isinstance(member, str)), "none")
        raise TypeError(f"{name} compares numbers, or names with names; got {names[0]!r}, and {number!r}")
    return list(zip(first, second, strict=True))


def _one_each(name: str, members: Any) -> list[Any]:
    """The truths or predictions, one for each sample; rows of one number, as `predict` gives them, are it."""
    members = members.to_numpy() if hasattr(members, "to_numpy") else members
    members = members.tolist() if hasattr(members, "tolist") else members
    if isinstance(members, str | bytes | dict) or not hasattr(members, "__iter__"):
        raise TypeError(f"{name} takes lists or arrays of truths and predictions, got {members!r:.40}")
    found = [member.tolist() if hasattr(member, "tolist") else member for member in members]
    found = [each[0] if isinstance(each, list | tuple) and len(each) == 1 else each for each in found]
    for place, member in enumerate(found):
        if member is None or isinstance(member, list | tuple):
            mend = "leave out what is missing" if member is None else "choose one, the largest say"
            raise TypeError(
                f"{name} takes one answer for each sample, and [{place}] is {member!r:.40}; {mend}"
            )
    return found


def _over_classes(name: str, truths: Labels, predictions: Labels, positive: Any, score: Any) -> float:
    """The score from (hits, called positive, truly positive) of one class, or its mean over the classes."""
    pairs = _pairs(name, truths, predictions)
    classes = sorted({label for pair in pairs for label in pair})
    if positive is None and all(label in (0, 1) for label in classes):
        positive = 1
    chosen = classes if positive is None else [positive]
    scores = []
    for label in chosen:
        hit = sum(truth == label == prediction for truth, prediction in pairs)
        called = sum(prediction == label for _, prediction in pairs)
        true = sum(truth == label for truth, _ in pairs)
        scores.append(score(hit, called, true))
    return math.fsum(scores) / len(scores)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
