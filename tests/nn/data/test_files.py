"""Tables as people have them: the right answer, or a ValueError that says what is wrong and where."""

from __future__ import annotations

import csv
import io
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_tables import read, written

from nn import data
from nn.data import reading

ROOT = Path(__file__).parents[3]


# ── How it is written ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "  ", " \t "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", [True, False])
def test_separators_line_ends_and_headers_are_found(
    tmp_path: Path, separator: str, end: str, header: bool
) -> None:
    rows = [["acid", "pH", "quality"]] * header + [["7.4", "3.51", "5.5"], ["7.8", "3.2", "6.25"]]
    found = read(tmp_path, end.join(separator.join(row) for row in rows) + end)
    assert found.inputs == [[7.4, 3.51], [7.8, 3.2]]
    assert found.targets == [5.5, 6.25]
    assert found.features == (("acid", "pH") if header else ("column 1", "column 2"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_the_first_bytes_say_is_believed(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, "größe,y\n1,2\n3,4\n", encoding, target="y").features == ("größe",)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "mac-roman"])
def test_another_encoding_is_asked_for_and_can_be_told(tmp_path: Path, encoding: str) -> None:
    text = "a,y\n1,2\n3,4\n5,größe\n"
    with pytest.raises(ValueError, match=r"table\.csv.*tell encoding|table\.csv, line 4.*encoding='latin-1'"):
        read(tmp_path, text, encoding)
    told = data.from_csv(tmp_path / "table.csv", encoding=encoding, classes=True)
    assert told.classes == ("2", "4", "größe")


def test_the_line_of_a_byte_that_is_no_text_is_found_far_behind(tmp_path: Path) -> None:
    lines = ["a,y", *("1,2" for _ in range(30_000))]
    lines[20_000] = "1,ü"
    with pytest.raises(ValueError, match="line 20001"):
        read(tmp_path, "\n".join(lines), "latin-1")


