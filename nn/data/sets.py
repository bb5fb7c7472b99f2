"""Data: real sets that come with scikit-learn, and made-up ones for every kind of problem.

>>> train, test = moons(100, seed=0).split(test=0.25, seed=0)
>>> len(train), len(test), train.targets[0] in (0, 1)
(75, 25, True)
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nn.data.tables import Dataset, Row

__all__ = [
    "blobs",
    "breast_cancer",
    "circle",
    "circles",
    "diabetes",
    "digits",
    "iris",
    "line",
    "moons",
    "sine",
    "spirals",
    "wine",
    "xor",
]


# ── Real data, through scikit-learn ───────────────────────────────────────────────────────────────


def iris() -> Dataset:
    """150 iris flowers of 3 species, 4 measurements in centimeters. Fisher, 1936."""
    return _from_scikit_learn("iris")


def wine() -> Dataset:
    """178 wines of 3 growers, 13 chemical measurements. Forina et al., 1988."""
    return _from_scikit_learn("wine")


def breast_cancer() -> Dataset:
    """569 tumors, 30 measurements of cell nuclei; classes malignant (0), benign (1). Street et al., 1993."""
    return _from_scikit_learn("breast_cancer")


def digits() -> Dataset:
    """1,797 handwritten digits, images of 8 × 8 grays from 0 to 16. Alpaydin and Kaynak, 1998."""
    return _from_scikit_learn("digits")


def diabetes() -> Dataset:
    """442 patients, 10 measurements, and how the disease went on after a year. Efron et al., 2004."""
    return _from_scikit_learn("diabetes")


def _from_scikit_learn(name: str) -> Dataset:
    try:
        from sklearn import datasets  # noqa: PLC0415  (an optional package, only needed here)
    except ImportError:
        raise ImportError(
            f"the data set {name!r} comes with scikit-learn, which is not installed; "
            "install it with: pip install scikit-learn"
        ) from None
    bunch = getattr(datasets, f"load_{name}")()
    classes = tuple(str(label) for label in getattr(bunch, "target_names", ()))
    targets = [int(t) for t in bunch.target] if classes else [float(t) for t in bunch.target]
    return Dataset(
        name, bunch.data.astype(float).tolist(), targets, tuple(map(str, bunch.feature_names)), classes
    )


# ── Made-up data ──────────────────────────────────────────────────────────────────────────────────


def moons(samples: int = 200, *, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two half circles that reach into each other, as classes 0 and 1.

    >>> moons(50, seed=1)
    Dataset('moons': 50 samples, 2 inputs, 2 classes)
    """

    def point(place: int, rng: random.Random) -> tuple[Row, int]:
        label, angle = place % 2, math.pi * rng.random()
        x, y = math.cos(angle), math.sin(angle)
        return _noisy([1.0 - x, 0.5 - y] if label else [x, y], noise, rng), label

    return _made("moons", samples, seed, point, ("outer", "inner"))


def circles(samples: int = 200, *, noise: float = 0.08, factor: float = 0.5, seed: int = 0) -> Dataset:
    """A circle of radius 1 (class 0) around one of radius `factor` (class 1).

    >>> circles(4, seed=1).targets
    [0, 1, 0, 1]
    """

    def point(place: int, rng: random.Random) -> tuple[Row, int]:
        label, angle = place % 2, 2.0 * math.pi * rng.random()
        radius = factor if label else 1.0
        return _noisy([radius * math.cos(angle), radius * math.sin(angle)], noise, rng), label

    return _made("circles", samples, seed, point, ("outer", "inner"))


def spirals(
    samples: int = 200, *, arms: int = 2, turns: float = 1.25, noise: float = 0.03, seed: int = 0
) -> Dataset:
    """Arms that wind around each other, one class each, within the unit circle.

    >>> spirals(6, arms=3, seed=1).classes
    ('arm 0', 'arm 1', 'arm 2')
    """

    def point(place: int, rng: random.Random) -> tuple[Row, int]:
        label, share = place % arms, 0.1 + 0.9 * math.sqrt(rng.random())
        angle = 2.0 * math.pi * (turns * share + label / arms)
        return _noisy([share * math.cos(angle), share * math.sin(angle)], noise, rng), label

    return _made("spirals", samples, seed, point, tuple(f"arm {arm}" for arm in range(arms)))


