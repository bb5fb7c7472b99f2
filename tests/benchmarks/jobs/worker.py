"""`python -m tests.benchmarks.jobs.worker CONTENDER JOB FILE`: one run, in this fresh process.

FILE has the data as arrays, so that nobody has to have what made them. Prints JSON: the seconds, those of the
processor, the peak of this process's memory in megabytes, and how many of the first samples are told right.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from .contenders import CONTENDERS
from .rows import JOBS

__all__ = ["measured"]

TOLD = 200


def measured(contender: str, name: str, file: str) -> dict[str, float]:
    """What one run took, and whether it has learned something."""
    [job] = [job for job in JOBS if job.name == name]
    train = CONTENDERS[contender][1]()
    with np.load(file) as arrays:
        inputs, targets = arrays["inputs"], arrays["targets"]
    begun, worked = time.perf_counter(), time.process_time()
    predict = train(inputs, targets, job.sizes, job.batch, job.epochs)
    seconds, work = time.perf_counter() - begun, time.process_time() - worked
    memory = peak()
    right = np.mean(np.asarray(predict(inputs[:TOLD])) == targets[:TOLD])
    return {"seconds": seconds, "cpu": work, "megabytes": memory, "accuracy": float(right)}


def peak() -> float:
    """The most memory that this process ever had, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # else what it inherits from whoever started it counts too
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1000
    used: Any = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(used) / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    print(json.dumps(measured(*sys.argv[1:])))
