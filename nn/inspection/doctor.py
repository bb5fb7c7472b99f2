"""The training doctor: looks at a network, its data and its training, and says in a sentence what is wrong.

Nothing that it looks at is changed: parameters, gradients and the optimizer are afterwards what they were.

>>> from nn import MLP
>>> network = MLP(1, [4, 2], activation="tanh", output="softmax", seed=0)
>>> for finding in examine(network, [[-900.0], [900.0]], [0, 1], loss="cross_entropy_with_logits"):
...     print(finding.name)
unscaled inputs
softmax before logits
saturated
"""

from __future__ import annotations

from typing import Any

from engine import Value, gradients
from nn.inspection import symptoms
from nn.inspection.symptoms import Finding
from nn.modules.module import Module
from nn.training.history import History
from nn.training.losses import Loss
from nn.training.optimizers import Optimizer

__all__ = ["Finding", "after_training", "before_training", "examine", "examine_step"]


def examine(
    model: Module,
    inputs: Any,
    targets: Any,
    *,
    loss: str | Loss,
    optimizer: Optimizer | None = None,
    history: History | None = None,
) -> list[Finding]:
    """All that is found wrong with this model, on these samples, under this loss; empty when nothing is.

    With an `optimizer` a few steps are tried on a copy; with a `history` its losses are looked at. For what
    is only wrong at the start, use `before_training`.
    """
    case = symptoms.Case.of(model, inputs, targets, loss)
    findings = [*symptoms.labels(case), *symptoms.scale(case), *symptoms.outputs(case)]
    if not any(finding.name == "labels out of range" for finding in findings):
        findings += [*symptoms.activations(case), *symptoms.lost_gradients(case)]
        findings += symptoms.trial_steps(case, optimizer) if optimizer else []
    return findings + (symptoms.course(history) if history else [])


def before_training(
    model: Module, inputs: Any, targets: Any, *, loss: str | Loss, **more: Any
) -> list[Finding]:
    """`examine`, and whether the loss of a network that has learned nothing is what chance would give."""
    findings = examine(model, inputs, targets, loss=loss, **more)
    if any(finding.name == "labels out of range" for finding in findings):
        return findings
    return findings + list(symptoms.start(symptoms.Case.of(model, inputs, targets, loss)))


def after_training(
    model: Module, inputs: Any, targets: Any, *, loss: str | Loss, history: History, **_: Any
) -> list[Finding]:
    """What a trained network shows: dead and saturated neurons, lost gradients, the course of the loss."""
    case = symptoms.Case.of(model, inputs, targets, loss)
    return [*symptoms.activations(case), *symptoms.course(history)]


def examine_step(model: Module, loss: Value) -> list[Finding]:
    """For a training loop of one's own, between `loss.backward()` and the update: was the gradient zeroed?

    >>> weight = Value(1.0, label="weight")
    >>> class One(Module):
    ...     def __init__(self):
    ...         self.weight = weight
    >>> for _ in range(2):
    ...     loss = One().weight * 3.0
    ...     loss.backward()
    >>> print(*examine_step(One(), loss))
    gradients were not zeroed: weight has 6, of which this step made 3; call zero_grad() before backward()
    """
    parameters = model.named_parameters(frozen=False)
    fresh = gradients(loss, list(parameters.values()))
    for (name, parameter), part in zip(parameters.items(), fresh, strict=True):
        held, own = parameter.grad or 0.0, float(part)
        if abs(held - own) > 1e-9 * max(abs(held), abs(own)):
            sentence = (
                f"gradients were not zeroed: {name} has {held:.4g}, of which this step made {own:.4g}; "
                "call zero_grad() before backward()"
            )
            return [Finding("gradients not zeroed", held, sentence)]
    return []
