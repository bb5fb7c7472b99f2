"""Objective: what training makes small, and which parameters it changes for that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

from engine import Value, mean
from nn.limits import not_negative
from nn.modules.module import Module, Structure, parameters_of
from nn.training.losses import Loss, l1_penalty, l2_penalty
from nn.training.masks import has_masks
from nn.training.samples import Sample, Samples

__all__ = ["Objective"]


class Objective:
    """What training makes small: the mean loss of a batch, and the penalties on the parameters."""

    def __init__(self, model: Module, loss: Loss, l1: float, l2: float) -> None:
        self.model, self.loss = model, loss
        self.l1, self.l2 = not_negative("l1", l1), not_negative("l2", l2)
        self.parameters: list[Value] = []
        self.everything: list[Value] = []  # walked once, and not at every step
        self._left_out: list[Value] = []  # of training: they are frozen
        self.modules: list[Module] = []  # the model and all in it, walked once too
        self._is_connected = False
        self._structure: Structure | None = None
        self._has_masks = False
        self.follow_model()

    def follow_model(self) -> bool:
        """Train what the model says is to be trained now; whether a gear made before cannot go on with it.

        ValueError where nothing is to be trained.
        """
        if self._structure is not None and not self._structure.has_changed():
            return False
        self._structure = Structure(self.model)
        self.modules = self._structure.modules
        is_own = type(self.model).parameters is not Module.parameters
        trained = (module for module in self.modules if not module.frozen)
        before = self.parameters
        self.parameters = self.model.parameters() if is_own else parameters_of(trained)
        has_more = is_own or any(module.frozen for module in self.modules)
        everything = self.everything
        self.everything = parameters_of(self.modules) if has_more else self.parameters
        self._left_out = list({*self.everything} - {*self.parameters}) if has_more else []
        if not self.parameters:
            raise ValueError(f"{self.model!r} has no parameters to train: it has none, or all are frozen")
        is_same = _same(before, self.parameters) and _same(everything, self.everything)
        had_masks, self._has_masks = self._has_masks, has_masks(self.modules)
        return not is_same or had_masks or self._has_masks

    def train(self, training: bool) -> None:
        """Switch the model's behavior, as `model.train` does, which a model may have of its own."""
        if type(self.model).train is not Module.train:
            self.model.train(training)
            return
        for module in self.modules:
            module.training = training

    def of_sample(self, inputs: Any, target: Any, weight: Any = None) -> Value:
        """The loss of one sample, as often as its weight says."""
        loss = self.loss(self.model(inputs), target)
        return loss if weight is None else loss * weight

    @property
    def has_penalties(self) -> bool:
        """Whether something is added to the loss that is shown."""
        return bool(self.l1 or self.l2)

    def penalties(self) -> list[Value]:
        """What is added to the loss that is minimized, and not to the one that is shown."""
        first = [l1_penalty(self.parameters, self.l1)] if self.l1 else []
        return [*first, l2_penalty(self.parameters, self.l2)] if self.l2 else first

    def penalized(self, number: Any, gradient: Any) -> Any:
        """A parameter's gradient, and what the penalties add to it.

        Written as a formula, for numbers, arrays and symbols alike; `penalties` says what it is the slope of.
        """
        if self.l1:
            gradient = gradient + self.l1 * ((number > 0.0) * 1.0 - (number < 0.0) * 1.0)
        return gradient + self.l2 * (number + number) if self.l2 else gradient

    def gradients(self, batch: Sequence[Sample], samples: Samples | None = None) -> float:
        """Leave the gradients for a batch in the parameters, 0 in frozen ones, and return the mean loss.

        This is the one place where eager training meets backprop.
        """
        for parameter in self.everything:
            parameter.grad = 0.0
        loss = mean([self.of_sample(*sample) for sample in batch])
        if not self._is_connected and samples is not None and not self._connects(loss):
            self.ensure_connected(batch, samples)
        if not math.isfinite(loss.data):
            raise ArithmeticError(f"the loss is {loss.data!r}")
        sum(self.penalties(), loss).backward()
        for parameter in self._left_out:  # its gradient is nobody's affair, in replay too
            parameter.grad = 0.0
        return loss.data

    def ensure_connected(self, batch: Sequence[Sample], samples: Samples) -> None:
        """Raise, before the first step, where the loss depends on no parameter by way of the graph.

        One sample of the batch that does is enough; else all samples are tried, for some may be masked.
        """
        everywhere = (sample for place in range(len(samples.inputs)) for sample in samples.at([place]))
        first, found = None, False  # the first loss; whether any is a Value
        for sample in chain(batch, everywhere):  # graphs are many: each is dropped at once
            loss: Any = self.of_sample(*sample)
            if self._connects(loss):
                return
            first, found = loss if first is None else first, found or isinstance(loss, Value)
        if not found:
            raise TypeError(
                f"the loss is {type(first).__name__} ({first!r:.40}), not a Value: compute it from "
                "the outputs of the model with the engine's own functions, log(x) and not math.log(x)"
            )
        raise ValueError(
            "the loss does not depend on any parameter that is trained: somewhere between model and loss a "
            "Value becomes a plain number (float(x), x.data, math.log(x)), or only what is flat is made of "
            "it (flat: floor, ceil, sign); use the engine's own functions"
        )

    def _connects(self, loss: Any) -> bool:
        self._is_connected = isinstance(loss, Value) and _depends_on(loss, set(self.parameters))
        return self._is_connected


def _same(before: Sequence[Value], now: Sequence[Value]) -> bool:
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))


def _depends_on(loss: Value, parameters: set[Value]) -> bool:
    """Whether one of these is below the loss, and not only below what is flat everywhere, as floor is."""
    waiting: list[Any] = [loss]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        if node in parameters:
            return True
        if node.operation is not None and node.operation.flat:
            continue
        new = [parent for parent in node.parents if parent not in seen]
        seen.update(new)
        waiting += new
    return False
