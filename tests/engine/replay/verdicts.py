"""What replay makes of a function: the verdict of a comparison with eager, sample by sample."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine import ReplayError, Value, compile  # noqa: A004

FOLLOWED, REFUSED = "followed", "refused"


def eager(
    function: Callable[..., Any], parameters: Sequence[Value], columns: Sequence[Sequence[Any]]
) -> tuple[list[float], list[float]]:
    """(the losses, the gradient of their sum), from graphs; the parameters' gradients are None afterwards."""
    losses, gradient = [], [0.0] * len(parameters)
    for sample in zip(*columns, strict=True):
        loss = function(*sample)
        loss.backward()
        losses.append(loss.data)
        gradient = [sofar + (p.grad or 0.0) for sofar, p in zip(gradient, parameters, strict=True)]
        for parameter in parameters:
            parameter.grad = None
    return losses, gradient


def verdict(
    function: Callable[..., Any],
    parameters: Sequence[Value],
    *columns: Sequence[Any],
    executor: str = "auto",
) -> str:
    """FOLLOWED, REFUSED, or the name of the error that both raise; AssertionError for anything else."""
    error: Exception | None = None
    wanted: tuple[list[float], list[float]] = ([], [])
    try:
        wanted = eager(function, parameters, columns)
    except Exception as raised:  # noqa: BLE001  (whatever it is, replay must raise it too)
        error = raised
    program = compile(function, parameters, executor)
    for _ in range(2):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of parameters that are not used
                found = program.value_and_gradients([p.data for p in parameters], *columns)
        except ReplayError:
            return REFUSED
        except Exception as raised:
            if type(raised) is type(error):
                return type(raised).__name__
            raise AssertionError(f"replay raises {raised!r}, eager {error!r} or gives {wanted}") from raised
        assert error is None, f"replay gives {found}, eager raises {error!r}"
        for one, other in zip(found, wanted, strict=True):
            close = np.allclose(one, other, rtol=1e-9, atol=1e-11, equal_nan=True)
            assert close, f"replay gives {found}, eager {wanted}"
    return FOLLOWED
