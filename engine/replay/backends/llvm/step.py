"""The text of a whole step: a function for every instruction, and two that are called from outside.

`outputs` and `gradients` take the address of a list of whole numbers, which `batch` describes.
The samples go through in blocks of as many as there are lanes. Where the last block is not full, its lanes
repeat the last sample, so that nothing unusual happens in them, and their gradient is seeded with 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.replay.backends.llvm.batch import begin, load_samples, mark_live, store_results
from engine.replay.backends.llvm.doubles import add_to_doubles, round_doubles
from engine.replay.backends.llvm.instructions import write_functions
from engine.replay.backends.llvm.kernels.fusion import Fused, fused, readers
from engine.replay.backends.llvm.kernels.rows import total_along
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.loops.loop import unkept, write_loop
from engine.replay.backends.llvm.loops.runs import write_run
from engine.replay.backends.llvm.plans import pieces
from engine.replay.backends.llvm.writing.lines import PARAMETERS
from engine.replay.backends.llvm.writing.module import Module, Region
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Instruction, Program, Repeat, Rows, Space

__all__ = ["BACK", "SUMS", "Flags", "Step", "Written", "write_step"]

THERE, BACK = 1, 2  # the parts of a program that each block of samples goes through
LOADED = "ptr %a, i64 %start, i64 %samples"  # what `load` is given too
SUMS = (Space.GRADIENT, Space.SHARED_ADJOINT)  # what all samples contribute to


@dataclass(frozen=True)
class Flags:
    """The bits of the processor's state that tell of a division by 0, an overflow, an invalid operation."""

    mask: int


class Written(NamedTuple):
    """A function that is written, and what it is, if it is no run."""

    name: str
    what: Fused | None

    @property
    def instruction(self) -> Instruction | None:
        """Its instruction, or the first of two."""
        return self.what.instruction if self.what else None


def write_step(
    module: Module,
    program: Program,
    widths: Sequence[int],
    layout: Layout,
    flags: Flags,
    entries: Collection[str] = ("outputs", "gradients"),
) -> list[list[Written]]:
    """Write into the module what is called from outside, and all functions of a program that it calls."""
    counts, unkept_names = readers(program), dict[str, str]()
    module.has_loops = program.has_loops

    def loop(instruction: Repeat, name: str) -> None:
        write_loop(module, layout, instruction, name, counts)
        unkept_names[name] = unkept(name)

    def functions(part: int, instructions: Sequence[Instruction]) -> Iterator[Written]:
        for number, piece in enumerate(pieces(instructions, layout.plans, layout.is_long)):
            name = f"part{part}_{number}"
            if isinstance(piece, tuple):
                write_run(module, layout, piece, name, counts, once=part not in (THERE, BACK))
                yield Written(name, None)
            else:
                some = fused(piece, layout, counts)
                names = write_functions(module, layout, some, name, adds=part == BACK, write_loop=loop)
                yield from map(Written, names, some)

    parts = program.parts() if "gradients" in entries else program.parts()[:BACK]
    written = [list(functions(part, instructions)) for part, (_, instructions) in enumerate(parts)]
    names = [[each.name for each in part] for part in written]
    _write_load(module, program, widths, layout)
    step = Step(module, program, layout, flags, names, "load", unkept_names)
    for entry in entries:
        step.write(entry, with_gradient=entry == "gradients")
    module.drop_uncalled()
    if "gradients" in entries:
        calls = [f"@{name}({PARAMETERS})" for part in names for name in part]
        module.export("function", f"{PARAMETERS}, {LOADED}", [*calls, f"@load({PARAMETERS}, {LOADED})"])
    return written


def _write_load(module: Module, program: Program, widths: Sequence[int], layout: Layout) -> None:
    """Write what copies the samples of a block."""
    text = Text(module, "load", f"{PARAMETERS}, {LOADED}")
    load_samples(text, layout, program, widths, "%start")
    text.end()


