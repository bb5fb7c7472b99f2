"""The text of a whole step: a function for every instruction, and the one that is called from outside.

It is `outputs` or `gradients`, and takes the address of a list of whole numbers, which `batch` describes.
The samples go through in blocks of as many as there are lanes. Where the last block is not full, its lanes
repeat the last sample, so that nothing unusual happens in them, and their gradient is seeded with 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from engine.frozen import frozen
from engine.replay.backends.llvm.batch import begin, load_samples, mark_live, store_results
from engine.replay.backends.llvm.doubles import add_to_doubles, round_doubles
from engine.replay.backends.llvm.instructions import write_functions
from engine.replay.backends.llvm.kernels.fusion import fused, readers
from engine.replay.backends.llvm.kernels.rows import total_along
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.loops.loop import write_loop
from engine.replay.backends.llvm.loops.runs import write_run
from engine.replay.backends.llvm.plans import pieces
from engine.replay.backends.llvm.writing.module import Module, Region
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Program, Repeat, Row, Space

__all__ = ["Flags", "write_step"]

THERE, BACK = 1, 2  # the parts of a program that each block of samples goes through
SUMS = (Space.GRADIENT, Space.SHARED_ADJOINT)  # what all samples contribute to


@frozen
class Flags:
    """The bits of the processor's state that tell of a division by 0, an overflow, an invalid operation."""

    mask: int


def write_step(
    module: Module, program: Program, widths: Sequence[int], layout: Layout, flags: Flags, name: str
) -> None:
    """Write into the module `outputs` or `gradients`, and all functions of a program that it calls."""
    module.has_loops = program.has_loops
    parts, keeps = (range(4), True) if name == "gradients" else (range(BACK), False)
    counts = readers(program)
    names = [list(_functions(module, program, layout, part, counts, keeps=keeps)) for part in parts]
    _Step(Text(module, name, "ptr %a", "i32"), program, widths, layout, names).write(flags.mask)


def _functions(
    module: Module, program: Program, layout: Layout, part: int, counts: Counter[Row], *, keeps: bool
) -> Iterator[str]:
    """Write the functions of a part; gives their names in the order in which they are called."""
    _, instructions = program.parts()[part]
    for number, piece in enumerate(pieces(instructions, layout.plans, layout.is_long)):
        name = f"part{part}_{number}"
        if isinstance(piece, list):
            some = fused(piece, layout, counts)
            yield from write_functions(module, layout, some, name, adds=part == BACK)
            continue
        if isinstance(piece, Repeat):
            write_loop(module, layout, piece, name, counts, keeps=keeps)
        else:
            write_run(module, layout, piece, name, counts, once=part not in (THERE, BACK))
        yield name


class _Step(NamedTuple):
    """Writes the function that is called from outside; `names` are those of the functions of each part."""

    text: Text
    program: Program
    widths: Sequence[int]
    layout: Layout
    names: Sequence[Sequence[str]]

    def write(self, mask: int) -> None:
        """Everything that happens in one call; returns the flags that were raised."""
        text, layout, with_gradient = self.text, self.layout, len(self.names) > BACK
        begin(text)
        text.module.declare("i32 @feclearexcept(i32)")
        text.module.declare("i32 @fetestexcept(i32)")
        text.let(f"call i32 @feclearexcept(i32 {mask})")
        whole = text.let(f"add i64 %samples, {layout.lanes - 1}")
        blocks = text.let(f"udiv i64 {whole}, {layout.lanes}")
        if with_gradient:
            for space in SUMS:
                _clear(text, layout.regions[space])
            self._sum_in_doubles(blocks, _clear_doubles)
        if layout.doubles:
            round_doubles(text, layout, Space.WEIGHT)
        self._call(0)

        def block(number: Index, so_far: list[str]) -> list[str]:
            start = text.times(number, layout.lanes)
            load_samples(text, layout, self.program, self.widths, start)
            self._call(THERE)
            if with_gradient:
                mark_live(text, layout, start)
                self._call(BACK)
                self._sum_in_doubles(blocks, add_to_doubles)
            outputs = layout.operand(self.program.outputs)
            count = 1 if with_gradient else outputs.count
            store_results(text, layout, self.program, start, count)

            def row(which: Index, zeros: list[str]) -> list[str]:
                zero = self._zero(outputs.region, outputs.at(text, which), outputs.width)
                return [text.binary("fadd", zeros[0], zero)]

            return text.loop(0, count, row, so_far)

        with text.wide(1):
            zero = text.loop(0, blocks, block, [text.number(0.0)])[0]
        if with_gradient:
            self._sum_in_doubles(blocks, round_doubles)
            self._call(3)
            gradient = layout.regions[Space.GRADIENT]
            wanted = self._zero(gradient, gradient.start, self.program.wanted)
            zero = text.let(f"fadd {text.scalar} {zero}, {wanted}")
        is_nan = text.let(f"fcmp uno {text.scalar} {zero}, {zero}")
        raised = text.let(f"call i32 @fetestexcept(i32 {mask})")
        text.end(f"i32 {text.let(f'select i1 {is_nan}, i32 {mask}, i32 {raised}')}")

    def _sum_in_doubles(self, blocks: str, part: Callable[[Text, Layout, Space], None]) -> None:
        """One part of summing float32 in float64, where there is more than one block to sum."""

        def parts() -> None:
            for space in SUMS:
                part(self.text, self.layout, space)

        if self.layout.doubles:
            self.text.when(self.text.let(f"icmp ugt i64 {blocks}, 1"), parts)

    def _zero(self, region: Region, start: Index, count: int) -> str:
        """The sum of so many numbers times 0: 0 where all are finite, else nan."""
        text = self.text

        def term(offset: Index) -> str:
            return text.binary("fmul", text.load(region, text.plus(start, offset)), text.number(0.0))

        return total_along(text, count, term)

    def _call(self, part: int) -> None:
        """Call the functions of a part."""
        for name in self.names[part]:
            self.text.do(f"call void @{name}(ptr %m, ptr %t)")


def _clear_doubles(text: Text, layout: Layout, space: Space) -> None:
    with text.doubles():
        _clear(text, layout.doubles[space])


def _clear(text: Text, region: Region) -> None:
    if region.stop > region.start:
        text.clear(region, region.start, region.stop - region.start)
