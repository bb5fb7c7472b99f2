"""Losses: how far predictions are from the truth, as one Value to go back from.

Every loss takes predictions and targets of one sample (a Value or a list of them, and the truth for it) or
of many (a list of such lists, and a list of truths), and gives the mean over all there are.

>>> mean_squared_error([Value(1.0), Value(2.0)], [1.0, 4.0]).data
2.0
>>> categorical_cross_entropy([[Value(0.5), Value(0.5)], [Value(1.0), Value(0.0)]], [1, 0]).data
0.34657359027997264
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, cast

from engine import Value, dot, exp, log, log_softmax, maximum, mean, minimum, pick, relu, softplus, total
from nn.names import look_up

__all__ = [
    "LOSSES",
    "Loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "categorical_cross_entropy",
    "cross_entropy_with_logits",
    "hinge",
    "huber",
    "l1_penalty",
    "l2_penalty",
    "loss_function",
    "loss_name",
    "mean_absolute_error",
    "mean_squared_error",
]

Nodes: TypeAlias = Sequence[Value]
Loss: TypeAlias = Callable[[Any, Any], Value]
Settings = ParamSpec("Settings")

SMALLEST = exp(-100.0)  # a probability below this counts as this, so that its log is at least -100


def _of_samples(
    of_one: Callable[Concatenate[Nodes, Any, Settings], Value],
) -> Callable[Concatenate[Any, Any, Settings], Value]:
    """The loss for one sample made one for a Value, a sample, or a list of samples."""

    @wraps(of_one)
    def loss(predictions: Any, targets: Any, *args: Settings.args, **kwargs: Settings.kwargs) -> Value:
        if not isinstance(predictions, list | tuple):
            return of_one([predictions], targets, *args, **kwargs)
        if not predictions:
            raise ValueError(f"{of_one.__name__} needs at least one prediction, got none")
        if not isinstance(predictions[0], list | tuple):
            return of_one(predictions, targets, *args, **kwargs)
        truths = _listed(targets)
        if len(truths) != len(predictions):
            raise ValueError(
                f"{of_one.__name__} needs a target for each sample: {len(predictions)} predictions, "
                f"{len(truths)} targets"
            )
        pairs = zip(predictions, truths, strict=True)
        return mean([of_one(prediction, truth, *args, **kwargs) for prediction, truth in pairs])

    return cast("Callable[Concatenate[Any, Any, Settings], Value]", loss)


# ── Regression ────────────────────────────────────────────────────────────────────────────────────


@_of_samples
def mean_squared_error(predictions: Nodes, targets: Any) -> Value:
    """The mean of (prediction − target)²: the loss for regression; large errors count most.

    >>> mean_squared_error(Value(3.0), 1.0).data
    4.0
    """
    errors = _errors("mean_squared_error", predictions, targets)
    return errors[0] * errors[0] if len(errors) == 1 else dot(errors, errors) / len(errors)


@_of_samples
def mean_absolute_error(predictions: Nodes, targets: Any) -> Value:
    """The mean of |prediction − target|: every error pulls equally hard, so outliers move it less.

    >>> mean_absolute_error(Value(3.0), 1.0).data
    2.0
    """
    return _mean([abs(error) for error in _errors("mean_absolute_error", predictions, targets)])


@_of_samples
def huber(predictions: Nodes, targets: Any, delta: float = 1.0) -> Value:
    """Half the squared error up to `delta`, beyond it a straight line. Huber, 1964.

    >>> huber(Value(3.0), 1.0).data, huber(Value(1.5), 1.0).data
    (1.5, 0.125)
    """
    if not delta > 0:
        raise ValueError(f"huber needs delta > 0, got {delta!r}")
    sizes = [abs(error) for error in _errors("huber", predictions, targets)]
    squared = [(minimum(size, delta), size) for size in sizes]
    return _mean([near * (size - 0.5 * near) for near, size in squared])


# ── Two classes ───────────────────────────────────────────────────────────────────────────────────


@_of_samples
def hinge(predictions: Nodes, targets: Any) -> Value:
    """The mean of max(0, 1 − target × prediction), for targets -1 and +1: a support vector machine's.

    >>> hinge(Value(0.25), 1).data, hinge(Value(3.0), 1).data
    (0.75, 0.0)
    """
    pairs = _pairs("hinge", predictions, targets)
    return _mean([relu(1.0 - target * prediction) for prediction, target in pairs])


@_of_samples
def binary_cross_entropy(predictions: Nodes, targets: Any) -> Value:
    """−log of the probability given to the truth, for targets 0 and 1 and predictions that are probabilities.

    A probability below e⁻¹⁰⁰ counts as e⁻¹⁰⁰, and lets no gradient through. A network whose last layer is
    "linear" wants `binary_cross_entropy_with_logits` instead, which has no such limit.

    >>> round(binary_cross_entropy(Value(0.5), 1).data, 4)
    0.6931
    """
    pairs = _pairs("binary_cross_entropy", predictions, targets)
    return _mean([-_two_way(target, partial(_log, p), partial(_log_of_rest, p)) for p, target in pairs])


@_of_samples
def binary_cross_entropy_with_logits(predictions: Nodes, targets: Any) -> Value:
    """`binary_cross_entropy` of the sigmoid of the predictions, in one step that cannot overflow.

    >>> binary_cross_entropy_with_logits(Value(-1000.0), 1).data
    1000.0
    """
    pairs = _pairs("binary_cross_entropy_with_logits", predictions, targets)
    return _mean([_two_way(target, partial(_surprise, -z), partial(_surprise, z)) for z, target in pairs])


# ── One of many classes ───────────────────────────────────────────────────────────────────────────


@_of_samples
def categorical_cross_entropy(predictions: Nodes, target: Any) -> Value:
    """−log of the probability given to the true class; the target is its number from 0, or one-hot.

    Predictions are probabilities, as softmax makes them. Below e⁻¹⁰⁰ a probability counts as e⁻¹⁰⁰, and
    lets no gradient through; `cross_entropy_with_logits`, for a "linear" last layer, has no such limit.

    >>> round(categorical_cross_entropy([Value(0.25), Value(0.75)], 1).data, 4)
    0.2877
    """
    if isinstance(target, list | tuple):
        return -dot(
            [_log(p) for p in predictions], _one_hot("categorical_cross_entropy", predictions, target)
        )
    return -_log(_of_class("categorical_cross_entropy", predictions, target))


@_of_samples
def cross_entropy_with_logits(predictions: Nodes, target: Any) -> Value:
    """`categorical_cross_entropy` of the softmax of the predictions, in one step that cannot overflow.

    What is added to all predictions changes nothing, and a prediction of −∞ is a class that cannot be.

    >>> cross_entropy_with_logits([Value(1000.0), Value(0.0)], 1).data
    1000.0
    """
    logarithms = log_softmax(predictions)
    if isinstance(target, list | tuple):
        shares = _one_hot("cross_entropy_with_logits", predictions, target)
        wanted = [(p, share) for p, share in zip(logarithms, shares, strict=True) if _counts(share)]
        return -dot([p for p, _ in wanted], [share for _, share in wanted])
    return -_of_class("cross_entropy_with_logits", logarithms, target)


# ── Penalties on the parameters ───────────────────────────────────────────────────────────────────


def l1_penalty(parameters: Iterable[Value], strength: float) -> Value:
    """Strength × Σ|parameter|: pulls parameters to exactly 0; to be added to a loss.

    >>> l1_penalty([Value(-2.0), Value(1.0)], 0.1).data
    0.30000000000000004
    """
    return total(abs(parameter) for parameter in parameters) * strength


def l2_penalty(parameters: Iterable[Value], strength: float) -> Value:
    """Strength × Σ parameter²: keeps parameters small; to be added to a loss.

    >>> l2_penalty([Value(-2.0), Value(1.0)], 0.1).data
    0.5
    """
    held = list(parameters)
    return dot(held, held) * strength


# ── By name ───────────────────────────────────────────────────────────────────────────────────────

LOSSES: dict[str, Loss] = {
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "huber": huber,
    "hinge": hinge,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "categorical_cross_entropy": categorical_cross_entropy,
    "cross_entropy_with_logits": cross_entropy_with_logits,
}


ELSEWHERE = {  # what other libraries call them
    "mse": "'mean_squared_error'",
    "l2": "'mean_squared_error'",
    "mae": "'mean_absolute_error'",
    "l1": "'mean_absolute_error'",
    "smooth_l1": "'huber'",
    "bce": "'binary_cross_entropy' (probabilities) or 'binary_cross_entropy_with_logits' (linear)",
    "bce_with_logits": "'binary_cross_entropy_with_logits'",
    "log_loss": "'binary_cross_entropy' or 'categorical_cross_entropy'",
    "cross_entropy": "'categorical_cross_entropy' (probabilities) or 'cross_entropy_with_logits' (linear)",
    "nll": "'categorical_cross_entropy'",
}


def loss_function(loss: str | Loss) -> Loss:
    """The loss with this name, or the function itself; ValueError with the known names otherwise."""
    return look_up("loss", loss, LOSSES, ELSEWHERE)


def loss_name(loss: str | Loss) -> str:
    """The name of a loss, also of one with settings: partial(huber, delta=2.0) is "huber".

    >>> loss_name(partial(huber, delta=2.0))
    'huber'
    """
    while isinstance(loss, partial):
        loss = loss.func
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)


def _log(probability: Value) -> Value:
    return log(maximum(probability, SMALLEST))


def _log_of_rest(probability: Value) -> Value:
    return _log(1.0 - probability)


def _surprise(logit: Value) -> Value:
    """−log of the probability that is left to the other class."""
    return softplus(logit)


def _counts(share: Any) -> bool:
    """Whether a share of a loss is, or may be in another sample, anything but 0."""
    return isinstance(share, Value) or share != 0


def _two_way(target: Any, if_one: Callable[[], Value], if_zero: Callable[[], Value]) -> Value:
    """Target × if_one + (1 − target) × if_zero: one of the two for a target that is 1 or 0."""
    if type(target) in (int, float) and target in (0, 1):  # a recording is not split into two ways
        return if_one() if target else if_zero()
    return dot([if_one(), if_zero()], [target, 1.0 - target])


def _mean(parts: list[Value]) -> Value:
    return parts[0] if len(parts) == 1 else mean(parts)


def _listed(targets: Any) -> list[Any]:
    """Targets as a list: one number, a list or tuple, or an array."""
    if hasattr(targets, "tolist"):
        targets = targets.tolist()
    return list(targets) if isinstance(targets, list | tuple) else [targets]


def _pairs(name: str, predictions: Nodes, targets: Any) -> list[tuple[Value, Any]]:
    truths = _listed(targets)
    if len(truths) != len(predictions):
        raise ValueError(
            f"{name} needs a target for each prediction, got {len(predictions)} and {len(truths)} targets"
        )
    return list(zip(predictions, truths, strict=True))


def _errors(name: str, predictions: Nodes, targets: Any) -> list[Value]:
    return [prediction - target for prediction, target in _pairs(name, predictions, targets)]


def _of_class(name: str, predictions: Nodes, target: Any) -> Value:
    """The prediction for a class, which replay picks anew for every sample."""
    if type(target) is int and 0 <= target < len(predictions):
        return predictions[target]
    try:
        picked: Value = pick(predictions, int(target) if isinstance(target, bool) else target, least=0)
    except (IndexError, TypeError) as error:
        raise ValueError(
            f"{name} needs a class from 0 to {len(predictions) - 1} for {len(predictions)} predictions, "
            f"got {target!r}"
        ) from error
    return picked


def _one_hot(name: str, predictions: Nodes, shares: Sequence[float]) -> Sequence[float]:
    if len(shares) != len(predictions):
        raise ValueError(
            f"{name} needs one share for each class: {len(predictions)} predictions, {len(shares)} shares"
        )
    return shares
