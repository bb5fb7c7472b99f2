"""`python -m tests.fuzz 60`: a minute of it; a second argument gives the seed to begin with."""

from __future__ import annotations

import random
import sys
import time

from .judging import fuzz

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
first = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**9)
tried, wrong = fuzz(range(first, first + 10**9), time.perf_counter() + seconds)
print(*wrong, sep="\n")  # noqa: T201
print(f"{tried} cases from seed {first}: {len(wrong)} disagreements")  # noqa: T201
sys.exit(bool(wrong))
