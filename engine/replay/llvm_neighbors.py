"""The kernel of gathered sums for a single sample: a vector holds eight neighboring members.

With one lane there is nothing to do side by side but the members themselves. All addresses are known while
the text is written, so for every eight of them the terms are looked at: their factors lie side by side (a
load), are the same for all (a number, broadcast), or lie anywhere (a gather). Eights of a kind share a loop,
whose tables say where. A member with fewer terms than its neighbors has holes: there a mask leaves the sum as
it is, whatever the factors are, for 0 × nan would not be 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.replay.llvm_layout import Layout
from engine.replay.llvm_module import Region
from engine.replay.llvm_text import Index, Text
from engine.replay.program import Rows, SumOfProducts

__all__ = ["sum_of_neighbors"]

UNROLLED = 4  # terms that are written one after the other; more are looped over
RUN, BROADCAST, GATHER = "run", "broadcast", "gather"


class Eight(NamedTuple):
    """Eight neighbors or fewer: where their sums go, and for each factor and term the lanes' addresses."""

    out: int
    live: int
    factors: tuple[tuple[tuple[int, ...], ...], ...]  # −1 in a hole
    kinds: tuple[str, ...]

    @property
    def terms(self) -> int:
        """The number of terms of the member that has most."""
        return len(self.factors[0])

    @property
    def has_holes(self) -> bool:
        """Whether some members have fewer terms than others."""
        return any(address < 0 for term in self.factors[0] for address in term[: self.live])


def sum_of_neighbors(text: Text, layout: Layout, instruction: SumOfProducts) -> None:
    """out[i] (+)= Σ coefficient × left × right, for rows of one lane."""
    regions = [layout.regions[instruction.left.space]]
    addresses = [_addresses(layout, instruction.left)]
    if instruction.right is not None:
        regions.append(layout.regions[instruction.right.space])
        addresses.append(_addresses(layout, instruction.right))
    scale = instruction.coefficients[0] if instruction.coefficients else 1.0
    if len(set(instruction.coefficients)) > 1:
        region, scale = layout.coefficients[instruction.coefficients], 1.0
        known: dict[float, int] = {}  # equal coefficients are read from one place, and so are often broadcast
        regions.append(region)
        numbered = enumerate(instruction.coefficients, region.start)
        addresses.append([known.setdefault(number, place) for place, number in numbered])
    groups: dict[tuple[Any, ...], list[Eight]] = defaultdict(list)
    for eight in _eights(_addresses(layout, instruction.out), instruction.ends, addresses, text.vector):
        few = eight.terms if eight.terms <= UNROLLED else 0
        groups[eight.live, eight.kinds, eight.has_holes, few].append(eight)
    out = layout.regions[instruction.out.space]
    for (live, kinds, has_holes, few), eights in groups.items():
        loop = _Loop(
            text, layout, out, regions, kinds, live, has_holes, few, instruction.accumulate, scale, eights
        )
        loop.write()


def _addresses(layout: Layout, rows: Rows) -> list[int]:
    region = layout.regions[rows.space]
    return [region.start + place for place in rows.places]


def _eights(
    outs: Sequence[int], ends: Sequence[int], addresses: Sequence[Sequence[int]], vector: int
) -> list[Eight]:
    """The members in eights whose sums lie side by side."""
    starts = (0, *ends)
    found: list[Eight] = []
    first = 0
    while first < len(outs):
        live = 1
        while live < vector and first + live < len(outs) and outs[first + live] == outs[first] + live:
            live += 1
        lanes = range(first, first + live)
        most = max(ends[lane] - starts[lane] for lane in lanes)
        factors = tuple(
            tuple(
                tuple(
                    listed[starts[lane] + term] if starts[lane] + term < ends[lane] else -1 for lane in lanes
                )
                for term in range(most)
            )
            for listed in addresses
        )
        kinds = tuple(_kind(terms) if live == vector else _kind_of_few(terms) for terms in factors)
        found.append(Eight(outs[first], live, factors, kinds))
        first += live
    return found


def _kind(terms: Sequence[Sequence[int]]) -> str:
    """How the addresses of all terms can be read."""
    if all(len({a - lane for lane, a in enumerate(term) if a >= 0}) == 1 for term in terms):
        return RUN
    return _kind_of_few(terms)


