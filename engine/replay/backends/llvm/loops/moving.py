"""Rows that go into a frame, out of it, or on to the next one: as many at once as lie side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise

from engine.frozen import frozen
from engine.replay.backends.llvm.kernels.rows import along
from engine.replay.backends.llvm.layout import Layout, Operand
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Rows

__all__ = ["Part", "add", "clear", "move"]

UNROLLED = 8  # runs that are written one after the other; where there are more, the rows are looped over


@frozen
class Part:
    """Rows in a layout; or, of rows by trip, so many that belong to one."""

    layout: Layout
    rows: Rows
    count: int
    trip: Index | None = None

    @cached_property
    def operand(self) -> Operand:
        """The rows as addresses, by trip."""
        return self.layout.grid(self.rows, len(self.rows) // self.count, self.count)

    def at(self, text: Text, row: Index) -> Index:
        """The address of a row."""
        if self.trip is None and isinstance(row, int):
            return self.layout.address(self.rows.space, self.rows.places[row])
        return self.operand.at(text, self.trip or 0, row)

    def goes_on(self, row: int) -> bool:
        """Whether a row lies directly behind the one before it, in every trip."""
        is_known = self.trip is None or self.operand.table < 0
        return is_known and self.rows.places[row] - self.rows.places[row - 1] == 1


def move(text: Text, target: Part, source: Part) -> None:
    """Target = source; a number that is the same for all lanes goes into each."""
    out, region = target.operand, source.operand.region
    is_spread = source.operand.width < out.width

    def run(to: Index, at: Index, count: int) -> None:
        if is_spread:
            number = text.load_one(region, at)
            along(text, count, lambda k: text.store(out.region, text.plus(to, k), text.splat(number)))
        else:
            text.copy(text.address(out.region, to, count), text.address(region, at, count), count)

    _by_runs(text, [target, source], run, one_by_one=is_spread)


def add(text: Text, target: Part, source: Part) -> None:
    """Target += source."""

    def run(to: Index, at: Index, count: int) -> None:
        def part(offset: Index) -> None:
            number = text.load(source.operand.region, text.plus(at, offset))
            text.store(target.operand.region, text.plus(to, offset), number, accumulate=True)

        along(text, count, part)

    _by_runs(text, [target, source], run)


def clear(text: Text, target: Part) -> None:
    """Target = 0."""
    _by_runs(text, [target], lambda to, count: text.clear(target.operand.region, to, count))


def _by_runs(
    text: Text, parts: Sequence[Part], body: Callable[..., None], *, one_by_one: bool = False
) -> None:
    """body(addresses of the first row in each part, numbers) for rows that lie side by side everywhere."""
    width, count = parts[0].operand.width, parts[0].count
    starts = [
        row for row in range(count) if row == 0 or one_by_one or not all(part.goes_on(row) for part in parts)
    ]
    if len(starts) > UNROLLED:
        text.loop(0, count, lambda row, _: body(*(part.at(text, row) for part in parts), width))
        return
    for start, stop in pairwise([*starts, count]):
        body(*(part.at(text, start) for part in parts), (stop - start) * width)
