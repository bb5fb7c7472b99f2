"""Some lanes of all rows: what straight-line code loads and stores, as vectors."""

from __future__ import annotations

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.text import Exact, Index
from engine.replay.program.program import Row, Rows, Space

__all__ = ["Lanes"]


class Lanes:
    """As many lanes as the text is wide, from an offset on."""

    def __init__(self, text: Exact, layout: Layout, offset: Index) -> None:
        self.text, self.layout, self.offset = text, layout, offset

    def load(self, row: Row) -> str:
        """A row; what is a single number is in all lanes."""
        return self.load_of(_alone(row), 0)

    def load_of(self, rows: Rows, number: Index) -> str:
        """One of some rows."""
        text, operand = self.text, self.layout.operand(rows)
        if rows.space is Space.CONSTANT and isinstance(number, int):
            return text.literal(self.layout.constants[rows.places[number]])
        address = operand.at(text, number)
        if not rows.space.wide:
            return text.splat(text.load_one(operand.region, address))
        return text.load(operand.region, text.plus(address, self.offset))

    def store(self, row: Row, found: str, *, accumulate: bool = False) -> None:
        """Store or add a row; to one of a single lane goes the sum of all lanes."""
        self.store_of(_alone(row), 0, found, accumulate=accumulate)

    def store_of(self, rows: Rows, number: Index, found: str, *, accumulate: bool) -> None:
        """Store or add one of some rows."""
        text, operand = self.text, self.layout.operand(rows)
        address = operand.at(text, number)
        if rows.space.wide:
            text.store(operand.region, text.plus(address, self.offset), found, accumulate=accumulate)
            return
        total = text.total(found)
        with text.wide(1):
            text.store(operand.region, address, total, accumulate=accumulate)


def _alone(row: Row) -> Rows:
    space, place = row
    return Rows(space, range(place, place + 1))