def _kind_of_few(terms: Sequence[Sequence[int]]) -> str:
    is_same = all(len({address for address in term if address >= 0}) == 1 for term in terms)
    return BROADCAST if is_same else GATHER


@dataclass
class _Loop:
    """One loop over eights of a kind."""

    text: Text
    layout: Layout
    out: Region
    regions: Sequence[Region]
    kinds: Sequence[str]
    live: int
    has_holes: bool
    few: int
    accumulate: bool
    scale: float
    eights: list[Eight]
    tables: list[int] = field(default_factory=list)
    masks: int = -1

    def write(self) -> None:
        """The tables, then the loop that follows them."""
        text, layout = self.text, self.layout
        for number, (kind, region) in enumerate(zip(self.kinds, self.regions, strict=True)):
            entries = [
                e
                for eight in self.eights
                for t in eight.factors[number]
                for e in _entries(kind, t, text.vector)
            ]
            self.tables.append(layout.table(entries))
            assert self.has_holes or all(region.start <= e < region.stop for e in entries)  # noqa: S101
        if self.has_holes:
            self.masks = layout.table(
                sum((address >= 0) << lane for lane, address in enumerate(term))
                for eight in self.eights
                for term in eight.factors[0]
            )
        ends = [0]
        for eight in self.eights:
            ends.append(ends[-1] + eight.terms)
        bounds = -1 if self.few else layout.table(ends)
        outs = layout.table(eight.out for eight in self.eights)
        is_row = all(eight.out == self.eights[0].out + text.vector * k for k, eight in enumerate(self.eights))

        def one_eight(number: Index, _: Sequence[str]) -> None:
            first = text.plus(self.eights[0].out, text.times(number, text.vector))
            target = first if is_row else text.entry(text.plus(outs, number))
            if self.few:
                total = ""
                for term in range(self.few):
                    total = self._add(text.plus(text.times(number, self.few), term), total)
            else:
                start = text.entry(text.plus(bounds, number))
                stop = text.entry(text.plus(bounds, number, 1))
                total = text.loop(start, stop, lambda t, c: [self._add(t, c[0])], [text.number(0.0)])[0]
            self._store(target, total)

        text.loop(0, len(self.eights), one_eight)

    def _store(self, target: Index, total: str) -> None:
        text = self.text
        if self.scale != 1.0:
            total = text.binary("fmul", total, text.number(self.scale))
        if self.accumulate:
            total = text.binary("fadd", text.load_live(self.out, target, self.live), total)
        text.store(self.out, target, total, self.live)

    def _add(self, term: Index, sofar: str) -> str:
        """One term of all eight members; in a hole the sum stays as it is."""
        text = self.text
        mask = ""
        if self.has_holes:
            bits = text.let(f"trunc i64 {text.entry(text.plus(self.masks, term))} to i{text.vector}")
            mask = text.let(f"bitcast i{text.vector} {bits} to {text.truth}")
        loaded = [self._load(number, term, mask) for number in range(len(self.kinds))]
        *firsts, last = loaded
        for factor in firsts[1:]:
            firsts[0] = text.binary("fmul", firsts[0], factor)
        if not sofar and not mask:
            return text.binary("fmul", firsts[0], last) if firsts else last
        sofar = sofar or text.number(0.0)
        added = text.fma(firsts[0], last, sofar) if firsts else text.binary("fadd", sofar, last)
        return text.select(mask, added, sofar) if mask else added

    def _load(self, number: int, term: Index, mask: str) -> str:
        text, region, kind = self.text, self.regions[number], self.kinds[number]
        place = text.plus(self.tables[number], text.times(term, text.vector if kind == GATHER else 1))
        if kind == GATHER:
            return text.gather(place)
        address = text.entry(place)
        if kind == BROADCAST:
            return text.splat(text.load_one(region, address))
        return text.load_masked(address, mask) if mask else text.load(region, address)


def _entries(kind: str, term: Sequence[int], vector: int) -> list[int]:
    """What the table of a factor says of one term; a lane in a hole, or behind the last, repeats another."""
    lane, address = next((lane, address) for lane, address in enumerate(term) if address >= 0)
    if kind == RUN:
        return [address - lane]
    if kind == BROADCAST:
        return [address]
    filled = [other if other >= 0 else address for other in term]
    return [*filled, *[address] * (vector - len(filled))]
