"""Where files are written, what cannot be written, and runs that go on with something else."""

from __future__ import annotations

import copy
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from nn import MLP, SGD, Layer, Module, SavingError, data, fit, load, load_optimizer, save, storage

ROOT = Path(__file__).parents[3]


def looks(model: Module) -> Any:
    return model.state(), model.schema, [part.frozen for _, part in model.modules()]


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
