"""Files that something happened to: what is wrong is a SavingError, nothing is half-loaded or left over."""

from __future__ import annotations

import copy
import json
import resource
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from effort import share, some

import nn
from nn import (
    MLP,
    SGD,
    Adam,
    CausalSelfAttention,
    Dropout,
    EarlyStopping,
    Embedding,
    Layer,
    Module,
    Neuron,
    Optimizer,
    RMSNorm,
    RMSProp,
    SavingError,
    Sequential,
    data,
    fit,
    load,
    load_optimizer,
    save,
)
from nn.data.columns import Column
from nn.data.schema import Schema
from nn.saving import _checksum
from nn.training.schedules import Cosine, Linear, Step, WarmUp

ROOT = Path(__file__).parent.parent.parent
BLOBS = data.blobs(12, seed=0)


def with_schema() -> Module:
    model = MLP(2, [2, 3], seed=0)
    fit(
        model,
        BLOBS,
        loss="cross_entropy_with_logits",
        epochs=1,
        scaler=data.Scaler(),
        progress=False,
        gear="eager",
    )
    model.layers[0].freeze()
    return model


def of_table() -> Module:
    columns = (Column("a", (), 1.5), Column("b", ("red", "blue"), "red"))
    model = MLP(3, [1], output="sigmoid", seed=0)
    model.schema = Schema(columns, None, ("no", "yes"), "probability")
    return model


MODELS: dict[str, Callable[[], Module]] = {
    "with a schema": with_schema,
    "of a table": of_table,
    "sequential": lambda: Sequential(
        Layer(2, 2, seed=0), Dropout(0.5), RMSNorm(2), Sequential(Neuron(2, seed=0))
    ),
    "embedding": lambda: Embedding(2, 1, seed=0),
    "attention": lambda: CausalSelfAttention(1, seed=0),
}
OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "adam": lambda: Adam(WarmUp(2, then=Cosine(0.1, steps=5)), clip_norm=1.0),
    "sgd": lambda: SGD(Linear(0.1, steps=3, end=0.01), momentum=0.9, nesterov=True, weight_decay=0.1),
    "rmsprop": lambda: RMSProp(Step(0.1, every=2), clip_value=1.0),
}

DELETED, LONGER = object(), object()
WRONG = [
    None,
    True,
    -1,
    3,
    2.5,
    10**400,
    "",
    "Adam",
    [],
    [1],
    [[None]],
    {},
    {"module": "MLP"},
    DELETED,
    LONGER,
]


