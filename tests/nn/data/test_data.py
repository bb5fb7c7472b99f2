import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nn import data
from nn.data.files import from_csv
from nn.data.rows import Rows
from nn.data.scaling import standardize
from nn.data.tables import as_rows, as_targets

MADE = ["moons", "circles", "spirals", "blobs", "xor", "line", "sine", "circle"]


@pytest.mark.parametrize("name", MADE)
def test_made_up_data_follows_its_seed(name: str) -> None:
    make = getattr(data, name)
    one, again, other = make(40, seed=1, noise=0.1) if name != "blobs" else make(40, seed=1), None, None
    keywords: dict[str, Any] = {} if name == "blobs" else {"noise": 0.1}
    again, other = make(40, seed=1, **keywords), make(40, seed=2, **keywords)
    assert one == again
    assert one != other
    assert len(one) == 40
    if one.classes:
        assert set(one.targets) == set(range(len(one.classes)))
    with pytest.raises(ValueError, match="at least 1 sample"):
        make(0)


def test_made_up_data_lies_where_it_should() -> None:
    for (x, y), label in zip(*_columns(data.circles(50, noise=0.0)), strict=True):
        assert math.hypot(x, y) == pytest.approx(0.5 if label else 1.0)
    for (x, y), _ in zip(*_columns(data.circle(50, center=(1.0, 2.0), radius=3.0, noise=0.0)), strict=True):
        assert math.hypot(x - 1.0, y - 2.0) == pytest.approx(3.0)
    for (x,), y in zip(*_columns(data.sine(50, noise=0.0)), strict=True):
        assert y == pytest.approx(2.0 * math.sin(x) + 5.0)
    assert data.xor(4).targets == [0, 1, 1, 0]


def _columns(samples: data.Dataset) -> tuple[Sequence[list[float]], list[Any]]:
    return samples.inputs, samples.targets


@pytest.mark.parametrize(
    ("name", "samples", "inputs", "classes"),
    [
        ("iris", 150, 4, 3),
        ("wine", 178, 13, 3),
        ("breast_cancer", 569, 30, 2),
        ("digits", 1797, 64, 10),
        ("diabetes", 442, 10, 0),
    ],
)
def test_real_data(name: str, samples: int, inputs: int, classes: int) -> None:
    pytest.importorskip("sklearn")
    loaded = getattr(data, name)()
    assert (len(loaded), len(loaded.inputs[0]), len(loaded.classes)) == (samples, inputs, classes)
    assert len(loaded.features) == inputs
    assert type(loaded.inputs[0][0]) is float
    assert type(loaded.targets[0]) is (int if classes else float)


def test_a_split_keeps_the_shares_of_the_classes_and_every_sample() -> None:
    whole = data.blobs(90, seed=0)
    train, test = whole.split(test=0.3, seed=5)
    assert (len(train), len(test)) == (63, 27)
    assert [test.targets.count(label) for label in range(3)] == [9, 9, 9]
    assert sorted([*train.inputs, *test.inputs]) == sorted(whole.inputs)
    assert whole.split(test=0.3, seed=5) == (train, test)
    assert sorted(whole.split(test=0.3, seed=6)[1].inputs) != sorted(test.inputs)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 0.001])
def test_a_split_with_an_empty_part_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"share|too few"):
        data.moons(20).split(test=share)


def test_standardize_uses_the_first_sets_numbers_for_all() -> None:
    first = data.Dataset("a", [[1.0, 5.0], [3.0, 5.0]], [0, 1])
    second = data.Dataset("b", [[5.0, 6.0]], [0])
    one, two = standardize(first, second)
    assert one.inputs == [[-1.0, 0.0], [1.0, 0.0]]
    assert two.inputs == [[3.0, 1.0]]


def test_standardize_equals_scikit_learn() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    wine = data.wine()
    expected = preprocessing.StandardScaler().fit_transform(wine.inputs)
    (ours,) = standardize(wine)
    for row, theirs in zip(ours.inputs, expected.tolist(), strict=True):
        assert row == pytest.approx(theirs, abs=1e-12)


