"""Gathered sums across members: a vector holds the sums of neighbors, a term of all of them at a time.

Pieces of a kind share a loop, whose tables say where everything is. A member with fewer terms than its
neighbors has holes: there a mask leaves the sum as it is, whatever the factors are, for 0 × nan is not 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from engine.replay.backends.llvm.kernels.pieces import Sums
from engine.replay.backends.llvm.writing.text import Index

__all__ = ["BROADCAST", "GATHER", "RUN", "Across", "sum_across"]

UNROLLED = 4  # terms that are written one after the other; more are looped over
RUN, BROADCAST, GATHER = "run", "broadcast", "gather"
# What a vector's worth of a term costs, roughly in cycles, and what a piece costs besides its terms.
COST, PIECE = {RUN: 1.5, BROADCAST: 1.5, GATHER: 8.0}, 6.0


class Across(NamedTuple):
    """Neighbors: where their sums go, and for each factor how and where it is read, term by term."""

    out: int
    live: int
    kinds: tuple[str, ...]
    entries: tuple[tuple[int, ...], ...]  # of each factor, one a term; for a gathered one as many as lanes
    masks: tuple[int, ...]  # of each term, the lanes that have it

    @classmethod
    def of(cls, out: int, factors: Sequence[Sequence[Sequence[int]]], vector: int) -> Across:
        """The piece of these addresses, of each factor, term and member; -1 where there is no such term."""
        kinds = tuple(_kind(terms) for terms in factors)
        entries = [
            tuple(entry for term in terms for entry in _entries(kind, term, vector))
            for kind, terms in zip(kinds, factors, strict=True)
        ]
        masks = [sum((address >= 0) << lane for lane, address in enumerate(term)) for term in factors[0]]
        return cls(out, len(factors[0][0]), kinds, tuple(entries), tuple(masks))

    @property
    def cost(self) -> float:
        """Roughly in cycles."""
        return PIECE + len(self.masks) * sum(COST[kind] for kind in self.kinds)

    @property
    def is_ragged(self) -> bool:
        """Whether some members have fewer terms than others."""
        return any(mask != (1 << self.live) - 1 for mask in self.masks)


def _kind(terms: Sequence[Sequence[int]]) -> str:
    """How the addresses of all terms can be read."""
    if all(len({address for address in term if address >= 0}) == 1 for term in terms):
        return BROADCAST
    if all(len({a - lane for lane, a in enumerate(term) if a >= 0}) == 1 for term in terms):
        return RUN
    return GATHER


def _entries(kind: str, term: Sequence[int], vector: int) -> list[int]:
    """What the table of a factor says of one term; a lane in a hole, or behind the last, repeats another."""
    lane, address = next((lane, address) for lane, address in enumerate(term) if address >= 0)
    if kind == RUN:
        return [address - lane]
    if kind == BROADCAST:
        return [address]
    filled = [other if other >= 0 else address for other in term]
    return [*filled, *[address] * (vector - len(filled))]


def sum_across(sums: Sums, pieces: Sequence[Across]) -> None:
    """Write the loops over these pieces: one for those read alike, with as many terms where these are few."""
    groups: dict[tuple[tuple[str, ...], int, bool, bool], list[Across]] = defaultdict(list)
    for piece in pieces:
        few = len(piece.masks) if len(piece.masks) <= UNROLLED else 0
        groups[piece.kinds, few, piece.is_ragged, piece.live < sums.text.vector].append(piece)
    for (*_, is_partial), alike in groups.items():
        _Loop(sums, alike).write(is_partial=is_partial)


class _Loop:
    """One loop over pieces of a kind."""

    def __init__(self, sums: Sums, pieces: Sequence[Across]) -> None:
        table, self.sums, self.pieces = sums.layout.table, sums, pieces
        self.kinds, self.is_ragged = pieces[0].kinds, pieces[0].is_ragged
        self.tables = [
            table(entry for piece in pieces for entry in piece.entries[factor])
            for factor in range(len(self.kinds))
        ]
        self.masks = table(mask for piece in pieces for mask in piece.masks) if self.is_ragged else -1

    def write(self, *, is_partial: bool) -> None:
        """The loop, which follows the tables."""
        text, table, pieces = self.sums.text, self.sums.layout.table, self.pieces
        lives = table((1 << piece.live) - 1 for piece in pieces) if is_partial else -1
        counts = [len(piece.masks) for piece in pieces]
        count = counts[0] if len(set(counts)) == 1 else 0
        ends = -1 if count else table((0, *accumulate(counts)))

        def piece(number: Index, _: Sequence[str]) -> None:
            target = self.sums.targets([piece.out for piece in pieces], number)
            live = text.mask(text.plus(lives, number)) if is_partial else ""
            first = text.times(number, count) if count else text.entry(text.plus(ends, number))
            stop = count or text.minus(text.entry(text.plus(ends, number, 1)), first)
            self.sums.store(target, self._total(first, stop, live), live)

        text.loop(0, len(pieces), piece)

    def _total(self, first: Index, stop: Index, live: str) -> str:
        """The sums of a piece's terms."""
        text = self.sums.text
        if isinstance(stop, int) and stop <= UNROLLED:
            total = ""
            for term in range(stop):
                total = self._add(text.plus(first, term), live, total)
            return total

        def add(term: Index, so_far: Sequence[str]) -> list[str]:
            return [self._add(text.plus(first, term), live, so_far[0])]

        return text.loop(0, stop, add, [text.number(0.0)])[0]

    def _add(self, term: Index, live: str, so_far: str) -> str:
        """One term of all members; in a hole the sum stays as it is."""
        text = self.sums.text
        mask = text.mask(text.plus(self.masks, term)) if self.is_ragged else live
        factors = [self._load(number, term, mask) for number in range(len(self.kinds))]
        if not self.is_ragged:
            return text.with_product(so_far, *factors)
        so_far = so_far or text.number(0.0)
        return text.select(mask, text.with_product(so_far, *factors), so_far)

    def _load(self, number: int, term: Index, mask: str) -> str:
        """A factor of one term, from where the table says."""
        text, region = self.sums.text, self.sums.regions[number]
        kind, table = self.kinds[number], self.tables[number]
        if kind == GATHER:
            return text.gather(region, text.plus(table, text.times(term, text.vector)))
        address = text.entry(text.plus(table, term))
        if kind == BROADCAST:
            return text.splat(text.load_one(region, address))
        return text.load(region, address, mask=mask)
