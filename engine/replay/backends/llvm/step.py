"""The text of a whole step: a function for every instruction, and the one that is called from outside.

It is `outputs` or `gradients`, and takes the address of a list of whole numbers, which `batch` describes.
The samples go through in blocks of as many as there are lanes. Where the last block is not full, its lanes
repeat the last sample, so that nothing unusual happens in them, and their gradient is seeded with 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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
from engine.replay.program.program import Program, Repeat, Rows, Space

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
    step = _Step(module, program, widths, layout, flags, with_gradient=name == "gradients")
    step.write(name)


@dataclass
class _Step:
    """Writes the function that is called from outside, and those that it calls."""

    module: Module
    program: Program
    widths: Sequence[int]
    layout: Layout
    flags: Flags
    with_gradient: bool

    def _functions(self, part: int) -> Iterator[str]:
        """Write the functions of a part; gives their names in the order in which they are called."""
        module, layout, counts = self.module, self.layout, self.counts
        _, instructions = self.program.parts()[part]
        for number, piece in enumerate(pieces(instructions, layout.plans, layout.is_long)):
            name = f"part{part}_{number}"
            if isinstance(piece, list):
                some = fused(piece, layout, counts)
                yield from write_functions(module, layout, some, name, adds=part == BACK)
                continue
            if isinstance(piece, Repeat):
                write_loop(module, layout, piece, name, counts, keeps=self.with_gradient)
            else:
                write_run(module, layout, piece, name, counts, once=part not in (THERE, BACK))
            yield name

    def write(self, name: str) -> None:
        """Everything that happens in one call; returns the flags that were raised."""
        with_gradient, self.counts = self.with_gradient, readers(self.program)
        self.names = [list(self._functions(part)) for part in range(4 if with_gradient else BACK)]
        text, layout, mask = Text(self.module, name, "ptr %a", "i32"), self.layout, self.flags.mask
        begin(text)
        self.module.declare("i32 @feclearexcept(i32)")
        self.module.declare("i32 @fetestexcept(i32)")
        text.let(f"call i32 @feclearexcept(i32 {mask})")
        whole = text.let(f"add i64 %samples, {layout.lanes - 1}")
        blocks = text.let(f"udiv i64 {whole}, {layout.lanes}")
        if with_gradient:
            for space in SUMS:
                _clear(text, layout.regions[space])
            self._sum_in_doubles(text, blocks, _clear_doubles)
        if layout.doubles:
            round_doubles(text, layout, Space.WEIGHT)
        self._call(text, 0)

        def block(number: Index, so_far: list[str]) -> list[str]:
            start = text.times(number, layout.lanes)
            load_samples(text, layout, self.program, self.widths, start)
            self._call(text, THERE)
            if with_gradient:
                mark_live(text, layout, start)
                self._call(text, BACK)
                self._sum_in_doubles(text, blocks, add_to_doubles)
            count = 1 if with_gradient else layout.operand(self.program.outputs).count
            store_results(text, layout, self.program, start, count)
            return [self._times_zero(text, self.program.outputs, count, so_far[0])]

        with text.wide(text.vector if layout.lanes > 1 else 1):
            zeros = text.loop(0, blocks, block, [text.number(0.0)])[0]
            zero = text.total(zeros)
        if with_gradient:
            self._sum_in_doubles(text, blocks, round_doubles)
            self._call(text, 3)
            zero = text.let(f"fadd {text.scalar} {zero}, {self._zero_of_gradient(text)}")
        is_nan = text.let(f"fcmp uno {text.scalar} {zero}, {zero}")
        raised = text.let(f"call i32 @fetestexcept(i32 {mask})")
        text.end(f"i32 {text.let(f'select i1 {is_nan}, i32 {mask}, i32 {raised}')}")

    def _sum_in_doubles(self, text: Text, blocks: str, part: Callable[[Text, Layout, Space], None]) -> None:
        """One part of summing float32 in float64, where there is more than one block to sum."""

        def parts() -> None:
            for space in SUMS:
                part(text, self.layout, space)

        if self.layout.doubles:
            text.when(text.let(f"icmp ugt i64 {blocks}, 1"), parts)

    def _times_zero(self, text: Text, rows: Rows, count: int, so_far: str) -> str:
        """The sum of the first rows' numbers times 0: 0 where all are finite, else nan."""
        operand, zero = self.layout.operand(rows), text.number(0.0)

        def row(which: Index, sums: list[str]) -> list[str]:
            def part(vector: Index, inner: list[str]) -> list[str]:
                address = text.plus(operand.at(text, which), text.times(vector, text.width))
                return [text.fma(text.load(operand.region, address), zero, inner[0])]

            return text.loop(0, operand.width // text.width, part, sums)

        return text.loop(0, count, row, [so_far])[0]

    def _zero_of_gradient(self, text: Text) -> str:
        """The same for the gradient."""
        region = self.layout.regions[Space.GRADIENT]

        def term(offset: Index) -> str:
            found = text.load(region, text.plus(region.start, offset))
            return text.binary("fmul", found, text.number(0.0))

        return total_along(text, self.program.wanted, term)

    def _call(self, text: Text, part: int) -> None:
        """Call the functions of a part."""
        for name in self.names[part]:
            text.do(f"call void @{name}(ptr %m, ptr %t)")


def _clear_doubles(text: Text, layout: Layout, space: Space) -> None:
    with text.doubles():
        _clear(text, layout.doubles[space])


def _clear(text: Text, region: Region) -> None:
    if region.stop > region.start:
        text.clear(region, region.start, region.stop - region.start)
