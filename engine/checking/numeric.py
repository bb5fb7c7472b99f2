"""The slope of a function of one number by finite differences, with an honest estimate of its error.

Central differences at h, h/2, h/4, … are extrapolated to h = 0 (Richardson; Ridders 1982), from three first
steps that share no halvings. The error of an entry is its distance to its neighbors in the table plus the
rounding of the difference itself, so nobody has to choose an epsilon or a tolerance.

A step counts only if it stays on the same smooth piece, which the signature of a sample tells. At
the border of a piece each side is measured alone, on its own piece.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

__all__ = ["Estimate", "Probe", "Sample", "Slope", "examine", "step_scale"]

EPSILON, SMALLEST = sys.float_info.epsilon, math.ulp(0.0)
LEVELS, COLUMNS = 12, 8
STARTS = (0.05, 0.05 / 7.3, 0.05 / 53.0)
VAGUE = 0.5  # of a slope
NEAR = 64  # floats
HALVINGS = 44  # from the first step down to where rounding leaves nothing of a difference


class Sample(NamedTuple):
    """The value of a function at a place, and which of its branches were taken on the way."""

    value: float
    signature: Any = None


Probe = Callable[[float], Sample | None]  # None where there is no finite value
Difference = Callable[[float], tuple[float, float] | None]  # step -> (slope, its rounding error)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and how far it may be off."""

    value: float
    error: float

    @property
    def is_vague(self) -> bool:
        """Whether the error is so large that the number tells nothing, unless that the slope is nearly 0."""
        return self.error > VAGUE * abs(self.value)

    def agrees(self, analytic: float) -> bool:
        """Whether a number said to be exact lies within the error."""
        return self._within(analytic, self.error)

    def contradicts(self, analytic: float) -> bool:
        """Whether it lies so far outside that the error, itself an estimate, cannot be what is wrong."""
        return not self._within(analytic, 10.0 * self.error)

    def _within(self, analytic: float, error: float) -> bool:
        if math.isinf(analytic) or math.isinf(self.value):
            return analytic == self.value
        return abs(analytic - self.value) <= error + 1e-9 * max(abs(analytic), abs(self.value))


UNKNOWN = Estimate(math.nan, math.inf)


@dataclass(frozen=True, slots=True)
class Slope:
    """What there is to be measured at a place.

    `kind` is "smooth" (`estimate` holds), "edge" (a value on one side only, `estimate` is the slope there),
    "kink" (two slopes, `left` and `right`), "jump", or "isolated" (a value on neither side). `nearest` is
    the step to a place just beside; `around`, where the estimate is vague, how steep it is on a wide step.
    """

    kind: Literal["smooth", "edge", "kink", "jump", "isolated"]
    estimate: Estimate = UNKNOWN
    left: Estimate = UNKNOWN
    right: Estimate = UNKNOWN
    nearest: float = 0.0
    around: float = 0.0


def step_scale(x: float) -> float:
    """The length over which a function of x may be expected to change; 0.1 at 0."""
    return max(min(abs(x) or 0.1, 1.0), 1e-4 * abs(x))


def examine(probe: Probe, x: float, scale: float, starts: tuple[float, ...] = STARTS) -> Slope:
    """The slope of `probe` at x, or the slopes to the left and right of it.

    `scale` is the length over which the function changes; steps start at a twentieth of it.
    """
    here = probe(x)
    assert here is not None  # noqa: S101  (the caller has just seen the value)
    nearest = max(scale * 0.05 * 2.0**-HALVINGS, 4.0 * math.ulp(x))
    left, right = probe(x - nearest), probe(x + nearest)
    if left is None and right is None:
        return Slope("isolated", nearest=nearest)
    if left is not None and right is not None and left.signature == here.signature == right.signature:
        estimate = _inside(probe, x, scale, starts, here)
        if not math.isinf(estimate.value):
            around = _around(probe, x, starts[0] * scale, here) if estimate.is_vague else 0.0
            return Slope("smooth", estimate, around=around)
    sides = [
        _one_side(probe, x, direction * scale, starts, here, there)
        for direction, there in ((-1.0, left), (1.0, right))
        if there is not None
    ]
    if None in sides:
        return Slope("jump", nearest=nearest)
    found = [side for side in sides if side is not None]
    if len(found) == 1:
        return Slope("edge", found[0], nearest=nearest)
    return Slope("kink", left=found[0], right=found[1], nearest=nearest)


def _around(probe: Probe, x: float, step: float, here: Sample) -> float:
    """How steep the way to the places one step away is: what a slope of almost 0 is small beside."""
    beside = [sample for place in (x - step, x + step) if (sample := probe(place)) is not None]
    return max((abs(sample.value - here.value) / step for sample in beside), default=0.0)


