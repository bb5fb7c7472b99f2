"""From a file of a table to a data set: which columns, what their entries mean, what is missing."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nn.data.cells import DATE, DECORATED, WITH_COMMA, is_missing, number_in, trouble_with
from nn.data.columns import Column
from nn.data.dialect import Dialect, dialect_of
from nn.data.reading import line_of, read_columns
from nn.data.rows import Rows
from nn.data.tables import Dataset

__all__ = ["from_csv"]

MISSING_WAYS = ("error", "drop", "mean", "most frequent")
MOST_CATEGORIES = 100  # as many inputs as that a column may become unasked
MENDS = {
    DATE: "make a number of it, such as the days since the first",
    WITH_COMMA: "tell decimal=',' if that is its decimal point",
    DECORATED: "write it as a plain number",
}
ROW_NAMES = {
    "",
    "#",
    "id",
    "ids",
    "index",
    "key",
    "no",
    "no.",
    "nr",
    "nr.",
    "row",
    "rownames",
    "uuid",
    "unnamed: 0",
}


def from_csv(  # noqa: PLR0913  (what cannot be found out of the file can be told)
    path: str | Path,
    *,
    target: str | int = -1,
    columns: Sequence[str | int] | None = None,
    categories: Sequence[str | int] = (),
    classes: bool | None = None,
    missing: str = "error",
    separator: str | None = None,
    decimal: str = ".",
    header: bool | None = None,
    encoding: str | None = None,
) -> Dataset:
    r"""A data set from a table in a text file: comma-separated values, or whatever else separates them.

    `target` is the name or place of the column with the truths: numbers, or texts, which are taken as names
    of classes, numbered in sorted order; `classes=True` takes numbers so too. `columns` names the inputs, by
    default all others. A column of texts becomes an input for each different text, 1 for the one it is, else
    0; so do those named in `categories`, though they hold numbers. Dates, and what is another in every row
    (ids, names), are refused: name the columns without them.

    `missing` says what to do where an entry is missing (empty, NA, ?, -, …): "error"; "drop" the row; put in
    the "mean" of its column (the most frequent text where it has texts); or put in the "most frequent". A
    truth is never put in.

    Separator, header and encoding (UTF-8, or what the file's first bytes say) are found, or told:
    `separator=";"` (" " is any run of spaces and tabs), `header=False`, `encoding="latin-1"`, `decimal=","`.
    ValueError says what is wrong, in which file, line and column. Large files are read by pandas where it is
    installed, with the same answers.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "fruit.csv"
    >>> _ = file.write_text("weight;color;kind\n120;red;apple\n90;green;lime\n110;red;apple\n95;green;lime\n")
    >>> fruit = from_csv(file)
    >>> fruit.features, fruit.inputs[0], fruit.classes, fruit.targets
    (('weight', 'color=green', 'color=red'), [120.0, 0.0, 1.0], ('apple', 'lime'), [0, 1, 0, 1])
    """
    if missing not in MISSING_WAYS:
        raise ValueError(f"missing must be one of {', '.join(map(repr, MISSING_WAYS))}, got {missing!r}")
    if not isinstance(decimal, str) or decimal not in (".", ","):
        raise ValueError(f"decimal must be '.' or ',', got {decimal!r}")
    dialect = dialect_of(path, separator, header, encoding, decimal)
    table = _Table(dialect, target, columns, categories, classes, decimal)
    return table.dataset(missing)


class _Table:
    """A file, the columns of it that are wanted, and what stands in them."""

    def __init__(
        self,
        dialect: Dialect,
        target: str | int,
        columns: Sequence[str | int] | None,
        categories: Sequence[str | int],
        classes: bool | None,
        decimal: str,
    ) -> None:
        self.dialect, self.names, self.classes, self.decimal = dialect, dialect.names, classes, decimal
        self.target = self._place(target)
        self.told = columns is not None
        self.inputs = self._inputs(columns)
        if isinstance(categories, str):
            raise TypeError(f"categories must be a list of names, got {categories!r}; [{categories!r}]")
        self.categories = {self._place(name) for name in categories}
        if self.categories - set(self.inputs):
            raise ValueError(f"{dialect.path}: categories {list(categories)!r} must be among the inputs")
        as_texts = [
            place in self.categories or (place == self.target and classes is True)
            for place in range(len(self.names))
        ]
        wanted = [place == self.target or place in self.inputs for place in range(len(self.names))]
        self.kept: Sequence[int] = ()
        self.entries = read_columns(dialect, as_texts, wanted, decimal)
        self.count = len(self.entries[self.target].numbers)
        if not self.count:
            raise ValueError(
                f"{dialect.path} has no samples: a line of names and at least one line of numbers are needed"
            )

    def _place(self, name: str | int) -> int:
        count = len(self.names)
        if isinstance(name, int) and not isinstance(name, bool) and -count <= name < count:
            return name % count
        if isinstance(name, str) and name in self.names:
            return self.names.index(name)
        near = get_close_matches(str(name), self.names, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{self.dialect.path} has no column {name!r}; it has {', '.join(self.names)}{meant}")

    def _inputs(self, columns: Sequence[str | int] | None) -> list[int]:
        if isinstance(columns, str):
            raise TypeError(f"columns must be a list of names, got {columns!r}; [{columns!r}]")
        places = [place for place in range(len(self.names)) if place != self.target]
        chosen = places if columns is None else [self._place(name) for name in columns]
        name, path = self.names[self.target], self.dialect.path
        if self.target in chosen:
            raise ValueError(f"{path}: {name!r} is the target, and cannot be one of the columns too")
        if not chosen or len(set(chosen)) < len(chosen):
            raise ValueError(f"{path}: the inputs must be one or more different columns, got {columns!r}")
        return chosen

    def error(self, sample: int, place: int, words: str) -> ValueError:
        """What is wrong with an entry, and where it stands."""
        line = line_of(self.dialect, self.kept[sample] if self.kept else sample)
        return ValueError(f"{self.dialect.path}, line {line}, column {self.names[place]!r}: {words}")

    # ── From entries to samples ───────────────────────────────────────────────────────────────────

    def dataset(self, missing: str) -> Dataset:
        """The data set, with what is missing dealt with."""
        gone = {place: self.entries[place].missing() for place in [*self.inputs, self.target]}
        for place, samples in gone.items():
            if len(samples) == self.count:
                raise self.error(
                    0,
                    place,
                    f"no finite number and no name, in no row: all are missing{self._leave_out(place)}",
                )
        for place in self.inputs:
            self._check_input(place)
        if missing == "error" or (missing != "drop" and gone[self.target]):
            self._refuse_missing(gone, missing)
        if missing == "drop":
            self._drop({sample for samples in gone.values() for sample in samples})
        columns, inputs = [], []
        for place in self.inputs:
            column = self._column(place, missing)
            columns.append(column)
            inputs += self._encoded(place, column)
        targets, labels = self._targets()
        features = tuple(feature for column in columns for feature in column.features)
        name = Path(self.dialect.path).stem
        return Dataset(name, Rows.of_columns(inputs), targets, features, labels, tuple(columns))

    def _refuse_missing(self, gone: dict[int, list[int]], missing: str) -> None:
        found = [(samples[0], place) for place, samples in gone.items() if samples]
        if not found:
            return
        if missing != "error":
            found = [(gone[self.target][0], self.target)]
        sample, place = min(found)
        entries = self.entries[place]
        text = entries.texts[entries.codes[sample]]
        mend = "missing='drop' leaves such rows out"
        if place != self.target:
            mend += ", missing='mean' or 'most frequent' puts in what is usual"
        else:
            mend += "; a truth is not put in" if missing != "error" else ""
        raise self.error(sample, place, f"{text!r} is no finite number and no name: it is missing; {mend}")

    def _drop(self, dropped: set[int]) -> None:
        """Leave these samples out."""
        if not dropped:
            return
        self.kept = [sample for sample in range(self.count) if sample not in dropped]
        if not self.kept:
            raise ValueError(f"{self.dialect.path}: something is missing in every row; none is left")
        for place in [*self.inputs, self.target]:
            self.entries[place] = self.entries[place].take(self.kept)
        self.count = len(self.kept)

    def _check_input(self, place: int) -> None:
        """Raise ValueError for a column from which nothing can be learned."""
        texts = self.entries[place].present()
        if not texts:
            self._refuse_row_numbers(place)
        elif place not in self.categories:
            self._refuse_what_is_no_category(place, texts)

    def _column(self, place: int, missing: str) -> Column:
        """What a column of inputs holds."""
        entries, name = self.entries[place], self.names[place]
        texts = sorted(entries.present(), key=_by_number)
        if not texts:
            return Column(name, fill=_usual(entries.numbers, missing))
        self._refuse_two_ways(place, texts)
        counts = Counter(entries.codes)
        most = max(texts, key=lambda text: counts[entries.known[text]])
        return Column(name, tuple(texts), None if missing in ("error", "drop") else most)

    def _refuse_two_ways(self, place: int, texts: Sequence[str]) -> None:
        """One number that is written in two ways, 1 and 1.0, would be two names."""
        met: dict[float, str] = {}
        for text in texts:
            number = number_in(text, self.decimal)
            if number is not None and (other := met.setdefault(number, text)) != text:
                sample = self.entries[place].codes.index(self.entries[place].known[text])
                words = f"{text!r} and {other!r} are one number, and would be two names; write it in one way"
                raise self.error(sample, place, words)

    def _refuse_row_numbers(self, place: int) -> None:
        """Numbers that count the rows say nothing about them, unless somebody asks for them."""
        name, numbers = self.names[place], self.entries[place].numbers
        is_id = (
            name.casefold() in ROW_NAMES
            or name.casefold().endswith(("_id", " id", "-id"))
            or (name.endswith(("Id", "ID")) and name[:-2].isalpha())
        )
        if is_id and not self.told and self.count > 1 and len(set(numbers)) == self.count:
            words = "this looks like the number of the row, an id, from which nothing can be learned"
            raise self.error(0, place, words + self._leave_out(place))

    def _refuse_what_is_no_category(self, place: int, texts: list[str]) -> None:
        entries, leave = self.entries[place], self._leave_out(place)
        first = {text: entries.codes.index(entries.known[text]) for text in texts[:MOST_CATEGORIES]}
        present = self.count - len(entries.missing())
        for text, sample in first.items():
            if what := trouble_with(text):
                mend = MENDS[what] + self._leave_out(place, ", or ")
                raise self.error(sample, place, f"{text!r} is no finite number: it is {what}; {mend}")
        text, sample = next(iter(first.items()))
        if -1 in entries.codes:
            take = f"mend it, or take all as names: categories=[{self.names[place]!r}]"
            raise self.error(sample, place, f"{text!r} is no finite number, and others here are; {take}")
        if not self.told and (_are_ids(len(texts), present) or len(texts) > MOST_CATEGORIES):
            kinds = f"one of {len(texts)} different in {present} rows"
            kinds = "another in every row" if len(texts) == present else kinds
            words = (
                f"{text!r} is no finite number, and as a name it is {kinds}: an id, a name or a note, from "
            )
            raise self.error(sample, place, f"{words}which nothing can be learned{leave}")
        if len(texts) > 10 * MOST_CATEGORIES:
            raise self.error(sample, place, f"{len(texts)} different texts would be as many inputs{leave}")

    def _leave_out(self, place: int, link: str = "; ") -> str:
        """How to do without a column; nothing where that cannot be."""
        if place == self.target:
            return f"{link}choose another target=…"
        others = [self.names[other] for other in self.inputs if other != place]
        shown = ", ".join(map(repr, others[:3]))
        more = ", …" if len(others) > 3 else ""
        return f"{link}leave it out: columns=[{shown}{more}]" if others else ""

    def _encoded(self, place: int, column: Column) -> list[array[float]]:
        """The numbers of each input that the column becomes."""
        entries = self.entries[place]
        if not column.categories:
            if column.fill is None or not entries.known:
                return [entries.numbers]
            fill = float(column.fill)
            return [array("d", (fill if x != x else x for x in entries.numbers))]
        found = []
        for category in column.categories:
            which = {entries.known[category]}
            if category == column.fill:
                which |= {code for text, code in entries.known.items() if is_missing(text)}
            found.append(array("d", map(which.__contains__, entries.codes)))
        return found

    def _targets(self) -> tuple[list[Any], tuple[str, ...]]:
        """The truths of the samples, and the names of the classes."""
        entries = self.entries[self.target]
        texts = entries.present()
        if not texts:
            return entries.numbers.tolist(), ()
        if self.classes is not True:
            self._refuse_what_is_no_class(texts)
        labels = sorted(texts, key=_by_number)
        self._refuse_two_ways(self.target, labels)
        number = {entries.known[label]: place for place, label in enumerate(labels)}
        return [number[code] for code in entries.codes], tuple(labels)

    def _refuse_what_is_no_class(self, texts: list[str]) -> None:
        entries, place = self.entries[self.target], self.target
        first = entries.codes.index(entries.known[texts[0]])
        if -1 in entries.codes or self.classes is False:
            others = "" if self.classes is False else ", and others are; classes=True takes all as names"
            raise self.error(first, place, f"{texts[0]!r} is no finite number{others}")
        for text in texts:
            if what := trouble_with(text):
                sample = entries.codes.index(entries.known[text])
                raise self.error(sample, place, f"{text!r} is no finite number: it is {what}; {MENDS[what]}")
        if self.count > 4 and _are_ids(len(texts), self.count):
            words = f"there are {len(texts)} different truths in {self.count} rows"
            raise self.error(first, place, f"{texts[0]!r} is no class: {words}")


def _are_ids(different: int, rows: int) -> bool:
    """Whether so many different texts in so many rows name rows, and not what several have in common."""
    return different == rows or (rows >= 20 and different > rows / 2)


def _usual(numbers: array[float], missing: str) -> float | None:
    """What is put in for a number: the mean, or the most frequent one, the smallest of several."""
    present = [x for x in numbers if x == x]
    if missing == "mean":
        return math.fsum(present) / len(present)
    if missing == "most frequent":
        counts = Counter(present)
        return min(counts, key=lambda x: (-counts[x], x))
    return None


def _by_number(text: str) -> tuple[float, str]:
    number = number_in(text)
    return (math.inf, text) if number is None else (number, "")
