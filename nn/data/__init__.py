"""Data: real sets, made-up ones, and tables of your own. Reading order: `tables`, `sets`.

>>> from nn import data
>>> train, test = data.moons(100, seed=0).split(test=0.25, seed=0)
>>> len(train), len(test), train.targets[0] in (0, 1)
(75, 25, True)
"""

from __future__ import annotations

from nn.data.sets import (
    blobs,
    breast_cancer,
    circle,
    circles,
    diabetes,
    digits,
    iris,
    line,
    moons,
    sine,
    spirals,
    wine,
    xor,
)
from nn.data.tables import Dataset, from_csv, standardize

__all__ = [
    "Dataset",
    "blobs",
    "breast_cancer",
    "circle",
    "circles",
    "diabetes",
    "digits",
    "from_csv",
    "iris",
    "line",
    "moons",
    "sine",
    "spirals",
    "standardize",
    "wine",
    "xor",
]
