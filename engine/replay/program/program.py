"""Program: a tape re-rolled into a few coarse instructions, each over many rows at once.

What is the same for all samples is computed once; the way back is written in the same instructions as the
way there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from engine.frozen import frozen
from engine.replay.program.describing import describe
from engine.replay.program.instructions import (
    Elementwise,
    LaneProduct,
    Matrix,
    MatrixProduct,
    Pick,
    PlainInstruction,
    Reduction,
    Row,
    Rows,
    Scatter,
    Space,
    SumOfProducts,
    as_sums,
    grid,
    rows_of,
)
from engine.replay.program.repeat import Instruction, Repeat, Transfer, every, reads, with_rows
from engine.replay.program.soundness import Soundness, ensure

__all__ = [
    "Elementwise",
    "Instruction",
    "LaneProduct",
    "Matrix",
    "MatrixProduct",
    "Pick",
    "PlainInstruction",
    "Program",
    "Reduction",
    "Repeat",
    "Row",
    "Rows",
    "Scatter",
    "Space",
    "SumOfProducts",
    "Transfer",
    "as_sums",
    "describe",
    "every",
    "grid",
    "reads",
    "rows_of",
    "with_rows",
]


@frozen
class Program:
    """Coarse instructions in four parts: for all samples at once, per sample, and the way back of both.

    `inputs` tells which input feeds the rows 0, 1, … of VALUE; `outputs` are rows of VALUE. `sizes` has the
    number of rows of each space. `wanted` counts the weights whose gradient is wanted, the first ones.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: Rows
    constants: tuple[float, ...]
    sizes: dict[Space, int]
    wanted: int
    shared_forward: tuple[Instruction, ...]
    forward: tuple[Instruction, ...]
    backward: tuple[Instruction, ...] = ()
    shared_backward: tuple[Instruction, ...] = ()

    def __len__(self) -> int:
        """How many instructions there are, both ways; those of a loop count once."""
        return sum(1 for _, part in self.parts() for _ in every(part))

    @property
    def has_loops(self) -> bool:
        """Whether there is a Repeat; they are in the two parts per sample."""
        return any(isinstance(instruction, Repeat) for instruction in self.forward)

    def parts(self) -> list[tuple[str, Sequence[Instruction]]]:
        """The four parts in the order in which they run, with their names."""
        return [
            ("once, forward", self.shared_forward),
            ("per sample, forward", self.forward),
            ("per sample, backward", self.backward),
            ("once, backward", self.shared_backward),
        ]

    def mapped(self, change: Callable[[Any], Iterable[Any]], *, inside: bool = False) -> Program:
        """The program with what `change` gives for each instruction; with `inside`, for those in loops."""
        names = ("shared_forward", "forward", "backward", "shared_backward")
        parts: dict[str, Any] = {name: tuple(_changed(getattr(self, name), change, inside)) for name in names}
        return replace(self, **parts)

    def verify(self) -> None:
        """Raise ReplayError unless all rows exist, lengths fit, and nothing is read before it is written."""
        sound = Soundness(self.sizes)
        sound.write(Rows(Space.VALUE, range(len(self.inputs))))
        for space in (Space.WEIGHT, Space.CONSTANT, Space.GRADIENT, Space.SHARED_ADJOINT):
            sound.write(Rows(space, range(self.sizes[space])))
        for part, instructions in self.parts():
            for number, instruction in enumerate(instructions):
                sound.check(instruction, f"{part}, instruction {number}")
        ensure(sound.are_written(self.outputs), "an output is never written")

    def __str__(self) -> str:
        rows = ", ".join(f"{size:,} {space.name.lower()}" for space, size in self.sizes.items() if size)
        lines = [f"program of {len(self):,} instructions; rows: {rows}"]
        for title, instructions in self.parts():
            if instructions:
                described = [line for i in instructions for line in describe(i).split("\n")]
                lines += [f"  {title}", *(f"    {line}" for line in described)]
        return "\n".join([*lines, f"  return {self.outputs}"])


def _changed(
    instructions: Sequence[Instruction], change: Callable[[Any], Iterable[Any]], inside: bool
) -> Iterator[Any]:
    for one in instructions:
        if inside and isinstance(one, Repeat):
            yield replace(one, body=tuple(_changed(one.body, change, inside)))
        else:
            yield from change(one)
