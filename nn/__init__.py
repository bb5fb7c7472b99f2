"""A tiny neural-network layer on the scalar engine: every weight is a `Value`, every derivative the engine's.

Reading order: `layers` (what a neuron is), `losses`, `optimizers`, `training`; then `module`, `data`,
`metrics` as they are wanted.

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

from nn import activations, data, doctor, initializers, losses, metrics, optimizers, schedules
from nn.attention import CausalSelfAttention, RMSNorm
from nn.callbacks import EarlyStopping, Epoch
from nn.checkpoints import Checkpoint
from nn.errors import SavingError, TrainingError
from nn.evaluation import evaluate
from nn.history import History
from nn.layers import MLP, Dropout, Embedding, Layer, Neuron, Sequential
from nn.module import Module
from nn.optimizers import SGD, Adam, AdamW, RMSProp
from nn.saving import load, load_optimizer, save
from nn.training import fit

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
