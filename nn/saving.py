"""Saving: a model, and a training run, as one readable JSON file; written whole or not at all.

    {"format": "scalar-autograd model", "version": 1, "architecture": …, "frozen": …, "state": {path: number},
     "schema": …, "optimizer": …, "training": …, "checksum": …}

Numbers are written so that they are read back with the same bits. Nothing in a file is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nn.data.schema import Schema
from nn.documents import check_described, check_document, number_of_parameters
from nn.errors import SavingError
from nn.modules.attention import CausalSelfAttention, RMSNorm
from nn.modules.layers import MLP, Dropout, Embedding, Layer, Neuron, Sequential
from nn.modules.module import Module
from nn.storage import check_writable, read_text, remove_remains, write_text
from nn.training.optimizers import OPTIMIZERS, Optimizer

__all__ = ["check_writable", "load", "load_optimizer", "optimizer_from", "read", "restore", "save", "write"]

FORMAT, VERSION = "scalar-autograd model", 1

KINDS: dict[str, Callable[..., Module]] = {
    "MLP": MLP,
    "Layer": Layer,
    "Neuron": Neuron,
    "Dropout": Dropout,
    "Embedding": Embedding,
    "RMSNorm": RMSNorm,
    "CausalSelfAttention": CausalSelfAttention,
}


def save(model: Module, path: str | Path, *, optimizer: Optimizer | None = None) -> None:
    """Write the model, and the optimizer with what it remembers, to a file that `load` reads.

    SavingError when the path cannot be written or a parameter is no finite number; an earlier file is then
    still what it was.

    >>> import tempfile
    >>> from nn import MLP
    >>> path = Path(tempfile.mkdtemp()) / "model.json"
    >>> model = MLP(2, [3, 1], seed=0)
    >>> save(model, path)
    >>> load(path).predict([[1.0, 2.0]]) == model.predict([[1.0, 2.0]])
    True
    """
    if not isinstance(model, Module):
        raise TypeError(f"save takes a model, then the file's name; got {model!r:.40} for the model")
    remove_remains(path)
    write(path, model, optimizer)


def load(path: str | Path, *, into: Module | None = None) -> Module:
    """The model from a file: made anew, or, for a model of a class of your own, loaded `into` yours.

    How inputs are scaled and what classes are called comes with it. Raises SavingError, with nothing
    half-loaded, for a file that is missing, truncated, edited, wrong in any part, of a newer format, or of
    another architecture than `into`.
    """
    document = read(path)
    model = into
    if model is None:
        _checked_size(document, str(path))
        model = _built(document["architecture"], str(path))
    restore(model, document, str(path))
    return model


def load_optimizer(path: str | Path) -> Optimizer:
    """The optimizer that was saved with a model, ready to go on; SavingError when there is none."""
    state = read(path)["optimizer"]
    if state is None:
        raise SavingError(
            f"{path} holds a model without an optimizer; save(model, path, optimizer=…)", str(path)
        )
    return optimizer_from(state, str(path))


def optimizer_from(state: dict[str, Any], path: str) -> Optimizer:
    """The optimizer that a file describes; SavingError where it cannot be made of that."""
    kinds = {kind.__name__ for kind in OPTIMIZERS.values()}
    if state["optimizer"] not in kinds:
        raise SavingError(
            f"{path} holds a {state['optimizer']:.60}, an optimizer of your own: make one, and give it to "
            "fit with the checkpoint",
            path,
        )
    try:
        return _whole_optimizer(Optimizer.from_state(state))
    except (TypeError, ValueError, LookupError, ArithmeticError, RecursionError, AttributeError) as error:
        raise SavingError(f"{path} holds an optimizer that cannot be made anew: {error}", path) from error


def _whole_optimizer(optimizer: Optimizer) -> Optimizer:
    """The optimizer itself; ValueError unless it can take a step."""
    if not math.isfinite(optimizer.learning_rate):
        raise ValueError(f"its learning rate is {optimizer.learning_rate!r}")
    return optimizer


# ── Files ─────────────────────────────────────────────────────────────────────────────────────────


def write(
    path: str | Path,
    model: Module,
    optimizer: Optimizer | None = None,
    training: dict[str, Any] | None = None,
) -> None:
    """Put everything into the file in one step: whoever looks sees the old one or the new one, whole."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": architecture(model),
        "frozen": [place for place, module in model.modules() if module.frozen],
        "state": model.state(),
        "schema": model.schema.state() if model.schema else None,
        "optimizer": optimizer.state() if optimizer else None,
        "training": training,
    }
    try:
        check_described(document["architecture"])
    except (ValueError, RecursionError) as error:
        raise SavingError(f"{path} cannot be written: {error}", str(path)) from error
    try:
        document["checksum"] = _checksum(document)
        text = json.dumps(document, allow_nan=False)
    except ValueError as error:
        raise SavingError(f"a number that is not finite cannot be saved to {path}", str(path)) from error
    except (TypeError, RecursionError) as error:
        raise SavingError(
            f"{path} takes numbers, texts, lists and dicts; arguments or settings of your own are something "
            f"else: {error}",
            str(path),
        ) from error
    write_text(path, text)


