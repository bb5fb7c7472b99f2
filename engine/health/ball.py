"""Ball: a computed number and how far the exact one can be from it; what is done to numbers is done to balls.

A row's formulas run on balls as they run on floats (engine/operation.py). The midpoint goes through exactly
the operations that the float goes through, so it is the computed number, bit for bit; the radius bounds the
distance to what real arithmetic would give.

>>> from engine.health.floats import Floats
>>> numbers = Floats()
>>> third = numbers.exact(1.0) / 3.0
>>> third.mid, third.rad <= 2**-54
(0.3333333333333333, True)
>>> (third - third) > 0.0
undecided, taken as False
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine import ops
from engine.operation import Operation

__all__ = ["Arithmetic", "Ball", "Undecided"]

Real = Any  # a float, or a number of many digits


class Arithmetic(Protocol):
    """What balls ask of the numbers that they are made of: floats, or numbers of many digits."""

    grow: Real  # a radius is multiplied by it, so that what it was computed with rounds nothing away
    infinite: Real
    least: Real  # the smallest number above 0, for a radius that would vanish
    unknown: Ball  # no number, and no bound
    zero: Real

    def lift(self, number: Any) -> Ball:
        """The ball of a number that is exact, or of a named constant."""

    def made(self, mid: Real, spread: Real, rounding: Real) -> Ball:
        """The ball around a result: what its operands' radii spread to, and its own rounding."""

    def sum_error(self, x: Real, y: Real, out: Real) -> Real:
        """A bound on |out − (x + y)|."""

    def product_error(self, x: Real, y: Real, out: Real, *, exact: bool) -> Real:
        """A bound on |out − x × y|; `exact` where it is worth finding out that it is 0."""

    def quotient_error(self, x: Real, y: Real, out: Real, *, exact: bool) -> Real:
        """A bound on |out − x ÷ y|."""

    def enclosed(self, operation: Operation, balls: Sequence[Ball]) -> Ball:
        """The ball around the result of any other operation."""