def _inside(probe: Probe, x: float, scale: float, starts: tuple[float, ...], here: Sample) -> Estimate:
    """The slope where both sides belong to the same piece, which may end very near on one of them."""

    def on_piece(place: float) -> Sample | None:
        sample = probe(place)
        return sample if sample is not None and sample.signature == here.signature else None

    def central(step: float) -> tuple[float, float] | None:
        left, right = on_piece(x - step), on_piece(x + step)
        width = (x + step) - (x - step)
        if left is None or right is None or width == 0.0:
            return None
        return (right.value - left.value) / width, _rounding(left, right, width)

    if central(starts[0] * scale) is not None:
        best = _best([_extrapolate(central, start * scale, 4.0) for start in starts])
        return best if scale <= 1.0 else _seen_near(best, central(NEAR * math.ulp(x)))
    ways = [
        (central, 4.0, 1.0),
        (_sided(on_piece, x, here), 2.0, 1.0),
        (_sided(on_piece, x, here), 2.0, -1.0),
    ]
    found = [_best([_extrapolate(f, sign * s * scale, base) for s in starts]) for f, base, sign in ways]
    return min(found, key=lambda estimate: estimate.error)


def _seen_near(estimate: Estimate, near: tuple[float, float] | None) -> Estimate:
    """The estimate, as uncertain as it is far from a difference over a few floats.

    Of a large x steps are wide, and sin(1e12) may swing a million times in one: the differences are all
    small, and their errors too.
    """
    if near is None:
        return estimate
    slope, rounding = near
    distance = abs(slope - estimate.value)
    return estimate if distance <= 1e3 * rounding else Estimate(estimate.value, max(estimate.error, distance))


def _one_side(
    probe: Probe, x: float, scale: float, starts: tuple[float, ...], here: Sample, there: Sample
) -> Estimate | None:
    """The slope on the side that `scale` points to; None if the piece there begins with a jump."""

    def on_piece(place: float) -> Sample | None:
        sample = probe(place)
        return sample if sample is not None and sample.signature == there.signature else None

    first = next((s for k in range(HALVINGS) if (s := on_piece(x + 0.05 * scale * 0.5**k))), there)
    gap, change = abs(there.value - here.value), abs(first.value - here.value)
    if gap > 1e-3 * change and gap > 100.0 * EPSILON * abs(here.value):
        return None
    return _best([_extrapolate(_sided(on_piece, x, here), start * scale, 2.0) for start in starts])


def _sided(on_piece: Probe, x: float, here: Sample) -> Difference:
    def difference(step: float) -> tuple[float, float] | None:
        there = on_piece(x + step)
        width = (x + step) - x
        if there is None or width == 0.0:
            return None
        return (there.value - here.value) / width, _rounding(here, there, abs(width))

    return difference


def _rounding(first: Sample, second: Sample, width: float) -> float:
    """The error of a difference quotient that comes from the rounding of its two values, tiny ones too."""
    return 2.0 * (EPSILON * max(abs(first.value), abs(second.value)) + SMALLEST) / width


def _extrapolate(difference: Difference, step: float, base: float) -> Estimate:
    """The slope that the differences tend to as the step goes to 0, which may be infinite.

    Differences that grow and grow may only be far from where the function bends, so the step shrinks on.
    """
    best, column = _richardson(difference, step, base)
    if not _diverges(column):
        return best
    for block in range(1, HALVINGS // LEVELS + 1):
        best, smaller = _richardson(difference, step * 0.5 ** (block * LEVELS), base)
        if not _diverges(smaller) and best.error < 1e-3 * abs(best.value):
            return best
    return Estimate(math.copysign(math.inf, column[-1]), 0.0)


def _richardson(difference: Difference, step: float, base: float) -> tuple[Estimate, list[float]]:
    """(the best entry of a Richardson table, its first column: the differences themselves).

    The errors of its columns fall with powers of `base`: 2 for one-sided differences, 4 for central ones.
    Where a step is not to be had the table begins anew at half of it.
    """
    best = UNKNOWN
    above: list[float] = []
    column: list[float] = []
    refused = 0
    while len(column) < LEVELS and refused <= HALVINGS:
        measured = difference(step)
        step /= 2.0
        if measured is None:
            refused, best, above, column = refused + 1, UNKNOWN, [], []
            continue
        slope, rounding = measured
        row = [slope]
        for place, over in enumerate(above[: COLUMNS - 1], start=1):
            row.append(row[-1] + (row[-1] - over) / (base**place - 1.0))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - over)) + rounding
            if error < best.error:
                best = Estimate(row[-1], error)
        above = row
        column.append(slope)
    return best, column


def _diverges(column: list[float]) -> bool:
    """Whether the differences grow and grow as the step shrinks, as they do at sqrt(0)."""
    pairs = list(pairwise(column))
    return len(pairs) >= COLUMNS and all(x * y > 0 and abs(y) > 1.1 * abs(x) for x, y in pairs)


def _best(estimates: list[Estimate]) -> Estimate:
    """The estimate with the smallest error, which is at least its distance to the second best.

    A chance agreement of two entries makes one table's estimate far too small; three hardly agree by chance.
    """
    best, *others = sorted(estimates, key=lambda estimate: estimate.error)
    if not others or not math.isfinite(others[0].error) or math.isinf(best.value):
        return best
    return Estimate(best.value, max(best.error, abs(best.value - others[0].value)))
