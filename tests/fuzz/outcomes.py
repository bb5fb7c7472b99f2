"""What eager makes of a sample: a loss and its gradient, or an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import Constant, EngineError, NonFiniteError, Value
from engine.graph import interior_and_leaves

from .cases import Case

__all__ = ["Outcome", "Sample", "eager", "eager_at"]

Sample = tuple[Any, ...]
Outcome = tuple[float, list[float]] | type[Exception] | None


def constants(argument: Any) -> Any:
    return [constants(a) for a in argument] if isinstance(argument, list) else as_constant(argument)


def as_constant(number: Any) -> Any:
    return number if isinstance(number, int) else Constant(number)


def eager(case: Case, sample: Sample) -> Outcome:
    """(loss, gradient) of one sample, or the kind of error; None for a nan in what depends on data alone."""
    for parameter in case.parameters:
        parameter.grad = None
    try:
        loss = case.function(*map(constants, sample))
        loss.backward()
    except NonFiniteError as error:
        wanted = set(case.parameters) & set(interior_and_leaves(error.node)[1])
        return type(error) if wanted else None
    except (EngineError, IndexError) as error:
        return type(error)
    finally:
        gradient = [parameter.grad or 0.0 for parameter in case.parameters]
        for parameter in case.parameters:
            parameter.grad = None
    return loss.data, gradient


def eager_at(case: Case, weights: Sequence[float], sample: Sample) -> Outcome:
    """The same for other numbers of the parameters, which then have their own again."""
    before = [parameter.data for parameter in case.parameters]
    try:
        _assign(case.parameters, weights)
        return eager(case, sample)
    finally:
        _assign(case.parameters, before)


def _assign(parameters: Sequence[Value], numbers: Sequence[float]) -> None:
    for parameter, number in zip(parameters, numbers, strict=True):
        parameter.data = number
