"""`make bench`: every table, each in a process of its own. Arguments pick tables, and rows of them.

python -m tests.benchmarks eager loops rk4-100
"""

from __future__ import annotations

import subprocess
import sys

TABLES = ["jobs", "loops", "replay", "eager", "epochs", "trust"]


def picked(words: list[str]) -> list[list[str]]:
    """The tables, each with the words that follow its name, the rows that are wanted of it."""
    found: list[list[str]] = []
    for word in words:
        if word in TABLES:
            found.append([word])
        elif found:
            found[-1].append(word)
        else:
            raise SystemExit(f"no table is called {word}; there are: {', '.join(TABLES)}")
    return found or [[table] for table in TABLES]


if __name__ == "__main__":
    for table, *rows in picked(sys.argv[1:]):
        code = subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.{table}", *rows], check=False
        ).returncode
        if code:
            sys.exit(code)
        print(flush=True)
