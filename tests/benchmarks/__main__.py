"""`make bench`: every table, each in a process of its own. Names given as arguments pick tables."""

from __future__ import annotations

import subprocess
import sys

TABLES = ["eager", "epochs", "replay", "trust"]

for name in sys.argv[1:] or TABLES:
    subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=True)
    print(flush=True)
