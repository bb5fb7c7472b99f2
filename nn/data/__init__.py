"""Data: real sets, made-up ones, and tables of your own.

Reading order: `tables` (what a data set is), `sets`; for files `cells`, `columns`, `rows`, `dialect`,
`reading`, `files`; then `scaling`, and `schema`, which is saved with a model.

>>> from nn import data
>>> train, test = data.moons(100, seed=0).split(test=0.25, seed=0)
>>> len(train), len(test), train.targets[0] in (0, 1)
(75, 25, True)
"""

from __future__ import annotations

from nn.data.columns import Column
from nn.data.files import from_csv
from nn.data.scaling import Scaler, standardize
from nn.data.schema import Schema
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
from nn.data.tables import Dataset

__all__ = [
    "Column",
    "Dataset",
    "Scaler",
    "Schema",
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
