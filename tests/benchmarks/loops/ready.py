"""`python -m tests.benchmarks.loops.ready NAME`: from a function to its first result, in this fresh process.

Building the parameters, recording, checking, rolling, making code and the first batch are timed; imports and
making the data up are not.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from engine import compile  # noqa: A004
from engine.replay.compiled import Compiled
from nn import MLP, losses

from .rows import LOOPS, NETWORKS, Network, Row

Start = Callable[[], Compiled]


def loop(row: Row) -> Start:
    """The start of a loop: what it gives has had its first batch."""
    work = row.make()

    def start() -> Compiled:
        parameters, loss = work.write()
        compiled = compile(loss, parameters)
        compiled.value_and_gradients(work.weights, *work.batch)
        return compiled

    return start


def network(row: Network) -> Start:
    """The start of a network with cross-entropy: building it is part of it."""
    draw = np.random.default_rng(0)
    inputs, targets = draw.uniform(size=(row.batch, row.sizes[0])), draw.integers(0, 10, row.batch)

    def start() -> Compiled:
        model = MLP(row.sizes[0], list(row.sizes[1:]), seed=0)
        compiled = compile(lambda x, y: losses.cross_entropy_with_logits(model(x), y), model)
        compiled.value_and_gradients([p.data for p in model.parameters()], inputs, targets)
        return compiled

    return start


def measured(name: str) -> dict[str, Any]:
    """The seconds, which executor it became, of how many instructions, and the seconds of each stage."""
    if find_spec("llvmlite"):
        importlib.import_module("engine.replay.backends.llvm.executor")
    rows = {row.name: row for row in (*LOOPS, *NETWORKS)}
    row = rows[name]
    start = network(row) if isinstance(row, Network) else loop(row)
    begun, worked = time.perf_counter(), time.process_time()
    compiled = start()
    seconds, work = time.perf_counter() - begun, time.process_time() - worked
    stats = compiled.stats
    stages = (stats.record_seconds, stats.roll_seconds, stats.compile_seconds)
    return {
        "seconds": seconds,
        "cpu": work,
        "executor": compiled.executor,
        "nodes": stats.nodes,
        "instructions": stats.instructions,
        "stages": stages,
    }


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(json.dumps(measured(sys.argv[1])))
