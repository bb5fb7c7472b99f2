"""Repeat: a block of instructions that is run several times, as a loop over time in the recorded function.

A trip is one run of the body. The body computes in FRAME: rows of the loop's own, each with a lane for every
sample. Frame k, the numbers that the rows have at the end of trip k, is kept for the way back. A loop back
has its derivatives in FRAME_ADJOINT, of which there is one frame only: row r there is the derivative of the
loss by row r of FRAME. No instruction outside of the body reads or writes rows of these two spaces.

**Forward** (`reverse` is False), for trip k = 0, 1, …, trips − 1:

1. Carried rows come in: for every pair (i, j) of `entering` and `leaving`, f[i] of frame k is f[j] of frame
   k − 1. In trip 0 they come from outside: the transfers `before` fill each row of `entering` once.
2. `given`: f[inside] = outside, the same in every trip.
3. `steps`: f[inside] = the part of outside that belongs to trip k.
4. The body is run. It reads FRAME, and WEIGHT, CONSTANT and SHARED where they are; it writes FRAME only, and
   no row of `entering`, `given` or `steps`.
5. `outputs`: the part of outside that belongs to trip k = f[inside].

After the last trip, `finals`: outside = f[inside] of the last frame.

Outside rows are rows of VALUE; where they are only read (`before`, `given`, `steps`) they may be of WEIGHT,
CONSTANT or SHARED too: then their one number goes to all lanes.

**Back** (`reverse` is True), the same loop with the same frame falls: for trip k = trips − 1, …, 1, 0:

1. FRAME holds what frame k kept.
2. The rows of `leaving`, and those inside of `finals` and `outputs`, get their derivative so far. It is the
   sum of what applies, and 0 where nothing does: for every pair (i, j) of `entering` and `leaving`, df[i] as
   trip k + 1 left it, for df[j] (nothing in the last trip); of `finals`, in the last trip only, outside for
   df[inside]; of `outputs`, the part of outside that belongs to trip k for df[inside]. No row is both of
   `entering` and one of these, so that the moves may be done one after the other.
3. The body is run. It reads FRAME (any row of it), FRAME_ADJOINT, and WEIGHT, CONSTANT and SHARED; it writes
   FRAME_ADJOINT, and adds (`accumulate` is True) to GRADIENT and SHARED_ADJOINT. The rows of FRAME_ADJOINT
   that are not of 2. hold anything when it begins. When it ends, all rows of `entering`, and those inside of
   `given` and `steps`, hold their derivative.
4. `given`: outside += df[inside]. `steps`: the part of outside that belongs to trip k += df[inside].

After trip 0, `before`: outside += df[inside]. No transfer, or part of one, adds to a row twice; but several
transfers, or parts, may add to the same row.

There inside rows are rows of FRAME_ADJOINT, outside rows of ADJOINT, and only what a gradient is owed to is
mentioned: `entering` may be fewer rows than forward, and `before` may fill fewer rows than `entering`. The
rows outside that are read have all been written before, and those that are added to hold what others have
contributed, or 0.

The running product p = x0 · x1 · x2 · x3 of a sample's four inputs, which are v[0:4], has three trips, each
of which multiplies f[0], the product so far, by f[1], the next input. The result is v[4].

>>> from engine.replay.program.describing import describe
>>> from engine.replay.program.instructions import SumOfProducts
>>> f, df, v, dv = Space.FRAME, Space.FRAME_ADJOINT, Space.VALUE, Space.ADJOINT
>>> def one(space, row):
...     return Rows(space, range(row, row + 1))
>>> forward = Repeat(
...     trips=3,
...     frame=range(3),
...     body=(SumOfProducts(one(f, 2), (1,), one(f, 0), one(f, 1)),),
...     entering=one(f, 0),
...     leaving=one(f, 2),
...     before=(Transfer(one(f, 0), one(v, 0)),),
...     steps=(Transfer(one(f, 1), Rows(v, range(1, 4))),),
...     finals=(Transfer(one(f, 2), one(v, 4)),),
... )
>>> print(describe(forward))
3 times, carrying f[2] to f[0]:
  f[0] = v[0], in the first trip
  f[1] = v[1:4], by trip
  f[2] = Σ f[0] × f[1]
  v[4] = f[2], in the last trip

On the way back each factor gets the gradient times the other factor, say where dv[0:4] are wanted:

>>> back = Repeat(
...     trips=3,
...     frame=range(3),
...     body=(
...         SumOfProducts(one(df, 0), (1,), one(f, 1), one(df, 2)),
...         SumOfProducts(one(df, 1), (1,), one(f, 0), one(df, 2)),
...     ),
...     entering=one(df, 0),
...     leaving=one(df, 2),
...     before=(Transfer(one(df, 0), one(dv, 0)),),
...     steps=(Transfer(one(df, 1), Rows(dv, range(1, 4))),),
...     finals=(Transfer(one(df, 2), one(dv, 4)),),
...     reverse=True,
... )
>>> print(describe(back))
3 times back, carrying df[0] to df[2]:
  df[2] += dv[4], in the last trip
  df[0] = Σ f[1] × df[2]
  df[1] = Σ f[0] × df[2]
  dv[1:4] += df[1], by trip
  dv[0] += df[0], in the first trip

For the inputs 2, 3, 5, 7: forward, f[2] is 6, 30, 210 in frames 0, 1, 2. Back, trip 2: df[2] = dv[4] = 1, so
df[0] = 7 and df[1] = 30, which dv[3] gets. Trip 1: df[2] = 7, df[0] = 35, df[1] = 42 for dv[2]. Trip 0:
df[2] = 35, df[0] = 105 and df[1] = 70 for dv[1]; and then dv[0] gets 105.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from typing import Any, NamedTuple

from engine.frozen import frozen
from engine.replay.program.instructions import Matrix, PlainInstruction, Rows, Space, rows_of

__all__ = ["Instruction", "Repeat", "Transfer", "every", "reads", "with_rows"]


class Transfer(NamedTuple):
    """Rows inside of a frame, and as many rows outside; of `steps` and `outputs` as many for every trip.

    What belongs to trip k are the outside rows from k × len(inside) on, len(inside) of them.
    """

    inside: Rows
    outside: Rows

    def part(self, trip: int) -> Rows:
        """The rows outside that belong to a trip."""
        count = len(self.inside)
        return Rows(self.outside.space, self.outside.places[trip * count : (trip + 1) * count])


@frozen
class Repeat:
    """The body, `trips` times, with values carried from trip to trip; the order of events is told above.

    `frame` are its rows of FRAME, which the loop back has too, and no other; `entering` and `leaving` are
    equally many rows of the frame: where carried values are when a trip begins, and when it ends.
    """

    trips: int
    frame: range
    body: tuple[PlainInstruction, ...]
    entering: Rows
    leaving: Rows
    before: tuple[Transfer, ...] = ()
    given: tuple[Transfer, ...] = ()
    steps: tuple[Transfer, ...] = ()
    finals: tuple[Transfer, ...] = ()
    outputs: tuple[Transfer, ...] = ()
    reverse: bool = False

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """All of them."""
        return (*self.before, *self.given, *self.steps, *self.finals, *self.outputs)

    @property
    def arriving(self) -> tuple[Transfer, ...]:
        """Those whose outside rows are read: of the way back all, since it adds to what is there."""
        return self.transfers if self.reverse else (*self.before, *self.given, *self.steps)

    @property
    def departing(self) -> tuple[Transfer, ...]:
        """Those whose outside rows are written."""
        if self.reverse:
            return (*self.before, *self.given, *self.steps)
        return (*self.finals, *self.outputs)


Instruction = PlainInstruction | Repeat


def every(instructions: Iterable[Instruction]) -> Iterator[PlainInstruction]:
    """The instructions, in the place of each loop those of its body, once."""
    for instruction in instructions:
        if isinstance(instruction, Repeat):
            yield from instruction.body
        else:
            yield instruction


def reads(instruction: Instruction) -> list[Rows]:
    """The rows that an instruction reads; its own out too, where it accumulates.

    Of a loop, the rows outside of its frame.
    """
    if isinstance(instruction, Repeat):
        inner = [rows for plain in instruction.body for rows in reads(plain)]
        frames = (Space.FRAME, Space.FRAME_ADJOINT)
        outside = [transfer.outside for transfer in instruction.arriving]
        return [*outside, *(rows for rows in inner if rows.space not in frames)]
    found: list[Rows] = []
    for entry in fields(instruction):
        thing = getattr(instruction, entry.name)
        if entry.name != "out" or instruction.accumulate:
            things = thing if entry.name == "operands" else (thing,)
            found += [rows_of(one) for one in things if isinstance(one, (Rows, Matrix))]
    return found


def with_rows(thing: Any, change: Callable[[Rows], Rows]) -> Any:
    """An instruction, or what is in one, with other rows in the place of its own; matrices stay."""
    if isinstance(thing, Rows):
        return change(thing)
    if isinstance(thing, Transfer):
        return Transfer(*map(change, thing))
    if isinstance(thing, Instruction):
        return replace(thing, **{f.name: with_rows(getattr(thing, f.name), change) for f in fields(thing)})
    if isinstance(thing, tuple) and thing and isinstance(thing[0], Rows | Transfer | Instruction):
        return tuple(with_rows(each, change) for each in thing)
    return thing
