"""Samples: what people give to `fit` and `evaluate`, checked, and made what a network and a loss take."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, TypeAlias

from nn.data.scaling import Scaler
from nn.data.schema import Schema
from nn.data.tables import Dataset, as_rows, as_targets
from nn.modules.layers import Embedding
from nn.modules.module import Module
from nn.modules.programs import Programs, outputs_for
from nn.training.losses import Loss, loss_name
from nn.training.tasks import check_targets, task_of

__all__ = ["ClassWeight", "Sample", "Samples", "prepared", "truths_of"]

Sample: TypeAlias = tuple[Any, ...]  # input, target, and the weight where there are weights
ClassWeight: TypeAlias = Mapping[Any, float] | str


@dataclass(frozen=True)
class Samples:
    """Inputs and targets that fit one another, a model and a loss.

    `weights` are scaled to a mean of 1, and None where all are 1: then the loss is a plain mean.
    """

    inputs: Sequence[list[float]]
    targets: list[Any]
    weights: list[float] | None = None

    @staticmethod
    def checked(
        model: Module, loss: str | Loss | None, inputs: Any, targets: Any, schema: Schema, what: str = ""
    ) -> Samples:
        """The samples, not scaled yet; TypeError or ValueError says what does not fit. Nothing is changed."""
        rows, outputs = _rows_and_outputs(model, inputs, schema, what)
        return Samples._of(rows, outputs, truths_of(schema, inputs, targets, what), loss, what)

    @staticmethod
    def _of(
        rows: Sequence[list[float]], outputs: int, truths: list[Any], loss: str | Loss | None, what: str = ""
    ) -> Samples:
        if len(rows) != len(truths):
            raise ValueError(
                f"every sample needs a target: expected {len(rows)} {what}targets, got {len(truths)}"
            )
        if loss is not None:
            check_targets(loss, truths, outputs)
        return Samples(rows, truths)

    def at(self, places: Sequence[int]) -> list[Sample]:
        """(input, target) of the samples at these places, and the weight where there are weights."""
        rows, targets, weights = self.inputs, self.targets, self.weights
        if weights is None:
            return [(rows[place], targets[place]) for place in places]
        return [(rows[place], targets[place], weights[place]) for place in places]

    def set_aside(
        self, model: Module, loss: str | Loss, validation: Any, seed: int, schema: Schema
    ) -> tuple[Samples, Samples | None]:
        """(samples to train on, samples to validate on): a share of these, or others."""
        if validation is None:
            return self, None
        if isinstance(validation, float):
            places = list(range(len(self.inputs)))
            train, rest = Dataset("samples", self.inputs, places).split(validation, seed=seed)
            return self._taken(train.targets), self._taken(rest.targets)
        given = (validation, None) if isinstance(validation, Dataset) else validation
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise TypeError("validation must be a Dataset, a pair (inputs, targets), or a share such as 0.2")
        return self, Samples.checked(model, loss, given[0], given[1], schema, "validation ")

    def _taken(self, places: Sequence[int]) -> Samples:
        part = Dataset("samples", self.inputs, self.targets).take(places)
        weights = None if self.weights is None else [self.weights[place] for place in places]
        return Samples(part.inputs, part.targets).weighted(weights)

    def scaled(self, scaler: Scaler | None) -> Samples:
        """The same samples with their inputs scaled."""
        return self if scaler is None else replace(self, inputs=scaler.transform(self.inputs))

    def fingerprints(self, what: str = "") -> dict[str, str]:
        """A short text each for inputs, targets and weights, another one when any number is another."""
        targets = [target if isinstance(target, list) else [target] for target in self.targets]
        weights = [] if self.weights is None else [self.weights]
        return {
            f"{what}inputs": _fingerprint(self.inputs),
            f"{what}targets": _fingerprint(targets),
            f"{what}weights": _fingerprint(weights),
        }

    # ── Weights ───────────────────────────────────────────────────────────────────────────────────

    def weighted(self, weights: Any) -> Samples:
        """The samples, each counted as often as its weight says, on top of what they count already.

        Those with a weight of 0 are left out, as if they were not there. ValueError for weights that are not
        one finite number of at least 0 for each sample.
        """
        if weights is None:
            return self
        given = [float(weight) for weight in as_targets(weights, "sample_weight")]
        if len(given) != len(self.inputs):
            raise ValueError(f"expected {len(self.inputs)} sample weights, one for each; got {len(given)}")
        wrong = [weight for weight in given if weight < 0.0]
        if wrong or not any(given):
            found = f"got {wrong[0]!r}" if wrong else "all are 0"
            raise ValueError(f"a sample's weight says how often it counts: 0 or more; {found}")
        if self.weights is not None:
            given = [one * other for one, other in zip(self.weights, given, strict=True)]
        kept = [place for place, weight in enumerate(given) if weight]
        part = Dataset("samples", self.inputs, self.targets).take(kept)
        mean = math.fsum(given) / len(kept)
        shares = [given[place] / mean for place in kept]
        return Samples(part.inputs, part.targets, None if set(shares) == {1.0} else shares)

    def class_weighted(self, weights: ClassWeight | None, loss: str | Loss, schema: Schema) -> Samples:
        """The samples, each counted as often as the weight of its class says; "balanced": all classes alike.

        A class that is not named has the weight 1.
        """
        if weights is None:
            return self
        task = task_of(loss)
        if task is not None and not task.chooses:
            raise ValueError(f"class_weight is for classes; {loss_name(loss)} compares numbers")
        classes = [_class_of(target, place) for place, target in enumerate(self.targets)]
        shares = self.weights or [1.0] * len(classes)
        if not isinstance(weights, Mapping) and not (isinstance(weights, str) and weights == "balanced"):
            raise ValueError(f"class_weight is 'balanced' or {{class: weight}}, got {weights!r}")
        if isinstance(weights, str):
            counts: dict[Any, float] = dict.fromkeys(classes, 0.0)
            for label, share in zip(classes, shares, strict=True):
                counts[label] += share
            return self.weighted([1.0 / counts[label] for label in classes])
        numbers = {schema.target(key) if isinstance(key, str) else key: x for key, x in weights.items()}
        known = set(range(len(schema.classes))) | set(classes)
        unknown = [key for key in numbers if key not in known]
        if unknown:
            raise ValueError(f"class_weight names {unknown[0]!r}, and the classes are {sorted(known)}")
        return self.weighted([numbers.get(label, 1.0) for label in classes])


def _fingerprint(rows: Iterable[Iterable[float]]) -> str:
    digest = sha256()
    for row in rows:
        numbers = array("d", row)
        digest.update(len(numbers).to_bytes(8, "little") + numbers.tobytes())
    return digest.hexdigest()[:16]


def _class_of(target: Any, place: int) -> Any:
    """The class of a sample by its target: the number of a class, or one 1 among zeros."""
    if not isinstance(target, list):
        return target
    if sorted(target)[-1:] != [1] or sum(target) != 1:
        raise ValueError(f"class_weight needs one class for each sample; targets[{place}] is {target!r}")
    return target.index(1)


# ── Names of classes ──────────────────────────────────────────────────────────────────────────────


def prepared(model: Module, loss: str | Loss, inputs: Any, targets: Any) -> tuple[Schema, Samples]:
    """What the model will know after training on these, and the samples, not scaled yet; nothing is changed.

    What it knows already of columns, scales and classes remains where nothing new is said. TypeError or
    ValueError says what does not fit.
    """
    if not isinstance(model, Module):
        raise TypeError(f"the model comes first, such as MLP(2, [16, 1]); got {model!r:.40}")
    task = task_of(loss)
    schema = replace(model.schema or Schema(), decision=task.decision if task else "")
    if isinstance(inputs, Dataset) and inputs.columns:
        schema = replace(schema, columns=inputs.columns)
    rows, outputs = _rows_and_outputs(model, inputs, schema, "")
    names = inputs.classes if isinstance(inputs, Dataset) else _names_in(targets)
    if not set(names) <= set(schema.classes):
        schema = replace(schema, classes=tuple(names))
        if not isinstance(inputs, Dataset) and not schema.can_name(outputs):
            raise ValueError(_names_do_not_fit(names, schema.decision, outputs, loss_name(loss)))
    if not schema.can_name(outputs):
        schema = replace(schema, classes=())
    return schema, Samples._of(rows, outputs, truths_of(schema, inputs, targets), loss)


def _rows_and_outputs(
    model: Module, inputs: Any, schema: Schema, what: str
) -> tuple[Sequence[list[float]], int]:
    """The inputs as rows of numbers, not scaled yet, and how many outputs the model has for them."""
    rows = as_rows(replace(schema, scaler=None).inputs(inputs, f"{what}inputs"), f"{what}inputs")
    looks_up = any(isinstance(module, Embedding) for _, module in model.modules())
    if looks_up:  # an index may be wrong in any sample
        return rows, len(Programs.of(model).outputs(rows)[0])
    outputs = outputs_for(model, rows[:1])
    return rows, len(outputs[0])


def truths_of(schema: Schema, inputs: Any, targets: Any, what: str = "") -> list[Any]:
    """The targets as numbers: names by the schema's classes, those of a data set by its own."""
    if isinstance(inputs, Dataset):
        if targets is not None:
            raise TypeError("a Dataset has its targets with it: leave the targets out")
        if schema.classes and inputs.classes:
            return [schema.target(inputs.classes[int(target)]) for target in inputs.targets]
        return as_targets(inputs.targets, f"{what}targets")
    if targets is None:
        raise TypeError(f"{what}targets are missing: give (inputs, targets), or a Dataset")
    if not _names_in(targets):
        return as_targets(targets, f"{what}targets")
    if not schema.classes:
        raise ValueError(f"{what}targets are names, and the model knows no names of classes: fit it on names")
    return [schema.target(name) for name in _listed(targets)]


