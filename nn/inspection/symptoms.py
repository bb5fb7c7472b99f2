"""Symptoms: the single things that the training doctor looks for, each with its number."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engine import EngineError, Value, log, mean
from nn.data.schema import Schema
from nn.data.tables import as_rows
from nn.modules.module import Module
from nn.modules.programs import Programs
from nn.training.history import History
from nn.training.losses import Loss, loss_function, loss_name
from nn.training.matching import last_activation
from nn.training.optimizers import Optimizer, length_of
from nn.training.samples import Samples, truths_of
from nn.training.tasks import check_targets, task_of

MOST_SAMPLES = 64  # as many as this are looked at, evenly spread


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its name, the number that shows it, and a sentence with that number."""

    name: str
    number: float
    sentence: str

    def __str__(self) -> str:
        return self.sentence


# ── A case: the model on a few samples ────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Case:
    """A model, a loss, at most 64 samples, and what the model makes of them."""

    model: Module
    loss: Loss
    inputs: Sequence[list[float]]
    targets: list[Any]
    outputs: list[list[float]]

    @staticmethod
    def of(model: Module, inputs: Any, targets: Any, loss: str | Loss) -> Case:
        """The case, from what people give to `fit`, or from what it made of that (Samples, None).

        ValueError for inputs and targets that do not match.
        """
        if isinstance(inputs, Samples):
            rows, truths = inputs.inputs, inputs.targets
        else:
            schema = model.schema or Schema()
            rows, truths = as_rows(schema.inputs(inputs)), truths_of(schema, inputs, targets)
        if len(rows) != len(truths):
            raise ValueError(f"every sample needs a target: expected {len(rows)} targets, got {len(truths)}")
        stride = -(-len(rows) // MOST_SAMPLES)
        rows, truths = rows[::stride], truths[::stride]
        return Case(model, loss_function(loss), rows, truths, Programs.of(model).outputs(rows))

    def mean_loss(self) -> Value:
        """The graph of the loss of all samples."""
        pairs = zip(self.inputs, self.targets, strict=True)
        return mean([self.loss(_listed(self.model(row)), target) for row, target in pairs])


def _listed(outputs: Any) -> list[Value]:
    return outputs if isinstance(outputs, list) else [outputs]


@contextmanager
def _put_back(model: Module) -> Iterator[None]:
    """Afterwards every parameter has the number and the gradient that it had."""
    parameters = list(model.named_parameters().values())
    before = [(parameter.data, parameter.grad) for parameter in parameters]
    try:
        yield
    finally:
        for parameter, (number, gradient) in zip(parameters, before, strict=True):
            parameter.data, parameter.grad = number, gradient


# ── The data ──────────────────────────────────────────────────────────────────────────────────────


def labels(case: Case) -> Iterator[Finding]:
    """Targets that the loss cannot take."""
    try:
        check_targets(case.loss, case.targets, len(case.outputs[0]))
    except ValueError as error:
        numbers = [x for t in case.targets for x in (t if isinstance(t, list) else [t])]
        worst = max(numbers, key=abs)
        yield Finding("labels out of range", worst, f"labels are out of range: {error}")


def scale(case: Case) -> Iterator[Finding]:
    """Inputs that are much larger than 1."""
    sizes = [max(abs(x) for x in column) for column in zip(*case.inputs, strict=True)]
    largest = max(sizes)
    if largest > 10.0:
        column = sizes.index(largest)
        yield Finding(
            "unscaled inputs",
            largest,
            f"inputs are not scaled: input {column} reaches {largest:.4g}, numbers around -1 "
            "to 1 train best: use data.standardize",
        )


def outputs(case: Case) -> Iterator[Finding]:
    """Probabilities where the loss wants logits, and the other way round."""
    name = loss_name(case.loss)
    numbers = [x for row in case.outputs for x in row]
    inside = all(0.0 <= x <= 1.0 for x in numbers)
    adds_up = all(abs(sum(row) - 1.0) < 1e-9 for row in case.outputs)
    last = last_activation(case.model)
    if name == "cross_entropy_with_logits" and (last == "softmax" or (inside and adds_up)):
        yield Finding(
            "softmax before logits",
            sum(case.outputs[0]),
            f"{name} applies softmax itself, and the outputs are probabilities already (the first add up to "
            f'{sum(case.outputs[0]):.4g}): use output="linear", or categorical_cross_entropy',
        )
    if name == "binary_cross_entropy_with_logits" and last == "sigmoid":
        yield Finding(
            "sigmoid before logits",
            max(numbers),
            f"{name} applies sigmoid itself, and the outputs are probabilities already (at most "
            f'{max(numbers):.4g}): use output="linear", or binary_cross_entropy',
        )
    if name in ("binary_cross_entropy", "categorical_cross_entropy") and not inside:
        outside = max(numbers, key=lambda x: abs(x - 0.5))
        yield Finding(
            "logits instead of probabilities",
            outside,
            f"{name} needs probabilities, and an output is {outside:.4g}: use a sigmoid or softmax "
            "output, or the loss with logits",
        )


# ── The network ───────────────────────────────────────────────────────────────────────────────────


def activations(case: Case) -> Iterator[Finding]:
    """Neurons that are stuck, as their outputs on all samples show."""
    seen: dict[tuple[str, str], list[float]] = {}
    for row in case.inputs:
        outputs = _listed(case.model(row))
        for node in _interior(outputs):
            if node.operation.name in ("relu", "tanh", "sigmoid") and node.label and node not in outputs:
                seen.setdefault((node.operation.name, node.label), []).append(node.data)
    rectified = {label: xs for (kind, label), xs in seen.items() if kind == "relu"}
    dead = [label for label, xs in rectified.items() if not any(xs)]
    if dead:
        yield Finding(
            "dead relus",
            len(dead),
            f"{len(dead)} of {len(rectified)} relu neurons are dead, {_first(dead)}: 0 for every "
            "sample, so no gradient; use a smaller learning rate, he_uniform weights or leaky_relu",
        )
    for kind, limit in (("tanh", 0.99), ("sigmoid", 0.49)):
        middle = 0.5 if kind == "sigmoid" else 0.0
        xs = [x for (made, _), numbers in seen.items() if made == kind for x in numbers]
        stuck = sum(abs(x - middle) > limit for x in xs)
        if xs and stuck > 0.5 * len(xs):
            yield Finding(
                "saturated",
                stuck / len(xs),
                f"{stuck / len(xs):.0%} of the {kind} outputs are saturated, where the slope is nearly 0: "
                "scale the inputs, or begin with smaller weights",
            )


def _interior(roots: Sequence[Value]) -> Iterator[Any]:
    """Every computed node below the roots, once."""
    seen: set[Any] = set()
    waiting: list[Any] = list(roots)
    while waiting:
        node = waiting.pop()
        if node not in seen and node.operation is not None:
            seen.add(node)
            waiting.extend(node.parents)
            yield node


def lost_gradients(case: Case) -> Iterator[Finding]:
    """Parameters that the loss does not depend on."""
    with _put_back(case.model):
        parameters = case.model.named_parameters(frozen=False)
        for parameter in parameters.values():
            parameter.grad = None
        try:
            case.mean_loss().backward()
        except EngineError:
            return
        lost = [name for name, parameter in parameters.items() if parameter.grad is None]
    if lost:
        yield Finding(
            "no gradient",
            len(lost),
            f"{len(lost)} of {len(parameters)} parameters get no gradient: the loss does not depend "
            f"on {_first(lost)}; is it used, and not cut off by float() or .data?",
        )


def start(case: Case) -> Iterator[Finding]:
    """A loss at the start that is far above what knowing nothing would give."""
    chance = _chance(case)
    if chance is None or chance <= 0.0:
        return
    try:
        begun = case.mean_loss().data
    except EngineError:
        return
    if begun > 3.0 * chance:
        task = task_of(case.loss)
        hint = (
            "scale the targets"
            if task and task.words.startswith("a number")
            else "begin with smaller weights"
        )
        yield Finding(
            "loss far from chance",
            begun,
            f"the loss starts at {begun:.4g}, and knowing nothing would give {chance:.4g}: {hint}",
        )


def _chance(case: Case) -> float | None:
    """The loss of the best answer that is the same for all samples, roughly."""
    name, outputs = loss_name(case.loss), len(case.outputs[0])
    if name in ("categorical_cross_entropy", "cross_entropy_with_logits"):
        return log(outputs)
    if name.startswith("binary_cross_entropy"):
        return log(2.0)
    if name == "hinge":
        return 1.0
    if task_of(case.loss) is None:
        return None
    rows = [t if isinstance(t, list) else [t] for t in case.targets]
    middle = [Value(math.fsum(column) / len(column)) for column in zip(*rows, strict=True)]
    return mean([case.loss(middle, row) for row in rows]).data


# ── The optimizer ─────────────────────────────────────────────────────────────────────────────────


def trial_steps(case: Case, optimizer: Optimizer) -> Iterator[Finding]:
    """A few steps tried out, and taken back."""
    trial = copy.deepcopy(optimizer)
    parameters = case.model.parameters()
    rate = optimizer.learning_rate
    losses, ratio = [], None
    with _put_back(case.model):
        try:
            for _ in range(6):
                case.model.zero_grad()
                loss = case.mean_loss()
                losses.append(loss.data)
                loss.backward()
                before = [parameter.data for parameter in parameters]
                trial.step(parameters)
                if ratio is None:
                    moved = [p.data - number for p, number in zip(parameters, before, strict=True)]
                    ratio = length_of(moved) / (length_of(before) or 1.0)
        except (EngineError, ValueError):
            losses.append(math.inf)
    if losses[-1] > 1.5 * losses[0] and losses[-1] > losses[0] + 1e-6:
        yield Finding(
            "learning rate too large",
            rate,
            f"the learning rate {rate:.4g} is too large: over 5 trial steps the loss rises from "
            f"{losses[0]:.4g} to {losses[-1]:.4g}; try {rate / 10:.2g}",
        )
    elif ratio is not None and not 1e-6 < ratio < 0.5 and losses[0] > 1e-6:
        size, other = ("large", "smaller") if ratio >= 0.5 else ("small", "larger")
        yield Finding(
            "update ratio off",
            ratio,
            f"the first update is {ratio:.2g} of the weights' length, which is very {size} "
            f"(0.001 to 0.1 is usual): try a {other} learning rate than {rate:.4g}",
        )


def course(history: History) -> list[Finding]:
    """What the losses of the epochs say."""
    losses = history.columns.get("loss", [])
    if len(losses) >= 2 and losses[-1] > 1.2 * min(losses) + 1e-6 and losses[-1] > losses[0]:
        sentence = (
            f"the loss has risen from {losses[0]:.4g} to {losses[-1]:.4g} in {len(losses)} epochs: "
            "the learning rate is too large"
        )
        return [Finding("learning rate too large", losses[-1], sentence)]
    return []


def _first(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
