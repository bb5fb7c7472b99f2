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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import EngineError, ReplayError, collector_paused
from nn.checkpoints import Checkpoint
from nn.data.scaling import Scaler, ensure_scaler
from nn.data.schema import Schema
from nn.errors import TrainingError
from nn.inspection import doctor as training_doctor
from nn.inspection.film import Film
from nn.modules.layers import Dropout
from nn.modules.module import Module
from nn.plan import Plan
from nn.progress import Bar, say
from nn.training.callbacks import Callback, EarlyStopping, Epoch
from nn.training.evaluation import Metric, Metrics, measured, named_metrics
from nn.training.history import History
from nn.training.losses import Loss, loss_function, loss_name
from nn.training.matching import ensure_match
from nn.training.metrics import METRICS
from nn.training.objective import Objective
from nn.training.optimizers import Optimizer, optimizer_for
from nn.training.samples import ClassWeight, Samples, prepared
from nn.training.stepping import Stepping
from nn.training.tasks import task_of

__all__ = ["fit"]


def fit(  # noqa: PLR0913  (each is a choice of the user's, and all but three have a default)
    model: Module,
    inputs: Any,
    targets: Any = None,
    *,
    loss: str | Loss,
    optimizer: str | Optimizer = "adam",
    epochs: int = 100,
    batch_size: int | None = 32,
    shuffle: bool = True,
    seed: int = 0,
    validation: Any = None,
    metrics: Metric | Sequence[Metric] = (),
    early_stopping: int | EarlyStopping | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | Path | Checkpoint | None = None,
    resume: bool = False,
    l1: float = 0.0,
    l2: float = 0.0,
    scaler: Scaler | None = None,
    class_weight: ClassWeight | None = None,
    sample_weight: Any = None,
    doctor: bool = False,
    progress: bool = True,
    gear: str = "auto",
    film: bool = False,
) -> History:
    """Train the model on samples, and return the history; all checks come before any parameter changes.

    `inputs` has a list of numbers for each sample (lists, a NumPy array, a pandas frame), `targets` its
    truth: numbers, or names of classes, which `predict` gives back; or `inputs` is a Dataset, which has both.
    Each epoch goes once through all samples, in batches of `batch_size` (None: one batch of all), in
    an order drawn from `seed`, and then measures the `metrics`. `validation` is a data set, a pair
    (inputs, targets), or the share of the samples to set aside. `early_stopping=10` ends training after 10
    epochs without a better validation loss. `checkpoint` is a file that is written after every epoch; with
    `resume=True` training goes on from it where there is one, to the same bits. `l1` and `l2` add penalties
    on the parameters to the loss that is minimized, not to the one that is shown. With `scaler=Scaler()` the
    inputs are scaled by what the training samples are like; the model keeps that, and takes raw rows
    from there on. `sample_weight` says how often each sample counts, `class_weight` how often each class
    ({class: weight}, or "balanced"): a weight of 2 is the same sample twice. `doctor=True` examines
    the network before and after, and says what is wrong. Ctrl-C ends training with what there is.
    `film=True` keeps what the network is epoch by epoch: `history.film` is a page to scrub and play.
    `gear` is "eager", node by node; "replay", the same computation recorded once and run on arrays; or
    "auto", replay where the loss can be recorded. The history says which it was, and why.

    Raises ValueError or TypeError for what does not fit together, SavingError for the checkpoint, and
    TrainingError when a loss or a gradient is no finite number any more.
    """
    if callable(callbacks):
        raise TypeError("callbacks is a list of functions, each called with an Epoch; write callbacks=[…]")
    schema, samples = prepared(model, loss, inputs, targets)
    samples = samples.weighted(sample_weight)
    samples, held_out = samples.set_aside(model, loss, validation, seed, schema)
    samples = samples.class_weighted(class_weight, loss, schema)
    if scaler is not None:
        ensure_scaler(scaler)
        schema = replace(schema, scaler=scaler.ready(samples.inputs, samples.weights))
    samples = samples.scaled(schema.scaler)
    held_out = held_out and held_out.scaled(schema.scaler)
    ensure_match(model, loss, samples.inputs, samples.targets)
    plan = Plan(epochs, batch_size, shuffle, seed)
    objective = Objective(model, loss_function(loss), l1, l2)
    run = _Run(
        plan, objective, optimizer_for(optimizer), samples, held_out, named_metrics(metrics), list(callbacks)
    )
    run.stepping = Stepping(gear, objective, samples, run.optimizer, run.history)
    run.stopping = EarlyStopping(early_stopping) if isinstance(early_stopping, int) else early_stopping
    run.schema = schema
    if film:
        run.history.film = Film(model, samples.inputs, samples.targets, loss)
    run.prepare(Checkpoint.of(checkpoint), resume)
    if doctor:
        run.examine(training_doctor.before_training)
    run.train(progress)
    if doctor:
        run.examine(training_doctor.after_training)
    return run.history


