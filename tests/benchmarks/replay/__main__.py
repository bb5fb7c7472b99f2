"""`python -m tests.benchmarks.replay`: the table, line by line as it is measured."""

from __future__ import annotations

from .cores import take_one

take_one()  # before NumPy, torch and JAX are imported, which count the cores then

from .table import lines  # noqa: E402

for line in lines():
    print(line, flush=True)
