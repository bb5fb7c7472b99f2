"""The function as it stands, run on plain numbers: what replay is compared with, and what raises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from engine import modes
from engine.backward import slopes
from engine.frozen import frozen
from engine.replay.recording.record import called, no_result, with_numbers
from engine.replay.samples import Batch, Given
from engine.value import Constant, Value

__all__ = ["Original"]


@frozen
class Original:
    """A function of Values and its parameters.

    While it runs, the parameters have the weights of the batch, and gradients are on, whatever the caller's
    mode.
    """

    function: Callable[..., Any]
    parameters: Sequence[Value]

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def results(self, batch: Batch, place: int) -> list[float]:
        """The numbers that the function returns for one sample; raises what it raises."""
        with with_numbers(self.parameters, batch.weights), _with_gradients():
            found = self._run(batch, place)
            return [self._number(value) for value in (found if isinstance(found, (list, tuple)) else [found])]

    def gradient(self, batch: Batch, place: int) -> tuple[float, list[float]]:
        """(the loss of one sample, its derivative by every parameter); no `grad` is changed.

        Raises what the function raises, and NonFiniteError as `backward` does.
        """
        with with_numbers(self.parameters, batch.weights), _with_gradients():
            loss = self._run(batch, place)
            if not isinstance(loss, Value):
                return self._number(loss), [0.0] * len(self.parameters)
            return loss._data, slopes(loss, self.parameters, Constant)

    def _number(self, value: Any) -> float:
        if hasattr(value, "__float__"):
            return float(value)
        raise no_result(self.function, value)

    def _run(self, batch: Batch, place: int) -> Any:
        """On plain numbers; only where the function wants Values, which have methods, on such."""
        try:
            return called(self.function, batch.sample(place), batch.names)
        except (AttributeError, TypeError) as error:
            try:
                return called(self.function, batch.sample(place, Given), batch.names)
            except Exception:  # noqa: BLE001  (what it raises for plain numbers is the error to show)
                raise error from None


def _with_gradients() -> Any:
    """Gradients on; and where they are on, no mode at all, for a mode makes eager several times slower."""
    return nullcontext() if modes.recording() else modes.keeping_operands()
