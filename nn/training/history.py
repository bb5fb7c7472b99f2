"""History: what training left behind, epoch by epoch.

>>> history = History()
>>> history.add({"loss": 0.5})
>>> history.add({"loss": 0.25})
>>> history["loss"], history.last["loss"], len(history)
([0.5, 0.25], 0.25, 2)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["History"]


class History:
    """A column of numbers for the loss and for every metric, one number for each epoch.

    `history["loss"]` is a column, `history.last` the row of the last epoch, `history.best("loss")` a pair
    (epoch, number), epochs counted from 1. `ended` says why training ended, `gear` how the steps were
    computed and why so, `findings` what the training doctor saw, `film` the run as a page to scrub and
    play, where `fit` was told `film=True`, `doubts` which steps, counted from 1, replay
    has taken on numbers that were not eager's, before that was noticed.
    """

    def __init__(self) -> None:
        self.columns: dict[str, list[float]] = {}
        self.ended = "not begun"
        self.gear = "eager"
        self.film: Any = None
        self.findings: list[Any] = []
        self.doubts: list[str] = []

    def add(self, row: Mapping[str, float]) -> None:
        """Append one epoch's numbers; ValueError unless they are for the same columns as before."""
        if self.columns and list(row) != list(self.columns):
            raise ValueError(f"an epoch has columns {list(self.columns)}, got {list(row)}")
        for name, number in row.items():
            self.columns.setdefault(name, []).append(number)

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.columns:
            known = ", ".join(self.columns) or "nothing yet"
            raise KeyError(f"no column {name!r} in this history; it has {known}")
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    @property
    def last(self) -> dict[str, float]:
        """The last epoch's row; empty before the first."""
        return {name: column[-1] for name, column in self.columns.items()}

    def best(self, name: str = "loss", *, largest: bool = False) -> tuple[int, float]:
        """(epoch from 1, number) where the column was smallest, or largest; the first of several."""
        column = self[name]
        number = (max if largest else min)(column)
        return column.index(number) + 1, number

    def __str__(self) -> str:
        """A table of at most about ten epochs, the last among them, and why training ended."""
        names = list(self.columns)
        count = len(self)
        shown = sorted({*range(0, count, max(1, -(-count // 10))), count - 1}) if count else []
        lines = ["  ".join(["epoch", *(f"{name:>12}" for name in names)])]
        for place in shown:
            numbers = (f"{self.columns[name][place]:{max(12, len(name))}.5g}" for name in names)
            lines.append("  ".join([f"{place + 1:5}", *numbers]))
        return "\n".join([*lines, f"ended: {self.ended}"])

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={number:.4g}" for name, number in self.last.items())
        return f"History({len(self)} epochs: {numbers})" if numbers else "History(0 epochs)"
