"""The entries of a file, column by column: read by pandas where it is installed and the file is large.

Both give the same columns; where pandas might read something otherwise, the file is read the other way.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from math import nan
from pathlib import Path
from typing import Any

from nn.data.cells import is_missing, number_in
from nn.data.dialect import WHITESPACE, Dialect

__all__ = ["Entries", "read_columns"]

WORTH_PANDAS = 1_000_000  # bytes; opening pandas takes as long as reading so many without it
CHUNK = 50_000  # samples that pandas reads at a time


class Entries:
    """What stands in a column: a number for each sample, nan where there is none; and the texts there.

    `codes` is empty as long as there are only numbers. Then it has −1 for a number, else the text's place in
    `texts`.
    """

    def __init__(self, as_texts: bool, decimal: str) -> None:
        self.as_texts, self.decimal = as_texts, decimal
        self.numbers = array("d")
        self.codes = array("i")
        self.known: dict[str, int] = {}

    @property
    def texts(self) -> list[str]:
        """The different texts, in the order in which they were met."""
        return list(self.known)

    def present(self) -> list[str]:
        """Those of the texts that stand for something, and that a sample has."""
        used = set(self.codes)
        return [text for text, code in self.known.items() if code in used and not is_missing(text)]

    def take(self, places: Sequence[int]) -> Entries:
        """The entries of the samples at these places."""
        taken = Entries(self.as_texts, self.decimal)
        taken.numbers = array("d", map(self.numbers.__getitem__, places))
        taken.codes = array("i", map(self.codes.__getitem__, places)) if self.codes else array("i")
        taken.known = self.known if taken.codes else {}
        return taken

    def number_in(self, text: str) -> float | None:
        """The number that the text is here."""
        return None if self.as_texts else number_in(text, self.decimal)

    def add(self, text: str) -> None:
        """One more entry."""
        number = self.number_in(text)
        if number is None:
            self._catch_up()
            self.codes.append(self.known.setdefault(text, len(self.known)))
            self.numbers.append(nan)
        else:
            self.numbers.append(number)
            if self.known:
                self.codes.append(-1)

    def add_numbers(self, numbers: bytes) -> None:
        """Many more entries, all of them numbers."""
        self.numbers.frombytes(numbers)
        if self.known:
            self._catch_up()

    def add_many(self, places: Sequence[int], texts: Sequence[str]) -> None:
        """Many more entries, each given by its place in `texts`."""
        numbers = [self.number_in(text) for text in texts]
        codes = [
            -1 if number is not None else self.known.setdefault(text, len(self.known))
            for text, number in zip(texts, numbers, strict=True)
        ]
        given = [nan if number is None else number for number in numbers]
        if self.known:
            self._catch_up()
            self.codes.extend(map(codes.__getitem__, places))
        self.numbers.extend(map(given.__getitem__, places))

    def _catch_up(self) -> None:
        """All entries up to here that have no code yet are numbers."""
        self.codes.extend([-1] * (len(self.numbers) - len(self.codes)))

    def missing(self) -> list[int]:
        """The samples that have nothing here."""
        gone = {code for text, code in self.known.items() if is_missing(text)}
        return [place for place, code in enumerate(self.codes) if code in gone] if gone else []


def read_columns(
    dialect: Dialect, as_texts: Sequence[bool], wanted: Sequence[bool], decimal: str
) -> list[Entries]:
    """The entries of the columns that are wanted; of the others there are none.

    `as_texts` says of which columns numbers are to be taken as texts too. ValueError for a record that has
    more or fewer entries than there are columns.
    """
    if Path(dialect.path).stat().st_size >= WORTH_PANDAS and not dialect.trailing:
        with suppress(ImportError, _NotTheSame):
            return _by_pandas(dialect, as_texts, wanted, decimal)
    return _by_python(dialect, as_texts, wanted, decimal)


def line_of(dialect: Dialect, sample: int) -> int:
    """The line in the file of a sample, counted from 0."""
    return next(islice(dialect.records(), sample, None))[0]


def _by_python(
    dialect: Dialect, as_texts: Sequence[bool], wanted: Sequence[bool], decimal: str
) -> list[Entries]:
    columns = [Entries(texts, decimal) for texts in as_texts]
    chosen = [(place, columns[place]) for place, want in enumerate(wanted) if want]
    width = len(columns)
    for sample, (line, entries) in enumerate(dialect.records()):
        if len(entries) != width:
            raise ValueError(_uneven(dialect, line, len(entries), sample))
        for place, column in chosen:
            column.add(entries[place])
    return columns


def _uneven(dialect: Dialect, line: int, count: int, sample: int) -> str:
    width = len(dialect.names)
    more = ""
    if count == width + 1 and dialect.has_header and sample == 0:
        more = "; the first line lacks a name, perhaps that of a column with row names"
    return f"{dialect.path}, line {line}: {count} values for {width} columns{more}"


# ── By pandas ─────────────────────────────────────────────────────────────────────────────────────


class _NotTheSame(Exception):  # noqa: N818  (no error: a way that is left)
    """Pandas may read this file otherwise."""


def _by_pandas(
    dialect: Dialect, as_texts: Sequence[bool], wanted: Sequence[bool], decimal: str
) -> list[Entries]:
    from pandas import __version__, errors, read_csv  # noqa: PLC0415  (optional, and slow to open)

    columns = [Entries(texts, decimal) for texts in as_texts]
    settings: dict[str, Any] = {
        "sep": r"\s+" if dialect.separator == WHITESPACE else dialect.separator,
        "header": None,
        "skipinitialspace": True,
        "na_filter": False,
        "decimal": decimal,
        "dtype": {place: str for place, texts in enumerate(as_texts) if texts},
        "chunksize": CHUNK,
    }
    if int(__version__.partition(".")[0]) < 3:
        settings["float_precision"] = "round_trip"  # what later versions do unasked
    with dialect.open() as file:
        skipped = dialect.before + _lines_of_header(dialect)
        for _ in islice(file, skipped):
            pass
        try:
            for frame in read_csv(file, **settings):
                _take(frame, columns, wanted)
        except (errors.ParserError, errors.EmptyDataError, UnicodeError, OverflowError):
            raise _NotTheSame from None
    return columns


def _lines_of_header(dialect: Dialect) -> int:
    """How many lines stand before the first sample."""
    with suppress(StopIteration):
        return next(dialect.records())[0] - 1 - dialect.before
    return 0


def _take(frame: Any, columns: list[Entries], wanted: Sequence[bool]) -> None:
    if len(frame.columns) != len(columns):
        raise _NotTheSame
    if frame[len(columns) - 1].dtype.kind == "O" and (frame[len(columns) - 1] == "").any():
        raise _NotTheSame  # perhaps a record with too few entries, which pandas fills up
    for place, column in enumerate(columns):
        if not wanted[place]:
            continue
        part = frame[place]
        if part.dtype.kind in "iuf" and not column.as_texts:
            numbers = part.to_numpy(dtype="float64")
            if not abs(numbers).max(initial=0.0) < float("inf"):
                raise _NotTheSame
            column.add_numbers(numbers.tobytes())
        else:
            _take_texts(part, column)


def _take_texts(part: Any, column: Entries) -> None:
    """Each different text is looked at once."""
    places, texts = part.factorize()  # of True and False pandas forgets how they were written
    if not all(isinstance(text, str) for text in texts) or places.min(initial=0) < 0:
        raise _NotTheSame
    column.add_many(places.tolist(), [text.strip() for text in texts])
