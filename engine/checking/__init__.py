"""Gradient checking: is what `backward` computes the derivative, and if not, which operation is to blame?

Reading order: `check` (what a user calls), `examination` (one function at one point), `numeric` (the slope
by differences), `verdict`, `blame`; then `signature`, `identities` and `report`. `strategies` (for
hypothesis) and `plugin` (for pytest) are imported by those who want them.
"""

from __future__ import annotations

from engine.checking.blame import Blame, faulty
from engine.checking.check import assert_gradients, check_gradients
from engine.checking.everywhere import Everywhere, assert_everywhere, check_everywhere
from engine.checking.report import CheckResult, Identity, Row
from engine.checking.verdict import Verdict

__all__ = [
    "Blame",
    "CheckResult",
    "Everywhere",
    "Identity",
    "Row",
    "Verdict",
    "assert_everywhere",
    "assert_gradients",
    "check_everywhere",
    "check_gradients",
    "faulty",
]
