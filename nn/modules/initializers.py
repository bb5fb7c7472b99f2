"""How weights begin: random, and just large enough that signals neither die out nor explode.

An initializer is a function (inputs, outputs, random) -> float that draws one weight of a layer with that
many inputs and outputs. Biases begin at 0.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

from nn.modules.activations import Activation, activation_name
from nn.names import look_up

__all__ = [
    "INITIALIZERS",
    "Initializer",
    "he_normal",
    "he_uniform",
    "initializer_for",
    "normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Initializer: TypeAlias = Callable[[int, int, random.Random], float]


def zeros(inputs: int, outputs: int, rng: random.Random) -> float:  # noqa: ARG001  (one signature for all)
    """0 for every weight: all neurons of a layer then stay equal forever."""
    return 0.0


def uniform(inputs: int, outputs: int, rng: random.Random) -> float:  # noqa: ARG001
    """Uniform between -1 and 1, whatever the layer's size: what micrograd does."""
    return rng.uniform(-1.0, 1.0)


def normal(inputs: int, outputs: int, rng: random.Random) -> float:  # noqa: ARG001
    """Normal with standard deviation 1, whatever the layer's size."""
    return rng.gauss(0.0, 1.0)


def xavier_uniform(inputs: int, outputs: int, rng: random.Random) -> float:
    """Uniform with variance 2 ÷ (inputs + outputs). Glorot and Bengio, 2010.

    >>> -1.0 <= xavier_uniform(3, 3, random.Random(0)) <= 1.0
    True
    """
    bound = (6.0 / (inputs + outputs)) ** 0.5
    return rng.uniform(-bound, bound)


def xavier_normal(inputs: int, outputs: int, rng: random.Random) -> float:
    """Normal with variance 2 ÷ (inputs + outputs). Glorot and Bengio, 2010."""
    return rng.gauss(0.0, (2.0 / (inputs + outputs)) ** 0.5)


def he_uniform(inputs: int, outputs: int, rng: random.Random) -> float:  # noqa: ARG001
    """Uniform with variance 2 ÷ inputs, for rectifiers. He et al., 2015."""
    bound = (6.0 / inputs) ** 0.5
    return rng.uniform(-bound, bound)


def he_normal(inputs: int, outputs: int, rng: random.Random) -> float:  # noqa: ARG001
    """Normal with variance 2 ÷ inputs, for rectifiers: half of their signal is cut off. He et al., 2015."""
    return rng.gauss(0.0, (2.0 / inputs) ** 0.5)


INITIALIZERS: dict[str, Initializer] = {
    "zeros": zeros,
    "uniform": uniform,
    "normal": normal,
    "xavier_uniform": xavier_uniform,
    "xavier_normal": xavier_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "glorot_uniform": xavier_uniform,
    "glorot_normal": xavier_normal,
    "kaiming_uniform": he_uniform,
    "kaiming_normal": he_normal,
}

RECTIFIERS = ("relu", "leaky_relu", "elu", "gelu", "silu", "mish", "softplus")


def initializer_for(initializer: str | Initializer | None, activation: Activation) -> Initializer:
    """The initializer asked for, or, for None, the one that fits the activation.

    Rectifiers get He's, which makes up for the half that they cut off; all others Xavier's.

    >>> initializer_for(None, "relu").__name__, initializer_for(None, "tanh").__name__
    ('he_uniform', 'xavier_uniform')
    """
    if initializer is None:
        return he_uniform if activation_name(activation) in RECTIFIERS else xavier_uniform
    return look_up("initializer", initializer, INITIALIZERS)
