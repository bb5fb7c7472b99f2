"""`python -m tests.benchmarks.loops [NAME …]`: the table, or some of its rows, as they are measured."""

from __future__ import annotations

import sys

from ..replay.cores import take_one

take_one()  # before NumPy and JAX are imported, which count the cores then

from .table import lines  # noqa: E402

for line in lines(sys.argv[1:]):
    print(line, flush=True)
