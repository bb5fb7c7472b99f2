"""How much is tried: a quarter of the random examples in `make test`, all of them in `make check` and CI.

The quarter is always the same one. Whatever is no example of many stays whole: every row of the table, every
kind of instruction, every executor.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["THOROUGH", "share", "some"]

THOROUGH = os.environ.get("THOROUGH", "") not in ("", "0")
STRIDE = 1 if THOROUGH else 4
T = TypeVar("T")


def share(count: int) -> int:
    """How many of so many random examples to try."""
    return -(-count // STRIDE)


def some(examples: Iterable[T]) -> Iterator[T]:
    """Of many examples in order, those to try."""
    return islice(examples, 0, None, STRIDE)
