"""Rows that go into a frame, out of it, or on to the next one: as many at once as lie side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from engine.frozen import frozen
from engine.replay.backends.llvm.kernels.rows import along
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.module import Region
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Rows, grid

__all__ = ["Place", "add", "clear", "move"]

UNROLLED = 8  # runs that are written one after the other; where there are more, the rows are looped over


@frozen
class Place:
    """Where rows are: each at its own distance from `start`; or where the tables say, from an entry on."""

    layout: Layout
    region: Region
    width: int
    count: int
    start: Index = 0
    distances: tuple[int, ...] = ()
    entry: Index = 0

    @classmethod
    def of(cls, layout: Layout, rows: Rows) -> Place:
        """The place of all these rows."""
        return cls.of_trip(None, layout, rows, len(rows), 0)

    @classmethod
    def of_trip(cls, text: Text | None, layout: Layout, rows: Rows, count: int, trip: Index) -> Place:
        """The place of the so many rows that belong to a trip."""
        width, region = layout.width(rows.space), layout.region(rows)
        rule = grid(rows.places, len(rows) // count, count)
        if rule is None and text is None:
            first = rows.places[0]
            distances = tuple((place - first) * width for place in rows.places)
            return cls(layout, region, width, count, layout.address(rows.space, first), distances)
        if rule is None:
            assert text  # noqa: S101  (see above)
            table = layout.table(layout.address(rows.space, place) for place in rows.places)
            return cls(layout, region, width, count, entry=text.plus(table, text.times(trip, count)))
        first, by_trip, by_row = rule
        start: Index = layout.address(rows.space, first)
        if text is not None:
            start = text.plus(start, text.times(trip, by_trip * width))
        stride = layout.stride(rows, by_row)
        return cls(layout, region, width, count, start, tuple(row * stride for row in range(count)))

    def at(self, text: Text, row: Index) -> Index:
        """The address of a row."""
        if not self.distances:
            return text.entry(text.plus(self.entry, row))
        if isinstance(row, int):
            return text.plus(self.start, self.distances[row])
        step = self.distances[1]  # there are several, if it is not known which
        if all(there - here == step for here, there in pairwise(self.distances)):
            return text.plus(self.start, text.times(row, step))
        return text.plus(self.start, text.entry(text.plus(self.layout.table(self.distances), row)))

    def goes_on(self, row: int) -> bool:
        """Whether a row lies directly behind the one before it."""
        return bool(self.distances) and self.distances[row] - self.distances[row - 1] == self.width


def move(text: Text, target: Place, source: Place) -> None:
    """Target = source; a number that is the same for all lanes goes into each."""
    if source.width < target.width:
        _by_runs(text, [target, source], lambda to, at, _: _spread(text, target, to, source, at), longest=1)
        return
    text.module.declare("void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")

    def run(to: Index, at: Index, count: int) -> None:
        into, out_of = text.address(target.region, to, count), text.address(source.region, at, count)
        size = count * text.precision.size
        text.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {into}, ptr {out_of}, i64 {size}, i1 false)")

    _by_runs(text, [target, source], run)


def _spread(text: Text, target: Place, to: Index, source: Place, at: Index) -> None:
    number = text.load_one(source.region, at)

    def part(offset: Index) -> None:
        text.store(target.region, text.plus(to, offset), text.splat(number))

    along(text, target.width, part)


def add(text: Text, target: Place, source: Place) -> None:
    """Target += source."""

    def run(to: Index, at: Index, count: int) -> None:
        def part(offset: Index) -> None:
            place = text.plus(to, offset)
            number = text.load(source.region, text.plus(at, offset))
            text.store(target.region, place, text.binary("fadd", text.load(target.region, place), number))

        along(text, count, part)

    _by_runs(text, [target, source], run)


def clear(text: Text, target: Place) -> None:
    """Target = 0."""
    text.module.declare("void @llvm.memset.p0.i64(ptr, i8, i64, i1)")

    def run(to: Index, count: int) -> None:
        where, size = text.address(target.region, to, count), count * text.precision.size
        text.do(f"call void @llvm.memset.p0.i64(ptr {where}, i8 0, i64 {size}, i1 false)")

    _by_runs(text, [target], run)


def _by_runs(text: Text, places: Sequence[Place], body: Callable[..., None], longest: int = 0) -> None:
    """body(addresses of the first row in each place, numbers) for rows that lie side by side everywhere."""
    width, count = places[0].width, places[0].count
    starts = [
        row for row in range(count) if row == 0 or longest or not all(place.goes_on(row) for place in places)
    ]
    if len(starts) > UNROLLED:
        text.loop(0, count, lambda row, _: body(*(place.at(text, row) for place in places), width))
        return
    for start, stop in pairwise([*starts, count]):
        body(*(place.at(text, start) for place in places), (stop - start) * width)
