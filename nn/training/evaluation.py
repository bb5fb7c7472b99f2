"""A model measured on samples, as it is: the mean loss, the metrics.

>>> from nn import MLP
>>> model = MLP(1, [2], output="softmax", initializer="zeros")
>>> evaluate(model, [[1.0]], [0], loss="categorical_cross_entropy", metrics=["accuracy"])
{'loss': 0.6931471805599453, 'accuracy': 1.0}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from nn.data.schema import Schema
from nn.modules.module import Module
from nn.modules.programs import Programs, outputs_for
from nn.training import metrics as scores
from nn.training.losses import Loss, loss_function
from nn.training.matching import ensure_match
from nn.training.samples import Samples
from nn.training.tasks import Task, deciding, task_of

__all__ = ["Metric", "evaluate", "measured", "named_metrics", "rows_of"]

Metric: TypeAlias = str | Callable[[Sequence[Any], Sequence[Any]], float]
Metrics: TypeAlias = dict[str, Callable[..., float]]


def evaluate(
    model: Module,
    inputs: Any,
    targets: Any = None,
    *,
    loss: str | Loss | None = None,
    metrics: Metric | Sequence[Metric] = (),
) -> dict[str, float]:
    """{"loss": the mean loss, then each metric under its name}, of the model as it is.

    `inputs` are a Dataset, or rows with their `targets`, as `fit` takes them. Metrics of answers (accuracy,
    recall, …) get what the outputs decide: the likeliest class, or on which side of the threshold an output
    is. Metrics of numbers (r2, roc_area) get the outputs. Without a `loss` only the metrics are measured.
    """
    chosen = named_metrics(metrics)
    if loss is None and not chosen:
        raise ValueError('evaluate needs something to measure: loss=…, or metrics=["accuracy"]')
    schema = model.schema or Schema()
    samples = Samples.checked(model, loss, inputs, targets, schema).scaled(schema.scaler)
    if loss is not None:
        ensure_match(model, loss, samples.inputs, samples.targets)
        task = task_of(loss)
    else:
        task = deciding(schema.decision) or _by_outputs(model, samples, chosen)
    measure = None if loss is None else loss_function(loss)
    return measured(rows_of(model, measure, samples), samples, chosen, task, has_loss=loss is not None)


def rows_of(model: Module, loss: Loss | None, samples: Samples, *, replays: bool = True) -> list[list[float]]:
    """[loss, *outputs] for every sample, without a loss its outputs; by the programs kept with the model."""
    program = Programs.of(model).measuring(loss)
    columns = (samples.inputs,) if loss is None else (samples.inputs, samples.targets)
    return program(*columns) if replays else program.eagerly(*columns)


def _by_outputs(model: Module, samples: Samples, metrics: Metrics) -> Task | None:
    """What outputs decide where nothing is known of a loss: the largest of several; one is asked about."""
    if len(outputs_for(model, samples.inputs[:1])[0]) > 1:
        return deciding("largest")
    for name, metric in metrics.items():
        if metric not in scores.OF_NUMBERS:
            raise ValueError(f"{name} needs to know what one output decides: give loss=… too")
    return None


def named_metrics(metrics: Metric | Sequence[Metric]) -> Metrics:
    """{name: function} for metrics given by name or as functions; ValueError for unknown names."""
    chosen = [metrics] if isinstance(metrics, str) or callable(metrics) else metrics
    functions = [scores.metric_function(metric) for metric in chosen]
    return {getattr(function, "__name__", repr(function)): function for function in functions}


def measured(
    rows: list[list[float]], samples: Samples, metrics: Metrics, task: Task | None, *, has_loss: bool = True
) -> dict[str, float]:
    """The mean loss and the metrics on samples that were checked before, of which `rows_of` has the rows.

    The loss is that with the samples' weights; a metric counts every sample once.
    """
    outputs = [row[1:] for row in rows] if has_loss else rows
    row = {"loss": _mean([row[0] for row in rows], samples.weights)} if has_loss else {}
    for name, metric in metrics.items():
        row[name] = float(metric(*_compared(metric, task, outputs, samples.targets)))
    return row


def _mean(losses: list[float], weights: list[float] | None) -> float:
    if weights is not None:
        losses = [weight * each for weight, each in zip(weights, losses, strict=True)]
    return math.fsum(losses) / len(losses)


def _compared(
    metric: Callable[..., float], task: Task | None, outputs: list[list[float]], targets: list[Any]
) -> tuple[list[Any], list[Any]]:
    """(truths, predictions) as the metric wants them: answers, or numbers for those that rank or measure."""
    if metric in scores.OF_NUMBERS:
        predictions: list[Any] = [row[-1] if task and task.classes else row for row in outputs]
    elif task is None:
        predictions = [row[0] if len(row) == 1 else row.index(max(row)) for row in outputs]
    else:
        predictions = [task.answer(row) for row in outputs]
    truths = [task.answer(t) if task and task.classes and isinstance(t, list) else t for t in targets]
    return _flat(truths), _flat(predictions)


def _flat(members: list[Any]) -> list[Any]:
    return [number for member in members for number in (member if isinstance(member, list) else [member])]
