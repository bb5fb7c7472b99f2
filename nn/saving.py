"""Saving: a model, and a training run, as one readable JSON file; written whole or not at all.

    {"format": "scalar-autograd model", "version": 1, "architecture": …, "frozen": …, "state": {path: number},
     "optimizer": …, "training": …, "checksum": …}

Numbers are written so that they are read back with the same bits. Nothing in a file is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nn.errors import SavingError
from nn.modules.attention import CausalSelfAttention, RMSNorm
from nn.modules.layers import MLP, Dropout, Embedding, Layer, Neuron, Sequential
from nn.modules.module import Module
from nn.training.optimizers import Optimizer

__all__ = ["load", "load_optimizer", "read", "save", "write"]

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
    write(path, model, optimizer)


def load(path: str | Path, *, into: Module | None = None) -> Module:
    """The model from a file: made anew, or, for a model of a class of your own, loaded `into` yours.

    Raises SavingError, with nothing half-loaded, for a file that is missing, truncated, edited, of a newer
    format, or of another architecture than `into`.
    """
    document = read(path)
    model = into if into is not None else _built(document["architecture"], str(path))
    restore(model, document, str(path))
    return model


def load_optimizer(path: str | Path) -> Optimizer:
    """The optimizer that was saved with a model, ready to go on; SavingError when there is none."""
    state = read(path)["optimizer"]
    if state is None:
        raise SavingError(
            f"{path} holds a model without an optimizer; save(model, path, optimizer=…)", str(path)
        )
    return Optimizer.from_state(state)


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
        "optimizer": optimizer.state() if optimizer else None,
        "training": training,
    }
    try:
        document["checksum"] = _checksum(document)
        text = json.dumps(document, allow_nan=False)
    except ValueError:
        raise SavingError(f"a number that is not finite cannot be saved to {path}", str(path)) from None
    _replace(Path(path), text)


def check_writable(path: str | Path) -> None:
    """Raise SavingError when a file could not be written there."""
    target = Path(path)
    if target.is_dir():
        raise SavingError(f"{path} is a folder; give the name of a file", str(path))
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}."):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def _replace(target: Path, text: str) -> None:
    """Write beside the target, make sure that it is on the disk, only then put it in the target's place."""
    beside = None
    try:
        number, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".partial")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(target)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        if beside is not None:
            with suppress(FileNotFoundError):
                Path(beside).unlink()


def _unwritable(path: str | Path, error: OSError) -> SavingError:
    return SavingError(f"{path} cannot be written: {error.strerror or error}", str(path))


def read(path: str | Path) -> dict[str, Any]:
    """The contents of a file, proved to be whole and of a format that is known."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        document = json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise SavingError(f"{path} cannot be read: {error}", str(path)) from error
    except json.JSONDecodeError as error:
        raise SavingError(f"{path} is truncated or no model: it is not JSON ({error})", str(path)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SavingError(f"{path} is no model that was saved here: it does not say {FORMAT!r}", str(path))
    version = document.get("version")
    if version != VERSION:
        raise SavingError(
            f"{path} has format version {version}, and this program reads version {VERSION}; "
            "it was written by a newer program: update this one",
            str(path),
        )
    if document.pop("checksum", None) != _checksum(document):
        raise SavingError(f"{path} was changed after it was saved: its checksum does not fit", str(path))
    return document


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


def restore(model: Module, document: dict[str, Any], path: str) -> None:
    """Set the parameters to those of the file; SavingError, with nothing changed, if it is another model."""
    expected, found = architecture(model), document["architecture"]
    if json.loads(json.dumps(expected)) != found:
        raise SavingError(
            f"{path} holds another architecture: it is {_words(found)}, and the model is {_words(expected)}",
            path,
        )
    try:
        model.load_state(document["state"])
    except ValueError as error:
        raise SavingError(f"{path} does not fit the model: {error}", path) from error
    for place, module in model.modules():
        module.frozen = place in document["frozen"]


def _built(description: dict[str, Any], path: str) -> Module:
    kind = description.get("module", "")
    if kind == "Sequential":
        return Sequential(*(_built(layer, path) for layer in description["layers"]))
    if kind not in KINDS:
        raise SavingError(
            f"{path} holds a {kind}, which is a class or function of your own: make one and load into it, "
            "load(path, into=model)",
            path,
        )
    try:
        return KINDS[kind](**description["arguments"])
    except (TypeError, ValueError) as error:
        raise SavingError(f"{path} holds a {kind} that cannot be made anew: {error}", path) from error


def _words(description: dict[str, Any]) -> str:
    if "layers" in description:
        return f"Sequential({', '.join(map(_words, description['layers']))})"
    arguments = description.get("arguments") or {}
    return f"{description.get('module')}({', '.join(f'{k}={v!r}' for k, v in arguments.items())})"
