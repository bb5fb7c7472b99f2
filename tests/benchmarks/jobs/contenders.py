"""Contenders: the same job by each; importing comes before, so that only the training is timed.

A contender's import gives a function (inputs, targets, sizes, batch, epochs) -> a function of inputs that
gives their classes.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

__all__ = ["CONTENDERS", "RATE"]

Array = Any
Predict = Callable[[Array], Sequence[int]]
Train = Callable[[Array, Array, Sequence[int], int, int], Predict]

RATE = 0.001


def ours(loaded: bool = False) -> Train:
    """`nn.fit`; what it imports when it is first called counts, unless that is `loaded` before."""
    from nn import MLP, Adam, fit  # noqa: PLC0415

    if loaded:
        importlib.import_module("engine.replay.compiled")
        if find_spec("llvmlite"):
            importlib.import_module("engine.replay.backends.llvm.executor")

    def train(inputs: Array, targets: Array, sizes: Sequence[int], batch: int, epochs: int) -> Predict:
        model = MLP(sizes[0], list(sizes[1:]), seed=0)
        fit(
            model, inputs, targets, loss="cross_entropy_with_logits", optimizer=Adam(RATE), epochs=epochs,
            batch_size=batch, progress=False,
        )  # fmt: skip
        return lambda rows: [scores.index(max(scores)) for scores in model.predict(rows)]

    return train


def sklearns() -> Train:
    """MLPClassifier, with nothing that would end it sooner, or that the others do not compute."""
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    def train(inputs: Array, targets: Array, sizes: Sequence[int], batch: int, epochs: int) -> Predict:
        model = MLPClassifier(
            sizes[1:-1], solver="adam", alpha=0.0, batch_size=batch, learning_rate_init=RATE, max_iter=epochs,
            tol=0.0, n_iter_no_change=epochs + 1, random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            model.fit(inputs, targets)
        return lambda rows: list(model.predict(rows))

    return train


def torchs(loaded: bool = False, **options: Any) -> Train:
    """The loop that the tutorials have; what its first optimizer imports counts, unless `loaded` before.

    `options` are Adam's.
    """
    import torch  # noqa: PLC0415
    from torch import nn, optim  # noqa: PLC0415

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    if loaded:
        optim.Adam([torch.zeros(1, requires_grad=True)])

    def train(inputs: Array, targets: Array, sizes: Sequence[int], batch: int, epochs: int) -> Predict:
        torch.manual_seed(0)
        layers: list[Any] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        model, measure = nn.Sequential(*layers[:-1]), nn.CrossEntropyLoss()
        optimizer = optim.Adam(model.parameters(), lr=RATE, **options)
        x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
        for _ in range(epochs):
            for places in torch.randperm(len(x)).split(batch):
                optimizer.zero_grad()
                loss = measure(model(x[places]), y[places])
                loss.backward()
                optimizer.step()
        return lambda rows: model(torch.from_numpy(rows)).argmax(1).tolist()

    return train


CONTENDERS: dict[str, tuple[str, Callable[[], Train]]] = {  # name: (the package that it needs, its import)
    "ours": ("", ours),
    "ours, second run": ("", ours),
    "ours, imported before": ("", partial(ours, loaded=True)),
    "scikit-learn": ("scikit-learn", sklearns),
    "torch": ("torch", torchs),
    "torch, imported before, fused Adam": ("torch", partial(torchs, loaded=True, fused=True)),
}
