"""Rows: a table of numbers held as one block, 8 bytes for each, that is read as the list of lists that it is.

>>> rows = Rows.of_columns([array("d", [1.0, 3.0]), array("d", [2.0, 4.0])])
>>> rows[1], len(rows), rows == [[1.0, 2.0], [3.0, 4.0]]
([3.0, 4.0], 2, True)
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

__all__ = ["Rows"]

Row = list[float]


class Rows(Sequence[Row]):
    """Finite numbers, `width` of them in each row; it cannot be changed.

    A list of lists of floats takes five times the memory. `numpy.asarray(rows)` shares these numbers.
    """

    def __init__(self, numbers: array[float], width: int) -> None:
        self._numbers, self.width = numbers, width

    @staticmethod
    def of_columns(columns: Sequence[array[float]]) -> Rows:
        """The rows of a table that is given column by column, all of one length."""
        width, numbers = len(columns), array("d", bytes(8 * len(columns) * len(columns[0])))
        for place, column in enumerate(columns):
            numbers[place::width] = column
        return Rows(numbers, width)

    @staticmethod
    def of_array(table: Any) -> Rows:
        """A copy of a NumPy array of finite numbers, of one dimension (a column) or two."""
        numbers = array("d")
        numbers.frombytes(
            memoryview(sys.modules["numpy"].ascontiguousarray(table, dtype="float64")).cast("B")
        )
        return Rows(numbers, 1 if table.ndim == 1 else table.shape[1])

    def take(self, places: Sequence[int]) -> Rows:
        """The rows at these places, in this order."""
        taken, width = array("d"), self.width
        for place in places:
            taken += self._numbers[place * width : (place + 1) * width]
        return Rows(taken, width)

    def columns(self) -> list[array[float]]:
        """The same table column by column."""
        return [self._numbers[place :: self.width] for place in range(self.width)]

    def __len__(self) -> int:
        return len(self._numbers) // self.width

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> Rows: ...

    def __getitem__(self, place: int | slice) -> Row | Rows:
        if isinstance(place, slice):
            return self.take(range(len(self))[place])
        start = range(len(self))[place] * self.width
        return self._numbers[start : start + self.width].tolist()

    def __iter__(self) -> Iterator[Row]:
        width = self.width
        for start in range(0, len(self._numbers), width):
            yield self._numbers[start : start + width].tolist()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Rows):
            return self.width == other.width and self._numbers == other._numbers
        if isinstance(other, list):
            return len(self) == len(other) and all(map(list.__eq__, self, other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Sequence[Row]) -> list[Row]:
        return [*self, *other]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The rows as a NumPy array, read-only and without a copy unless one is asked for."""
        numpy = sys.modules["numpy"]  # whoever calls this has opened it
        shaped = memoryview(self._numbers).toreadonly().cast("B").cast("d", (len(self), self.width))
        return numpy.array(shaped, dtype=dtype) if copy else numpy.asarray(shaped, dtype=dtype)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:3]))
        return f"Rows([{shown}{', …' if len(self) > 3 else ''}])"
