"""Scalar automatic differentiation: numbers that remember how they were made.

Reading order: `ops` (the table), `value` (a number in a graph), `backward` (the chain rule); then
`graph`, `stepping`, `picture` and `checking` as they are wanted.
"""

from __future__ import annotations

from engine.functions import (
    dot, total, mean, logsumexp, norm, softmax, log_softmax, where, exp, tanh, relu, sigmoid, log,
)
from engine.value import Value
