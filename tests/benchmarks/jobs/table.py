"""Table: every job by every contender that is installed; each in turn, in processes of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..fresh import answer
from ..replay.contenders import installed
from ..replay.table import machine
from .contenders import CONTENDERS
from .rows import EPOCH, JOBS, Job

__all__ = ["lines"]

ROUNDS = 3
SECOND = "ours, second run"
HEAD = (
    f"{'seconds':>9}{'x ours':>9}{'CPU, s':>9}{'x ours':>9}{'bar':>6}{'memory':>10}{'x theirs':>9}{'bar':>6}"
    f"{'accuracy':>10}"
)
EXPLANATION = """\
seconds: from the call to the trained model, least of 3 runs, each in a fresh process with an empty cache
folder, imports apart; in turns. CPU: the least time of the processor, which tells more where others use it
too. x ours: theirs ÷ ours; higher is better for us. second run: the cache folder is that of the run before.
imported before: what is imported by the first call (LLVM by fit; much by torch's first optimizer) is apart
too. memory: the peak of the whole process. bar: what x ours is to be at least, the memory at most."""


def lines(names: Sequence[str] = (), rounds: int = ROUNDS) -> Iterator[str]:
    """The table as text, or the jobs of these names."""
    known = [job.name for job in JOBS]
    for name in names:
        if name not in known:
            raise SystemExit(f"no job is called {name}; there are: {', '.join(known)}")
    yield "jobs: from the call to the trained model, everybody on one core, float64, Adam"
    yield EXPLANATION
    yield from machine(("numpy", "llvmlite", "scikit-learn", "torch"))
    done: list[tuple[Job, float]] = []
    for job in JOBS:
        if not names or job.name in names:
            yield ""
            yield from _block(job, rounds, done)


def _block(job: Job, rounds: int, done: list[tuple[Job, float]]) -> Iterator[str]:
    """A job: a line for each contender; our CPU time is put with those that are done."""
    found, steps = _in_turns(job, rounds)
    ours = found["ours"]
    yield f"{job.title:44}{HEAD}"
    for name, run in found.items():
        times = "".join(
            f"{run[time]:9.3f}{'' if run is ours else f'{run[time] / ours[time]:.2f}x':>9}"
            for time in ("seconds", "cpu")
        )
        size = "" if name.startswith("ours") else f"{ours['megabytes'] / run['megabytes']:.2f}x"
        bar = f"{job.memory:g}" if job.memory and name == "scikit-learn" else ""
        yield (
            f"  {name:42}{times}{_bar(job.bars.get(name)):>6}"
            f"{run['megabytes']:7.0f} MB{size:>9}{bar:>6}{run['accuracy']:10.3f}"
        )
    for other, seconds in done:
        if other.sizes == job.sizes:
            epoch = (ours["cpu"] - seconds) / (job.epochs - other.epochs)
            yield (
                f"  one more epoch, by {other.epochs} and {job.epochs}: {1e3 * epoch:.2f} ms; its steps "
                f"alone: {1e3 * min(steps):.2f} ms; {epoch / min(steps):.2f}x, bar {EPOCH:g}"
            )
    done.append((job, ours["cpu"]))


def _bar(bar: float | None) -> str:
    return f"{bar:g}" if bar else ""


def _in_turns(job: Job, rounds: int) -> tuple[Mapping[str, Mapping[str, Any]], list[float]]:
    """({contender: its quickest run, with the least of its peaks}, seconds of an epoch's steps alone).

    Every round has a new cache folder.
    """
    runs: dict[str, list[Any]] = {}
    steps = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.npz"
        inputs, targets = job.load()
        np.savez(file, inputs=inputs, targets=targets)
        for number in range(rounds):
            for name, (package, _) in CONTENDERS.items():
                if package and not installed(package):
                    continue
                cache = Path(folder) / f"{'ours' if name == SECOND else name}-{number}"
                cache.mkdir(mode=0o700, exist_ok=True)
                found = answer("tests.benchmarks.jobs.worker", name, job.name, str(file), cache=cache)
                runs.setdefault(name, []).append(found)
            cache = Path(folder) / f"ours-{number}"
            steps.append(answer("tests.benchmarks.jobs.steps", job.name, str(file), cache=cache))
    best = {name: {key: _best(key, found) for key in found[0]} for name, found in runs.items()}
    return best, steps


def _best(key: str, runs: Sequence[Mapping[str, float]]) -> float:
    numbers = [run[key] for run in runs]
    return max(numbers) if key == "accuracy" else min(numbers)