def _names_in(targets: Any) -> tuple[str, ...]:
    """The different texts that targets are, in sorted order; nothing where they are numbers."""
    members = _listed(targets)
    texts = [member for member in members if isinstance(member, str)]
    if texts and len(texts) < len(members):
        place = next(place for place, member in enumerate(members) if not isinstance(member, str))
        raise TypeError(f"targets[{place}] is {members[place]!r}, and others are names such as {texts[0]!r}")
    return tuple(sorted(set(texts)))


def _listed(targets: Any) -> list[Any]:
    if hasattr(targets, "to_numpy"):
        targets = targets.to_numpy()
    if hasattr(targets, "tolist"):
        targets = targets.tolist()
    return list(targets) if isinstance(targets, list | tuple) else []


def _names_do_not_fit(names: Sequence[str], decision: str, outputs: int, loss: str) -> str:
    shown = ", ".join(map(repr, names[:3])) + (", …" if len(names) > 3 else "")
    if decision == "number":
        return (
            f"targets are names ({shown}), and {loss} compares numbers; for classes use "
            "cross_entropy_with_logits with one output for each"
        )
    wanted = "2" if decision in ("probability", "logit", "sign") else str(outputs)
    mend = f"; {len(names)} classes need {len(names)} outputs and cross_entropy_with_logits"
    return (
        f"targets name {len(names)} classes ({shown}); {loss} with {outputs} output"
        f"{'s' * (outputs != 1)} takes {wanted}{mend if len(names) > 1 else ''}"
    )
