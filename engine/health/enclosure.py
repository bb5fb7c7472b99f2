"""The ball around the result of any row of the table, from what its row says and its own local derivatives.

The computed result is off by its own rounding (the row's `ulp`), and by what the operands' radii do to it.
The second is bounded by the mean value theorem: guess a radius ρ; run the row's local derivatives on balls,
with ρ around the output; if they, times the operands' radii, plus the rounding stay below ρ, the guess is
proved, for along the straight line from the computed to the exact operands the result cannot reach ρ first.
That needs a function without jumps. Where there may be one, and where no guess can be proved, a row that is
monotone in each operand takes its extremes at the corners of the box; else nothing is known.

>>> from engine import ops
>>> from engine.health.floats import Floats
>>> numbers = Floats()
>>> ops.sqrt(numbers.made(4.0, 1e-3, 0.0))
2.0 ± 2.5e-04
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from engine import ops
from engine.health.ball import Arithmetic, Ball
from engine.operation import Inexact, Operation

__all__ = ["ON_BALLS", "Numbers"]

ON_BALLS = {ops.add, ops.subtract, ops.multiply, ops.divide, ops.negate, ops.dot, ops.total}
TRIES = 8  # guesses at a radius
DEEPEST = 3  # how far the proof of a proof goes: rows that are named inside the local derivatives of rows
Partials = tuple[Any, ...]  # a Ball, a number, or None for each operand
Real = Any


class Numbers(Arithmetic, ABC):
    """The arithmetic of balls, but for what floats and numbers of many digits do each in their own way."""

    def __init__(self) -> None:
        self._depth = 0
        self._constants: dict[Callable[..., Any], Ball] = {}

    # ── What each kind of number does in its own way ──────────────────────────────────────────────

    @abstractmethod
    def exact(self, number: float) -> Ball:
        """The ball of radius 0 around a float."""

    @abstractmethod
    def evaluated(self, operation: Operation, balls: Sequence[Ball]) -> tuple[Real, Real]:
        """The result on the midpoints, and a bound on its rounding; (nan, ∞) where there is none."""

    @abstractmethod
    def outward(self, ball: Ball) -> tuple[Real, Real]:
        """Two numbers between which the exact one lies."""

    @abstractmethod
    def contains(self, operation: Operation, point: Sequence[Real]) -> bool:
        """Whether a point is in the domain of the operation."""

    @abstractmethod
    def side(self, operation: Operation, point: Sequence[Real]) -> Any:
        """On which side of its kinks the row says that a point lies."""

    @abstractmethod
    def piece(self, operation: Operation, point: Sequence[Real]) -> Any:
        """The piece in which the row says that it is monotone and that a point lies in; None for none."""

    # ── What both do alike ────────────────────────────────────────────────────────────────────────

    def lift(self, number: Any) -> Ball:
        """The ball of a number that is exact, or of a named constant with its rounding."""
        if isinstance(number, Inexact):
            if number.formula not in self._constants:
                self._constants[number.formula] = number.formula(self.exact(1.0))
            return self._constants[number.formula]
        return self.exact(number)

    def enclosed(self, operation: Operation, balls: Sequence[Ball]) -> Ball:
        """The ball around the operation's result, for an operation inside another one's formula."""
        if operation in ON_BALLS:
            return self._lifted(operation.forward(*balls))
        if operation is ops.ratio and balls[1].mid:
            return balls[0] / balls[1]
        out, rounding = self.evaluated(operation, balls)
        radius, _ = self._radius(operation, out, rounding, balls, inside=True)
        return self.made(out, radius, self.zero)

    def node(self, operation: Operation, balls: Sequence[Ball]) -> tuple[Ball, Partials]:
        """The ball around a node's number, and those around its local derivatives."""
        if operation in ON_BALLS:
            ball = self.enclosed(operation, balls)
            return ball, self.partials(operation, ball, balls)
        out, rounding = self.evaluated(operation, balls)
        radius, partials = self._radius(operation, out, rounding, balls, inside=False)
        ball = self.made(out, radius, self.zero)
        return ball, self.partials(operation, ball, balls) if partials is None else partials

    def partials(self, operation: Operation, out: Ball, balls: Sequence[Ball]) -> Partials:
        """The row's local derivatives on balls, none larger than the row says that they can be."""
        self._depth += 1
        try:
            found = operation.partials(out, *balls)
        except (ArithmeticError, ValueError):
            return (self.unknown,) * len(balls)
        finally:
            self._depth -= 1
        steepest = operation.steepest
        if steepest == math.inf:
            return tuple(None if p is None else self._lifted(p) for p in found)
        return tuple(None if p is None else self._limited(p, steepest) for p in found)

    def _limited(self, partial: Any, steepest: float) -> Ball:
        ball = self._lifted(partial)
        if ball.size > steepest and ball.mid == ball.mid:
            return Ball(ball.mid, min(ball.rad, abs(ball.mid) + steepest), self)
        return ball

    def undecided(self, operation: Operation, balls: Sequence[Ball]) -> bool:
        """Whether the exact operands may lie on another side of the row's kinks than the computed ones."""
        if operation.side is None or not any(ball.rad for ball in balls):
            return False
        if not all(ball.rad < self.infinite for ball in balls):
            return True
        if operation.jump:
            balls = self._apart(balls)
        sides = {self.side(operation, corner) for corner in self._corners(balls)}
        return len(sides) > 1

    # ── Radii ─────────────────────────────────────────────────────────────────────────────────────

    def _radius(
        self, operation: Operation, out: Real, rounding: Real, balls: Sequence[Ball], *, inside: bool
    ) -> tuple[Real, Partials | None]:
        """A bound on |out − exact|, and the balls around the local derivatives where they were needed."""
        is_exact = not any(ball.rad for ball in balls)
        says_nothing = (
            operation.ulp == math.inf or operation.surrogate
        )  # a row of one's own; it may jump, too
        if says_nothing or not rounding < self.infinite:
            return self._lowered(operation, out, balls), None
        if is_exact:
            return rounding, None
        if len(set(balls)) < len(balls):  # its diagonal may be a kink all along, or cross a jump
            return self._radius(operation, out, rounding, self._apart(balls), inside=inside)[0], None
        if operation.jump and self.undecided(operation, balls):
            return self._at_corners(operation, out, balls), None
        without = self._without_partials(operation, out, rounding, balls) if inside else self.infinite
        if without < self.infinite or self._depth > DEEPEST:
            return without, None
        proved = self._proved(operation, out, rounding, balls)
        return proved or (self._at_corners(operation, out, balls), None)

    def _without_partials(
        self, operation: Operation, out: Real, rounding: Real, balls: Sequence[Ball]
    ) -> Real:
        """The radius of a row inside another's formula, where partials could name one another for ever."""
        found = self._at_corners(operation, out, balls)
        if found < self.infinite or operation.steepest == math.inf:
            return found
        return self._moved((operation.steepest,) * len(balls), balls) + rounding

    def _lowered(self, operation: Operation, out: Real, balls: Sequence[Ball]) -> Real:
        """The radius by what the row is lowered to, run on balls; infinite for a row that is not."""
        if operation.lowered is None:
            return self.infinite
        try:
            ball = self._lifted(operation.lowered(*balls))
        except (ArithmeticError, ValueError):
            return self.infinite
        return (abs(ball.mid - out) + ball.rad) * self.grow

    def _lifted(self, thing: Any) -> Ball:
        return thing if type(thing) is Ball else self.lift(thing)

    def _apart(self, balls: Sequence[Ball]) -> list[Ball]:
        """The same balls, each a number of its own, also where one is there twice."""
        return [Ball(ball.mid, ball.rad, self) for ball in balls]

    def _proved(
        self, operation: Operation, out: Real, rounding: Real, balls: Sequence[Ball]
    ) -> tuple[Real, Partials] | None:
        """The radius by the mean value theorem, None where no guess can be proved."""
        guess = (self._first_guess(operation, out, balls) * 1.01 + rounding) * self.grow or self.least
        for attempt in range(TRIES):
            partials = self.partials(operation, self.made(out, guess, self.zero), balls)
            sizes = [p.size if type(p) is Ball else self.zero for p in partials]
            need = (self._moved(sizes, balls) + rounding) * self.grow
            if need < guess:
                return need, partials
            if not need < self.infinite:
                return None
            guess = need * (1.02 if attempt == 0 else 4) or self.least
        return None

    def _first_guess(self, operation: Operation, out: Real, balls: Sequence[Ball]) -> Real:
        """What the operands' radii do to the result at first order, by the midpoints' slopes."""
        slopes = operation.slopes(float(out), [float(ball.mid) for ball in balls])
        sizes = [abs(s) if s is not None and s == s and abs(s) < self.infinite else 0.0 for s in slopes]
        return self._moved(sizes, balls)

    def _moved(self, sizes: Sequence[Real], balls: Sequence[Ball]) -> Real:
        """How far the result moves when each operand moves by its radius, at slopes of these sizes."""
        moved = self.zero
        for size, ball in zip(sizes, balls, strict=True):
            if ball.rad and size:
                moved += size * ball.rad or self.least
        return moved * self.grow

    def _corners(self, balls: Sequence[Ball]) -> Iterator[tuple[Real, ...]]:
        """The corners of the box of the exact operands, outward; the same ball twice is one number."""
        once = list(dict.fromkeys(balls))
        for ends in product(*((ball.mid,) if not ball.rad else self.outward(ball) for ball in once)):
            place = dict(zip(once, ends, strict=True))
            yield tuple(place[ball] for ball in balls)

    def _at_corners(self, operation: Operation, out: Real, balls: Sequence[Ball]) -> Real:
        """The radius of a row that is monotone in each operand; infinite where it is not, or has no value."""
        if not all(ball.rad < self.infinite for ball in balls) or operation.arity is None:
            return self.infinite
        farthest = self.zero
        corners = list(self._corners(balls))
        pieces = {self.piece(operation, corner) for corner in corners}
        if None in pieces or len(pieces) > 1:
            return self.infinite
        for corner in corners:
            if not self.contains(operation, corner):
                return self.infinite
            there, rounding = self.evaluated(operation, [Ball(x, self.zero, self) for x in corner])
            distance = abs(there - out) + rounding
            if not distance < self.infinite:
                return self.infinite
            farthest = max(farthest, distance)
        return farthest
