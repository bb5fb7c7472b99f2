"""What the loops over pieces of gathered sums have in common: where they read, and how a sum is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.module import Region
from engine.replay.backends.llvm.writing.text import Index, Text

__all__ = ["Sums"]


class Sums(NamedTuple):
    """An instruction's sums: the regions of its factors and of its result, and a factor of all terms."""

    text: Text
    layout: Layout
    out: Region
    regions: tuple[Region, ...]
    scale: float
    accumulate: bool

    def targets(self, outs: Sequence[int], number: Index) -> Index:
        """Where the sums of a piece go, by the number of the piece in its loop."""
        text, vector = self.text, self.text.vector
        if all(out == outs[0] + vector * place for place, out in enumerate(outs)):
            return text.plus(outs[0], text.times(number, vector))
        return text.entry(text.plus(self.layout.table(outs), number))

    def store(self, target: Index, total: str, mask: str) -> None:
        """Store or add a vector of sums, or those lanes of it that a mask tells."""
        self.text.store(self.out, target, self._scaled(total), mask=mask, accumulate=self.accumulate)

    def store_apart(self, targets: Sequence[Index], total: str) -> None:
        """Store or add the first lanes of a vector of sums, each where it belongs."""
        text, vector = self.text, self._scaled(total)
        for lane, target in enumerate(targets):
            number = text.let(f"extractelement {text.type} {vector}, i64 {lane}")
            with text.wide(1):
                text.store(self.out, target, number, accumulate=self.accumulate)

    def _scaled(self, total: str) -> str:
        return total if self.scale == 1.0 else self.text.binary("fmul", total, self.text.number(self.scale))
