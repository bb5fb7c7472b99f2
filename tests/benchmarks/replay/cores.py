"""Cores: one for everybody, and all of them for the rows that are named so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ALL", "all_cores", "is_single", "take_one"]

ALL: frozenset[int] = frozenset(getattr(os, "sched_getaffinity", lambda _: ())(0))  # none known: not Linux
SWITCHES = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def take_one() -> None:
    """Keep this process, with all threads that it will start, on one core; ask everybody for one thread."""
    for variable, wanted in SWITCHES.items():
        os.environ.setdefault(variable, wanted)
    if ALL:
        os.sched_setaffinity(0, {max(ALL)})


def is_single() -> bool:
    """Whether this process is held to one core; elsewhere than on Linux the engines are only asked."""
    return bool(ALL) and len(os.sched_getaffinity(0)) == 1


@contextmanager
def all_cores() -> Iterator[None]:
    """Inside, this thread and those that it starts may use every core that the process was given."""
    before = os.sched_getaffinity(0) if ALL else set()
    if ALL:
        os.sched_setaffinity(0, ALL)
    try:
        yield
    finally:
        if ALL:
            os.sched_setaffinity(0, before)
