"""Operations broken on purpose: to see what a gradient check says, and to test the check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.operation import Operation
from engine.value import Value, make_node

__all__ = ["faulty"]


def faulty(operation: Operation, partials: Callable[..., tuple[Any, ...]]) -> Callable[..., Value]:
    """The operation as a function with other local derivatives; the table is left as it is.

    >>> from engine import ops
    >>> from engine.checking import check_gradients
    >>> tanh = faulty(ops.tanh, lambda out, x: (1 - x * x,))
    >>> result = check_gradients(lambda a, b: tanh(a * b), at=[0.5, 0.8])
    >>> bool(result), result.blame.operation, result.blame.cause
    (False, 'tanh', 'the input used where the output belongs')
    """
    copy = replace(operation, partials=partials)
    return lambda *operands: make_node(copy, operands)
