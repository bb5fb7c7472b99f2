"""A tiny neural-network layer on the scalar engine: every weight is a `Value`, every derivative the engine's.

Reading order: `modules` (what a neuron is), `data`, `training` (losses and optimizers), `storage`,
`documents` and `saving` (files), `checkpoints`, `inspection` (what one looks at), and `fitting`, where they
meet; `estimators` is all that for scikit-learn.

    >>> from nn import MLP, SGD, data, fit
    >>> train, test = data.moons(80, seed=0).split(test=0.25)
    >>> model = MLP(2, [8, 1], activation="tanh", output="sigmoid", seed=0)
    >>> history = fit(
    ...     model,
    ...     train.inputs,
    ...     train.targets,
    ...     loss="binary_cross_entropy",
    ...     optimizer=SGD(0.5),
    ...     epochs=30,
    ...     metrics=["accuracy"],
    ... )
    >>> history["loss"][-1] < history["loss"][0]
    True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nn import data
from nn.checkpoints import Checkpoint
from nn.errors import SavingError, TrainingError
from nn.fitting import fit
from nn.inspection import doctor
from nn.modules import activations, initializers
from nn.modules.attention import CausalSelfAttention, RMSNorm
from nn.modules.layers import MLP, Dropout, Embedding, Layer, Neuron, Sequential
from nn.modules.module import Module
from nn.saving import load, load_optimizer, save
from nn.training import losses, metrics, optimizers, schedules
from nn.training.callbacks import EarlyStopping, Epoch
from nn.training.evaluation import evaluate
from nn.training.history import History
from nn.training.optimizers import SGD, Adam, AdamW, Optimizer, RMSProp

if TYPE_CHECKING:
    from nn import estimators as estimators
    from nn.inspection import plots as plots

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "AdamW",
    "CausalSelfAttention",
    "Checkpoint",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Epoch",
    "History",
    "Layer",
    "Module",
    "Neuron",
    "Optimizer",
    "RMSNorm",
    "RMSProp",
    "SavingError",
    "Sequential",
    "TrainingError",
    "activations",
    "data",
    "doctor",
    "evaluate",
    "fit",
    "initializers",
    "load",
    "load_optimizer",
    "losses",
    "metrics",
    "optimizers",
    "save",
    "schedules",
]


def __getattr__(name: str) -> Any:
    """What is opened when first asked for: `plots` needs matplotlib, `estimators` scikit-learn."""
    late = {"plots": "nn.inspection.plots", "estimators": "nn.estimators"}
    if name not in late:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(late[name])
