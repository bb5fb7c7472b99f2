"""Rule: what a step of training makes of parameters, as expressions: a formula run on symbols.

`formula(number, gradient, rate, step, *remembered, shortened)` gives a parameter's new number, and as many to
remember as it is given. `shortened(gradient, longest)` is the gradient, scaled so that those of all
parameters, as one vector, are no longer than that. What a formula makes of the rate and the number of the
step alone is the same for all parameters; it is computed once a step, by Python, as eager does.

>>> rule = Rule.of(lambda number, gradient, rate, step, shortened: [number - rate / step * gradient], 0)
>>> rule.updated
(x0 - x2 * x1,)
>>> rule.of_step(0.5, 2)
(0.25,)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

from engine import ops
from engine.frozen import frozen
from engine.replay.program.expression import Apply, Argument, arguments_of

__all__ = ["FACTOR", "GRADIENT", "NUMBER", "Formula", "Rule"]

Formula = Callable[..., Sequence[Any]]
NUMBER, GRADIENT = Argument(0), Argument(1)
_RATE, _STEP = Argument(-1, "rate"), Argument(-2, "step")
FACTOR = Argument(-3, "factor")  # by which gradients that are too long, all as one vector, are shortened
_PYTHON = {
    ops.add: "({} + {})",
    ops.subtract: "({} - {})",
    ops.multiply: "({} * {})",
    ops.divide: "({} / {})",
    ops.power: "({} ** {})",
    ops.negate: "(-{})",
    ops.absolute: "abs({})",
}


@frozen
class Rule:
    """The new number, and what to remember, of number, gradient, what is remembered, and numbers of the step.

    `of_step(rate, step)` gives the numbers of a step, `width` of them; steps are counted from 1. Where there
    is `longest`, all `measured` together are a vector whose length must not be more: FACTOR sees to that.
    """

    updated: tuple[Any, ...]
    measured: Any
    longest: float | None
    source: str
    width: int
    of_step: Callable[[float, int], tuple[float, ...]] = field(compare=False)

    @staticmethod
    def of(formula: Formula, remembers: int) -> Rule:
        """The rule that `formula(number, gradient, rate, step, *remembered)` is; ValueError if it is none.

        The formula gives the new number, and then as many to remember as it was given. It is given, by name,
        `shortened(gradient, longest)` too: the gradient, scaled so that all together are no longer than that.
        """
        memory = [Argument(2 + place) for place in range(remembers)]
        lengths: list[tuple[Any, float]] = []

        def shortened(gradient: Any, longest: float) -> Any:
            lengths.append((gradient, _finite(longest)))
            return gradient * FACTOR

        try:
            found = tuple(formula(NUMBER, GRADIENT, _RATE, _STEP, *memory, shortened=shortened))
        except Exception as error:  # (somebody's own rule may raise whatever it likes on symbols)
            raise ValueError(f"the rule cannot be run on symbols: {error}") from error
        if len(found) != 1 + remembers:
            raise ValueError(f"the rule gives {len(found)} results, and {1 + remembers} were expected")
        if len(lengths) > 1:
            raise ValueError("the rule measures more than one length")
        taken: dict[str, Argument] = {}
        updated = tuple([_without_step(each, taken, 2 + remembers) for each in found])
        measured, longest = lengths[0] if lengths else (None, None)
        measured = None if longest is None else _without_step(measured, taken, 2 + remembers)
        source = f"lambda rate, step: ({''.join(f'{each}, ' for each in taken)})"
        of_step = eval(source, {"__builtins__": {"abs": abs}})  # noqa: S307  (our own text, from symbols)
        return Rule(updated, measured, longest, source, len(taken), of_step)


def _without_step(expression: Any, taken: dict[str, Argument], first: int) -> Any:
    """The expression, with an argument for each part that depends on nothing but the step."""
    needs = arguments_of(expression)
    if needs and needs <= {_RATE, _STEP}:
        return taken.setdefault(_source(expression), Argument(first + len(taken)))
    if isinstance(expression, Apply):
        operands = [_without_step(operand, taken, first) for operand in expression.operands]
        return Apply(expression.operation, tuple(operands))
    return expression if isinstance(expression, Argument) else _finite(expression)


def _source(expression: Any) -> str:
    """An expression as Python has it, for floats."""
    if isinstance(expression, Argument):
        return expression.name
    if isinstance(expression, Apply) and expression.operation in _PYTHON:
        return _PYTHON[expression.operation].format(*map(_source, expression.operands))
    return repr(_finite(expression))


def _finite(number: Any) -> float:
    """A number in a rule; ValueError for anything else."""
    if isinstance(number, int | float) and math.isfinite(number):
        return float(number)
    raise ValueError(f"the rule contains {number!r}, which is no symbol and no finite number")
