"""Gradient checking: is what `backward` computes the derivative, and if not, which operation is to blame?"""

from __future__ import annotations

from engine.checking.blame import Blame
from engine.checking.check import assert_gradients, check_gradients
from engine.checking.report import CheckResult, Identity, Row
from engine.checking.verdict import Verdict

__all__ = ["Blame", "CheckResult", "Identity", "Row", "Verdict", "assert_gradients", "check_gradients"]
