"""How a file of a table is written: its encoding, what separates columns, whether its first line names them.

What cannot be told from the first lines is asked for, and never guessed.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from os import PathLike
from pathlib import Path
from typing import TextIO

from nn.data.cells import WITH_COMMA, is_missing, number_in, trouble_with

__all__ = ["Dialect", "dialect_of", "records"]

SAMPLE = 200  # lines that are looked at
SEPARATORS = (",", ";", "\t", "|")
WHITESPACE = " "  # any run of spaces and tabs
MARKS = (  # those that a file may begin with to say its encoding; the longer ones first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PACKED = (
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zX",
    b"\x28\xb5\x2f\xfd",
    b"\xd0\xcf\x11\xe0",
    b"%PDF",
    b"PAR1",
)
_TOLD = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # the first line of some spreadsheets' files

Record = tuple[int, list[str]]  # the line in the file where it begins, its entries


@dataclass(frozen=True)
class Dialect:
    """How to read one file: `before` counts the lines to skip, `names` are those of the columns."""

    path: str
    encoding: str
    separator: str
    before: int
    has_header: bool
    names: tuple[str, ...]
    trailing: bool = False  # every line ends with a separator, behind which nothing stands

    def open(self) -> TextIO:
        """The file as text."""
        return Path(self.path).open(newline="", encoding=self.encoding)

    def lines(self) -> Iterator[str]:
        """Its lines, with their ends, from the first that counts; ValueError for bytes that are no text."""
        with self.open() as file:
            try:
                yield from islice(file, self.before, None)
            except UnicodeError:
                raise undecodable(self.path, self.encoding) from None

    def records(self) -> Iterator[Record]:
        """The line and the entries of each sample, the names left out."""
        found = records(self.lines(), self.separator, self.path, self.before)
        for line, entries in islice(found, int(self.has_header), None):
            if self.trailing and not entries[-1]:
                entries.pop()
            yield line, entries


def dialect_of(
    path: str | Path,
    separator: str | None = None,
    header: bool | None = None,
    encoding: str | None = None,
    decimal: str = ".",
) -> Dialect:
    """The dialect of a file, as far as it was not told; ValueError where it is not plain to see."""
    if not isinstance(path, (str, PathLike)):
        raise TypeError(
            f"path must name a file, as text or as a Path; got {type(path).__name__} ({path!r:.40})"
        )
    if header is not None and not isinstance(header, bool):
        raise ValueError(
            "header must be True (the first line names the columns), False (it is a sample) or None; "
            f"got {header!r}"
        )
    found = _encoding(str(path), encoding)
    whole = Dialect(str(path), found, "", 0, False, ())
    lines = list(islice(whole.lines(), SAMPLE))
    if any("\0" in line for line in lines):
        raise ValueError(
            f"{path} is no text in {found}: it has bytes that are 0; tell encoding='utf-16-le' if it is that"
        )
    before = 0
    if told := _TOLD.fullmatch(lines[0].lstrip("\ufeff")) if lines else None:
        before, separator = 1, separator or told[1]
    if not any(line.strip() for line in lines[before:]):
        raise ValueError(f"{path} has no samples: the file is empty")
    cut = len(lines) == SAMPLE
    comments = _comments(lines[before:])
    chosen = _separator(str(path), separator, lines[before + comments :], decimal, cut)
    before += comments - _heads(lines[before : before + comments + 1], chosen, str(path))
    sample = _sample(lines[before:], chosen, str(path), cut)
    trailing = len(sample[0]) > 1 and not any(entries[-1] for entries in sample)
    if trailing:
        sample = [entries[:-1] for entries in sample]
    if len(sample[0]) < 2:
        raise ValueError(f"{path}, line {before + 1}: only one column; a target and an input are two")
    named = _has_header(str(path), sample, decimal) if header is None else header
    return Dialect(str(path), found, chosen, before, named, _names(str(path), sample[0], named), trailing)


def records(lines: Iterable[str], separator: str, path: str, before: int = 0) -> Iterator[Record]:
    """(line in the file, entries without spaces around them) of every record; empty ones are left out."""
    taken: list[str] = []

    def watched() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line.replace("\t", " ").strip() if separator == WHITESPACE else line

    reader = csv.reader(watched(), delimiter=separator, skipinitialspace=True)
    line = before + 1
    try:
        for raw in reader:
            entries = [entry.strip() for entry in raw]
            if len(taken) > 1 and sum(part.count('"') for part in taken) % 2:
                raise ValueError(f"{path}, line {line}: a quote is opened and never closed")
            taken.clear()
            if any(entries):
                yield line, entries
            line = before + reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {error}") from None


def _sample(lines: list[str], separator: str, path: str, cut: bool) -> list[list[str]]:
    """The records of the first lines; where the file goes on, the last may be torn, and is left out."""
    found = []
    try:
        for _, entries in records(lines, separator, path):
            found.append(entries)
    except ValueError:
        if not cut or not found:
            raise
        return found
    return found[:-1] if cut and len(found) > 1 else found


def _comments(lines: list[str]) -> int:
    """How many lines at the beginning are comments, as it seems; none where there is nothing else."""
    count = next((place for place, line in enumerate(lines) if not line.lstrip("\ufeff").startswith("#")), 0)
    return count if any(line.strip() for line in lines[count:]) else 0


def _heads(lines: list[str], separator: str, path: str) -> int:
    """1 where the last comment names the columns: the line below has as many entries, and numbers; or 0."""
    found = [entries for line in lines[-2:] for _, entries in records([line], separator, path)]
    if len(lines) < 2 or len(found) < 2 or len(found[0]) != len(found[1]):
        return 0
    return int(any(number_in(entry) is not None for entry in found[1]))


# ── Encoding ──────────────────────────────────────────────────────────────────────────────────────


def _encoding(path: str, told: str | None) -> str:
    with Path(path).open("rb") as file:
        head = file.read(4)
    if head.startswith(PACKED):
        raise ValueError(
            f"{path} is a workbook, an archive or the like, not a table as text: unpack it, or save it as CSV"
        )
    if told is not None:
        try:
            name = codecs.lookup(told).name
        except LookupError:
            raise ValueError(f"no encoding has the name {told!r}; usual are 'utf-8', 'latin-1'") from None
        return "utf-8-sig" if name == "utf-8" else told
    return next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")


def undecodable(path: str, encoding: str) -> ValueError:
    """The error for a file that is not in this encoding: it names the line."""
    decoder = codecs.getincrementaldecoder(encoding)()
    number = 1
    with Path(path).open("rb") as file:
        try:
            for line in file:
                decoder.decode(line)
                number += 1
        except UnicodeError as error:
            why = getattr(error, "reason", error)
            return ValueError(
                f"{path}, line {number}: this is not {encoding} ({why}); say how it is written, for example "
                "encoding='latin-1', or encoding='cp1252' as Windows has it"
            )
    return ValueError(f"{path}: this is not {encoding}; say how it is written: encoding=…")


# ── Separator ─────────────────────────────────────────────────────────────────────────────────────


def _separator(path: str, told: str | None, lines: list[str], decimal: str, cut: bool) -> str:
    if told is not None:
        if not isinstance(told, str) or len(told) != 1 or told in '"\r\n':
            raise ValueError(f"separator must be one character (' ' for any run of spaces), got {told!r}")
        return told
    scores = {}
    torn: ValueError | None = None
    for candidate in (*SEPARATORS, WHITESPACE):
        if candidate == decimal:
            continue
        try:
            sample = _sample(lines, candidate, path, cut)
        except ValueError as error:
            torn = torn or error
            continue
        if len(sample[0]) > 1 and (candidate != WHITESPACE or _is_even(sample)):
            scores[candidate] = (_is_even(sample), _plausible(sample), candidate != WHITESPACE)
    if not scores and torn:
        raise torn
    if not scores:
        raise ValueError(
            f"{path}, line 1: no comma, semicolon, tab or bar separates columns, and a target and an input "
            "are two; if something else does, tell separator=…"
        )
    best = max(scores.values())
    chosen = [candidate for candidate, score in scores.items() if score == best]
    if len(chosen) > 1:
        raise ValueError(
            f"{path}: both {chosen[0]!r} and {chosen[1]!r} may separate columns; tell separator=…"
        )
    return chosen[0]


def _is_even(sample: list[list[str]]) -> bool:
    return len(set(map(len, sample))) == 1


def _plausible(sample: list[list[str]]) -> float:
    """The share of entries that look like one entry, and not like several."""
    entries = [entry for record in sample for entry in record]
    return sum(map(_is_one, entries)) / len(entries)


def _is_one(entry: str) -> bool:
    if any(mark in entry for mark in SEPARATORS):
        return _has_comma(entry)
    parts = entry.split()
    return len(parts) < 2 or any(number_in(part) is None for part in parts)


def _has_comma(entry: str) -> bool:
    return trouble_with(entry) == WITH_COMMA


# ── Header ────────────────────────────────────────────────────────────────────────────────────────


def _has_header(path: str, sample: list[list[str]], decimal: str) -> bool:
    """Whether the first record names the columns: it differs in kind from what stands below it."""

    def is_number(entry: str) -> bool:
        return number_in(entry, decimal) is not None or _has_comma(entry)

    def is_name(entry: str, column: list[str]) -> bool | None:
        """Whether the first entry names the column or belongs to it; None where that is not clear."""
        present = [other for other in column if not is_missing(other)]
        if is_missing(entry):
            return None
        if is_number(entry):
            return False
        if present and all(map(is_number, present)):
            return True
        repeated = len(present) >= 10 and len(present) >= 3 * len(set(present))
        return False if entry in present else True if repeated else None

    first, below = sample[0], sample[1:]
    columns = [list(column) for column in zip_longest(*below, fillvalue="")]
    clues = [is_name(entry, column) for entry, column in zip(first, columns, strict=False)]
    if not below:
        clues = [not is_number(entry) for entry in first if not is_missing(entry)]
    if _counts(first):
        clues.append(True)
    unclear = True not in clues and False not in clues
    if unclear and _repeats(columns) and len(set(first)) == len(first):
        return True
    if unclear or (True in clues and False in clues):
        shown = ", ".join(first[:4])
        raise ValueError(
            f"{path}: it cannot be told whether the first line, {shown!r}, names the columns or is a sample; "
            "tell header=True or header=False"
        )
    return True in clues


def _counts(first: list[str]) -> bool:
    """Whether the numbers of the first record count the columns, or are years one after the other."""
    numbers = [int(entry) for entry in first if entry.isdecimal() and len(entry) < 5]
    if len(numbers) < 2 or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return False
    return 1900 <= numbers[0] <= 2100 or (len(numbers) > 2 and numbers[0] in (0, 1))


def _repeats(columns: Sequence[Sequence[str]]) -> bool:
    """Whether every column says the same again and again, as categories do and names do not."""
    return bool(columns) and all(len(column) >= 2 * len(set(column)) for column in columns)


def _names(path: str, first: list[str], has_header: bool) -> tuple[str, ...]:
    if not has_header:
        return tuple(f"column {place}" for place in range(1, len(first) + 1))
    twice = sorted({name for name in first if name and first.count(name) > 1})
    if twice:
        raise ValueError(f"{path}, line 1: two columns are named {twice[0]!r}; give each its own name")
    names = [name.removeprefix("\ufeff") for name in first]
    return (names[0].removeprefix("# "), *names[1:])
