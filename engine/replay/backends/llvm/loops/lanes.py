"""Some lanes of all rows: what straight-line code loads and stores, as vectors."""

from __future__ import annotations

from engine.replay.backends.llvm.kernels.rows import put
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.plans import Row
from engine.replay.backends.llvm.writing.text import Exact, Index
from engine.replay.program.program import Rows, Space

__all__ = ["Lanes"]


class Lanes:
    """As many lanes as the text is wide, from an offset on."""

    def __init__(self, text: Exact, layout: Layout, offset: Index) -> None:
        self.text, self.layout, self.offset = text, layout, offset

    def load(self, rows: Rows, number: Index = 0) -> str:
        """One of some rows; what is a single number is in all lanes."""
        text, operand = self.text, self.layout.operand(rows)
        if rows.space is Space.CONSTANT and isinstance(number, int):
            return text.literal(self.layout.constants[rows.places[number]])
        address = operand.at(text, number)
        if not rows.space.wide:
            return text.splat(text.load_one(operand.region, address))
        return text.load(operand.region, text.plus(address, self.offset))

    def load_row(self, row: Row) -> str:
        """A row by its space and place."""
        space, place = row
        return self.load(Rows(space, range(place, place + 1)))

    def store(self, rows: Rows, found: str, number: Index = 0, *, accumulate: bool = False) -> None:
        """Store or add one of some rows; to a row of one lane goes the sum of all lanes."""
        text, operand = self.text, self.layout.operand(rows)
        address = operand.at(text, number)
        if rows.space.wide:
            put(text, operand, text.plus(address, self.offset), found, accumulate=accumulate)
            return
        total = text.total(found)
        with text.wide(1):
            put(text, operand, address, total, accumulate=accumulate)

    def store_row(self, row: Row, found: str, *, accumulate: bool = False) -> None:
        """A row by its space and place."""
        space, place = row
        self.store(Rows(space, range(place, place + 1)), found, accumulate=accumulate)
