"""Scaling: the numbers of scikit-learn, and nothing made out of rounding."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from nn import data
from nn.data.rows import Rows


def test_a_scaler_gives_what_scikit_learn_gives() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    rng = random.Random(0)
    for make in (
        lambda k: rng.gauss(5.0, 2.0),
        lambda k: 0.1,
        lambda k: 1e9 + rng.random(),
        lambda k: 0.1 + 1e-18 * k,
        lambda k: 1e-200 * k,
        lambda k: float(k == 3),
    ):
        rows = [[make(k), float(k)] for k in range(41)]
        ours = data.Scaler().fit(rows).transform(rows)
        theirs = preprocessing.StandardScaler().fit_transform(rows)
        spread = max(1.0, max(abs(row[0]) for row in rows) * 1e-4)  # theirs rounds the mean of large numbers
        for row, other in zip(ours, theirs.tolist(), strict=True):
            assert row == pytest.approx(other, rel=1e-12, abs=1e-12 * spread)


def test_a_scaler_with_weights_is_one_of_repeated_samples() -> None:
    rng = random.Random(1)
    rows = [[rng.gauss(3.0, 2.0), rng.random()] for _ in range(20)]
    counts = [rng.randrange(1, 4) for _ in rows]
    repeated = [row for row, count in zip(rows, counts, strict=True) for _ in range(count)]
    weighted, plain = data.Scaler().fit(rows, sample_weight=counts), data.Scaler().fit(repeated)
    assert weighted.means == pytest.approx(plain.means, rel=1e-14)
    assert weighted.scales == pytest.approx(plain.scales, rel=1e-14)


@pytest.mark.parametrize("count", [2, 3, 6, 12, 41, 1000])
@pytest.mark.parametrize("number", [0.1, 1e300, -1e-300, 0.0, 1 / 3])
def test_a_column_that_is_the_same_everywhere_becomes_0(count: int, number: float) -> None:
    train = data.Dataset("train", [[number, float(k)] for k in range(count)], [0] * count)
    (scaled,) = data.standardize(train)
    assert {row[0] for row in scaled.inputs} == {0.0}


@pytest.mark.parametrize(
    ("means", "scales"),
    [([1.0], []), ([math.nan], [1.0]), ([0.0], [0.0]), ([0.0], [-1.0]), ([0.0], [math.inf])],
)
def test_a_scaler_that_cannot_be_is_refused(means: list[float], scales: list[float]) -> None:
    with pytest.raises(ValueError, match="scaler"):
        data.Scaler(means, scales)


def test_rows_of_another_width_and_no_fit_are_told() -> None:
    with pytest.raises(ValueError, match="not fitted"):
        data.Scaler().transform([[1.0]])
    with pytest.raises(ValueError, match=r"fitted on 1 columns; the rows have 2 numbers"):
        data.Scaler().fit([[1.0], [2.0]]).transform([[1.0, 2.0]])
    with pytest.raises(ValueError, match="overflow"):
        data.Scaler().fit([[1e300], [-1e300]])


def test_rows_read_as_the_lists_that_they_are(tmp_path: Any) -> None:
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,3\n4,5,6\n7,8,9\n")
    found = data.from_csv(tmp_path / "t.csv")
    rows, plain = found.inputs, [[1.0, 2.0], [4.0, 5.0], [7.0, 8.0]]
    assert isinstance(rows, Rows)
    assert rows == plain
    assert plain == rows
    assert rows != plain[:2]
    assert rows != "rows"
    assert rows[-1] == [7.0, 8.0]
    assert rows[1:] == plain[1:]
    assert rows[::-1] == plain[::-1]
    assert list(rows) == plain
    assert rows + plain == [*rows, *plain]
    assert repr(rows) == "Rows([[1.0, 2.0], [4.0, 5.0], [7.0, 8.0]])"
    with pytest.raises(IndexError):
        rows[3]
    scaler = data.Scaler().fit(found)
    assert scaler == data.Scaler().fit(plain)
    assert isinstance(scaler.transform(found).inputs, Rows)
    assert scaler.transform(found).inputs == scaler.transform(plain)
    train, test = found.split(0.34, seed=0)
    assert sorted([*train.inputs, *test.inputs]) == plain


def test_rows_are_a_numpy_array_without_a_copy(tmp_path: Any) -> None:
    numpy = pytest.importorskip("numpy")
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,3\n4,5,6\n")
    rows = data.from_csv(tmp_path / "t.csv").inputs
    shared = numpy.asarray(rows)
    assert shared.tolist() == [[1.0, 2.0], [4.0, 5.0]]
    assert not shared.flags.writeable
    assert numpy.array(rows, dtype="float32").dtype == "float32"
    assert numpy.array(rows).flags.writeable
