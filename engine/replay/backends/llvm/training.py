"""Training as text: many steps in one call; each is the gradient of a batch, and the rule for all numbers.

`train` takes the address of a list: ENTRIES, and an address for each column that the rule remembers. For
every step it calls `gradients`, with a list that it moves on by `further` from step to step, and then what
moves the weights. It stops where something raises flags or is not finite, and returns how many steps are
done; in the next one the weights may have been moved already.

Dividing and taking roots, a processor can multiply. So where a batch is one block of lanes, the rule is woven
into the products that are the gradient by a matrix: it moves a tile's weights while the next one is summed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from engine.replay.backends.llvm.batch import HEAD
from engine.replay.backends.llvm.kernels.products import lane_product, makes_panels
from engine.replay.backends.llvm.kernels.rules import ZERO, ZEROS, Mover
from engine.replay.backends.llvm.step import BACK, SUMS, Step, Written
from engine.replay.backends.llvm.writing.lines import PARAMETERS
from engine.replay.backends.llvm.writing.module import Module
from engine.replay.program.program import Instruction, LaneProduct, Repeat, Rows, Space, reads, rows_of
from engine.replay.program.rule import Rule

__all__ = ["ZEROS", "write_move", "write_training"]

ENTRIES = (
    *("ptr %gradients", "ptr %list", "ptr %further", "i64 %length", "i64 %steps", "i64 %last"),
    *("ptr %weights", "ptr %gradient", "ptr %table", f"ptr {ZERO}"),
)
SAMPLES = HEAD.index("i64 %samples")  # in the list of `gradients`
LEAST_ROWS = 16  # of a gradient that a rule is woven into: each saves little, and the code takes time to make


def write_move(module: Module, rule: Rule, parameters: int) -> None:
    """Write `move`, which moves all weights, and what is remembered of them, or returns 1."""
    Mover(module, rule, parameters).write_move()


def write_training(step: Step, rule: Rule, written: Sequence[Sequence[Written]], *, is_block: bool) -> None:
    """Write `train` and all that it calls; what is `written` already it calls by number.

    Where every batch is one block of lanes, `is_block`, the rule is woven into what it can be.
    """
    mover = Mover(step.module, rule, step.program.wanted)
    mover.write_move()
    plan = _Plan(step, written, mover) if is_block and mover.is_plain else None
    if not plan or not plan.woven:
        _write_loop(mover, "%gradients(ptr %list)", f"@move({mover.given})")
        return
    given = f", {mover.given}"
    replace(step, calls=plan.calls, given=given, rest=plan.rest).write("gradients", with_gradient=True)
    mover.write_rest(plan.rest)
    _write_loop(mover, f"@gradients(ptr %list{given})", f"@rest({mover.given})")


class _Plan:
    """Which functions a step of training calls, in their order, and which of them the rule is `woven` into.

    Those are done last, and store what the only block gives. All other sums, the `rest`, are added to 0.
    """

    def __init__(self, step: Step, written: Sequence[Sequence[Written]], mover: Mover) -> None:
        self._step, self._mover = step, mover
        back, after = written[BACK], written[BACK + 1]
        sums = [each for each in back if _is_sum(each.instruction)]
        is_simple = not after and _are_apart([each.instruction for each in sums], mover.parameters)
        self.woven = [each for each in sums if is_simple and self._can_weave(each, back)]
        marks = bytearray(b"1" * mover.parameters)
        for each in self.woven:
            for places in _ranges(each.instruction):
                marks[places.start : places.stop : places.step] = bytes(len(places))
        self.rest = _regular([found.span() for found in re.finditer(b"1+", marks)])
        numbers = count()
        named = [[(next(numbers), each) for each in part] for part in written]
        self.calls: list[list[str | int]] = [
            [number for number, each in part if each not in self.woven] for part in named
        ]
        self.calls[BACK] += [self._weave(each) for each in self.woven]

    def _can_weave(self, one: Written, back: Sequence[Written]) -> bool:
        """Whether the rule can be woven into a product: nobody writes later what that reads."""
        product, step = one.instruction, self._step
        if not isinstance(product, LaneProduct) or product.out.rows < LEAST_ROWS:
            return False
        if product.accumulate or not makes_panels(step.layout, step.module, product):
            return False
        read = {(rows.space, place) for rows in reads(product) for place in rows.places if rows.space.wide}
        later = [each.instruction for each in back[back.index(one) + 1 :]]
        outs = [rows_of(each.out) for each in later if each is not None and not isinstance(each, Repeat)]
        return read.isdisjoint((rows.space, place) for rows in outs for place in rows.places)

    def _weave(self, one: Written) -> str:
        mover, product = self._mover, one.instruction
        assert isinstance(product, LaneProduct)  # noqa: S101  (see above)
        text = mover.text(one.name, f"{PARAMETERS}, {mover.given}")
        part = mover.part(text)
        start = self._step.layout.regions[Space.GRADIENT].start
        lane_product(text, self._step.layout, product, lambda address: part(text.plus(address, -start)))
        text.end()
        return one.name


def _is_sum(instruction: Instruction | None) -> bool:
    """Whether it is, or may have in it, a sum over all samples."""
    return instruction is None or isinstance(instruction, Repeat) or instruction.out.space in SUMS


def _are_apart(sums: Sequence[Instruction | None], parameters: int) -> bool:
    """Whether each parameter's gradient is the sum of one instruction alone."""
    marks, total = bytearray(parameters), 0
    for each in sums:
        if each is None or isinstance(each, Repeat):
            return False
        for places in _ranges(each):
            marks[places.start : places.stop : places.step] = b"1" * len(places)
            total += len(places)
    return total == marks.count(b"1")


