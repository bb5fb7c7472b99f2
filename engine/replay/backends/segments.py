"""Segments: a large batch cut into parts, shared by threads; the results do not depend on how many there are.

Where a batch is cut is told by the program and the size of the batch alone. Threads take one segment after
the other; what each gives is kept apart, and is added in the order of the segments.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from typing import Any

from engine.errors import ReplayError
from engine.replay.program.program import (
    Elementwise,
    Instruction,
    LaneProduct,
    MatrixProduct,
    Pick,
    PlainInstruction,
    Program,
    Reduction,
    Repeat,
    Scatter,
    SumOfProducts,
)

__all__ = ["checked_threads", "cores", "cut", "effort", "share"]

WORTHWHILE = 25_000_000  # multiplications, by the estimate, that are worth threads: about a millisecond
LEAST = 10_000_000  # in a segment
MOST = 32  # segments
CURVED, MOVED = 10, 4  # multiplications that an elementwise operation, or a number moved, counts as


def effort(program: Program, *, gradient: bool) -> int:
    """How much a sample takes, in multiplications: an estimate that depends on the program alone."""
    instructions = [*program.forward, *(program.backward if gradient else ())]
    return MOVED * len(program.inputs) + sum(map(_effort_of, instructions))


def _effort_of(instruction: Instruction) -> int:
    if not isinstance(instruction, Repeat):
        return _effort_of_one(instruction)
    moved = len(instruction.entering) + sum(len(transfer.inside) for transfer in instruction.transfers)
    return instruction.trips * (MOVED * moved + sum(map(_effort_of_one, instruction.body)))


def _effort_of_one(instruction: PlainInstruction) -> int:
    match instruction:
        case MatrixProduct(out, matrix):
            return len(out) * matrix.columns
        case LaneProduct(out, left):
            return len(left) * out.columns
        case SumOfProducts(_, _, left):
            return len(left)
        case Elementwise(out, _, operands):
            return (CURVED if operands else MOVED) * len(out)
        case Reduction(_, _, operand):
            return CURVED * len(operand)
        case Pick(out) | Scatter(_, out):
            return MOVED * len(out)


def cut(samples: int, lanes: int, effort: int) -> list[tuple[int, int]]:
    """Where segments start and stop: at whole blocks of lanes; 1, 2, 4 … of them, one for a small batch.

    >>> cut(1000, 72, 100)
    [(0, 1000)]
    >>> cut(1000, 72, 40_000)
    [(0, 216), (216, 504), (504, 720), (720, 1000)]
    """
    blocks, work = -(-samples // lanes), effort * samples
    if work < WORTHWHILE:
        return [(0, samples)]
    count = 1 << (min(work // LEAST, blocks, MOST).bit_length() - 1)
    edges = [min(samples, number * blocks // count * lanes) for number in range(count + 1)]
    return list(pairwise(edges))


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_threads(threads: Any) -> int | None:
    """A number of threads, or None; ReplayError for anything else."""
    if threads is None or (isinstance(threads, int) and not isinstance(threads, bool) and threads >= 1):
        return threads
    accepted = "a whole number of at least 1, or None for as many as there are cores"
    raise ReplayError(f"threads must be {accepted}; got {threads!r}")


def share(work: Callable[[int, int], None], segments: int, threads: int) -> None:
    """work(segment, worker) for every segment: by this thread, which is worker 0, and by others, if allowed.

    Returns when all is done and no other thread works on it any more. The first error ends it and is raised.
    The others belong to one pool of this process, which makes a thread only when all are busy; where there is
    none to be had, this thread does it all.
    """
    threads = min(threads, segments)
    if threads == 1:
        for segment in range(segments):
            work(segment, 0)
        return
    job = _Job(work, segments)
    for worker in range(1, threads):
        _ask(job.join, worker)
    job.join(0)
    job.finish()


class _Job:
    """Segments that are still to do, and the threads that work on them."""

    def __init__(self, work: Callable[[int, int], None], segments: int) -> None:
        self._work, self._left = work, deque(range(segments))
        self._changed, self._inside, self._is_over = threading.Condition(), 0, False
        self._errors: list[BaseException] = []

    def join(self, worker: int) -> None:
        """Do segments until there are none left."""
        with self._changed:
            if self._is_over:
                return
            self._inside += 1
        try:
            while (segment := self._next()) is not None:
                self._work(segment, worker)
        except BaseException as error:  # noqa: BLE001  (raised by `finish`, in the thread that waits for all)
            self._left.clear()
            self._errors.append(error)
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def _next(self) -> int | None:
        try:
            return self._left.popleft()
        except IndexError:
            return None

    def finish(self) -> None:
        """Wait for the threads that are still at work, let none begin any more, and raise the first error."""
        with self._changed:
            self._is_over = True
            while self._inside:
                try:
                    self._changed.wait()
                except KeyboardInterrupt as error:  # not before nobody writes to our memory any more
                    self._left.clear()
                    self._errors.append(error)
        if self._errors:
            raise self._errors[0]


_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def _ask(join: Callable[[int], None], worker: int) -> None:
    """Have another thread join, when one is free."""
    global _pool  # noqa: PLW0603  (one for the process: threads do not grow with the number of programs)
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(MOST, thread_name_prefix="replay")
    with suppress(RuntimeError):  # the interpreter is about to end, or the system has no more threads
        _pool.submit(join, worker)


def _forget() -> None:
    """After a fork: the child has none of its parent's threads."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
