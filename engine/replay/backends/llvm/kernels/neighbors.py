"""The kernel of gathered sums for a single sample: which numbers share a vector.

With one lane there is nothing to do side by side but the members themselves, or the terms of one. All
addresses are known while the text is written, so they are looked at, neighbors by neighbors, and the cheapest
way is taken:

- across: as many members as there are lanes, where each factor lies side by side for them (a load) or is the
  same for all (a number, broadcast). Such a stretch ends where a run of addresses does, and may be shorter
  than a vector.
- along: the terms of one member, where each factor lies side by side for them; only the finished sums of as
  many members are folded into a vector.
- else across again, with numbers that lie anywhere gathered one by one.

In attention's way back all three occur: keys pull along the positions that looked at them, queries across
their own positions, each as long as the causal triangle is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, zip_longest

from engine.frozen import frozen
from engine.replay.backends.llvm.kernels.across import Across, sum_across
from engine.replay.backends.llvm.kernels.along import Along, sum_along
from engine.replay.backends.llvm.kernels.pieces import Sums
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.text import Text
from engine.replay.program.program import Rows, SumOfProducts

__all__ = ["sum_of_neighbors"]

Addresses = Sequence[Sequence[int]]  # of the terms of each member


def sum_of_neighbors(text: Text, layout: Layout, instruction: SumOfProducts) -> None:
    """out[i] (+)= Σ coefficient × left × right, for rows of one lane."""
    given = [rows for rows in (instruction.left, instruction.right) if rows is not None]
    regions, addresses = [layout.region(rows) for rows in given], [_addresses(layout, rows) for rows in given]
    scale = instruction.coefficients[0] if instruction.coefficients else 1.0
    if len(set(instruction.coefficients)) > 1:
        region, scale = layout.coefficients[instruction.coefficients], 1.0
        known: dict[float, int] = {}  # equal coefficients are read from one place, and so are often broadcast
        regions.append(region)
        numbered = enumerate(instruction.coefficients, region.start)
        addresses.append([known.setdefault(number, place) for place, number in numbered])
    out = layout.region(instruction.out)
    sums = Sums(text, layout, out, tuple(regions), scale, instruction.accumulate)
    terms = list(pairwise((0, *instruction.ends)))
    factors = [[factor[start:stop] for start, stop in terms] for factor in addresses]
    across, along = _Members(_addresses(layout, instruction.out), factors, text.vector).pieces()
    sum_across(sums, across)
    sum_along(sums, along)


def _addresses(layout: Layout, rows: Rows) -> list[int]:
    return [layout.address(*row) for row in rows]


@frozen
class _Members:
    """The addresses of all sums, and of each factor of their terms.

    Four sums of two terms each, whose left factors lie side by side from sum to sum, at 20 … 23 and at
    30 … 33, and whose right factors are the same for all, at 5 and at 6: one piece across. Eight sums of
    16 terms each, whose factors lie side by side from term to term, but far from those of the next sum: one
    piece along, of 2 vectors for each sum.

    >>> left, right = [[20, 30], [21, 31], [22, 32], [23, 33]], [[5, 6]] * 4
    >>> across, along = _Members(range(4), [left, right], vector=8).pieces()
    >>> [(piece.live, piece.kinds) for piece in across], along
    ([(4, ('run', 'broadcast'))], [])
    >>> left = [range(first, first + 16) for first in range(0, 8000, 1000)]
    >>> across, along = _Members(range(8), [left, left], vector=8).pieces()
    >>> across, [(piece.live, piece.vectors) for piece in along]
    ([], [(8, 2)])
    """

    outs: Sequence[int]
    factors: Sequence[Addresses]
    vector: int

    def pieces(self) -> tuple[list[Across], list[Along]]:
        """All members, each in one piece."""
        across: list[Across] = []
        along: list[Along] = []
        first = 0
        while first < len(self.outs):
            piece = self._best(first)
            (across if isinstance(piece, Across) else along).append(piece)  # type: ignore[arg-type]
            first += piece.live
        return across, along

    def _best(self, first: int) -> Across | Along:
        """The piece that begins with this member and costs least for each of its members."""
        whole = self._stretch(first)
        regular = self._regular_stretch(first, whole)
        choices: list[Across | Along] = [self._across(first, regular)]
        if regular < whole:
            choices.append(self._across(first, whole))
        for members in (slice(first, first + whole), slice(first, first + self.vector)):
            factors = [factor[members] for factor in self.factors]
            if all(_is_run(terms) for factor in factors for terms in factor):
                choices.append(Along.of(self.outs[members], factors, self.vector))
        return min(choices, key=lambda choice: choice.cost / choice.live)

    def _stretch(self, first: int) -> int:
        """How many sums from this one on lie side by side, at most a vector."""
        outs = self.outs[first : first + self.vector]
        return next((lane for lane, out in enumerate(outs) if out != outs[0] + lane), len(outs))

    def _regular_stretch(self, first: int, most: int) -> int:
        """How many of them have each factor side by side, or the same for all."""
        count, strides = 1, self._strides(first) if most > 1 else []
        while count < most and None not in strides and self._strides(first + count - 1) == strides:
            count += 1
        return count

    def _strides(self, member: int) -> list[int | None]:
        """How far each factor lies from that of the next member; None unless 0 or 1 for all their terms."""
        found = [
            {there - here for here, there in zip(*factor[member : member + 2], strict=False)}
            for factor in self.factors
        ]
        return [strides.pop() if strides in ({0}, {1}) else None for strides in found]

    def _across(self, first: int, count: int) -> Across:
        """Their terms one by one; -1 where a member has fewer."""
        members = slice(first, first + count)
        factors = [list(zip_longest(*factor[members], fillvalue=-1)) for factor in self.factors]
        return Across.of(self.outs[first], factors, self.vector)


def _is_run(terms: Sequence[int]) -> bool:
    """Whether a factor lies side by side for the terms of a member."""
    return all(address == terms[0] + number for number, address in enumerate(terms))