def blobs(samples: int = 150, *, centers: int = 3, spread: float = 0.5, seed: int = 0) -> Dataset:
    """Round clouds of points, one class each, their centers evenly on a circle of radius 2.

    >>> blobs(3, spread=0.0).inputs[0]
    [2.0, 0.0]
    """

    def point(place: int, rng: random.Random) -> tuple[Row, int]:
        label = place % centers
        angle = 2.0 * math.pi * label / centers
        return _noisy([2.0 * math.cos(angle), 2.0 * math.sin(angle)], spread, rng), label

    return _made("blobs", samples, seed, point, tuple(f"blob {label}" for label in range(centers)))


def xor(samples: int = 4, *, noise: float = 0.0, seed: int = 0) -> Dataset:
    """The corners of a square, in turn; class 1 where exactly one of the two inputs is 1.

    >>> xor().inputs, xor().targets
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """

    def point(place: int, rng: random.Random) -> tuple[Row, int]:
        first, second = divmod(place % 4, 2)
        return _noisy([float(first), float(second)], noise, rng), first ^ second

    return _made("xor", samples, seed, point, ("same", "different"))


def line(
    samples: int = 50, *, slope: float = 2.0, offset: float = -1.0, noise: float = 0.3, seed: int = 0
) -> Dataset:
    """Noisy points on y = slope × x + offset, for x between -2 and 2.

    >>> points = line(3, noise=0.0)
    >>> points.targets[0] == 2.0 * points.inputs[0][0] - 1.0
    True
    """
    return _curve("line", samples, noise, seed, (-2.0, 2.0), lambda x: slope * x + offset)


def sine(
    samples: int = 80, *, scale: float = 2.0, offset: float = 5.0, noise: float = 0.2, seed: int = 0
) -> Dataset:
    """Noisy points on y = scale × sin(x) + offset, for x between −π and π.

    >>> sine(30)
    Dataset('sine': 30 samples, 1 input)
    """
    return _curve("sine", samples, noise, seed, (-math.pi, math.pi), lambda x: scale * math.sin(x) + offset)


def circle(
    samples: int = 60,
    *,
    center: tuple[float, float] = (1.0, -0.5),
    radius: float = 2.0,
    noise: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """Noisy points on (x − a)² + (y − b)² = radius²; the target is 0 for all, for no point is more on it.

    >>> ((x, y),) = circle(1, center=(0.0, 0.0), noise=0.0).inputs
    >>> round(x * x + y * y, 12)
    4.0
    """

    def point(_: int, rng: random.Random) -> tuple[Row, float]:
        angle, distance = 2.0 * math.pi * rng.random(), rng.gauss(radius, noise)
        return [center[0] + distance * math.cos(angle), center[1] + distance * math.sin(angle)], 0.0

    return _made("circle", samples, seed, point, ())


def _curve(
    name: str,
    samples: int,
    noise: float,
    seed: int,
    span: tuple[float, float],
    curve: Callable[[float], float],
) -> Dataset:
    def point(_: int, rng: random.Random) -> tuple[Row, float]:
        x = rng.uniform(*span)
        return [x], rng.gauss(curve(x), noise)

    return replace(_made(name, samples, seed, point, ()), features=("x",))


def _made(
    name: str,
    samples: int,
    seed: int,
    point: Callable[[int, random.Random], tuple[Row, Any]],
    classes: tuple[str, ...],
) -> Dataset:
    if samples < 1:
        raise ValueError(f"{name} needs at least 1 sample, got {samples}")
    rng = random.Random(seed)
    points = [point(place, rng) for place in range(samples)]
    return Dataset(name, [row for row, _ in points], [target for _, target in points], ("x", "y"), classes)


def _noisy(point: Row, noise: float, rng: random.Random) -> Row:
    return [rng.gauss(coordinate, noise) for coordinate in point]
