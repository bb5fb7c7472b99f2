"""What is said about one derivative, given what was measured."""

from __future__ import annotations

import math
from enum import StrEnum

from engine.checking.numeric import Slope

__all__ = ["DOUBTFUL", "FAILED", "SKIPPED", "Verdict", "judge"]


class Verdict(StrEnum):
    """What is said about one input. The first five pass, the next two are skipped, the others fail."""

    OK = "ok"
    KINK = "kink"
    EDGE = "domain edge"
    UNUSED = "unused input"
    SURROGATE = "surrogate"
    DISCONTINUOUS = "discontinuous"
    UNRELIABLE = "unreliable"
    WRONG = "WRONG"
    OUTSIDE = "kink, outside"
    CUT = "cut"
    UNSTEADY = "not deterministic"


SKIPPED = (Verdict.DISCONTINUOUS, Verdict.UNRELIABLE)
FAILED = (Verdict.WRONG, Verdict.OUTSIDE, Verdict.CUT, Verdict.UNSTEADY)
DOUBTFUL = (Verdict.WRONG, Verdict.OUTSIDE, Verdict.UNRELIABLE)
NOTHING = 1e-6  # of how steep the function is around: so small an error tells that a slope is 0


def judge(slope: Slope, analytic: float) -> Verdict:
    """What the measured slope says about the analytic one.

    A derivative at a kink may be anything between the slopes on both sides: which one is a convention.
    """
    if slope.kind in ("jump", "isolated"):
        return Verdict.DISCONTINUOUS
    if slope.kind == "kink":
        return _between(slope, analytic)
    estimate = slope.estimate
    if math.isinf(estimate.error):
        return Verdict.UNRELIABLE
    if estimate.contradicts(analytic):
        return Verdict.WRONG
    tells_nothing = estimate.is_vague and estimate.error > NOTHING * slope.around
    if analytic != estimate.value and (tells_nothing or not estimate.agrees(analytic)):
        return Verdict.UNRELIABLE
    return Verdict.EDGE if slope.kind == "edge" else Verdict.OK


def _between(slope: Slope, analytic: float) -> Verdict:
    low, high = sorted((slope.left, slope.right), key=lambda side: side.value)
    if math.isinf(low.error) or math.isinf(high.error):
        return Verdict.UNRELIABLE
    if low.value <= analytic <= high.value or low.agrees(analytic) or high.agrees(analytic):
        return Verdict.KINK
    is_outside = low.contradicts(analytic) and high.contradicts(analytic)
    return Verdict.OUTSIDE if is_outside else Verdict.UNRELIABLE