def places(part: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a document."""
    if at:
        yield at
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, member in inner:
        yield from places(member, (*at, name))


def damaged(document: dict[str, Any], at: tuple[Any, ...], wrong: Any) -> dict[str, Any]:
    """The document, sealed again, with something wrong in one place."""
    document = copy.deepcopy(document)
    *way, last = at
    part: Any = document
    for name in way:
        part = part[name]
    if wrong is DELETED:
        del part[last]
    elif wrong is not LONGER:
        part[last] = wrong
    elif isinstance(part[last], list):
        part[last] += part[last][:1] or [1]
    elif isinstance(part[last], dict):
        part[last]["more"] = 1
    return sealed(document)


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    document = {name: part for name, part in document.items() if name != "checksum"}
    return {**document, "checksum": _checksum(document)}


def many_damages(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The document with everything wrong that there is, in every place."""
    whole = {name: part for name, part in document.items() if name != "checksum"}
    for at, wrong in product(places(whole), WRONG):
        yield damaged(document, at, wrong)


def looks(model: Module) -> Any:
    return model.state(), model.schema, [part.frozen for _, part in model.modules()]


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_that_is_wrong_anywhere_is_refused_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.json"
    model = MODELS[kind]()
    save(model, path)
    refused = 0
    for document in many_damages(json.loads(path.read_text())):
        path.write_text(json.dumps(document))
        before = looks(model)
        try:
            load(path)
        except SavingError:
            refused += 1
        try:
            load(path, into=model)
        except SavingError:
            assert looks(model) == before
    assert refused > 100


@pytest.mark.parametrize(
    ("at", "wrong", "words"),
    [
        (("frozen",), ["layers[7]"], r"freezes 'layers\[7\]', which the model has not"),
        (("frozen",), ["", ""], "frozen must be different texts"),
        (("state", "layers[0].neurons[0].bias"), "0", r"state\['layers.*bias'\] must be a finite number"),
        (("state",), {}, "describes a model of 15 numbers, and holds 0"),
        (("schema", "scaler", "means"), [1.0], "a number above 0 for each of the means"),
        (("schema", "scaler"), {"means": [1.0], "scales": [2.0]}, "scales or encodes 1 inputs, .* takes 2"),
        (("schema", "scaler", "scales"), [1.0, 0.0], "a number above 0"),
        (("schema", "classes"), ["a", "b"], "names 2 classes, and the network has 3 outputs"),
        (("schema", "decision"), "guess", "one of number, probability, logit, sign, largest"),
        (("schema", "decision"), "number", "the names that 'number' chooses among"),
        (("architecture", "arguments", "inputs"), True, "inputs must be a whole number"),
        (("architecture", "arguments", "seed"), 3, "another architecture"),
        (("architecture", "arguments", "activation"), "magic", "unknown activation 'magic'"),
        (("architecture", "module"), "Sequential", "which is a class or function of your own"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, at: tuple[str, ...], wrong: Any, words: str) -> None:
    path = tmp_path / "model.json"
    save(with_schema(), path)
    path.write_text(json.dumps(damaged(json.loads(path.read_text()), at, wrong)))
    with pytest.raises(SavingError, match=words):
        load(path)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_an_optimizer_that_is_wrong_anywhere_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.json"
    model, optimizer = Neuron(1, seed=0), OPTIMIZERS[kind]()
    for _ in range(2):
        for parameter in model.parameters():
            parameter.grad = 1.0
        optimizer.step(model.parameters())
    save(model, path, optimizer=optimizer)
    refused = 0
    for document in many_damages(json.loads(path.read_text())):
        path.write_text(json.dumps(document))
        try:
            again = load_optimizer(path)
        except SavingError:
            refused += 1
        else:
            count = len(next(iter(again.memory.values()), [0.0, 0.0]))
            again.update([1.0] * count, [0.5] * count)
    assert refused > 200


def test_a_checkpoint_that_is_wrong_anywhere_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.json"

    def run(model: Module, optimizer: Optimizer, epochs: int, resume: bool) -> None:
        fit(
            model,
            BLOBS,
            loss="cross_entropy_with_logits",
            epochs=epochs,
            optimizer=optimizer,
            validation=0.25,
            metrics=["accuracy"],
            early_stopping=EarlyStopping(5),
            checkpoint=path,
            resume=resume,
            progress=False,
            gear="eager",
        )

    run(Layer(2, 3, "linear", seed=0), Adam(0.01), 2, resume=False)
    refused = 0
    for document in some(many_damages(json.loads(path.read_text()))):
        path.write_text(json.dumps(document))
        model, optimizer = Layer(2, 3, "linear", seed=5), Adam(0.01)
        before = looks(model), optimizer.state()
        try:
            run(model, optimizer, 3, resume=True)
        except SavingError:
            refused += 1
            assert (looks(model), optimizer.state()) == before
        except nn.TrainingError:  # an optimizer's memory of 10 to the power of anything
            pass
    assert refused > share(500)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"z":' + "9" * 5_000 + "}",
        '{"format": "scalar-autograd model", "version": NaN}',
        '{"format": "scalar-autograd model", "version": 1, "state": Infinity}',
        '{"format": "scalar-autograd model", "version": true}',
        '{"format": "scalar-autograd model", "version": 1, "architecture": "\\ud800"}',
        "\x00" * 100,
        "\ufeff{}",
    ],
    ids=range(12),
)
def test_a_text_that_is_no_model(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    for read in (load, load_optimizer):
        with pytest.raises(SavingError, match=r"x\.json"):
            read(tmp_path / "x.json")


def test_every_byte_of_a_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    save(with_schema(), path, optimizer=Adam())
    whole = path.read_bytes()
    for place in some(range(len(whole))):
        flipped = bytes([*whole[:place], whole[place] ^ (1 << place % 8), *whole[place + 1 :]])
        for damage in (whole[:place], flipped, whole[:place] + whole[place + 1 :]):
            path.write_bytes(damage)
            try:
                model = load(path)
            except SavingError:
                continue
            assert json.loads(damage) == json.loads(whole)  # a space more or less between its parts
            assert looks(model) == looks(with_schema())


def test_layers_within_layers_without_end(tmp_path: Path) -> None:
    save(Sequential(Neuron(1, seed=0)), tmp_path / "x.json")
    document = json.loads((tmp_path / "x.json").read_text())
    for _ in range(400):
        document["architecture"] = {"module": "Sequential", "layers": [document["architecture"]]}
    (tmp_path / "x.json").write_text(json.dumps(sealed(document)))
    with pytest.raises(SavingError, match="deeper than 50 modules"):
        load(tmp_path / "x.json")
    model: Module = Neuron(1, seed=0)
    for _ in range(60):
        model = Sequential(model)
    with pytest.raises(SavingError, match="deeper than 50 modules"):
        save(model, tmp_path / "y.json")


@pytest.mark.parametrize(
    "described",
    [
        {
            "module": "MLP",
            "arguments": {"inputs": 10**8, "sizes": [3, 1], "activation": "relu", "output": "linear"},
        },
        {
            "module": "MLP",
            "arguments": {"inputs": 2, "sizes": [10**9], "activation": "relu", "output": "linear"},
        },
        {"module": "Layer", "arguments": {"inputs": 1, "outputs": 10**9, "activation": "relu"}},
        {"module": "Neuron", "arguments": {"inputs": 10**9, "activation": "relu"}},
        {"module": "Embedding", "arguments": {"count": 10**5, "size": 10**5}},
        {"module": "RMSNorm", "arguments": {"size": 10**9, "epsilon": 1e-5}},
        {"module": "CausalSelfAttention", "arguments": {"size": 10**5, "heads": 1}},
        {
            "module": "Sequential",
            "layers": [{"module": "RMSNorm", "arguments": {"size": 10**9, "epsilon": 1}}],
        },
    ],
    ids=lambda described: described["module"],
)
def test_a_small_file_makes_nothing_huge(tmp_path: Path, described: dict[str, Any]) -> None:
    path = tmp_path / "x.json"
    save(MLP(2, [3, 1], seed=0), path)
    document = {**json.loads(path.read_text()), "architecture": described}
    path.write_text(json.dumps(sealed(document)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SavingError, match="numbers, and holds 13"):
        load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
