"""A few seconds of the fuzzer with fixed seeds; `make fuzz` goes on for as long as one likes."""

from __future__ import annotations

from importlib.util import find_spec

import fuzz
import pytest


@pytest.mark.parametrize("block", range(6))
def test_every_executor_agrees_with_eager(block: int) -> None:
    tried, wrong = fuzz.fuzz(range(20 * block, 20 * block + 20), executors=("numpy", "strict"))
    assert tried == 20
    assert wrong == []


@pytest.mark.skipif(find_spec("llvmlite") is None, reason="the LLVM executor needs llvmlite (extra `fast`)")
def test_machine_code_agrees_with_eager_and_no_address_is_wrong() -> None:
    tried, wrong = fuzz.fuzz(range(12), executors=("llvm-checked", "shared", "float32"))
    assert tried == 12
    assert wrong == []
