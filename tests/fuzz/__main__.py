"""`python -m tests.fuzz 60 [SEED]`: half a minute of random graphs, half a minute of random source code.

`python -m tests.fuzz planted` switches each protection of replay off, and says where the fuzzer finds it;
`python -m tests.fuzz honest 1000` counts false alarms in so many functions that replay must follow.
"""

from __future__ import annotations

import random
import sys
import time

from .following import fuzz_sources
from .judging import fuzz
from .planted import report


def both(seconds: float, first: int) -> bool:
    """Half of the time for either fuzzer; whether nothing was wrong."""
    start = time.perf_counter()
    tried, wrong = fuzz(range(first, first + 10**9), start + seconds / 2.0)
    counts, failures = fuzz_sources(range(first, first + 10**9), start + seconds)
    print(*wrong, *failures, sep="\n")  # noqa: T201
    print(f"{tried} cases from seed {first}: {len(wrong)} disagreements")  # noqa: T201
    print(f"{counts.total()} runs of source code from seed {first}: {dict(counts)}")  # noqa: T201
    return not wrong and not failures


def honest(count: int) -> bool:
    """Whether so many honest functions are all followed, or raise as eager does."""
    counts, failures = fuzz_sources(range(count), honest=True)
    print(*failures, sep="\n")  # noqa: T201
    print(f"{count} honest functions in {counts.total()} runs: {dict(counts)}")  # noqa: T201
    return not failures


what = sys.argv[1] if len(sys.argv) > 1 else "60"
number = int(sys.argv[2]) if len(sys.argv) > 2 else None
if what == "planted":
    succeeded = report(print)
elif what == "honest":
    succeeded = honest(1000 if number is None else number)
else:
    succeeded = both(float(what), random.SystemRandom().randrange(10**9) if number is None else number)
sys.exit(not succeeded)
