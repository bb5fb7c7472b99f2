"""A few seconds of the fuzzer with fixed seeds; `make fuzz` goes on for as long as one likes."""

from __future__ import annotations

import fuzz
import pytest


@pytest.mark.parametrize("block", range(6))
def test_every_executor_agrees_with_eager(block: int) -> None:
    tried, wrong = fuzz.fuzz(range(20 * block, 20 * block + 20))
    assert tried == 20
    assert wrong == []
