"""What stands in the columns of a file: numbers, categories, classes, what is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from small_tables import read

# ── What stands in it ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "entry", ["NA", "", "nan", "NaN", "?", "-", "N/A", "null", "None", ".", "#N/A", "<NA>"]
)
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_missing_is_told_with_line_and_column(tmp_path: Path, entry: str, place: int) -> None:
    row = ["3", "4"]
    row[place] = entry
    with pytest.raises(ValueError, match=f"line 3, column '{'xy'[place]}'.*missing"):
        read(tmp_path, f"x,y\n1,2.5\n{','.join(row)}\n5,3.5\n")


def test_what_is_missing_can_be_dropped_or_put_in(tmp_path: Path) -> None:
    text = "a,color,y\n1,red,1\n,red,2\n4,?,3\n4,blue,4\n"
    dropped = read(tmp_path, text, missing="drop")
    assert dropped.inputs == [[1.0, 0.0, 1.0], [4.0, 1.0, 0.0]]
    assert dropped.targets == [1.0, 4.0]
    mean = read(tmp_path, text, missing="mean")
    assert mean.inputs == [[1.0, 0.0, 1.0], [3.0, 0.0, 1.0], [4.0, 0.0, 1.0], [4.0, 1.0, 0.0]]
    assert [column.fill for column in mean.columns] == [3.0, "red"]
    assert read(tmp_path, text, missing="most frequent").inputs[1] == [4.0, 0.0, 1.0]


@pytest.mark.parametrize("way", ["mean", "most frequent"])
def test_a_truth_is_never_put_in(tmp_path: Path, way: str) -> None:
    text = "x,y\n1,2\n3,NA\n5,3\n"
    with pytest.raises(ValueError, match=r"line 3, column 'y'.*a truth is not put in"):
        read(tmp_path, text, missing=way)
    assert read(tmp_path, text, missing="drop").targets == [2.0, 3.0]


def test_nothing_that_is_left_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none is left"):
        read(tmp_path, "x,z,y\n1,,2\n,4,4\n", missing="drop")
    with pytest.raises(ValueError, match=r"column 'z'.*all are missing.*columns=\['x'\]"):
        read(tmp_path, "x,z,y\n1,,2\n3,,4\n", missing="mean")


def test_texts_become_an_input_for_each(tmp_path: Path) -> None:
    found = read(tmp_path, "color,on,y\nred,yes,3\nblue,no,4\nred,yes,5\nred,no,5\n")
    assert found.features == ("color=blue", "color=red", "on=no", "on=yes")
    assert found.inputs[:2] == [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]]


def test_numbers_are_categories_where_that_is_told(tmp_path: Path) -> None:
    text = "doors,y\n2,1\n10,2\n5more,3\n"
    with pytest.raises(ValueError, match=r"line 4, column 'doors': '5more'.*categories=\['doors'\]"):
        read(tmp_path, text)
    assert read(tmp_path, text, categories=["doors"]).features == ("doors=2", "doors=10", "doors=5more")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (["2024-01-31", "2024-02-29"], "a date"),
        (["31.01.2024", "1.2.2024"], "a date"),
        (["1/31/24", "2/29/24"], "a date"),
        (["31 Jan 2024", "1 February 2024"], "a date"),
        (["Mon, 5 Feb 2024 10:00", "Tue, 6 Feb 2024 11:00"], "a date"),
        (["2024-01-31T10:00:00Z", "2024-01-31 11:00"], "a date"),
        (["10:30", "11:45"], "a time"),
        (["1,5", "2,25"], "decimal=','"),
        (["1,234", "2,345"], "decimal=','"),
        (["45%", "50 %"], "plain number"),
        (["$4.50", "€3"], "plain number"),
        (["10 000", "20 000"], "plain number"),
        (["192.168.0.1", "192.168.0.2"], "plain number"),
        (["a17", "b22"], "another in every row"),
        (["inf", "3"], "no finite number"),
        (["1e400", "3"], "no finite number"),
        (["1_000", "3"], "no finite number"),
        (["٣", "4"], "no finite number"),
    ],
)
def test_what_is_neither_number_nor_category_is_refused_with_a_hint(
    tmp_path: Path, entries: list[str], words: str
) -> None:
    rows = "\n".join(f'"{entry}";{place};{place / 2}' for place, entry in enumerate(entries))
    with pytest.raises(ValueError, match=f"line 2, column 'a'.*{words}"):
        read(tmp_path, f"a;b;y\n{rows}\n")
    assert read(tmp_path, f"a;b;y\n{rows}\n", columns=["b"]).inputs == [[0.0], [1.0]]


def test_a_decimal_comma_can_be_told(tmp_path: Path) -> None:
    assert read(tmp_path, "a;b;y\n1,5;2;3,25\n2,5;3;4\n", decimal=",").inputs == [[1.5, 2.0], [2.5, 3.0]]
    with pytest.raises(ValueError, match=r"'1\.234,5' is no finite number"):
        read(tmp_path, "a;b;y\n1.234,5;2;3\n2,5;3;4\n", decimal=",")


@pytest.mark.parametrize("name", ["id", "Id", "customer_id", "PassengerId", "user id", "", "Unnamed: 0"])
def test_numbers_of_rows_are_refused_unless_asked_for(tmp_path: Path, name: str) -> None:
    text = f"{name},b,y\n1,2,3\n2,3,4\n3,3,5\n"
    with pytest.raises(ValueError, match=r"an id.*columns=\['b'\]"):
        read(tmp_path, text)
    assert read(tmp_path, text, columns=["b"]).features == ("b",)
    assert read(tmp_path, text, columns=[0, "b"]).features == (name, "b")


@pytest.mark.parametrize("name", ["paid", "fluid", "Madrid"])
def test_a_name_that_ends_like_an_id_is_none(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, f"{name},y\n1,2\n2,3\n").features == (name,)


def test_a_target_is_numbers_or_classes_and_never_a_bit_of_both(tmp_path: Path) -> None:
    text = "x,y\n1,2.5\n3,high\n5,3\n"
    with pytest.raises(ValueError, match=r"line 3, column 'y': 'high'.*classes=True"):
        read(tmp_path, text)
    assert read(tmp_path, text, classes=True).classes == ("2.5", "3", "high")
    with pytest.raises(ValueError, match="line 2, column 'y': 'a' is no finite number"):
        read(tmp_path, "x,y\n1,a\n3,b\n", classes=False)
    with pytest.raises(ValueError, match=r"line 2, column 'y'.*a date"):
        read(tmp_path, "x,y\n1,2020-01-01\n3,2020-01-02\n")
    with pytest.raises(ValueError, match="9 different truths in 9 rows"):
        read(tmp_path, "x,y\n" + "\n".join(f"{k},name {k}" for k in range(9)))
    with pytest.raises(ValueError, match="20 different truths in 30 rows"):
        read(tmp_path, "x,y\n" + "\n".join(f"{k},name {k % 20}" for k in range(30)))


@pytest.mark.parametrize(("different", "rows"), [(2, 2), (16, 30), (30, 30), (101, 1000)])
def test_texts_that_hardly_repeat_are_no_categories(tmp_path: Path, different: int, rows: int) -> None:
    lines = [f"name {k % different},{k / 2},{k / 3}" for k in range(rows)]
    with pytest.raises(ValueError, match="nothing can be learned"):
        read(tmp_path, "\n".join(["a,b,y", *lines]))
    told = read(tmp_path, "\n".join(["a,b,y", *lines]), columns=["a", "b"])
    assert len(told.features) == different + 1


@pytest.mark.parametrize("told", [{"target": "z"}, {"columns": ["z"]}, {"target": True}, {"target": 9}])
def test_a_column_that_is_not_there_is_told(tmp_path: Path, told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has no column"):
        read(tmp_path, "x,y\n1,2\n", **told)


@pytest.mark.parametrize("columns", [["y"], [], ["x", 0]])
def test_columns_are_inputs_each_once(tmp_path: Path, columns: list[Any]) -> None:
    with pytest.raises(ValueError, match="columns"):
        read(tmp_path, "x,y\n1,2\n", columns=columns)
    with pytest.raises(TypeError, match="list of names"):
        read(tmp_path, "x,y\n1,2\n", columns="x")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"target": "a", "classes": True}, "line 4, column 'a': '1.0' and '1' are one number"),
        ({"categories": ["a"]}, "line 4, column 'a': '1.0' and '1' are one number"),
        ({"target": "b", "classes": True}, "line 5, column 'b': '2' and '02' are one number"),
    ],
)
def test_a_number_that_is_written_in_two_ways_is_not_two_names(
    tmp_path: Path, told: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        read(tmp_path, "a,b,y\n1,1,0.5\n0,02,1.5\n1.0,02,2.5\n0,2,3.5\n", **told)


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"header": 0}, ValueError),  # with pandas 0 means that there is one
        ({"header": "a"}, ValueError),
        ({"categories": "ab"}, TypeError),
        ({"columns": "ab"}, TypeError),
    ],
)
def test_what_is_told_is_of_its_kind(tmp_path: Path, told: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{next(iter(told))} must be .* got {next(iter(told.values()))!r}"):
        read(tmp_path, "ab,y\n1,2\n3,4\n", **told)
