"""A few seconds of the fuzzer with fixed seeds; `make fuzz` goes on for as long as one likes."""

from __future__ import annotations

from importlib.util import find_spec

import fuzz
import pytest
from effort import share


@pytest.mark.parametrize("block", range(6))
def test_every_executor_agrees_with_eager(block: int) -> None:
    tried, wrong = fuzz.fuzz(range(20 * block, 20 * block + share(20)), executors=("numpy", "strict"))
    assert tried == share(20)
    assert wrong == []


@pytest.mark.skipif(find_spec("llvmlite") is None, reason="the LLVM executor needs llvmlite (extra `fast`)")
def test_machine_code_agrees_with_eager_and_no_address_is_wrong() -> None:
    tried, wrong = fuzz.fuzz(range(share(12)), executors=("llvm-checked", "shared", "float32"))
    assert tried == share(12)
    assert wrong == []


def test_random_source_code_is_followed_or_refused() -> None:
    counts, failures = fuzz.fuzz_sources(range(24), executors=("numpy", "strict"))
    assert failures == []
    assert counts.total() == 48
    assert min(counts[kind] for kind in ("followed", "refused", "raises as eager")) > 3


@pytest.mark.skipif(find_spec("llvmlite") is None, reason="the LLVM executor needs llvmlite (extra `fast`)")
def test_random_honest_functions_are_followed_by_machine_code() -> None:
    counts, failures = fuzz.fuzz_sources(range(0, 40, 8), honest=True, executors=("llvm",))
    assert failures == []
    assert counts.total() == 5


@pytest.mark.parametrize(
    "name",
    [
        "the watch",
        "comparison of what was returned",
        "guards",
        "guards of numbers that became known",
        "held Values stay what they are",
        "recording with gradients on",
    ],
)
def test_the_fuzzer_finds_that_a_protection_is_missing(name: str) -> None:
    """All of them: `python -m tests.fuzz planted`."""
    assert fuzz.found_without(name)
