"""fit: the training loop; each step predicts, measures the loss, goes back, and corrects the parameters.

>>> from nn import MLP, SGD, data
>>> points = data.line(20, noise=0.0, seed=0)
>>> model = MLP(1, [1], seed=0)
>>> history = fit(
...     model, points.inputs, points.targets, loss="mean_squared_error", optimizer=SGD(0.2), epochs=60
... )
>>> [round(parameter.data, 3) for parameter in model.parameters()]
[2.0, -1.0]
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tqdm.auto import tqdm

from engine import EngineError, Value, mean
from nn import metrics as scores
from nn.data import Dataset, as_rows, as_targets, batches
from nn.errors import TrainingError
from nn.history import History
from nn.losses import Loss, l1_penalty, l2_penalty, loss_function
from nn.module import Module
from nn.optimizers import Optimizer, optimizer_for
from nn.tasks import check_targets, task_of

__all__ = ["EarlyStopping", "Epoch", "evaluate", "fit"]

Sample: TypeAlias = tuple[list[float], Any]
Metric: TypeAlias = str | Callable[[Sequence[Any], Sequence[Any]], float]


@dataclass(frozen=True)
class Epoch:
    """What a callback is given after each epoch; `number` counts from 1. A callback that returns True ends
    training.
    """

    number: int
    model: Module
    optimizer: Optimizer
    history: History


@dataclass
class EarlyStopping:
    """Ends training when `monitor` has not become better by more than `least` for `patience` epochs.

    `monitor` is a column of the history: by default the validation loss, or the loss where there is none.
    With `restore` the parameters of the best epoch are put back.
    """

    patience: int = 10
    monitor: str | None = None
    least: float = 0.0
    largest: bool = False
    restore: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.patience, int) or self.patience < 1:
            raise ValueError(f"patience is a whole number of epochs, at least 1; got {self.patience!r}")
        self.best = -math.inf if self.largest else math.inf
        self.best_state: dict[str, float] = {}
        self.best_epoch = 0

    def __call__(self, epoch: Epoch) -> bool:
        """Whether to end here."""
        monitor = self.monitor or ("validation loss" if "validation loss" in epoch.history else "loss")
        number = epoch.history[monitor][-1]
        better = number > self.best + self.least if self.largest else number < self.best - self.least
        if better:
            self.best, self.best_epoch = number, epoch.number
            self.best_state = epoch.model.state()
        return epoch.number - self.best_epoch >= self.patience


@dataclass(frozen=True)
class _Samples:
    """Inputs and targets, checked against one another, the model and the loss."""

    inputs: list[list[float]]
    targets: list[Any]

    @staticmethod
    def checked(model: Module, loss: str | Loss, inputs: Any, targets: Any, what: str = "") -> _Samples:
        rows, truths = as_rows(inputs, f"{what}inputs"), as_targets(targets, f"{what}targets")
        if len(rows) != len(truths):
            raise ValueError(
                f"every sample needs a target: expected {len(rows)} {what}targets, got {len(truths)}"
            )
        outputs = len(model.predict(rows[:1])[0])
        check_targets(loss, truths, outputs)
        return _Samples(rows, truths)

    def at(self, places: Sequence[int]) -> list[Sample]:
        return [(self.inputs[place], self.targets[place]) for place in places]


@dataclass(frozen=True)
class _Objective:
    """What training makes small: the mean loss of a batch, and the penalties on the parameters."""

    model: Module
    loss: Loss
    parameters: list[Value]
    l1: float
    l2: float

    def gradients(self, batch: Sequence[Sample]) -> float:
        """Leave the gradients for a batch in the parameters, and return the mean loss.

        This is the one place where training meets backprop.
        """
        for parameter in self.parameters:
            parameter.grad = 0.0
        loss = mean([self.loss(self.model(inputs), target) for inputs, target in batch])
        self._penalized(loss).backward()
        return loss.data

    def _penalized(self, loss: Value) -> Value:
        if self.l1:
            loss = loss + l1_penalty(self.parameters, self.l1)
        if self.l2:
            loss = loss + l2_penalty(self.parameters, self.l2)
        return loss


def evaluate(
    model: Module, inputs: Any, targets: Any, *, loss: str | Loss, metrics: Sequence[Metric] = ()
) -> dict[str, float]:
    """{"loss": the mean loss, and each metric by its name}, of a model as it is.

    >>> from nn import MLP
    >>> model = MLP(1, [2], output="softmax", initializer="zeros")
    >>> evaluate(model, [[1.0]], [0], loss="categorical_cross_entropy", metrics=["accuracy"])
    {'loss': 0.6931471805599453, 'accuracy': 1.0}
    """
    samples = _Samples.checked(model, loss, inputs, targets)
    return _measured(model, loss_function(loss), samples, _named_metrics(metrics))


def _measured(
    model: Module, loss: Loss, samples: _Samples, metrics: dict[str, Callable[..., float]]
) -> dict[str, float]:
    """The mean loss and the metrics, from predictions that build no graph."""
    outputs = model.predict(samples.inputs)
    losses = [loss([Value(x) for x in row], t).data for row, t in zip(outputs, samples.targets, strict=True)]
    measured = {"loss": math.fsum(losses) / len(losses)}
    for name, metric in metrics.items():
        measured[name] = metric(*_compared(metric, loss, outputs, samples.targets))
    return measured


def _named_metrics(metrics: Sequence[Metric]) -> dict[str, Callable[..., float]]:
    chosen = [metrics] if isinstance(metrics, str) or callable(metrics) else metrics
    functions = [scores.metric_function(metric) for metric in chosen]
    return {getattr(function, "__name__", repr(function)): function for function in functions}


def _compared(
    metric: Callable[..., float], loss: Loss, outputs: list[list[float]], targets: list[Any]
) -> tuple[list[Any], list[Any]]:
    """(truths, predictions) as the metric wants them: answers, or for those that rank or measure, numbers."""
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


def fit(  # noqa: PLR0913  (each is a choice of the user's, and all but three have a default)
    model: Module,
    inputs: Any,
    targets: Any,
    *,
    loss: str | Loss,
    optimizer: str | Optimizer = "adam",
    epochs: int = 100,
    batch_size: int | None = 32,
    shuffle: bool = True,
    seed: int = 0,
    validation: Any = None,
    metrics: Sequence[Metric] = (),
    early_stopping: int | EarlyStopping | None = None,
    callbacks: Sequence[Callable[[Epoch], object]] = (),
    l1: float = 0.0,
    l2: float = 0.0,
    progress: bool = True,
) -> History:
    """Train the model on samples, and return the history; all checks come before any parameter changes.

    `inputs` has a list of numbers for each sample (lists, a NumPy array, a pandas frame), `targets` its
    truth. Each epoch goes once through all samples, in batches of `batch_size` (None: one batch of all), in
    an order drawn from `seed`. `validation` is a data set, a pair (inputs, targets), or the share of the
    samples to set aside. `metrics` are measured after each epoch. Ctrl-C ends training with what there is.
    """
    function = loss_function(loss)
    samples = _Samples.checked(model, loss, inputs, targets)
    samples, held_out = _set_aside(model, loss, samples, validation, seed)
    rule = optimizer_for(optimizer)
    _check_counts(epochs, batch_size)
    parameters = model.parameters()
    if not parameters:
        raise ValueError("the model has no parameters to train: all are frozen, or it has none")
    objective = _Objective(model, function, parameters, l1, l2)
    measures = _named_metrics(metrics)
    stopping = EarlyStopping(early_stopping) if isinstance(early_stopping, int) else early_stopping
    history = History()
    model.train()
    steps = -(-len(samples.inputs) // (batch_size or len(samples.inputs)))
    bar = tqdm(total=epochs * steps, unit="step", disable=not progress, file=sys.stderr, dynamic_ncols=True)
    try:
        for number in range(1, epochs + 1):
            bar.set_description(f"epoch {number}/{epochs}", refresh=False)
            order = random.Random(f"{seed}:{number}") if shuffle else None
            losses = []
            for places in batches(len(samples.inputs), batch_size, order):
                losses.append(objective.gradients(samples.at(places)) * len(places))
                rule.step(parameters)
                bar.update()
            row = {"loss": math.fsum(losses) / len(samples.inputs)}
            model.train(False)
            if measures:
                row |= {k: v for k, v in _measured(model, function, samples, measures).items() if k != "loss"}
            if held_out:
                measured = _measured(model, function, held_out, measures)
                row |= {f"validation {name}": number for name, number in measured.items()}
            model.train()
            history.add(row)
            bar.set_postfix({name: f"{x:.4g}" for name, x in row.items()}, refresh=False)
            epoch = Epoch(number, model, rule, history)
            if any([bool(callback(epoch) is True) for callback in callbacks]):
                history.ended = f"a callback asked for it after epoch {number}"
                break
            if stopping and stopping(epoch):
                history.ended = f"no improvement for {stopping.patience} epochs, after epoch {number}"
                if stopping.restore:
                    model.load_state(stopping.best_state)
                break
        else:
            history.ended = f"all {epochs} epochs done"
    except KeyboardInterrupt:
        history.ended = f"interrupted in epoch {len(history) + 1}"
    except EngineError as error:
        history.ended = f"failed in epoch {len(history) + 1}"
        message = (
            f"training broke down in epoch {len(history) + 1}: {error}; a smaller learning rate may help"
        )
        raise TrainingError(message, history) from error
    finally:
        model.train(False)
        bar.close()
    return history


def _set_aside(
    model: Module, loss: str | Loss, samples: _Samples, validation: Any, seed: int
) -> tuple[_Samples, _Samples | None]:
    """(samples to train on, samples to validate on)."""
    if validation is None:
        return samples, None
    if isinstance(validation, float):
        whole = Dataset("all", samples.inputs, samples.targets)
        train, rest = whole.split(validation, seed=seed)
        return _Samples(train.inputs, train.targets), _Samples(rest.inputs, rest.targets)
    inputs, targets = (
        (validation.inputs, validation.targets) if isinstance(validation, Dataset) else validation
    )
    return samples, _Samples.checked(model, loss, inputs, targets, "validation ")


def _check_counts(epochs: int, batch_size: int | None) -> None:
    for name, count in (("epochs", epochs), ("batch_size", batch_size)):
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ValueError(f"{name} must be a whole number of at least 1, got {count!r}")