def test_arrays_and_frames_are_taken_as_they_are() -> None:
    numpy = pytest.importorskip("numpy")
    rows = [[1.0, 2.0], [3.0, 4.0]]
    assert as_rows(numpy.array(rows)) == rows
    assert as_rows([numpy.array([1.0, 2.0]), (3, 4)]) == rows
    assert as_rows(numpy.array([1, 2])) == [[1.0], [2.0]]
    assert as_targets(numpy.array([0, 1])) == [0, 1]
    assert type(as_targets([numpy.float64(0.5)])[0]) is float


def test_an_array_becomes_one_block_of_its_own() -> None:
    numpy = pytest.importorskip("numpy")
    given = numpy.asfortranarray([[1.0, 2.0], [3.0, 4.0]])
    rows, targets = as_rows(given), as_targets(given[:, 0] == 3.0)
    assert isinstance(rows, Rows)
    given[0, 0] = 5.0
    assert rows == [[1.0, 2.0], [3.0, 4.0]]
    assert targets == [0, 1]
    assert [type(target) for target in targets] == [int, int]
    assert as_rows(numpy.array([1e308, 1.7e308])) == [[1e308], [1.7e308]]  # their sum is infinite


def test_slips_in_arrays_are_told_in_the_words_of_lists() -> None:
    numpy = pytest.importorskip("numpy")
    table = numpy.array([[1.0, 2.0], [3.0, math.nan]], dtype="float32")
    for given, words in (
        (table, r"inputs\[1\]\[1\] is nan"),
        (numpy.ma.masked_invalid(table), r"inputs\[1\]\[1\] is no number"),
        (table[:, :0], "empty"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            as_rows(given)
    with pytest.raises(ValueError, match=r"targets\[1\]\[1\] is nan"):
        as_targets(table)


def test_frames_of_pandas_are_taken_as_they_are() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 3], "b": [2.0, 4.0], "y": [0, 1]})
    assert as_rows(frame[["a", "b"]]) == [[1.0, 2.0], [3.0, 4.0]]
    assert as_targets(frame["y"]) == [0, 1]


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        ([], ValueError, "empty"),
        ([[]], ValueError, "empty"),
        ([[1.0], [1.0, 2.0]], ValueError, r"inputs\[1\] has 2 numbers and inputs\[0\] has 1"),
        ([[1.0, math.nan]], ValueError, r"inputs\[0\]\[1\] is nan"),
        ([[math.inf]], ValueError, "must be finite"),
        ([[10**400, 1]], ValueError, "must be finite"),
        ([["a"]], TypeError, r"inputs\[0\]\[0\] is no number"),
        ([[None]], TypeError, "is no number"),
        ("text", TypeError, "got str"),
        (3.0, TypeError, "got float"),
        ({"a": 1}, TypeError, "got dict"),
    ],
)
def test_bad_tables_are_told(inputs: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        as_rows(inputs)


def test_csv_with_named_classes(tmp_path: Path) -> None:
    file = tmp_path / "flowers.csv"
    file.write_text("width,kind,height\n1,rose,2\n\n3,aster,4.5\n", encoding="utf-8")
    flowers = from_csv(file, target="kind")
    assert flowers.inputs == [[1.0, 2.0], [3.0, 4.5]]
    assert (flowers.targets, flowers.classes) == ([1, 0], ("aster", "rose"))
    assert flowers.features == ("width", "height")


def test_csv_with_numbers(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("size,price\n1,10.5\n2,20\n", encoding="utf-8")
    assert from_csv(file).targets == [10.5, 20.0]
    assert from_csv(file, classes=True).targets == [0, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n", "no samples"),
        ("a,b\n1\n", "line 2: 1 values for 2 columns"),
        ("a,b\nx,1\n", "line 2, column 'a': 'x' is no finite number"),
        ("a,b\nnan,1\n", "no finite number"),
    ],
)
def test_bad_csv_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        from_csv(file)


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "some.csv"
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"no column 'c'; it has a, b"):
        from_csv(file, target="c")
