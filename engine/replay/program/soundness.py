"""Whether instructions are sound: all rows exist, lengths fit, nothing is read before it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from engine.errors import ReplayError
from engine.replay.program.describing import describe
from engine.replay.program.instructions import (
    Elementwise,
    LaneProduct,
    MatrixProduct,
    Pick,
    PlainInstruction,
    Reduction,
    Rows,
    Scatter,
    Space,
    SumOfProducts,
    rows_of,
)
from engine.replay.program.repeat import Instruction, Repeat, reads

__all__ = ["Soundness", "ensure"]

NARROW = (Space.WEIGHT, Space.CONSTANT, Space.SHARED)
SUMMED = (Space.GRADIENT, Space.SHARED_ADJOINT)
FRAMES = (Space.FRAME, Space.FRAME_ADJOINT)


class Soundness:
    """Takes instructions in the order in which they run, and knows which rows are written."""

    def __init__(self, sizes: dict[Space, int]) -> None:
        self._written = {space: np.zeros(sizes.get(space, 0), dtype=bool) for space in Space}
        self._kept = self._written[Space.FRAME].copy()  # rows that a loop forward has filled

    def check(self, instruction: Instruction, where: str) -> None:
        """Raise ReplayError unless the instruction is sound behind those before it."""
        where = f"{where}: {describe(instruction)}"
        if isinstance(instruction, Repeat):
            self._check_loop(instruction, where)
        else:
            self._check_plain(instruction, where)

    def _check_plain(self, instruction: PlainInstruction, where: str) -> None:
        _ensure_fits(instruction, where)
        for rows in reads(instruction):
            self._ensure_written(rows, where)
        out = rows_of(instruction.out)
        may_repeat = isinstance(out.places, range) or isinstance(instruction, Scatter)
        ensure(may_repeat or len(set(out.places)) == len(out), f"{where} writes a row twice")
        self._write(out, where)

    def are_written(self, rows: Rows) -> bool:
        """Whether all these rows exist and are written."""
        return self._exist(rows) and bool(self._written[rows.space][rows.index].all())

    def _exist(self, rows: Rows) -> bool:
        places, size = rows.places, len(self._written[rows.space])
        ends = (places[0], places[-1]) if isinstance(places, range) and places else places
        return not ends or (min(ends) >= 0 and max(ends) < size)

    def _ensure_written(self, rows: Rows, where: str) -> None:
        if not self.are_written(rows):
            ensure(False, f"{where} reads what is not written: {rows}")

    def _write(self, rows: Rows, where: str) -> None:
        ensure(self._exist(rows), f"{where} writes outside {rows.space.name}")
        self.write(rows)

    def write(self, rows: Rows) -> None:
        """These rows are written."""
        self._written[rows.space][rows.index] = True

    def _check_loop(self, loop: Repeat, where: str) -> None:
        _ensure_transfers_fit(loop, where)
        for transfer in loop.arriving:
            self._ensure_written(transfer.outside, where)
        frame = slice(loop.frame.start, loop.frame.stop)
        if loop.reverse:
            self._written[Space.FRAME][frame] = self._kept[frame]
            coming = [loop.leaving, *(t.inside for t in (*loop.finals, *loop.outputs))]
            leaving = [loop.entering, *(t.inside for t in loop.departing)]
        else:
            coming = [loop.entering, *(t.inside for t in (*loop.given, *loop.steps))]
            leaving = [loop.leaving, *(t.inside for t in loop.departing)]
        for rows in coming:
            self._write(rows, where)
        self._check_body(loop, set() if loop.reverse else _places(coming), where)
        for rows in leaving:
            self._ensure_written(rows, where)
        if not loop.reverse:
            self._kept[frame] = self._written[Space.FRAME][frame]
        for inner in FRAMES:
            written = self._written[inner]
            is_inside = not (written[: frame.start].any() or written[frame.stop :].any())
            ensure(is_inside, f"{where} writes outside its frame")
            written[:] = False
        for transfer in loop.departing:
            self._write(transfer.outside, where)

    def _check_body(self, loop: Repeat, incoming: set[int], where: str) -> None:
        """The body writes its frame only, not what came in; on the way back it adds to what is summed."""
        allowed = {FRAMES[loop.reverse]}
        for number, plain in enumerate(loop.body):
            inner = f"{where}, in the body {number}: {describe(plain)}"
            out = rows_of(plain.out)
            is_summed = loop.reverse and out.space in SUMMED and plain.accumulate
            ensure(out.space in allowed or is_summed, f"{inner} may not write {out.space.name}")
            is_free = out.space is not Space.FRAME or incoming.isdisjoint(out.places)
            ensure(is_free, f"{inner} writes what came in")
            for rows in reads(plain):
                is_near = rows.space in (*NARROW, *FRAMES) or is_summed
                ensure(is_near, f"{inner} reads {rows.space.name}")
            self._check_plain(plain, inner)


def _places(rows: Iterable[Rows]) -> set[int]:
    return {place for some in rows for place in some.places}


def _ensure_transfers_fit(loop: Repeat, where: str) -> None:
    """Numbers of rows, spaces, and that no row comes in from two places."""
    ensure(loop.trips >= 1, f"{where}: no trips")
    space, outer = FRAMES[loop.reverse], Space.ADJOINT if loop.reverse else Space.VALUE
    ensure(len(loop.entering) == len(loop.leaving), f"{where}: not as many rows enter as leave")
    rows = [loop.entering, loop.leaving, *(transfer.inside for transfer in loop.transfers)]
    ensure(all(some.space is space for some in rows), f"{where}: what is inside is not in {space.name}")
    for transfers, times in (
        ((*loop.before, *loop.given, *loop.finals), 1),
        ((*loop.steps, *loop.outputs), loop.trips),
    ):
        fits = all(len(t.outside) == times * len(t.inside) for t in transfers)
        ensure(fits, f"{where}: a transfer's lengths do not fit")
    arriving = () if loop.reverse else loop.arriving
    for transfer in loop.transfers:
        is_narrow = transfer in arriving and transfer.outside.space in NARROW
        ensure(is_narrow or transfer.outside.space is outer, f"{where} may not move {transfer.outside}")
    _ensure_once(loop, where)


def _ensure_once(loop: Repeat, where: str) -> None:
    carried = [place for transfer in loop.before for place in transfer.inside.places]
    begins = Counter(carried) == Counter(loop.entering.places) or loop.reverse
    ensure(begins, f"{where}: what enters does not begin once")
    incoming = [*carried, *(place for t in (*loop.given, *loop.steps) for place in t.inside.places)]
    ensure(len(set(incoming)) == len(incoming), f"{where}: a row comes in twice")
    ensure(len(set(loop.leaving.places)) == len(loop.leaving), f"{where}: a row leaves twice")
    results = (*loop.leaving.places, *(p for t in (*loop.finals, *loop.outputs) for p in t.inside.places))
    ensure(set(incoming).isdisjoint(results), f"{where}: a row that comes in is a result")
    for transfer in loop.departing:
        parts = range(len(transfer.outside) // len(transfer.inside))
        once = all(len(set(transfer.part(trip).places)) == len(transfer.inside) for trip in parts)
        ensure(once, f"{where} moves to a row twice")


def _ensure_fits(instruction: PlainInstruction, where: str) -> None:
    """The lengths of operands and result fit."""
    match instruction:
        case MatrixProduct(out, matrix, operand, bias):
            is_biased = bias is None or (len(bias) == matrix.rows and not instruction.accumulate)
            fits = is_biased and len(out) * matrix.columns == len(operand) * matrix.rows
        case LaneProduct(out, left, right):
            fits = len(left) * out.columns == len(right) * out.rows
        case SumOfProducts(out, ends, left, right, coefficients):
            lengths = {len(left), ends[-1], len(right) if right else ends[-1], len(coefficients) or ends[-1]}
            fits = len(out) == len(ends) and len(lengths) == 1 and list(ends) == sorted(set(ends))
        case Elementwise(out, _, operands):
            fits = all(len(rows) == len(out) for rows in operands)
        case Reduction(out, _, operand):
            fits = len(operand) % len(out) == 0
        case Pick(out, index, table):
            fits = len(index) == len(out) and len(table) % len(out) == 0
        case Scatter(out, index, left):
            fits = len(index) == len(left) and len(out) % len(left) == 0
    ensure(fits, f"{where}: lengths do not fit")


def ensure(holds: bool, what: str) -> None:
    """Raise ReplayError unless it holds."""
    if not holds:
        raise ReplayError(f"this program is not sound: {what}")
