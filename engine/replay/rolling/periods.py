"""Periods: where the collapsed nodes of a tape repeat themselves, found without knowing what for.

Nodes are numbered in the order in which they run. Each has a name, of what it does; a block that repeats is
a run of nodes that have the names of those so many places further on. Whether it is the same block, only
later, is told by what it refers to.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.replay.recording.tape import LeafKind
from engine.replay.rolling.collapse import NONE, Collapsed, Node, WeightedSum

__all__ = [
    "CODES",
    "CONSTANT",
    "HELD",
    "INPUT",
    "KIND",
    "VOID",
    "WEIGHT",
    "Numbered",
    "candidates",
    "codes_of_weights",
    "kind_of",
    "longest_run",
    "numbered",
]

Array = Any
KIND = 1 << 40  # the codes of leaves of one kind lie together, far from those of others
INPUT, WEIGHT, CONSTANT = 1, 2, 3  # kinds; a node has the kind 0
HELD = 1 << 30  # what is added to the number of a held value, which is a weight as parameters are
CODES = {LeafKind.INPUT: INPUT * KIND, LeafKind.CONSTANT: CONSTANT * KIND}
VOID = -1  # where a term has one factor
FREQUENT = 6  # gaps between equal words of one width that are tried
MULTIPLIER = 0x9E3779B97F4A7C15  # odd: powers of it tell the slots of a node apart


class Numbered(NamedTuple):
    """The nodes by number: what they do, and what they refer to.

    The slots of node i are those from offsets[i] to offsets[i + 1]. `refs` has for each the number of a node
    or the code of a leaf, `coefficients` the number that it is multiplied by. `names` tell nodes apart by
    what they do, `bare` without regard to whether it varies and is wanted.
    """

    places: list[int]
    names: Array
    bare: Array
    offsets: Array
    refs: Array
    coefficients: Array

    def between(self, first: int, last: int) -> Numbered:
        """Some of the nodes, one after the other; they refer to the same numbers."""
        slots = slice(self.offsets[first], self.offsets[last])
        return Numbered(
            self.places[first:last],
            self.names[first:last],
            self.bare[first:last],
            self.offsets[first : last + 1] - self.offsets[first],
            self.refs[slots],
            self.coefficients[slots],
        )


def numbered(collapsed: Collapsed) -> Numbered:
    """The nodes of a collapsed tape as arrays."""
    flat = collapsed.flat
    places = collapsed.descending[::-1]
    code: list[Any] = [None] * len(flat.operations) + [VOID]  # by place, and for NONE, which is the last
    for number, place in enumerate(places):
        code[place] = number
    code[: flat.weights] = codes_of_weights(flat.parameters, flat.weights)
    for place, (kind, which, _, _) in flat.leaves.items():
        code[place] = CODES[kind] + (place if kind is LeafKind.CONSTANT else which)
    words: dict[Hashable, int] = {}
    names: list[int] = []
    bare: list[int] = []
    counts: list[int] = []
    refs: list[int] = []
    coefficients: dict[int, float] = {}  # by slot, where it is not 1
    for place in places:
        node = collapsed.nodes[place]
        before, word = len(refs), _word(node)
        if node.operation is not None:
            refs += [code[operand] for operand in node.operands]
        elif isinstance(node.terms, WeightedSum):
            refs += _of_weighted_sum(node.terms, code)
        else:
            for coefficient, left, right in node.terms:
                refs += (code[left], code[right])
                if coefficient != 1.0:
                    coefficients[len(refs) - 2] = coefficient
        counts.append(len(refs) - before)
        bare.append(words.setdefault(word, len(words)))
        names.append(words.setdefault((word, flat.varies(place), flat.wanted[place]), len(words)))
    offsets = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    numbers = np.ones(len(refs))
    numbers[list(coefficients)] = list(coefficients.values())
    arrays = np.array(names), np.array(bare), offsets, np.array(refs, dtype=np.int64), numbers
    return Numbered(places, *arrays)


def _of_weighted_sum(weighted: WeightedSum, code: Sequence[int]) -> list[int]:
    """What the slots of a weighted sum refer to, left and right in turn."""
    refs = [VOID] * (2 * len(weighted))
    stop = 2 * len(weighted.weights)
    refs[0:stop:2] = map(code.__getitem__, weighted.weights)
    refs[1:stop:2] = map(code.__getitem__, weighted.values)
    if weighted.bias != NONE:
        refs[stop] = code[weighted.bias]
    return refs


def codes_of_weights(parameters: int, weights: int) -> list[int]:
    """The codes of so many parameters, and of the held values behind them."""
    first = WEIGHT * KIND
    return [*range(first, first + parameters), *range(first + HELD, first + HELD + weights - parameters)]


def kind_of(refs: Array) -> Array:
    """The kind of each reference: 0 for nodes, −1 for none."""
    return refs // KIND


def _word(node: Node) -> Hashable:
    """What a node does, without what it does it to."""
    if node.operation is not None:
        return (node.operation, len(node.operands))
    if isinstance(node.terms, WeightedSum):
        return (False,) * len(node.terms.weights) + (True,) * (node.terms.bias != NONE)
    return tuple([term.right == NONE for term in node.terms])


def candidates(nodes: Numbered) -> list[int]:
    """Lengths that the repeated block may have.

    The operation alone does not show the period: a recurrent cell is dot, tanh, dot, tanh, of period 2. Which
    weights are read does; where every layer has its own, how far off the operands are.
    """
    numbers = np.arange(len(nodes.names))
    kinds = kind_of(nodes.refs)
    readers = np.repeat(numbers, np.diff(nodes.offsets))
    weights = np.where(kinds == WEIGHT, nodes.refs, 0)
    distances = np.where(kinds == 0, readers - nodes.refs, 0)
    found: dict[int, None] = {}
    found.update(dict.fromkeys(_gaps(nodes.names)))
    if np.all(np.diff(nodes.offsets)):
        for told in (weights, distances):
            found.update(dict.fromkeys(_gaps(_told_apart(nodes, told))))
    return list(found)


def _told_apart(nodes: Numbered, told: Array) -> Array:
    """Names that differ where what stands in the slots differs; by chance, seldom, they do not."""
    within = np.arange(len(told)) - np.repeat(nodes.offsets[:-1], np.diff(nodes.offsets))
    mixed = (told.astype(np.uint64) + np.uint64(1)) * np.uint64(MULTIPLIER)
    mixed ^= mixed >> np.uint64(29)
    mixed *= (2 * within + 1).astype(np.uint64)
    sums = np.add.reduceat(mixed, nodes.offsets[:-1])
    return sums ^ (nodes.names.astype(np.uint64) * np.uint64(MULTIPLIER))


def _gaps(names: Array) -> list[int]:
    """The most frequent gaps between successive equal words of 1, 2, 4, … nodes."""
    found: list[int] = []
    words, width = names, 1
    while 3 * width <= len(names):
        order = np.argsort(words, kind="stable")
        is_equal = np.diff(words[order]) == 0
        if not is_equal.any():
            break
        counts = np.bincount(np.diff(order)[is_equal])
        likely = np.argsort(-counts, kind="stable")[:FREQUENT].tolist()
        found += [gap for gap in likely if counts[gap] >= 3]
        rank = np.zeros(len(words), dtype=np.int64)
        rank[order[1:]] = np.cumsum(~is_equal)
        words = rank[:-width] * (int(rank.max()) + 1) + rank[width:]
        width *= 2
    return found


def longest_run(same: Array) -> tuple[int, int]:
    """Where the longest run of True begins and ends; the first of several.

    >>> longest_run(np.array([True, False, True, True, False]))
    (2, 4)
    """
    edges = np.diff(np.concatenate(([0], same.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return 0, 0
    longest = int(np.argmax(ends - starts))
    return int(starts[longest]), int(ends[longest])
