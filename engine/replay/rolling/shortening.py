"""Shortening: a tape in which a block repeats itself very often is rolled with a few of its trips only.

Rolling takes time for every node. So most trips are taken out of the middle of a tape, where arrays show that
each does what the one before it did, to what that did it to, one trip further on; and the loop that is found
is stretched again. How it grows with the trips of the tape is seen by rolling it with a few more.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, count
from typing import Any, NamedTuple

import numpy as np

from engine.replay.program.program import Space
from engine.replay.recording.tape import Instruction, Leaf, LeafKind, Leaves, Tape
from engine.replay.rolling.blocks import Block, verified
from engine.replay.rolling.collapse import Collapsed, Loop, collapse
from engine.replay.rolling.loops import with_loops
from engine.replay.rolling.periods import CODES, CONSTANT, Numbered, candidates, codes_of_weights, kind_of
from engine.replay.rolling.simplify import Flat, simplify

__all__ = ["collapsed_with_loops"]

Array = Any
Places = tuple[int, ...]
LEAST = 10_000  # instructions of a tape that is worth it
WINDOW = 1 << 14  # nodes in the middle of a tape, in which the period is looked for
KEPT = 16  # trips on either side of those that are taken out
STEP = 12  # their number is a multiple of this; so many more are left the second time


def collapsed_with_loops(tape: Tape, outputs: Places) -> Collapsed:
    """The nodes of the tape that these outputs need, collapsed, with loops where blocks repeat."""
    found = _by_few_trips(tape, outputs) if len(tape.instructions) >= LEAST else None
    return found or with_loops(collapse(simplify(tape, outputs)))


class _Short(NamedTuple):
    """A tape without some trips, its results, and for each of its inputs which of the whole tape's it is."""

    tape: Tape
    outputs: Places
    inputs: list[int]

    def rolled(self) -> Collapsed:
        return with_loops(collapse(simplify(self.tape, self.outputs)))


def _by_few_trips(tape: Tape, outputs: Places) -> Collapsed | None:
    """The whole from a part; None where the whole has to be seen."""
    block = _repeated(tape)
    if block is None:
        return None
    removed = (block.trips - 2 * KEPT) // STEP * STEP
    if 4 * removed * block.period < 3 * len(tape.instructions):
        return None
    short, longer = (_without(tape, outputs, block, trips) for trips in (removed, removed - STEP))
    if short is None or longer is None:
        return None
    found, other = short.rolled(), longer.rolled()
    pairs = zip(found.loops.values(), other.loops.values(), strict=False)
    grown = [loop for loop, more in pairs if more.trips == loop.trips + STEP and not loop.outputs]
    flat, whole = found.flat, short.inputs
    for place, leaf in flat.leaves.items():
        if leaf.kind is LeafKind.INPUT:
            flat.leaves[place] = leaf._replace(which=whole[leaf.which])
    flat.from_zero = tape.from_zero
    is_the_loop = len(grown) == 1 and _form(found) == _form(other)
    return found if is_the_loop and _stretch(flat, grown[0], grown[0].trips + removed) else None


def _form(collapsed: Collapsed) -> Any:
    """What does not change with the length of a loop: the bodies, and how much there is around them."""
    bodies = [loop.body.nodes for loop in collapsed.loops.values()]
    inside = [[(place, node[:2], [*node.terms]) for place, node in body.items()] for body in bodies]
    nodes = collapsed.nodes.values()
    return inside, len(nodes), sum(len(node.operands) + len(node.terms) for node in nodes)


