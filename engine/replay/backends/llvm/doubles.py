"""What is in float64 where numbers are float32: what comes in, and what is summed over all samples.

Weights and samples are rounded by the machine code, whose flags tell of those that are too large. The
gradient of a block of samples is a float32 sum of few terms; those of all blocks, of which there may be
thousands, are summed in float64, for a sum of n terms may be off by n roundings.
"""

from __future__ import annotations

from engine.replay.backends.llvm.kernels.rows import along
from engine.replay.backends.llvm.layout import Layout
from engine.replay.backends.llvm.writing.text import Index, Text
from engine.replay.program.program import Space

__all__ = ["add_to_doubles", "round_doubles"]


def round_doubles(text: Text, layout: Layout, space: Space) -> None:
    """The numbers of a space are those that stand there as doubles, rounded."""
    source, target = layout.doubles[space], layout.regions[space]

    def part(offset: Index) -> None:
        with text.doubles():
            exact = text.load(source, text.plus(source.start, offset))
        text.store(target, text.plus(target.start, offset), text.rounded(exact))

    along(text, target.stop - target.start, part)


def add_to_doubles(text: Text, layout: Layout, space: Space) -> None:
    """The numbers of a space are added to the doubles, and begin again at 0."""
    source, target = layout.regions[space], layout.doubles[space]

    def part(offset: Index) -> None:
        address = text.plus(source.start, offset)
        exact = text.exact(text.load(source, address))
        text.store(source, address, text.number(0.0))
        with text.doubles():
            text.store(target, text.plus(target.start, offset), exact, accumulate=True)

    along(text, source.stop - source.start, part)
