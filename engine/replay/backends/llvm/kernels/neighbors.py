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
from dataclasses import dataclass

from engine.replay.backends.llvm.kernels.across import BROADCAST, GATHER, RUN, Across, sum_across
from engine.replay.backends.llvm.kernels.along import Along, sum_along
from engine.replay.backends.llvm.kernels.pieces import Sums
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.text import Text
from engine.replay.program.program import Rows, SumOfProducts

__all__ = ["sum_of_neighbors"]

# What a vector's worth of a term costs, roughly in cycles, and what a piece costs besides its terms.
COST = {RUN: 1.5, BROADCAST: 1.5, GATHER: 8.0}
PIECE, FOLDING, SINGLE = 6.0, 30.0, 2.0  # SINGLE: to store a sum that does not lie beside the others


def sum_of_neighbors(text: Text, layout: Layout, instruction: SumOfProducts) -> None:
    """out[i] (+)= Σ coefficient × left × right, for rows of one lane."""
    regions = [layout.region(instruction.left)]
    addresses = [_addresses(layout, instruction.left)]
    if instruction.right is not None:
        regions.append(layout.region(instruction.right))
        addresses.append(_addresses(layout, instruction.right))
    scale = instruction.coefficients[0] if instruction.coefficients else 1.0
    if len(set(instruction.coefficients)) > 1:
        region, scale = layout.coefficients[instruction.coefficients], 1.0
        known: dict[float, int] = {}  # equal coefficients are read from one place, and so are often broadcast
        regions.append(region)
        numbered = enumerate(instruction.coefficients, region.start)
        addresses.append([known.setdefault(number, place) for place, number in numbered])
    out = layout.region(instruction.out)
    sums = Sums(text, layout, out, tuple(regions), scale, instruction.accumulate)
    members = _Members(_addresses(layout, instruction.out), instruction.ends, addresses, text.vector)
    across, along = members.pieces()
    sum_across(sums, across)
    sum_along(sums, along)


def _addresses(layout: Layout, rows: Rows) -> list[int]:
    return [layout.address(rows.space, place) for place in rows.places]


@dataclass
class _Members:
    """The addresses of all sums, and of the factors of their terms, which end at `ends`.

    Four sums of two terms each, whose left factors lie side by side from sum to sum, at 20 … 23 and at
    30 … 33, and whose right factors are the same for all, at 5 and at 6: one piece across. Eight sums of
    16 terms each, whose factors lie side by side from term to term, but far from those of the next sum: one
    piece along, of 2 vectors for each sum.

    >>> left, right = [20, 30, 21, 31, 22, 32, 23, 33], [5, 6] * 4
    >>> across, along = _Members(range(4), [2, 4, 6, 8], [left, right], vector=8).pieces()
    >>> [(piece.live, piece.kinds) for piece in across], along
    ([(4, ('run', 'broadcast'))], [])
    >>> left = [1000 * member + term for member in range(8) for term in range(16)]
    >>> right = [500 + place for place in left]
    >>> across, along = _Members(range(8), range(16, 129, 16), [left, right], vector=8).pieces()
    >>> across, [(piece.live, piece.vectors) for piece in along]
    ([], [(8, 2)])
    """

    outs: Sequence[int]
    ends: Sequence[int]
    addresses: Sequence[Sequence[int]]
    vector: int

    def __post_init__(self) -> None:
        self.starts = (0, *self.ends[:-1])

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
        cut = self._across(first, regular)
        if regular == whole == self.vector and GATHER not in cut.kinds:
            return cut
        choices: list[tuple[float, Across | Along]] = [(self._cost(cut), cut)]
        if regular < whole:
            gathered = self._across(first, whole)
            choices.append((self._cost(gathered), gathered))
        apart = min(self.vector, len(self.outs) - first)
        for count, storing in ((whole, 0.0), (apart, SINGLE * apart)):
            members = range(first, first + count)
            if all(map(self._is_run, members)):
                lengths = [self.ends[member] - self.starts[member] for member in members]
                outs = self.outs[first : first + count]
                folded = Along.of(outs, self._bases(first, count), lengths, self.vector)
                cost = FOLDING + storing + 2.5 * folded.vectors * self.vector
                choices.append((cost / count, folded))
        return min(choices, key=lambda choice: choice[0])[1]

    def _stretch(self, first: int) -> int:
        """How many sums from this one on lie side by side, at most a vector."""
        count = 1
        while (
            count < self.vector
            and first + count < len(self.outs)
            and self.outs[first + count] == self.outs[first] + count
        ):
            count += 1
        return count

    def _regular_stretch(self, first: int, most: int) -> int:
        """How many of them have each factor side by side, or the same for all."""
        if most == 1:
            return 1
        strides = [self._stride(factor, first) for factor in self.addresses]
        if None in strides:
            return 1
        count = 2
        while count < most and strides == [
            self._stride(factor, first + count - 1) for factor in self.addresses
        ]:
            count += 1
        return count

    def _stride(self, factor: Sequence[int], member: int) -> int | None:
        """How far a factor lies from that of the next member, if 0 or 1 and the same for all their terms."""
        here, there = self.starts[member], self.starts[member + 1]
        stride = factor[there] - factor[here]
        terms = range(min(self.ends[member] - here, self.ends[member + 1] - there))
        is_regular = stride in (0, 1) and all(factor[there + k] - factor[here + k] == stride for k in terms)
        return stride if is_regular else None

    def _is_run(self, member: int) -> bool:
        """Whether every factor lies side by side for the terms of a member."""
        start, end = self.starts[member], self.ends[member]
        return all(
            factor[k] == factor[start] + k - start for factor in self.addresses for k in range(start, end)
        )

    def _bases(self, first: int, count: int) -> list[list[int]]:
        return [[factor[start] for start in self.starts[first : first + count]] for factor in self.addresses]

    def _across(self, first: int, count: int) -> Across:
        lanes = range(first, first + count)
        most = max(self.ends[lane] - self.starts[lane] for lane in lanes)
        factors = [
            [
                [
                    factor[self.starts[lane] + term] if self.starts[lane] + term < self.ends[lane] else -1
                    for lane in lanes
                ]
                for term in range(most)
            ]
            for factor in self.addresses
        ]
        return Across.of(self.outs[first], factors, self.vector)

    def _cost(self, piece: Across) -> float:
        return (PIECE + len(piece.masks) * sum(COST[kind] for kind in piece.kinds)) / piece.live
