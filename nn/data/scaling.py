"""Scaling: every input shifted and scaled to mean 0 and standard deviation 1 of the training samples.

>>> scaler = Scaler().fit([[1.0, 5.0], [3.0, 5.0]])
>>> scaler.transform([[1.0, 5.0], [5.0, 6.0]])
[[-1.0, 0.0], [3.0, 1.0]]
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, overload

from nn.data.rows import Rows
from nn.data.tables import Dataset, as_rows

__all__ = ["Scaler", "ensure_scaler", "standardize"]

Row = list[float]


class Scaler:
    """(input − mean) ÷ standard deviation, column by column, with the numbers that `fit` found.

    A column that is the same everywhere is only shifted, and so becomes 0; so is one whose spread is not
    more than the rounding of its numbers. Given to `nn.fit(…, scaler=Scaler())`, it is fitted on the training
    samples, is saved with the model, and the model takes raw rows from there on.
    """

    def __init__(self, means: Sequence[float] = (), scales: Sequence[float] = ()) -> None:
        self.means, self.scales = tuple(map(float, means)), tuple(map(float, scales))
        if len(self.means) != len(self.scales) or not all(map(math.isfinite, self.means + self.scales)):
            raise ValueError(f"a scaler needs as many finite means as scales, got {means!r} and {scales!r}")
        if not all(scale > 0.0 for scale in self.scales):
            raise ValueError(f"a scaler divides by its scales, which must be above 0; got {scales!r}")

    def fit(self, inputs: Any, *, sample_weight: Sequence[float] | None = None) -> Scaler:
        """Find the means and scales of a data set, or of rows, and return the scaler itself.

        With `sample_weight` a sample counts as often as its weight says.
        """
        rows = inputs.inputs if isinstance(inputs, Dataset) else as_rows(inputs)
        columns = rows.columns() if isinstance(rows, Rows) else list(zip(*rows, strict=True))
        try:
            found = [_mean_and_scale(column, sample_weight) for column in columns]
        except OverflowError:
            raise ValueError("numbers this large cannot be scaled: their squares overflow") from None
        self.means, self.scales = tuple(mean for mean, _ in found), tuple(scale for _, scale in found)
        return self

    def ready(self, inputs: Any, sample_weight: Sequence[float] | None = None) -> Scaler:
        """The scaler itself where it is fitted, else a new one that is fitted on these."""
        return self if self.means else Scaler().fit(inputs, sample_weight=sample_weight)

    @overload
    def transform(self, inputs: Dataset) -> Dataset: ...

    @overload
    def transform(self, inputs: Any) -> Sequence[Row]: ...

    def transform(self, inputs: Any) -> Any:
        """The same data set, or the same rows, scaled; ValueError unless fitted to as many columns."""
        if isinstance(inputs, Dataset):
            return replace(inputs, inputs=self.transform(inputs.inputs))
        rows = as_rows(inputs)
        if len(rows[0]) != len(self.means):
            known = (
                f"was fitted on {len(self.means)} columns" if self.means else "is not fitted yet: fit(train)"
            )
            raise ValueError(f"this scaler {known}; the rows have {len(rows[0])} numbers")
        pairs = list(zip(self.means, self.scales, strict=True))
        if isinstance(rows, Rows):
            columns = zip(rows.columns(), pairs, strict=True)
            return Rows.of_columns([_scaled(column, *pair) for column, pair in columns])
        return [[(x - mean) / scale for x, (mean, scale) in zip(row, pairs, strict=True)] for row in rows]

    def state(self) -> dict[str, list[float]]:
        """The means and scales, for a file."""
        return {"means": list(self.means), "scales": list(self.scales)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scaler) and self.state() == other.state()

    def __hash__(self) -> int:
        return hash((self.means, self.scales))

    def __repr__(self) -> str:
        return f"Scaler({f'fitted on {len(self.means)} columns' if self.means else ''})"


def ensure_scaler(given: Any) -> None:
    """Raise TypeError unless this is a scaler of ours."""
    if not isinstance(given, Scaler):
        raise TypeError(f"scaler must be a data.Scaler, got {given!r:.60}; write scaler=data.Scaler()")


def standardize(first: Dataset, *others: Dataset) -> tuple[Dataset, ...]:
    """All data sets with every input shifted and scaled to mean 0 and standard deviation 1 of the first.

    The first is the training set: what the others look like must not be known beforehand. An input that
    is the same everywhere becomes 0.

    >>> (scaled,) = standardize(Dataset("two", [[1.0], [3.0]], [0, 1]))
    >>> scaled.inputs
    [[-1.0], [1.0]]
    """
    scaler = Scaler().fit(first)
    return tuple(scaler.transform(each) for each in (first, *others))


def _scaled(column: array[float], mean: float, scale: float) -> array[float]:
    return array("d", [(x - mean) / scale for x in column])


def _mean_and_scale(column: Iterable[float], weights: Sequence[float] | None) -> tuple[float, float]:
    """The mean and the standard deviation, the latter 1 where it is nothing but rounding."""
    numbers = list(column)
    if min(numbers) == max(numbers):
        return numbers[0], 1.0
    shares = [1.0] * len(numbers) if weights is None else list(weights)
    count = math.fsum(shares)
    mean = math.fsum(x * share for x, share in zip(numbers, shares, strict=True)) / count
    variance = math.fsum(share * (x - mean) ** 2 for x, share in zip(numbers, shares, strict=True)) / count
    rounding = sys.float_info.epsilon * count  # the bound that scikit-learn uses
    if variance <= rounding * variance + (mean * rounding) ** 2:
        return mean, 1.0
    return mean, math.sqrt(variance)
