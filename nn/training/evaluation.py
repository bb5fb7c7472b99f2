"""A model measured on samples, as it is: the samples checked, the mean loss, the metrics.

>>> from nn import MLP
>>> model = MLP(1, [2], output="softmax", initializer="zeros")
>>> evaluate(model, [[1.0]], [0], loss="categorical_cross_entropy", metrics=["accuracy"])
{'loss': 0.6931471805599453, 'accuracy': 1.0}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine import Value
from nn.data.tables import Dataset, as_rows, as_targets
from nn.modules.layers import Embedding
from nn.modules.module import Module
from nn.training import metrics as scores
from nn.training.losses import Loss, loss_function
from nn.training.tasks import check_targets, task_of

__all__ = ["Metric", "Sample", "Samples", "evaluate"]

Sample: TypeAlias = tuple[list[float], Any]
Metric: TypeAlias = str | Callable[[Sequence[Any], Sequence[Any]], float]
Predict: TypeAlias = Callable[[Sequence[Any]], list[list[float]]]
Metrics: TypeAlias = dict[str, Callable[..., float]]


@dataclass(frozen=True)
class Samples:
    """Inputs and targets that fit one another, a model and a loss."""

    inputs: Sequence[list[float]]
    targets: list[Any]

    @staticmethod
    def checked(model: Module, loss: str | Loss, inputs: Any, targets: Any, what: str = "") -> Samples:
        """The samples; TypeError or ValueError says what does not fit. The model is not changed."""
        rows, truths = as_rows(inputs, f"{what}inputs"), as_targets(targets, f"{what}targets")
        if len(rows) != len(truths):
            raise ValueError(
                f"every sample needs a target: expected {len(rows)} {what}targets, got {len(truths)}"
            )
        looks_up = any(isinstance(module, Embedding) for _, module in model.modules())
        outputs = model.predict(rows if looks_up else rows[:1])  # an index may be wrong in any sample
        check_targets(loss, truths, len(outputs[0]))
        return Samples(rows, truths)

    def at(self, places: Sequence[int]) -> list[Sample]:
        """(input, target) of the samples at these places."""
        return [(self.inputs[place], self.targets[place]) for place in places]

    def set_aside(
        self, model: Module, loss: str | Loss, validation: Any, seed: int
    ) -> tuple[Samples, Samples | None]:
        """(samples to train on, samples to validate on): a share of these, or others."""
        if validation is None:
            return self, None
        if isinstance(validation, float):
            train, rest = Dataset("samples", self.inputs, self.targets).split(validation, seed=seed)
            return Samples(train.inputs, train.targets), Samples(rest.inputs, rest.targets)
        given = (validation.inputs, validation.targets) if isinstance(validation, Dataset) else validation
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise TypeError("validation must be a Dataset, a pair (inputs, targets), or a share such as 0.2")
        return self, Samples.checked(model, loss, given[0], given[1], "validation ")


def evaluate(
    model: Module, inputs: Any, targets: Any, *, loss: str | Loss, metrics: Metric | Sequence[Metric] = ()
) -> dict[str, float]:
    """{"loss": the mean loss, then each metric under its name}, of the model as it is.

    Metrics of answers (accuracy, recall, …) get what the outputs decide under this loss: the likeliest
    class, or on which side of the threshold an output is. Metrics of numbers (r2, roc_area) get the outputs.
    """
    samples = Samples.checked(model, loss, inputs, targets)
    return measured(model.predict, loss_function(loss), samples, named_metrics(metrics))


def named_metrics(metrics: Metric | Sequence[Metric]) -> Metrics:
    """{name: function} for metrics given by name or as functions; ValueError for unknown names."""
    chosen = [metrics] if isinstance(metrics, str) or callable(metrics) else metrics
    functions = [scores.metric_function(metric) for metric in chosen]
    return {getattr(function, "__name__", repr(function)): function for function in functions}


def measured(predict: Predict, loss: Loss, samples: Samples, metrics: Metrics) -> dict[str, float]:
    """The mean loss and the metrics on samples that were checked before; `predict` gives their outputs."""
    outputs = predict(samples.inputs)
    pairs = zip(outputs, samples.targets, strict=True)
    losses = [loss([Value(x) for x in row], target).data for row, target in pairs]
    row = {"loss": math.fsum(losses) / len(losses)}
    for name, metric in metrics.items():
        row[name] = float(metric(*_compared(metric, loss, outputs, samples.targets)))
    return row


def _compared(
    metric: Callable[..., float], loss: Loss, outputs: list[list[float]], targets: list[Any]
) -> tuple[list[Any], list[Any]]:
    """(truths, predictions) as the metric wants them: answers, or numbers for those that rank or measure."""
    task = task_of(loss)
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
