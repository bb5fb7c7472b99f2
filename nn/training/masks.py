"""Masks: what Dropout keeps, as data; drawn before a step, by eager's generators in eager's order.

In eager each Dropout draws when a sample comes through it. Here the order is found once, by one sample; then
the numbers of a whole batch are drawn at once, and go into the recorded loss as one more argument.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engine import ReplayError
from nn.modules.layers import Dropout, masks_from
from nn.modules.module import Module

__all__ = ["Masks", "dropout_generators", "has_masks", "taking"]


def has_masks(modules: Iterable[Module]) -> bool:
    """Whether one of them is a Dropout that drops something while it trains."""
    return any(isinstance(module, Dropout) and module.rate > 0.0 for module in modules)


def dropout_generators(modules: Iterable[Module]) -> list[random.Random]:
    """Where the Dropouts among them draw from."""
    return [module.rng for module in modules if isinstance(module, Dropout)]


def taking(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the masks of the sample as one more argument, its last."""

    def function_of_masks(*arguments: Any) -> Any:
        waiting = list(reversed(arguments[-1]))

        def masks(_: Dropout, count: int) -> list[Any]:
            if count > len(waiting):
                raise ReplayError("Dropout draws more numbers for some samples than for others")
            return [waiting.pop() for _ in range(count)]

        with masks_from(masks):
            result = function(*arguments[:-1])
        if waiting:
            raise ReplayError("Dropout draws fewer numbers for some samples than for others")
        return result

    return function_of_masks


class Masks:
    """The masks for batch after batch, 1 where a number is kept and 0 where it is dropped.

    `run` takes one sample through the model, as training will; `program` is what the masks are for.
    """

    def __init__(self, run: Callable[[], Any], program: Any) -> None:
        drawn: list[tuple[Dropout, int]] = []

        def ones(dropout: Dropout, count: int) -> Sequence[Any]:
            drawn.append((dropout, count))
            return [1.0] * count

        state = random.getstate()
        try:
            with masks_from(ones):
                run()
        finally:
            random.setstate(state)
        self._draws = program.draws([(dropout.rng, count) for dropout, count in drawn])
        self._rates = program.array([dropout.rate for dropout, count in drawn for _ in range(count)])

    def __len__(self) -> int:
        """How many numbers a sample needs."""
        return len(self._rates)

    def take(self, samples: int) -> Any:
        """The masks of the next samples, an array of shape (samples, numbers of a sample)."""
        return (self._draws.take(samples) >= self._rates) * 1.0

    def mark(self) -> Any:
        """Where the generators stand, to `rewind` to."""
        return self._draws.mark()

    def rewind(self, mark: Any) -> None:
        """Draw from there once more."""
        self._draws.rewind(mark)

    def settle(self) -> None:
        """Leave the generators as eager training would."""
        self._draws.settle()