@dataclass(frozen=True)
class Step:
    """Writes the functions that are called from outside; they call `calls`, part by part, and `load`.

    By name, or by number as the `function` knows them whose address is in the list. In training, what is
    called by name moves weights, is `given` more, and looks if the gradient is finite; the batch is a single
    block then, and only the sums of the `rest` of the weights are cleared before.
    """

    module: Module
    program: Program
    layout: Layout
    flags: Flags
    calls: Sequence[Sequence[str | int]]
    load: str | int
    unkept: Mapping[str, str] = field(default_factory=dict)  # loops, where nobody will read their frames
    given: str = ""
    rest: Sequence[range] = ()

    def write(self, name: str, *, with_gradient: bool) -> None:
        """Everything that happens in one call; returns the flags that were raised."""
        layout, mask = self.layout, self.flags.mask
        text = Text(self.module, name, f"ptr %a{self.given}", "i32")
        begin(text)
        self.module.declare("i32 @feclearexcept(i32)")
        self.module.declare("i32 @fetestexcept(i32)")
        text.let(f"call i32 @feclearexcept(i32 {mask})")
        blocks = self._blocks(text)
        if with_gradient:
            self._clear(text)
            self._sum_in_doubles(text, blocks, _clear_doubles)
        if layout.doubles:
            round_doubles(text, layout, Space.WEIGHT)
        self._call_part(text, 0)

        def block(number: Index, so_far: list[str]) -> list[str]:
            start = text.times(number, layout.lanes)
            self._call(text, self.load, f"ptr %a, i64 {start}, i64 %samples")
            self._call_part(text, 1, keeps=with_gradient)
            if with_gradient:
                mark_live(text, layout, start)
                self._call_part(text, 2)
                self._sum_in_doubles(text, blocks, add_to_doubles)
            results = 1 if with_gradient else layout.operand(self.program.outputs).count
            store_results(text, layout, self.program, start, results)
            return [self._times_zero(text, self.program.outputs, results, so_far[0])]

        with text.wide(text.vector if layout.lanes > 1 else 1):
            zeros = text.loop(0, blocks, block, [text.number(0.0)])[0]
            zero = text.total(zeros)
        if with_gradient:
            self._sum_in_doubles(text, blocks, round_doubles)
            self._call_part(text, 3)
        if with_gradient and not self.given:
            zero = text.let(f"fadd {text.scalar} {zero}, {self._zero_of_gradient(text)}")
        is_nan = text.let(f"fcmp uno {text.scalar} {zero}, {zero}")
        raised = text.let(f"call i32 @fetestexcept(i32 {mask})")
        text.end(f"i32 {text.let(f'select i1 {is_nan}, i32 {mask}, i32 {raised}')}")

    def _blocks(self, text: Text) -> Index:
        """How many blocks a batch is."""
        if self.given:
            return 1
        whole = text.let(f"add i64 %samples, {self.layout.lanes - 1}")
        return text.let(f"udiv i64 {whole}, {self.layout.lanes}")

    def _clear(self, text: Text) -> None:
        """Begin all sums over samples, or those of the rest, with 0."""
        if not self.given:
            for space in SUMS:
                _clear(text, self.layout.regions[space])
            return
        region = self.layout.regions[Space.GRADIENT]
        for some in self.rest:
            if some.step == 1:
                _clear(text, region._replace(start=region.start + some.start, stop=region.start + some.stop))
                continue
            with text.wide(1):

                def one(number: Index, _: list[str], some: range = some) -> None:
                    address = text.plus(region.start + some.start, text.times(number, some.step))
                    text.store(region, address, text.number(0.0))

                text.loop(0, len(some), one)

    def _sum_in_doubles(self, text: Text, blocks: Index, part: Callable[[Text, Layout, Space], None]) -> None:
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

    def _call_part(self, text: Text, part: int, *, keeps: bool = True) -> None:
        """Call the functions of a part; where nobody will read them, loops keep no frames."""
        for called in self.calls[part]:
            if isinstance(called, int):
                self._call(text, called)
            else:
                self._call(text, called if keeps else self.unkept.get(called, called), self.given[2:])

    def _call(self, text: Text, called: str | int, more: str = "") -> None:
        if isinstance(called, int):
            more = more or "ptr %a, i64 0, i64 0"
            text.do(f"call void %function({PARAMETERS}, {more}, i64 {called})")
        else:
            text.do(f"call void @{called}({PARAMETERS}{more and f', {more}'})")


def _clear_doubles(text: Text, layout: Layout, space: Space) -> None:
    with text.doubles():
        _clear(text, layout.doubles[space])


def _clear(text: Text, region: Region) -> None:
    size = text.precision.size * (region.stop - region.start)
    if size:
        text.module.declare("void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        where = text.let(f"getelementptr inbounds {text.scalar}, ptr %m, i64 {region.start}")
        text.do(f"call void @llvm.memset.p0.i64(ptr {where}, i8 0, i64 {size}, i1 false)")
