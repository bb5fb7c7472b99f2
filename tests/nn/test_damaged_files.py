"""Files that something happened to: what is wrong is a SavingError, nothing is half-loaded or left over."""

from __future__ import annotations

import copy
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import threading
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
    storage,
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
    for at, wrong in some(product(places(whole), WRONG)):
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
    assert refused > share(100)


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
    assert refused > share(200)


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
    for document in many_damages(json.loads(path.read_text())):
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


# ── Where it is written ───────────────────────────────────────────────────────────────────────────


def small(size: int = 3) -> MLP:
    return MLP(2, [size, 1], seed=0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("there", [True, False])
def test_links_stay_links(tmp_path: Path, there: bool) -> None:
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "model.json"
    if there:
        save(small(), real)
    (tmp_path / "one.json").symlink_to(real)
    (tmp_path / "two.json").symlink_to("one.json")
    save(small(4), tmp_path / "two.json")
    assert (tmp_path / "two.json").is_symlink()
    assert (tmp_path / "one.json").is_symlink()
    assert len(load(real).parameters()) == 17
    assert names(tmp_path) == ["one.json", "real", "two.json"]
    assert names(tmp_path / "real") == ["model.json"]


@pytest.mark.parametrize("mode", [0o664, 0o600, 0o640, 0o606])
def test_a_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "model.json"
    save(small(), path)
    path.chmod(mode)
    save(small(4), path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_gets_the_mode_of_any_new_file(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        save(small(), tmp_path / "model.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model.json").stat().st_mode) == 0o666 & ~mask


def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "gone").symlink_to(tmp_path / "no" / "folder")
    (tmp_path / "folder").mkdir()
    before = names(tmp_path)
    paths: list[str | Path] = [
        "/dev/null",
        tmp_path / "pipe",
        tmp_path / "loop",
        tmp_path / "folder",
        "a\0b",
        tmp_path / "gone",
    ]
    for path in paths:
        with pytest.raises(SavingError, match="cannot be written"):
            save(small(), path)
        with pytest.raises(SavingError, match="cannot be written"):
            storage.check_writable(path)
        with pytest.raises(SavingError, match="cannot be read"):
            load(path)
    assert names(tmp_path) == before
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_file_that_may_not_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.json"
    save(small(), path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # a superuser may write everything
    with pytest.raises(SavingError, match="write-protected"):
        save(small(4), path)
    assert len(load(path).parameters()) == 13


@pytest.mark.parametrize("length", [200, 255])
def test_names_as_long_as_they_may_be(tmp_path: Path, length: int) -> None:
    for name in ("m" * (length - 5) + ".json", "ü" * ((length - 5) // 2) + ".json"):
        save(small(), tmp_path / name)
        assert len(load(tmp_path / name).parameters()) == 13


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["fsync", "fdopen"])
def test_trouble_while_writing_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException, call: str
) -> None:
    path = tmp_path / "model.json"
    save(small(), path)

    def fails(*_: Any, **__: Any) -> None:
        raise trouble

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(SavingError if isinstance(trouble, OSError) else KeyboardInterrupt):
        save(small(4), path)
    monkeypatch.undo()
    assert names(tmp_path) == ["model.json"]
    assert len(load(path).parameters()) == 13


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    (tmp_path / ".other.json.12345678.partial").write_text("of another file")
    program = f"""
        import os, signal
        from nn import MLP, save
        os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)
        save(MLP(2, [3, 1], seed=0), {str(path)!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2
    storage.check_writable(path)
    assert names(tmp_path) == [".other.json.12345678.partial"]
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=False)
    save(small(), path)
    assert names(tmp_path) == [".other.json.12345678.partial", "model.json"]


def test_many_who_save_to_one_file_do_not_take_it_from_one_another(tmp_path: Path) -> None:
    path, troubles = tmp_path / "model.json", []

    def work(size: int) -> None:
        try:
            for _ in range(25):
                save(small(size), path)
                assert len(load(path).parameters()) in (13, 17, 21)
        except BaseException as trouble:  # noqa: BLE001  (looked at below, outside the thread)
            troubles.append(trouble)

    threads = [threading.Thread(target=work, args=(size,)) for size in (3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert names(tmp_path) == ["model.json"]


# ── What cannot be written ────────────────────────────────────────────────────────────────────────


class Own(Module):
    def __init__(self, thing: Any) -> None:
        self.thing, self.layer = thing, Layer(1, 1, seed=0)

    def arguments(self) -> dict[str, Any]:
        return {"thing": self.thing}


class Mine(SGD):
    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.more = rate


@pytest.mark.parametrize(
    "thing", [object(), {1, 2}, 1j, float("nan"), b"bytes"], ids=lambda thing: type(thing).__name__
)
def test_arguments_that_json_has_no_word_for(tmp_path: Path, thing: Any) -> None:
    with pytest.raises(SavingError, match=r"model\.json"):
        save(Own(thing), tmp_path / "model.json")
    assert names(tmp_path) == []


def test_an_optimizer_of_ones_own_is_told_to_be_that(tmp_path: Path) -> None:
    save(small(), tmp_path / "model.json", optimizer=Mine(0.1))
    assert len(load(tmp_path / "model.json").parameters()) == 13
    with pytest.raises(SavingError, match="holds a Mine, an optimizer of your own"):
        load_optimizer(tmp_path / "model.json")


def test_an_optimizer_of_ones_own_can_be_resumed(tmp_path: Path) -> None:
    one, other = small(), small()
    told: dict[str, Any] = {"loss": "mean_squared_error", "progress": False}
    line = [[0.1 * k, 0.2] for k in range(8)], [0.1 * k for k in range(8)]
    fit(one, *line, epochs=4, optimizer=Mine(0.1), **told)
    for epochs in (2, 4):
        fit(other, *line, epochs=epochs, optimizer=Mine(0.1), checkpoint=tmp_path / "r", resume=True, **told)
    assert one.state() == other.state()


# ── Going on with something else ──────────────────────────────────────────────────────────────────


def changed(rows: list[Any], place: int, number: Any) -> list[Any]:
    rows = copy.deepcopy(rows)
    rows[place] = number
    return rows


INPUTS, TARGETS = [[0.1 * k, 0.2] for k in range(8)], [k % 2 for k in range(8)]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"inputs": changed(INPUTS, 5, [0.5, 0.2000001])}, "the inputs are not the same"),
        ({"inputs": [*INPUTS[1:], INPUTS[0]]}, "the inputs are not the same"),
        ({"targets": changed(TARGETS, 3, 0)}, "the targets are not the same"),
        ({"sample_weight": [1] * 7 + [2]}, "the weights are not the same"),
        ({"class_weight": {1: 2}}, "the weights are not the same"),
        ({"scaler": data.Scaler()}, "the inputs are not the same"),
        ({"validation": (INPUTS, changed(TARGETS, 0, 1))}, "the validation targets are not the same"),
        ({"targets": ["no" if k % 2 else "yes" for k in range(8)]}, "the targets are not the same"),
        ({"targets": ["yes" if k % 2 else "no" for k in range(8)]}, "classes was"),
    ],
)
def test_a_run_on_other_data_is_not_gone_on_with(tmp_path: Path, told: dict[str, Any], words: str) -> None:
    path = tmp_path / "run.json"

    def run(
        model: Module,
        inputs: Any = INPUTS,
        targets: Any = TARGETS,
        validation: Any = (INPUTS, TARGETS),
        **more: Any,
    ) -> None:
        fit(
            model,
            inputs,
            targets,
            validation=validation,
            loss="binary_cross_entropy_with_logits",
            epochs=2,
            checkpoint=path,
            resume=True,
            progress=False,
            **more,
        )

    run(small())
    model = small()
    before = looks(model)
    with pytest.raises(SavingError, match=words):
        run(model, **told)
    assert looks(model) == before
    run(small())


def test_a_metric_that_is_no_number_does_not_end_a_run_with_checkpoints(tmp_path: Path) -> None:
    def odd(truths: Any, answers: Any) -> float:
        return float("nan")

    told: dict[str, Any] = {"loss": "binary_cross_entropy_with_logits", "progress": False, "metrics": [odd]}
    for epochs in (2, 3):
        history = fit(small(), INPUTS, TARGETS, epochs=epochs, checkpoint=tmp_path / "r", resume=True, **told)
    assert len(history["odd"]) == 3
    assert all(x != x for x in history["odd"])
