"""What an executor is: it runs a program on arrays, forward and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from engine.replay.program.rule import Rule

__all__ = ["Call", "Executor", "Form", "Preparing", "Taken", "Trainer", "Training", "batch_of", "form_of"]

Array = Any
Form = tuple[tuple[Any, tuple[int, ...]], ...]  # types and shapes: of the weights, then of each argument
Call = Callable[[Sequence[Array]], Any]


class Executor(Protocol):
    """Runs a program on arrays of shape (samples, numbers per sample), one for each argument.

    `dtype` is NumPy's name of the numbers that it gives. `watches` tells that it raises FloatingPointError of
    its own accord, where an operation was invalid, an index was none or a result is not finite; for others,
    whoever calls them sees to that.
    """

    name: str
    dtype: str
    watches: bool

    def prepare(self, name: str, samples: int, /) -> None:
        """Do now what `outputs` or `gradients` of a first batch of this size would have to wait for."""

    def outputs(self, weights: Array, arrays: Sequence[Array], samples: int) -> Array:
        """The results: an array of shape (outputs, samples)."""

    def gradients(self, weights: Array, arrays: Sequence[Array], samples: int) -> tuple[Array, Array]:
        """(losses, the gradient of their sum by the weights)."""


@runtime_checkable
class Preparing(Protocol):
    """An executor that can do beforehand what is the same for all batches of one form."""

    def call(self, name: str, samples: int, form: Form) -> Call:
        """A function of (weights, *arguments), the user's own arrays, that gives (results, gradient).

        It gives None for arrays of another form. `name` is
        "gradients", or "outputs", where the gradient means nothing.
        """


def form_of(given: Sequence[Array]) -> Form:
    """What arrays have in common for which one prepared call is good."""
    return tuple((array.dtype, array.shape) for array in given)


def batch_of(
    columns: Sequence[Array | None], order: Array, part: slice, others: Sequence[Array]
) -> list[Array]:
    """The arguments for one batch: the samples at the places of this part of the order.

    Of a column that is None, the next of the others: it is in order already.
    """
    waiting, places = iter(others), order[part]
    return [next(waiting)[part] if column is None else column.take(places, 0) for column in columns]


class Taken(NamedTuple):
    """Steps of training that are done, and what is there after them.

    `gradient` is that of the mean loss of the last batch, before its step; `losses` are those of their
    samples in the order in which they were taken, each before the step of its batch.
    """

    steps: int
    weights: Array
    memory: list[Array]
    gradient: Array
    losses: Array


class Trainer(Protocol):
    """Takes many steps at once; `most` is how many a call should have at most."""

    most: int

    def run(
        self,
        weights: Array,
        memory: Sequence[Array],
        order: Array,
        scalars: Sequence[Sequence[float]],
        others: Sequence[Array] = (),
    ) -> Taken:
        """Steps on the samples at the places in the order; fewer where one of them needs a closer look."""

    def move(
        self, weights: Array, memory: Sequence[Array], gradient: Array, scalars: Sequence[float]
    ) -> list[Array]:
        """The weights and the memory after the rule alone."""


@runtime_checkable
class Training(Protocol):
    """An executor that can take many steps of training at once."""

    def trainer(self, rule: Rule, size: int, columns: Sequence[Array | None]) -> Trainer | None:
        """Steps of a rule on batches of so many samples; None where they are better taken one by one."""
