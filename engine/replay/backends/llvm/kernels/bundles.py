"""Gathered sums of many lanes in bundles: members whose terms have one factor in common are summed together.

Attention is full of them: all entries of a head take the same shares of their values, all positions that look
at one the same key. What they share is loaded once for a whole bundle: five loads for four products, not
eight, and four sums that need not wait for one another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

from engine.replay.backends.llvm.kernels.rows import put
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Rows, Space, SumOfProducts

__all__ = ["Bundles", "bundled", "sum_of_bundles"]

TOGETHER = 4  # members of a bundle
UNROLLED = 4  # terms that are written one after the other; more are looped over


class Bundle(NamedTuple):
    """Where the sums of a few members go, and term by term the factor they share and each one's own."""

    outs: tuple[int, ...]
    terms: tuple[tuple[int, ...], ...]


class Bundles(NamedTuple):
    """All members of an instruction, and the spaces of the factors that are shared and that are not."""

    shared: Space
    own: Space
    all: list[Bundle]


def bundled(layout: Layout, instruction: SumOfProducts) -> Bundles | None:
    """The members in bundles; None where few share anything, or where something has one lane for all."""
    left, right = instruction.left, instruction.right
    if right is None or len(set(instruction.coefficients)) > 1:
        return None
    if min(layout.width(rows.space) for rows in (instruction.out, left, right)) == 1:
        return None
    found = min(
        _bundles(layout, instruction, left, right),
        _bundles(layout, instruction, right, left),
        key=lambda bundles: len(bundles.all),
    )
    return found if 2 * len(found.all) <= len(instruction.ends) else None


def _bundles(layout: Layout, instruction: SumOfProducts, shared: Rows, own: Rows) -> Bundles:
    spans = list(zip((0, *instruction.ends), instruction.ends, strict=False))
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for member, (start, end) in enumerate(spans):
        alike[tuple(shared.places[start:end])].append(member)
    bundles = []
    for places, members in alike.items():
        addresses = [layout.address(shared.space, place) for place in places]
        for first in range(0, len(members), TOGETHER):
            together = members[first : first + TOGETHER]
            owns = [own.places[slice(*spans[member])] for member in together]
            terms = [
                (address, *(layout.address(own.space, place) for place in term))
                for address, term in zip(addresses, zip(*owns, strict=True), strict=True)
            ]
            outs = [layout.address(instruction.out.space, instruction.out.places[m]) for m in together]
            bundles.append(Bundle(tuple(outs), tuple(terms)))
    return Bundles(shared.space, own.space, bundles)


def sum_of_bundles(text: Text, layout: Layout, instruction: SumOfProducts, bundles: Bundles) -> None:
    """Write a loop over all bundles of one size and, where they have few, one number of terms."""
    groups: dict[tuple[int, int], list[Bundle]] = defaultdict(list)
    for bundle in bundles.all:
        few = len(bundle.terms) if len(bundle.terms) <= UNROLLED else 0
        groups[len(bundle.outs), few].append(bundle)
    for (size, few), alike in groups.items():
        _loop(text, layout, instruction, bundles._replace(all=alike), size, few)


def _loop(
    text: Text, layout: Layout, instruction: SumOfProducts, bundles: Bundles, size: int, few: int
) -> None:
    out = layout.operand(instruction.out)
    shared, own = layout.regions[bundles.shared], layout.regions[bundles.own]
    scale = instruction.coefficients[0] if instruction.coefficients else 1.0
    outs = layout.table(chain.from_iterable(bundle.outs for bundle in bundles.all))
    table = layout.table(entry for bundle in bundles.all for term in bundle.terms for entry in term)
    ends = -1 if few else layout.table((0, *accumulate(len(bundle.terms) for bundle in bundles.all)))

    def bundle(number: Index, _: Any) -> None:
        targets = [text.entry(text.plus(outs, text.times(number, size), k)) for k in range(size)]
        first = text.times(number, few) if few else text.entry(text.plus(ends, number))
        stop = text.plus(first, few) if few else text.entry(text.plus(ends, number, 1))

        def part(vector: Index, _: Any) -> None:
            offset = text.times(vector, text.width)

            def add(term: Index, sofar: Sequence[str]) -> list[str]:
                entries = [text.plus(table, text.times(term, size + 1), k) for k in range(size + 1)]
                places = [text.plus(text.entry(entry), offset) for entry in entries]
                common = text.load(shared, places[0])
                others = [text.load(own, place) for place in places[1:]]
                return [text.fma(common, other, s) for other, s in zip(others, sofar, strict=True)]

            sums = [text.number(0.0)] * size
            if few:
                for term in range(few):
                    sums = add(text.plus(first, term), sums)
            else:
                sums = text.loop(first, stop, add, sums)
            for target, found in zip(targets, sums, strict=True):
                scaled = found if scale == 1.0 else text.binary("fmul", found, text.number(scale))
                put(text, out, text.plus(target, offset), scaled, accumulate=instruction.accumulate)

        text.loop(0, layout.lanes // text.width, part)

    text.loop(0, len(bundles.all), bundle)
