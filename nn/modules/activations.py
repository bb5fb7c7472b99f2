"""What a neuron does with its weighted sum: the activations by name, and what else is known of each.

An activation is any function from a Value to a Value; the names below are the usual ones. Each is an
operation of the engine, so its derivative is known there. `softmax` is different: it takes all the sums of
a layer at once.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import TypeAlias

from engine import Value, selu
from nn.names import look_up

__all__ = ["ACTIVATIONS", "Activation", "activation_function", "activation_name"]

Activation: TypeAlias = str | Callable[[Value], Value]


def linear(x: Value) -> Value:
    """x itself: no activation."""
    return x


ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "linear": linear,
    "tanh": methodcaller("tanh"),
    "sigmoid": methodcaller("sigmoid"),
    "relu": methodcaller("relu"),
    "leaky_relu": methodcaller("leaky_relu"),
    "elu": methodcaller("elu"),
    "selu": selu,
    "gelu": methodcaller("gelu"),
    "silu": methodcaller("silu"),
    "mish": methodcaller("mish"),
    "softplus": methodcaller("softplus"),
    "softsign": methodcaller("softsign"),
    "sin": methodcaller("sin"),
}


def activation_function(activation: Activation) -> Callable[[Value], Value]:
    """The function for a name, or the function itself; ValueError with the known names otherwise.

    >>> activation_function("relu")(Value(-2.0)).data
    0.0
    """
    return look_up("activation", activation, ACTIVATIONS)


def activation_name(activation: Activation) -> str:
    """The name under which an activation is printed and saved.

    >>> activation_name("tanh"), activation_name(linear)
    ('tanh', 'linear')
    """
    if isinstance(activation, str):
        return activation
    names = [name for name, known in ACTIVATIONS.items() if known is activation]
    return names[0] if names else f"function {getattr(activation, '__name__', repr(activation))}"
