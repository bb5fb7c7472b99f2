"""`python -m tests.benchmarks.replay`: the table, line by line as it is measured."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .cores import take_one

take_one()  # before NumPy, torch and JAX are imported, which count the cores then

from engine.replay.backends.llvm.cache import VARIABLE  # noqa: E402

from .table import lines  # noqa: E402

with tempfile.TemporaryDirectory() as folder:
    for name in ("TORCHINDUCTOR_CACHE_DIR", VARIABLE):  # what was made in another run is no first call
        os.environ[name] = str(Path(folder) / name)
    for line in lines():
        print(line, flush=True)
