"""`python -m tests.benchmarks.jobs.steps JOB FILE`: the steps of an epoch alone, in this fresh process.

The losses and gradients of all batches, as the program gives them for arrays; no optimizer, no order of
samples, nothing else that `fit` does between them.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np

from engine import compile  # noqa: A004
from nn import MLP, losses

from .rows import JOBS

__all__ = ["measured"]

EPOCHS = 20


def measured(name: str, file: str) -> float:
    """The seconds of the steps of an epoch, the least of a few epochs."""
    [job] = [job for job in JOBS if job.name == name]
    with np.load(file) as arrays:
        inputs, targets = arrays["inputs"], arrays["targets"]
    model = MLP(job.sizes[0], list(job.sizes[1:]), seed=0)
    program = compile(lambda x, y: losses.cross_entropy_with_logits(model(x), y), model)
    weights = np.array([parameter.data for parameter in model.parameters()])
    parts = [slice(start, start + job.batch) for start in range(0, len(inputs), job.batch)]
    batches = [(inputs[part], targets[part]) for part in parts]
    found = []
    for _ in range(EPOCHS):
        begun = time.process_time()
        for batch in batches:
            program.value_and_gradients(weights, *batch)
        found.append(time.process_time() - begun)
    return min(found)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(json.dumps(measured(*sys.argv[1:])))
