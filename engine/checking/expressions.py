"""Random expressions over the whole table, on which gradient checks and everything else can be tried.

An expression is a small program, so it can be run on numbers and on Values, at its point and beside it. It
grows from any source of choices: a seeded random.Random here, hypothesis in `strategies`.

>>> expression = Expression(at=(0.5, 2.0), steps=(("tanh", (0,)), ("multiply", (2, 1))))
>>> print(expression)
v0 = 0.5
v1 = 2
v2 = tanh(v0)
v3 = multiply(v2, v1)
>>> expression(*expression.at)
0.9242343145200195
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine import ops
from engine.checking.signature import has_sides, side_of
from engine.operation import Operation

__all__ = ["LARGEST", "Expression", "grow", "is_clear", "random_expression"]

LARGEST = 1e3  # neither numbers nor local derivatives grow beyond this
_IN_PYTHON: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "negate": operator.neg,
}
Step = tuple[str, tuple[int | float, ...]]  # an operation; operands are places (int) or constants (float)


@dataclass(frozen=True, slots=True)
class Expression:
    """A program in a straight line: inputs, then steps, each on earlier places; the last step is the result.

    Called with as many inputs as `at` has numbers, Values or floats, it returns a Value or a float.
    """

    at: tuple[float, ...]
    steps: tuple[Step, ...]

    def __call__(self, *inputs: Any) -> Any:
        """The last step's result: a Value where an input is one, else a number."""
        places = list(inputs)
        for name, operands in self.steps:
            places.append(_applied(name, [places[o] if isinstance(o, int) else o for o in operands]))
        return places[-1]

    def __str__(self) -> str:
        lines = [f"v{place} = {number:.4g}" for place, number in enumerate(self.at)]
        for place, (name, operands) in enumerate(self.steps, start=len(self.at)):
            given = ", ".join(f"v{o}" if isinstance(o, int) else f"{o:.4g}" for o in operands)
            lines.append(f"v{place} = {name}({given})")
        return "\n".join(lines)


def _applied(name: str, operands: Sequence[Any]) -> Any:
    """The operation as a user writes it: an operator or a method where there is one."""
    written = _IN_PYTHON.get(name)
    if not any(hasattr(operand, "apply") for operand in operands):
        return ops.TABLE[name](*operands)
    if written is not None:
        return written(*operands)
    method = getattr(operands[0], name, None) if len(operands) == 1 else None
    return method() if method is not None else ops.TABLE[name](*operands)


def grow(
    pick: Callable[[int], int],
    draw: Callable[[float, float], float],
    inputs: int,
    size: int,
    operations: Sequence[Operation] | None = None,
    avoid: float = 1e-3,
) -> Expression:
    """An expression of about `size` steps, in which all inputs are used and nodes are shared.

    `pick(n)` chooses a whole number below n, `draw(low, high)` a number in between. A step is left out when
    the operation refuses its operands, or they are nearer to a kink than `avoid`.
    """
    rows = list(ops.TABLE.values()) if operations is None else list(operations)
    at = tuple(draw(-3.0, 3.0) for _ in range(inputs))
    numbers, steps = list(at), []
    for _ in range(size):
        row = rows[pick(len(rows))]
        operands = _operands(row, len(numbers), pick, draw)
        given = [numbers[o] if isinstance(o, int) else o for o in operands]
        out = _outcome(row, given)
        if out is not None and is_clear(row, given, avoid):
            steps.append((row.name, operands))
            numbers.append(out)
    used = {o for _, operands in steps for o in operands if isinstance(o, int)}
    loose = tuple(place for place in range(len(numbers)) if place not in used)
    if len(loose) > 1 or not steps:
        steps.append((ops.total.name, loose))
    return Expression(at, tuple(steps))


def _operands(
    row: Operation, count: int, pick: Callable[[int], int], draw: Callable[[float, float], float]
) -> tuple[int | float, ...]:
    """Places below `count`, and now and then a constant from the interval in which the row takes samples."""
    arity = row.arity or 2 + pick(4)
    operands: list[int | float] = []
    for place in range(arity):
        low, high = row.domain.sample[place % len(row.domain.sample)]
        if arity > 1 and pick(4) == 0:
            operands.append(draw(low, high))
        else:
            operands.append(pick(count))
    if not any(isinstance(operand, int) for operand in operands):
        operands[-1] = pick(count)
    return tuple(operands)


def _outcome(row: Operation, operands: Sequence[float]) -> float | None:
    """The result, unless the operation refuses these operands or takes numbers or slopes too far."""
    try:
        out = row.evaluate(operands)
        slopes = row.partials(out, *operands)
    except (ArithmeticError, ValueError):
        return None
    sizes = [abs(number) for number in (out, *slopes) if number is not None]
    return out if all(size <= LARGEST for size in sizes) else None


def is_clear(operation: Operation, operands: Sequence[float], distance: float) -> bool:
    """Whether no operand, moved by this distance, takes the operation to another side of a kink."""
    if not distance or not has_sides(operation):
        return True
    if operation.side is None and any(_is_near(kink.at, operands, distance) for kink in operation.kinks):
        return False
    here = side_of(operation, operands)
    for place, operand in enumerate(operands):
        for moved in (operand - distance, operand + distance):
            beside = [*operands[:place], moved, *operands[place + 1 :]]
            if operation.domain.contains(*beside) and side_of(operation, beside) != here:
                return False
    return True


def _is_near(kink: Sequence[float], operands: Sequence[float], distance: float) -> bool:
    """Whether all operands are near a kink's; of a row with any number of operands all kink's are alike."""
    at = kink if len(kink) == len(operands) else [kink[0]] * len(operands)
    return all(abs(x - y) < distance for x, y in zip(operands, at, strict=True))


def random_expression(
    random_numbers: random.Random,
    inputs: int = 2,
    size: int = 8,
    operations: Sequence[Operation] | None = None,
    avoid: float = 1e-3,
) -> Expression:
    """A seeded random expression of at most `size` steps, and one that adds up what is left over.

    No operand is nearer to a kink than `avoid`.

    >>> random_expression(random.Random(0)) == random_expression(random.Random(0))
    True
    """
    return grow(random_numbers.randrange, random_numbers.uniform, inputs, size, operations, avoid)
