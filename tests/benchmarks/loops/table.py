"""Table: every loop beside jax.jit of a scan, and how soon it is ready, line by line as they are measured."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from ..fresh import answer
from ..replay.contenders import TOLERANCE, ensure_agreement, installed
from ..replay.own_steps import get_over_the_first, replayed
from ..replay.table import machine
from ..replay.turns import take_turns
from .rows import LOOPS, NETWORKS, READY, Network, Row

__all__ = ["lines"]

SECONDS = 4.0  # of turns for each loop
STARTS = 3  # fresh processes for each time to ready
HEAD = (
    f"{'':22}{'ours, µs':>12}{'jax, µs':>12}{'x ours':>8}{'bar':>6}"
    f"{'ready':>10}{'CPU':>9}{'bar':>6}{'jax ready':>11}   what it became; recorded, rolled, code"
)
EXPLANATION = """\
jax: jit of value_and_grad of lax.scan, written by hand; least CPU times. x ours: its ÷ ours; higher is better
for us. ready: from the function to its first result, imports apart, least of 3 processes with empty cache
folders, and their CPU time; jax's, in this process, has its compiler in it. bar: what to reach."""


def lines(names: Sequence[str] = (), seconds: float = SECONDS) -> Iterator[str]:
    """The table as text, or the rows of these names; `seconds` of turns for each loop."""
    known = [row.name for row in (*LOOPS, *NETWORKS)]
    for name in names:
        if name not in known:
            raise SystemExit(f"no row is called {name}; there are: {', '.join(known)}")
    yield "loops over time: whole steps, the loss and the gradient of a batch, on one core, taking turns"
    yield EXPLANATION
    yield from machine(("numpy", "llvmlite", "jax"))
    yield HEAD
    yield from (_loop(row, seconds) for row in LOOPS if not names or row.name in names)
    yield from (_network(row) for row in NETWORKS if not names or row.name in names)


def _loop(row: Row, seconds: float) -> str:
    ready = _ready(row.name)
    work = row.make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        steps = {"ours": replayed(work)[0]}
    theirs = ""
    if installed("jax"):
        begun = time.perf_counter()
        steps["jax"] = import_module(".scans", __package__).jitted(work)
        found = steps["jax"]()
        theirs = f"{time.perf_counter() - begun:.2f} s"
        ensure_agreement(row.name, found, steps["ours"](), TOLERANCE["float64"])
    get_over_the_first(steps["ours"])
    times = take_turns(steps, seconds, time.process_time)
    ours = times["ours"].least
    columns = f"{ours * 1e6:12,.1f}"
    if theirs:
        columns += f"{times['jax'].least * 1e6:12,.1f}{times['jax'].least / ours:7.2f}x"
    else:
        columns += f"{'–':>12}{'–':>8}"
    return f"{row.name:22}{columns}{_bar(row.bar)}{_starting(ready, READY, theirs)}"


def _network(row: Network) -> str:
    return f"{row.name:22}{'':12}{'':12}{'':8}{'':6}{_starting(_ready(row.name), row.bar, '')}"


def _starting(ready: Any, bar: float, theirs: str) -> str:
    stages = ", ".join(f"{stage:.2f}" for stage in ready["stages"])
    became = (
        f"{ready['nodes']:,} nodes as {ready['instructions']:,} instructions, {ready['executor']}; {stages}"
    )
    return f"{ready['seconds']:8.2f} s{ready['cpu']:7.2f} s{_bar(bar)}{theirs:>11}   {became}"


def _bar(bar: float | None) -> str:
    return f"{bar:6g}" if bar else f"{'–':>6}"


def _ready(name: str) -> Any:
    """The quickest of a few starts in processes that find nothing made before; and the least CPU time."""
    found = []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as folder:
            found.append(answer("tests.benchmarks.loops.ready", name, cache=folder))
    least = min(float(each["cpu"]) for each in found)
    return {**min(found, key=lambda each: float(each["seconds"])), "cpu": least}
