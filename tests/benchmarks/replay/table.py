"""Table: every workload with its contenders, line by line as they are measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator

from . import cores, own_steps
from .contenders import PACKAGES, Contender, contenders, installed
from .language import language
from .multiply_adds import multiply_adds
from .networks import digits, moons
from .turns import Times, take_turns
from .workload import Workload

__all__ = ["lines"]

SECONDS = 8.0  # of turns for each workload
WORKLOADS: tuple[Callable[[], Workload], ...] = (
    lambda: moons(100),
    lambda: moons(10_000),
    lambda: digits(32),
    lambda: digits(1797),
    lambda: language(8, 1),
    lambda: language(16, 1),
    lambda: language(8, 64),
)
COLUMNS = f"{'least µs':>12}{'median µs':>12}{'x replay':>11}{'GFLOP/s':>10}{'of peak':>10}{'first call':>13}"
PEAK = "the FMA peak"


def lines(seconds: float = SECONDS) -> Iterator[str]:
    """The table as text; `seconds` of turns for each workload."""
    yield from _heading()
    for make in WORKLOADS:
        yield ""
        yield from _block(make(), seconds)


def _heading() -> Iterator[str]:
    have = [f"{package} {installed(package)}" for package in PACKAGES if installed(package)]
    lack = [package for package in PACKAGES if not installed(package)]
    held = "on one core" if cores.is_single() else "with one thread each, as far as they obey"
    yield f"replay: steps of all engines {held}, taking turns; loss and gradient of a batch in float64"
    yield "x replay: their least time ÷ ours, higher is better for us. GFLOP/s: of the products alone, as counted"
    yield "in our program; the peak is a loop of nothing but multiply-adds, which takes turns with the others."
    yield f"Python {platform.python_version()}, {', '.join(have)}; {os.cpu_count()} cores"
    if lack:
        yield f"not installed here, so not in this table: {', '.join(lack)} (pip install {' '.join(lack)})"


def _block(work: Workload, seconds: float) -> Iterator[str]:
    """A workload: what it took to record and compile it, and a line for each contender."""
    those = list(contenders(work))
    steps = {contender.name: contender.step for contender in those}
    operations = 0
    if installed("llvmlite"):
        from .peak import OPERATIONS, peak  # noqa: PLC0415  (needs llvmlite)

        steps[PEAK], operations = peak(), OPERATIONS
    times = take_turns(steps, seconds)
    peak_speed = operations / times[PEAK].least if operations else 0.0
    compiled = those[0].compiled
    assert compiled is not None
    work_done = 2 * multiply_adds(own_steps.program_of(compiled), work.samples)
    stats = compiled.stats
    yield f"{work.title:32}{COLUMNS}"
    for contender in those:
        yield _line(contender, times[contender.name], times[those[0].name], work_done, peak_speed)
    if operations:
        yield f"  {PEAK:30}{'':35}{peak_speed / 1e9:>10.2f}"
    yield (
        f"  {stats.nodes:,} nodes as {stats.instructions} instructions, {work_done / 1e6:.3g} MFLOP; "
        f"recorded in {stats.record_seconds:.2f} s, rolled in {stats.roll_seconds:.2f} s, "
        f"code in {stats.compile_seconds:.2f} s"
    )


def _line(contender: Contender, times: Times, ours: Times, work_done: int, peak: float) -> str:
    speed = work_done / times.least
    share = f"{speed / peak:>9.1%}" if peak else f"{'':9}"
    return (
        f"  {contender.name:30}{times.least * 1e6:>12,.1f}{times.middle * 1e6:>12,.1f}"
        f"{times.least / ours.least:>10,.2f}x{speed / 1e9:>10.2f} {share}{contender.first_call:>11.2f} s"
    )
