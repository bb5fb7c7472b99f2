"""Whether a loss and the outputs of a network fit one another: found out before the first step.

>>> from nn import MLP
>>> check_outputs(MLP(2, [1], seed=0), "binary_cross_entropy", [[0.0, 1.0]])
Traceback (most recent call last):
    ...
ValueError: binary_cross_entropy needs probabilities, and the network's last layer is "linear": make it \
output="sigmoid", or use binary_cross_entropy_with_logits
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine import EngineError, Value
from nn.modules.layers import Dropout, Layer, Neuron, Sequential
from nn.modules.module import Module
from nn.modules.programs import outputs_for
from nn.training.losses import Loss, loss_function, loss_name
from nn.training.tasks import task_of

__all__ = ["check_outputs", "ensure_match", "last_activation"]

TRIED = 16  # samples, evenly spread, whose outputs are looked at where the last activation says nothing


@dataclass(frozen=True)
class _Wanted:
    """What a loss wants of outputs: the last activation that gives it, those that do not, the other loss."""

    words: str
    activation: str
    misfits: Callable[[str], bool]
    instead: str
    is_probability: bool


def _no_probability(activation: str) -> bool:
    return activation not in ("", "sigmoid", "softmax")


def _a_probability(activation: str) -> bool:
    return activation in ("sigmoid", "softmax")


def _one_sign(activation: str) -> bool:
    return activation in ("sigmoid", "softmax", "relu", "softplus")


_WANTED = {
    "hinge": _Wanted("outputs of either sign", "linear", _one_sign, "binary_cross_entropy", False),
    "binary_cross_entropy": _Wanted(
        "probabilities", "sigmoid", _no_probability, "binary_cross_entropy_with_logits", True
    ),
    "binary_cross_entropy_with_logits": _Wanted(
        "logits, for it applies the sigmoid itself", "linear", _a_probability, "binary_cross_entropy", False
    ),
    "categorical_cross_entropy": _Wanted(
        "probabilities that add up to 1",
        "softmax",
        lambda activation: activation not in ("", "softmax"),
        "cross_entropy_with_logits",
        True,
    ),
    "cross_entropy_with_logits": _Wanted(
        "logits, for it applies the softmax itself",
        "linear",
        _a_probability,
        "categorical_cross_entropy",
        False,
    ),
}


def ensure_match(model: Module, loss: str | Loss, inputs: Sequence[Any], targets: Sequence[Any]) -> None:
    """Raise ValueError or TypeError where this loss can learn nothing from the model on these samples."""
    check_outputs(model, loss, inputs)
    check_own_loss(model, loss, inputs[0], targets[0])


def check_outputs(model: Module, loss: str | Loss, inputs: Sequence[Any]) -> None:
    """Raise ValueError, naming both mends, where the network's outputs are not what the loss takes.

    The last activation tells; where it is a function or module of one's own, a few outputs do.
    """
    last = last_activation(model)
    if last == "softmax" and len(outputs_for(model, inputs[:1])[0]) == 1:
        raise ValueError(
            "a softmax of one output is 1 for every sample, so nothing can be learned: make it "
            'output="sigmoid" with binary_cross_entropy, or give the network one output for each class'
        )
    wanted = _WANTED.get(loss_name(loss))
    if wanted is None:
        return
    mends = f'make it output="{wanted.activation}", or use {wanted.instead}'
    if wanted.misfits(last):
        raise ValueError(
            f'{loss_name(loss)} needs {wanted.words}, and the network\'s last layer is "{last}": {mends}'
        )
    if wanted.is_probability and not last:
        stride = -(-len(inputs) // TRIED)
        outside = [
            x for row in outputs_for(model, inputs[::stride]) for x in row if abs(x - 0.5) > 0.5 + 1e-9
        ]
        if outside:
            raise ValueError(
                f"{loss_name(loss)} needs {wanted.words}, and an output of this network is {outside[0]:.4g}: "
                f"{mends}"
            )


def last_activation(model: Any) -> str:
    """The name of the activation that makes a network's outputs; "" where that is not known.

    It is known of networks that are called as this package's are; a module of one's own may do anything with
    the outputs of those in it.

    >>> from nn import MLP, Dropout, Sequential
    >>> last_activation(Sequential(MLP(2, [3], output="softmax"), Dropout(0.1)))
    'softmax'
    """
    call: Any = type(model).__call__
    if call is Sequential.__call__:
        passing = [layer for layer in model.layers if not isinstance(layer, Dropout)]
        return last_activation(passing[-1]) if passing else ""
    activation = model.activation if call in (Layer.__call__, Neuron.__call__) else ""
    return activation if isinstance(activation, str) else ""


def check_own_loss(model: Module, loss: str | Loss, inputs: Any, target: Any) -> None:
    """Raise TypeError where a loss of one's own gives no Value; warn where it leaves the graph on its way.

    `math.log(p)` and `float(p)` are plain numbers, through which nothing flows back: finite differences see
    what backward does not.
    """
    if task_of(loss) is not None:
        return
    function, name = loss_function(loss), loss_name(loss)
    mend = "math.log, float() and .data leave the graph; write log(p) with `from engine import log`"
    predictions: Any = model(inputs)
    found: Any = function(predictions, target)
    if not isinstance(found, Value):
        given = f"{type(found).__name__} ({found!r:.40})"
        raise TypeError(f"the loss {name} gives {given} where a Value is needed: {mend}")
    if "detach" not in getattr(getattr(function, "__code__", None), "co_names", ()):
        try:
            is_list = isinstance(predictions, list | tuple)
            outputs = [float(each) for each in (predictions if is_list else [predictions])]
            is_cut = _is_cut(lambda row: function(row if is_list else row[0], target), outputs)
        except (EngineError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
            return  # it comes up in training, in its own words
        if is_cut:
            way = f"the loss {name} depends on the predictions past the graph, where nothing flows back"
            warnings.warn(f"{way}: {mend}, or p.detach() where that is meant", stacklevel=4)


def _is_cut(loss: Callable[[list[Value]], Any], outputs: Sequence[float]) -> bool:
    """Whether backward knows less of a loss than two more calls of it, all outputs moved at once.

    Nothing is known of a loss that is another one at every call.
    """
    leaves = [Value(x) for x in outputs]
    value = loss(leaves)
    value.backward()
    direction = [(1.0 + place / 10.0) * max(1.0, abs(x)) for place, x in enumerate(outputs)]
    step = 1e-5
    above, below = (
        float(loss([Value(x + side * step * way) for x, way in zip(outputs, direction, strict=True)]))
        for side in (1.0, -1.0)
    )
    if float(loss([Value(x) for x in outputs])) != value.data:
        return False
    measured = (above - below) / (2.0 * step)
    known = sum((leaf.grad or 0.0) * way for leaf, way in zip(leaves, direction, strict=True))
    return bool(abs(measured - known) > 1e-3 * (abs(measured) + abs(known)) + 1e-8 * (1.0 + abs(value.data)))
