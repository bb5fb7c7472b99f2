"""Tables of samples: what people have, made into lists of numbers that a network can be trained on.

>>> as_rows([[1, 2.5], (3, 4)])
[[1.0, 2.5], [3.0, 4.0]]
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nn.data.columns import Column
from nn.data.rows import Rows

__all__ = ["Dataset", "as_rows", "as_targets", "number_of"]

Row = list[float]


@dataclass(frozen=True)
class Dataset:
    """Samples and their truths: `inputs` has a list of numbers for each sample, `targets` one truth each.

    `features` names the inputs; `classes` names the classes that the targets count from 0, and is empty
    where the targets are measurements. `columns` says, for a table from a file, how its rows became inputs.
    """

    name: str
    inputs: Sequence[Row]
    targets: list[Any]
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        kinds = f", {len(self.classes)} classes" if self.classes else ""
        width = len(self.inputs[0])
        return f"Dataset({self.name!r}: {len(self)} samples, {width} input{'s' * (width != 1)}{kinds})"

    def take(self, places: Sequence[int]) -> Dataset:
        """The samples at these places, in this order."""
        rows = self.inputs
        taken = rows.take(places) if isinstance(rows, Rows) else [rows[place] for place in places]
        return replace(self, inputs=taken, targets=[self.targets[place] for place in places])

    def split(self, test: float = 0.25, *, seed: int = 0) -> tuple[Dataset, Dataset]:
        """(train, test), shuffled by the seed; each class keeps its share in both.

        `test` is the share of samples that go to the test set. ValueError where one would be empty.
        """
        if not 0.0 < test < 1.0:
            raise ValueError(f"test must be a share between 0 and 1, got {test!r}")
        rng = random.Random(seed)
        groups: dict[Any, list[int]] = {}
        for place, target in enumerate(self.targets):
            groups.setdefault(target if self.classes else None, []).append(place)
        train_places: list[int] = []
        test_places: list[int] = []
        wanted = 0.0
        for label in sorted(groups, key=str):
            members = groups[label]
            rng.shuffle(members)
            wanted += len(members) * test
            count = min(len(members), round(wanted + 1e-9) - len(test_places))
            test_places += members[:count]
            train_places += members[count:]
        if not train_places or not test_places:
            raise ValueError(f"{len(self)} samples are too few to split off {test:.0%} of them")
        rng.shuffle(train_places)
        rng.shuffle(test_places)
        return self.take(train_places), self.take(test_places)


# ── From what people have ─────────────────────────────────────────────────────────────────────────


def as_rows(inputs: Any, what: str = "inputs") -> Sequence[Row]:
    """Lists, tuples, NumPy arrays and pandas frames as lists of floats, all of one length.

    A flat list of numbers is one column. What comes as an array is copied into one block, `Rows`. ValueError
    or TypeError says which number is missing or none.

    >>> as_rows([1, 2]), as_rows([[1, 2.5]])
    ([[1.0], [2.0]], [[1.0, 2.5]])
    """
    if isinstance(inputs, Rows) and len(inputs):
        return inputs
    array = _finite_array(inputs)
    if array is not None:
        return Rows.of_array(array)
    rows = [_row(row, what, place) for place, row in enumerate(_plain(inputs, what))]
    if not rows or not rows[0]:
        raise ValueError(f"{what} are empty: at least one sample with one number is needed")
    for place, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{what}[{place}] has {len(row)} numbers and {what}[0] has {len(rows[0])}; "
                "all samples must have the same length"
            )
    return rows


def as_targets(targets: Any, what: str = "targets") -> list[Any]:
    """Truths in the same forms: a number for each sample, or a list of them; whole numbers stay whole.

    >>> as_targets((0, 2.5)), as_targets([[0, 1]])
    ([0, 2.5], [[0, 1]])
    """
    array = _finite_array(targets)
    if array is not None and array.dtype.kind != "b":
        listed: list[Any] = array.tolist()
        return listed
    truths: list[Any] = []
    for place, truth in enumerate(_plain(targets, what)):
        if isinstance(truth, list | tuple):
            truths.append([_as_found(member, what, place, column) for column, member in enumerate(truth)])
        else:
            truths.append(_as_found(truth, what, place, 0))
    if not truths:
        raise ValueError(f"{what} are empty: at least one sample is needed")
    return truths


# ── All numbers at once ───────────────────────────────────────────────────────────────────────────


def _finite_array(table: Any) -> Any:
    """The NumPy array that this is, or gives, of one or two dimensions, where all its numbers are finite.

    None for anything else: what is wrong with it is found number by number.
    """
    numpy = sys.modules.get("numpy")  # whoever has an array has opened it
    if numpy is None:
        return None
    if hasattr(table, "to_numpy"):
        table = table.to_numpy()
    if type(table) is not numpy.ndarray or table.dtype.kind not in "fiub" or table.itemsize > 8:
        return None
    return table if table.ndim in (1, 2) and table.size and numpy.isfinite(table).all() else None


def _row(row: Any, what: str, place: int) -> Row:
    """The numbers of a row, as floats."""
    if type(row) is list and set(map(type, row)) == {float} and math.isfinite(sum(row)):
        return row.copy()
    return [_number(member, what, place, column) for column, member in enumerate(_members(row))]


# ── One number at a time ──────────────────────────────────────────────────────────────────────────


def _plain(table: Any, what: str) -> list[Any]:
    """An array, frame, series, list or tuple as a list."""
    if hasattr(table, "to_numpy"):
        table = table.to_numpy()
    if hasattr(table, "tolist"):
        table = table.tolist()
    if isinstance(table, str | bytes | dict) or not hasattr(table, "__iter__"):
        raise TypeError(f"{what} must be a list, an array or a frame of numbers, got {type(table).__name__}")
    return [member.tolist() if hasattr(member, "tolist") else member for member in table]


def _members(row: Any) -> list[Any]:
    return list(row) if isinstance(row, list | tuple) else [row]


def _number(member: Any, what: str, place: int, column: int) -> float:
    return float(_as_found(member, what, place, column))


def _as_found(member: Any, what: str, place: int, column: int) -> int | float:
    """The number, whole or not as it was; the error says where it stands."""
    where, number = f"{what}[{place}][{column}]", number_of(member)
    if number is None:
        raise TypeError(f"{where} is no number; only numbers can be trained on: encode names first")
    if not -math.inf < number < math.inf or abs(number) > sys.float_info.max:
        raise ValueError(
            f"{where} is {number!r:.40}; every number must be finite: fill in or leave out such samples"
        )
    return number


def number_of(member: Any) -> int | float | None:
    """The number that this is taken for, whole or not as it was; None where it is none.

    >>> number_of(True), number_of(2.5), number_of("2.5")
    (1, 2.5, None)
    """
    if hasattr(member, "item"):
        member = member.item()
    if isinstance(member, int):
        return int(member)
    try:
        return None if isinstance(member, str | bytes) else float(member)
    except (TypeError, ValueError, OverflowError):
        return None