@pytest.mark.parametrize(
    ("text", "told", "words"),
    [
        ("", {}, "no samples"),
        ("\n \n", {}, "no samples"),
        ("x\n1\n2\n", {}, "no comma, semicolon, tab or bar"),
        ("x,y\n1,2\n", {"separator": ";"}, "only one column"),
        ("x,y\n1,2\n", {"separator": ",,"}, "one character"),
        ("x,y\n1,2\n", {"encoding": "morse"}, "no encoding has the name 'morse'"),
        ("x,y\n1,2\n", {"missing": "guess"}, "missing must be one of 'error', 'drop'"),
        ("x,y\n1,2\n", {"decimal": ";"}, "decimal must be"),
        ("PK\x03\x04", {}, "workbook, an archive"),
        ("x,y\n1,2\n3,4,5\n", {}, "line 3: 3 values for 2 columns"),
        ("x,y\n1,2,3\n4,5,6\n", {}, "line 2: 3 values for 2 columns.*row names"),
        ("x,x,y\n1,2,3\n", {}, "two columns are named 'x'"),
        ('x,y\n1,2\n"3,4\n5,6\n', {}, "line 3: a quote is opened and never closed"),
        ("0,1,2\n1.5,2.5,3\n2.5,3.5,4\n", {}, "header=True or header=False"),
        ("2019,2020,label\n1.5,2.5,a\n2.5,3.5,b\n", {}, "header=True or header=False"),
        ("a,b\nc,d\ne,f\n", {}, "header=True or header=False"),
        ("1,5,2,5\n3,5,4\n", {}, "line 2: 3 values for 4 columns"),
    ],
)
def test_a_file_that_is_no_table_is_told(tmp_path: Path, text: str, told: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(tmp_path, text, **told)


def test_a_header_or_none_can_be_told(tmp_path: Path) -> None:
    text = "2019,2020,label\n1.5,2.5,a\n2.5,3.5,b\n"
    assert read(tmp_path, text, header=True).features == ("2019", "2020")
    assert len(read(tmp_path, text, header=False)) == 3


def test_names_that_look_like_something_missing_are_names(tmp_path: Path) -> None:
    glass = read(tmp_path, "RI,Na,Mg,Type\n1.52,13.6,4.5,1\n1.51,13.9,3.6,1\n")
    assert glass.features == ("RI", "Na", "Mg")


def test_texts_alone_have_a_header_where_they_repeat_themselves(tmp_path: Path) -> None:
    rows = [random.Random(k).choice("xyz") + "," + random.Random(-k).choice("ep") for k in range(1, 30)]
    assert read(tmp_path, "\n".join(["shape,kind", *rows])).features == ("shape=x", "shape=y", "shape=z")
    assert len(read(tmp_path, "\n".join(rows))) == 29


def test_quotes_spaces_separators_at_the_end_and_empty_lines(tmp_path: Path) -> None:
    quoted = read(tmp_path, '"a, or ""b""" , "y"\n"1" , 2\n\n 3 , "4"\n , \n,\n')
    assert (quoted.inputs, quoted.targets) == ([[1.0], [3.0]], [2.0, 4.0])
    assert quoted.features == ('a, or "b"',)
    assert read(tmp_path, "a,y,\n1,2,\n3,4,\n").targets == [2.0, 4.0]
    assert read(tmp_path, "1,2,\n3,4,\n").targets == [2.0, 4.0]
    assert read(tmp_path, "sep=;\na;y\n1;2\n").inputs == [[1.0]]


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("# made by a program, at night\nx,y\n1,2\n", ("x",)),
        ("# a comment\n# x,y\n1,2\n3,4\n", ("x",)),
        ("#\n# a, b, c; d\nx;y\n1;2\n", ("x",)),
        ("#,x,y\n1,3,5\n1,4,6\n", ("#", "x")),
    ],
)
def test_comments_before_the_table_are_none_of_it(
    tmp_path: Path, text: str, features: tuple[str, ...]
) -> None:
    assert read(tmp_path, text).features == features


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("matplotlib/mpl-data/sample_data/msft.csv", "column 'Date': '19-Sep-03'.*a date"),
        ("matplotlib/mpl-data/sample_data/Stocks.csv", "column 'Date': '1990-01-01'.*a date"),
        ("sklearn/datasets/data/iris.csv", "header=True or header=False"),
        ("sklearn/datasets/data/digits.csv.gz", "unpack it"),
    ],
)
def test_real_files_that_are_refused(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        data.from_csv(installed(name))


def test_real_files_that_are_read() -> None:
    flowers = data.from_csv(installed("sklearn/datasets/data/iris.csv"), header=True, classes=True)
    assert (len(flowers), flowers.classes) == (150, ("0", "1", "2"))
    stocks = data.from_csv(installed("matplotlib/mpl-data/sample_data/msft.csv"), columns=["Open", "Volume"])
    assert stocks.inputs[0] == [29.76, 92433800.0]
    assert stocks.targets[0] == 29.79
    sport = data.from_csv(installed("sklearn/datasets/data/linnerud_exercise.csv"))
    assert (len(sport), sport.features) == (20, ("Chins", "Situps"))


def installed(name: str) -> Path:
    """A file that comes with a package."""
    package, _, rest = name.partition("/")
    return Path(pytest.importorskip(package).__file__).parent / rest


def test_lines_are_counted_as_in_the_file_behind_a_text_of_several_lines(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line 6, column 'a'"):
        read(tmp_path, 'a,"the\ntruth"\n\n1,0.5\n\nx,1.5\n')


# ── Read by pandas or by Python ───────────────────────────────────────────────────────────────────

TABLES = st.lists(
    st.tuples(
        st.floats(allow_nan=False, allow_infinity=False).map(repr)
        | st.sampled_from(["", "NA", "007", " 5 ", "1e400", "nan", "1_0", "+3", ".5", "5.", "x"]),
        st.integers(-(10**30), 10**30).map(str) | st.sampled_from(["0x1", "1d5", "-0", ""]),
        st.sampled_from(["red", "blue ", 'a"b', "a,b", "a\nb", "True", "False", "", "?", "1"]),
        st.sampled_from(["True", "False"]),
        st.sampled_from(["a", "b"]) | st.integers(0, 3).map(str),
    ),
    min_size=1,
    max_size=12,
)


@given(TABLES, st.sampled_from(["error", "drop", "mean"]), st.sampled_from([",", ";", "\t"]))
def test_pandas_and_python_give_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], missing: str, separator: str
) -> None:
    pytest.importorskip("pandas")
    path = tmp_path_factory.mktemp("same") / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerows([["u", "v", "w", "on", "y"], *rows])
    assert outcome(path, 0, missing, separator) == outcome(path, 10**9, missing, separator)


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3\n4,5\n7,8,9\n",
        "1,2,3\n4,5,6,7\n7,8,9\n",
        "1,2,3\n4,5,6\n7\n",
        "1,2,a\n3,4,\n5,6,a\n",
        "1,2,3\n1e400,5,6\n",
        "1,2,3\n4,nan,6\n",
        "1,2,3\n4,inf,6\n",
        "1,2,3\n4,5,-inf\n",
        "1,TRUE,3\n4,TRUE,6\n7,FALSE,9\n",
        "1,true,3\n4,True,6\n7,true,9\n8,True,9\n",
        "1,2,yes\n4,5,no\n7,8,yes\n",
        "1,2,3\n\n4,5,6\n\n",
        "1,2,3\n   \n4,5,6\n",
        "1,2,3\n,,\n4,5,6\n",
        "1,2,3\n , ,  \n4,5,6\n",
        '1,"2",3\n4,"5\n",6\n',
        '1,"a ""b""",3\n4,"a ""b""",6\n',
        '1,2,3\n4,"5,6\n',
        "1 , 2 , 3 \n4, 5 ,6\n",
        "0x1,2,3\n4,5,6\n",
        "1_0,2,3\n4,5,6\n",
        "9007199254740993,2,3\n4,18446744073709551617,6\n",
        "00001,+2,-0\n4,5,.5\n",
        "1,2,3,\n4,5,6,\n",
        "a,1,2\nb,1,2\na,3,4\nb,2,2\n7,1,1\n8,1,1\n",
    ],
)
@pytest.mark.parametrize("missing", ["error", "drop", "mean"])
def test_pandas_and_python_give_the_same_of_odd_files(tmp_path: Path, text: str, missing: str) -> None:
    pytest.importorskip("pandas")
    path = written(tmp_path, "u,v,w\n" + text)
    assert outcome(path, 0, missing, ",") == outcome(path, 10**9, missing, ",")


