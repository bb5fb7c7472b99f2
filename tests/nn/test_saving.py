import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nn import (
    MLP,
    SGD,
    Adam,
    Dropout,
    Embedding,
    Layer,
    Module,
    Neuron,
    SavingError,
    Sequential,
    load,
    load_optimizer,
    save,
)
from nn.saving import check_writable

ROOT = Path(__file__).parents[2]
SAMPLE = [[0.3, -0.7]]


class Own(Module):
    def __init__(self, size: int) -> None:
        self.layer = Layer(2, size, "linear", seed=0)

    def __call__(self, inputs: Any, /) -> Any:
        return self.layer(inputs)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.json"
    save(MLP(2, [3, 1], activation="tanh", output="sigmoid", seed=0), path)
    return path


@pytest.mark.parametrize(
    "model",
    [
        MLP(2, [4, 3], activation="elu", output="softmax", seed=0),
        Layer(2, 2, "tanh", seed=1),
        Neuron(2, "sigmoid", seed=2),
        Sequential(Layer(2, 3, "relu", seed=3), Dropout(0.5), Layer(3, 1, "linear", seed=4)),
    ],
    ids=repr,
)
def test_a_model_comes_back_with_the_same_bits(tmp_path: Path, model: Module) -> None:
    path = tmp_path / "model.json"
    save(model, path)
    again = load(path)
    assert repr(again) == repr(model)
    assert again.state() == model.state()
    assert list(again.named_parameters()) == list(model.named_parameters())
    assert again.predict(SAMPLE) == model.predict(SAMPLE)


def test_an_embedding_comes_back(tmp_path: Path) -> None:
    table = Embedding(3, 2, seed=0)
    save(table, tmp_path / "table.json")
    assert load(tmp_path / "table.json").predict([1]) == table.predict([1])


def test_another_process_predicts_the_same_bits(saved: Path) -> None:
    program = f"from nn import load; print([x.hex() for x in load({str(saved)!r}).predict({SAMPLE})[0]])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == repr([x.hex() for x in load(saved).predict(SAMPLE)[0]])


def test_the_file_is_readable_and_says_what_it_is(saved: Path) -> None:
    document = json.loads(saved.read_text(encoding="utf-8"))
    assert (document["format"], document["version"]) == ("scalar-autograd model", 1)
    assert document["architecture"]["module"] == "MLP"
    assert "layers[0].neurons[2].weights[1]" in document["state"]


def test_frozen_parts_stay_frozen(tmp_path: Path) -> None:
    model = MLP(2, [3, 1], seed=0)
    model.layers[0].freeze()
    save(model, tmp_path / "model.json")
    assert len(load(tmp_path / "model.json").parameters()) == 4


def test_the_optimizer_is_saved_with_what_it_remembers(tmp_path: Path) -> None:
    model, optimizer = MLP(2, [1], seed=0), Adam(0.1)
    for parameter in model.parameters():
        parameter.grad = 1.0
    optimizer.step(model.parameters())
    save(model, tmp_path / "model.json", optimizer=optimizer)
    assert load_optimizer(tmp_path / "model.json").state() == optimizer.state()


def test_a_model_saved_alone_has_no_optimizer(saved: Path) -> None:
    with pytest.raises(SavingError, match="without an optimizer"):
        load_optimizer(saved)


def _truncated(text: str) -> str:
    return text[: len(text) // 2]


def _edited(text: str) -> str:
    return text.replace('bias": 0.0', 'bias": 0.5', 1)


def _newer(text: str) -> str:
    return text.replace('"version": 1', '"version": 2')


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_truncated, "truncated"),
        (_edited, "was changed after it was saved"),
        (_newer, "format version 2.*newer program"),
        (lambda _: "", "truncated or no model"),
        (lambda _: "[1, 2]", "is no model that was saved here"),
        (lambda _: '{"a": 1}', "is no model that was saved here"),
        (lambda _: "\x80", "truncated or no model|cannot be read"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_loads_nothing(saved: Path, change: Any, words: str) -> None:
    text = saved.read_text(encoding="utf-8")
    assert change(text) != text
    saved.write_text(change(text), encoding="utf-8")
    model = MLP(2, [3, 1], activation="tanh", output="sigmoid", seed=9)
    before = model.state()
    with pytest.raises(SavingError, match=words) as caught:
        load(saved, into=model)
    assert caught.value.path == str(saved)
    assert model.state() == before


def test_bytes_that_are_no_text(saved: Path) -> None:
    saved.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SavingError, match="cannot be read"):
        load(saved)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SavingError, match="cannot be read"):
        load(tmp_path / "nothing.json")


def test_a_wrong_architecture_loads_nothing(saved: Path) -> None:
    model = MLP(2, [4, 1], activation="tanh", output="sigmoid", seed=9)
    before = model.state()
    with pytest.raises(
        SavingError, match=r"another architecture: it is MLP.*\[3, 1\].*and the model is MLP.*\[4, 1\]"
    ):
        load(saved, into=model)
    assert model.state() == before


def test_a_class_of_ones_own_is_loaded_into_an_instance(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    save(Own(2), path)
    with pytest.raises(SavingError, match=r"holds a Own, which is a class or function of your own"):
        load(path)
    other = Own(2)
    other.layer.neurons[0].bias.data = 5.0
    load(path, into=other)
    assert other.state() == Own(2).state()
    with pytest.raises(SavingError, match="does not fit"):
        load(path, into=Own(3))


def test_a_function_of_ones_own_is_not_made_up(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    save(MLP(2, [2, 1], activation=lambda x: x * x, seed=0), path)
    with pytest.raises(SavingError, match=r"made anew: unknown activation .* load\(path, into=model\)"):
        load(path)


def test_a_number_that_is_not_finite_is_not_saved(saved: Path) -> None:
    before = saved.read_text(encoding="utf-8")
    model = load(saved)
    model.parameters()[0].data = float("nan")
    with pytest.raises(SavingError, match="not finite"):
        save(model, saved)
    assert saved.read_text(encoding="utf-8") == before


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "model.json", tmp_path):
        with pytest.raises(SavingError):
            save(MLP(1, [1], seed=0), path)
        with pytest.raises(SavingError):
            check_writable(path)
    assert list(tmp_path.iterdir()) == []


def test_saving_leaves_no_other_file_behind(saved: Path) -> None:
    save(MLP(2, [1], seed=0), saved, optimizer=SGD(0.1))
    assert [file.name for file in saved.parent.iterdir()] == ["model.json"]


def test_whoever_looks_while_a_file_is_replaced_sees_a_whole_one(tmp_path: Path) -> None:
    path, model = tmp_path / "model.json", Layer(60, 60, "linear", seed=0)
    save(model, path)
    whole, done, torn = len(path.read_bytes()), threading.Event(), []

    def look() -> None:
        while not done.is_set():
            if len(path.read_bytes()) != whole:
                torn.append(path)

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(25):
        save(model, path)
    done.set()
    watcher.join()
    assert torn == []