def _regular(runs: Sequence[tuple[int, int]]) -> list[range]:
    """Runs of places as ranges; single ones, equally far from one another, are one together."""
    found: list[range] = []
    for start, stop in runs:
        last = found[-1] if found else range(0)
        if stop - start > 1 or not last:
            found.append(range(start, stop))
        elif len(last) == 1:
            found[-1] = range(last.start, stop, start - last.start)
        elif last.step > 1 and start == last.start + len(last) * last.step:
            found[-1] = range(last.start, stop, last.step)
        else:
            found.append(range(start, stop))
    return found


def _ranges(instruction: Instruction | None) -> list[range]:
    """The places that an instruction stores, in pieces that are regular."""
    assert instruction is not None and not isinstance(instruction, Repeat)  # noqa: S101, PT018
    thing = instruction.out
    if isinstance(thing, Rows) and isinstance(thing.places, range):
        return [thing.places]
    if isinstance(thing, Rows) or thing.listed or thing.column_stride < 1:
        return [range(place, place + 1) for place in rows_of(thing).places]
    width = thing.columns * thing.column_stride
    starts = [thing.start + row * thing.row_stride for row in range(thing.rows)]
    return [range(start, start + width, thing.column_stride) for start in starts]


def _write_loop(mover: Mover, gradients: str, moves: str) -> None:
    """Step after step; this loop can be left in its middle, so it is written out."""
    entries = [*ENTRIES, *(f"ptr {each}" for each in mover.pointers[1:])]
    lines = []
    for place, entry in enumerate(entries):
        kind, name = entry.split()
        lines += [
            f"{name}.at = getelementptr i64, ptr %a, i64 {place}",
            f"{name} = load {kind}, ptr {name}.at",
        ]
    mover.module.functions.append(
        "\n".join(["define i64 @train(ptr %a) {", "entry:", *lines])
        + _LOOP.format(samples=SAMPLES, width=1 + mover.rule.width, gradients=gradients, moves=moves)
    )


_LOOP = """
%samples.at = getelementptr i64, ptr %list, i64 {samples}
%final = sub i64 %steps, 1
br label %step
step:
%number = phi i64 [0, %entry], [%next, %moved]
%is_final = icmp eq i64 %number, %final
%full = load i64, ptr %samples.at
%samples = select i1 %is_final, i64 %last, i64 %full
store i64 %samples, ptr %samples.at
%row = mul i64 %number, {width}
%scalars = getelementptr double, ptr %table, i64 %row
%raised = call i32 {gradients}
%is_bad = icmp ne i32 %raised, 0
br i1 %is_bad, label %end, label %good
good:
%left = call i32 {moves}
%is_left = icmp ne i32 %left, 0
br i1 %is_left, label %end, label %further.on
further.on:
%place = phi i64 [0, %good], [%place.next, %further.on]
%entry.at = getelementptr i64, ptr %list, i64 %place
%more.at = getelementptr i64, ptr %further, i64 %place
%entry.now = load i64, ptr %entry.at
%more = load i64, ptr %more.at
%entry.next = add i64 %entry.now, %more
store i64 %entry.next, ptr %entry.at
%place.next = add i64 %place, 1
%is_entry = icmp slt i64 %place.next, %length
br i1 %is_entry, label %further.on, label %moved
moved:
%next = add i64 %number, 1
%is_more = icmp slt i64 %next, %steps
br i1 %is_more, label %step, label %end
end:
%done = phi i64 [%number, %step], [%number, %good], [%next, %moved]
ret i64 %done
}}"""