class Ball:
    """`mid` is the computed number, `rad` a bound on |mid − exact|, infinite where nothing is known."""

    __slots__ = ("mid", "numbers", "rad")

    def __init__(self, mid: Real, rad: Real, numbers: Arithmetic) -> None:
        self.mid = mid
        self.numbers = numbers
        self.rad = rad if rad >= 0 and mid == mid else numbers.infinite

    def __repr__(self) -> str:
        return f"{self.mid} ± {float(self.rad):.1e}"

    def __float__(self) -> float:
        """The computed number alone: as the constant by which a formula shifts."""
        return float(self.mid)

    @property
    def size(self) -> Real:
        """The largest that the exact number can be, whatever its sign."""
        return abs(self.mid) + self.rad

    def apply(self, operation: Operation, operands: Sequence[Any]) -> Ball:
        """The ball around the operation's result."""
        return self.numbers.enclosed(operation, [self._lift(operand) for operand in operands])

    def _lift(self, operand: Any) -> Ball:
        return operand if type(operand) is Ball else self.numbers.lift(operand)

    # ── Arithmetic ────────────────────────────────────────────────────────────────────────────────

    def __add__(self, other: Any) -> Ball:
        other = self._lift(other)
        out = self.mid + other.mid
        return self.numbers.made(out, self.rad + other.rad, self.numbers.sum_error(self.mid, other.mid, out))

    def __sub__(self, other: Any) -> Ball:
        other = self._lift(other)
        out = self.mid - other.mid
        return self.numbers.made(out, self.rad + other.rad, self.numbers.sum_error(self.mid, -other.mid, out))

    def __mul__(self, other: Any) -> Ball:
        other = self._lift(other)
        numbers, x, y = self.numbers, self.mid, other.mid
        out = x * y
        exact = not self.rad and not other.rad
        if exact:
            return numbers.made(out, numbers.zero, numbers.product_error(x, y, out, exact=True))
        spread = abs(x) * other.rad + self.rad * (abs(y) + other.rad)
        if not spread and ((x and other.rad) or (self.rad and (y or other.rad))):  # it vanished
            spread = numbers.least
        return numbers.made(out, spread, numbers.product_error(x, y, out, exact=False))

    def __truediv__(self, other: Any) -> Ball:
        other = self._lift(other)
        numbers, x, y = self.numbers, self.mid, other.mid
        if not y:
            return numbers.unknown
        out = x / y
        exact = not self.rad and not other.rad
        error = numbers.quotient_error(x, y, out, exact=exact)
        if exact:
            return numbers.made(out, numbers.zero, error)
        room = abs(y) - other.rad
        if not room > 0:
            return Ball(out, numbers.infinite, numbers)
        spread = (self.rad + abs(out) * other.rad) / room
        return numbers.made(out, spread or (numbers.least if self.rad or out else numbers.zero), error)

    def __neg__(self) -> Ball:
        return Ball(-self.mid, self.rad, self.numbers)

    def __radd__(self, other: Any) -> Ball:
        return self._lift(other) + self

    def __rsub__(self, other: Any) -> Ball:
        return self._lift(other) - self

    def __rmul__(self, other: Any) -> Ball:
        return self._lift(other) * self

    def __rtruediv__(self, other: Any) -> Ball:
        return self._lift(other) / self

    def __pow__(self, other: Any) -> Ball:
        return self.apply(ops.power, (self, other))

    def __abs__(self) -> Ball:
        return self.apply(ops.absolute, (self,))

    # ── Comparison ────────────────────────────────────────────────────────────────────────────────

    def __lt__(self, other: Any) -> Any:
        return self._is_below(self._lift(other), or_equal=False)

    def __le__(self, other: Any) -> Any:
        return self._is_below(self._lift(other), or_equal=True)

    def __gt__(self, other: Any) -> Any:
        return self._lift(other)._is_below(self, or_equal=False)

    def __ge__(self, other: Any) -> Any:
        return self._lift(other)._is_below(self, or_equal=True)

    def __bool__(self) -> bool:
        """A ball is neither true nor false: what branches on numbers is written with `choose`."""
        raise TypeError("a Ball has no truth value; write choose(condition, x, y)")

    def _is_below(self, other: Ball, *, or_equal: bool) -> Any:
        """True or False where every exact pair of numbers says so, else a third thing."""
        if self is other:
            return or_equal
        taken = self.mid <= other.mid if or_equal else self.mid < other.mid
        reach = (self.rad + other.rad) * self.numbers.grow
        if not reach:
            return taken
        gap = other.mid - self.mid
        if gap > reach or (or_equal and gap >= reach):
            return True
        if -gap > reach or (not or_equal and -gap >= reach):
            return False
        return Undecided(taken, self.numbers)


@dataclass(frozen=True, slots=True)
class Undecided:
    """A comparison that is true for some of the numbers within the radii and false for others.

    `taken` is what the computed numbers say.
    """

    taken: bool
    numbers: Arithmetic

    def __repr__(self) -> str:
        return f"undecided, taken as {self.taken}"

    def __and__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return self if other else False
        return Undecided(self.taken and other.taken, self.numbers)

    def __or__(self, other: Any) -> Any:
        if isinstance(other, bool):
            return True if other else self
        return Undecided(self.taken or other.taken, self.numbers)

    __rand__, __ror__ = __and__, __or__

    def choose(self, accepted: Any, otherwise: Any) -> Ball | None:
        """The ball around the branch that is taken that holds the other one too; no path counts as 0."""
        chosen, other = (accepted, otherwise) if self.taken else (otherwise, accepted)
        if chosen is None and other is None:
            return None
        mine, its = (
            branch if type(branch) is Ball else self.numbers.lift(0.0 if branch is None else branch)
            for branch in (chosen, other)
        )
        reach = abs(mine.mid - its.mid) + its.rad
        # of an unknown branch the reach is nan, which stands first so that it is what max returns
        return self.numbers.made(mine.mid, max(reach, mine.rad), self.numbers.zero)
