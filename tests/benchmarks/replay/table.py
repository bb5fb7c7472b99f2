"""Table: every workload with its contenders, line by line as they are measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence

from . import cores, own_steps
from .contenders import PACKAGES, Contender, contenders, installed
from .language import language
from .multiply_adds import multiply_adds
from .networks import digits, moons
from .turns import Times, take_turns
from .workload import Step, Workload

__all__ = ["lines", "machine"]

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
COLUMNS = f"{'least µs':>12}{'median µs':>12}{'x replay':>11}{'GFLOP/s':>10}{'of peak':>10}{'first call':>12}"
EXPLANATION = """\
x replay: their least time ÷ ours with numbers of the same type; higher is better for us. GFLOP/s: of the
products alone, as counted in our program; the peak is a loop of nothing but multiply-adds, which takes turns
with the others. first call: from the model to its first result, recording and compiling included."""


def lines(seconds: float = SECONDS) -> Iterator[str]:
    """The table as text; `seconds` of turns for each workload."""
    yield from _heading()
    for make in WORKLOADS:
        yield ""
        yield from _block(make(), seconds)


def _heading() -> Iterator[str]:
    held = "on one core" if cores.is_single() else "with one thread each, as far as they obey"
    yield f"replay: whole steps, the loss and the gradient of a batch, {held}, taking turns"
    yield EXPLANATION
    yield from machine(PACKAGES)


def machine(packages: Sequence[str]) -> Iterator[str]:
    """What was measured on: the packages, those that are missing too, Python and the processor."""
    have = [f"{package} {installed(package)}" for package in packages if installed(package)]
    lack = [package for package in packages if not installed(package)]
    yield f"{', '.join(have)}; Python {platform.python_version()}"
    yield f"{platform.system()} on {os.cpu_count()} cores of {_processor()}"
    if lack:
        yield f"not installed here, so not in this table: {', '.join(lack)} (pip install {' '.join(lack)})"


def _processor() -> str:
    if not installed("llvmlite"):
        return platform.machine()
    from engine.replay.backends.llvm.machine import HOST  # noqa: PLC0415  (needs llvmlite)

    return f"{platform.machine()}, {HOST.processor} by LLVM's name"


def _block(work: Workload, seconds: float) -> Iterator[str]:
    """A workload: a line for each contender, and what it took to record and compile it."""
    those = list(contenders(work))
    ours, compiled = those[0], those[0].compiled
    assert compiled is not None
    steps = {each.title: each.step for each in those}
    for each in those:
        if each.compiled is not None:
            own_steps.get_over_the_first(each.step)
    operations = _add_peaks(steps)
    times = take_turns(steps, seconds)
    peaks = {dtype: count / times[f"peak, {dtype}"].least for dtype, count in operations.items()}
    beside = {each.dtype: times[each.title] for each in those if each.name == ours.name}
    work_done = 2 * multiply_adds(own_steps.program_of(compiled), work.samples)
    yield f"{work.title:32}{COLUMNS}"
    for each in those:
        yield _line(each, times[each.title], beside.get(each.dtype), work_done, peaks.get(each.dtype))
    if peaks:
        yield "  peak of a core: " + ", ".join(
            f"{speed / 1e9:.1f} GFLOP/s in {dtype}" for dtype, speed in peaks.items()
        )
    stats = compiled.stats
    yield (
        f"  {stats.nodes:,} nodes as {stats.instructions} instructions, {work_done / 1e6:.3g} MFLOP; "
        f"recorded in {stats.record_seconds:.2f} s, rolled in {stats.roll_seconds:.2f} s, "
        f"code in {stats.compile_seconds:.2f} s"
    )


def _add_peaks(steps: dict[str, Step]) -> Mapping[str, int]:
    """Let the loops take turns too; {type of number: operations of a step}."""
    if not installed("llvmlite"):
        return {}
    from .peak import operations, peak  # noqa: PLC0415  (needs llvmlite)

    types = ("float64", "float32")
    steps |= {f"peak, {dtype}": peak(dtype) for dtype in types}
    return {dtype: operations(dtype) for dtype in types}


def _line(each: Contender, times: Times, beside: Times | None, work_done: int, peak: float | None) -> str:
    speed = work_done / times.least
    slower = times.least / beside.least if beside else 0.0
    ratio = f"{slower:,.{2 if slower < 1000 else 0}f}x" if beside else ""
    share = f"{speed / (peak * each.cores):.1%}" if peak else ""
    return (
        f"  {each.title:30}{times.least * 1e6:>12,.1f}{times.middle * 1e6:>12,.1f}"
        f"{ratio:>11}{speed / 1e9:>10.2f}{share:>10}{each.first_call:>10.2f} s"
    )
