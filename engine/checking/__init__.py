"""Gradient checking: is what `backward` computes the derivative, and if not, which operation is to blame?"""

from __future__ import annotations

from engine.checking.check import assert_gradients, check_gradients
from engine.checking.report import Blame, CheckResult, Identity, Row, Verdict

__all__ = ["Blame", "CheckResult", "Identity", "Row", "Verdict", "assert_gradients", "check_gradients"]
