"""Checkpoints: a run that goes on has the bits of one that never stopped, whatever ended it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from small_training import POINTS, small, train

from nn import MLP, SGD, Adam, Checkpoint, Dropout, Epoch, Layer, SavingError, Sequential, load, schedules
from nn.saving import read

ROOT = Path(__file__).parents[2]


# ── Checkpoints ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path, cut: int) -> None:
    def model() -> Sequential:
        return Sequential(Layer(2, 4, "tanh", seed=0), Dropout(0.2, seed=1), Layer(4, 1, "sigmoid", seed=2))

    def settings() -> dict[str, Any]:
        rate = schedules.Cosine(0.05, steps=18)
        return {"optimizer": Adam(rate), "validation": 0.25, "metrics": "accuracy", "early_stopping": 50}

    whole, first, second = model(), model(), model()
    expected = train(whole, **settings())
    path = tmp_path / "run.json"
    train(first, checkpoint=path, **{**settings(), "epochs": cut})
    history = train(second, checkpoint=path, resume=True, **settings())
    assert second.state() == whole.state()
    assert history.columns == expected.columns
    assert load(path, into=model()).state() is not None


def test_a_resumed_run_remembers_what_early_stopping_saw(tmp_path: Path) -> None:
    def settings() -> dict[str, Any]:
        rates = schedules.Step(0.01, every=15, factor=1e4)  # good for five epochs, far too large afterwards
        return {"optimizer": SGD(rates), "validation": POINTS, "early_stopping": 4}

    whole, first, second = small(), small(), small()
    expected = train(whole, epochs=50, **settings())
    path = tmp_path / "run.json"
    train(first, checkpoint=path, epochs=expected.best("validation loss")[0] + 2, **settings())
    history = train(second, checkpoint=path, resume=True, epochs=50, **settings())
    assert history.ended == expected.ended
    assert history.columns == expected.columns
    assert second.state() == whole.state()


def test_a_checkpoint_is_written_every_so_many_epochs_and_at_the_end(tmp_path: Path) -> None:
    written = []
    path = tmp_path / "run.json"

    def look(epoch: Epoch) -> None:
        written.append(path.exists() and path.stat().st_mtime_ns)

    train(small(), checkpoint=Checkpoint(path, every=4), callbacks=[look])
    assert [bool(stamp) for stamp in written] == [False, False, False, True, True, True]
    assert written[4] == written[3] != written[5]
    with pytest.raises(ValueError, match="every"):
        Checkpoint(path, every=0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"batch_size": 8}, "batch_size was 16 and is 8"),
        ({"optimizer": SGD(0.05)}, "optimizer was 'Adam' and is 'SGD'"),
        ({"optimizer": Adam(0.06)}, "another settings"),
        ({"early_stopping": 3}, "only one of the two runs has early stopping"),
        ({"loss": "mean_squared_error"}, "loss was 'binary_cross_entropy'"),
    ],
)
def test_a_checkpoint_of_another_run_changes_nothing(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    path = tmp_path / "run.json"
    train(small(), checkpoint=path, epochs=2)
    model = small(seed=5)
    before = model.state()
    with pytest.raises(SavingError, match=words):
        train(model, checkpoint=path, resume=True, **settings)
    assert model.state() == before


def test_a_checkpoint_of_another_architecture_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    train(small(), checkpoint=path, epochs=2)
    model = MLP(2, [5, 1], activation="tanh", output="sigmoid", seed=0)
    with pytest.raises(SavingError, match="another architecture"):
        train(model, checkpoint=path, resume=True)
    assert model.state() == MLP(2, [5, 1], activation="tanh", output="sigmoid", seed=0).state()


def test_a_checkpoint_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    model = small()
    for path, words in ((tmp_path, "is a folder"), (tmp_path / "no" / "run.json", "cannot be written")):
        with pytest.raises(SavingError, match=words):
            train(model, checkpoint=path)
    assert model.state() == small().state()


def test_killing_the_process_never_leaves_an_unreadable_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    program = textwrap.dedent(
        f"""
        from nn import MLP, Adam, data, fit
        points = data.moons(8, seed=0)
        fit(MLP(2, [40, 1], seed=0), points.inputs, points.targets, loss="mean_squared_error",
            optimizer=Adam(0.01), epochs=100_000, batch_size=None, checkpoint={str(path)!r}, resume=True,
            progress=False)
        """
    )
    epochs = []
    for attempt in range(6):
        process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
        begun = _stamp(path)
        while _stamp(path) == begun and process.poll() is None:
            time.sleep(0.005)
        time.sleep(0.013 * attempt)  # somewhere in the middle of computing or of writing
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        model = load(path)
        epochs.append(len(_history(path)))
        assert len(model.parameters()) == 161
    assert epochs == sorted(epochs)
    assert epochs[0] < epochs[-1]


def test_dying_while_the_checkpoint_is_written_leaves_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    program = textwrap.dedent(
        f"""
        import os, signal
        from nn import MLP, data, fit
        calls = []
        def die_at_the_third(number, fsync=os.fsync):
            calls.append(number)
            if len(calls) == 3: os.kill(os.getpid(), signal.SIGKILL)
            fsync(number)
        os.fsync = die_at_the_third
        points = data.moons(8, seed=0)
        fit(MLP(2, [4, 1], seed=0), points.inputs, points.targets, loss="mean_squared_error", epochs=9,
            checkpoint={str(path)!r}, progress=False)
        """
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(_history(path)) == 2
    assert len(load(path).parameters()) == 17


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _history(path: Path) -> list[float]:
    column: list[float] = read(path)["training"]["history"]["loss"]
    return column


def test_a_real_control_c_in_a_process() -> None:
    program = textwrap.dedent(
        """
        import signal
        from nn import MLP, data, fit
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a background job ignores
        points = data.moons(40, seed=0)
        def ready(epoch):
            if epoch.number == 2: print("ready", flush=True)
        history = fit(MLP(2, [8, 1], seed=0), points.inputs, points.targets, loss="mean_squared_error",
                      epochs=1_000_000, callbacks=[ready], progress=False)
        print(len(history) >= 2, history.ended.startswith("interrupted in epoch"))
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.read() == "True True\n"
    process.stdout.close()
    assert process.wait() == 0


@pytest.mark.parametrize("gear", ["eager", "replay"])
def test_a_thousand_steps_leave_nothing_behind(gear: str) -> None:
    """Graphs are freed by reference counting alone: with the collector off, not one object more is alive.

    In a process of its own, for the threads and caches of other tests make objects too.
    """
    program = textwrap.dedent(
        f"""
        import gc
        from nn import MLP, Adam, data, fit
        points = data.moons(4, seed=0)
        model, optimizer = MLP(2, [4, 1], activation="tanh", output="sigmoid", seed=0), Adam(0.01)
        gc.collect()
        gc.disable()
        for _ in range(3):
            fit(model, points.inputs, points.targets, loss="binary_cross_entropy", optimizer=optimizer,
                epochs=500, batch_size=None, gear={gear!r}, progress=False)
            print(len(gc.get_objects()))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    _, second, third = map(int, done.stdout.split())
    assert third - second < 50
