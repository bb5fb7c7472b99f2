"""Plans: what is written as straight-line code, and what is kept of a trip of a loop for the way back.

A loop whose body is small has its state in registers (`loops.trips`); others call a kernel for every
instruction of the body (`loops.calling`). Many small instructions in a row are a run (`loops.runs`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from engine.frozen import frozen
from engine.replay.backends.llvm.writing.functions import CURVES
from engine.replay.program.expression import operations_of
from engine.replay.program.program import (
    Elementwise,
    Instruction,
    LaneProduct,
    MatrixProduct,
    PlainInstruction,
    Program,
    Reduction,
    Repeat,
    Row,
    Space,
    SumOfProducts,
    Transfer,
    reads,
    rows_of,
)

__all__ = [
    "Plan",
    "Run",
    "by_trip",
    "pieces",
    "plans",
    "told_apart",
    "width_of_block",
    "written",
]

Run = tuple[PlainInstruction, ...]

VECTORS = 2  # that a block of lanes is: as many chains of operations go side by side in a processor
# Straight-line code is 2.5 to 5 times as fast as calls, however many lines it is (a chain of 32 masses, 64
# equations), but is made at 0.1 to 0.2 ms for each line. From 4 × 5 on the kernels of matrices are faster.
MOST_LINES = 1500  # of text of a trip, one way
MOST_ENTRIES = 15  # of a matrix
# Of instructions that are not in loops: how large one may be, and how many make a run of their own.
MOST_OPERATIONS, MANY = 90, 30
LOADED, CURVED = 4, 45  # lines that a row is which is loaded, and each of these operations


@frozen
class Plan:
    """How a loop and its way back are written as straight-line code.

    `sources` tell where rows of the frame come from that the body does not make. Of each trip the rows `kept`
    of its frame are stored. `sums` are the rows that every trip of the way back adds to.
    """

    forward: Repeat
    sources: dict[Row, tuple[Transfer, int]]
    kept: tuple[Row, ...]
    sums: tuple[Row, ...]


def width_of_block(lanes: int, vector: int) -> int:
    """How many lanes go through straight-line code together."""
    return next(width for width in (VECTORS * vector, vector, 1) if lanes % width == 0)


def plans(program: Program) -> dict[range, Plan]:
    """The plans of those loops of a program that are small enough, by their frames."""
    backs = {loop.frame: loop for loop in program.backward if isinstance(loop, Repeat)}
    loops = [loop for loop in program.forward if isinstance(loop, Repeat)]
    small = [loop for loop in loops if _is_small(loop) and _is_small(backs.get(loop.frame))]
    return {loop.frame: _plan(loop, backs.get(loop.frame)) for loop in small}


def _is_small(loop: Repeat | None) -> bool:
    """Whether a body is short as straight-line code, and without a matrix, which a kernel does better."""
    return loop is None or (_lines_of(loop) <= MOST_LINES and all(map(_can_be_straight, loop.body)))


def _can_be_straight(instruction: PlainInstruction) -> bool:
    match instruction:
        case MatrixProduct(_, matrix):
            return matrix.rows * matrix.columns <= MOST_ENTRIES
        case LaneProduct(matrix):
            return matrix.rows * matrix.columns <= MOST_ENTRIES
        case Elementwise():
            return not instruction.is_seed
        case _:
            return isinstance(instruction, SumOfProducts | Reduction)


def _lines_of(loop: Repeat) -> int:
    """About how many lines of text a trip is: each row that is loaded or added to in memory is some."""
    loaded = {row for row in _read(loop.body) if not row[0].wide or (loop.reverse and row[0] is Space.FRAME)}
    return LOADED * len(loaded) + sum(map(_operations_of, loop.body))


def _operations_of(instruction: PlainInstruction) -> int:
    found = 0
    match instruction:
        case MatrixProduct(out, matrix):
            found = len(out) * matrix.columns
        case LaneProduct(out, left):
            found = len(left) * out.columns
        case SumOfProducts(_, _, left, _, coefficients):
            found = len(left) * (2 if coefficients else 1)
        case Elementwise(out, expression):
            formula = sum(CURVED if each in CURVES else 2 for each in operations_of(expression))
            found = (formula or 1) * len(out)
        case Reduction(_, _, operand):
            found = CURVED * len(operand)
    return found


def _plan(forward: Repeat, back: Repeat | None) -> Plan:
    sources = {row: (each, number) for row, each, number in by_trip((*forward.given, *forward.steps))}
    read = _read(back.body) if back else set()
    kept = sorted((row for row in read if row[0] is Space.FRAME and row not in sources), key=itemgetter(1))
    return Plan(forward, sources, tuple(kept), _sums(back) if back else ())


def by_trip(transfers: Iterable[Transfer]) -> list[tuple[Row, Transfer, int]]:
    """The rows inside of transfers; of each its transfer, and the place in it."""
    return [(row, each, number) for each in transfers for number, row in enumerate(each.inside)]


def told_apart(program: Program) -> tuple[int, list[PlainInstruction]]:
    """(the lines of straight-line code, the instructions that have a kernel each)."""
    lines, others, planned = 0, list[PlainInstruction](), plans(program)
    for _, instructions in program.parts():
        for piece in pieces(instructions, planned):
            if isinstance(piece, tuple):
                lines += sum(map(_operations_of, piece))
            elif isinstance(piece, list):
                others += piece
            elif piece.frame in planned:
                lines += _lines_of(piece)
            else:
                others += piece.body
    return lines, others


def pieces(
    instructions: Iterable[Instruction],
    planned: Mapping[range, Plan],
    is_long: Callable[[Instruction], bool] = lambda _: False,
) -> Iterator[Repeat | Run | list[PlainInstruction]]:
    """The instructions of a part in their order: loops, runs of small ones, and lists of all others.

    Runs are made where many small ones follow one another, and beside loops of straight-line code; without
    what `is_long`, following the trips of a loop, for all numbers of which there is the same code.
    """
    others: list[PlainInstruction] = []
    for kind, group in groupby(instructions, lambda one: _kind(one) if not is_long(one) else list):
        some = list[Any](group)
        if kind is list or (kind is tuple and not planned and len(some) < MANY):
            others += some
            continue
        if others:
            yield others
        others = []
        yield from _runs(some) if kind is tuple else some
    if others:
        yield others


def _runs(instructions: Sequence[PlainInstruction]) -> Iterator[Run]:
    """Not too long ones."""
    run: list[PlainInstruction] = []
    lines = 0
    for each in instructions:
        more = _operations_of(each)
        if run and lines + more > MOST_LINES:
            yield tuple(run)
            run, lines = [], 0
        run.append(each)
        lines += more
    yield tuple(run)


def _kind(instruction: Instruction) -> type:
    """The kind of piece that it is in; what is large is in no run."""
    if isinstance(instruction, Repeat):
        return Repeat
    is_small = _can_be_straight(instruction) and _operations_of(instruction) <= MOST_OPERATIONS
    return tuple if is_small else list


def _read(body: Iterable[PlainInstruction]) -> set[Row]:
    return {row for each in body for rows in reads(each) for row in rows}


def written(body: Iterable[PlainInstruction]) -> list[Row]:
    """The rows that are written, in order, and as often as they are."""
    return [row for each in body for row in rows_of(each.out)]


def _sums(back: Repeat) -> tuple[Row, ...]:
    """The rows outside that every trip adds to, those of one space together."""
    given = [row for transfer in back.given for row in transfer.outside]
    found = [row for row in written(back.body) if not row[0].wide]
    return tuple(sorted(dict.fromkeys((*found, *given)), key=lambda row: row[0].name))
