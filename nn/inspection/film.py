"""Film: what a network was after each epoch of its training, as one page to scrub and play.

Weights are kept epoch by epoch: `fit` calls `begin`, the film itself after each epoch, and `settle`. What the
network computes with them is computed by the page (film_page.py, film.js), by its graph as source code.

>>> from nn import MLP, data, fit
>>> points = data.moons(60, seed=0)
>>> model = MLP(2, [4, 1], "tanh", "sigmoid", seed=0)
>>> history = fit(model, points.inputs, points.targets, loss="binary_cross_entropy", epochs=5, film=True)
>>> history.film
<film of an MLP: epochs 0 to 5, 6 frames>
"""

from __future__ import annotations

import html
from array import array
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from nn.inspection.film_page import Frame, base64_of, film_page
from nn.modules.module import Module
from nn.training.callbacks import Epoch
from nn.training.history import History
from nn.training.losses import Loss

__all__ = ["Film"]

EARLY = 20  # epochs of which each is kept: a network learns most at the beginning
MOST_FRAMES = 120
MOST_KEPT = 60  # frames in a checkpoint, which is written again and again
MOST_BYTES = 1_500_000  # of weights in a page


class Film:
    """The frames of a training run; a callback of `fit`, which makes it for `film=True`.

    `html` is one file that asks nothing of the network; in a notebook it shows itself, in a frame of its own.
    """

    def __init__(
        self, model: Module, inputs: Sequence[Any], targets: Sequence[Any], loss: str | Loss
    ) -> None:
        self.model, self.loss = model, loss
        self._inputs, self._targets = inputs, targets
        self._parameters = model.parameters()
        self.frames: list[Frame] = []
        self.history = History()
        self.title = f"{'an' if type(model).__name__[0] in 'AEIOM' else 'a'} {type(model).__name__}"

    def begin(self, history: History) -> None:
        """Keep what the network is before the first epoch, or before the one that it goes on with."""
        self.history = history
        if not self.frames:
            self._keep(len(history))

    def __call__(self, epoch: Epoch) -> None:
        """Keep what the network is after an epoch."""
        self.history = epoch.history
        self._keep(epoch.number)
        self._thin()

    def _thin(self) -> None:
        if len(self.frames) > 2 * self._most:
            self.frames = chosen(self.frames, self._most)

    @property
    def _most(self) -> int:
        """How many frames a page has room for."""
        return max(2, min(MOST_FRAMES, MOST_BYTES // (2 * max(1, len(self._parameters)))))

    def _keep(self, epoch: int) -> None:
        self.frames = [frame for frame in self.frames if frame.epoch < epoch]
        weights = array("d", [parameter.data for parameter in self._parameters])
        gradients = array("d", [parameter.grad or 0.0 for parameter in self._parameters])
        self.frames.append(Frame(epoch, weights, gradients))

    def state(self) -> dict[str, Any]:
        """The frames for a checkpoint, with 32 bits a number."""
        frames = chosen(self.frames, MOST_KEPT)
        return {
            "epochs": [frame.epoch for frame in frames],
            "weights": [base64_of(array("f", frame.weights)) for frame in frames],
            "gradients": [base64_of(array("f", frame.gradients)) for frame in frames],
        }

    def settle(self) -> None:
        """Take what the network is now for the last frame: early stopping puts the best weights back."""
        last = self.frames[-1]
        weights = array("d", [parameter.data for parameter in self._parameters])
        self.frames[-1] = Frame(last.epoch, weights, last.gradients)

    @property
    def html(self) -> str:
        """The whole page as one text."""
        frames = chosen(self.frames, self._most)
        return film_page(self.model, self._inputs, self._targets, self.loss, frames, self.history, self.title)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file and return its path; the usual suffix is .html."""
        target = Path(path)
        target.write_text(self.html, encoding="utf-8")
        return target

    def __repr__(self) -> str:
        if not self.frames:
            return f"<film of {self.title}: no frames>"
        epochs = f"epochs {self.frames[0].epoch} to {self.frames[-1].epoch}"
        return f"<film of {self.title}: {epochs}, {len(self.frames)} frames>"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook shows: the page in a sandboxed frame."""
        del include, exclude  # the notebook picks from what it is given
        frame = (
            f'<iframe sandbox="allow-scripts" title="{html.escape(repr(self))}" '
            f'srcdoc="{html.escape(self.html)}" style="width:100%;height:760px;border:0"></iframe>'
        )
        return {"text/html": frame, "text/plain": repr(self)}


def chosen(frames: Sequence[Frame], most: int) -> list[Frame]:
    """At most so many frames: the first ones, the last one, and of the rest some at even distances.

    >>> nothing = array("d")
    >>> kept = chosen([Frame(epoch, nothing, nothing) for epoch in range(1001)], 50)
    >>> [frame.epoch for frame in kept[:22]][-3:], kept[-1].epoch, len(kept) <= 50
    ([19, 20, 54], 1000, True)
    """
    if len(frames) <= most:
        return list(frames)
    early = min(EARLY, most // 2) + 1
    rest, wanted = len(frames) - early, most - early
    return [
        *frames[:early],
        *(frames[early - 1 + -(-rest * number // wanted)] for number in range(1, wanted + 1)),
    ]
