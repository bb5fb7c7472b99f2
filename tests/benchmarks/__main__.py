"""`make bench`: every table, each measured side by side in one run. Names given as arguments pick tables."""

from __future__ import annotations

import importlib
import sys

TABLES = ["eager", "epochs", "replay"]

for name in sys.argv[1:] or TABLES:
    print(importlib.import_module(f"tests.benchmarks.{name}").table(), end="\n\n", flush=True)
