"""What can go wrong in training and saving; all are `EngineError`s."""

from __future__ import annotations

from engine import EngineError

__all__ = ["SavingError", "TrainingError"]


class SavingError(EngineError):
    """A file could not be written, or is not what it should be; `path` is where."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class TrainingError(EngineError, ArithmeticError):
    """Training broke down: a loss or a gradient is no finite number; `history` is what there was so far."""

    def __init__(self, message: str, history: object = None) -> None:
        super().__init__(message)
        self.history = history
