"""What looks on while a network trains: the record that a callback is given, and early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine import Value
from nn.modules.module import Module, Structure
from nn.training.history import History
from nn.training.optimizers import Optimizer

__all__ = ["Callback", "EarlyStopping", "Epoch"]


@dataclass(frozen=True)
class Epoch:
    """What a callback is given after each epoch; `number` counts from 1, `of` is how many there will be."""

    number: int
    of: int
    model: Module
    optimizer: Optimizer
    history: History


Callback: TypeAlias = Callable[[Epoch], object]  # one that returns True ends training


@dataclass
class EarlyStopping:
    """Ends training when `monitor` has not become better by more than `least` for `patience` epochs.

    `monitor` is a column of the history: by default the validation loss, or where there is none the loss,
    which is the mean over the epoch's steps, each as it was before its update. `largest` says that more of it
    is better. With `restore` the parameters of the best epoch are put back.

    >>> EarlyStopping(5, "validation accuracy", largest=True).watches(["loss", "validation accuracy"])
    'validation accuracy'
    """

    patience: int = 10
    monitor: str = ""
    least: float = 0.0
    largest: bool = False
    restore: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.patience, bool) or not isinstance(self.patience, int) or self.patience < 1:
            raise ValueError(f"patience must be a whole number of epochs, at least 1; got {self.patience!r}")
        self.begin()

    def begin(self) -> None:
        """Forget what was seen: `fit` calls it first."""
        self.best: float | None = None
        self.best_epoch = 0
        self.best_state: dict[str, float] = {}
        self._named: tuple[Structure, dict[str, Value]] | None = (
            None  # the parameters by name, while they hold
        )

    def watches(self, columns: list[str]) -> str:
        """The column to look at; ValueError when it is not among these."""
        monitor = self.monitor or ("validation loss" if "validation loss" in columns else "loss")
        if monitor not in columns:
            raise ValueError(
                f"early stopping cannot watch {monitor!r}; the history will have {', '.join(columns)}"
            )
        return monitor

    def saw(self, epoch: Epoch) -> None:
        """Take note of an epoch."""
        number = epoch.history[self.watches(list(epoch.history))][-1]
        gain = math.inf if self.best is None else (number - self.best) * (1.0 if self.largest else -1.0)
        if gain > self.least:
            self.best, self.best_epoch, self.best_state = number, epoch.number, self._state_of(epoch.model)

    def _state_of(self, model: Module) -> dict[str, float]:
        """`model.state()`; names are made anew only where the model is not made of what it was."""
        if type(model).state is not Module.state:
            return model.state()
        if self._named is None or self._named[0].modules[0] is not model or self._named[0].has_changed():
            self._named = Structure(model), model.named_parameters()
        return {name: parameter.data for name, parameter in self._named[1].items()}

    def is_over(self, number: int) -> bool:
        """Whether training should end after this many epochs."""
        return number - self.best_epoch >= self.patience

    def state(self) -> dict[str, Any]:
        """What was seen so far, for a checkpoint."""
        return {"best": self.best, "best_epoch": self.best_epoch, "best_state": self.best_state}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what was seen."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_state = dict(state["best_state"])
