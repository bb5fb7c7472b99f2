"""What each loss expects of targets, and how a network's outputs under it are turned into an answer.

>>> task_of("categorical_cross_entropy").answer([0.1, 0.7, 0.2])
1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nn.data.schema import DECISIONS
from nn.training.losses import Loss, loss_name

__all__ = ["Task", "check_targets", "deciding", "task_of"]

Numbers = Sequence[float]


@dataclass(frozen=True)
class Task:
    """`accepts` tells whether a number may stand in a target; `decision` how outputs become an answer.

    `classes` is true where a target is the number of a class, or a share for each.
    """

    words: str
    accepts: Callable[[float], bool]
    decision: str
    classes: bool = False

    def answer(self, outputs: Numbers) -> Any:
        """What one sample's outputs decide."""
        return DECISIONS[self.decision](outputs)

    @property
    def chooses(self) -> bool:
        """Whether the answer is a class, and not a number."""
        return self.decision != "number"


MEASURE = Task("a number for each output", lambda _: True, "number")
PROBABILITY = Task(
    "0 or 1 (or a probability between) for each output", lambda target: 0 <= target <= 1, "probability"
)
LOGIT = Task(PROBABILITY.words, PROBABILITY.accepts, "logit")
SIGN = Task("-1 or +1 for each output", lambda target: target in (-1, 1), "sign")
CLASS = Task("the number of a class, from 0", lambda share: 0 <= share <= 1, "largest", classes=True)

_TASKS = {
    "mean_squared_error": MEASURE,
    "mean_absolute_error": MEASURE,
    "huber": MEASURE,
    "hinge": SIGN,
    "binary_cross_entropy": PROBABILITY,
    "binary_cross_entropy_with_logits": LOGIT,
    "categorical_cross_entropy": CLASS,
    "cross_entropy_with_logits": CLASS,
}


def deciding(decision: str) -> Task | None:
    """The task whose outputs are turned into an answer in this way; None where that is not known.

    >>> deciding("largest") is CLASS
    True
    """
    return next((task for task in _TASKS.values() if task.decision == decision), None)


def task_of(loss: str | Loss) -> Task | None:
    """The task of a loss; None for one of the user's own, of which nothing is known."""
    return _TASKS.get(loss_name(loss))


def check_targets(loss: str | Loss, targets: Sequence[Any], outputs: int) -> None:
    """Raise ValueError, naming the first target that the loss cannot take for this number of outputs."""
    task = task_of(loss)
    if task is None:
        return
    if task.classes and outputs < 2:
        raise ValueError(
            f"{loss_name(loss)} compares 2 or more outputs, one for each class; the network has {outputs}: "
            f"{_for_classes(targets)}"
        )
    for place, target in enumerate(targets):
        trouble = _trouble(task, target, outputs)
        if trouble:
            raise ValueError(
                f"targets[{place}] is {target!r}, but {loss_name(loss)} needs {task.words}; the network has "
                f"{counted(outputs, 'output')}: {trouble}"
            )


def counted(number: int, thing: str) -> str:
    """1 output, 2 outputs."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _for_classes(targets: Sequence[Any]) -> str:
    """What to do about targets that are classes, for one output."""
    numbers = [target for target in targets if isinstance(target, int | float)]
    classes = int(max([1, *numbers])) + 1
    if classes == 2:
        return "for two classes and one output use binary_cross_entropy, or give it 2 outputs"
    return (
        f'for {classes} classes give it {classes} outputs with output="softmax" and use '
        "categorical_cross_entropy; if the targets are measurements, use mean_squared_error"
    )


def _trouble(task: Task, target: Any, outputs: int) -> str:
    if task.classes and not isinstance(target, list):
        return "" if target in range(outputs) else f"a class must be a whole number from 0 to {outputs - 1}"
    members = target if isinstance(target, list) else [target]
    if len(members) != outputs:
        return f"expected {outputs} numbers, got {len(members)}"
    if not all(map(task.accepts, members)):
        are_classes = task in (PROBABILITY, LOGIT) and outputs == 1 and float(members[0]).is_integer()
        more = f"; {_for_classes([members[0]])}" if are_classes and members[0] > 1 else ""
        return f"a number is out of range{more}"
    if task.classes and abs(sum(members) - 1.0) > 1e-9:
        return "the shares of the classes must add up to 1"
    return ""
