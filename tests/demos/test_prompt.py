"""What the demo prints adds up, and prints where only ASCII can be printed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from demos.__main__ import beside_guessing, percents

ROOT = Path(__file__).parents[2]


def test_percents_add_up_to_100_and_are_off_by_less_than_one() -> None:
    draw = random.Random(0)
    for kinds in (2, 3, 7, 10):
        for _ in range(200):
            weights = [draw.random() ** 3 for _ in range(kinds)]
            shares = [weight / sum(weights) for weight in weights]
            found = percents(shares)
            assert sum(found) == 100
            assert all(abs(whole - 100 * share) < 1 for whole, share in zip(found, shares, strict=True))
    assert percents([0.0, 1.0, 0.0]) == [0, 100, 0]


def test_guessing_is_called_so_where_it_is() -> None:
    assert beside_guessing(1.456, 3).startswith(
        "guessing would give 1.099 and 0.333: an untrained network is worse"
    )
    assert "no better than guessing" in beside_guessing(1.1, 3)
    assert "better than guessing" in beside_guessing(0.3, 3)


def test_a_lesson_prints_where_only_ascii_can_be_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import demos.place; demos.place.heading('a × b → −1')"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.decode("ascii").startswith("\n-- a * b -> -1 ---")
