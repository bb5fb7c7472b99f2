"""`python -m tests.benchmarks.jobs [NAME …]`: the table, or some of its jobs, as they are measured."""

from __future__ import annotations

import sys

from ..replay.cores import take_one

take_one()  # and so do all processes that this one starts

from .table import lines  # noqa: E402

for line in lines(sys.argv[1:]):
    print(line, flush=True)