def read(path: str | Path) -> dict[str, Any]:
    """The contents of a file, proved to be whole, of a format that is known, and each part of its kind."""
    text = read_text(path)
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SavingError(f"{path} is truncated or no model: it is not JSON ({error})", str(path)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SavingError(f"{path} is no model that was saved here: it does not say {FORMAT!r}", str(path))
    version = document.get("version")
    if version != VERSION or isinstance(version, bool):
        raise SavingError(
            f"{path} has format version {version!r:.40}, and this program reads version {VERSION}; "
            "it was written by a newer program: update this one",
            str(path),
        )
    try:
        sealed = document.pop("checksum", None) == _checksum(document)
        if sealed:
            check_document(document)
    except (ValueError, RecursionError) as error:
        raise SavingError(f"{path} is whole, but not right: {error}", str(path)) from error
    if not sealed:
        raise SavingError(f"{path} was changed after it was saved: its checksum does not fit", str(path))
    return document


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _checksum(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# ── Architecture ──────────────────────────────────────────────────────────────────────────────────


def architecture(model: Module) -> dict[str, Any]:
    """How to make a module like this one, without its numbers."""
    if type(model) is Sequential:
        layers = [
            architecture(layer) if isinstance(layer, Module) else {"module": repr(layer)}
            for layer in model.layers
        ]
        return {"module": "Sequential", "layers": layers}
    return {"module": type(model).__name__, "arguments": model.arguments()}


def check_architecture(model: Module, document: dict[str, Any], path: str) -> None:
    """Raise SavingError unless the file holds a model like this one, apart from its numbers."""
    expected, found = json.loads(json.dumps(architecture(model))), document["architecture"]
    if not _same(expected, found):
        raise SavingError(
            f"{path} holds another architecture: it is {_words(found)}, and the model is {_words(expected)}",
            path,
        )


def restore(model: Module, document: dict[str, Any], path: str) -> None:
    """Set the parameters to those of the file; SavingError, with nothing changed, if it is another model."""
    check_architecture(model, document, path)
    modules = dict(model.modules())
    try:
        schema = _schema_for(document)
        _check_frozen(document["frozen"], modules)
        model.load_state(document["state"])
    except ValueError as error:
        raise SavingError(f"{path} does not fit the model: {error}", path) from error
    for place, module in modules.items():
        module.frozen = place in document["frozen"]
    model.schema = schema


def _same(one: Any, other: Any) -> bool:
    """Whether two parts of JSON are equal, 1 and True or 1.0 being none the same."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _check_frozen(frozen: list[str], modules: dict[str, Module]) -> None:
    unknown = [place for place in frozen if place not in modules]
    if unknown:
        raise ValueError(f"it freezes {unknown[0]!r:.60}, which the model has not")


def _schema_for(document: dict[str, Any]) -> Schema | None:
    """The schema of the file; ValueError where it has not as many inputs or classes as the network."""
    if document.get("schema") is None:
        return None
    schema = Schema.from_state(document["schema"])
    inputs, outputs = _ends(document["architecture"])
    width = len(schema.scaler.means) if schema.scaler else len(schema.features)
    if width and inputs is not None and width != inputs:
        raise ValueError(f"it scales or encodes {width} inputs, and the network takes {inputs}")
    if schema.classes and outputs is not None and not schema.can_name(outputs):
        raise ValueError(f"it names {len(schema.classes)} classes, and the network has {outputs} outputs")
    return schema


def _ends(description: dict[str, Any]) -> tuple[int | None, int | None]:
    """How many inputs and outputs a described network has, as far as that can be told."""
    if "layers" in description:
        return _ends(description["layers"][0])[0], _ends(description["layers"][-1])[1]
    arguments = description.get("arguments", {})
    match description["module"]:
        case "MLP":
            return arguments["inputs"], arguments["sizes"][-1]
        case "Layer":
            return arguments["inputs"], arguments["outputs"]
        case "Neuron":
            return arguments["inputs"], 1
    return None, None


def _checked_size(document: dict[str, Any], path: str) -> None:
    """Nothing is made that the file has no numbers for."""
    try:
        wanted, given = number_of_parameters(document["architecture"]), len(document["state"])
    except (ValueError, RecursionError) as error:
        raise SavingError(f"{path} holds a model that cannot be made anew: {error}", path) from error
    if wanted > given:
        raise SavingError(f"{path} describes a model of {wanted} numbers, and holds {given}", path)


def _built(description: dict[str, Any], path: str) -> Module:
    kind = description["module"]
    if kind == "Sequential" and "layers" in description:
        return Sequential(*(_built(layer, path) for layer in description["layers"]))
    if kind not in KINDS or "arguments" not in description:
        raise SavingError(
            f"{path} holds a {kind:.60}, which is a class or function of your own: make one and load into "
            "it, load(path, into=model)",
            path,
        )
    try:
        return KINDS[kind](**description["arguments"])
    except (TypeError, ValueError) as error:
        raise SavingError(
            f"{path} holds a {kind} that cannot be made anew: {error}; of what is your own make one and load "
            "into it, load(path, into=model)",
            path,
        ) from error


def _words(description: dict[str, Any]) -> str:
    if "layers" in description:
        return f"Sequential({', '.join(map(_words, description['layers']))})"
    arguments = description.get("arguments") or {}
    return f"{description.get('module')}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})"
