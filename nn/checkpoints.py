"""Checkpoints: a training run in a file, from which it goes on as if it had never stopped."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import Value
from nn.errors import SavingError
from nn.inspection.film_page import Frame, frames_from
from nn.modules.module import Module
from nn.saving import check_architecture, read, restore, write
from nn.storage import check_writable
from nn.training.callbacks import EarlyStopping
from nn.training.history import History
from nn.training.optimizers import Optimizer

__all__ = ["Checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """Where, and after how many epochs, `fit` writes down everything that it needs to go on.

    The file is also a model that `load` reads. It is replaced as a whole: killing the process at any moment
    leaves the last one that was written.

    >>> [Checkpoint("run.json", every=10).is_due(number) for number in (9, 10, 20)]
    [False, True, True]
    """

    path: str | Path
    every: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise ValueError(f"every is a whole number of epochs, at least 1; got {self.every!r}")

    @staticmethod
    def of(given: str | Path | Checkpoint | None) -> Checkpoint | None:
        """The checkpoint itself, or one after each epoch for a path."""
        return Checkpoint(given) if isinstance(given, str | Path) else given

    def is_due(self, number: int) -> bool:
        """Whether to write after this epoch."""
        return number % self.every == 0

    def check(self) -> None:
        """Raise SavingError when the file could not be written."""
        check_writable(self.path)

    def exists(self) -> bool:
        """Whether there is something to go on from."""
        return Path(self.path).exists()

    def write(
        self,
        identity: dict[str, Any],
        model: Module,
        optimizer: Optimizer,
        history: History,
        stopping: EarlyStopping | None,
    ) -> None:
        """Put the run as it is now into the file, its film too, where there is one."""
        training = {
            "identity": identity,
            "history": {name: list(map(_written, column)) for name, column in history.columns.items()},
            "stopping": _stopped(stopping.state(), _written) if stopping else None,
            "film": history.film.state() if history.film else None,
        }
        write(self.path, model, optimizer, training)

    def restore(
        self,
        identity: dict[str, Any],
        model: Module,
        optimizer: Optimizer,
        history: History,
        stopping: EarlyStopping | None,
    ) -> None:
        """Bring everything to where the file's run was; SavingError, with nothing changed, if another."""
        document = read(self.path)
        training, saved = document["training"], document["optimizer"]
        if training is None:
            raise SavingError(f"{self.path} holds a model, not a training run", str(self.path))
        self._compare_data(identity["data"], training["identity"].get("data"))
        self._compare("run", identity, training["identity"])
        now = optimizer.state()
        for part in ("optimizer", "settings"):
            self._compare(part, {part: now[part]}, {part: saved[part]})
        if (stopping is None) != (training["stopping"] is None):
            raise SavingError(f"{self.path}: only one of the two runs has early stopping", str(self.path))
        film = training.get("film") if history.film else None
        frames = self._frames_of(film, len(model.parameters())) if film else None
        check_architecture(model, document, str(self.path))
        self._check_memory(model, optimizer, document)
        restore(model, document, str(self.path))
        optimizer.load_state(saved)
        history.columns = {name: list(map(float, column)) for name, column in training["history"].items()}
        if stopping:
            stopping.load_state(_stopped(training["stopping"], float))
        if history.film and frames is not None:
            history.film.frames = frames

    def _frames_of(self, film: dict[str, Any], parameters: int) -> list[Frame]:
        """The frames of a film; SavingError unless they are of so many parameters."""
        try:
            return frames_from(film, parameters)
        except ValueError as error:
            raise SavingError(
                f"{self.path} is whole, but not right: its film is not: {error}", str(self.path)
            ) from None

    def _compare_data(self, now: dict[str, Any], then: Any) -> None:
        """Raise SavingError, naming what is another, unless the samples are those of the checkpoint."""
        others = [name for name in now if not isinstance(then, dict) or then.get(name) != now[name]]
        if others:
            raise SavingError(
                f"{self.path} is a checkpoint of a run on other samples: the {others[0]} are not the same; "
                "go on with those, or start anew with another path",
                str(self.path),
            )

    def _check_memory(self, model: Module, optimizer: Optimizer, document: dict[str, Any]) -> None:
        """Raise SavingError unless the optimizer can remember that, for as many parameters as are trained."""
        saved, frozen = document["optimizer"], document["frozen"]
        modules = [module for place, module in model.modules() if place not in frozen]
        trained = {part for module in modules for _, part in module.parts() if isinstance(part, Value)}
        try:
            lengths = {len(column) for column in saved["memory"].values()}
            if lengths - {len(trained)}:
                raise ValueError(f"it remembers {lengths} numbers for {len(trained)} parameters")  # noqa: TRY301
            copy(optimizer).load_state(saved)
        except ValueError as error:
            raise SavingError(
                f"{self.path} is whole, but not right: the optimizer: {error}", str(self.path)
            ) from error

    def _compare(self, what: str, now: dict[str, Any], then: dict[str, Any]) -> None:
        for name, value in now.items():
            if then.get(name) != value:
                raise SavingError(
                    f"{self.path} is a checkpoint of another {what}: {name} was {then.get(name)!r} "
                    f"and is {value!r}; give the same, or another path",
                    str(self.path),
                )


def _written(number: float) -> float | str:
    """A number as JSON has it; what is not finite as a text, for a metric may be that."""
    return number if math.isfinite(number) else str(number)


def _stopped(state: dict[str, Any], convert: Callable[[Any], Any]) -> dict[str, Any]:
    """What early stopping saw, its best number converted."""
    best = state["best"]
    return {**state, "best": None if best is None else convert(best)}
