"""`python -m tests.benchmarks.replay`: the table, line by line as it is measured."""

from __future__ import annotations

import os
import tempfile

from .cores import take_one

take_one()  # before NumPy, torch and JAX are imported, which count the cores then

from .table import lines  # noqa: E402

with tempfile.TemporaryDirectory() as folder:
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder  # what torch.compile made in another run is no first call
    for line in lines():
        print(line, flush=True)
