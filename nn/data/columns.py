"""Columns: how an entry of a table becomes numbers that a network takes.

>>> color = Column("color", categories=("blue", "red"))
>>> color.features, color.encoded("red")
(('color=blue', 'color=red'), [0.0, 1.0])
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nn.data.cells import is_missing, number_in

__all__ = ["Column"]


@dataclass(frozen=True)
class Column:
    """A column of numbers, or, with `categories`, of names: an input for each, 1 for the one it is, else 0.

    `fill` stands in for what is missing; without it nothing may be.
    """

    name: str
    categories: tuple[str, ...] = ()
    fill: float | str | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the inputs that it becomes."""
        return tuple(f"{self.name}={category}" for category in self.categories) or (self.name,)

    def encoded(self, entry: Any) -> list[float]:
        """The inputs for an entry; ValueError says what is wrong with it."""
        text = "" if entry is None or entry != entry else entry
        if isinstance(text, str):
            text = text.strip()
            if is_missing(text) and text not in self.categories:
                if self.fill is None:
                    raise ValueError(f"column {self.name!r}: {entry!r} is missing, and nothing fills it in")
                text = self.fill
        return self._one_hot(text) if self.categories else [self._number(text)]

    def _one_hot(self, entry: Any) -> list[float]:
        found = str(entry)
        if found not in self.categories and not isinstance(entry, str):  # 1.0 is the category that reads 1
            number = _finite(entry)
            equal = [category for category in self.categories if number_in(category) == number is not None]
            found = equal[0] if equal else found
        if found not in self.categories:
            known = ", ".join(map(repr, self.categories))
            raise ValueError(f"column {self.name!r}: {found!r} is none of the categories {known}")
        return [float(category == found) for category in self.categories]

    def _number(self, entry: Any) -> float:
        number = number_in(entry) if isinstance(entry, str) else _finite(entry)
        if number is None:
            raise ValueError(f"column {self.name!r}: {entry!r} is no finite number")
        return number


def _finite(entry: Any) -> float | None:
    try:
        number = float(entry)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