def _repeated(tape: Tape) -> Block | None:
    """A block in the middle of the tape, of many trips with the same constants, that look not far back."""
    nodes = _numbered(tape)
    names, middle = nodes.names, len(nodes.names) // 2
    window = nodes.between(max(0, middle - WINDOW // 2), min(len(names), middle + WINDOW // 2))
    for period in sorted(candidates(window)):
        differ = np.flatnonzero(names[:-period] != names[period:])
        behind = int(np.searchsorted(differ, middle))
        start = int(differ[behind - 1]) + 1 if behind else 0
        stop = int(differ[behind]) if behind < len(differ) else len(names) - period
        block = verified(nodes, period, start, stop + period)
        if block is None or block.trips < 4 * KEPT:
            continue
        reach = (block.start - block.refs[0])[block.moving]
        constants = block.refs[:, kind_of(block.refs[0]) == CONSTANT]
        if (reach < KEPT * period).all() and (constants == constants[0]).all():
            return block
    return None


def _numbered(tape: Tape) -> Numbered:
    """The instructions as arrays."""
    operations, operands, _ = zip(*tape.instructions, strict=True)
    numbers: dict[str, int] = {}
    others = [
        CODES[kind] + (numbers.setdefault(number.hex(), len(numbers)) if kind is LeafKind.CONSTANT else which)
        for kind, which, number, _ in tape.leaves.others
    ]
    leaves = np.array([*codes_of_weights(tape.parameters, tape.leaves.weights), *others])
    counts = np.fromiter(map(len, operands), np.int64, len(operands))
    offsets = np.concatenate(([0], np.cumsum(counts)))
    places = np.fromiter(chain.from_iterable(operands), np.int64, int(offsets[-1]))
    refs = places - len(leaves)
    refs[refs < 0] = leaves[places[refs < 0]]
    words = {operation: number for number, operation in enumerate(dict.fromkeys(operations))}
    names = np.fromiter(map(words.__getitem__, operations), np.int64, len(operations)) + len(words) * counts
    return Numbered([*range(len(names))], names, names, offsets, refs, np.ones(len(refs)))


def _without(tape: Tape, outputs: Places, block: Block, trips: int) -> _Short | None:
    """The tape without so many trips of the block; None where something else reads what these compute."""
    first, gap = len(tape.leaves), trips * block.period
    start = block.start + KEPT * block.period  # of what goes: the number of the first node, and its place
    begin, end = first + start, first + start + gap
    behind = tape.instructions[start + gap :]
    others = chain.from_iterable(each.operands for each in behind[block.stop - start - gap :])
    if any(begin <= place < end for place in chain(outputs, others)):
        return None
    moved = [
        Instruction(operation, tuple([p - gap if p >= begin else p for p in operands]), label)
        for operation, operands, label in behind
    ]
    kept = [*tape.instructions[:start], *moved]
    read = {*chain.from_iterable(operands for _, operands, _ in kept), *outputs}
    leaves = [tape.leaves[place] for place in read if place < first]
    inputs = sorted({leaf.which for leaf in leaves if leaf.kind is LeafKind.INPUT})
    short_number = dict(zip(inputs, count())).get
    short = replace(
        tape,
        leaves=Leaves(
            tape.leaves.parameters,
            tape.held,
            [
                leaf._replace(which=short_number(leaf.which, 0)) if leaf.kind is LeafKind.INPUT else leaf
                for leaf in tape.leaves.others
            ],
        ),
        instructions=kept,
        from_zero=frozenset(short_number(which, 0) for which in tape.from_zero.intersection(inputs)),
    )
    return _Short(short, tuple([p - gap if p >= end else p for p in outputs]), inputs)


def _stretch(flat: Flat, loop: Loop, trips: int) -> bool:
    """Let the loop have so many trips; False where what it reads trip by trip is more than inputs."""
    place_of = {leaf.which: place for place, leaf in flat.leaves.items() if leaf.kind is LeafKind.INPUT}
    for number, (row, outsides) in enumerate(loop.steps):
        leaves = [flat.leaves.get(outside) for outside in outsides]
        read = [leaf.which for leaf in leaves if leaf and leaf.kind is LeafKind.INPUT]
        step = read[1] - read[0] if len(read) == len(leaves) else 0
        inputs = range(read[0], read[-1] + step, step) if step else range(0)
        if len(inputs) != trips or not {*inputs}.issuperset(read):
            return False
        if row in loop.body.flat.from_zero and not flat.from_zero.issuperset(inputs):
            return False
        for which in inputs:
            if which not in place_of:
                place_of[which] = flat.new_place(Space.VALUE)
                flat.leaves[place_of[which]] = Leaf(LeafKind.INPUT, which, 0.0, "")
        loop.steps[number] = (row, [place_of[which] for which in inputs])
    loop.trips = trips
    return True