class _Run:
    """One call of `fit`: what it works with, and how far it is."""

    def __init__(
        self,
        plan: Plan,
        objective: Objective,
        optimizer: Optimizer,
        samples: Samples,
        held_out: Samples | None,
        metrics: Metrics,
        callbacks: list[Callback],
    ) -> None:
        self.plan, self.objective, self.optimizer = plan, objective, optimizer
        self.samples, self.held_out, self.metrics, self.callbacks = samples, held_out, metrics, callbacks
        self.model = objective.model
        self.dropouts = [module for module in objective.modules if isinstance(module, Dropout)]
        self.schema: Schema | None = None
        self.stopping: EarlyStopping | None = None
        self.checkpoint: Checkpoint | None = None
        self.history = History()
        self.stepping = Stepping("auto", objective, samples, optimizer, self.history)
        self.is_training = False

    def prepare(self, checkpoint: Checkpoint | None, resume: bool) -> None:
        """The last checks; then, and only then, what changes the model: going on from a checkpoint."""
        if self.stopping:
            self.stopping.begin()
            self.stopping.watches(self._columns())
        if resume and not checkpoint:
            raise ValueError("resume=True needs to know from where: give checkpoint=path too")
        self.checkpoint = checkpoint
        if checkpoint:
            checkpoint.check()
            if resume and checkpoint.exists():
                parts = (self.model, self.optimizer, self.history, self.stopping)
                checkpoint.restore(self._identity(), *parts)
        self.model.schema = self.schema

    def train(self, progress: bool) -> None:
        """All epochs that are still to do; says in the history why it ended."""
        done, epochs = len(self.history), self.plan.epochs
        size, steps = self.plan.batches(len(self.samples.inputs))
        if self.history.film:
            self.history.film.begin(self.history)
        self.history.ended = f"all {epochs} epochs done"
        with Bar(done * steps, epochs * steps, shown=progress) as bar:
            try:
                with self._breaking_down(), collector_paused():
                    self.stepping.begin(self._order(range(done + 1, done + 2))[:size])
                numbers = range(done, done + 1)
                while numbers.stop <= epochs and not self._is_over(numbers[-1]):
                    numbers = self._together(numbers.stop)
                    order = self._order(numbers)
                    if self.has_own_code and numbers[0] > done + 1:
                        self.stepping.follow(order[:size])
                    with self._breaking_down():
                        self._epochs(numbers, order, size, bar)
                    if self._callbacks_end_it(numbers[-1]):
                        break
            except KeyboardInterrupt:
                self.history.ended = f"interrupted in epoch {len(self.history) + 1}"
            finally:
                self._come_to_rest()
        if self.stopping and self.stopping.restore and self.stopping.best_state:
            self.model.load_state(self.stopping.best_state)
            if self.history.film:
                self.history.film.settle()

    def _together(self, number: int) -> range:
        """An epoch, and those after it that go with it, since nobody looks in between."""
        is_alone = self.is_followed or self.is_watched or self.checkpoint or self.dropouts
        return range(number, number + 1) if is_alone else self.plan.together(number, len(self.samples.inputs))

    def _order(self, numbers: range) -> Sequence[int]:
        """In which order epochs, one after the other, go through the samples."""
        return self.stepping.sorted([self.plan.keys(number, len(self.samples.inputs)) for number in numbers])

    @contextmanager
    def _breaking_down(self) -> Iterator[None]:
        """What breaks down in here is told as TrainingError."""
        try:
            yield
        except ReplayError:
            raise
        except (EngineError, ArithmeticError) as error:
            self._broke_down(error)

    def _epochs(self, numbers: range, order: Sequence[int], size: int, bar: Bar) -> None:
        """So many times through all samples, and what is measured after each time."""
        bar.begins(numbers[0], self.plan.epochs, self.stepping.name)
        if not self.is_training:
            self.objective.train(True)
            self.is_training = True
        for place, dropout in enumerate(self.dropouts):
            dropout.rng.seed(f"{self.plan.seed}:{numbers[0]}:{place}")
        (_, steps), waiting = self.plan.batches(len(self.samples.inputs)), iter(numbers)
        losses: list[float] = []
        for sums in self.stepping.epoch(order, size):
            losses += sums
            while len(losses) >= steps:
                self._epoch_is_done(next(waiting), losses[:steps], bar)
                del losses[:steps]
            bar.stepped(len(sums), min(len(self.history) + 1, numbers[-1]))

    def _epoch_is_done(self, number: int, losses: list[float], bar: Bar) -> None:
        checkpoint = self._checkpoint_due(number)
        if checkpoint or self.is_followed or self.is_watched:
            self._come_to_rest(wholly=bool(checkpoint or self.is_followed))
        self.history.add(self._measured(math.fsum(losses) / len(self.samples.inputs)))
        bar.shows(number, self.history.last)
        if self.stopping:
            self.stopping.saw(self._record_of(number))
        if self.history.film:
            self.history.film(self._record_of(number))
        if checkpoint:
            checkpoint.write(self._identity(), self.model, self.optimizer, self.history, self.stopping)

    @property
    def is_followed(self) -> bool:
        """Whether more than numbers is looked at after each epoch: by a film, or by code of one's own."""
        return self.has_own_code or self.history.film is not None

    @property
    def has_own_code(self) -> bool:
        """Whether code that is not ours runs after each epoch, which may change anything."""
        own = [metric for metric in self.metrics.values() if metric not in METRICS.values()]
        return bool(self.callbacks or own) or type(self.stopping) not in (type(None), EarlyStopping)

    @property
    def is_watched(self) -> bool:
        """Whether the model's numbers are looked at after every epoch."""
        return bool(self.metrics) or self.held_out is not None or self.stopping is not None

    def _checkpoint_due(self, number: int) -> Checkpoint | None:
        """The checkpoint, if it is to be written after this epoch."""
        is_due = self.checkpoint and (self.checkpoint.is_due(number) or number == self.plan.epochs)
        return self.checkpoint if is_due else None

    def _come_to_rest(self, *, wholly: bool = True) -> None:
        """Leave the model as somebody may look at it, not in training; wholly: gradients, optimizer too."""
        if wholly:
            self.stepping.settle()
        else:
            self.stepping.show()
        self.objective.train(False)
        self.is_training = False

    def _record_of(self, number: int) -> Epoch:
        return Epoch(number, self.plan.epochs, self.model, self.optimizer, self.history)

    def _callbacks_end_it(self, number: int) -> bool:
        """Whether one of the callbacks, which are called here, wants this epoch to be the last."""
        answers = [callback(self._record_of(number)) for callback in self.callbacks]
        ends = any(getattr(answer, "shape", ()) == () and answer == True for answer in answers)  # noqa: E712
        if ends:
            self.history.ended = f"a callback ended it after epoch {number}"
        return ends

    def _is_over(self, number: int) -> bool:
        over = self.stopping is not None and number > 0 and self.stopping.is_over(number)
        if over and self.stopping:
            self.history.ended = (
                f"early stopping after epoch {number}: the best was epoch {self.stopping.best_epoch}"
            )
        return over

    def _measured(self, loss: float) -> dict[str, float]:
        """The row of an epoch: the mean loss of its steps; after it the metrics; then those of validation."""
        row = {"loss": loss}
        if self.metrics:
            row |= self._measured_on(self.samples) | row
        if self.held_out:
            held_out = self._measured_on(self.held_out)
            row |= {f"validation {name}": number for name, number in held_out.items()}
        return row

    def _measured_on(self, samples: Samples) -> dict[str, float]:
        rows = self.stepping.rows_of(samples)
        return measured(rows, samples, self.metrics, task_of(self.objective.loss))

    def _columns(self) -> list[str]:
        columns = ["loss", *self.metrics]
        return columns + [f"validation {name}" for name in columns] if self.held_out else columns

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a run to go on where another one ended."""
        return {
            "loss": loss_name(self.objective.loss),
            "samples": len(self.samples.inputs),
            "batch_size": self.plan.batch_size,
            "shuffle": self.plan.shuffle,
            "seed": self.plan.seed,
            "l1": self.objective.l1,
            "l2": self.objective.l2,
            "columns": self._columns(),
            "classes": list(self.schema.classes) if self.schema else [],
            "data": self.samples.fingerprints()
            | (self.held_out.fingerprints("validation ") if self.held_out else {}),
        }

    def _broke_down(self, error: Exception) -> None:
        number = len(self.history) + 1
        self.history.ended = f"broke down in epoch {number}"
        raise TrainingError(
            f"training broke down in epoch {number}: {error}; a smaller learning rate, now "
            f"{self.optimizer.learning_rate:g}, or scaled inputs may help",
            self.history,
        ) from error

    def examine(self, examination: Any) -> None:
        """Add the doctor's findings to the history, and print them."""
        findings = examination(
            self.model,
            self.samples,
            None,
            loss=self.objective.loss,
            optimizer=self.optimizer,
            history=self.history,
        )
        for finding in findings:
            if finding not in self.history.findings:
                self.history.findings.append(finding)
                say(f"doctor: {finding}")
