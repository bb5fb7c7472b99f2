"""Gathered sums along terms: a vector holds neighboring terms of one member.

Where both factors of a member's terms lie side by side, its sum is a dot product. As many members as there
are lanes are done one after the other, and only then their vectors folded into one, which holds their sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from engine.replay.backends.llvm.kernels.pieces import Sums
from engine.replay.backends.llvm.writing.text import Index

__all__ = ["Along", "sum_along"]


# What folding the sums of a piece costs, roughly in cycles, a vector of terms, and a sum stored by itself.
FOLDING, PART, SINGLE = 30.0, 2.5, 2.0


class Along(NamedTuple):
    """Members: where their sums go, and where the factors of each one's terms begin."""

    outs: tuple[int, ...]
    vectors: int
    bases: tuple[tuple[int, ...], ...]  # of each factor, for as many members as there are lanes
    masks: tuple[int, ...]  # of each member and vector, the lanes that are terms

    @classmethod
    def of(cls, outs: Sequence[int], factors: Sequence[Sequence[Sequence[int]]], vector: int) -> Along:
        """The piece of these addresses, of each factor, member and term.

        The lanes behind the last member do nothing, at the place of the first.
        """
        lengths = list(map(len, factors[0]))
        vectors, missing = -(-max(lengths) // vector), vector - len(lengths)
        bases = [[terms[0] for terms in factor] for factor in factors]
        masks = [
            (1 << max(0, min(vector, length - place * vector))) - 1
            for length in (*lengths, *[0] * missing)
            for place in range(vectors)
        ]
        filled = tuple((*starts, *[starts[0]] * missing) for starts in bases)
        return cls(tuple(outs), vectors, filled, tuple(masks))

    @property
    def live(self) -> int:
        """The number of members."""
        return len(self.outs)

    @property
    def is_solid(self) -> bool:
        """Whether the sums lie side by side."""
        return all(out == self.outs[0] + lane for lane, out in enumerate(self.outs))

    @property
    def cost(self) -> float:
        """Roughly in cycles."""
        return FOLDING + PART * len(self.masks) + (0.0 if self.is_solid else SINGLE * self.live)


def sum_along(sums: Sums, pieces: Sequence[Along]) -> None:
    """Write the loops over these pieces: one for each number of vectors and members."""
    vector = sums.text.vector
    groups: dict[tuple[int, int, bool, bool], list[Along]] = defaultdict(list)
    for piece in pieces:
        is_whole = set(piece.masks) == {(1 << vector) - 1}
        groups[piece.vectors, piece.live, is_whole, piece.is_solid].append(piece)
    for (_, _, is_whole, _), alike in groups.items():
        _loop(sums, alike, is_whole=is_whole)


def _loop(sums: Sums, pieces: Sequence[Along], *, is_whole: bool) -> None:
    text, table, lanes = sums.text, sums.layout.table, sums.text.vector
    tables = [
        table(base for piece in pieces for base in piece.bases[factor]) for factor in range(len(sums.regions))
    ]
    masks = -1 if is_whole else table(mask for piece in pieces for mask in piece.masks)
    vectors, live = pieces[0].vectors, pieces[0].live
    outs = -1 if pieces[0].is_solid else table(out for piece in pieces for out in piece.outs)

    def member(place: Index) -> str:
        bases = [text.entry(text.plus(start, place)) for start in tables]

        def part(number: Index, so_far: Sequence[str]) -> list[str]:
            mask = "" if is_whole else text.mask(text.plus(masks, text.times(place, vectors), number))
            addresses = [text.plus(base, text.times(number, lanes)) for base in bases]
            factors = [
                text.load(region, address, mask=mask)
                for region, address in zip(sums.regions, addresses, strict=True)
            ]
            return [text.with_product(so_far[0], *factors)]

        return text.loop(0, vectors, part, [text.number(0.0)])[0]

    def piece(number: Index, _: Sequence[str]) -> None:
        first = text.times(number, lanes)
        found = text.totals([member(text.plus(first, place)) for place in range(lanes)])
        if pieces[0].is_solid:
            sums.store(sums.targets([piece.outs[0] for piece in pieces], number), found, text.first(live))
        else:
            first = text.times(number, live)
            sums.store_apart([text.entry(text.plus(outs, first, lane)) for lane in range(live)], found)

    text.loop(0, len(pieces), piece)