def outcome(path: Path, limit: int, missing: str, separator: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "WORTH_PANDAS", limit)
        patch.setattr(reading, "CHUNK", 5)
        try:
            found = data.from_csv(path, missing=missing, separator=separator, header=True)
        except ValueError as error:
            return str(error)
    return found, [x.hex() for row in found.inputs for x in row], list(map(repr, found.targets))


@pytest.mark.parametrize("path", [None, 3, b"table.csv", io.StringIO("a,y\n1,2\n")])
def test_what_names_no_file_is_told(path: Any) -> None:
    with pytest.raises(TypeError, match="path must name a file"):
        data.from_csv(path)


@pytest.mark.parametrize(
    "head", [b"PK\3\4", b"\x1f\x8b\x08", b"\xd0\xcf\x11\xe0\xa1\xb1", b"%PDF-1.7\n", b"PAR1", b"BZh9"]
)
@pytest.mark.parametrize("encoding", [None, "latin-1"])
def test_what_is_no_text_is_not_read_as_text(tmp_path: Path, head: bytes, encoding: str | None) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(head + b"1,2\n3,4\n")
    with pytest.raises(ValueError, match="not a table as text"):
        data.from_csv(path, encoding=encoding)


def test_a_large_file_takes_no_more_memory_than_three_times_what_pandas_takes(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    rng = random.Random(0)
    numbers = [f"{rng.gauss(0, 1):.6f}" for _ in range(200_005)]  # of every column, a row later
    lines = (",".join(numbers[k : k + 6]) + f",{k % 3}\n" for k in range(200_000))
    path = written(tmp_path, "a,b,c,d,e,f,y\n" + "".join(lines))
    taken = [
        memory(opened, f"{call}({str(path)!r})")
        for opened, call in [
            ("import pandas", "x = pandas.read_csv"),
            ("import pandas; from nn import data", "x = data.from_csv"),
            ("import sys; sys.modules['pandas'] = None; from nn import data", "x = data.from_csv"),
        ]
    ]
    assert max(taken[1:]) < 3 * taken[0], taken


def memory(opened: str, read: str) -> float:
    """What reading adds to the most memory that a process of its own has had, in megabytes."""
    measured = f"before = peak(); {read}; print(peak() - before)"
    program = f"{opened}; from tests.benchmarks.jobs.worker import peak; {measured}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(done.stdout)
